"""The end of a request: cancel it, say whether it worked, bring it back, or let it rest after silence."""

from datetime import datetime

from portal.contracts.desk import RequestCancelled, RequestClosed, RequestConfirmed, RequestReopened
from portal.desk.actions import conversation, steps
from portal.desk.actions.filing import Filing, file_request
from portal.desk.models import Request
from portal.desk.rules import DONE, PAUSED, REASON_LIMIT, REOPEN_DAYS, Answer, MessageKind, Priority, Status, can_cancel, can_confirm
from portal.kernel.errors import Conflict
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.calendars import work_calendar

IMPACTS = {Priority.URGENT: "stopped", Priority.HIGH: "slower", Priority.NORMAL: "slower"}
REOPEN_REASONS = {Answer.NO: "not_solved", Answer.PARTLY: "partly"}


def cancel(request: Request, *, reason: str = "", actor: Actor, now: datetime) -> Request:
    """Nobody needs it any more; a reason is welcome, not needed. Its clocks are cancelled, what was late stays late."""
    steps.take_turn(request, now, lost=lambda row: can_cancel(row.status))
    steps.stop_if(can_cancel(request.status))
    by = "requester" if actor.person_id in (request.requester_id, request.filed_by_id) else "fulfiller"
    steps.log(request, "cancelled", by, actor=actor, at=now)
    steps.set_status(request, Status.CANCELLED)
    request.closed_at, request.awaits_answer, request.follow_up_at = now, False, None
    request.next_step, request.next_step_at, request.waits_for = "", None, ""
    steps.finish(request, RequestCancelled(request.id, reason.strip()[:REASON_LIMIT]), actor=actor, now=now)
    return request


def set_aside(request: Request, *, reason: str, actor: Actor, now: datetime) -> Request:
    """The serving side heard that it is no longer needed; the requester reads the reason. Refusal without one."""
    return cancel(request, reason=steps.reason_given(reason), actor=actor, now=now)


def confirm(request: Request, *, answer: Answer, note: str = "", actor: Actor, now: datetime) -> Request:
    """Answer "did it work?". Yes closes a resolved request; partly and no bring it back with a message, if there is a note.

    After a workaround the request is open anyway: the answer is kept, and partly or no waits for a reply. The same yes twice is one
    yes; Conflict when the request moved on meanwhile or was resolved too long ago to come back.
    """
    steps.take_turn(request, now, lost=lambda row: can_confirm(row.status, awaits_answer=row.awaits_answer))
    steps.stop_if(can_confirm(request.status, awaits_answer=request.awaits_answer))
    if request.outcome == answer and not request.awaits_answer:
        return request
    request.outcome = answer.value
    if request.status in DONE and answer is not Answer.YES:
        return _reopen(request, REOPEN_REASONS[answer], note, actor, now)
    request.awaits_answer, request.follow_up_at = False, None
    _keep_note(request, note, actor, now, wants_reply=answer is not Answer.YES)
    if request.status is Status.RESOLVED:
        steps.set_status(request, Status.CLOSED)
        request.closed_at = now
    steps.finish(request, RequestConfirmed(request.id, answer.value), actor=actor, now=now)
    return request


def _keep_note(request: Request, note: str, actor: Actor, now: datetime, *, wants_reply: bool) -> None:
    if note.strip():
        steps.say_message(request, MessageKind.MESSAGE, note.strip(), author_id=actor.person_id, now=now)
    if wants_reply:
        steps.log(request, "requester_message", "requester", actor=actor, at=now)
        if request.status in PAUSED:  # whatever the requester says ends the wait (R8)
            conversation.go_on(request)


def _reopen(request: Request, reason: str, note: str, actor: Actor, now: datetime) -> Request:
    if not can_reopen(request, now):
        raise Conflict(say("It was resolved too long ago to come back. Ask again, and the new request will name this one."))
    steps.log(request, "reopened", "requester", actor=actor, at=now, reason="not_solved" if reason == "not_solved" else "other")
    steps.set_status(request, Status.WORKING)
    request.reopen_count += 1
    request.resolved_at, request.closed_at, request.resolution_kind = None, None, None
    request.awaits_answer, request.follow_up_at = False, None
    _keep_note(request, note, actor, now, wants_reply=True)
    steps.finish(request, RequestReopened(request.id, reason, steps.person_id(actor)), actor=actor, now=now)
    return request


def can_reopen(request: Request, now: datetime) -> bool:
    """True within ten working days after the resolution (R12); later a new request follows it."""
    if request.status not in DONE or request.resolved_at is None:
        return False
    return now <= work_calendar(request.calendar_version_id).working_day_later(request.resolved_at, REOPEN_DAYS)


def ask_again(request: Request, *, note: str, actor: Actor, now: datetime) -> Request:
    """Come back to something that is over: within the window the same request goes on, later a new one follows it (R12).

    Returns the request to lead to. Refusal without words, Conflict while it is still open.
    """
    text = steps.needed(note, "note", say("What is it about this time? A sentence is enough."))
    steps.take_turn(request, now)
    if request.status in DONE and can_reopen(request, now):
        return _reopen(request, "other", text, actor, now)
    if request.is_open:
        raise Conflict(say("This request is still open. Add a message instead."))
    return file_request(_following(request, text), actor=actor, now=now)


def _following(request: Request, text: str) -> Filing:
    return Filing(
        service_id=request.service_id,
        title=request.title,
        description=text,
        requester_id=request.requester_id,
        impact=IMPACTS.get(request.priority, "nuisance"),
        answers=_lasting_answers(request),
        customer_notices=request.customer_notices,
        customer_impact=request.customer_impact,
        location_id=request.location_id,
        place=request.place,
        confidential=request.is_confidential,
        follows_id=request.id,
    )


def _lasting_answers(request: Request) -> dict[str, object]:
    # A date that was needed then is no date that is needed now.
    return {key: value for key, value in request.answers.items() if not (isinstance(value, str) and value[:4].isdigit() and "-" in value)}


def close_silent(request: Request, *, actor: Actor, now: datetime) -> Request:
    """Nobody said anything for five working days after the resolution: it rests. Conflict when somebody did."""
    steps.take_turn(request, now)
    if request.status is not Status.RESOLVED:
        raise Conflict(steps.MOVED)
    steps.set_status(request, Status.CLOSED)
    request.closed_at, request.awaits_answer, request.follow_up_at = now, False, None
    steps.note(request, RequestClosed(request.id, "silent"), actor=actor, now=now)
    return request
