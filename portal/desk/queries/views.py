"""Views of a queue that people keep: one's own and those everybody there shares, and which one somebody's queue opens with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from portal.desk.models import QueueDefault, SavedView
from portal.desk.policy import Desk
from portal.kernel.db import db
from portal.kernel.errors import Forbidden, NotFound
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.models import Person

SHOWN = 200
"""Views of a queue that are listed; every fulfiller may share a few."""
GONE = say("This view is not there any more, or it is not yours to see. The queue is where it was.")


@dataclass(frozen=True)
class View:
    """A saved view as it is listed. ``mine`` is true for its maker; ``may_edit`` for the maker and, of a shared one, the leads."""

    id: int
    name: str
    is_shared: bool
    mine: bool
    may_edit: bool
    is_default: bool
    maker: str
    filters: Mapping[str, Any]
    version: int


def seen_by(actor: Actor, department_id: int) -> sa.ColumnElement[bool]:
    """SQL: views of this queue that are the actor's or shared."""
    return sa.and_(SavedView.department_id == department_id, sa.or_(SavedView.owner_id == actor.person_id, SavedView.is_shared == sa.true()))


def may_edit(actor: Actor, view: SavedView) -> bool:
    """Its maker; of a shared one also those who lead the department."""
    return view.owner_id == actor.person_id or (view.is_shared and view.department_id in actor.leads)


def of_queue(actor: Actor, department_id: int) -> list[View]:
    """What the actor may open in this queue, shared ones first, each group in its own order. One statement."""
    chosen = sa.and_(QueueDefault.view_id == SavedView.id, QueueDefault.person_id == actor.person_id, QueueDefault.department_id == department_id)
    query = sa.select(SavedView, Person.name, QueueDefault.view_id).join(Person, Person.id == SavedView.owner_id).outerjoin(QueueDefault, chosen)
    query = query.where(seen_by(actor, department_id)).order_by(SavedView.is_shared.desc(), SavedView.position, SavedView.id).limit(SHOWN)
    return [_made(actor, row, maker, default is not None) for row, maker, default in db.session.execute(query)]


def _made(actor: Actor, row: SavedView, maker: str, is_default: bool) -> View:
    mine = row.owner_id == actor.person_id
    return View(row.id, row.name, row.is_shared, mine, may_edit(actor, row), is_default, maker, dict(row.filters), row.version)


def find(actor: Actor, department_id: int, view_id: int, *, to: Desk = Desk.READ) -> SavedView:
    """Load a view of this queue to READ or to MANAGE it: NotFound for other people's and other queues', Forbidden for others' shared ones."""
    number = view_id if 0 < view_id < 2**31 else 0
    row = db.session.scalar(sa.select(SavedView).where(SavedView.id == number, seen_by(actor, department_id)).execution_options(populate_existing=True))
    if row is None:
        raise NotFound(GONE)
    if to is Desk.MANAGE and not may_edit(actor, row):
        raise Forbidden(say("Only its maker and the leads of the department change a shared view. Save your own instead."))
    return row


def name_taken(owner_id: int, department_id: int, folded: str, *, but: int | None = None) -> bool:
    """Whether somebody has another view of this name in this queue."""
    query = sa.select(SavedView.id).where(SavedView.department_id == department_id, SavedView.owner_id == owner_id, SavedView.folded == folded)
    return db.session.scalar(query.where(SavedView.id != (but or 0)).limit(1)) is not None


def number_of(person_id: int) -> int:
    """How many views somebody keeps, in all queues."""
    return db.session.scalar(sa.select(sa.func.count()).select_from(SavedView).where(SavedView.owner_id == person_id)) or 0
