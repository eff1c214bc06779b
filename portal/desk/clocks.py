"""Clock rows as a cache of the event log: what ``clock.replay`` says, kept where lists and the sweep can find it.

A row says how its cycle stood at the last event, so it depends on the log alone and can be rebuilt at any time. Targets stand in
the log itself (``opened`` and ``retargeted`` carry them), and a request keeps its calendar version (R18), also after a transfer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.desk import figure_keeping
from portal.desk.clock import NAMES, PROMISE, RESOLUTION, ClockState, Event, replay, warn_instants
from portal.desk.models import Alert, Breach, Clock, ClockEvent, Request
from portal.kernel import jobs
from portal.kernel.db import db
from portal.people.calendar import WorkCalendar
from portal.people.calendars import work_calendar

DUE = 100
"""The threshold, in per cent, that is the due instant itself."""
URGENCY = ("first_response", "next_response", PROMISE, RESOLUTION)
"""Of clocks due at the same instant the first named is shown."""

Key = tuple[str, int]


@dataclass(frozen=True)
class Cycle:
    """One cycle of one clock with its place in the table; ``department_id`` had the request when it ended (now, if it runs)."""

    name: str
    number: int
    state: ClockState
    department_id: int

    @property
    def key(self) -> Key:
        """Clock and cycle: unique within a request."""
        return self.name, self.number

    @property
    def is_live(self) -> bool:
        """True until it has stopped."""
        return self.state.stopped_at is None

    def values(self) -> dict[str, Any]:
        """The columns that follow from the log."""
        state = self.state
        return {
            "department_id": self.department_id,
            "status": state.status,
            "due": state.due,
            "stopped_at": state.stopped_at,
            "target_seconds": None if state.target is None else int(state.target.total_seconds()),
            "worked_seconds": int(state.worked.total_seconds()),
            "paused_seconds": int(state.paused.total_seconds()),
        }


def events_of(request_id: int) -> list[ClockEvent]:
    """The log of a request, oldest first. One statement."""
    query = sa.select(ClockEvent).where(ClockEvent.request_id == request_id).order_by(ClockEvent.at, ClockEvent.id)
    return list(db.session.scalars(query))


def as_events(rows: Sequence[ClockEvent]) -> list[Event]:
    """Rows of the log in the words of ``clock.replay``."""
    return [Event(row.at, row.kind, row.by, row.data) for row in rows]


def first_targets(rows: Sequence[ClockEvent]) -> Mapping[str, timedelta]:
    """The targets a request was filed with."""
    opened = next((row for row in rows if row.kind == "opened"), None)
    found: Mapping[str, int] = opened.data.get("targets", {}) if opened else {}
    return {name: timedelta(seconds=seconds) for name, seconds in found.items()}


def present_targets(rows: Sequence[ClockEvent]) -> dict[str, int | None]:
    """The targets in seconds that hold after the last re-targeting, by clock name."""
    found: dict[str, int | None] = {}
    for row in rows:
        if row.kind in ("opened", "retargeted"):
            found |= row.data.get("targets", {})
    return found


def states(rows: Sequence[ClockEvent], calendar: WorkCalendar, at: datetime) -> Mapping[str, ClockState]:
    """Every clock of a request at an instant, from its log."""
    return replay(as_events(rows), first_targets(rows), calendar, at)


def can_follow(rows: Sequence[ClockEvent], old: WorkCalendar, new: WorkCalendar, at: datetime) -> bool:
    """True when counting in newer hours leaves every verdict there is as it is: what was kept or late stays so (R13, R18)."""
    return _verdicts(states(rows, old, at)) == _verdicts(states(rows, new, at))


def _verdicts(found: Mapping[str, ClockState]) -> list[tuple[str, int, str]]:
    told = [(name, number, cycle) for name, state in found.items() for number, cycle in enumerate((*state.cycles, state))]
    return [(name, number, cycle.status) for name, number, cycle in told if cycle.stopped_at is not None]


def cycles(rows: Sequence[ClockEvent], calendar: WorkCalendar, department_id: int) -> list[Cycle]:
    """Every cycle that has begun, as of the last event; ``department_id`` is for logs that name no department."""
    if not rows:
        return []
    return list(_cycles(states(rows, calendar, rows[-1].at), owners_in(rows), department_id))


def _cycles(found: Mapping[str, ClockState], owners: Sequence[tuple[datetime, int]], department_id: int) -> Iterator[Cycle]:
    for name in NAMES:
        state = found[name]
        for number, cycle in enumerate((*state.cycles, state)):
            if cycle.started_at is not None:
                yield Cycle(name, number, cycle, owner_at(owners, cycle.stopped_at, department_id))


def owners_in(rows: Sequence[ClockEvent]) -> list[tuple[datetime, int]]:
    """(since when, department) of every department that had the request, oldest first."""
    return [(row.at, row.data["department"]) for row in rows if "department" in row.data]


def owner_at(owners: Sequence[tuple[datetime, int]], at: datetime | None, default: int) -> int:
    """The department that had the request at an instant; None is now."""
    known = [department for since, department in owners if at is None or since <= at]
    return known[-1] if known else default


def refresh(request: Request, now: datetime) -> None:
    """Bring clock rows, breaches and the request's ``next_*`` columns up to date with the log. Flushes, never commits.

    What is written follows from the log and the warnings given alone, so this also rebuilds it.
    """
    log = events_of(request.id)
    calendar = work_calendar(request.calendar_version_id)
    found = cycles(log, calendar, request.department_id)
    rows, given = _rows(request.id), alerted(request.id)
    was, held, before = figure_keeping.counted(rows.values()), list(rows.values()), set(rows)
    _insert(request.id, [cycle for cycle in found if cycle.key not in rows], calendar, given)
    for cycle in found:
        if row := rows.pop(cycle.key, None):
            for name, value in (cycle.values() | next_alert(cycle, calendar, given.get(cycle.key, 0))).items():
                setattr(row, name, value)
            figure_keeping.freeze(row, request, log[0].at)
        note_breach(request.id, cycle, now, log)
    for stale in rows.values():
        db.session.delete(stale)
        held.remove(stale)
    if any(cycle.key not in before and not cycle.is_live for cycle in found):
        held = list(_rows(request.id).values())
        for row in held:
            figure_keeping.freeze(row, request, log[0].at)
    figure_keeping.note(was, figure_keeping.counted(held) + figure_keeping.place_new(log, request))
    show_next(request, found)
    request.next_alert_at = first_alert(request, found, calendar, given)
    db.session.flush()


def begin(request: Request, opened: ClockEvent) -> list[Cycle]:
    """The first cycles of a request that is not stored yet; its ``next_*`` columns are set. Then :func:`write_first`."""
    calendar = work_calendar(request.calendar_version_id)
    found = cycles([opened], calendar, request.department_id)
    show_next(request, found)
    request.next_alert_at = first_alert(request, found, calendar, {})
    return found


def write_first(request: Request, opened: ClockEvent, found: Sequence[Cycle], now: datetime) -> None:
    """Store what :func:`begin` found, once the request has its number; one statement unless a logged call is late already."""
    figure_keeping.mark(opened, request)
    _insert(request.id, found, work_calendar(request.calendar_version_id), {})
    for cycle in found:
        note_breach(request.id, cycle, now, [opened])


def _insert(request_id: int, found: Sequence[Cycle], calendar: WorkCalendar, given: Mapping[Key, int]) -> None:
    rows = [
        {"request_id": request_id, "name": cycle.name, "cycle": cycle.number} | cycle.values() | next_alert(cycle, calendar, given.get(cycle.key, 0))
        for cycle in found
    ]
    if rows:
        db.session.execute(sa.insert(Clock), rows)


def _rows(request_id: int) -> dict[Key, Clock]:
    return {(row.name, row.cycle): row for row in db.session.scalars(sa.select(Clock).where(Clock.request_id == request_id))}


def alerted(request_id: int) -> dict[Key, int]:
    """The highest warning given so far by clock and cycle, in per cent. One statement."""
    query = sa.select(Alert.clock, Alert.cycle, sa.func.max(Alert.threshold)).where(Alert.request_id == request_id).group_by(Alert.clock, Alert.cycle)
    return {(clock, cycle): threshold for clock, cycle, threshold in db.session.execute(query)}


def next_alert(cycle: Cycle, calendar: WorkCalendar, given: int) -> dict[str, Any]:
    """Threshold and instant of the next warning above the ``given`` per cent; both None when there is none."""
    ahead = [(percent, at) for percent, at in warn_instants(cycle.state, None, calendar) if percent > given]
    percent, at = ahead[0] if ahead else (None, None)
    return {"next_threshold": percent, "next_alert_at": at}


def first_alert(request: Request, found: Sequence[Cycle], calendar: WorkCalendar, given: Mapping[Key, int]) -> datetime | None:
    """The next instant at which the sweep has to look at the request; None while it is not open."""
    if not request.is_open:
        return None
    coming = (next_alert(cycle, calendar, given.get(cycle.key, 0))["next_alert_at"] for cycle in found if cycle.is_live)
    return min((at for at in coming if at is not None), default=None)


def show_next(request: Request, found: Sequence[Cycle]) -> None:
    """Set the clock a list shows: of those that run the nearest; a waiting one keeps its name and has no due instant."""
    live = {cycle.name: cycle.state for cycle in found if cycle.is_live} if request.is_open else {}
    dated = [(state.due, URGENCY.index(name), name) for name, state in live.items() if state.due is not None]
    if dated:
        request.next_due_at, _, request.next_clock = min(dated)
        return
    request.next_due_at, request.next_clock = None, next((name for name in URGENCY if name in live), None)


def note_breach(request_id: int, cycle: Cycle, now: datetime, log: Sequence[ClockEvent]) -> bool:
    """Write the breach of a cycle once its due instant has passed (R13); true when it is new. Idempotent on clock and cycle."""
    due, end = cycle.state.due, cycle.state.stopped_at or now
    if due is None or end <= due:
        return False
    values = {"request_id": request_id, "clock": cycle.name, "cycle": cycle.number, "due": due, "noted_at": now}
    return jobs.insert_once(Breach, department_id=owner_at(owners_in(log), due, cycle.department_id), **values)
