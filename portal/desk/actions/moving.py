"""Where it stands: hand it over, judge its priority anew, wait, go on, plan it."""

from datetime import datetime
from typing import Any

from portal.contracts.desk import PriorityChanged, RequestPaused, RequestResumed, RequestTransferred, StatusChanged
from portal.desk.actions import conversation, steps
from portal.desk.actions.filing import NOBODY_NAMED, has_named
from portal.desk.models import PromiseVersion, Request, Service
from portal.desk.queries import promises
from portal.desk.queries.serving import may_have
from portal.desk.rules import PauseReason, Priority, Status, WaitFor, can_change, can_pause, can_resume, is_looser, targets_of
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.calendars import work_calendar


def transfer(request: Request, *, service_id: int, reason: str, actor: Actor, now: datetime) -> Request:
    """Hand it to another service, usually of another department, with a reason. Nobody has it there yet.

    The requester's clock runs through: same start, pauses and calendar version, the new service's targets (R11, R18).
    A request that is or becomes confidential stays so, and whoever had it keeps it only when named for the new service.
    """
    steps.take_turn(request, now)
    steps.stop_if(can_change(request.status))
    text = steps.reason_given(reason)
    service = db.session.get(Service, service_id)
    if service is None or not service.is_active:
        raise Refusal(say("This service is not offered. Choose another one."), field="service_id")
    if service.id == request.service_id:
        raise Refusal(say("It is there already. Choose where it should go."), field="service_id")
    if (request.is_confidential or service.is_confidential) and not has_named(service.id):
        raise Refusal(NOBODY_NAMED, field="service_id")
    told = RequestTransferred(request.id, request.department_id, service.department_id, request.service_id, service.id, text)
    promised = promises.current_version(service.id)
    _hand_over(request, service, promised, actor, now)
    steps.finish(request, told, actor=actor, now=now)
    return request


def _hand_over(request: Request, service: Service, promised: PromiseVersion, actor: Actor, now: datetime) -> None:
    if service.department_id != request.department_id:
        request.assignee_id = None
        if request.status is not Status.NEW:
            _go_on(request, actor, now, Status.NEW)
    request.department_id, request.service_id = service.department_id, service.id
    request.is_confidential = request.is_confidential or service.is_confidential
    request.promise_version_id = promised.id
    if request.is_confidential and request.assignee_id and not may_have(request, request.assignee_id):
        request.assignee_id = None
    _retarget(request, service, promised, actor, now)


def _go_on(request: Request, actor: Actor, now: datetime, status: Status) -> None:
    if request.waits_for or request.status in (Status.WAITING_REQUESTER, Status.WAITING_OTHER):
        steps.log(request, "resumed", "fulfiller", actor=actor, at=now)
    steps.set_status(request, status)
    request.waits_for = ""


def _retarget(request: Request, service: Service, promised: PromiseVersion, actor: Actor, now: datetime) -> None:
    steps.log(request, "retargeted", "fulfiller", actor=actor, at=now, targets=new_targets(request, service, promised), department=request.department_id)


def new_targets(request: Request, service: Service, promised: PromiseVersion) -> dict[str, int | None]:
    """The targets in seconds of a request under another promise or priority; a needed date still sets the time to the end."""
    calendar = work_calendar(request.calendar_version_id)
    targets = promises.with_due_date(targets_of(promised.targets, request.priority), service, request.answers, request.received_at, calendar)
    return {name: targets.get(name) for name in ("first_response", "next_response", "resolution")}


def set_priority(request: Request, priority: Priority, *, reason: str = "", actor: Actor, now: datetime) -> Request:
    """Judge anew how much it hurts. Giving ourselves more time needs a reason (R11), and less time is never due at once.

    A running clock keeps its hours (R18): raised to a priority that counts nights, it has the new target in the hours it began with.
    """
    steps.take_turn(request, now)
    steps.stop_if(can_change(request.status))
    old = request.priority
    if priority == old:
        return request
    text = steps.reason_given(reason) if is_looser(old, priority) or reason.strip() else ""
    service, promised = db.session.get_one(Service, request.service_id), db.session.get_one(PromiseVersion, request.promise_version_id)
    request.priority = priority
    _retarget(request, service, promised, actor, now)
    changes = {"priority": [old.value, priority.value]}
    steps.finish(request, PriorityChanged(request.id, old.value, priority.value, text), actor=actor, now=now, changes=changes)
    return request


def pause(request: Request, *, waits_for: WaitFor, wait_name: str = "", reason: PauseReason | None = None, actor: Actor, now: datetime) -> Request:
    """Let the clock wait: for the requester while a question is open, or for somebody named (R8). Refusal otherwise."""
    steps.take_turn(request, now)
    asked = waits_for is WaitFor.REQUESTER and conversation.question_is_open(request)
    steps.stop_if(can_change(request.status))
    steps.refuse_if(can_pause(request.status, waits_for, asked_after_last_word=asked, name=wait_name))
    why = reason or (PauseReason.REQUESTER if waits_for is WaitFor.REQUESTER else PauseReason.SUPPLIER)
    conversation.begin_pause(request, waits_for, wait_name, why, actor, now)
    steps.finish(request, RequestPaused(request.id, why.value, request.waits_for), actor=actor, now=now)
    return request


def resume(request: Request, *, actor: Actor, now: datetime) -> Request:
    """The clock goes on: by staff, or by the requester ("you are waiting for me? I have answered")."""
    steps.take_turn(request, now)
    steps.stop_if(can_resume(request.status))
    side = "requester" if actor.person_id in (request.requester_id, request.filed_by_id) else "fulfiller"
    steps.log(request, "resumed", side, actor=actor, at=now)
    conversation.go_on(request)
    steps.finish(request, RequestResumed(request.id), actor=actor, now=now)
    return request


def plan(request: Request, *, planned: bool, actor: Actor, now: datetime) -> Request:
    """Say that work is planned for later, or that it has begun; a wait ends. The clocks take no notice."""
    steps.take_turn(request, now)
    steps.stop_if(can_change(request.status))
    old, new = request.status, Status.PLANNED if planned else Status.WORKING
    if old is new:
        raise Conflict(say("It says so already. Have a look before you go on."))
    _go_on(request, actor, now, new)
    told = StatusChanged(request.id, old.value, new.value)
    steps.finish(request, told, actor=actor, now=now, changes=_changes(old, new))
    return request


def _changes(old: Status, new: Status) -> dict[str, Any]:
    return {"status": [old.value, new.value]}
