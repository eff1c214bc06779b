"""Views of a queue that people keep: one's own and those everybody there shares, and which one somebody's queue opens with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from portal.desk.models import QueueDefault, SavedView
from portal.desk.policy import Desk
from portal.desk.queries.queue_around import Served, served_with
from portal.kernel.db import db
from portal.kernel.errors import Forbidden, NotFound
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.models import Department, Person

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
    return _in_order(actor, department_id in actor.leads, db.session.execute(_listed(actor, SavedView.department_id == department_id)).all())


def with_queues(actor: Actor, key: str) -> tuple[list[Served], list[View]]:
    """The departments one serves, and the views of the queue with this key; one statement for both."""
    known, rows = served_with(actor, _listed_by_key, {"key": key[:60]})
    return known, _in_order(actor, any(one.leads for one in known if one.key == key), rows)


def _listed_by_key(actor: Actor) -> sa.Select[Any]:
    key = sa.bindparam("key", type_=sa.String)
    return _listed(actor, SavedView.department_id == sa.select(Department.id).where(Department.key == key).scalar_subquery())


SHARED, CHOSEN = 1, 2


def _listed(actor: Actor, here: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Number, name, maker's name, maker, version, flags with the position behind them, filters."""
    chosen = sa.exists().where(QueueDefault.view_id == SavedView.id, QueueDefault.person_id == actor.person_id).correlate(SavedView)
    flags = sa.case((SavedView.is_shared, SHARED), else_=0) + sa.case((chosen, CHOSEN), else_=0) + SavedView.position * 4
    seen = sa.or_(SavedView.owner_id == actor.person_id, SavedView.is_shared == sa.true())
    query = sa.select(SavedView.id, SavedView.name, Person.name, SavedView.owner_id, SavedView.version, flags, SavedView.filters)
    query = query.join(Person, Person.id == SavedView.owner_id).where(here, seen)
    return query.order_by(SavedView.is_shared.desc(), SavedView.position, SavedView.id).limit(SHOWN)


def _in_order(actor: Actor, leads: bool, rows: Sequence[Any]) -> list[View]:
    found = sorted(rows, key=lambda row: (not row[5] & SHARED, row[5] // 4, row[0]))
    return [_made(actor, leads, *row) for row in found]


def _made(actor: Actor, leads: bool, number: int, name: str, maker: str, owner: int, version: int, flags: int, filters: Any) -> View:
    mine, shared = owner == actor.person_id, bool(flags & SHARED)
    return View(number, name, shared, mine, mine or (shared and leads), bool(flags & CHOSEN), maker, dict(filters), version)


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
