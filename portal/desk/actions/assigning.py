"""Who has it: take a request nobody has, give it to a colleague, or put it back into the queue."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from portal.contracts.desk import RequestAssigned, RequestClaimed
from portal.desk.actions import steps
from portal.desk.models import Request
from portal.desk.queries.serving import may_have
from portal.desk.rules import can_change
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.messages import Message, say
from portal.kernel.policy import Actor


def claim(request: Request, *, actor: Actor, now: datetime) -> Request:
    """Take a request that nobody has, in one conditional UPDATE. Conflict names who was faster; one's own is simply kept."""
    me = steps.person_id(actor)
    free = sa.and_(Request.id == request.id, Request.assignee_id.is_(None), Request.is_open == sa.true())
    if not steps.update_one(free, {"assignee_id": me, "version": Request.version + 1, "updated_at": now}):
        db.session.refresh(request)
        if request.assignee_id == me and request.is_open:
            return request
        raise Conflict(_lost(request))
    for name, value in (("assignee_id", me), ("updated_at", now), ("version", request.version + 1)):
        set_committed_value(request, name, value)
    steps.note(request, RequestClaimed(request.id, me), actor=actor, now=now)
    return request


def _lost(request: Request) -> Message:
    if problem := can_change(request.status):
        return problem
    if request.assignee_id is None:
        return steps.MOVED
    return say("%(name)s took it a moment before you.", name=steps.full_name(request.assignee_id))


def assign(request: Request, person_id: int | None, *, actor: Actor, now: datetime) -> Request:
    """Give it to somebody who serves the department (None: back into the queue). Refusal for others, Conflict when it moved on."""
    steps.take_turn(request, now)
    steps.stop_if(can_change(request.status))
    if person_id is not None and not may_have(request, person_id):
        raise Refusal(say("Choose somebody who answers for this department. Others would not see the request."), field="person")
    old = request.assignee_id
    if old == person_id:
        return request
    request.assignee_id = person_id
    steps.note(request, RequestAssigned(request.id, person_id, old), actor=actor, now=now, changes={"assignee": [old, person_id]})
    return request
