"""What a new promise or new working hours would do to open requests, before anybody says yes (R18). Nothing is written."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.desk import clocks
from portal.desk.clock import ClockState, Event, replay
from portal.desk.models import ClockEvent, Request, Service
from portal.desk.queries.hours import older_versions
from portal.desk.queries.promises import with_due_date
from portal.desk.rules import targets_of
from portal.kernel.db import db
from portal.people.calendar import WorkCalendar
from portal.people.calendars import work_calendar
from portal.people.models import CalendarVersion

LOOKED_AT = 1000
"""Open requests a dry run counts at most; beyond it says so."""
States = Mapping[str, ClockState]


@dataclass(frozen=True)
class DryRun:
    """Open requests that can follow, those with another due time, those that would be late at once; ``capped`` when there are more."""

    open: int
    moved: int
    late: int
    capped: bool


def for_promise(service: Service, targets: Mapping[str, Any], now: datetime) -> DryRun:
    """What the open requests of a service would do under this table of targets; two statements."""
    rows, capped = _open(Request.service_id == service.id)

    def tried(row: Request, log: Sequence[ClockEvent], calendar: WorkCalendar) -> States:
        wanted = with_due_date(targets_of(targets, row.priority), service, row.answers, row.received_at, calendar)
        change = {name: wanted.get(name) for name in ("first_response", "next_response", "resolution")}
        event = Event(now, "retargeted", "system", {"targets": change})
        return replay([*clocks.as_events(log), event], clocks.first_targets(log), calendar, now)

    return _counted(rows, capped, now, tried)


def for_hours(calendar_id: int, candidate: WorkCalendar, now: datetime) -> DryRun:
    """What open requests that follow these working hours would do in the candidate's; two statements."""
    versions = sa.select(CalendarVersion.id).where(CalendarVersion.calendar_id == calendar_id)
    rows, capped = _open(Request.calendar_version_id.in_(versions))
    return _counted(rows, capped, now, lambda row, log, calendar: _followed(log, calendar, candidate, now))


def for_department(department_id: int, version_id: int, now: datetime) -> DryRun:
    """What the department's open requests on older versions of its working hours would do in the newest; three statements."""
    rows, capped = _open(sa.and_(Request.department_id == department_id, Request.calendar_version_id.in_(older_versions(version_id))))
    return _counted(rows, capped, now, lambda row, log, calendar: _followed(log, calendar, work_calendar(version_id), now))


def _followed(log: Sequence[ClockEvent], old: WorkCalendar, new: WorkCalendar, now: datetime) -> States | None:
    return clocks.states(log, new, now) if clocks.can_follow(log, old, new, now) else None


def _open(where: sa.ColumnElement[bool]) -> tuple[list[Request], bool]:
    rows = list(db.session.scalars(sa.select(Request).where(where, Request.is_open == sa.true()).order_by(Request.id).limit(LOOKED_AT + 1)))
    return rows[:LOOKED_AT], len(rows) > LOOKED_AT


def _counted(rows: Sequence[Request], capped: bool, now: datetime, tried: Callable[[Request, Sequence[ClockEvent], WorkCalendar], States | None]) -> DryRun:
    logs = _logs([row.id for row in rows])
    followed = moved = late = 0
    for row in rows:
        calendar, log = work_calendar(row.calendar_version_id), logs[row.id]
        if (then := tried(row, log, calendar)) is None:
            continue
        followed += 1
        before, after = _live(clocks.states(log, calendar, now)), _live(then)
        moved += before != after
        late += any(due < now and not (name in before and before[name] < now) for name, due in after.items())
    return DryRun(followed, moved, late, capped)


def _live(states: States) -> dict[str, datetime]:
    return {name: state.due for name, state in states.items() if state.due is not None and state.stopped_at is None and state.started_at is not None}


def _logs(ids: Sequence[int]) -> Mapping[int, list[ClockEvent]]:
    found: dict[int, list[ClockEvent]] = defaultdict(list)
    for start in range(0, len(ids), 500):
        query = sa.select(ClockEvent).where(ClockEvent.request_id.in_(ids[start : start + 500])).order_by(ClockEvent.request_id, ClockEvent.at, ClockEvent.id)
        for row in db.session.scalars(query):
            found[row.request_id].append(row)
    return found
