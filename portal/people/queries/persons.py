"""Persons as lists, chips and pages show them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.kernel.db import db
from portal.kernel.errors import Refusal
from portal.kernel.messages import say
from portal.kernel.paging import Key, Page, keyset
from portal.kernel.policy import Actor
from portal.kernel.prepared import once
from portal.people import rules
from portal.people.models import Absence, Department, Location, Person
from portal.people.policy import persons_visible_to
from portal.people.rules import initials

PAGE = 40
SUGGESTED = 10


@dataclass(frozen=True)
class PersonRow:
    """One person in a list; ``back_on`` is the first day they are here again, when away today."""

    id: int
    staff_number: str
    name: str
    sort_name: str
    title: str
    department: str
    department_key: str
    location: str
    place: str
    phone: str
    email: str | None
    ask_me_about: str
    is_active: bool
    zone: str
    back_on: date | None

    @property
    def initials(self) -> str:
        """Two letters for the disc."""
        return initials(self.name)

    @property
    def tint(self) -> int:
        """One of six tints, fixed per person."""
        return self.id % 6 + 1


def back_on(today: Any) -> sa.ScalarSelect[date]:
    """A column: the last day of the absence somebody is in today, or null."""
    away = sa.select(sa.func.max(Absence.last_day)).where(Absence.person_id == Person.id, Absence.first_day <= today, Absence.last_day >= today)
    return away.correlate(Person).scalar_subquery()


TODAY = sa.bindparam("today", type_=sa.Date)


@once
def _rows() -> Any:
    """Statement: the columns of a row; the parameter ``today`` decides who is away."""
    return (
        sa.select(
            Person.id,
            Person.staff_number,
            Person.name,
            Person.sort_name,
            Person.title,
            sa.func.coalesce(Department.name, "").label("department"),
            sa.func.coalesce(Department.key, "").label("department_key"),
            sa.func.coalesce(Location.name, "").label("location"),
            Person.place,
            Person.phone,
            Person.email,
            Person.ask_me_about,
            Person.is_active,
            sa.func.coalesce(Person.zone, Location.zone, "").label("zone"),
            back_on(TODAY).label("last_day"),
        )
        .select_from(Person)
        .outerjoin(Department, Department.id == Person.department_id)
        .outerjoin(Location, Location.id == Person.location_id)
    )


def _made(row: Any) -> PersonRow:
    values = row._asdict()
    last = values.pop("last_day")
    return PersonRow(**values, back_on=last + timedelta(days=1) if last else None)


def matching(text: str) -> list[sa.ColumnElement[bool]]:
    """Conditions under which a person is found by the words of ``text``: each starts a word of theirs, accents aside."""
    words = rules.search_text(text[:200]).split()[:6]
    return [Person.search_text.contains(" " + word, autoescape=True) for word in words]


def directory(
    actor: Actor, *, text: str = "", department_id: int | None = None, left: bool = False, cursor: str | None = None, today: date, limit: int = PAGE
) -> Page[PersonRow]:
    """A page of the people this actor may see, by surname; one statement. ``left`` shows only who left."""
    query = _rows().where(persons_visible_to(actor), Person.is_active.is_(not left), *matching(text))
    if department_id is not None:
        query = query.where(Person.department_id == department_id)
    return keyset(query, [Key(Person.sort_name.expression, "sort_name"), Key(Person.id.expression, "id")], cursor, limit, _made, {"today": today})


def rows_of(person_ids: Iterable[int], today: date) -> dict[int, PersonRow]:
    """Rows of some persons by id, whether they still work here or not; for chips. One statement."""
    ids = {number for number in person_ids if number}
    if not ids:
        return {}
    return {row.id: _made(row) for row in db.session.execute(_rows().where(Person.id.in_(ids)), {"today": today})}


def reports_of(actor: Actor, person_id: int, today: date, limit: int = 50) -> list[PersonRow]:
    """Who reports to a person, by surname."""
    query = _rows().where(persons_visible_to(actor), Person.manager_id == person_id, Person.is_active.is_(True))
    return [_made(row) for row in db.session.execute(query.order_by(Person.sort_name, Person.id).limit(limit), {"today": today})]


def suggestions(actor: Actor, text: str) -> list[tuple[str, str]]:
    """Up to ten (what the field holds, department) for somebody typing a name."""
    if not rules.folded(text):
        return []
    typed = text.rpartition("(")[0] or text  # a suggestion taken already: "Nils Brandt (MC-0123)"
    query = sa.select(Person.name, Person.staff_number, Department.name).outerjoin(Department, Department.id == Person.department_id)
    query = query.where(persons_visible_to(actor), Person.is_active.is_(True), *matching(typed)).order_by(Person.sort_name, Person.id).limit(SUGGESTED)
    return [(f"{name} ({number})", department or "") for name, number, department in db.session.execute(query)]


def person_meant(actor: Actor, text: str, *, field: str | None = None) -> int | None:
    """The id of who was typed: "Nils Brandt (MC-0123)", a staff number, an address or a full name; None for nothing typed.

    Raises Refusal when nobody or more than one is meant.
    """
    typed = text.strip()
    if not typed:
        return None
    number = typed[typed.rfind("(") + 1 : -1].strip() if typed.endswith(")") and "(" in typed else typed
    exact = sa.or_(Person.staff_number == number[:40], Person.email == typed.casefold()[:254], sa.func.lower(Person.name) == typed.lower()[:160])
    found = db.session.execute(
        sa.select(Person.id, Person.staff_number).where(persons_visible_to(actor), Person.is_active.is_(True), exact).order_by(Person.id).limit(3)
    ).all()
    by_number = [row.id for row in found if row.staff_number == number]
    if by_number or len(found) == 1:
        return int(by_number[0] if by_number else found[0].id)
    if found:
        raise Refusal(say("More than one person is called %(name)s. Choose one from the list, or add the staff number.", name=typed), field=field)
    raise Refusal(say("We found nobody called %(name)s. Choose one from the list, or type a staff number.", name=typed), field=field)


def shown(person: Person | None) -> str:
    """What a field for a person holds: name and staff number."""
    return f"{person.name} ({person.staff_number})" if person else ""


@dataclass(frozen=True)
class Around:
    """What a profile shows around a person."""

    row: PersonRow
    manager: PersonRow | None
    reports: list[PersonRow]
    zone: str


def around(actor: Actor, person: Person, today: date, default_zone: str) -> Around:
    """Department, manager, reports and zone of a person; two statements."""
    rows = rows_of([person.id, person.manager_id or 0], today)
    manager = rows.get(person.manager_id or 0)
    if manager is not None and not manager.is_active:
        manager = None
    own = rows[person.id]
    return Around(own, manager, reports_of(actor, person.id, today), own.zone if rules.is_zone(own.zone) else default_zone)


def coming_absences(person_id: int, today: date) -> list[Absence]:
    """Absences that are not over, the next first."""
    query = sa.select(Absence).where(Absence.person_id == person_id, Absence.last_day >= today)
    return list(db.session.scalars(query.order_by(Absence.first_day).limit(50)))


def local_time(zone: str, now: datetime) -> str:
    """The time of day where somebody is, as "9:41"."""
    from zoneinfo import ZoneInfo

    there = now.astimezone(ZoneInfo(zone))
    return f"{there.hour}:{there.minute:02d}"
