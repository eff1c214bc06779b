"""The sums of a department over a period and the one before, by week and by part; read from cells, days and changes, not from requests.

One statement reads all three, so that nothing a job moves meanwhile is missed or counted twice.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.desk.clock import FIRST_RESPONSE, PROMISE, RESOLUTION
from portal.desk.figure_packing import MONTH, MONTH_PARTS, WEEK, WEEK_PARTS, WHOLE
from portal.desk.figure_periods import MONTHS_FROM, Span, cover, slices_of, spans_of
from portal.desk.figures import Parts, Sums, add, add_parts, day_of, join, merge, merge_parts, on_time, percentile
from portal.desk.models import Clock, FigureCell, FigureChange, FigureCount, HeadCount, Request, Service
from portal.kernel.db import db
from portal.people import calendars
from portal.people.calendar import WorkCalendar
from portal.people.models import Department

VERDICTS = (FIRST_RESPONSE, RESOLUTION, PROMISE)
TRIES = 3

Cells = set[tuple[str, date]]


@dataclass
class Figures:
    """Sums of a period: all, week by week or month by month, by part, and all of the period before."""

    span: Span
    before_span: Span
    zone: str
    whole: Sums = field(default_factory=dict)
    before: Sums = field(default_factory=dict)
    slices: list[tuple[Span, Sums]] = field(default_factory=list)
    parts: Parts = field(default_factory=dict)


def calendar_of(department_id: int) -> WorkCalendar:
    """The working hours of a department today, with its zone."""
    return calendars.work_calendar(calendars.department_version(department_id))


def today(zone: str, now: datetime) -> date:
    """The day it is where a department works."""
    return day_of(now, ZoneInfo(zone))


def of_department(department_id: int, span: Span, before: Span, zone: str, now: datetime) -> Figures:
    """Everything the page of a department adds up, what is open and late counted as missed. Three statements."""
    for turn in range(TRIES):
        found = Figures(span, before, zone, slices=[(part, {}) for part in slices_of(span)])
        if _read(found, department_id, use_cells=turn < TRIES - 1):
            break
    for _, sums in found.slices:
        join(found.whole, sums)
    begin, _ = Span(min(span.first, before.first), span.last).instants(zone)
    for row in open_late([department_id], begin, now):
        _add_late(found, row)
    return found


# -- reading ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Plan:
    """Which cells are read, and which days: of all services together, and apart."""

    cells: Cells
    whole_days: frozenset[date]
    part_days: frozenset[date]


def _read(found: Figures, own: int, *, use_cells: bool) -> bool:
    first = min(found.span.first, found.before_span.first)
    reach = Span(first, max(found.span.last, found.before_span.last))
    plan = _plan(found, _there(own, reach) if use_cells else set())
    seen: Cells = set()
    places = {day: place for place, (part, _) in enumerate(found.slices) for day in part}
    for row in db.session.execute(_union(own, plan, reach)):
        if row.kind == 0:
            seen.add((row.measure, row.day))
            _add_cell(found, row.measure, row.day, row.data, places)
        else:
            _add_row(found, row, plan, places)
    return seen == plan.cells


def _there(own: int, reach: Span) -> Cells:
    query = sa.select(FigureCell.grain, FigureCell.start).where(FigureCell.department_id == own)
    return {tuple(row) for row in db.session.execute(query.where(FigureCell.start.between(reach.first - timedelta(days=31), reach.last)))}  # type: ignore[misc]  # two columns


def _plan(found: Figures, there: Cells) -> _Plan:
    starts = {grain: {start for name, start in there if name == grain} for grain in (WEEK, WEEK_PARTS, MONTH, MONTH_PARTS)}
    cells: Cells = set()
    days: set[date] = set()
    for span in (*(part for part, _ in found.slices), found.before_span):
        months, weeks, rest = cover(span, starts[WEEK], starts[MONTH])
        cells |= {(WEEK, start) for start in weeks} | {(MONTH, start) for start in months}
        days |= set(rest)
    months, weeks, rest = cover(found.span, starts[WEEK_PARTS], starts[MONTH_PARTS] if found.span.days > MONTHS_FROM else ())
    cells |= {(WEEK_PARTS, start) for start in weeks} | {(MONTH_PARTS, start) for start in months}
    return _Plan(cells, frozenset(days), frozenset(rest))


def _union(own: int, plan: _Plan, reach: Span) -> Any:
    changes = _rows(FigureChange, 2).where(FigureChange.department_id == own, FigureChange.day.between(reach.first, reach.last))
    return sa.union_all(changes, *_days(own, plan), *(_cells(own, plan, grain) for grain in sorted({grain for grain, _ in plan.cells})))


def _cells(own: int, plan: _Plan, grain: str) -> Any:
    # A select for each grain: with them in one, the database would walk through all cells of the department.
    nothing = (sa.literal(0).label("service_id"), sa.literal("").label("priority"), sa.false().label("customer_notices"))
    head = (sa.literal(0).label("kind"), FigureCell.start.label("day"), FigureCell.grain.label("measure"))
    query = sa.select(*head, *nothing, sa.literal(0).label("bucket"), sa.literal(0).label("n"), FigureCell.counts.label("data"))
    starts = sorted(day for name, day in plan.cells if name == grain)
    return query.where(FigureCell.department_id == own, FigureCell.grain == grain, FigureCell.start.in_(starts))


def _rows(table: Any, kind: int) -> sa.Select[Any]:
    columns = (table.service_id, table.priority, table.customer_notices, table.bucket, table.n)
    return sa.select(sa.literal(kind).label("kind"), table.day, table.measure, *columns, sa.literal("").label("data"))


def _days(own: int, plan: _Plan) -> Iterator[sa.Select[Any]]:
    # A select for each stretch: with them in one, the database would walk through all days of the department.
    for span in spans_of(plan.whole_days | plan.part_days):
        yield _rows(FigureCount, 1).where(FigureCount.department_id == own, FigureCount.day.between(span.first, span.last))


def _add_cell(found: Figures, grain: str, start: date, data: str, places: dict[date, int]) -> None:
    counts = json.loads(data)
    if grain not in WHOLE:
        merge_parts(found.parts, counts)
    elif start in places and start in found.span:
        merge(found.slices[places[start]][1], counts)
    if grain in WHOLE and start in found.before_span:
        merge(found.before, counts)


def _add_row(found: Figures, row: Any, plan: _Plan, places: dict[date, int]) -> None:
    if row.kind == 2 or row.day in plan.whole_days:
        if row.day in found.span:
            add(found.slices[places[row.day]][1], row.measure, row.bucket, row.n)
        if row.day in found.before_span:
            add(found.before, row.measure, row.bucket, row.n)
    if row.day in found.span and (row.kind == 2 or row.day in plan.part_days):
        add_parts(found.parts, (row.service_id, row.priority, row.customer_notices, row.measure, row.bucket, row.n))


def open_late(departments: Iterable[int], begin: datetime, now: datetime) -> Iterator[Any]:
    """(department_id, name, due, service_id, priority, customer_notices) of every clock that runs and was due from ``begin`` until now. One statement."""
    query = sa.select(Clock.department_id, Clock.name, Clock.due, Request.service_id, Request.priority, Request.customer_notices)
    late = sa.and_(
        Clock.due >= begin, Clock.due < now, Clock.due.is_not(None), Clock.stopped_at.is_(None), Request.is_open == sa.true(), Clock.name.in_(VERDICTS)
    )
    query = query.join(Request, Request.id == Clock.request_id).where(Clock.department_id.in_(sorted(departments)), late)
    return iter(db.session.execute(query))


def _add_late(found: Figures, row: Any) -> None:
    day, measure = day_of(row.due, ZoneInfo(found.zone)), f"{row.name}_open_late"
    if day in found.before_span:
        add(found.before, measure, 0, 1)
    if day in found.span:
        add(found.whole, measure, 0, 1)
        add(next(sums for part, sums in found.slices if day in part), measure, 0, 1)
        add_parts(found.parts, (row.service_id, str(row.priority), row.customer_notices, measure, 0, 1))


# -- what sums say ------------------------------------------------------------------------------------------------------


def total(sums: Sums, measure: str) -> int:
    """How many, whatever their bucket."""
    return sum(sums.get(measure, {}).values())


@dataclass(frozen=True)
class Kept:
    """A promise of a period: how many were due, how many of them were late or are open and late, and the share kept."""

    due: int
    late: int
    share: float | None

    @property
    def percent(self) -> int | None:
        """Kept in whole per cent, never more than it was."""
        return None if self.share is None else int(self.share * 100)


def kept(sums: Sums, clock: str) -> Kept:
    """How far a promise was kept (R20): what is open and past due is missed now."""
    met, missed, waiting = (total(sums, f"{clock}_{end}") for end in ("met", "missed", "open_late"))
    return Kept(met + missed + waiting, missed + waiting, on_time(met, missed, waiting))


@dataclass(frozen=True)
class Took:
    """Times of a period: of how many, and half and nine in ten of them in working time and on the wall."""

    number: int
    half: timedelta | None
    most: timedelta | None
    half_elapsed: timedelta | None
    most_elapsed: timedelta | None


def took(sums: Sums, clock: str) -> Took:
    """How long answers or solutions took."""
    worked, passed = sums.get(f"{clock}_time", {}), sums.get(f"{clock}_elapsed", {})
    return Took(sum(worked.values()), *(_time(times, share) for times in (worked, passed) for share in (0.5, 0.9)))


def _time(times: dict[int, int], share: float) -> timedelta | None:
    found = percentile(times, share)
    return None if found is None else timedelta(seconds=round(found / 60) * 60 if found >= 60 else found)


def pause_share(sums: Sums) -> int | None:
    """Of the working time until requests were solved, the share in whole per cent in which they waited for somebody else."""
    worked, paused = total(sums, "resolution_worked"), total(sums, "resolution_paused")
    return round(100 * paused / (worked + paused)) if worked + paused else None


def asked_by(sums: Sums) -> dict[int, int]:
    """How many requests came from each department; 0 is nobody's."""
    return dict(sums.get("opened", {}))


# -- names and people ---------------------------------------------------------------------------------------------------


def service_names(ids: Iterable[str]) -> dict[str, str]:
    """Names of services by their number as text, in the order of their names. One statement."""
    query = sa.select(Service.id, Service.name).where(Service.id.in_(sorted(map(int, ids)))).order_by(Service.name, Service.id)
    return {str(number): name for number, name in db.session.execute(query)}


@dataclass(frozen=True)
class Asking:
    """A department that asks: its name, and how many people it has as of the last count."""

    id: int
    key: str
    name: str
    people: int


def askers() -> list[Asking]:
    """Every department with its people, from the roll-up. One statement."""
    query = sa.select(Department.id, Department.key, Department.name, sa.func.coalesce(HeadCount.people, 0))
    return [Asking(*row) for row in db.session.execute(query.outerjoin(HeadCount, HeadCount.department_id == Department.id).order_by(Department.name))]
