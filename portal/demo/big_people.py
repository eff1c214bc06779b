"""The other people of a big company: teams of a hundred and twenty with a lead, below divisions, written a few teams at a time."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.content import marlow
from portal.demo.big_prints import Asker
from portal.demo.organisation import address_of
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people import rules
from portal.people.models import Department, Kind, Location, Person

TEAM, DIVISION, AT_ONCE = 120, 20, 16
"""People of a team, teams of a division, and teams that are written in one unit of work."""
PREFIX = "BIG-"
WORK = ("Assembly", "Paint shop", "Wheels", "Frames", "Warehouse", "Service", "Sales", "Purchasing", "Quality", "Engineering", "Logistics", "Shops")
ASK = ("our stand-up at nine", "who has the key", "the shift plan", "spare parts", "the canteen", "how we pack", "old drawings", "the test bench")


@dataclass(frozen=True)
class Team:
    """A department to be: its number from zero, and how many people it has."""

    number: int
    size: int

    @property
    def key(self) -> str:
        """Its key as a department."""
        return f"big-team-{self.number + 1}"

    @property
    def name(self) -> str:
        """Its name, unlike all others."""
        return f"{WORK[self.number % len(WORK)]} {self.number // len(WORK) + 1}"


def hire(people: int, *, seed: int, now: datetime) -> Iterator[int]:
    """Bring the company to so many people; yields how many of them are there after each unit of work. What is there already is passed by."""
    there = db.session.scalar(sa.select(sa.func.count()).where(~Person.staff_number.like(f"{PREFIX}%"))) or 0
    wanted = max(people - there, 0)
    teams = [Team(place, min(TEAM, wanted - place * TEAM)) for place in range(-(-wanted // TEAM))]
    for start in range(0, len(teams), AT_ONCE):
        with unit_of_work():
            _write(teams[start : start + AT_ONCE], seed, now)
        yield min((start + AT_ONCE) * TEAM, wanted)


def _write(teams: list[Team], seed: int, now: datetime) -> None:
    if db.session.scalar(sa.select(Department.id).where(Department.key == teams[-1].key)) is not None:
        return
    places = list(db.session.execute(sa.select(Location.id, Location.name).order_by(Location.id)))
    managing = db.session.scalar(sa.select(Person.id).where(Person.manager_id.is_(None), ~Person.staff_number.like(f"{PREFIX}%")).order_by(Person.id).limit(1))
    for team in teams:
        dice = random.Random(f"{seed} team {team.number}")
        place = dice.choice(places)
        division = _division(team, place.id)
        own = _department(team.key, team.name, division, place.id)
        db.session.execute(sa.insert(Person), [_person(team, spot, own, place, dice, now) for spot in range(team.size)])
        _lead(team, own, division, managing)


def _department(key: str, name: str, parent: int | None, location: int) -> int:
    row = Department(key=key, name=name, parent_id=parent, location_id=location, value_line="")
    db.session.add(row)
    db.session.flush()
    return row.id


def _division(team: Team, location: int) -> int:
    number = team.number // DIVISION + 1
    found = db.session.scalar(sa.select(Department.id).where(Department.key == f"big-division-{number}"))
    return found or _department(f"big-division-{number}", f"Works {number}", None, location)


def _lead(team: Team, own: int, division: int, managing: int | None) -> None:
    """The first of a team leads it; the first of a division's first team leads that, too, and reports to the managing director."""
    first = db.session.scalars(sa.select(Person.id).where(Person.department_id == own).order_by(Person.id).limit(1)).one()
    db.session.execute(sa.update(Department).where(Department.id == own).values(lead_id=first))
    if team.number % DIVISION == 0:
        db.session.execute(sa.update(Department).where(Department.id == division).values(lead_id=first))
    above = db.session.scalar(sa.select(Department.lead_id).where(Department.id == division))
    db.session.execute(sa.update(Person).where(Person.department_id == own).values(manager_id=first))
    db.session.execute(sa.update(Person).where(Person.id == first).values(manager_id=managing if above == first else above))


def _person(team: Team, spot: int, own: int, place: Any, dice: random.Random, now: datetime) -> dict[str, Any]:
    material, number = marlow.names(), team.number * TEAM + spot + 1
    first, last = dice.choice(material.first), dice.choice(material.last)
    name, title, ask = (
        f"{first} {last}",
        "Team lead" if spot == 0 else f"{WORK[team.number % len(WORK)]} {dice.choice(('technician', 'planner', 'clerk'))}",
        dice.choice(ASK),
    )
    address = address_of(first, last, str(number))
    staff_number = f"{PREFIX}{number:06d}"
    return {
        "staff_number": staff_number,
        "name": name,
        "given_name": first,
        "sort_name": rules.sort_name(name),
        "email": address,
        "kind": Kind.EMPLOYEE,
        "title": title,
        "department_id": own,
        "location_id": place.id,
        "phone": f"3{number:06d}",
        "start_date": (now - timedelta(days=dice.randint(20, 6000))).date(),
        "ask_me_about": ask,
        "search_text": rules.search_text(name, title, ask, staff_number, address, team.name),
        "created_at": now - timedelta(days=500),
        "updated_at": now - timedelta(days=30),
    }


def askers() -> list[Asker]:
    """Everybody who works here and has a department, by number."""
    query = sa.select(Person.id, Person.department_id, Person.given_name).where(Person.is_active == sa.true(), Person.department_id.is_not(None))
    return [Asker(row.id, row.department_id, row.given_name) for row in db.session.execute(query.order_by(Person.id))]
