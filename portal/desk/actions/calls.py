"""A call that was answered while it lasted: one step writes it down and resolves it, both at the time of the call (R1)."""

from datetime import datetime

from portal.contracts.desk import RequestResolved
from portal.desk.actions import conversation, steps
from portal.desk.actions.filing import Filing, file_request
from portal.desk.models import Request
from portal.desk.policy import Desk, find_access
from portal.desk.rules import MessageKind, ReplyKind
from portal.kernel.errors import Forbidden, NotFound, Refusal
from portal.kernel.messages import say
from portal.kernel.policy import Actor


def log_solved(filing: Filing, *, fix: str, cause: str = "", actor: Actor, now: datetime) -> Request:
    """Take a call as a request that was solved on the phone: the call is the first answer and the end.

    ``fix`` says what solved it, ``cause`` what it came from. Refusal names the field, also for a confidential request whose service
    the writer is not named for: they may write it down, and those named solve it.
    """
    words = steps.needed(fix, "fix", say("Say what solved it. A sentence is enough."))
    request = file_request(filing, actor=actor, now=now)
    _check(request, actor)
    body = f"{words}\n\n{say('It came from: %(cause)s', cause=cause.strip())}" if cause.strip() else words
    at = request.received_at
    message = steps.say_message(request, MessageKind.REPLY, body, author_id=actor.person_id, now=now, is_first_answer=True)
    request.answered_at = request.acknowledged_at = at
    request.assignee_id = actor.person_id
    conversation.settle(request, "requester" if actor.person_id == request.requester_id else "fulfiller", actor, at)
    told = RequestResolved(request.id, request.requester_id, request.department_id, steps.person_id(actor), ReplyKind.FIX.value, message.id)
    steps.finish(request, told, actor=actor, now=now)
    return request


def _check(request: Request, actor: Actor) -> None:
    try:
        find_access(actor, request.id, to=Desk.WORK)
    except (NotFound, Forbidden):
        raise Refusal(say("This is confidential, and only those named for it solve it. Write it down without this tick."), field="solved") from None


def was_solved_on_the_phone(request: Request) -> bool:
    """True while the call itself is the end of it: nobody is told "we have it" about what is solved already."""
    return request.channel == "phone" and request.resolved_at is not None and request.resolved_at == request.received_at
