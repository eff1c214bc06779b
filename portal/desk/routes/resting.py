"""Letting a request rest until a moment, and waking it: for those who work on it. Its requester sees nothing of it."""

from datetime import datetime
from typing import Any

from flask import render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.desk import words
from portal.desk.actions import snoozing
from portal.desk.forms.resting import RestForm
from portal.desk.models import Request
from portal.desk.policy import Desk, find_request
from portal.desk.resting import Preset, presets
from portal.desk.routes._blueprint import bp
from portal.kernel import clock, policy
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.web import see_other, tell
from portal.people import calendars


def offered(form: RestForm, department_id: int, now: datetime) -> RestForm:
    """The form with the presets of a department; one statement, and one for a calendar nobody has asked for yet."""
    names = {Preset.TOMORROW: _("Tomorrow morning"), Preset.MONDAY: _("Monday morning"), Preset.WEEK: _("In a week")}
    calendar = calendars.work_calendar(calendars.department_version(department_id))
    found = presets(now, policy.current().zone, calendar)
    form.offer([(choice.at, names[choice.preset]) for choice in found], _("A day and time of your own"))
    return form


def words_of(until: datetime | None, now: datetime) -> str:
    """The end of a rest in the reader's words: "tomorrow 9:00", "Thu 12:00"."""
    actor = policy.current()
    return words.Reader(now, actor.zone, actor.locale).when(until) if until else ""


def _page(row: Request, form: RestForm) -> str:
    return render_template("desk/_work/rest.html", request_id=row.id, request_row=row, form=form)


@bp.get("/requests/<int:request_id>/work/rest")
@policy.allow(Desk.WORK)
def rest(request_id: int) -> str:
    """Until when it should rest."""
    row = find_request(policy.current(), request_id, to=Desk.WORK)
    return _page(row, offered(RestForm(formdata=None), row.department_id, clock.now()))


@bp.post("/requests/<int:request_id>/work/rest")
@policy.allow(Desk.WORK)
def rest_now(request_id: int) -> Any:
    """Let it rest; the way leads back to the request, which says until when."""
    actor, now = policy.current(), clock.now()
    row = find_request(actor, request_id, to=Desk.WORK)
    form = offered(RestForm(), row.department_id, now)
    try:
        if form.validate():
            snoozing.snooze(row, form.instant(actor.zone), reason=str(form.reason.data or ""), actor=actor, now=now)
            tell(_("%(number)s rests until %(when)s. Its clock goes on.", number=row.id, when=words_of(row.snoozed_until, now)))
            return see_other("desk.request_page", request_id=request_id)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    except Conflict as lost:
        lost.link = url_for("desk.request_page", request_id=request_id)
        raise
    return _page(row, form), 422


@bp.post("/requests/<int:request_id>/work/wake")
@policy.allow(Desk.WORK)
def wake(request_id: int) -> Response:
    """It stands in the queue again."""
    row = find_request(policy.current(), request_id, to=Desk.WORK)
    try:
        snoozing.wake(row, actor=policy.current(), now=clock.now())
    except Conflict as lost:
        lost.link = url_for("desk.request_page", request_id=request_id)
        raise
    tell(_("%(number)s is awake.", number=request_id))
    return see_other("desk.request_page", request_id=request_id)
