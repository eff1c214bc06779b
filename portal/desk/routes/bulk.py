"""Actions on several requests of a queue: what was done is counted, what was skipped is named with the reason.

Either on those that were ticked, or on everything that matches: then the filter decides once more when it is done, without what came in since.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import accumulate
from typing import Any

from flask import render_template, request, session
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from portal.desk import words
from portal.desk.actions import assigning, conversation, deciding, moving, snoozing, undoing
from portal.desk.actions.conversation import Reply
from portal.desk.forms.resting import RestForm
from portal.desk.forms.work import AssignForm, BulkEndForm, BulkFixForm, BulkReplyForm, BulkStepForm, PriorityForm, options
from portal.desk.models import Request
from portal.desk.policy import Desk, find_request
from portal.desk.queries import queue as queues
from portal.desk.queries import queue_around as arounds
from portal.desk.queries import serving
from portal.desk.queries import views as saved_views
from portal.desk.queries.queue_conditions import Times, matching
from portal.desk.routes import _undoing
from portal.desk.routes._asked import asked
from portal.desk.routes._blueprint import bp
from portal.desk.routes.queue import SKIPPED, back_to_queue, came_from, find_queue
from portal.desk.routes.resting import offered
from portal.desk.rules import Priority, ReplyKind, next_step_problem
from portal.kernel import clock, policy
from portal.kernel.errors import NotFound, PortalError, Refusal
from portal.kernel.forms import PortalForm
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.kernel.unit_of_work import attempt
from portal.kernel.web import tell

NAMED = 1600
"""Bytes of the lines that name what was skipped; a browser forgets a session of more than 4096 altogether, with the way back."""
LIMIT, MANY, SEVERAL = 100, 500, 200
"""At most so many ticked requests at once, so many that match, and so many of these where each requester is written to."""
FORMS: dict[str, type[PortalForm]] = {
    "assign": AssignForm,
    "step": BulkStepForm,
    "reply": BulkReplyForm,
    "fix": BulkFixForm,
    "priority": PriorityForm,
    "end": BulkEndForm,
    "rest": RestForm,
}
"""What can be done with several, each with what has to be said."""
UNDONE = frozenset({"assign", "priority", "rest"})
"""What can be taken back. What somebody was told cannot be untold: a reply, a next step, a fix and an end are not in here."""
Work = Callable[[Request], Any]


@dataclass(frozen=True)
class Chosen:
    """The requests something is done with; ``upto`` is the newest number when everything that matches is meant, 0 for ticked ones."""

    rows: Sequence[queues.QueueRow]
    upto: int = 0
    more: bool = False


@bp.post("/queue/<key>/bulk")
@policy.allow(Desk.WORK)
def bulk(key: str) -> Any:
    """Ask what to do with the chosen requests; nothing is changed yet."""
    department, way = find_queue(key), request.form.get("do", "")
    if way not in FORMS:
        raise NotFound()
    chosen = _chosen(department, way, clock.now())
    if not chosen.rows:
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
    form, chosen = _form(department, way, filled=True), _chosen(department, way, now)
    if not _is_right(form, now):
        return _page(department, way, form, chosen), 422
    done, skipped = _each(way, _work(way, form, now), chosen.rows)
    if done:
        _tell(department, way, done, now)
    if skipped:
        title = ngettext("One was skipped.", "%(num)d were skipped.", len(skipped))
        session[SKIPPED] = {"title": title, "lines": _named(skipped)}
    return back_to_queue(key)


@bp.post("/queue/<key>/undo/<int:undo_id>")
@policy.allow(Desk.WORK)
def take_back(key: str, undo_id: int) -> Response:
    """Take back what was done with several, as far as nothing changed since."""
    department = find_queue(key)
    _undoing.forget()
    done, left = undoing.take_back(undo_id, department.id, actor=policy.current(), now=clock.now())
    said = [ngettext("One request is as it was.", "%(num)d requests are as they were.", done)] if done else []
    if left:
        said.append(ngettext("One has changed since and stays.", "%(num)d have changed since and stay.", left))
    tell(" ".join(said))
    return back_to_queue(key)


def _named(skipped: Sequence[str]) -> list[str]:
    """The first of them, as many as a cookie holds beside all else, and how many more there are."""
    sizes = accumulate(len(line.encode()) for line in skipped)
    told = [line for line, size in zip(skipped, sizes, strict=True) if size <= NAMED] or [skipped[0][: NAMED // 4]]
    more = len(skipped) - len(told)
    return [*told, ngettext("And one more.", "And %(num)d more.", more)] if more else told


def _most(way: str) -> int:
    return MANY if way in UNDONE else SEVERAL


def _chosen(department: arounds.Served, way: str, now: datetime) -> Chosen:
    if request.form.get("all") != "yes":
        return Chosen(queues.some(policy.current(), department.id, _ids()))
    actor = policy.current()
    look = asked(department.key, saved_views.of_queue(actor, department.id), came_from())
    wanted, times = look.form.wanted(actor.person_id), Times.of(now, actor.zone)
    upto = request.form.get("upto", 0, int) or arounds.newest(department.id)
    matched = [*matching(wanted, actor, department.id, times), Request.id <= min(upto, 2**31 - 1)]
    found = queues.rows(actor, department.id, wanted, times=times, limit=_most(way), matched=matched)
    return Chosen(found.page.items, upto, found.page.next is not None)


def _ids() -> list[int]:
    sent = request.form.getlist("id")[:LIMIT]
    return [int(number) for number in sent if number.isascii() and number.isdigit() and len(number) < 10]


def _form(department: arounds.Served, way: str, *, filled: bool) -> PortalForm:
    form = FORMS[way]() if filled else FORMS[way](formdata=None)
    if isinstance(form, AssignForm):
        form.person.choices = options([("", _("Nobody, back into the queue")), *((p.id, p.name) for p in serving.members(department.id))])
    if isinstance(form, PriorityForm):
        form.offer({level.value: str(words.priority_word(level)) for level in Priority})
    if isinstance(form, RestForm):
        offered(form, department.id, clock.now())
    return form


def _is_right(form: PortalForm, now: datetime) -> bool:
    form.validate()
    if isinstance(form, BulkReplyForm) and not form.errors:
        problem = next_step_problem(form.next_step.data or "", form.next_step_at.instant(policy.current().zone), now)
        if problem:
            form.complain(problem[0], str(problem[1]))
    if isinstance(form, RestForm) and not form.errors and (problem := form.problem(policy.current().zone, now)):
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
    if way == "rest":
        return lambda row: snoozing.snooze(row, form.instant(actor.zone), reason=form.reason.data or "", actor=actor, now=now)
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


def _do(way: str, work: Work, request_id: int) -> dict[str, Any]:
    row = find_request(policy.current(), request_id, to=Desk.WORK)
    before = undoing.standing(way, row) if way in UNDONE else None
    work(row)
    return undoing.item(way, row, before) if way in UNDONE else {}


def _each(way: str, work: Work, chosen: Sequence[queues.QueueRow]) -> tuple[list[dict[str, Any]], list[str]]:
    # Each in its own savepoint: what one refusal had begun is undone, and the others stay.
    done: list[dict[str, Any]] = []
    skipped: list[str] = []
    for row in chosen:
        try:
            done.append(attempt(partial(_do, way, work, row.id)))
        except PortalError as error:
            name = row.title or _("Confidential request")
            skipped.append(f"{row.id} {name}: {_('It is confidential, so only those named for it do this.') if row.bare else error.message}")
    return done, skipped


def _tell(department: arounds.Served, way: str, done: Sequence[dict[str, Any]], now: datetime) -> None:
    text = _told(way, len(done))
    tell(text)
    _undoing.forget()
    if way in UNDONE:
        _undoing.promise(department.key, undoing.remember(department.id, way, done, actor=policy.current(), now=now), text)


def _told(way: str, done: int) -> Any:
    told = {
        "assign": lambda: ngettext("One request changed hands.", "%(num)d requests changed hands.", done),
        "fix": lambda: ngettext("One request is resolved.", "%(num)d requests are resolved.", done),
        "priority": lambda: ngettext("One request is judged anew.", "%(num)d requests are judged anew.", done),
        "end": lambda: ngettext("One request is ended, its requester knows why.", "%(num)d requests are ended, their requesters know why.", done),
        "rest": lambda: ngettext("One request rests.", "%(num)d requests rest.", done),
    }
    return told.get(way, lambda: ngettext("One reply is sent.", "%(num)d replies are sent.", done))()


def _page(department: arounds.Served, way: str, form: PortalForm, chosen: Chosen) -> str:
    told = {"way": way, "form": form, "chosen": chosen.rows, "whole": chosen, "most": _most(way), "undone": UNDONE}
    return render_template("desk/bulk.html", department=department, back=request.form.get("back", "")[:1000], **told)
