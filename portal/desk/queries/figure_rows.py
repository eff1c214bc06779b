"""The very requests behind a number, by the same days and places by which they were counted.

Who may not read one sees its number, department, due time and state; confidential requests that a reader does not even know of are
left out and counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.desk.figure_facts import AROUND, due_in, happened_in, stopped, stopped_in, timed
from portal.desk.figure_periods import Span
from portal.desk.figures import OPENED, UNPROMISED
from portal.desk.models import Clock, ClockEvent, Request
from portal.desk.models.clocks import COMES_AND_GOES
from portal.desk.policy import requests_visible_to
from portal.desk.queries.backlog import EDGES, aged, known_by_number
from portal.desk.rules import Status
from portal.kernel.paging import Count, Key, Page, capped, keyset
from portal.kernel.policy import Actor
from portal.people.calendar import WorkCalendar
from portal.people.models import Department

PAGE = 50
CLOCKS = ("first_response", "resolution", "promise")
BACKLOG = "open"
VERDICTS = frozenset(f"{clock}_{end}" for clock in CLOCKS for end in ("due", "late"))
TIMES = frozenset(f"{clock}_time" for clock in CLOCKS[:2])
MEASURES = frozenset({*VERDICTS, *TIMES, *COMES_AND_GOES, UNPROMISED, BACKLOG})
"""What can be asked for; "open" takes an age instead of days."""


@dataclass(frozen=True)
class Wanted:
    """Which rows somebody wants to see: a measure, its days, and the part of it."""

    measure: str
    span: Span
    zone: str
    service_id: int | None = None
    priority: str = ""
    notices: bool | None = None
    asked_from: int | None = None
    age: int | None = None


@dataclass(frozen=True)
class FigureRow:
    """A request as it was counted; without a title for who knows its number, department, due time and state only."""

    id: int
    row: int
    at: datetime
    title: str
    department: str
    status: Status
    is_open: bool
    due: datetime | None
    seconds: int | None
    may_read: bool

    @property
    def shown_title(self) -> str:
        """The title, empty for who may not read it."""
        return self.title if self.may_read else ""


def page(actor: Actor, own: int, wanted: Wanted, now: datetime, calendar: WorkCalendar, *, cursor: str | None = None, limit: int = PAGE) -> Page[FigureRow]:
    """One page of the rows of a department the actor may know of, the newest first (the oldest, of what is open). One statement."""
    query, keys = _query(own, wanted, now, calendar)
    visible = requests_visible_to(actor)
    query = query.add_columns(visible.label("may_read")).where(sa.or_(visible, known_by_number(actor)))
    return keyset(query, keys, cursor, limit, lambda row: FigureRow(*row))


def count(own: int, wanted: Wanted, now: datetime, calendar: WorkCalendar) -> Count:
    """How many rows there are, counted up to a thousand, whoever may see them. One statement."""
    return capped(_query(own, wanted, now, calendar)[0])


def hidden(actor: Actor, own: int, wanted: Wanted, now: datetime, calendar: WorkCalendar) -> Count:
    """How many confidential rows are left out for the actor. One statement."""
    query, _ = _query(own, wanted, now, calendar)
    return capped(query.where(Request.is_confidential == sa.true(), sa.not_(sa.or_(requests_visible_to(actor), known_by_number(actor)))))


def _query(own: int, wanted: Wanted, now: datetime, calendar: WorkCalendar) -> tuple[sa.Select[Any], Sequence[Key]]:
    if wanted.measure == BACKLOG:
        return _of_open(own, wanted, now, calendar)
    if wanted.measure in VERDICTS or wanted.measure in TIMES:
        return _of_clocks(own, wanted, now)
    return _of_events(own, wanted)


def _select(table: Any, at: Any, seconds: Any) -> sa.Select[Any]:
    names = (Request.id, table.id.label("row"), at.label("at"), Request.title, Department.name.label("department"), Request.status, Request.is_open)
    query = sa.select(*names, Request.next_due_at.label("due"), seconds.label("seconds")).select_from(table)
    if table is not Request:
        query = query.join(Request, Request.id == table.request_id)
    return query.join(Department, Department.id == Request.department_id)


def _nothing() -> Any:
    return sa.null().cast(sa.Integer)


def _of_open(own: int, wanted: Wanted, now: datetime, calendar: WorkCalendar) -> tuple[sa.Select[Any], Sequence[Key]]:
    query = _select(Request, Request.received_at, _nothing()).where(Request.department_id == own)
    old = aged(wanted.age, calendar, now) if wanted.age is not None and 0 <= wanted.age <= len(EDGES) else Request.is_open == sa.true()
    return query.where(old, *_apart(Request, wanted)), (Key(Request.received_at, "at"), Key(Request.id, "row"))


def _of_events(own: int, wanted: Wanted) -> tuple[sa.Select[Any], Sequence[Key]]:
    kind = OPENED if wanted.measure == UNPROMISED else wanted.measure
    query = _select(ClockEvent, ClockEvent.at, _nothing()).where(happened_in(own, kind, wanted.span))
    if wanted.measure == UNPROMISED:
        query = query.where(ClockEvent.is_open_ended == sa.true())
    if wanted.asked_from is not None:
        query = query.where(sa.func.coalesce(ClockEvent.asked_from, 0) == wanted.asked_from)
    return query.where(*_apart(ClockEvent, wanted)), _newest(ClockEvent.at, ClockEvent.id)


def _of_clocks(own: int, wanted: Wanted, now: datetime) -> tuple[sa.Select[Any], Sequence[Key]]:
    name, _, what = wanted.measure.rpartition("_")
    base = _select(Clock, Clock.due if what != "time" else Clock.stopped_at, Clock.worked_seconds)
    base = base.where(Clock.department_id == own, Clock.name == name)
    if what == "time":
        return base.where(stopped_in(own, wanted.span), timed(), *_apart(Clock, wanted)), _newest(Clock.stopped_at, Clock.id)
    begin, end = wanted.span.instants(wanted.zone)
    ended = sa.and_(due_in(own, wanted.span), stopped() if what == "due" else Clock.status == "missed", *_apart(Clock, wanted))
    running = sa.and_(Clock.stopped_at.is_(None), Clock.due >= begin, Clock.due < min(end, now), Request.is_open == sa.true(), *_apart(Request, wanted))
    near = sa.and_(Clock.due >= begin - AROUND, Clock.due < end + AROUND)
    return base.where(near, sa.or_(sa.and_(Clock.stop_day.is_not(None), ended), running)), _newest(Clock.due, Clock.id)


def _newest(at: Any, number: Any) -> Sequence[Key]:
    return (Key(at, "at", descending=True), Key(number, "row", descending=True))


def _apart(table: Any, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.service_id is not None:
        found.append(table.service_id == wanted.service_id)
    if wanted.priority:
        found.append(table.priority == wanted.priority)
    if wanted.notices is not None:
        found.append(table.customer_notices == wanted.notices)
    return found
