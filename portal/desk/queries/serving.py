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


def members(department_id: int) -> list[Person]:
    """Who answers for a department, by name; one statement."""
    query = sa.select(Person).join(Fulfiller, Fulfiller.person_id == Person.id)
    return list(db.session.scalars(query.where(Fulfiller.department_id == department_id, Person.is_active == sa.true()).order_by(Person.sort_name, Person.id)))


def may_have_all(request: Request) -> list[Person]:
    """Who can have a request, by name: those who answer for the department and its lead; of a confidential one those named. One statement."""
    department = request.department_id
    serving = sa.or_(
        sa.exists().where(Fulfiller.department_id == department, Fulfiller.person_id == Person.id),
        sa.exists().where(Department.id == department, Department.lead_id == Person.id),
    )
    query = sa.select(Person).where(Person.is_active == sa.true(), serving)
    if request.is_confidential:
        query = query.where(sa.exists().where(NamedFulfiller.service_id == request.service_id, NamedFulfiller.person_id == Person.id))
    return list(db.session.scalars(query.order_by(Person.sort_name, Person.id).limit(200)))


def first_name(person_id: int) -> str:
    """How colleagues call somebody; empty for nobody."""
    person = db.session.get(Person, person_id)
    return person.first_name if person else ""


def serves_department(department_id: int, person_id: int) -> bool:
    """True for an active fulfiller, lead or deputy of the department. One statement."""
    serving = sa.or_(
        sa.exists().where(Fulfiller.department_id == department_id, Fulfiller.person_id == Person.id),
        sa.exists().where(Department.id == department_id, Department.lead_id == Person.id),
        sa.exists().where(Deputy.department_id == department_id, Deputy.person_id == Person.id),
    )
    return db.session.scalar(sa.select(Person.id).where(Person.id == person_id, Person.is_active == sa.true(), serving)) is not None
