"""Roles: given by whom, for what, until when."""

from datetime import date, datetime

import sqlalchemy as sa

from portal.contracts.people import RoleEnded, RoleGranted
from portal.kernel import activity, sessions
from portal.kernel.db import db
from portal.kernel.errors import Forbidden, Refusal
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.actions.persons import holds_last_administrator, lock_administrators
from portal.people.models import Person, Role, RoleGrant
from portal.people.policy import may_grant

SUBJECT = "people.person"


def grant_role(
    person: Person, role: Role, *, department_id: int | None = None, until: date | None = None, actor: Actor, today: date, now: datetime
) -> RoleGrant:
    """Give somebody a role for the company or one department; nobody gives what they do not hold, administrators aside."""
    if not actor.is_system and not may_grant(actor, role, department_id):
        raise Forbidden(say("You can give only roles that you hold. Ask an administrator for this one."))
    if not person.is_active:
        raise Refusal(say("%(name)s has left already.", name=person.first_name))
    if until is not None and until < today:
        raise Refusal(say("That day is over. Choose one from today on, or leave it empty."), field="until")
    # The person's row is the lock: two who give the same role at once give it once.
    db.session.execute(sa.select(Person.id).where(Person.id == person.id).with_for_update())
    if db.session.scalar(_held(person.id, role, department_id, today)) is not None:
        raise Refusal(say("%(name)s holds this role already.", name=person.first_name), field="role")
    grant = RoleGrant(person_id=person.id, role=role, department_id=department_id, granted_by=actor.person_id, granted_at=now, until=until)
    db.session.add(grant)
    db.session.flush()
    sessions.end_all(person.id, now, but=actor.session_id)
    activity.record(RoleGranted(person.id, role.value, department_id), actor=actor, subject=(SUBJECT, person.id), at=now)
    return grant


def _held(person_id: int, role: Role, department_id: int | None, today: date) -> sa.Select[int]:
    same = RoleGrant.department_id.is_(None) if department_id is None else RoleGrant.department_id == department_id
    live = sa.or_(RoleGrant.until.is_(None), RoleGrant.until >= today)
    return sa.select(RoleGrant.id).where(RoleGrant.person_id == person_id, RoleGrant.role == role, same, RoleGrant.ended_at.is_(None), live).limit(1)


def end_role(grant: RoleGrant, *, actor: Actor, now: datetime) -> None:
    """Take a role back; it counts at the next request. The last administrator stays one."""
    lock_administrators()
    if grant.role is Role.ADMINISTRATOR and grant.department_id is None and holds_last_administrator(grant.person_id):
        raise Refusal(say("This is the only administrator. Make somebody else one first."))
    ended = sa.update(RoleGrant).where(RoleGrant.id == grant.id, RoleGrant.ended_at.is_(None)).values(ended_at=now)
    if not getattr(db.session.execute(ended, execution_options={"synchronize_session": False}), "rowcount", 0):
        raise Refusal(say("This role has ended already."))
    sessions.end_all(grant.person_id, now, but=actor.session_id)
    activity.record(RoleEnded(grant.person_id, grant.role.value, grant.department_id), actor=actor, subject=(SUBJECT, grant.person_id), at=now)
