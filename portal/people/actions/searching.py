"""The words people are found by: name, address, title, department, and what they say about themselves; kept beside each person."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people import rules
from portal.people.models import Department, Person

BATCH = 1000
SAID = (Person.name, Person.given_name, Person.title, Person.ask_me_about, Person.skills, Person.does_for_others, Person.staff_number, Person.email)
"""What is found of a person besides the name of the department."""


def refresh(person: Person) -> None:
    """Keep the sorted name and the words a person is found by in step with the rest."""
    with db.session.no_autoflush:  # what is not unique is said by whoever writes
        department = db.session.get(Department, person.department_id) if person.department_id else None
    person.sort_name = rules.sort_name(person.name)
    person.search_text = rules.search_text(*(getattr(person, column.key) or "" for column in SAID), department.name if department else "")


def renew_department(department_id: int) -> None:
    """After a department got another name: everybody in it is found by that."""
    last: int | None = 0
    while last is not None:
        last = _renew(last, Person.department_id == department_id)


def refill() -> Iterator[int]:
    """Write the words of everybody anew, those who left included; a batch in each unit of work, which yields the number of its last person."""
    last: int | None = 0
    while True:
        with unit_of_work():
            last = _renew(last or 0, sa.true())
        if last is None:
            return
        yield last


def _renew(after: int, whose: sa.ColumnElement[bool]) -> int | None:
    """One batch behind a number; the number of its last person, None when there was nobody."""
    query = sa.select(Person.id, sa.func.coalesce(Department.name, ""), *SAID).outerjoin(Department, Department.id == Person.department_id)
    found = db.session.execute(query.where(Person.id > after, whose).order_by(Person.id).limit(BATCH)).all()
    fresh: list[dict[str, Any]] = [{"id": row[0], "search_text": rules.search_text(*(text or "" for text in row[2:]), row[1])} for row in found]
    if fresh:
        db.session.execute(sa.update(Person), fresh)
    return found[-1][0] if found else None
