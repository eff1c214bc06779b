"""Who is who in a demo company that is there already, read back from its rows; and the stage stories are told on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.content import marlow
from portal.demo.organisation import Cast, Member
from portal.demo.tales import Stage
from portal.desk.models import PromiseVersion, Service
from portal.kernel.db import db
from portal.people import calendars
from portal.people.calendar import WorkCalendar
from portal.people.models import Department, Location, Person

ASKER, HOME = -77_001, -77_002
"""Numbers that stand for whoever asks and their department until somebody is chosen."""
HOME_KEY, NAME = "home of the asker", "\ue000asker\ue000"
SHIPPED = "MC-%"
"""Staff numbers of the living demo."""


@dataclass(frozen=True)
class Theatre:
    """The stage, and what every service promises, in which hours."""

    stage: Stage
    hours: Mapping[int, tuple[int, WorkCalendar]]
    always: tuple[int, WorkCalendar]
    promises: Mapping[int, tuple[int, Mapping[str, Any]]]


def theatre(now: datetime) -> Theatre:
    """Everything stories need, as of ``now``; reads only."""
    cast = _cast()
    services = {row.key: row for row in db.session.scalars(sa.select(Service))}
    versions = {own: calendars.department_version(own) for key, own in cast.departments.items() if key != HOME_KEY}
    hours = {own: (number, calendars.work_calendar(number)) for own, number in versions.items()}
    always = calendars.round_the_clock_version()
    promises = {row.service_id: (row.id, row.targets) for row in db.session.scalars(sa.select(PromiseVersion).order_by(PromiseVersion.version))}
    db.session.expunge_all()
    stage = Stage(cast, services, {own: calendar for own, (_, calendar) in hours.items()}, now)
    return Theatre(stage, hours, (always, calendars.work_calendar(always)), promises)


def stand_in(member: Member) -> Member:
    """The one who asks, without a face."""
    return replace(member, id=ASKER, first=NAME, department=HOME_KEY)


def _cast() -> Cast:
    company, cast = marlow.company(), Cast()
    names = {row.name: row.id for row in db.session.execute(sa.select(Location.name, Location.id))}
    for location in company.locations:
        cast.locations[location.key] = names[location.name]
        cast.place_names |= {place.key: place.name for place in location.places}
        cast.place_sites |= {place.key: location.key for place in location.places}
    keys = {row.key: row for row in db.session.execute(sa.select(Department.key, Department.id, Department.name))}
    for shipped in company.departments:
        row = keys[shipped.key]
        cast.departments[shipped.key], cast.names[shipped.key] = row.id, row.name
        cast.fulfillers[row.id] = list(shipped.fulfillers)
    cast.departments[HOME_KEY] = HOME
    _members(cast)
    return cast


def _members(cast: Cast) -> None:
    stories = {f"{person.first} {person.last}": person for person in marlow.company().people}
    departments, sites = ({number: key for key, number in found.items()} for found in (cast.departments, cast.locations))
    first_place = {site: place for place, site in reversed(cast.place_sites.items())}
    columns = (Person.id, Person.name, Person.given_name, Person.department_id, Person.location_id)
    for row in db.session.execute(sa.select(*columns).where(Person.staff_number.like(SHIPPED)).order_by(Person.id)):
        if row.department_id not in departments or row.location_id not in sites:
            continue  # somebody moved them after the demo was made
        story, site = stories.get(row.name), sites[row.location_id]
        key = story.key if story else row.name.lower().replace(" ", "-")
        place = story.place if story else first_place[site]
        cast.members[key] = Member(row.id, key, row.name, row.given_name, departments[row.department_id], site, place)
        cast.by_department[departments[row.department_id]].append(key)
