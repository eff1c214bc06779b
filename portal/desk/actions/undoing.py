"""Take back what somebody did with several requests, for a few minutes: each that has not changed since goes back to what it was.

Nothing is rolled back: every request is changed again by the ordinary action, with its own record and its own notices.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from portal.contracts.desk import SeveralTakenBack
from portal.desk.actions import assigning, moving, snoozing, steps
from portal.desk.actions.waking import wake_one
from portal.desk.models import QueueUndo, Request
from portal.desk.policy import Desk, find_request
from portal.desk.rules import Priority
from portal.kernel import activity
from portal.kernel.db import db
from portal.kernel.errors import Conflict, NotFound, PortalError
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.kernel.unit_of_work import attempt

WINDOW = timedelta(minutes=10)
"""So long what was done with several requests can be taken back."""
KEPT = timedelta(days=1)
Item = Mapping[str, Any]


def standing(way: str, request: Request) -> Any:
    """What a request is like before something is done with it, as a plain value; ``way`` is assign, priority or rest."""
    values: Mapping[str, Callable[[], Any]] = {
        "assign": lambda: request.assignee_id,
        "priority": lambda: request.priority.value,
        "rest": lambda: _text(request.snoozed_until),
    }
    return values[way]()


def _text(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def item(way: str, request: Request, before: Any) -> dict[str, Any]:
    """What is remembered of one request right after it was changed."""
    return {"id": request.id, "version": request.version, "before": before, "after": standing(way, request)}


def remember(department_id: int, way: str, items: Sequence[Item], *, actor: Actor, now: datetime) -> QueueUndo:
    """Offer to take it back until the window ends; offers of earlier days are forgotten."""
    me = steps.person_id(actor)
    db.session.execute(sa.delete(QueueUndo).where(QueueUndo.person_id == me, QueueUndo.expires_at < now - KEPT))
    row = QueueUndo(person_id=me, department_id=department_id, way=way, items=[dict(one) for one in items], done_at=now, expires_at=now + WINDOW)
    db.session.add(row)
    db.session.flush()
    return row


def take_back(undo_id: int, department_id: int, *, actor: Actor, now: datetime) -> tuple[int, int]:
    """(how many stand as before, how many had changed since and stay); NotFound for other people's, Conflict when it is too late or done."""
    mine = sa.and_(QueueUndo.id == (undo_id if 0 < undo_id < 2**31 else 0), QueueUndo.person_id == actor.person_id, QueueUndo.department_id == department_id)
    row = db.session.scalar(sa.select(QueueUndo).where(mine))
    if row is None:
        raise NotFound()
    if row.expires_at < now:
        raise Conflict(say("It is too late to take this back at once. Each request can still be changed by itself."))
    used: Any = db.session.execute(
        sa.update(QueueUndo).where(QueueUndo.id == row.id, QueueUndo.used_at.is_(None)).values(used_at=now), execution_options={"synchronize_session": False}
    )
    if used.rowcount != 1:
        raise Conflict(say("This is taken back already."))
    done = sum(_back(row.way, one, actor, now) for one in row.items)
    told = SeveralTakenBack(department_id, row.way, done, len(row.items) - done)
    activity.record(told, actor=actor, subject=("people.department", department_id), at=now)
    return done, len(row.items) - done


def _back(way: str, one: Item, actor: Actor, now: datetime) -> bool:
    try:
        return attempt(partial(_back_to, way, one, actor, now))
    except PortalError:
        return False


def _back_to(way: str, one: Item, actor: Actor, now: datetime) -> bool:
    request = find_request(actor, int(one["id"]), to=Desk.WORK)
    if request.version != one["version"] or standing(way, request) != one["after"]:
        return False
    before = one["before"]
    if way == "assign":
        assigning.assign(request, before, actor=actor, now=now)
    elif way == "priority":
        moving.set_priority(request, Priority(before), reason=str(say("Taken back a moment later.")), actor=actor, now=now)
    elif before is None:
        return wake_one(request, "hand", actor=actor, now=now)
    else:
        snoozing.snooze(request, datetime.fromisoformat(before), reason=str(say("Taken back a moment later.")), actor=actor, now=now)
    return True
