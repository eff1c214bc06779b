"""Where a request can be handed over to: the services that are offered, by department."""

import sqlalchemy as sa

from portal.desk.models import Request, Service
from portal.kernel.db import db
from portal.people.models import Department


def choices(request: Request) -> list[tuple[str, int, str]]:
    """(department, id, name) of the other services, those of its own department first; one statement."""
    query = sa.select(Department.id, Department.name, Service.id, Service.name).join(Service, Service.department_id == Department.id)
    query = query.where(Service.is_active == sa.true(), Service.id != request.service_id)
    rows = db.session.execute(query.order_by(Department.id != request.department_id, sa.func.lower(Department.name), Service.position, Service.id))
    return [(department, number, name) for _, department, number, name in rows]


def key_of(department_id: int) -> str:
    """The key of a department, for addresses."""
    return db.session.scalars(sa.select(Department.key).where(Department.id == department_id)).one()
