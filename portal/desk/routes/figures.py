"""What a department kept and how long it took, for those who answer there and lead it; one line each for who leads several."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from flask import Response, render_template, request, url_for
from flask_babel import gettext as _

from portal.contracts.desk import ListExported
from portal.desk.figure_periods import Span
from portal.desk.forms.figures import PeriodFilter
from portal.desk.policy import Desk
from portal.desk.queries import backlog, figure_overview
from portal.desk.queries import figures as read
from portal.desk.routes import _figure_pages as pages
from portal.desk.routes import _figure_tables as tables
from portal.desk.routes._blueprint import bp
from portal.desk.routes._figure_tables import Table
from portal.kernel import clock, export, policy, slots, times
from portal.kernel.errors import NotFound
from portal.kernel.export import Sheet
from portal.kernel.messages import say
from portal.kernel.paging import Page
from portal.kernel.policy import Actor
from portal.kernel.shell import MenuGroup, MenuItem
from portal.people.calendar import WorkCalendar


def setup() -> None:
    """Offer the page of all departments in the menu, and a few numbers of this week on the start page."""
    slots.register("menu", "desk.all_figures", _menu, order=60)
    slots.register("home.side", "desk.figures", card, order=40)


@bp.get("/queue/<key>/figures")
@policy.allow(Desk.QUEUE, Desk.MANAGE)
def figures(key: str) -> str:
    """Promises, times, what came and went and what is open, over a period and beside the one before."""
    department, now = pages.whose(key), clock.now()
    calendar = read.calendar_of(department.id)
    period = pages.asked(PeriodFilter.from_address(), calendar.zone, now)
    shown = _tables(department, period, calendar, now)
    four = tables.four(shown, _rows(department, period))
    context = {"department": department, "period": period, "tables": shown, "four": four, "spans": pages.tabs("desk.figures", period, key=key)}
    return render_template("desk/figures.html", sentence=_sentence(shown), file=partial(url_for, "desk.figures_csv", key=key, **period.held), **context)


def _tables(department: Any, period: pages.Asked, calendar: WorkCalendar, now: datetime) -> dict[str, Table]:
    found = read.of_department(department.id, period.span, period.before, calendar.zone, now)
    rows = _rows(department, period)
    actor, locale = policy.current(), policy.current().locale
    named: Callable[[Span], str] = pages.shown_slice(period.span)
    when: Callable[[datetime], str] = lambda at: times.when(at, now, actor.zone, locale)  # noqa: E731
    old = backlog.oldest(actor, department.id) if pages.serves(department.id) else []
    made = (
        *(tables.promises(found, rows), tables.lengths(found, rows), tables.moves(found, rows)),
        *(tables.weekly_promises(found, rows, named), tables.weekly_moves(found, rows, named), tables.weekly_answers(found, rows, named)),
        tables.ages(backlog.of_department(department.id, calendar, now), rows),
        tables.services(found, read.service_names(found.parts.get("service", {})), rows),
        *(tables.priorities(found, rows), tables.customers(found, rows), tables.asking(found, read.askers(), rows)),
        tables.oldest(old, when, lambda number: url_for("desk.request_page", request_id=number)),
    )
    return {table.key: table for table in made}


def _rows(department: Any, period: pages.Asked) -> tables.Rows:
    """The addresses of rows; none for who does not work for the department. Put together by hand: a page has hundreds of them."""
    if not pages.serves(department.id):
        return lambda *_args, **_part: None
    begin = f"{url_for('desk.figure_rows', key=department.key)}?measure="

    def address(measure: str, *, span: Span | None = None, **part: Any) -> str:
        days, more = span or period.span, "".join(f"&{name}={value}" for name, value in part.items())
        return f"{begin}{measure}&from={days.first.isoformat()}&to={days.last.isoformat()}{more}"

    return address


def _sentence(shown: dict[str, Table]) -> dict[str, Any]:
    first, solved, _steps = shown["promises"].rows
    change = solved[4]
    beside = _("%(change)s (%(before)s)", change=change.text, before=change.note) if change.note else change.text
    return {"first": first[1], "solved": solved[1], "change": beside if change.value is not None else ""}


@bp.get("/queue/<key>/figures.csv")
@policy.allow(Desk.QUEUE, Desk.MANAGE)
def figures_csv(key: str) -> Response:
    """A table of the page as a file."""
    department, now = pages.whose(key), clock.now()
    calendar = read.calendar_of(department.id)
    period = pages.asked(PeriodFilter.from_address(), calendar.zone, now)
    table = _tables(department, period, calendar, now).get(request.args.get("table", "promises"))
    if table is None:
        raise NotFound()
    return _file(table, f"figures-of-{department.key}-{table.key}-{period.span.first}-{period.span.last}", department.id, now)


def _file(table: Table, name: str, department_id: int | None, now: datetime) -> Response:
    lines = [[cell.value if cell.value is not None else "" for cell in row] for row in table.rows]
    sheet: Sheet[list[Any]] = Sheet(name, [say("%(column)s", column=text) for text in table.head], lambda _at: Page(lines), lambda row: row)
    return export.answer(sheet, partial(ListExported, "figures", department_id), actor=policy.current(), now=now)


# -- several departments ------------------------------------------------------------------------------------------------


@bp.get("/figures")
@policy.allow(Desk.MANAGE)
def all_figures() -> str:
    """One line for each department the reader leads; all of them for administrators."""
    period, table, zone = _overview(clock.now())
    shown = {"period": period, "table": table, "zone": zone, "spans": pages.tabs("desk.all_figures", period)}
    return render_template("desk/figures_all.html", file=url_for("desk.all_figures_csv", **period.held), **shown)


@bp.get("/figures.csv")
@policy.allow(Desk.MANAGE)
def all_figures_csv() -> Response:
    """The same as a file."""
    now = clock.now()
    period, table, _zone = _overview(now)
    return _file(table, f"figures-{period.span.first}-{period.span.last}", None, now)


def _overview(now: datetime) -> tuple[pages.Asked, Table, str]:
    actor = policy.current()
    period = pages.asked(PeriodFilter.from_address(), actor.zone, now)
    served = figure_overview.departments(actor)
    numbers = [own.id for own in served]
    found = figure_overview.sums(numbers, period.span, actor.zone, now)

    def link(key: str) -> str:
        return url_for("desk.figures", key=key, **period.held)

    return (
        period,
        tables.overview(found, served, figure_overview.open_now(numbers, now), link, partial(times.ago, now=now, zone=actor.zone, locale=actor.locale)),
        actor.zone,
    )


def _menu(actor: Actor) -> MenuGroup | None:
    if not (actor.has("administrator") or len(actor.leads) > 1):
        return None
    entry = MenuItem("all-figures", _("All figures"), "chart-dots", url_for("desk.all_figures"), 60)
    return MenuGroup(_("Administration"), (entry,), order=90) if actor.has("administrator") else MenuGroup(_("Departments you lead"), (entry,), order=30)


def card(actor: Actor) -> dict[str, Any] | None:
    """The departments one leads: on time this week, late now, and since when the oldest waits. One statement."""
    if not actor.leads:
        return None
    found = figure_overview.this_week(actor, clock.now())
    if not found:
        return None
    only = found[0] if len(found) == 1 else None
    url = url_for("desk.figures", key=only.key) if only else url_for("desk.all_figures")
    return {"template": "desk/_parts/home_figures.html", "title": _("This week"), "more_url": url, "more_text": _("Figures"), "lines": found, "share": _share}


def _share(line: figure_overview.ThisWeek) -> int | None:
    due = line.met + line.missed
    return int(100 * line.met / due) if due else None
