"""Who can have a request: everybody who serves the department it is with."""

import sqlalchemy as sa

from portal.desk.models import NamedFulfiller, Request
from portal.kernel.db import db
from portal.people.models import Department, Deputy, Fulfiller, Person


def may_have(request: Request, person_id: int) -> bool:
    """True for an active fulfiller, lead or deputy of the department; of a confidential request only for those named. One statement."""
    department = request.department_id
    serving = sa.or_(
        sa.exists().where(Fulfiller.department_id == department, Fulfiller.person_id == Person.id),
        sa.exists().where(Department.id == department, Department.lead_id == Person.id),
        sa.exists().where(Deputy.department_id == department, Deputy.person_id == Person.id),
    )
    query = sa.select(Person.id).where(Person.id == person_id, Person.is_active == sa.true(), serving)
    if request.is_confidential:
        query = query.where(sa.exists().where(NamedFulfiller.service_id == request.service_id, NamedFulfiller.person_id == Person.id))
    return db.session.scalar(query) is not None
