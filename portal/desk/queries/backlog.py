"""What is open in a department by its age in working days, from the index over open requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.desk.models import Request
from portal.desk.policy import requests_visible_to
from portal.desk.words import day_hours
from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.people.calendar import WorkCalendar

EDGES = (1, 3, 5, 10, 20, 60)
"""Working days at which one age ends and the next begins."""
OLDEST = 10


@dataclass(frozen=True)
class Backlog:
    """How many requests are open by age, the youngest first, and the ages in working time that half and nine in ten of them do not exceed."""

    counts: tuple[int, ...]
    half: timedelta | None
    most: timedelta | None

    @property
    def number(self) -> int:
        """All that is open."""
        return sum(self.counts)


@dataclass(frozen=True)
class Old:
    """One of the oldest: who may not read it sees number, state and due only."""

    id: int
    title: str
    received_at: datetime
    next_due_at: datetime | None
    may_read: bool


def edges(calendar: WorkCalendar, now: datetime) -> list[datetime]:
    """The instants at which a request must have come in to be so many working days old now."""
    day = timedelta(hours=day_hours(calendar, now))
    return [calendar.due(now, -days * day) for days in EDGES]


def of_department(department_id: int, calendar: WorkCalendar, now: datetime) -> Backlog:
    """Ages of what is open. Two statements, over the open requests of the department alone."""
    age = sa.case(*((Request.received_at > at, place) for place, at in enumerate(edges(calendar, now))), else_=len(EDGES))
    here = sa.and_(Request.department_id == department_id, Request.is_open == sa.true())
    counts: dict[int, int] = {place: n for place, n in db.session.execute(sa.select(age, sa.func.count()).where(here).group_by(age))}  # noqa: C416  rows, not pairs
    total = sum(counts.values())
    half, most = _ranked(here, total, calendar, now) if total else (None, None)
    return Backlog(tuple(counts.get(place, 0) for place in range(len(EDGES) + 1)), half, most)


def _ranked(here: Any, total: int, calendar: WorkCalendar, now: datetime) -> Sequence[timedelta | None]:
    youngest = sa.select(Request.received_at).where(here).order_by(Request.received_at.desc())
    at = [youngest.offset(max(0, -(-total * share // 100) - 1)).limit(1).scalar_subquery() for share in (50, 90)]
    return [None if since is None else calendar.worked(since, now) for since in db.session.execute(sa.select(*at)).one()]


def oldest(actor: Actor, department_id: int) -> list[Old]:
    """The ten that wait longest, of those the actor knows of. One statement."""
    visible = requests_visible_to(actor)
    query = sa.select(Request.id, Request.title, Request.received_at, Request.next_due_at, visible.label("may_read"))
    query = query.where(Request.department_id == department_id, Request.is_open == sa.true(), sa.or_(visible, known_by_number(actor)))
    return [Old(*row) for row in db.session.execute(query.order_by(Request.received_at, Request.id).limit(OLDEST))]


def known_by_number(actor: Actor) -> sa.ColumnElement[bool]:
    """SQL: its number is no secret to the actor: it is not confidential, or they lead the department that has it."""
    return sa.or_(Request.is_confidential == sa.false(), Request.department_id.in_(sorted(actor.leads)))


def aged(place: int, calendar: WorkCalendar, now: datetime) -> sa.ColumnElement[bool]:
    """SQL: open requests of an age, by its place among the counts."""
    instants = edges(calendar, now)
    younger = [Request.received_at <= instants[place - 1]] if place else []
    older = [Request.received_at > instants[place]] if place < len(instants) else []
    return sa.and_(Request.is_open == sa.true(), *younger, *older)
