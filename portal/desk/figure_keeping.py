"""Figures kept in the transaction that changes a clock, folded by a job, and counted anew from the clocks at any time."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from portal.desk.figures import Key, Place, Stop, counts_for, difference
from portal.desk.models import Clock, FigureChange, FigureCount, Request
from portal.kernel.db import db, is_sqlite
from portal.people.calendars import work_calendar

BATCH = 1000
KEYS = ("department_id", "day", "measure", "service_id", "priority", "customer_notices", "bucket")


def freeze(clock: Clock, request: Request) -> None:
    """Keep with a clock that stops what the request was then, so that later edits do not move what is counted."""
    if clock.stopped_at is None:
        clock.service_id = clock.priority = clock.customer_notices = None
    elif clock.service_id is None:
        clock.service_id, clock.priority, clock.customer_notices = request.service_id, str(request.priority), request.customer_notices


def counted(clocks: Iterable[Any], calendar_version_id: int) -> Counter[Key]:
    """What these clocks (rows, or their columns) count for, where the working hours of the request are."""
    zone = ZoneInfo(work_calendar(calendar_version_id).zone)
    found: Counter[Key] = Counter()
    for row in clocks:
        if row.service_id is not None:
            stop = Stop(row.name, row.status, row.due, row.stopped_at, row.worked_seconds)
            found.update(counts_for(stop, row.service_id, row.department_id, str(row.priority), bool(row.customer_notices), zone))
    return found


def note(old: Counter[Key], new: Counter[Key]) -> None:
    """Store the difference; one statement, none when nothing changed."""
    if changed := difference(old, new):
        db.session.execute(sa.insert(FigureChange), list(_rows(changed)))


def _rows(counts: Mapping[Key, int]) -> Iterator[dict[str, Any]]:
    for key, n in counts.items():
        yield {**vars(key.place), "measure": key.measure, "bucket": key.bucket, "n": n}


def _add(counts: Mapping[Key, int]) -> None:
    if not counts:
        return
    insert = sqlite.insert(FigureCount) if is_sqlite() else postgresql.insert(FigureCount)
    rows = list(_rows({key: counts[key] for key in sorted(counts)}))
    for start in range(0, len(rows), BATCH):
        query = insert.values(rows[start : start + BATCH])
        db.session.execute(query.on_conflict_do_update(index_elements=KEYS, set_={"n": FigureCount.n + query.excluded.n}))


def fold(limit: int = BATCH) -> int:
    """Add the oldest changes to the counts and take them away; returns how many. Whoever deletes a row adds it, so two never both do."""
    oldest = sa.select(FigureChange.id).order_by(FigureChange.id).limit(limit)
    if not is_sqlite():
        oldest = oldest.with_for_update(skip_locked=True)
    columns = [getattr(FigureChange, name) for name in (*KEYS, "n")]
    gone = db.session.execute(sa.delete(FigureChange).where(FigureChange.id.in_(oldest)).returning(*columns)).all()
    counts: Counter[Key] = Counter()
    for row in gone:
        place = Place(row.day, row.department_id, row.service_id, row.priority, row.customer_notices)
        counts[Key(place, row.measure, row.bucket)] += row.n
    _add({key: n for key, n in counts.items() if n})
    return len(gone)


def _read(table: type[FigureCount] | type[FigureChange], day: date | None = None) -> Counter[Key]:
    query = sa.select(*(getattr(table, name) for name in (*KEYS, "n")))
    found: Counter[Key] = Counter()
    for row in db.session.execute(query if day is None else query.where(table.day == day)):
        found[Key(Place(row.day, row.department_id, row.service_id, row.priority, row.customer_notices), row.measure, row.bucket)] += row.n
    return found


def kept() -> Counter[Key]:
    """Counts and changes together, as the tables say; what came to nothing is left out."""
    found: Counter[Key] = Counter()
    for table in (FigureCount, FigureChange):
        found.update(_read(table))
    return Counter({key: n for key, n in found.items() if n})


def count_anew() -> Counter[Key]:
    """The same from the clocks, read in batches by their number."""
    found: Counter[Key] = Counter()
    after = 0
    while True:
        rows = db.session.execute(_stopped().where(Clock.id > after).order_by(Clock.id).limit(BATCH)).all()
        if not rows:
            return found
        found.update(_counted(rows))
        after = rows[-1].id


def _stopped() -> sa.Select[Any]:
    names = ("id", "request_id", "name", "status", "due", "stopped_at", "worked_seconds", "department_id", "service_id", "priority", "customer_notices")
    query = sa.select(*(getattr(Clock, name) for name in names), Request.calendar_version_id)
    return query.join(Request, Request.id == Clock.request_id).where(Clock.stopped_at.is_not(None))


def _counted(rows: Iterable[Any]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for row in rows:
        found.update(counted([row], row.calendar_version_id))
    return found


def uncounted(sample: int) -> list[int]:
    """Requests of a sample whose stopped clocks the figures do not hold: of the newest clocks, and of as many from all the others."""
    newest = db.session.scalar(sa.select(sa.func.max(Clock.id))) or 0
    step = max(newest // sample, 1)
    recent = _stopped().order_by(Clock.id.desc()).limit(sample)
    others = _stopped().where(Clock.id.in_(range(1, step * sample + 1, step)))
    rows = {row.id: row for query in (recent, others) for row in db.session.execute(query)}
    there = _kept_on({key.place.day for key in _counted(rows.values())})
    missing = {key for key, n in _counted(rows.values()).items() if there[key] < n}
    return sorted({row.request_id for row in rows.values() if row.service_id is None or missing & _counted([row]).keys()})


def _kept_on(days: Iterable[date]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for day in sorted(days):
        for table in (FigureCount, FigureChange):
            found.update(_read(table, day))
    return found


def rebuild() -> int:
    """Replace what is kept by what the clocks say, in one transaction; returns how many counts there are.

    On PostgreSQL whoever changes a figure waits meanwhile: their clock is not counted yet, and their change is added afterwards.
    """
    if not is_sqlite():
        db.session.execute(sa.text("LOCK TABLE figure_changes IN EXCLUSIVE MODE"))
    counts = count_anew()
    db.session.execute(sa.delete(FigureChange))
    db.session.execute(sa.delete(FigureCount))
    _add(counts)
    return len(counts)
