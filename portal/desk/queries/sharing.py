"""The way of a department, and who could get the next request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.desk.models import Message, MessageKind, NamedFulfiller, Request, SharingRule, SharingShare, SharingTurn
from portal.desk.queries.promises import is_away
from portal.desk.turns import Candidate, Way
from portal.kernel.db import db
from portal.people import calendars
from portal.people.models import Absence, Fulfiller, Person

MOST = 500


@dataclass(frozen=True)
class Member:
    """Somebody who answers for a department, as the page of sharing shows them."""

    person: Person
    weight: int
    cap: int | None
    is_here: bool
    on_duty: bool


def rule_for(department_id: int, service_id: int) -> SharingRule | None:
    """The rule of the service, else of the department; None while nobody chose one. One statement."""
    query = sa.select(SharingRule).where(SharingRule.department_id == department_id)
    query = query.where(sa.or_(SharingRule.service_id == service_id, SharingRule.service_id.is_(None)))
    return db.session.scalars(query.order_by(SharingRule.service_id.is_(None)).limit(1)).first()


def whole_rule(department_id: int) -> SharingRule | None:
    """The rule of the department itself; one statement."""
    return db.session.scalar(sa.select(SharingRule).where(SharingRule.department_id == department_id, SharingRule.service_id.is_(None)))


def rules_of(department_id: int) -> tuple[SharingRule | None, dict[int, Way]]:
    """The rule of the department, and the ways of services that differ, by id; one statement."""
    found = db.session.scalars(sa.select(SharingRule).where(SharingRule.department_id == department_id)).all()
    whole = next((rule for rule in found if rule.service_id is None), None)
    return whole, {rule.service_id: rule.way for rule in found if rule.service_id is not None}


def candidates(rule: SharingRule, day: date, *, named_for: int | None = None, but: Sequence[int] = ()) -> list[Candidate]:
    """Fulfillers on duty who have not left, absent ones marked; of what is confidential those ``named_for`` the service. One statement."""
    held = sa.select(sa.func.count()).where(Request.assignee_id == Person.id, Request.is_open == sa.true()).correlate(Person).scalar_subquery()
    share = sa.and_(SharingShare.department_id == rule.department_id, SharingShare.person_id == Person.id)
    turn = sa.and_(SharingTurn.rule_id == rule.id, SharingTurn.person_id == Person.id)
    columns = (Person.id, SharingTurn.place, SharingShare.weight, held, SharingShare.cap, SharingTurn.last_at, ~is_away(day))
    query = sa.select(*columns).join(Fulfiller, Fulfiller.person_id == Person.id).outerjoin(SharingShare, share).outerjoin(SharingTurn, turn)
    query = query.where(Fulfiller.department_id == rule.department_id, Fulfiller.on_duty == sa.true(), Person.is_active == sa.true())
    query = query.where(sa.or_(Person.end_date.is_(None), Person.end_date >= day), Person.id.not_in(but))
    if named_for is not None:
        query = query.where(Person.id.in_(sa.select(NamedFulfiller.person_id).where(NamedFulfiller.service_id == named_for)))
    rows = db.session.execute(query.order_by(Person.id).limit(MOST))
    return [Candidate(who, place or 0, weight or 1, held, cap, last, bool(here)) for who, place, weight, held, cap, last, here in rows]


def members(department_id: int, day: date) -> list[Member]:
    """Who answers for a department, by name, with their share; one statement."""
    share = sa.and_(SharingShare.department_id == department_id, SharingShare.person_id == Person.id)
    query = sa.select(Person, SharingShare.weight, SharingShare.cap, ~is_away(day), Fulfiller.on_duty).join(Fulfiller, Fulfiller.person_id == Person.id)
    query = query.outerjoin(SharingShare, share).where(Fulfiller.department_id == department_id, Person.is_active == sa.true())
    rows = db.session.execute(query.order_by(Person.sort_name, Person.id).limit(MOST))
    return [Member(person, weight or 1, cap, bool(here), on_duty) for person, weight, cap, here, on_duty in rows]


def today_of(department_id: int, now: datetime) -> date:
    """Today where the department works."""
    return now.astimezone(ZoneInfo(calendars.work_calendar(calendars.department_version(department_id)).zone)).date()


def absence_of(person_id: int, day: date) -> tuple[date, date] | None:
    """First and last day of the absence somebody is in; None while they are here."""
    query = sa.select(Absence.first_day, Absence.last_day).where(Absence.person_id == person_id, Absence.first_day <= day, Absence.last_day >= day)
    row = db.session.execute(query.limit(1)).first()
    return (row[0], row[1]) if row else None


def wrote_since(request_id: int, person_id: int, since: datetime) -> bool:
    """True when somebody said anything on the request, a note counts, at or after an instant."""
    query = sa.select(Message.id).where(Message.request_id == request_id, Message.author_id == person_id, Message.created_at >= since)
    return db.session.scalar(query.where(Message.kind != MessageKind.DESCRIPTION).limit(1)) is not None


def waiting(department_id: int, limit: int = 1000) -> int:
    """How many new requests nobody has, up to ``limit``; one statement."""
    free = sa.select(Request.id).where(Request.department_id == department_id, Request.is_open == sa.true(), Request.assignee_id.is_(None)).limit(limit)
    return db.session.scalar(sa.select(sa.func.count()).select_from(free.subquery())) or 0
