"""What a service promises: to whom it goes, in whose working hours, and by when, before and while a request is filed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.desk.models import NamedFulfiller, PromiseVersion, Service
from portal.desk.rules import runs_round_the_clock, targets_of
from portal.kernel.db import db
from portal.kernel.errors import Refusal
from portal.kernel.messages import say
from portal.people import calendars
from portal.people.calendar import WorkCalendar
from portal.people.models import Absence, Fulfiller, Person


@dataclass(frozen=True)
class Plan:
    """Which versions hold for a new request, and its targets in seconds of working time by clock name."""

    promise_version_id: int
    calendar_version_id: int
    targets: Mapping[str, int]


@dataclass(frozen=True)
class Preview:
    """What somebody is promised before they send. Instants are UTC; ``clock_starts_at`` is None when the clock starts at once.

    ``resolution_at`` is None where a date is agreed in the first answer. ``hours`` are the opening hours of the next working day.
    """

    first_answer_at: datetime
    resolution_at: datetime | None
    clock_starts_at: datetime | None
    zone: str
    differs_from_reader: bool
    round_the_clock: bool
    hours: Sequence[tuple[datetime, datetime]]
    on_duty: Sequence[Person]


def current_version(service_id: int) -> PromiseVersion:
    """What the service promises now; Refusal while nobody has said so."""
    query = sa.select(PromiseVersion).where(PromiseVersion.service_id == service_id)
    row = db.session.scalars(query.order_by(PromiseVersion.version.desc()).limit(1)).first()
    if row is None:
        raise Refusal(say("This service promises nothing yet, so it cannot be asked for. Choose another one, or call the department."), field="service_id")
    return row


def plan(service: Service, priority: str, start: datetime, answers: Mapping[str, Any] | None = None) -> Plan:
    """The versions and targets a request filed at ``start`` gets; a needed date sets the time to the end. Three statements."""
    promised = current_version(service.id)
    always = runs_round_the_clock(promised.targets, priority)
    version_id = calendars.round_the_clock_version() if always else calendars.department_version(service.department_id)
    targets = targets_of(promised.targets, priority)
    return Plan(promised.id, version_id, with_due_date(targets, service, answers or {}, start, calendars.work_calendar(version_id)))


def with_due_date(targets: Mapping[str, int], service: Service, answers: Mapping[str, Any], start: datetime, calendar: WorkCalendar) -> dict[str, int]:
    """The targets with the time to the end taken from the date in the service's ``due_field``; never less than the first answer's."""
    wanted = answers.get(service.due_field) if service.due_field else None
    if not wanted:
        return dict(targets)
    left = calendar.worked(start, closing(str(wanted), start, calendar))
    return {**targets, "resolution": max(int(left.total_seconds()), targets["first_response"])}


def closing(wanted: str, start: datetime, calendar: WorkCalendar) -> datetime:
    """The instant by which a date (ISO) is kept: the close of that day, or of the last working day before; a date-time is itself."""
    if "T" in wanted:
        return datetime.fromisoformat(wanted)
    day = date.fromisoformat(wanted)
    for back in range(31):
        if hours := calendar.opening_hours(day - timedelta(days=back)):
            return hours[-1][1]
    return start


def promise_preview(service: Service, priority: str, requester_zone: str, now: datetime, answers: Mapping[str, Any] | None = None) -> Preview:
    """What filing now would promise, and who has it then. Five statements at most; Refusal while nothing is promised."""
    planned = plan(service, priority, now, answers)
    calendar = calendars.work_calendar(planned.calendar_version_id)
    return preview_of(planned.targets, calendar, requester_zone, now, on_duty(service, calendar.next_open(now).astimezone(ZoneInfo(calendar.zone)).date()))


def preview_of(targets: Mapping[str, int], calendar: WorkCalendar, requester_zone: str, now: datetime, serving: Sequence[Person] = ()) -> Preview:
    """What targets mean on a calendar from now on; nothing is read."""
    opens, resolution = calendar.next_open(now), targets.get("resolution")
    local = opens.astimezone(ZoneInfo(calendar.zone))
    always = calendar.is_open(now) and calendar.worked(now, now + timedelta(days=7)) == timedelta(days=7)
    return Preview(
        first_answer_at=calendar.due(now, timedelta(seconds=targets["first_response"])),
        resolution_at=None if resolution is None else calendar.due(now, timedelta(seconds=resolution)),
        clock_starts_at=None if opens <= now else opens,
        zone=calendar.zone,
        differs_from_reader=not always and local.utcoffset() != opens.astimezone(ZoneInfo(requester_zone)).utcoffset(),
        round_the_clock=always,
        hours=calendar.opening_hours(local.date()),
        on_duty=serving,
    )


def on_duty(service: Service, day: date, *, confidential: bool | None = None, limit: int = 12) -> Sequence[Person]:
    """Who answers for a service on a day: fulfillers on duty and not away; of what is confidential those named. One statement."""
    query = sa.select(Person).join(Fulfiller, Fulfiller.person_id == Person.id)
    query = query.where(Fulfiller.department_id == service.department_id, Fulfiller.on_duty == sa.true(), Person.is_active == sa.true(), ~is_away(day))
    if service.is_confidential if confidential is None else confidential:
        query = query.where(Person.id.in_(sa.select(NamedFulfiller.person_id).where(NamedFulfiller.service_id == service.id)))
    return db.session.scalars(query.order_by(Fulfiller.since, Person.id).limit(limit)).all()


def is_away(day: date) -> sa.ColumnElement[bool]:
    """SQL: the person is away on ``day``."""
    return sa.exists().where(Absence.person_id == Person.id, Absence.first_day <= day, Absence.last_day >= day).correlate(Person)
