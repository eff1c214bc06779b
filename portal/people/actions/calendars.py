"""Working hours and locations: a change is always a new version, so that running clocks keep what was promised."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.contracts.people import CalendarChanged, LocationChanged
from portal.kernel import activity
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people import calendars, rules
from portal.people.calendar import WorkCalendar
from portal.people.models import Calendar, CalendarVersion, Location


@dataclass(frozen=True)
class Hours:
    """What a version says: intervals by weekday ("0" is Monday) and by ISO date."""

    zone: str
    hours: dict[str, Any]
    country: str | None = None
    subdivision: str | None = None
    overrides: dict[str, Any] = field(default_factory=dict)


def candidate(hours: Hours, now: datetime) -> WorkCalendar:
    """The calendar these values would make; Refusal with the reason when they make none. Nothing is written."""
    if not rules.is_zone(hours.zone):
        raise Refusal(say("We do not know this time zone. Choose one such as Europe/Berlin."), field="zone")
    holidays = calendars.public_holidays(hours.country, hours.subdivision, now)
    try:
        calendar = calendars.build(hours.zone, hours.hours, holidays, hours.overrides)
    except ValueError:
        raise Refusal(say("Write hours like 8:00-12:00, 13:00-17:30. An opening and its closing differ.")) from None
    calendars.check(calendar, now)
    return calendar


def add_calendar(name: str, hours: Hours, *, actor: Actor, now: datetime) -> CalendarVersion:
    """A new set of working hours."""
    if db.session.scalar(sa.select(Calendar.id).where(sa.func.lower(Calendar.name) == name.lower())) is not None:
        raise Refusal(say("There are working hours with this name already."), field="name")
    candidate(hours, now)
    version = calendars.create(name, **_stored(hours), by=actor.person_id, now=now)
    _record(version, actor, now)
    return version


def change_calendar(calendar: Calendar, hours: Hours, *, seen_version: int, actor: Actor, now: datetime) -> CalendarVersion:
    """Write the next version; Conflict when somebody else wrote one since this page was opened. Same values write nothing."""
    newest = calendars.current_version(calendar.id)
    if newest.version != seen_version:
        raise Conflict(say("Somebody changed these hours a moment ago. Have a look at them before you go on."))
    candidate(hours, now)
    if _same(newest, hours):
        return newest
    version = calendars.add_version(calendar.id, newest.version + 1, **_stored(hours), by=actor.person_id, now=now)
    _record(version, actor, now)
    return version


def _stored(hours: Hours) -> dict[str, Any]:
    return {"zone": hours.zone, "hours": hours.hours, "country": hours.country, "subdivision": hours.subdivision, "overrides": hours.overrides}


def _same(version: CalendarVersion, hours: Hours) -> bool:
    now_there = (version.zone, version.country, version.subdivision, version.overrides)
    week = {day: spans for day, spans in version.hours.items() if spans}
    return now_there == (hours.zone, hours.country, hours.subdivision, hours.overrides) and week == {d: s for d, s in hours.hours.items() if s}


def _record(version: CalendarVersion, actor: Actor, now: datetime) -> None:
    activity.record(CalendarChanged(version.calendar_id, version.id), actor=actor, subject=("people.calendar", version.calendar_id), at=now)


@dataclass(frozen=True)
class LocationFacts:
    """What administrators say about a location."""

    name: str
    zone: str
    country: str | None = None
    subdivision: str | None = None
    address: str = ""


def save_location(location: Location | None, facts: LocationFacts, *, actor: Actor, now: datetime) -> Location:
    """Add or change a location."""
    own = location.id if location else 0
    if db.session.scalar(sa.select(Location.id).where(sa.func.lower(Location.name) == facts.name.lower(), Location.id != own)) is not None:
        raise Refusal(say("There is a location with this name already."), field="name")
    if not rules.is_zone(facts.zone):
        raise Refusal(say("We do not know this time zone. Choose one such as Europe/Berlin."), field="zone")
    calendars.public_holidays(facts.country, facts.subdivision, now)
    if location is None:
        location = Location(name=facts.name, zone=facts.zone)
        db.session.add(location)
    location.name, location.zone, location.address = facts.name, facts.zone, facts.address
    location.country, location.subdivision = facts.country, facts.subdivision
    db.session.flush()
    activity.record(LocationChanged(location.id), actor=actor, subject=("people.location", location.id), at=now)
    return location
