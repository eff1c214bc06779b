"""What happens because time passed: clocks that warn, and resolved requests nobody said a word about.

The due instants are stored and indexed; each row is claimed by compare-and-set on that instant, so any number of sweeps may run, and
one that did not run for a day gives one warning per clock, not four.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from portal.contracts.desk import ClockWarned, FollowUpAsked
from portal.desk import clocks
from portal.desk.actions import steps
from portal.desk.actions.deciding import close_silent
from portal.desk.clock import warn_instants
from portal.desk.models import Alert, Request
from portal.desk.queries import follow_ups
from portal.desk.rules import CLOSE_DAYS, Status
from portal.kernel import jobs
from portal.kernel.db import db
from portal.kernel.policy import SYSTEM
from portal.people.calendar import WorkCalendar
from portal.people.calendars import work_calendar

BATCH = 25
"""Requests in one unit of work: each takes about four milliseconds, and everybody who saves something waits for the whole."""


def warn_due(*, now: datetime, limit: int = BATCH) -> int:
    """Warn about clocks whose next instant has passed (R17) and note what is late (R13); the number of requests looked at."""
    query = sa.select(Request.id, Request.next_alert_at).where(Request.is_open == sa.true(), Request.next_alert_at < now)
    due = db.session.execute(query.order_by(Request.next_alert_at, Request.id).limit(limit)).all()
    for request_id, at in due:
        if _claim(request_id, Request.next_alert_at, at, Request.is_open == sa.true()):
            _warn(_row(request_id), now)
    return len(due)


def _claim(request_id: int, column: InstrumentedAttribute[Any], at: datetime | None, still: sa.ColumnElement[bool]) -> bool:
    return steps.update_one(sa.and_(Request.id == request_id, column == at, still), {column.key: None})


def _row(request_id: int) -> Request:
    return db.session.get_one(Request, request_id, populate_existing=True)


def _warn(request: Request, now: datetime) -> None:
    calendar = work_calendar(request.calendar_version_id)
    given = clocks.alerted(request.id)
    for cycle in clocks.cycles(clocks.events_of(request.id), calendar, request.department_id):
        if cycle.is_live and (threshold := _passed(cycle, calendar, given.get(cycle.key, 0), now)):
            _give(request, cycle, threshold, now)
    clocks.refresh(request, now)


def _passed(cycle: clocks.Cycle, calendar: WorkCalendar, given: int, now: datetime) -> int | None:
    """The highest threshold whose instant has passed without a warning; one says what several would."""
    return max((percent for percent, at in warn_instants(cycle.state, None, calendar) if percent > given and at < now), default=None)


def _give(request: Request, cycle: clocks.Cycle, threshold: int, now: datetime) -> None:
    due = cycle.state.due
    if due is None or not jobs.insert_once(Alert, request_id=request.id, clock=cycle.name, cycle=cycle.number, threshold=threshold, due=due, given_at=now):
        return
    warned = ClockWarned(request.id, cycle.name, cycle.number, threshold, due.isoformat())
    steps.note(request, warned, actor=SYSTEM, now=now)


def follow_up(*, now: datetime, limit: int = BATCH) -> int:
    """Ask "did it work?" once more three working days after a resolution, and close after five; the number of requests looked at."""
    query = sa.select(Request.id, Request.follow_up_at).where(Request.awaits_answer == sa.true(), Request.follow_up_at < now)
    due = db.session.execute(query.order_by(Request.follow_up_at, Request.id).limit(limit)).all()
    for request_id, at in due:
        if _claim(request_id, Request.follow_up_at, at, Request.awaits_answer == sa.true()):
            _ask_or_close(_row(request_id), now)
    return len(due)


def _ask_or_close(request: Request, now: datetime) -> None:
    if request.status is not Status.RESOLVED or request.resolved_at is None:
        return
    calendar = work_calendar(request.calendar_version_id)
    closes_at = calendar.working_day_later(request.resolved_at, CLOSE_DAYS)
    if now > closes_at:
        close_silent(request, actor=SYSTEM, now=now)
    elif follow_ups.was_asked_lately(request.requester_id, now):
        request.follow_up_at = min(closes_at, calendar.working_day_later(now))
    else:
        request.follow_up_at = closes_at
        steps.note(request, FollowUpAsked(request.id, request.requester_id), actor=SYSTEM, now=now)
