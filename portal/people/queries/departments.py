"""Departments: the list, the tree, and one department's page."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.people.models import Department, Deputy, Fulfiller, Person
from portal.people.policy import persons_visible_to
from portal.people.queries.persons import PersonRow, directory, rows_of


@dataclass(frozen=True)
class DepartmentRow:
    """One department in lists and choices."""

    id: int
    key: str
    name: str
    parent_id: int | None
    value_line: str
    lead_id: int | None
    serves: bool


@dataclass
class Branch:
    """A department with what hangs below it."""

    row: DepartmentRow
    depth: int = 0
    below: list["Branch"] = field(default_factory=list)


def all_departments() -> list[DepartmentRow]:
    """Every department by name; one statement."""
    serves = sa.exists().where(Fulfiller.department_id == Department.id)
    columns = (Department.id, Department.key, Department.name, Department.parent_id, Department.value_line, Department.lead_id, serves.label("serves"))
    return [DepartmentRow(*row) for row in db.session.execute(sa.select(*columns).order_by(sa.func.lower(Department.name), Department.id))]


def tree(rows: list[DepartmentRow]) -> list[Branch]:
    """Departments as they hang below each other; those without a parent come first, and a broken link makes a root."""
    branches = {row.id: Branch(row) for row in rows}
    roots: list[Branch] = []
    for row in rows:
        parent = branches.get(row.parent_id or 0)
        (parent.below if parent else roots).append(branches[row.id])
    return roots


def choices() -> list[tuple[int, str]]:
    """(id, "Parent / Child") of every department, for selects."""
    rows = all_departments()
    names = {row.id: row for row in rows}
    return sorted(((row.id, path_of(row, names)) for row in rows), key=lambda pair: pair[1].casefold())


def path_of(row: DepartmentRow, by_id: dict[int, DepartmentRow]) -> str:
    """The name with the names above it: "Operations / Facilities"."""
    parts, at, left = [row.name], row, 20
    while at.parent_id and (at.parent_id in by_id) and left:
        at, left = by_id[at.parent_id], left - 1
        parts.append(at.name)
    return " / ".join(reversed(parts))


@dataclass(frozen=True)
class Member:
    """Somebody with a part in a department."""

    person: PersonRow
    on_duty: bool = True


@dataclass(frozen=True)
class DepartmentPage:
    """Everything a department's page shows about people."""

    department: Department
    parent: DepartmentRow | None
    below: list[DepartmentRow]
    lead: PersonRow | None
    deputies: list[PersonRow]
    fulfillers: list[Member]
    members: list[PersonRow]
    more_members: bool


def page_of(actor: Actor, department: Department, today: date, shown: int = 24) -> DepartmentPage:
    """A department with lead, deputies, who serves and the first members; four statements."""
    parts = list(db.session.execute(_parts(department.id)))
    deputies = {row.person_id for row in parts if row.part == "deputy"}
    serving = {row.person_id: bool(row.on_duty) for row in parts if row.part == "fulfiller"}
    rows = rows_of([department.lead_id or 0, *deputies, *serving], today)
    everybody = all_departments()
    members = directory(actor, department_id=department.id, today=today, limit=shown)
    here = {number: row for number, row in rows.items() if row.is_active}
    return DepartmentPage(
        department=department,
        parent=next((row for row in everybody if row.id == department.parent_id), None),
        below=[row for row in everybody if row.parent_id == department.id],
        lead=here.get(department.lead_id or 0),
        deputies=sorted((here[n] for n in deputies if n in here), key=lambda p: p.sort_name),
        fulfillers=sorted((Member(here[n], duty) for n, duty in serving.items() if n in here), key=lambda m: m.person.sort_name),
        members=list(members.items),
        more_members=members.next is not None,
    )


def deputy_ids(department_id: int) -> set[int]:
    """Who stands in for the lead of a department."""
    return set(db.session.scalars(sa.select(Deputy.person_id).where(Deputy.department_id == department_id)))


def _parts(department_id: int) -> Any:
    deputies = sa.select(sa.literal("deputy").label("part"), Deputy.person_id, sa.true().label("on_duty")).where(Deputy.department_id == department_id)
    serving = sa.select(sa.literal("fulfiller"), Fulfiller.person_id, Fulfiller.on_duty).where(Fulfiller.department_id == department_id)
    return deputies.union_all(serving)


def members_of(actor: Actor, department_id: int, limit: int = 200) -> list[tuple[str, str, str]]:
    """(name, staff number, title) of the people of one department, for the tree; one statement."""
    query = sa.select(Person.name, Person.staff_number, Person.title)
    query = query.where(persons_visible_to(actor), Person.department_id == department_id, Person.is_active.is_(True))
    return [(row.name, row.staff_number, row.title) for row in db.session.execute(query.order_by(Person.sort_name, Person.id).limit(limit))]
