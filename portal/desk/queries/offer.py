"""What the page of a service shows beside its form: the promise for each answer, the hours, who reads it, and requests of the same kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.desk.models import Draft, PromiseVersion, Request, Service
from portal.desk.queries import promises
from portal.desk.queries.drafts import Kept, kept
from portal.desk.rules import Impact, priority_for, runs_round_the_clock, targets_of
from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.people import calendars
from portal.people.calendar import WorkCalendar
from portal.people.models import Department, Person

SAME = 3
"""Open requests of one's own that are shown as a hint."""
NEAR, NEAR_MOST = 2, 20
"""So many others of the same place are worth a word, and the most that are counted: fewer would say who it is."""


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
    """What filing now would promise; three statements. Refusal while nothing is promised."""
    department, table = _promised(service)
    found = _hours(service, table)
    wanted = {impact: _targets(service, table, impact, answers, now, calendar) for impact, calendar in found.items()}
    usual = found[Impact.SLOWER.value]
    serving = promises.on_duty(service, usual.next_open(now).astimezone(ZoneInfo(usual.zone)).date())
    previews = {impact: promises.preview_of(wanted[impact], calendar, zone, now, serving) for impact, calendar in found.items()}
    return Offer(department, wanted, previews, found, serving)


def _promised(service: Service) -> tuple[Department, Mapping[str, Any]]:
    query = sa.select(Department, PromiseVersion.targets).join(PromiseVersion, PromiseVersion.service_id == service.id)
    row = db.session.execute(query.where(Department.id == service.department_id).order_by(PromiseVersion.version.desc()).limit(1)).first()
    return (row[0], row[1]) if row else (db.session.get_one(Department, service.department_id), promises.current_version(service.id).targets)


def _hours(service: Service, table: Mapping[str, Any]) -> dict[str, WorkCalendar]:
    always = {impact.value: runs_round_the_clock(table, priority_for(impact)) for impact in Impact}
    own, never_closed = calendars.both_versions(service.department_id)
    return {impact: calendars.work_calendar(never_closed if kind else own) for impact, kind in always.items()}


def _targets(
    service: Service, table: Mapping[str, Any], impact: str, answers: Mapping[str, Any] | None, now: datetime, calendar: WorkCalendar
) -> Mapping[str, int]:
    return promises.with_due_date(targets_of(table, priority_for(impact)), service, answers or {}, now, calendar)


@dataclass(frozen=True)
class Asker:
    """What a form knows already about who fills it in, and what they typed before."""

    phone: str
    place: str
    location_id: int | None
    draft: Kept | None


def asker(actor: Actor, form: str) -> Asker:
    """Phone and place of whoever asks, and their draft of a form; one statement."""
    mine = sa.and_(Draft.person_id == Person.id, Draft.form == form)
    query = sa.select(Person.phone, Person.place, Person.location_id, Draft.fields, Draft.saved_at).outerjoin(Draft, mine)
    phone, place, location_id, fields, saved_at = db.session.execute(query.where(Person.id == actor.person_id)).one()
    return Asker(phone, place, location_id, kept(fields, saved_at) if saved_at else None)


@dataclass(frozen=True)
class Alike:
    """Open requests for the same service: one's own as (number, title), and how many colleagues of the same place asked."""

    own: Sequence[tuple[int, str]]
    near: int


def alike(actor: Actor, service: Service, location_id: int | None) -> Alike:
    """One's own open requests of a service, the newest first, and the number of colleagues nearby with one that is no secret; one statement."""
    mine = sa.and_(Request.requester_id == actor.person_id, Request.is_open == sa.true(), Request.service_id == service.id)
    own = sa.select(Request.id, Request.title).where(mine).order_by(Request.id.desc()).limit(SAME).subquery()
    others = sa.and_(Request.service_id == service.id, Request.is_open == sa.true(), Request.is_confidential == sa.false())
    here = sa.and_(others, Request.location_id == location_id, Request.requester_id != actor.person_id)
    wanted = here if location_id and not service.is_confidential else sa.false()
    near = sa.select(Request.requester_id).where(wanted).order_by(Request.id.desc()).limit(NEAR_MOST).subquery()
    counted = sa.select(sa.func.count(near.c.requester_id.distinct()).label("id"), sa.literal("").label("title"), sa.literal(1).label("n"))
    rows = db.session.execute(sa.union_all(sa.select(own.c.id, own.c.title, sa.literal(0).label("n")), counted)).all()
    found = sorted(((number, title) for number, title, n in rows if n == 0), reverse=True)
    return Alike(found, next(number for number, _, n in rows if n == 1))
