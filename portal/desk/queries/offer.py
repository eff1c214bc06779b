"""What the page of a service shows beside its form: the promise for each answer, the hours, who reads it, and requests of the same kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.desk.models import Request, Service
from portal.desk.queries import promises
from portal.desk.rules import Impact, Status, priority_for, runs_round_the_clock, targets_of
from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.people import calendars
from portal.people.calendar import WorkCalendar
from portal.people.models import Department, Person

SAME = 3
"""Open requests of one's own that are shown as a hint."""


@dataclass(frozen=True)
class Offer:
    """A service as it stands now: its department, and what filing would promise for each impact."""

    department: Department
    targets: Mapping[str, Mapping[str, int]]
    previews: Mapping[str, promises.Preview]
    calendars: Mapping[str, WorkCalendar]
    serving: Sequence[Person]

    def answer_within(self, impact: str) -> timedelta:
        """Working time to the first answer."""
        return timedelta(seconds=self.targets[impact]["first_response"])


def offer(service: Service, zone: str, now: datetime, answers: Mapping[str, Any] | None = None) -> Offer:
    """What filing now would promise; six statements at most. Refusal while nothing is promised."""
    department = db.session.get_one(Department, service.department_id)
    table = promises.current_version(service.id).targets
    found = _hours(service, table)
    wanted = {impact: _targets(service, table, impact, answers, now, calendar) for impact, calendar in found.items()}
    usual = found[Impact.SLOWER.value]
    serving = promises.on_duty(service, usual.next_open(now).astimezone(ZoneInfo(usual.zone)).date())
    previews = {impact: promises.preview_of(wanted[impact], calendar, zone, now, serving) for impact, calendar in found.items()}
    return Offer(department, wanted, previews, found, serving)


def _hours(service: Service, table: Mapping[str, Any]) -> dict[str, WorkCalendar]:
    always = {impact.value: runs_round_the_clock(table, priority_for(impact)) for impact in Impact}
    versions = {kind: calendars.round_the_clock_version() if kind else calendars.department_version(service.department_id) for kind in set(always.values())}
    return {impact: calendars.work_calendar(versions[kind]) for impact, kind in always.items()}


def _targets(
    service: Service, table: Mapping[str, Any], impact: str, answers: Mapping[str, Any] | None, now: datetime, calendar: WorkCalendar
) -> Mapping[str, int]:
    return promises.with_due_date(targets_of(table, priority_for(impact)), service, answers or {}, now, calendar)


@dataclass(frozen=True)
class Asker:
    """What a form knows already about who fills it in."""

    phone: str
    place: str
    location_id: int | None


def asker(actor: Actor) -> Asker:
    """Phone and place of whoever asks; one statement."""
    row = db.session.execute(sa.select(Person.phone, Person.place, Person.location_id).where(Person.id == actor.person_id)).one()
    return Asker(*row)


@dataclass(frozen=True)
class SameRequest:
    """An open request of one's own for the same service."""

    id: int
    title: str
    status: Status


def own_open(actor: Actor, service_id: int) -> list[SameRequest]:
    """One's own open requests of a service, the newest first; one statement."""
    query = sa.select(Request.id, Request.title, Request.status)
    mine = sa.and_(Request.requester_id == actor.person_id, Request.is_open == sa.true(), Request.service_id == service_id)
    return [SameRequest(*row) for row in db.session.execute(query.where(mine).order_by(Request.id.desc()).limit(SAME))]
