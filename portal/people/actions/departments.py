"""Departments: what they are, who leads, who serves, and what they say about themselves."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.contracts.people import DepartmentChanged
from portal.kernel import activity, jobs
from portal.kernel.db import db
from portal.kernel.errors import Refusal
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people import rules
from portal.people.actions import searching
from portal.people.models import Department, Deputy, Fulfiller, Person

SUBJECT = "people.department"


@dataclass(frozen=True)
class DepartmentFacts:
    """What administrators say about a department."""

    name: str
    parent_id: int | None = None
    lead_id: int | None = None
    calendar_id: int | None = None
    location_id: int | None = None


@dataclass(frozen=True)
class DepartmentVoice:
    """What a department says about itself."""

    value_line: str = ""
    email: str | None = None
    phone: str | None = None


def add_department(facts: DepartmentFacts, *, actor: Actor, now: datetime) -> Department:
    """Add a department; its key comes from the name and never changes. Refusal for a name that exists."""
    _check(facts, None)
    department = Department(key=free_key(facts.name), value_line="", **_values(facts))
    db.session.add(department)
    db.session.flush()
    _record(department, actor, now)
    return department


def edit_department(department: Department, facts: DepartmentFacts, *, actor: Actor, now: datetime) -> Department:
    """Change name, parent, lead, hours or place; a department never hangs below itself."""
    _check(facts, department.id)
    _apply(department, _values(facts), actor, now)
    return department


def edit_voice(department: Department, voice: DepartmentVoice, *, actor: Actor, now: datetime) -> Department:
    """Change value line and how to reach them; at most ten words, so that everybody can say it by heart."""
    if (number := rules.words_in(voice.value_line)) > rules.VALUE_WORDS:
        text = say("That is %(number)d words. Ten are the most, so that everybody can say it by heart.", number=number)
        raise Refusal(text, field="value_line")
    if voice.email and not rules.is_address(voice.email):
        raise Refusal(say("This does not look like a mail address. Write it like facilities@example.com."), field="email")
    _apply(department, _values(voice), actor, now)
    return department


def set_deputies(department: Department, person_ids: set[int], *, actor: Actor, now: datetime) -> None:
    """Name who stands in for the lead."""
    before = set(db.session.scalars(sa.select(Deputy.person_id).where(Deputy.department_id == department.id)))
    _check_here(person_ids - before)
    db.session.execute(sa.delete(Deputy).where(Deputy.department_id == department.id, Deputy.person_id.in_(before - person_ids)))
    for person_id in sorted(person_ids - before):
        jobs.insert_once(Deputy, department_id=department.id, person_id=person_id)
    if before != person_ids:
        _record(department, actor, now, {"deputies": [sorted(before), sorted(person_ids)]})


def add_fulfiller(department: Department, person_id: int, *, actor: Actor, now: datetime) -> None:
    """Name somebody who answers the requests of this department."""
    _check_here({person_id})
    if jobs.insert_once(Fulfiller, department_id=department.id, person_id=person_id, on_duty=True, since=now):
        _record(department, actor, now, {"fulfiller": [None, person_id]})


def remove_fulfiller(department: Department, person_id: int, *, actor: Actor, now: datetime) -> None:
    """Somebody no longer answers the requests of this department; their open ones stay theirs until handed on."""
    gone = sa.delete(Fulfiller).where(Fulfiller.department_id == department.id, Fulfiller.person_id == person_id)
    if getattr(db.session.execute(gone), "rowcount", 0):
        _record(department, actor, now, {"fulfiller": [person_id, None]})


def set_duty(department: Department, person_id: int, on_duty: bool, *, actor: Actor, now: datetime) -> None:
    """Somebody takes new requests, or does not for a while."""
    row = sa.update(Fulfiller).where(Fulfiller.department_id == department.id, Fulfiller.person_id == person_id, Fulfiller.on_duty.is_(not on_duty))
    if getattr(db.session.execute(row.values(on_duty=on_duty), execution_options={"synchronize_session": False}), "rowcount", 0):
        _record(department, actor, now, {"on_duty": [person_id, on_duty]})


def _check_here(person_ids: set[int]) -> None:
    here = set(db.session.scalars(sa.select(Person.id).where(Person.id.in_(person_ids), Person.is_active.is_(True)))) if person_ids else set()
    if here != person_ids:
        raise Refusal(say("Only people who work here can be named."))


def _check(facts: DepartmentFacts, own: int | None) -> None:
    same = sa.select(Department.id).where(sa.func.lower(Department.name) == facts.name.lower(), Department.id != (own or 0))
    if db.session.scalar(same.limit(1)) is not None:
        raise Refusal(say("There is a department with this name already."), field="name")
    if own is not None:
        parents = {row.id: row.parent_id for row in db.session.execute(sa.select(Department.id, Department.parent_id))}
        if rules.closes_cycle(own, facts.parent_id, parents):
            raise Refusal(say("That would hang the department below itself. Choose another one above it."), field="parent_id")
    if facts.lead_id is not None:
        _check_here({facts.lead_id})


def free_key(name: str) -> str:
    """A short word for addresses, made from the name and not taken yet."""
    base = "-".join("".join(c if c.isalnum() else " " for c in rules.folded(name)).split())[:50] or "department"
    taken = set(db.session.scalars(sa.select(Department.key).where(Department.key.startswith(base, autoescape=True))))
    return next(key for key in (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))) if key not in taken)


def _values(record: Any) -> dict[str, Any]:
    return {f.name: getattr(record, f.name) for f in fields(record)}


def _apply(department: Department, values: dict[str, Any], actor: Actor, now: datetime) -> None:
    changes = {name: [getattr(department, name), after] for name, after in values.items() if getattr(department, name) != after}
    for name in changes:
        setattr(department, name, values[name])
    db.session.flush()
    if "name" in changes:
        searching.renew_department(department.id)
    if changes:
        _record(department, actor, now, changes)


def _record(department: Department, actor: Actor, now: datetime, changes: dict[str, Any] | None = None) -> None:
    activity.record(DepartmentChanged(department.id), actor=actor, subject=(SUBJECT, department.id), changes=changes, at=now)
