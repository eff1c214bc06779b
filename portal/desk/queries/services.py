"""Services of a department with what they promise now, who is named, and the library of prepared replies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from portal.desk.models import CannedReply, NamedFulfiller, PromiseVersion, Service
from portal.kernel.db import db
from portal.people.models import Person


@dataclass(frozen=True)
class ServiceRow:
    """A service in the list of its department; ``targets`` as ``PromiseVersion`` keeps them, None while nothing is promised."""

    id: int
    name: str
    question: str
    icon: str
    is_confidential: bool
    is_active: bool
    named: int
    targets: dict[str, Any] | None
    version: int | None


def services_of(department_id: int) -> list[ServiceRow]:
    """Every service of a department, those offered first; one statement."""
    newest = sa.select(sa.func.max(PromiseVersion.version)).where(PromiseVersion.service_id == Service.id).correlate(Service).scalar_subquery()
    named = sa.select(sa.func.count()).select_from(NamedFulfiller).where(NamedFulfiller.service_id == Service.id).correlate(Service).scalar_subquery()
    columns = (Service.id, Service.name, Service.question, Service.icon, Service.is_confidential, Service.is_active, named)
    query = (
        sa.select(*columns, PromiseVersion.targets, PromiseVersion.version)
        .outerjoin(PromiseVersion, sa.and_(PromiseVersion.service_id == Service.id, PromiseVersion.version == newest))
        .where(Service.department_id == department_id)
        .order_by(Service.is_active.desc(), Service.position, Service.id)
    )
    return [ServiceRow(*row) for row in db.session.execute(query)]


def named_for(service_id: int) -> list[Person]:
    """Who is named for the confidential requests of a service, by name."""
    query = sa.select(Person).join(NamedFulfiller, NamedFulfiller.person_id == Person.id).where(NamedFulfiller.service_id == service_id)
    return list(db.session.scalars(query.order_by(Person.sort_name, Person.id)))


def versions_of(service_id: int, limit: int = 20) -> Sequence[tuple[PromiseVersion, str | None]]:
    """What a service promised over time, the newest first, with who changed it."""
    query = sa.select(PromiseVersion, Person.name).outerjoin(Person, Person.id == PromiseVersion.created_by)
    rows = db.session.execute(query.where(PromiseVersion.service_id == service_id).order_by(PromiseVersion.version.desc()).limit(limit))
    return [(version, name) for version, name in rows]


def replies_of(department_id: int, limit: int = 200) -> list[CannedReply]:
    """The prepared replies of a department, in their order."""
    query = sa.select(CannedReply).where(CannedReply.department_id == department_id)
    return list(db.session.scalars(query.order_by(CannedReply.position, CannedReply.id).limit(limit)))


def offered(department_id: int) -> list[tuple[int, str]]:
    """(id, name) of the services a department offers now; one statement."""
    query = sa.select(Service.id, Service.name).where(Service.department_id == department_id, Service.is_active == sa.true())
    return [(number, name) for number, name in db.session.execute(query.order_by(Service.position, Service.id))]
