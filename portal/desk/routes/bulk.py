"""Actions on several requests of a queue: what was done is counted, what was skipped is named with the reason."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import render_template, request, session
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.desk.actions import assigning, conversation
from portal.desk.actions.conversation import Reply
from portal.desk.forms.work import AssignForm, BulkReplyForm, BulkStepForm, options
from portal.desk.models import Request
from portal.desk.policy import Desk, find_request
from portal.desk.queries import queue as queues
from portal.desk.queries import serving
from portal.desk.routes._blueprint import bp
from portal.desk.routes.queue import SKIPPED, back_to_queue, find_queue
from portal.desk.rules import next_step_problem
from portal.kernel import clock, policy
from portal.kernel.errors import NotFound, PortalError
from portal.kernel.forms import PortalForm
from portal.kernel.web import tell

LIMIT = 100
"""At most so many requests at once."""
WAYS = ("assign", "step", "reply")


@bp.post("/queue/<key>/bulk")
@policy.allow(Desk.WORK)
def bulk(key: str) -> Any:
    """Ask what to do with the ticked requests; nothing is changed yet."""
    department, way = find_queue(key), request.form.get("do", "")
    if way not in WAYS:
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
    if way not in WAYS:
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
    data = {} if filled else {"formdata": None}
    if way != "assign":
        return BulkStepForm(**data) if way == "step" else BulkReplyForm(**data)
    form = AssignForm(**data)
    form.person.choices = options([("", _("Nobody, back into the queue")), *((p.id, p.name) for p in serving.members(department.id))])
    return form


def _is_right(form: PortalForm, now: datetime) -> bool:
    form.validate()
    if isinstance(form, BulkReplyForm) and not form.errors:
        problem = next_step_problem(form.next_step.data or "", form.next_step_at.instant(policy.current().zone), now)
        if problem:
            form.complain(problem[0], str(problem[1]))
    return not form.problems()


def _work(way: str, form: Any, now: datetime) -> Callable[[Request], Any]:
    actor = policy.current()
    if way == "assign":
        return lambda row: assigning.assign(row, form.person.data, actor=actor, now=now)
    reply = Reply(form.body.data or "", form.next_step.data or "", form.next_step_at.instant(actor.zone))
    return lambda row: conversation.reply(row, reply, actor=actor, now=now)


def _each(work: Callable[[Request], Any], chosen: list[queues.QueueRow]) -> tuple[int, list[str]]:
    # Actions refuse before they write anything that counts, so the others go on in the same unit of work.
    done, skipped = 0, []
    for row in chosen:
        try:
            work(find_request(policy.current(), row.id, to=Desk.WORK))
            done += 1
        except PortalError as error:
            name = row.title or _("Confidential request")
            skipped.append(f"{row.id} {name}: {_('It is confidential, so only those named for it do this.') if row.bare else error.message}")
    return done, skipped


def _told(way: str, done: int) -> Any:
    if way == "assign":
        return ngettext("One request changed hands.", "%(num)d requests changed hands.", done)
    return ngettext("One reply is sent.", "%(num)d replies are sent.", done)


def _page(department: queues.Served, way: str, form: PortalForm, chosen: list[queues.QueueRow]) -> str:
    return render_template("desk/bulk.html", department=department, way=way, form=form, chosen=chosen, back=request.form.get("back", "")[:1000])
