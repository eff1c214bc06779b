"""Figures kept in the transaction that changes a clock: what a request counts for before and after is noted, a job folds it.

Rows of clocks and events say themselves where they count (their place), so counts follow from them at any time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from portal.desk.figures import Key, Place, Stop, bucket, counts_of_clock, counts_of_event, day_of, difference
from portal.desk.models import Clock, ClockEvent, FigureChange, FigureCount, Request
from portal.desk.models.clocks import COMES_AND_GOES
from portal.desk.rules import Status
from portal.kernel.db import db, is_sqlite
from portal.people.calendars import work_calendar

BATCH = 1000
KEYS = ("department_id", "day", "measure", "service_id", "priority", "customer_notices", "bucket")
ROUND = ("first_response", "resolution")
"""Clocks that begin when a request was opened, so that the time on the wall follows from it."""


def zone_of(calendar_version_id: int) -> ZoneInfo:
    """Where the working hours of a request are."""
    return ZoneInfo(work_calendar(calendar_version_id).zone)


def freeze(clock: Clock, request: Request, started_at: datetime | None) -> None:
    """Keep with a clock that stops where it counts: what the request was then, so that later edits do not move it."""
    if clock.stopped_at is None:
        clock.service_id = clock.priority = clock.customer_notices = None
        clock.due_day = clock.stop_day = clock.time_bucket = clock.elapsed_bucket = None
        return
    if clock.service_id is None:
        clock.service_id, clock.priority, clock.customer_notices = request.service_id, str(request.priority), request.customer_notices
    for name, value in days_of(clock, request, started_at).items():
        setattr(clock, name, value)


def days_of(clock: Any, request: Any, started_at: datetime | None) -> dict[str, Any]:
    """The days and buckets of a clock that stopped, with the columns of its request and the instant it began.

    A clock that a cancellation ended has no times: it may have been late, but nobody answered or solved anything then (R19).
    """
    zone = zone_of(request.calendar_version_id)
    passed = int((clock.stopped_at - (started_at or request.received_at)).total_seconds())
    is_done = not _was_cancelled(clock, request)
    return {
        "due_day": None if clock.due is None else day_of(clock.due, zone),
        "stop_day": day_of(clock.stopped_at, zone),
        "time_bucket": bucket(clock.worked_seconds) if is_done else None,
        "elapsed_bucket": bucket(passed) if is_done and clock.name in ROUND else None,
    }


def _was_cancelled(clock: Any, request: Any) -> bool:
    ended = request.closed_at if request.status == Status.CANCELLED else None
    # The log keeps whole seconds.
    return ended is not None and bool(clock.stopped_at >= ended.replace(microsecond=0))


def mark(event: ClockEvent, request: Request) -> None:
    """Keep with an event what the request is now, so that it counts as that; without a day it waits to be counted."""
    event.department_id, event.service_id, event.priority = request.department_id, request.service_id, str(request.priority)
    event.customer_notices, event.asked_from = request.customer_notices, request.from_department_id
    event.is_open_ended = is_open_ended(event.kind, event.data)


def is_open_ended(kind: str, data: Mapping[str, Any]) -> bool:
    """True for a request that was filed without a promised end."""
    return kind == "opened" and data.get("targets", {}).get("resolution") is None


def place_new(log: Iterable[ClockEvent], request: Request) -> Counter[Key]:
    """Give every event without a day its own, and say what they count for. A filing waits for it, so that it costs no statement more."""
    found: Counter[Key] = Counter()
    for event in log:
        if event.kind in COMES_AND_GOES and event.day is None:
            if event.service_id is None:
                mark(event, request)
            event.day = day_of(event.at, zone_of(request.calendar_version_id))
            found.update(event_counts(event))
    return found


def event_counts(row: Any) -> Counter[Key]:
    """What an event (row, or its columns) counts for."""
    if row.day is None:
        return Counter()
    return _keys(row, counts_of_event(row.kind, row.day, row.asked_from, is_open_ended=bool(row.is_open_ended)))


def counted(clocks: Iterable[Any]) -> Counter[Key]:
    """What these clocks (rows, or their columns) count for."""
    found: Counter[Key] = Counter()
    for row in clocks:
        if row.stop_day is not None:
            lengths = (row.time_bucket, row.elapsed_bucket, row.worked_seconds, row.paused_seconds)
            found.update(_keys(row, counts_of_clock(Stop(row.name, row.status, row.due_day, row.stop_day, *lengths))))
    return found


def _keys(row: Any, counts: Iterable[tuple[date, str, int, int]]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for day, measure, number, n in counts:
        found[Key(Place(day, row.department_id, row.service_id, str(row.priority), bool(row.customer_notices)), measure, number)] += n
    return found


def note(old: Counter[Key], new: Counter[Key]) -> None:
    """Store the difference; one statement, none when nothing changed."""
    if changed := difference(old, new):
        db.session.execute(sa.insert(FigureChange), list(rows_of(changed)))


def rows_of(counts: Mapping[Key, int]) -> Iterator[dict[str, Any]]:
    """Counts as rows of their tables."""
    for key, n in counts.items():
        yield {**vars(key.place), "measure": key.measure, "bucket": key.bucket, "n": n}


def take_turn() -> None:
    """Let nobody else fold, pack or count anew until the end of the transaction. People who work do not wait, nor do readers."""
    if not is_sqlite():
        db.session.execute(sa.text("LOCK TABLE figure_cells IN EXCLUSIVE MODE"))


def add(counts: Mapping[Key, int]) -> None:
    """Add to the counts of days."""
    insert = sqlite.insert(FigureCount) if is_sqlite() else postgresql.insert(FigureCount)
    rows = list(rows_of({key: counts[key] for key in sorted(counts)}))
    for start in range(0, len(rows), BATCH):
        query = insert.values(rows[start : start + BATCH])
        db.session.execute(query.on_conflict_do_update(index_elements=KEYS, set_={"n": FigureCount.n + query.excluded.n}))


def place_of(row: Any) -> Key:
    """The key of a row of counts or changes."""
    return Key(Place(row.day, row.department_id, row.service_id, row.priority, row.customer_notices), row.measure, row.bucket)


def kept(department_id: int | None = None, first: date | None = None, last: date | None = None) -> Counter[Key]:
    """Counts and changes together, of all or of some days of a department; what came to nothing is left out."""
    found: Counter[Key] = Counter()
    for table in (FigureCount, FigureChange):
        query = sa.select(*(getattr(table, name) for name in (*KEYS, "n")))
        if department_id is not None:
            query = query.where(table.department_id == department_id, table.day >= first, table.day <= last)
        for row in db.session.execute(query):
            found[place_of(row)] += row.n
    return Counter({key: n for key, n in found.items() if n})
