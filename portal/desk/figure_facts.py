"""What clocks and events count for, as SQL: one select for each way of counting, and the same conditions for lists of their rows."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from portal.desk.figure_periods import Span
from portal.desk.figures import ELAPSED, OPENED, PAUSED, TIMED, UNPROMISED, WORKED
from portal.desk.models import Clock, ClockEvent
from portal.desk.models.clocks import COMES_AND_GOES

AROUND = timedelta(days=2)
"""A day where a department works lies within so many days of the same day anywhere."""


def stopped() -> sa.ColumnElement[bool]:
    """SQL: it ended with an answer or a solution; cancelled ones count nothing."""
    return Clock.status.in_(("met", "missed"))


def timed() -> sa.ColumnElement[bool]:
    """SQL: its time counts; one that was late when its request was cancelled has a verdict and no time (R19)."""
    return sa.and_(stopped(), Clock.time_bucket.is_not(None))


def due_in(own: int, span: Span) -> sa.ColumnElement[bool]:
    """SQL: clocks of a department that stopped and were due on these days, by the index on due instants."""
    begin, end = span.instants("UTC")
    near = sa.and_(Clock.due >= begin - AROUND, Clock.due < end + AROUND)
    return sa.and_(Clock.department_id == own, near, Clock.due_day.between(span.first, span.last))


def stopped_in(own: int, span: Span) -> sa.ColumnElement[bool]:
    """SQL: clocks of a department that stopped on these days."""
    return sa.and_(Clock.department_id == own, Clock.stop_day.between(span.first, span.last), Clock.stop_day.is_not(None))


def happened_in(own: int, kind: str, span: Span) -> sa.ColumnElement[bool]:
    """SQL: events of a kind that a department had on these days."""
    return sa.and_(ClockEvent.department_id == own, ClockEvent.kind == kind, ClockEvent.day.between(span.first, span.last), ClockEvent.day.is_not(None))


def facts(own: int, span: Span) -> list[sa.Select[Any]]:
    """Selects of (day, measure, service, priority, customers notice, bucket, n) that add up to the counts of these days."""
    return [
        _verdicts(own, span),
        *(_times(own, span, name) for name in TIMED),
        *(_elapsed(own, span, name) for name in ELAPSED),
        *_sums(own, span),
        *_moves(own, span),
    ]


def _row(table: Any, day: Any, measure: Any, number: Any, n: Any) -> sa.Select[Any]:
    place = (table.service_id, table.priority, table.customer_notices)
    return sa.select(day.label("day"), measure.label("measure"), *place, number.label("bucket"), n.label("n"))


def _verdicts(own: int, span: Span) -> sa.Select[Any]:
    return _row(Clock, Clock.due_day, Clock.name + "_" + Clock.status, sa.literal(0), sa.literal(1)).where(due_in(own, span), stopped())


def _times(own: int, span: Span, name: str) -> sa.Select[Any]:
    query = _row(Clock, Clock.stop_day, sa.literal(TIMED[name]), Clock.time_bucket, sa.literal(1))
    return query.where(stopped_in(own, span), Clock.name == name, timed())


def _elapsed(own: int, span: Span, name: str) -> sa.Select[Any]:
    query = _row(Clock, Clock.stop_day, sa.literal(ELAPSED[name]), Clock.elapsed_bucket, sa.literal(1))
    return query.where(stopped_in(own, span), Clock.name == name, stopped(), Clock.elapsed_bucket.is_not(None))


def _sums(own: int, span: Span) -> list[sa.Select[Any]]:
    solved = [stopped_in(own, span), Clock.name == "resolution", timed()]
    pairs = ((WORKED, Clock.worked_seconds), (PAUSED, Clock.paused_seconds))
    # Whole minutes, as SQLite and PostgreSQL both divide whole numbers.
    return [
        _row(Clock, Clock.stop_day, sa.literal(name), sa.literal(0), sa.cast(seconds, sa.Integer).op("/")(60)).where(*solved, seconds >= 60)
        for name, seconds in pairs
    ]


def _moves(own: int, span: Span) -> list[sa.Select[Any]]:
    who = sa.func.coalesce(ClockEvent.asked_from, 0)
    found = [
        _row(ClockEvent, ClockEvent.day, ClockEvent.kind, who if kind == OPENED else sa.literal(0), sa.literal(1)).where(happened_in(own, kind, span))
        for kind in COMES_AND_GOES
    ]
    freely = _row(ClockEvent, ClockEvent.day, sa.literal(UNPROMISED), sa.literal(0), sa.literal(1))
    return [*found, freely.where(happened_in(own, OPENED, span), ClockEvent.is_open_ended == sa.true())]
