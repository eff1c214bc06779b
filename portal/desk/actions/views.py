"""Keep, change, share, order and remove views of a queue, and choose the one it opens with.

Everything about the names of somebody's views happens under a lock on their own row, so names stay unique and the limit holds;
whoever changes or removes a view does so with the version they saw, in one conditional statement.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.contracts.desk import ViewShared
from portal.desk.actions import steps
from portal.desk.models import QueueDefault, SavedView
from portal.desk.queries import views as read
from portal.kernel import activity, jobs
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.models import Person

MOST, NAME_LIMIT = 30, 60
"""Views one person keeps, in all queues together, and characters of a name."""
LOST = say("Somebody changed or removed this view a moment ago. Have a look before you go on.")
Filters = Mapping[str, str]


def _lock(person_id: int) -> None:
    """Others who change this person's views wait here (SQLite: the write turn does it)."""
    db.session.execute(sa.select(Person.id).where(Person.id == person_id).with_for_update(key_share=True))


def _name(typed: str, owner_id: int, department_id: int, but: int | None = None) -> tuple[str, str]:
    name = " ".join(typed.split())
    if not name:
        raise Refusal(say("Give it a name, for example: Late at Mill Road"), field="name")
    if len(name) > NAME_LIMIT:
        raise Refusal(say("%(limit)s characters are the most for a name. Shorten it a little.", limit=NAME_LIMIT), field="name")
    folded = name.casefold()[:120]
    if read.name_taken(owner_id, department_id, folded, but=but):
        raise Refusal(say("There is a view of this name already. Choose another one, or change the one that is there."), field="name")
    return name, folded


def keep(department_id: int, name: str, filters: Filters, *, shared: bool, actor: Actor, now: datetime) -> SavedView:
    """Keep filters and order of a queue under a name. Refusal for a name that is taken, and beyond the limit."""
    me = steps.person_id(actor)
    _lock(me)
    if read.number_of(me) >= MOST:
        raise Refusal(say("%(limit)s views are the most one person keeps. Remove one you no longer use.", limit=MOST), field="name")
    called, folded = _name(name, me, department_id)
    row = SavedView(
        department_id=department_id, owner_id=me, name=called, folded=folded, is_shared=shared, filters=dict(filters), created_at=now, updated_at=now
    )
    row.position = _last(row) + 1
    db.session.add(row)
    db.session.flush()
    if shared:
        _note(row, "made", actor, now)
    return row


def change(view: SavedView, name: str, *, shared: bool, version: int, actor: Actor, now: datetime) -> SavedView:
    """Another name, or shared with others or no longer. Whoever opened their queue with it and sees it no longer begins with what next."""
    _lock(view.owner_id)
    called, folded = _name(name, view.owner_id, view.department_id, but=view.id)
    was_shared = view.is_shared
    _write(view, {"name": called, "folded": folded, "is_shared": shared}, version, now)
    if was_shared and not shared:
        others = sa.and_(QueueDefault.view_id == view.id, QueueDefault.person_id != view.owner_id)
        db.session.execute(sa.delete(QueueDefault).where(others))
    if was_shared or shared:
        _note(view, "changed" if shared else "removed", actor, now)
    return view


def refilter(view: SavedView, filters: Filters, *, version: int, actor: Actor, now: datetime) -> SavedView:
    """The same name shows something else from now on."""
    _write(view, {"filters": dict(filters)}, version, now)
    if view.is_shared:
        _note(view, "changed", actor, now)
    return view


def _write(view: SavedView, values: Mapping[str, Any], version: int, now: datetime) -> None:
    seen = sa.and_(SavedView.id == view.id, SavedView.version == version)
    changed = sa.update(SavedView).where(seen).values(**values, version=version + 1, updated_at=now)
    if not _one(changed):
        raise Conflict(LOST)
    db.session.refresh(view)


def _one(statement: Any) -> bool:
    result: Any = db.session.execute(statement, execution_options={"synchronize_session": False})
    return bool(result.rowcount == 1)


def remove(view: SavedView, *, actor: Actor, now: datetime) -> None:
    """Remove it for everybody; Conflict when somebody did so a moment before."""
    held = sa.select(SavedView.id).where(SavedView.id == view.id).with_for_update()
    if db.session.scalar(held) is None:
        raise Conflict(LOST)
    db.session.execute(sa.delete(QueueDefault).where(QueueDefault.view_id == view.id))
    if view.is_shared:
        _note(view, "removed", actor, now)
    number = view.id
    db.session.expunge(view)
    if not _one(sa.delete(SavedView).where(SavedView.id == number)):
        raise Conflict(LOST)


def _note(view: SavedView, what: str, actor: Actor, now: datetime) -> None:
    told = ViewShared(view.department_id, view.id, view.name, what)
    activity.record(told, actor=actor, subject=("people.department", view.department_id), at=now)


# -- order and default -------------------------------------------------------------------------------------------------


def _beside(view: SavedView) -> sa.ColumnElement[bool]:
    """SQL: the views it stands among: all shared ones of the queue, or its maker's own."""
    here = sa.and_(SavedView.department_id == view.department_id, SavedView.is_shared == (sa.true() if view.is_shared else sa.false()))
    return here if view.is_shared else sa.and_(here, SavedView.owner_id == view.owner_id)


def _last(view: SavedView) -> int:
    return db.session.scalar(sa.select(sa.func.max(SavedView.position)).where(_beside(view))) or 0


def move(view: SavedView, step: int) -> None:
    """One place up (-1) or down (1) among those it stands with; nothing happens at the ends."""
    query = sa.select(SavedView).where(_beside(view)).order_by(SavedView.id).with_for_update().execution_options(populate_existing=True)
    rows: Sequence[SavedView] = db.session.scalars(query).all()
    order = [row.id for row in sorted(rows, key=lambda row: (row.position, row.id))]  # as it is now, after others were waited for
    at = order.index(view.id) if view.id in order else -1
    to = at + (1 if step > 0 else -1)
    if at < 0 or not 0 <= to < len(order):
        return
    order[at], order[to] = order[to], order[at]
    for row in rows:
        row.position = order.index(row.id)
    db.session.flush()


def open_with(view: SavedView | None, department_id: int, *, actor: Actor) -> None:
    """The queue opens with this view for the actor from now on; with none of them: what next. Conflict when it was removed meanwhile."""
    me = steps.person_id(actor)
    mine = sa.and_(QueueDefault.department_id == department_id, QueueDefault.person_id == me)
    db.session.execute(sa.delete(QueueDefault).where(mine))
    if view is None:
        return
    if db.session.scalar(sa.select(SavedView.id).where(SavedView.id == view.id).with_for_update(read=True, key_share=True)) is None:
        raise Conflict(LOST)
    if not jobs.insert_once(QueueDefault, department_id=department_id, person_id=me, view_id=view.id):
        db.session.execute(sa.update(QueueDefault).where(mine).values(view_id=view.id))
