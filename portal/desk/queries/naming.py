"""Who reads the notes of a request, and whom a note can mean."""

from collections.abc import Sequence

import sqlalchemy as sa

from portal.desk import naming
from portal.desk.models import NamedFulfiller, Request
from portal.kernel.db import db
from portal.people.models import Department, Deputy, Fulfiller, Person

DEEPEST = 30
MOST = 300


def reads_notes(request: Request) -> sa.ColumnElement[bool]:
    """SQL over persons: they answer for the department that has it or lead it, or one above; of a confidential request only those named.

    The same people as ``policy.may_work`` lets work on it.
    """
    first = sa.select(Department.id, Department.parent_id, Department.lead_id, sa.literal(0).label("depth")).where(Department.id == request.department_id)
    up = first.cte("departments_above", recursive=True)
    above = sa.select(Department.id, Department.parent_id, Department.lead_id, up.c.depth + 1)
    up = up.union_all(above.join(up, Department.id == up.c.parent_id).where(up.c.depth < DEEPEST))
    serving = sa.or_(
        Person.id.in_(sa.select(Fulfiller.person_id).where(Fulfiller.department_id == request.department_id)),
        Person.id.in_(sa.select(up.c.lead_id).where(up.c.lead_id.is_not(None))),
        Person.id.in_(sa.select(Deputy.person_id).where(Deputy.department_id.in_(sa.select(up.c.id)))),
    )
    if not request.is_confidential:
        return serving
    return sa.and_(serving, Person.id.in_(sa.select(NamedFulfiller.person_id).where(NamedFulfiller.service_id == request.service_id)))


def colleagues(request: Request, typed: Sequence[naming.Typed]) -> list[naming.Colleague]:
    """Everybody a note with these names can mean: who reads it, and whoever in the company has such a name. One statement."""
    reads = reads_notes(request)
    found = [reads, Person.sort_name.in_(sorted(naming.sort_names(typed)))]
    if numbers := naming.numbers(typed):
        found.append(Person.staff_number.in_(sorted(numbers)))
    found += [Person.email.startswith(f"{local}@", autoescape=True) for local in sorted(naming.local_parts(typed))[: naming.LIMIT]]
    columns = (Person.id, Person.name, Person.given_name, Person.staff_number, sa.func.coalesce(Person.email, ""), sa.case((reads, True), else_=False))
    rows = db.session.execute(sa.select(*columns).where(Person.is_active == sa.true(), sa.or_(*found)).order_by(Person.sort_name, Person.id).limit(MOST))
    return [naming.Colleague(*row) for row in rows]


def department_name(request: Request) -> str:
    """The name of the department that has it."""
    return db.session.get_one(Department, request.department_id).name
