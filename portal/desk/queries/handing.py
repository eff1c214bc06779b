"""Where a request can be handed over to: the services that are offered, by department."""

import sqlalchemy as sa

from portal.desk.models import Request, Service
from portal.kernel.db import db
from portal.people.models import Department


def choices(request: Request) -> dict[str, list[tuple[int, str]]]:
    """(id, name) of the other services by the name of their department, their own first; one statement."""
    query = sa.select(Department.id, Department.name, Service.id, Service.name).join(Service, Service.department_id == Department.id)
    query = query.where(Service.is_active == sa.true(), Service.id != request.service_id)
    rows = db.session.execute(query.order_by(Department.id != request.department_id, sa.func.lower(Department.name), Service.position, Service.id))
    found: dict[str, list[tuple[int, str]]] = {}
    for _, department, number, name in rows:
        found.setdefault(department, []).append((number, name))
    return found


def key_of(department_id: int) -> str:
    """The key of a department, for addresses."""
    return db.session.scalars(sa.select(Department.key).where(Department.id == department_id)).one()
