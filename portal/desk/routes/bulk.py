"""Actions on several requests of a queue: what was done is counted, what was skipped is named with the reason."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from flask import render_template, request, session
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.desk import words
from portal.desk.actions import assigning, conversation, deciding, moving
from portal.desk.actions.conversation import Reply
from portal.desk.forms.work import AssignForm, BulkEndForm, BulkFixForm, BulkReplyForm, BulkStepForm, PriorityForm, options
from portal.desk.models import Request
from portal.desk.policy import Desk, find_request
from portal.desk.queries import queue as queues
from portal.desk.queries import serving
from portal.desk.routes._blueprint import bp
from portal.desk.routes.queue import SKIPPED, back_to_queue, find_queue
from portal.desk.rules import Priority, ReplyKind, next_step_problem
from portal.kernel import clock, policy
from portal.kernel.errors import NotFound, PortalError, Refusal
from portal.kernel.forms import PortalForm
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.kernel.unit_of_work import attempt
from portal.kernel.web import tell

LIMIT = 100
"""At most so many requests at once."""
FORMS: dict[str, type[PortalForm]] = {
    "assign": AssignForm,
    "step": BulkStepForm,
    "reply": BulkReplyForm,
    "fix": BulkFixForm,
    "priority": PriorityForm,
    "end": BulkEndForm,
}
"""What can be done with several, each with what has to be said."""
Work = Callable[[Request], Any]


@bp.post("/queue/<key>/bulk")
@policy.allow(Desk.WORK)
def bulk(key: str) -> Any:
    """Ask what to do with the ticked requests; nothing is changed yet."""
    department, way = find_queue(key), request.form.get("do", "")
    if way not in FORMS:
        raise NotFound()
    chosen = queues.some(policy.current(), department.id, _ids())
    if not chosen:
        tell(_("Tick at least one request first."))
        return back_to_queue(key)
    return _page(department, way, _form(department, way, filled=False), chosen)


@bp.post("/queue/<key>/bulk/<way>")
@policy.allow(Desk.WORK)
def bulk_now(key: str, way: str) -> Any:
    """Do it with each; the ones that cannot be are skipped and named."""
    department, now = find_queue(key), clock.now()
    if way not in FORMS:
        raise NotFound()
    form = _form(department, way, filled=True)
    if not _is_right(form, now):
        return _page(department, way, form, queues.some(policy.current(), department.id, _ids())), 422
    done, skipped = _each(_work(way, form, now), queues.some(policy.current(), department.id, _ids()))
    if done:
        tell(_told(way, done))
    if skipped:
        title = ngettext("One was skipped.", "%(num)d were skipped.", len(skipped))
        session[SKIPPED] = {"title": title, "lines": skipped[:30]}
    return back_to_queue(key)


def _ids() -> list[int]:
    sent = request.form.getlist("id")[:LIMIT]
    return [int(number) for number in sent if number.isascii() and number.isdigit() and len(number) < 10]


def _form(department: queues.Served, way: str, *, filled: bool) -> PortalForm:
    form = FORMS[way]() if filled else FORMS[way](formdata=None)
    if isinstance(form, AssignForm):
        form.person.choices = options([("", _("Nobody, back into the queue")), *((p.id, p.name) for p in serving.members(department.id))])
    if isinstance(form, PriorityForm):
        form.offer({level.value: str(words.priority_word(level)) for level in Priority})
    return form


def _is_right(form: PortalForm, now: datetime) -> bool:
    form.validate()
    if isinstance(form, BulkReplyForm) and not form.errors:
        problem = next_step_problem(form.next_step.data or "", form.next_step_at.instant(policy.current().zone), now)
        if problem:
            form.complain(problem[0], str(problem[1]))
    return not form.problems()


def _work(way: str, form: Any, now: datetime) -> Work:
    actor = policy.current()
    if way == "assign":
        return lambda row: assigning.assign(row, form.person.data, actor=actor, now=now)
    if way == "priority":
        return _judged(Priority(form.priority.data), form.reason.data or "", actor, now)
    if way == "end":
        return lambda row: deciding.set_aside(row, reason=form.reason.data or "", actor=actor, now=now)
    reply = _reply(form, actor.zone)
    return lambda row: conversation.reply(row, reply, actor=actor, now=now)


def _reply(form: Any, zone: str) -> Reply:
    if isinstance(form, BulkFixForm):
        return Reply(form.body.data or "", kind=ReplyKind.FIX)
    return Reply(form.body.data or "", form.next_step.data or "", form.next_step_at.instant(zone))


def _judged(priority: Priority, reason: str, actor: Actor, now: datetime) -> Work:
    def work(row: Request) -> None:
        if row.priority == priority:
            raise Refusal(say("It is judged like this already."))
        moving.set_priority(row, priority, reason=reason, actor=actor, now=now)

    return work


def _do(work: Work, request_id: int) -> None:
    work(find_request(policy.current(), request_id, to=Desk.WORK))


def _each(work: Work, chosen: list[queues.QueueRow]) -> tuple[int, list[str]]:
    # Each in its own savepoint: what one refusal had begun is undone, and the others stay.
    done, skipped = 0, []
    for row in chosen:
        try:
            attempt(partial(_do, work, row.id))
            done += 1
        except PortalError as error:
            name = row.title or _("Confidential request")
            skipped.append(f"{row.id} {name}: {_('It is confidential, so only those named for it do this.') if row.bare else error.message}")
    return done, skipped


def _told(way: str, done: int) -> Any:
    told = {
        "assign": lambda: ngettext("One request changed hands.", "%(num)d requests changed hands.", done),
        "fix": lambda: ngettext("One request is resolved.", "%(num)d requests are resolved.", done),
        "priority": lambda: ngettext("One request is judged anew.", "%(num)d requests are judged anew.", done),
        "end": lambda: ngettext("One request is ended, its requester knows why.", "%(num)d requests are ended, their requesters know why.", done),
    }
    return told.get(way, lambda: ngettext("One reply is sent.", "%(num)d replies are sent.", done))()


def _page(department: queues.Served, way: str, form: PortalForm, chosen: list[queues.QueueRow]) -> str:
    return render_template("desk/bulk.html", department=department, way=way, form=form, chosen=chosen, back=request.form.get("back", "")[:1000])
