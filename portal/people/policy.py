"""Who may see and change what about people: permissions, predicates with their SQL twins, and the loaders of all objects."""

from enum import StrEnum

import sqlalchemy as sa

from portal.kernel import policy
from portal.kernel.db import db
from portal.kernel.errors import Forbidden, NotFound
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.models import Absence, Calendar, Department, Location, Person, Role, RoleGrant, SecondFactor


class People(StrEnum):
    """What can be permitted around people."""

    SELF = "people.self"
    READ = "people.read"
    PLAN = "people.absence.plan"
    LEAD = "people.lead"
    KEEP = "people.keep"
    ADMINISTER = "people.administer"
    IMPORT = "people.import"


KEEPERS = (Role.ADMINISTRATOR, Role.HR)
"""Roles that keep the list of persons and see who left."""


def is_keeper(actor: Actor) -> bool:
    """True for administrators and HR: they keep the list of persons."""
    return actor.has(*KEEPERS)


def is_administrator(actor: Actor) -> bool:
    """True for administrators."""
    return actor.has(Role.ADMINISTRATOR)


policy.grant(People.LEAD, lambda actor: bool(actor.leads) or is_administrator(actor))
policy.grant(People.KEEP, is_keeper)
policy.grant(People.IMPORT, is_keeper)
policy.grant(People.ADMINISTER, is_administrator)


# -- persons ---------------------------------------------------------------------------------------------------------


def may_see(actor: Actor, person: Person) -> bool:
    """Everybody signed in sees who works here; who left is seen by HR and administrators."""
    return actor.is_system or (actor.is_person and (person.is_active or is_keeper(actor)))


def persons_visible_to(actor: Actor) -> sa.ColumnElement[bool]:
    """SQL twin of :func:`may_see`."""
    if actor.is_system or (actor.is_person and is_keeper(actor)):
        return sa.true()
    return Person.is_active.is_(True) if actor.is_person else sa.false()


def has_factor() -> sa.ColumnElement[bool]:
    """SQL: the person of the query set up a second factor."""
    return sa.exists().where(SecondFactor.person_id == Person.id, SecondFactor.confirmed_at.is_not(None))


def may_plan_absence(actor: Actor, person: Person) -> bool:
    """Oneself, the manager, the lead of the department, and HR."""
    return actor.is_person and (person.id == actor.person_id or person.id in actor.reports or person.department_id in actor.leads or is_keeper(actor))


def find_person(actor: Actor, staff_number: str, *, to: People = People.READ) -> Person:
    """The person with this staff number; NotFound when invisible, Forbidden when not this actor's to change."""
    return _checked_person(actor, db.session.scalars(sa.select(Person).where(Person.staff_number == staff_number[:40])).first(), to)


def find_person_by_id(actor: Actor, person_id: int, *, to: People = People.READ) -> Person:
    """Like :func:`find_person` by id, for what is not an address."""
    return _checked_person(actor, db.session.get(Person, person_id), to)


def _checked_person(actor: Actor, person: Person | None, to: People) -> Person:
    if person is None or not may_see(actor, person):
        raise NotFound()
    if to is People.KEEP:
        _check_keeper(actor, person)
    if to is People.PLAN and not may_plan_absence(actor, person):
        raise Forbidden(say("Only %(name)s and their lead plan this. Nothing was changed.", name=person.first_name))
    if to is People.SELF and person.id != actor.person_id:
        raise Forbidden(say("A profile is changed by its owner. Nothing was changed."))
    return person


def _check_keeper(actor: Actor, person: Person) -> None:
    if not is_keeper(actor):
        raise Forbidden(say("Only HR and administrators change what is written here. Nothing was changed."))
    if beyond(actor, [person.id]):
        raise Forbidden(say("%(name)s holds roles that you do not hold. Ask an administrator to change this.", name=person.first_name))


def may_keep(actor: Actor, person: Person) -> bool:
    """Whether the actor's administration pages open for this person."""
    return is_keeper(actor) and not beyond(actor, [person.id])


def beyond(actor: Actor, person_ids: list[int] | None = None) -> set[int]:
    """Persons (of these, or of all) who hold a company-wide role that ``actor`` does not; nobody for administrators.

    Whoever changes an address or hands over a link can come in as that person, and so gains what that person may do.
    """
    if actor.is_system or is_administrator(actor):
        return set()
    held = sa.select(RoleGrant.person_id).where(RoleGrant.ended_at.is_(None), RoleGrant.role.not_in([Role(role) for role in actor.roles]))
    return set(db.session.scalars(held if person_ids is None else held.where(RoleGrant.person_id.in_(person_ids))))


def find_absence(actor: Actor, absence_id: int) -> tuple[Absence, Person]:
    """An absence one may plan, with its person."""
    absence = db.session.get(Absence, absence_id)
    if absence is None:
        raise NotFound()
    return absence, find_person_by_id(actor, absence.person_id, to=People.PLAN)


# -- departments and places ------------------------------------------------------------------------------------------


def may_lead(actor: Actor, department: Department) -> bool:
    """The lead, a deputy, the leads above them, and administrators edit what a department says about itself."""
    return department.id in actor.leads or is_administrator(actor)


def find_department(actor: Actor, key: str, *, to: People = People.READ) -> Department:
    """The department with this key; everybody signed in sees all of them."""
    department = db.session.scalars(sa.select(Department).where(Department.key == key[:60])).first() if actor.is_person or actor.is_system else None
    if department is None:
        raise NotFound()
    if to is People.LEAD and not may_lead(actor, department):
        raise Forbidden(say("Only the lead of %(name)s changes this. Nothing was changed.", name=department.name))
    if to is People.ADMINISTER and not is_administrator(actor):
        raise Forbidden(say("Only administrators change this. Nothing was changed."))
    return department


def find_calendar(actor: Actor, calendar_id: int) -> Calendar:
    """A work calendar; administrators keep them."""
    calendar = db.session.get(Calendar, calendar_id) if is_administrator(actor) else None
    if calendar is None:
        raise NotFound()
    return calendar


def find_location(actor: Actor, location_id: int) -> Location:
    """A location; administrators keep them."""
    location = db.session.get(Location, location_id) if is_administrator(actor) else None
    if location is None:
        raise NotFound()
    return location


# -- roles -----------------------------------------------------------------------------------------------------------


def may_grant(actor: Actor, role: Role, department_id: int | None) -> bool:
    """Administrators give every role; HR gives what they hold themselves and nothing more."""
    if is_administrator(actor):
        return True
    return is_keeper(actor) and role.value in actor.roles and (department_id is None or department_id in actor.departments)


def grantable(actor: Actor) -> list[Role]:
    """The roles this actor can give somebody for the company."""
    return [role for role in Role if may_grant(actor, role, None)]


def find_grant(actor: Actor, grant_id: int) -> RoleGrant:
    """A granted role that this actor may end; NotFound for everybody who does not keep persons."""
    grant = db.session.get(RoleGrant, grant_id) if is_keeper(actor) else None
    if grant is None:
        raise NotFound()
    if not may_grant(actor, grant.role, grant.department_id):
        raise Forbidden(say("You can end only roles that you could give. Nothing was changed."))
    return grant
