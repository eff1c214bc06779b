"""Truths about requests that `portal doctor` checks, in batches; each line names the request and what is wrong with it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.desk import clocks, figure_packing
from portal.desk.models import OPEN, Breach, Clock, ClockEvent, Request
from portal.desk.queries.search import REQUESTS
from portal.kernel import clock, search_keeping
from portal.kernel.db import db
from portal.kernel.health import invariant
from portal.people.calendars import work_calendar

BATCH, CLOSED, LINES = 500, 2000, 50
"""Requests per batch, of the newest closed ones looked at beside all open ones, and lines per truth."""
GRACE = timedelta(minutes=15)
"""How long the sweep may take to note a clock that ran out."""


@invariant("Clock rows are what their log says")
def stale_clocks() -> list[str]:
    """Requests whose stored clocks differ from a replay of the event log."""
    found: list[str] = []
    for batch in _batches():
        logs, rows = _by_request(ClockEvent, batch, ClockEvent.at, ClockEvent.id), _by_request(Clock, batch)
        found += [line for request in batch for line in _differences(request, logs[request.id], rows[request.id])]
        if len(found) >= LINES:
            break
    return found[:LINES]


def _batches() -> Iterator[list[Request]]:
    still_open = sa.select(Request.id).where(Request.is_open == sa.true())
    closed = sa.select(Request.id).where(Request.is_open == sa.false()).order_by(Request.id.desc()).limit(CLOSED)
    ids = sorted({*db.session.scalars(still_open), *db.session.scalars(closed)})
    for start in range(0, len(ids), BATCH):
        yield list(db.session.scalars(sa.select(Request).where(Request.id.in_(ids[start : start + BATCH])).order_by(Request.id)))
        db.session.expunge_all()


def _by_request(table: Any, batch: Sequence[Request], *order: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in db.session.scalars(sa.select(table).where(table.request_id.in_([request.id for request in batch])).order_by(*order)):
        found[row.request_id].append(row)
    return found


def _differences(request: Request, log: list[ClockEvent], rows: list[Clock]) -> Iterator[str]:
    stored = {(row.name, row.cycle): row for row in rows}
    replayed = clocks.cycles(log, work_calendar(request.calendar_version_id), request.department_id)
    for cycle in replayed:
        row = stored.pop(cycle.key, None)
        wrong = ["all of it"] if row is None else [name for name, value in cycle.values().items() if getattr(row, name) != value]
        if wrong:
            yield f"request {request.id}: {cycle.name} {cycle.number} differs in {', '.join(wrong)}"
    yield from (f"request {request.id}: {name} {number} is not in the log" for name, number in stored)


@invariant("Whatever ran out of time was noted as late")
def missing_breaches() -> list[str]:
    """Clocks that stopped late, or run past their due time, without a breach row."""
    return _late_without_breach(clock.now())


def _late_without_breach(now: datetime) -> list[str]:
    noted = sa.exists().where(Breach.request_id == Clock.request_id, Breach.clock == Clock.name, Breach.cycle == Clock.cycle)
    running = sa.and_(Clock.stopped_at.is_(None), Clock.due < now - GRACE, Request.is_open == sa.true())
    late = sa.or_(Clock.stopped_at > Clock.due, running)
    query = sa.select(Clock.request_id, Clock.name, Clock.cycle).join(Request, Request.id == Clock.request_id).where(Clock.due.is_not(None), late, ~noted)
    rows = db.session.execute(query.order_by(Clock.id).limit(LINES))
    return [f"request {number}: {name} {cycle} was late and nobody noted it" for number, name, cycle in rows]


@invariant("Every open request has a clock")
def without_clock() -> list[str]:
    """Open requests that no clock would ever bring to anybody's mind."""
    query = sa.select(Request.id).where(Request.is_open == sa.true(), ~sa.exists().where(Clock.request_id == Request.id))
    return _lines(db.session.scalars(query.order_by(Request.id).limit(LINES)), "is open and has no clock")


@invariant("A request is open exactly while its status says so")
def status_and_open_differ() -> list[str]:
    """The stored flag that lists and indexes rely on."""
    query = sa.select(Request.id).where(Request.is_open != Request.status.in_(sorted(OPEN)))
    return _lines(db.session.scalars(query.order_by(Request.id).limit(LINES)), "is open or not, against its status")


SAMPLE = 200
"""Requests whose words are looked for: the newest, and as many from all the others."""
SAMPLED_DAYS, SAMPLED_CELLS = 40, 30
TRIGGERS = {"sqlite": 12, "postgresql": 8}


@invariant("Search knows requests as they are")
def unknown_to_search() -> list[str]:
    """Requests of a sample that the index does not find by their own words, and signs that it is not kept any more."""
    known, kept = search_keeping.triggers(REQUESTS.name), TRIGGERS[db.engine.dialect.name]
    found = [f"{kept - known} of the {kept} triggers that keep the search index are gone: run the newest `portal upgrade`"] if known < kept else []
    if late := search_keeping.waiting(REQUESTS.name):
        found.append(f"{late} requests wait for the index; if it stays so, run `portal reindex`")
    newest = list(db.session.scalars(sa.select(Request.id).order_by(Request.id.desc()).limit(SAMPLE)))
    step = max((newest[0] if newest else 0) // SAMPLE, 1)
    others = list(db.session.scalars(sa.select(Request.id).where(Request.id.in_(range(1, step * SAMPLE + 1, step)))))
    return found + _lines(search_keeping.astray(REQUESTS.name, sorted({*newest, *others}))[:LINES], "is not found by its own words: run `portal reindex`")


@invariant("Figures hold what the clocks say")
def uncounted() -> list[str]:
    """Days of a sample whose counts are not what their clocks say, and whole weeks and months that are not the sum of their days."""
    found = [*figure_packing.uncounted(SAMPLED_DAYS), *figure_packing.astray(SAMPLED_CELLS)]
    return [f"{line}: run `portal rebuild-figures`" for line in found[:LINES]]


def _lines(numbers: Iterable[int], what: str) -> list[str]:
    return [f"request {number} {what}" for number in numbers]
