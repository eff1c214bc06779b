"""The requests behind a number, as a page and as a file."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import Response, render_template, request, url_for
from flask_babel import gettext as _

from portal.contracts.desk import ListExported
from portal.desk import words
from portal.desk.figure_words import MEANINGS
from portal.desk.forms.figures import RowFilter
from portal.desk.policy import Desk
from portal.desk.queries import figure_rows as rows_read
from portal.desk.queries import figures as read
from portal.desk.routes import _figure_pages as pages
from portal.desk.routes import _figure_tables as tables
from portal.desk.routes._blueprint import bp
from portal.desk.routes._queue_words import priority_words, status_words
from portal.desk.routes.queue import find_queue
from portal.kernel import clock, export, policy
from portal.kernel.csvsafe import Cell
from portal.kernel.export import BATCH, Sheet, local
from portal.kernel.messages import say
from portal.kernel.paging import Page
from portal.people import calendars
from portal.people.calendar import WorkCalendar

YES_NO = {"yes": True, "no": False}


def _wanted(department_id: int, form: RowFilter, now: datetime) -> tuple[rows_read.Wanted, pages.Asked, WorkCalendar]:
    calendar = calendars.work_calendar(calendars.department_version(department_id))
    period = pages.asked(form, calendar.zone, now)
    part = {"service_id": form.service.data, "priority": form.priority.data or "", "notices": YES_NO.get(form.notices.data or "")}
    wanted = rows_read.Wanted(form.measure.data or "opened", period.span, calendar.zone, **part, asked_from=form.of.data, age=form.age.data)
    return wanted, period, calendar


@bp.get("/queue/<key>/figures/rows")
@policy.allow(Desk.QUEUE)
def figure_rows(key: str) -> str:
    """The requests a number counts, page by page."""
    department, now, form = find_queue(key), clock.now(), RowFilter.from_address()
    return render_template("desk/figure_rows.html", department=department, **_context(department, form, now))


def _context(department: Any, form: RowFilter, now: datetime) -> dict[str, Any]:
    actor, key = policy.current(), department.key
    wanted, period, calendar = _wanted(department.id, form, now)
    held = _held(form, period)
    return {
        "period": period,
        "page": rows_read.page(actor, department.id, wanted, now, calendar, cursor=request.args.get("at")),
        "wanted": wanted,
        "title": title(wanted),
        "parts": _parts(wanted),
        "words": status_words(),
        "number": rows_read.count(department.id, wanted, now, calendar),
        "hidden": rows_read.hidden(actor, department.id, wanted, now, calendar),
        "back": url_for("desk.figures", key=key, **period.held),
        "file": url_for("desk.figure_rows_csv", key=key, **held),
        "here": lambda at: url_for("desk.figure_rows", key=key, at=at, **held),
        "length": lambda seconds: words.working_time(timedelta(seconds=seconds)),
    }


def _held(form: RowFilter, period: pages.Asked) -> dict[str, Any]:
    names = ("measure", "service", "priority", "notices", "of", "age")
    return {name: form[name].data for name in names if form[name].data not in (None, "")} | period.held


def title(wanted: rows_read.Wanted) -> str:
    """What the rows are."""
    special = {
        "first_response_due": _("First answers that were due"),
        "first_response_late": _("First answers that were late"),
        "resolution_due": _("Solutions that were due"),
        "resolution_late": _("Solutions that were late"),
        "promise_due": _("Next steps that were due"),
        "promise_late": _("Next steps that were late"),
        "first_response_time": _("Requests that were answered"),
        "resolution_time": _("Requests that were solved"),
        "reopened": _("Requests that were reopened"),
        "open": _("Requests that are open now"),
    }
    return special.get(wanted.measure) or str(MEANINGS[wanted.measure].name)


def _parts(wanted: rows_read.Wanted) -> list[str]:
    names = [read.service_names([str(wanted.service_id)]).get(str(wanted.service_id), "")] if wanted.service_id else []
    if wanted.priority:
        names.append(priority_words()[wanted.priority].capitalize())
    if wanted.notices is not None:
        names.append(_("Customers notice") if wanted.notices else _("Customers do not notice"))
    if wanted.asked_from is not None:
        names.append(next((who.name for who in read.askers() if who.id == wanted.asked_from), _("No department")))
    if wanted.age is not None:
        names.append(_("%(days)s working days old", days=tables.age_words()[wanted.age]))
    return [name for name in names if name]


@bp.get("/queue/<key>/figures/rows.csv")
@policy.allow(Desk.QUEUE)
def figure_rows_csv(key: str) -> Response:
    """All of them as a file."""
    department, now = find_queue(key), clock.now()
    sheet = _sheet(department, RowFilter.from_address(), now)
    return export.answer(sheet, partial(ListExported, "figure_rows", department.id), actor=policy.current(), now=now)


def _sheet(department: Any, form: RowFilter, now: datetime) -> Sheet[rows_read.FigureRow]:
    actor = policy.current()
    wanted, period, calendar = _wanted(department.id, form, now)

    def cells(row: rows_read.FigureRow) -> tuple[Cell, ...]:
        minutes = None if row.seconds is None or wanted.measure not in rows_read.TIMES else row.seconds // 60
        return (row.id, row.shown_title, row.department, status_words()[row.status.value], local(row.at, actor.zone), local(row.due, actor.zone), minutes)

    def page(at: str | None) -> Page[rows_read.FigureRow]:
        return rows_read.page(actor, department.id, wanted, now, calendar, cursor=at, limit=BATCH)

    instants = (say("Counted at (%(zone)s)", zone=actor.zone), say("Due (%(zone)s)", zone=actor.zone))
    head = (say("Number"), say("Request"), say("Department"), say("Status"), *instants, say("Working minutes"))
    return Sheet(f"figures-of-{department.key}-{wanted.measure}-{period.span.first}-{period.span.last}", head, page, cells)
