"""Beside the queue: writing down a call, and the list of those who still say whether it worked."""

from datetime import datetime
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.desk import words
from portal.desk.actions import calls
from portal.desk.actions.filing import Filing, file_request
from portal.desk.forms.work import CallForm, DoneForm, options
from portal.desk.policy import Desk, find_request
from portal.desk.queries import queue as queues
from portal.desk.queries import services as read
from portal.desk.queries.queue_around import Served
from portal.desk.queries.queue_conditions import Times, Wanted
from portal.desk.routes._blueprint import bp
from portal.desk.routes.queue import find_queue, shown_rows
from portal.kernel import clock, policy
from portal.kernel.errors import PortalError, Refusal
from portal.kernel.web import see_other, tell
from portal.people.queries import persons


@bp.get("/queue/<key>/call")
@policy.allow(Desk.QUEUE)
def log_call(key: str) -> str:
    """The form of a call somebody took."""
    department, form = find_queue(key), CallForm(formdata=None)
    form.received_at.show(clock.now(), policy.current().zone)
    return _page(department, form)


def _page(department: Served, form: CallForm, done: DoneForm | None = None) -> str:
    quick = done or DoneForm(formdata=None, prefix=QUICK)
    form.service_id.choices = quick.service_id.choices = options(_about(department))
    return render_template("desk/call.html", department=department, form=form, done=quick)


def _about(department: Served) -> list[tuple[Any, str]]:
    return [("", _("Choose one")), *read.offered(department.id)]


@bp.post("/queue/<key>/call")
@policy.allow(Desk.QUEUE)
def log_call_now(key: str) -> Any:
    """Write the call down as a request of whoever rang; its clock starts when they called."""
    department, form, now = find_queue(key), CallForm(), clock.now()
    form.service_id.choices = options(_about(department))
    try:
        if form.validate():
            return _after(key, _taken(form, now))
    except Refusal as refusal:
        form.complain(_PLACES.get(str(refusal.field), refusal.field), str(refusal.message))
    return _page(department, form), 422


def _taken(form: CallForm, now: datetime) -> int:
    if form.solved.data:
        filed = calls.log_solved(_filing(form, now), fix=str(form.fix.data or ""), cause=str(form.cause.data or ""), actor=policy.current(), now=now)
        tell(_("Written down as %(number)s, answered and solved when they called.", number=filed.id))
    else:
        filed = file_request(_filing(form, now), actor=policy.current(), now=now)
        tell(_("Written down as %(number)s. Its clock starts when they called.", number=filed.id))
    return filed.id


QUICK = "done-"
"""In front of the fields of the one line, which stands on the same page as the long form."""


@bp.post("/queue/<key>/done")
@policy.allow(Desk.QUEUE)
def log_done(key: str) -> Any:
    """One line about a call that just ended and was settled: written down, answered and solved. The form stays for the next one."""
    department, form, now = find_queue(key), DoneForm(prefix=QUICK), clock.now()
    form.service_id.choices = options(_about(department))
    try:
        if form.validate():
            filed = calls.log_solved(_done(form), fix=str(form.title.data), actor=policy.current(), now=now)
            tell(_("Logged and done: %(number)s.", number=filed.id))
            return see_other("desk.log_call", key=key)
    except Refusal as refusal:
        form.complain({"requester_id": "caller", "solved": "service_id"}.get(str(refusal.field), refusal.field), str(refusal.message))
    full = CallForm(formdata=None)
    full.received_at.show(now, policy.current().zone)
    return _page(department, full, form), 422


def _done(form: DoneForm) -> Filing:
    person = persons.person_meant(policy.current(), str(form.caller.data), field="caller")
    return Filing(service_id=form.service_id.data or 0, title=str(form.title.data), description="", requester_id=person or 0, channel="phone")


_PLACES = {"requester_id": "caller"}


def _filing(form: CallForm, now: datetime) -> Filing:
    person = persons.person_meant(policy.current(), str(form.caller.data), field="caller")
    return Filing(
        service_id=form.service_id.data or 0,
        title=str(form.title.data),
        description=str(form.description.data or ""),
        requester_id=person or 0,
        impact=str(form.impact.data),
        place=str(form.place.data or ""),
        confidential=bool(form.confidential.data),
        received_at=_moment(form, now),
        channel="phone",
    )


def _moment(form: CallForm, now: datetime) -> datetime:
    """The time of the call; the minute that is just passing is now."""
    typed = form.received_at.instant(policy.current().zone)
    return now if typed is None or typed.replace(second=0) == now.replace(second=0, microsecond=0) else typed


def _after(key: str, request_id: int) -> Response:
    # Of a confidential request whoever wrote it down may see nothing from now on; then the queue is the place to go.
    try:
        find_request(policy.current(), request_id)
    except PortalError:
        return see_other("desk.queue", key=key)
    return see_other("desk.request_page", request_id=request_id)


@bp.get("/queue/<key>/follow-ups")
@policy.allow(Desk.QUEUE)
def follow_ups(key: str) -> str:
    """Solved, and nobody said yet whether it works."""
    actor, now, department = policy.current(), clock.now(), find_queue(key)
    first = max(1, min(request.args.get("first", 1, int), 10**7))
    wanted = Wanted(view="follow-up")
    found = queues.rows(actor, department.id, wanted, times=Times.of(now, actor.zone), cursor=request.args.get("at"), first=first)
    lines = shown_rows(found.page.items, words.Reader(now, actor.zone, actor.locale))
    return render_template("desk/follow_ups.html", department=department, found=found, lines=lines)
