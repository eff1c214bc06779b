"""Let a request rest until an instant, and wake it. Its clocks take no notice, and its requester sees nothing of it."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from portal.contracts.desk import RequestSnoozed
from portal.desk.actions import steps
from portal.desk.actions.waking import wake_one
from portal.desk.models import Request
from portal.desk.resting import rest_problem
from portal.desk.rules import REASON_LIMIT, can_change
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.messages import say
from portal.kernel.policy import SYSTEM, Actor

BATCH = 25


def snooze(request: Request, until: datetime | None, *, reason: str = "", actor: Actor, now: datetime) -> Request:
    """Let it rest until then; a rest that runs already gets the new end. Refusal for an end that does not fit, Conflict when it moved on.

    ``updated_at`` stays: the requester's side reads it as the last news.
    """
    steps.stop_if(can_change(request.status))
    steps.refuse_if(rest_problem(until, request.next_due_at, reason, now))
    if len(reason.strip()) > REASON_LIMIT:
        raise Refusal(say("%(limit)s characters are the most for a reason. Shorten it a little.", limit=REASON_LIMIT), field="reason")
    before = request.snoozed_until
    if until is None or before == until:
        return request
    _set(request, until)
    told = RequestSnoozed(request.id, until.isoformat(), reason.strip())
    steps.note(request, told, actor=actor, now=now, changes={"rests_until": [before.isoformat() if before else None, until.isoformat()]})
    return request


def _set(request: Request, until: datetime) -> None:
    unchanged = sa.and_(Request.id == request.id, Request.version == request.version, Request.is_open == sa.true())
    if not steps.update_one(unchanged, {"snoozed_until": until, "version": request.version + 1}):
        db.session.refresh(request)
        raise Conflict(can_change(request.status) or steps.MOVED)
    set_committed_value(request, "snoozed_until", until)
    set_committed_value(request, "version", request.version + 1)


def wake(request: Request, *, actor: Actor, now: datetime) -> Request:
    """It stands in the queue again; Conflict when it does so already."""
    if not wake_one(request, "hand", actor=actor, now=now):
        raise Conflict(say("It is awake already. Have a look before you go on."))
    return request


def wake_due(*, now: datetime, limit: int = BATCH) -> int:
    """Wake what has rested long enough; the number of requests looked at. Any number of sweeps may run."""
    query = sa.select(Request.id, Request.snoozed_until).where(Request.snoozed_until <= now)
    due = db.session.execute(query.order_by(Request.snoozed_until, Request.id).limit(limit)).all()
    for request_id, at in due:
        wake_one(db.session.get_one(Request, request_id, populate_existing=True), "time", actor=SYSTEM, now=now, at=at)
    return len(due)
