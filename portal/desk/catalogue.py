"""Bring the shipped catalogue (portal/content/catalogue) into the tables, once per service; what a company changed stays.

A day of a promise is eight working hours; the answer to a later message is promised as fast as the first one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.content import catalogue as content
from portal.contracts.desk import ServiceChanged
from portal.contracts.people import DepartmentChanged
from portal.desk import prepared
from portal.desk.models import PromiseVersion, Service
from portal.kernel import activity
from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.people.models import Department


@dataclass(frozen=True)
class Synced:
    """What a run added; both are empty when nothing was missing. ``without_department`` are keys of departments that do not exist."""

    departments: tuple[str, ...]
    services: tuple[str, ...]
    without_department: tuple[str, ...]


def sync_catalogue(*, actor: Actor, now: datetime, create_departments: bool = False) -> Synced:
    """Add the shipped services, with their first promise, that are not there yet; the same run twice changes nothing.

    A department is found by its key; a missing one is left out, or created when asked. A service that was renamed, retired or
    promised differently keeps what the company made of it.
    """
    known = {row.key: row for row in db.session.scalars(sa.select(Department))}
    missing = [shipped for shipped in content.load() if shipped.key not in known]
    created = [_add_department(shipped, known, actor, now) for shipped in missing] if create_departments else []
    present = set(db.session.scalars(sa.select(Service.key)))
    growing = {shipped.key for shipped in content.load() if any(service.key not in present for service in shipped.services)}
    added = [
        _add_service(service, known[shipped.key].id, place, actor, now)
        for shipped in content.load()
        if shipped.key in known
        for place, service in enumerate(shipped.services)
        if service.key not in present
    ]
    prepared.add_starters((row.id, row.key) for row in known.values() if row.key in growing)
    return Synced(tuple(created), tuple(added), tuple(shipped.key for shipped in missing if shipped.key not in known))


def _add_department(shipped: content.DepartmentContent, known: dict[str, Department], actor: Actor, now: datetime) -> str:
    row = Department(key=shipped.key, name=_free_name(shipped.name, known), value_line=shipped.value_line)
    db.session.add(row)
    db.session.flush()
    known[row.key] = row
    activity.record(DepartmentChanged(row.id), actor=actor, subject=("people.department", row.id), at=now)
    return shipped.key


def _free_name(name: str, known: Mapping[str, Department]) -> str:
    taken = {row.name for row in known.values()}
    return name if name not in taken else f"{name} 2"


def _add_service(shipped: content.ServiceContent, department_id: int, position: int, actor: Actor, now: datetime) -> str:
    row = Service(
        department_id=department_id,
        key=shipped.key,
        name=shipped.name,
        question=shipped.question,
        hint=shipped.hint,
        example=shipped.example,
        call_note=shipped.call_note,
        outcome=shipped.outcome,
        words=", ".join(shipped.keywords),
        icon=shipped.icon,
        is_confidential=shipped.confidential,
        due_field=shipped.due_field or None,
        takes_mail=shipped.takes_mail,
        fields=[field_values(field) for field in shipped.fields],
        position=position,
    )
    db.session.add(row)
    db.session.flush()
    db.session.add(PromiseVersion(service_id=row.id, version=1, targets=shipped_targets(shipped), created_at=now, created_by=actor.person_id))
    activity.record(ServiceChanged(row.id), actor=actor, subject=("desk.service", row.id), at=now)
    return shipped.key


def field_values(field: content.FieldContent) -> dict[str, Any]:
    """A form field as the services table keeps it: only what differs from its default."""
    values = asdict(field) | {"type": field.type.value, "options": list(field.options)}
    return {name: value for name, value in values.items() if name in ("key", "label", "type") or value not in (None, "", [], False)}


def shipped_targets(shipped: content.ServiceContent) -> dict[str, dict[str, Any]]:
    """The promise of a shipped service by priority, as ``PromiseVersion.targets`` keeps it (seconds of working time)."""
    return {priority: target_values(promise) for priority, promise in content.promises(shipped).items()}


def target_values(promise: content.Promise) -> dict[str, Any]:
    """One row of the matrix in seconds; without a resolution a date is agreed instead."""
    first = int(promise.first_response.total_seconds())
    resolution = None if promise.resolution is None else int(promise.resolution.total_seconds())
    return {"first_response": first, "next_response": first, "resolution": resolution, "round_the_clock": promise.round_the_clock}
