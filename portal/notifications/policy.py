"""Who reads notices: the person they were told to, nobody else."""

from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from portal.kernel.db import db
from portal.kernel.errors import NotFound
from portal.kernel.policy import Actor
from portal.notifications.models import Notice
from portal.people.models import Person, Role


class Notifications(StrEnum):
    """Permissions of the inbox."""

    READ = "notifications.read"
    CHOOSE = "notifications.choose"
    MAIL = "notifications.mail"


KEEPERS = (Role.ADMINISTRATOR, Role.HR)
"""Roles that see to the addresses of others."""


def is_keeper(actor: Actor) -> bool:
    """True for HR and administrators."""
    return actor.has(*KEEPERS)


def find_addressee(actor: Actor, person_id: int, *, to: Notifications = Notifications.MAIL) -> Person:
    """The person whose mail one may look after: oneself, and anybody who works here for HR and administrators; else NotFound."""
    allowed = to is Notifications.MAIL and (is_keeper(actor) or (actor.person_id is not None and actor.person_id == person_id))
    person = db.session.get(Person, person_id) if allowed and 0 < person_id < 2**31 else None
    if person is None or not person.is_active:
        raise NotFound()
    return person


def may_read(actor: Actor, notice: Notice) -> bool:
    """True for the person who was told."""
    return actor.person_id is not None and notice.person_id == actor.person_id


def notices_visible_to(actor: Actor) -> ColumnElement[bool]:
    """The same as :func:`may_read`, as a filter."""
    return Notice.person_id == actor.person_id if actor.person_id is not None else sa.false()


def find_notice(actor: Actor, notice_id: int, *, to: Notifications = Notifications.READ) -> Notice:
    """Load one's own notice or raise NotFound; ``to`` is READ for everything one does with it."""
    wanted = Notice.id == (notice_id if 0 < notice_id < 2**31 else 0)
    notice = db.session.scalar(sa.select(Notice).where(wanted, notices_visible_to(actor)))
    if notice is None or not may_read(actor, notice) or to is not Notifications.READ:
        raise NotFound()
    return notice
