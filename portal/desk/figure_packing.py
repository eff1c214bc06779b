"""What jobs do with figures: fold changes in, pack whole weeks and months, place what came from elsewhere, and count anew in parts.

One of them at a time (``figure_keeping.take_turn``). A cell is packed from days, and goes when one of its days changes, so readers may
trust every cell there is and read days where there is none.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.desk import figure_keeping as keeping
from portal.desk.clocks import owner_at, owners_in
from portal.desk.figure_facts import facts
from portal.desk.figure_periods import Span, monday, whole_month, whole_week
from portal.desk.figures import Key, day_of, packed
from portal.desk.models import Clock, ClockEvent, FigureCell, FigureChange, FigureCount, HeadCount, Request
from portal.desk.models.clocks import COMES_AND_GOES
from portal.kernel.db import db, is_sqlite
from portal.people.models import Department, Person

BATCH = keeping.BATCH
SETTLED = timedelta(days=2)
"""So long after its last day a week or month is packed: nowhere on earth is it still today then."""
HEADS_AFTER = timedelta(hours=1)
WEEK, WEEK_PARTS, MONTH, MONTH_PARTS = "week", "week_parts", "month", "month_parts"
SPANS: dict[str, Callable[[date], Span]] = {WEEK: whole_week, WEEK_PARTS: whole_week, MONTH: whole_month, MONTH_PARTS: whole_month}
WHOLE, MONTHS = frozenset({WEEK, MONTH}), frozenset({MONTH, MONTH_PARTS})


# -- fold ---------------------------------------------------------------------------------------------------------------


def fold(limit: int = BATCH) -> int:
    """Add the oldest changes to the counts of their days and take them away; returns how many."""
    keeping.take_turn()
    oldest = sa.select(FigureChange.id).order_by(FigureChange.id).limit(limit)
    columns = [getattr(FigureChange, name) for name in (*keeping.KEYS, "n")]
    gone = db.session.execute(sa.delete(FigureChange).where(FigureChange.id.in_(oldest)).returning(*columns)).all()
    counts: Counter[Key] = Counter()
    for row in gone:
        counts[keeping.place_of(row)] += row.n
    changed = {key: n for key, n in counts.items() if n}
    keeping.add(changed)
    _unpack({(key.place.department_id, key.place.day) for key in changed})
    return len(gone)


def _unpack(days: set[tuple[int, date]]) -> None:
    starts = {(own, grain, day.replace(day=1) if grain in MONTHS else monday(day)) for own, day in days for grain in SPANS}
    key = sa.tuple_(FigureCell.department_id, FigureCell.grain, FigureCell.start)
    for part in _batches(sorted(starts), 300):
        db.session.execute(sa.delete(FigureCell).where(key.in_(part)))


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


# -- pack ---------------------------------------------------------------------------------------------------------------


def pack(now: datetime, limit: int = 50) -> int:
    """Pack weeks and months that are over and not packed; returns how many cells were written."""
    keeping.take_turn()
    missing = sorted(unpacked(now))[:limit]
    rows: list[dict[str, Any]] = []
    for (department_id, span), grains in _by_span(missing).items():
        whole, parts = _cells(department_id, span)
        rows += [{"department_id": department_id, "grain": grain, "start": span.first, "counts": whole if grain in WHOLE else parts} for grain in grains]
    if rows:
        db.session.execute(sa.insert(FigureCell), rows)
    return len(missing)


def _by_span(cells: Iterable[tuple[int, str, date]]) -> dict[tuple[int, Span], list[str]]:
    found: dict[tuple[int, Span], list[str]] = {}
    for department_id, grain, start in cells:
        found.setdefault((department_id, SPANS[grain](start)), []).append(grain)
    return found


def unpacked(now: datetime) -> set[tuple[int, str, date]]:
    """(department, grain, start) of what is over and not packed, from the first day that counts."""
    since: Any = sa.select(sa.func.min(FigureCount.day)).where(FigureCount.department_id == Department.id).scalar_subquery()
    there = {(own, grain, start) for own, grain, start in db.session.execute(sa.select(FigureCell.department_id, FigureCell.grain, FigureCell.start))}
    wanted = {
        (own, grain, start)
        for own, first in db.session.execute(sa.select(Department.id, since))
        if first is not None
        for grain in SPANS
        for start in _starts(grain, first, (now - SETTLED).date())
    }
    return wanted - there


def _starts(grain: str, first: date, last: date) -> Iterator[date]:
    start = first.replace(day=1) if grain in MONTHS else monday(first)
    while (span := SPANS[grain](start)).last <= last:
        yield start
        start = span.last + timedelta(days=1)


def cell(department_id: int, grain: str, start: date) -> str:
    """What a cell has to hold, from the counts of its days."""
    whole, parts = _cells(department_id, SPANS[grain](start))
    return whole if grain in WHOLE else parts


def _cells(department_id: int, span: Span) -> tuple[str, str]:
    table = FigureCount
    names = (table.service_id, table.priority, table.customer_notices, table.measure, table.bucket)
    query = sa.select(*names, sa.func.sum(table.n)).where(table.department_id == department_id, table.day.between(span.first, span.last)).group_by(*names)
    return packed((service, priority, notices, measure, number, int(n)) for service, priority, notices, measure, number, n in db.session.execute(query))


# -- what has no place yet ----------------------------------------------------------------------------------------------


def settle(limit: int = BATCH, *, noted: bool = True) -> int:
    """Place clocks and events that were written without it (by an import, or before there were places); returns how many.

    ``noted`` counts them, too; without it counting anew has to follow. Their requests are locked, so nobody does the same meanwhile.
    """
    clocks, events = _unplaced(Clock, Clock.stopped_at.is_not(None), Clock.stop_day.is_(None), limit=limit), _unplaced_events(limit)
    requests = _locked({row.request_id for row in (*clocks, *events)})
    owners = _owners(set(requests))
    counts: Counter[Key] = Counter()
    done = 0
    for table, rows in ((Clock, clocks), (ClockEvent, events)):
        found = [_placed(row, requests[row.request_id], owners) for row in rows if row.request_id in requests]
        if found:
            db.session.execute(sa.update(table), found)
        done += len(found)
    if noted and done:
        counts = _counts_of(requests, [row.id for row in clocks], [row.id for row in events])
        keeping.note(Counter(), counts)
    db.session.expire_all()
    return done


def _unplaced(table: Any, *where: Any, limit: int) -> list[Any]:
    return list(db.session.execute(sa.select(*sa.inspect(table).columns).where(*where).order_by(table.id).limit(limit)))


def _unplaced_events(limit: int) -> list[Any]:
    # Written out, not bound: only literal conditions are recognised as those of a partial index.
    kinds: sa.ColumnElement[bool] = sa.literal_column("kind IN ('opened', 'resolved', 'reopened', 'cancelled')")
    return _unplaced(ClockEvent, ClockEvent.day.is_(None), kinds, limit=limit)


def _locked(ids: set[int]) -> dict[int, Any]:
    names = (
        "id",
        "department_id",
        "service_id",
        "priority",
        "customer_notices",
        "from_department_id",
        "received_at",
        "calendar_version_id",
        "status",
        "closed_at",
    )
    found: dict[int, Any] = {}
    for part in _batches(sorted(ids), BATCH):
        query = sa.select(*(getattr(Request, name) for name in names)).where(Request.id.in_(part))
        found |= {row.id: row for row in db.session.execute(query if is_sqlite() else query.with_for_update(skip_locked=True))}
    return found


def _owners(ids: set[int]) -> dict[int, list[tuple[datetime, int]]]:
    found: dict[int, list[Any]] = {}
    for part in _batches(sorted(ids), BATCH):
        query = sa.select(ClockEvent.request_id, ClockEvent.at, ClockEvent.data).where(ClockEvent.request_id.in_(part))
        for row in db.session.execute(query.where(ClockEvent.kind.in_(("opened", "retargeted"))).order_by(ClockEvent.at, ClockEvent.id)):
            found.setdefault(row.request_id, []).append(row)
    return {number: owners_in(rows) for number, rows in found.items()}


def _placed(row: Any, request: Any, owners: dict[int, list[tuple[datetime, int]]]) -> dict[str, Any]:
    was = {"service_id": request.service_id, "priority": str(request.priority), "customer_notices": request.customer_notices}
    if row.service_id is not None:
        was = {name: getattr(row, name) for name in was}
    known = owners.get(row.request_id, [])
    if hasattr(row, "stopped_at"):
        return {"id": row.id, **was, **keeping.days_of(row, request, known[0][0] if known else None)}
    was |= {"asked_from": request.from_department_id if row.department_id is None else row.asked_from}
    was |= {"department_id": row.department_id or owner_at(known, row.at, request.department_id)}
    was |= {"is_open_ended": keeping.is_open_ended(row.kind, row.data)}
    return {"id": row.id, **was, "day": day_of(row.at, keeping.zone_of(request.calendar_version_id))}


def _counts_of(requests: dict[int, Any], clocks: list[int], events: list[int]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for row in db.session.execute(sa.select(*sa.inspect(Clock).columns).where(Clock.id.in_(clocks), Clock.stop_day.is_not(None))):
        found.update(keeping.counted([row]) if row.request_id in requests else Counter())
    for row in db.session.execute(sa.select(*sa.inspect(ClockEvent).columns).where(ClockEvent.id.in_(events), ClockEvent.day.is_not(None))):
        found.update(keeping.event_counts(row) if row.request_id in requests else Counter())
    return found


# -- counting anew ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Part:
    """A month of a department, that is counted anew at once."""

    start: date
    department_id: int

    @property
    def span(self) -> Span:
        """Its days."""
        return whole_month(self.start)


def parts() -> list[Part]:
    """Every month of every department in which something counts or was counted, oldest first."""
    return sorted(Part(start, own) for own in db.session.scalars(sa.select(Department.id)) for start in _months(*_reach(own)))


_DAYS: tuple[tuple[Any, Any], ...] = ((FigureCount, FigureCount.day), (Clock, Clock.stop_day), (Clock, Clock.due))


def _reach(own: int) -> tuple[date | None, date | None]:
    days: list[date] = []
    for table, column in _DAYS:
        for order in (column.asc(), column.desc()):
            query = sa.select(column).where(table.department_id == own, column.is_not(None)).order_by(order).limit(1)
            days += [_day(found) for found in db.session.scalars(query)]
    for kind in COMES_AND_GOES:
        for order in (ClockEvent.day.asc(), ClockEvent.day.desc()):
            query = sa.select(ClockEvent.day).where(ClockEvent.department_id == own, ClockEvent.kind == kind, ClockEvent.day.is_not(None))
            days += [found for found in db.session.scalars(query.order_by(order).limit(1)) if found is not None]
    return min(days, default=None), max(days, default=None)


def _day(found: date | datetime) -> date:
    return found.date() if isinstance(found, datetime) else found


def _months(first: date | None, last: date | None) -> Iterator[date]:
    if first is None or last is None:
        return
    start = (first - timedelta(days=1)).replace(day=1)
    while start <= last + timedelta(days=1):
        yield start
        start = whole_month(start).last + timedelta(days=1)


def rebuild_part(part: Part) -> None:
    """Count a month of a department anew. What is noted and not folded yet is taken off, as readers add it; one statement sees both."""
    keeping.take_turn()
    span, own = part.span, part.department_id
    db.session.execute(sa.delete(FigureCount).where(FigureCount.department_id == own, FigureCount.day.between(span.first, span.last)))
    waiting = [FigureChange.department_id == own, FigureChange.day.between(span.first, span.last)]
    names = ("day", "measure", "service_id", "priority", "customer_notices", "bucket")
    noted = sa.select(*(getattr(FigureChange, name) for name in names), (-FigureChange.n).label("n")).where(*waiting)
    rows = sa.union_all(*facts(own, span), noted).subquery()
    keys = [rows.c[name] for name in names]
    total = sa.func.sum(rows.c.n)
    anew = sa.select(sa.literal(own), *keys, total).group_by(*keys).having(total != 0)
    db.session.execute(sa.insert(FigureCount).from_select(["department_id", *names, "n"], anew))
    _unpack({(own, day) for day in span})


def rebuild(now: datetime | None = None) -> int:
    """Place and count everything anew in one transaction, for tests and the demo; returns how many parts. With ``now`` it packs, too."""
    while settle(noted=False):
        pass
    found = parts()
    for part in found:
        rebuild_part(part)
    while now is not None and pack(now, BATCH):
        pass
    return len(found)


# -- people -------------------------------------------------------------------------------------------------------------


def count_heads(now: datetime) -> bool:
    """Count the people of every department, when that was last done more than an hour ago; true when it was done now."""
    newest = db.session.scalar(sa.select(sa.func.max(HeadCount.counted_at)))
    if newest is not None and now - newest < HEADS_AFTER:
        return False
    own = sa.and_(Person.department_id == Department.id, Person.is_active == sa.true())
    query = sa.select(Department.id, sa.func.count(Person.id)).outerjoin(Person, own).group_by(Department.id)
    rows = [{"department_id": number, "people": people, "counted_at": now} for number, people in db.session.execute(query)]
    db.session.execute(sa.delete(HeadCount))
    if rows:
        db.session.execute(sa.insert(HeadCount), rows)
    return True


def astray(sample: int) -> list[str]:
    """Cells of a sample that are not the sum of their days, in words for `portal doctor`."""
    newest = sa.select(FigureCell).order_by(FigureCell.start.desc(), FigureCell.department_id).limit(sample)
    oldest = sa.select(FigureCell).order_by(FigureCell.start, FigureCell.department_id).limit(sample)
    rows: Iterable[FigureCell] = {row for query in (newest, oldest) for row in db.session.scalars(query)}
    wrong = (row for row in rows if row.counts != cell(row.department_id, row.grain, row.start))
    return sorted(f"department {row.department_id}: the {row.grain.split('_')[0]} from {row.start} is not the sum of its days" for row in wrong)


def uncounted(sample: int) -> list[str]:
    """Days on which counts and what the clocks and events say differ, of a sample, in words for `portal doctor`."""
    newest = sa.select(Clock.department_id, Clock.stop_day).where(Clock.stop_day.is_not(None)).order_by(Clock.id.desc()).limit(sample)
    step = max((db.session.scalar(sa.select(sa.func.max(Clock.id))) or 0) // sample, 1)
    others = sa.select(Clock.department_id, Clock.stop_day).where(Clock.stop_day.is_not(None), Clock.id.in_(range(1, step * sample + 1, step)))
    days = {(own, day) for query in (newest, others) for own, day in db.session.execute(query) if day is not None}
    wrong = (f"department {own}: {day} is not counted as its clocks say" for own, day in sorted(days) if not _agrees(own, day))
    return list(wrong)


def _agrees(own: int, day: date) -> bool:
    return counted_by_facts(own, Span(day, day)) == keeping.kept(own, day, day)


def counted_by_facts(own: int, span: Span) -> Counter[Key]:
    """What the clocks and events of some days of a department count for."""
    found: Counter[Key] = Counter()
    for query in facts(own, span):
        for row in db.session.execute(query.add_columns(sa.literal(own).label("department_id"))):
            found[keeping.place_of(row)] += row.n
    return Counter({key: n for key, n in found.items() if n})
