"""Truths about people for `portal doctor`."""

import sqlalchemy as sa

from portal.kernel import sessions
from portal.kernel.db import db
from portal.kernel.health import invariant
from portal.people import rules
from portal.people.calendars import DEFAULT, ROUND_THE_CLOCK
from portal.people.models import Calendar, CalendarVersion, Department, Fulfiller, Person, RoleGrant


@invariant("Whoever left is shut out")
def leavers_are_out() -> list[str]:
    """Deactivated persons with an open session, a role or a place in a queue."""
    row = sessions.PortalSession
    doors = {
        "an open session": sa.exists().where(row.person_id == Person.id, row.ended_at.is_(None)),
        "a role": sa.exists().where(RoleGrant.person_id == Person.id, RoleGrant.ended_at.is_(None)),
        "a place among those who answer requests": sa.exists().where(Fulfiller.person_id == Person.id),
    }
    found = []
    for words, holds in doors.items():
        query = sa.select(Person.staff_number).where(Person.is_active.is_(False), holds).order_by(Person.id).limit(100)
        found += [f"{number} left and still has {words}" for number in db.session.scalars(query)]
    return found


@invariant("No department hangs below itself")
def departments_are_a_tree() -> list[str]:
    """Departments on a circle of parents."""
    keys = {row.id: row for row in db.session.execute(sa.select(Department.id, Department.key, Department.parent_id))}
    links = {row.key: keys[row.parent_id].key if row.parent_id in keys else None for row in keys.values()}
    return [f"department {key} is above itself" for key in sorted(rules.cyclic(links))]


@invariant("Nobody is their own manager's manager")
def managers_are_a_tree() -> list[str]:
    """Persons on a circle of managers."""
    boss = sa.alias(Person.__table__, "boss")
    query = sa.select(Person.staff_number, boss.c.staff_number).outerjoin(boss, boss.c.id == Person.manager_id)
    return [f"{number} reports to themselves in the end" for number in sorted(rules.cyclic({row[0]: row[1] for row in db.session.execute(query)}))]


@invariant("Every calendar has a version, and the two shipped ones are there")
def calendars_are_whole() -> list[str]:
    """Calendars without hours; missing company hours."""
    versions = sa.exists().where(CalendarVersion.calendar_id == Calendar.id)
    found = [f"calendar {name} has no version" for name in db.session.scalars(sa.select(Calendar.name).where(~versions))]
    names = set(db.session.scalars(sa.select(Calendar.name).where(Calendar.name.in_([DEFAULT, ROUND_THE_CLOCK]))))
    return found + [f"the calendar {name} is missing" for name in sorted({DEFAULT, ROUND_THE_CLOCK} - names)]


@invariant("People are found by their names")
def search_words_are_kept() -> list[str]:
    """Active persons whose sorted name or search words are empty."""
    query = sa.select(Person.staff_number).where(Person.is_active.is_(True), sa.or_(Person.sort_name == "", Person.search_text == "")).limit(100)
    return [f"{number} cannot be found in the directory" for number in db.session.scalars(query)]
