"""What an import compares with, and what its pages show."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from portal.kernel import files
from portal.kernel.db import db
from portal.kernel.errors import NotFound
from portal.kernel.policy import Actor
from portal.kernel.settings import Settings
from portal.people import rules
from portal.people.importing import COLUMNS, Known, Plan, World
from portal.people.models import Department, ImportRefusal, ImportRun, Kind, Location, Person, Role, RoleGrant
from portal.people.policy import beyond

LANGUAGES = frozenset({"en"})


def world(now: datetime, settings: Settings, actor: Actor) -> World:
    """Everybody and everything a file of ``actor`` is compared with; five statements, whatever the size."""
    departments = list(db.session.execute(sa.select(Department.id, Department.key, Department.name, Department.parent_id)))
    by_word = {rules.folded(row.name): row.id for row in departments} | {row.key: row.id for row in departments}
    locations = {rules.folded(name): number for number, name in db.session.execute(sa.select(Location.id, Location.name))}
    people = {known.staff_number: known for known in _people()}
    more = beyond(actor)
    return World(
        people=people,
        departments=by_word,
        parents={row.id: row.parent_id for row in departments},
        department_names={row.id: row.name for row in departments},
        locations=locations,
        owners={known.values["email"]: number for number, known in people.items() if known.values["email"]},
        languages=LANGUAGES | {settings.locale},
        today=rules.today_in(settings.zone, now),
        guarded={number for number, known in people.items() if known.id in more},
    )


def _people() -> Iterator[Known]:
    administrators = set(db.session.scalars(sa.select(RoleGrant.person_id).where(RoleGrant.role == Role.ADMINISTRATOR, RoleGrant.ended_at.is_(None))))
    boss = sa.alias(Person.__table__, "boss")
    p = Person
    columns: tuple[Any, ...] = (p.id, p.staff_number, p.is_active, p.name, p.given_name, p.email, p.kind, p.title, p.department_id, boss.c.staff_number)
    columns += (p.location_id, p.zone, p.locale, p.start_date, p.end_date, p.phone, p.place)
    query = sa.select(*columns).outerjoin(boss, boss.c.id == p.manager_id)
    for row in db.session.execute(query):
        number, staff_number, active, *rest = row
        values = dict(zip(COLUMNS[1:], rest, strict=True))
        yield Known(number, staff_number, active, number in administrators or values["kind"] is Kind.SERVICE, values)


def summary(plan: Plan, shown: int) -> dict[str, Any]:
    """A plan as JSON for the page: counts, and the first ``shown`` of each sort."""
    counts = {"added": len(plan.added), "changed": len(plan.changed), "unchanged": plan.unchanged, "leaving": len(plan.leaving)}
    return {
        "counts": counts | {"refused": len(plan.refused), "kept": len(plan.kept)},
        "added": [[c.line, c.staff_number, c.name] for c in plan.added[:shown]],
        "changed": [[c.line, c.staff_number, c.name, _differences(c.differs)] for c in plan.changed[:shown]],
        "leaving": [[known.staff_number, known.values["name"]] for known in plan.leaving[:shown]],
        "departments": [list(path) for path in plan.departments],
    }


def _differences(differs: Any) -> list[list[str]]:
    return [[name, _plain(before), _plain(after)] for name, (before, after) in differs.items()]


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return " / ".join(value)
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)


def run_of(run_id: int) -> ImportRun:
    """One import; raises NotFound. Whoever may import sees all of them."""
    run = db.session.get(ImportRun, run_id)
    if run is None:
        raise NotFound()
    return run


def file_of(run: ImportRun) -> files.StoredFile:
    """The file of an import; raises NotFound when it is gone."""
    stored = db.session.get(files.StoredFile, run.file_id)
    if stored is None:
        raise NotFound()
    return stored


def recent(limit: int = 20) -> list[ImportRun]:
    """The latest imports, the newest first."""
    return list(db.session.scalars(sa.select(ImportRun).order_by(ImportRun.id.desc()).limit(limit)))


def refusals(run_id: int, limit: int | None = None) -> list[ImportRefusal]:
    """The refused lines of an import, in the order of the file."""
    query = sa.select(ImportRefusal).where(ImportRefusal.run_id == run_id).order_by(ImportRefusal.line, ImportRefusal.id)
    return list(db.session.scalars(query.limit(limit) if limit else query))
