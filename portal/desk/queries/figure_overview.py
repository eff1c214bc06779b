"""Several departments at once: one line each for who leads them, and the few numbers of this week on the start page."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.desk.figure_packing import WEEK
from portal.desk.figure_periods import Span, cover, monday, spans_of
from portal.desk.figures import Sums, add, day_of, merge
from portal.desk.models import Clock, FigureCell, FigureChange, FigureCount, Request, Service
from portal.desk.queries.figures import TRIES, open_late
from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.people.models import Department

SHOWN_CLOCKS = ("first_response", "resolution")


@dataclass(frozen=True)
class Served:
    """A department that answers requests."""

    id: int
    key: str
    name: str


def departments(actor: Actor) -> list[Served]:
    """Those with services that the actor leads, for administrators all of them; by name. One statement."""
    query = sa.select(Department.id, Department.key, Department.name).where(sa.exists().where(Service.department_id == Department.id))
    if not actor.has("administrator"):
        query = query.where(Department.id.in_(sorted(actor.leads)))
    return [Served(*row) for row in db.session.execute(query.order_by(Department.name))]


def find_department(key: str) -> Served | None:
    """A department that answers requests, by its key. One statement."""
    query = sa.select(Department.id, Department.key, Department.name).where(Department.key == key[:60])
    row = db.session.execute(query.where(sa.exists().where(Service.department_id == Department.id))).first()
    return Served(*row) if row else None


def sums(numbers: Sequence[int], span: Span, zone: str, now: datetime) -> dict[int, Sums]:
    """Sums of a period for several departments, what is open and late in it counted as missed. Three statements."""
    for turn in range(TRIES):
        weeks = _whole_weeks(numbers, span) if turn < TRIES - 1 else set()
        _, starts, days = cover(span, weeks)
        found: dict[int, Sums] = {number: {} for number in numbers}
        cells = _read(found, starts, days, span)
        if cells == len(starts) * len(numbers):
            break
    for row in open_late(numbers, span.instants(zone)[0], now):
        if day_of(row.due, ZoneInfo(zone)) in span:
            add(found[row.department_id], f"{row.name}_open_late", 0, 1)
    return found


def _whole_weeks(numbers: Sequence[int], span: Span) -> set[date]:
    known = sa.and_(FigureCell.department_id.in_(numbers), FigureCell.grain == WEEK, FigureCell.start.between(monday(span.first), span.last))
    query = sa.select(FigureCell.start).where(known).group_by(FigureCell.start).having(sa.func.count() == len(numbers))
    return set(db.session.scalars(query))


def _read(found: dict[int, Sums], starts: list[date], days: list[date], span: Span) -> int:
    numbers, cells = sorted(found), 0
    head = (FigureCell.department_id, sa.literal("").label("measure"), sa.literal(0).label("bucket"), sa.literal(0).label("n"))
    packed = sa.select(*head, FigureCell.counts.label("data")).where(
        FigureCell.department_id.in_(numbers), FigureCell.grain == WEEK, FigureCell.start.in_(starts)
    )
    counts = [_summed(FigureCount, numbers, FigureCount.day.between(part.first, part.last)) for part in spans_of(days)]
    changes = _summed(FigureChange, numbers, FigureChange.day.between(span.first, span.last))
    rows: Sequence[Any] = db.session.execute(sa.union_all(packed, changes, *counts)).all()
    for row in rows:
        if row.data:
            cells += 1
            merge(found[row.department_id], json.loads(row.data))
        else:
            add(found[row.department_id], row.measure, row.bucket, int(row.n))
    return cells


def _summed(table: Any, numbers: Sequence[int], when: sa.ColumnElement[bool]) -> sa.Select[Any]:
    names = (table.department_id, table.measure, table.bucket)
    query = sa.select(*names, sa.func.sum(table.n).label("n"), sa.literal("").label("data"))
    return query.where(table.department_id.in_(numbers), when).group_by(*names)


# -- open now -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OpenNow:
    """What is open in a department: how many, how many of them late, and since when the oldest waits."""

    number: int
    late: int
    oldest: datetime | None


def open_now(numbers: Sequence[int], now: datetime) -> dict[int, OpenNow]:
    """What is open in some departments, from the index over open requests. One statement."""
    late = sa.func.count(sa.case((Request.next_due_at < now, 1)))
    query = sa.select(Request.department_id, sa.func.count(), late, sa.func.min(Request.received_at))
    query = query.where(Request.department_id.in_(numbers), Request.is_open == sa.true()).group_by(Request.department_id)
    return {row[0]: OpenNow(*row[1:]) for row in db.session.execute(query)}


@dataclass(frozen=True)
class ThisWeek:
    """A department in a few numbers: promises due this week until today, how many of them kept, and what is open and late now."""

    id: int
    key: str
    name: str
    met: int
    missed: int
    late: int
    oldest: datetime | None


def this_week(actor: Actor, now: datetime) -> list[ThisWeek]:
    """The departments with services the actor leads, by name. One statement: counts and changes of the week, and what is open."""
    today = now.astimezone(ZoneInfo(actor.zone)).date()
    week = Span(monday(today), today)
    parts = [_verdicts(table, actor, week) for table in (FigureCount, FigureChange)] + [_running(actor, week, now), _open(actor, now)]
    rows = sa.union_all(*parts).subquery()
    columns = [sa.func.coalesce(sa.func.sum(rows.c[name]), 0) for name in ("met", "missed", "late")]
    query = sa.select(Department.id, Department.key, Department.name, *columns, sa.func.min(rows.c.oldest)).outerjoin(rows, rows.c.own == Department.id)
    query = query.where(Department.id.in_(sorted(actor.leads)), sa.exists().where(Service.department_id == Department.id))
    return [
        ThisWeek(own, key, name, int(met), int(missed), int(late), since)
        for own, key, name, met, missed, late, since in db.session.execute(query.group_by(Department.id).order_by(Department.name))
    ]


def _numbers(own: Any, met: Any, missed: Any, late: Any, oldest: Any) -> sa.Select[Any]:
    return sa.select(own.label("own"), met.label("met"), missed.label("missed"), late.label("late"), oldest.label("oldest"))


def _nothing() -> Any:
    return sa.null().cast(Request.received_at.type)


def _verdicts(table: Any, actor: Actor, week: Span) -> sa.Select[Any]:
    met, missed = (sa.case((table.measure.in_([f"{clock}_{end}" for clock in SHOWN_CLOCKS]), table.n), else_=0) for end in ("met", "missed"))
    return _numbers(table.department_id, met, missed, sa.literal(0), _nothing()).where(
        table.department_id.in_(sorted(actor.leads)), table.day.between(week.first, week.last)
    )


def _running(actor: Actor, week: Span, now: datetime) -> sa.Select[Any]:
    begin, _ = week.instants(actor.zone)
    late = sa.and_(Clock.due >= begin, Clock.due < now, Clock.stopped_at.is_(None), Clock.due.is_not(None), Clock.name.in_(SHOWN_CLOCKS))
    query = _numbers(Clock.department_id, sa.literal(0), sa.literal(1), sa.literal(0), _nothing()).join(Request, Request.id == Clock.request_id)
    return query.where(Clock.department_id.in_(sorted(actor.leads)), late, Request.is_open == sa.true())


def _open(actor: Actor, now: datetime) -> sa.Select[Any]:
    late = sa.case((Request.next_due_at < now, 1), else_=0)
    query = _numbers(Request.department_id, sa.literal(0), sa.literal(0), late, Request.received_at)
    return query.where(Request.department_id.in_(sorted(actor.leads)), Request.is_open == sa.true())
