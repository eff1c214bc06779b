"""What HR and administrators read about persons and roles."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from portal.kernel import sessions
from portal.kernel.db import db
from portal.people.models import Credential, Department, Person, Role, RoleGrant, SecondFactor


@dataclass(frozen=True)
class GrantRow:
    """A role somebody holds."""

    id: int
    role: Role
    department: str | None
    until: date | None
    granted_at: datetime
    by: str | None


def grants_of(person_id: int) -> list[GrantRow]:
    """The roles of a person that were not taken back, by role."""
    giver = sa.alias(Person.__table__, "giver")
    query = (
        sa.select(RoleGrant.id, RoleGrant.role, Department.name, RoleGrant.until, RoleGrant.granted_at, giver.c.name)
        .outerjoin(Department, Department.id == RoleGrant.department_id)
        .outerjoin(giver, giver.c.id == RoleGrant.granted_by)
        .where(RoleGrant.person_id == person_id, RoleGrant.ended_at.is_(None))
        .order_by(RoleGrant.role, RoleGrant.id)
    )
    return [GrantRow(*row) for row in db.session.execute(query)]


@dataclass(frozen=True)
class Holder:
    """Somebody who holds a role, for the list of roles."""

    staff_number: str
    name: str
    role: Role
    department: str | None
    until: date | None


def holders(today: date, limit: int = 500) -> list[Holder]:
    """Everybody with a role that counts today, by role and name."""
    query = (
        sa.select(Person.staff_number, Person.name, RoleGrant.role, Department.name, RoleGrant.until)
        .join(Person, Person.id == RoleGrant.person_id)
        .outerjoin(Department, Department.id == RoleGrant.department_id)
        .where(RoleGrant.ended_at.is_(None), sa.or_(RoleGrant.until.is_(None), RoleGrant.until >= today))
        .order_by(RoleGrant.role, Person.sort_name, Person.id)
        .limit(limit)
    )
    return [Holder(*row) for row in db.session.execute(query)]


@dataclass(frozen=True)
class Door:
    """How somebody comes in: whether they chose a password, how many devices are signed in, whether an app guards it and until when."""

    has_password: bool
    devices: int
    has_factor: bool
    removal_at: datetime | None


def door_of(person_id: int, now: datetime) -> Door:
    """What an administrator sees of an account; one statement."""
    chosen = sa.exists().where(Credential.person_id == person_id)
    row = sessions.PortalSession
    open_ = sa.select(sa.func.count()).where(row.person_id == person_id, row.ended_at.is_(None), row.expires_at > now).scalar_subquery()
    mine = sa.and_(SecondFactor.person_id == person_id, SecondFactor.confirmed_at.is_not(None))
    going = sa.select(SecondFactor.removal_at).where(mine).scalar_subquery()
    found = db.session.execute(sa.select(chosen, open_, sa.exists().where(mine), going)).one()
    return Door(bool(found[0]), int(found[1]), bool(found[2]), found[3])
