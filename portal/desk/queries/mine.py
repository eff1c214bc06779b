"""Requests as the requester's side lists them: one's own, those one follows, those of one's department."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from portal.desk import words
from portal.desk.models import Clock, Participant, Request, Service
from portal.desk.policy import requests_visible_to
from portal.desk.queries.finding import matching
from portal.desk.rules import OPEN, PAUSED, Answer, Status
from portal.kernel.db import db
from portal.kernel.messages import Message
from portal.kernel.paging import Count, Key, Page, keyset
from portal.kernel.policy import Actor
from portal.kernel.prepared import ME, like, once, read
from portal.people import calendars
from portal.people.models import Department, Person

PAGE = 20
CAP = 1000
OPEN_TAB, WAITING, DONE_TAB, FOLLOWED = "open", "waiting", "done", "followed"


@dataclass(frozen=True)
class MyRequest:
    """One line of a list: where it stands and what was promised."""

    id: int
    title: str
    department: str
    service_key: str
    requester_id: int
    requester: str
    owner: str
    status: Status
    waits_for: str
    awaits_answer: bool
    relieved_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    outcome: str | None
    next_clock: str | None
    next_due_at: datetime | None
    calendar_version_id: int
    updated_at: datetime
    target_seconds: int | None
    worked_seconds: int | None

    @property
    def standing(self) -> words.Standing:
        """How it stands, as the words want it."""
        relieved = self.relieved_at is not None and self.outcome != Answer.NO
        return words.Standing(self.status, True, self.requester, self.waits_for, self.awaits_answer, relieved, self.outcome)

    @property
    def is_open(self) -> bool:
        """Not solved, closed or cancelled yet."""
        return self.status in OPEN

    @property
    def waits_for_requester(self) -> bool:
        """Somebody waits for the requester's answer, or asks whether it worked; the same answer as :func:`waits_for_me`."""
        return self.status is Status.WAITING_REQUESTER or self.awaits_answer


@dataclass(frozen=True)
class Shown:
    """What a row says: shape and word of the status, and the clock with its words and the exact time."""

    status: str
    word: Message
    clock: words.Bar
    promise: Message
    exact: str


def shown(row: MyRequest, reader: words.Reader) -> Shown:
    """A row in words; the calendar is built once per process, so this reads nothing as a rule."""
    calendar = calendars.work_calendar(row.calendar_version_id)
    target = timedelta(seconds=row.target_seconds) if row.target_seconds else None
    used = timedelta(seconds=row.worked_seconds or 0)
    ended = None if row.status in OPEN else row.resolved_at or row.closed_at
    fact = words.ClockFact(row.next_clock, row.next_due_at, target, used, is_paused=row.status in PAUSED and row.next_due_at is None, ended_at=ended)
    bar = words.bar(fact, calendar, reader.now)
    if row.status is Status.WAITING_REQUESTER and bar.kind != "late":
        bar = replace(bar, kind="pause")
    kind, word = words.status_word(row.standing)
    return Shown(kind, word, bar, words.requester_clock(fact, bar, reader, row.standing), reader.when(row.next_due_at) if row.next_due_at else "")


@cache
def rows() -> Any:
    """The columns of a line with their joins; the caller says which requests. Put together once: it costs as much as the page's other words."""
    live = sa.and_(Clock.request_id == Request.id, Clock.name == Request.next_clock, Clock.stopped_at.is_(None))
    asker, owner = aliased(Person), aliased(Person)
    return (
        sa.select(
            *(Request.id, Request.title, Department.name.label("department"), Service.key.label("service_key"), Request.requester_id),
            *(asker.name.label("requester"), sa.func.coalesce(owner.given_name, "").label("owner"), Request.status, Request.waits_for),
            *(Request.awaits_answer, Request.relieved_at, Request.resolved_at, Request.closed_at, Request.outcome, Request.next_clock),
            *(Request.next_due_at, Request.calendar_version_id, Request.updated_at, Clock.target_seconds, Clock.worked_seconds),
        )
        .join(Department, Department.id == Request.department_id)
        .join(Service, Service.id == Request.service_id)
        .join(asker, asker.id == Request.requester_id)
        .outerjoin(owner, owner.id == Request.assignee_id)
        .outerjoin(Clock, live)
    )


def made(row: Any) -> MyRequest:
    """A line from a row of :func:`rows`."""
    return MyRequest(*row)


def waits_for_me(actor: Actor) -> sa.ColumnElement[bool]:
    """SQL: one's own request on which somebody waits for one's answer, or which asks whether it worked."""
    asked = sa.or_(Request.status == Status.WAITING_REQUESTER, Request.awaits_answer == sa.true())
    return sa.and_(Request.requester_id == actor.person_id, asked)


def one_of(*ids: sa.Select[int]) -> sa.ColumnElement[bool]:
    """SQL: a request whose number one of ``ids`` gives. Each reads its own index; an OR of their conditions would read the whole table."""
    return Request.id.in_(sa.union_all(*ids))


def _followed(actor: Actor) -> tuple[sa.Select[int], sa.Select[int]]:
    """Numbers of what one follows, and of what one filed for somebody else."""
    filed = aliased(Request)
    for_others = sa.and_(filed.filed_by_id == actor.person_id, filed.requester_id != actor.person_id, filed.is_confidential == sa.false())
    return sa.select(Participant.request_id).where(Participant.person_id == actor.person_id), sa.select(filed.id).where(for_others)


def _tab(actor: Actor, tab: str) -> sa.ColumnElement[bool]:
    if tab == FOLLOWED:
        return one_of(*_followed(actor))
    if tab == WAITING:
        return waits_for_me(actor)
    return sa.and_(Request.requester_id == actor.person_id, Request.is_open == (sa.true() if tab == OPEN_TAB else sa.false()))


def my_requests(actor: Actor, tab: str, *, text: str = "", cursor: str | None = None, limit: int = PAGE) -> Page[MyRequest]:
    """A page of one tab, the newest first; one statement."""
    return _page(_of_tab(like(actor), tab), actor, text, cursor, limit)


@once
def _of_tab(rights: Actor, tab: str) -> Any:
    return rows().where(_tab(rights, tab))


def requests_of(actor: Actor, department_id: int, *, text: str = "", cursor: str | None = None, limit: int = PAGE) -> Page[MyRequest]:
    """What the people of a department asked for, as far as the actor may read it, the newest first; one statement."""
    return _page(_of_department(like(actor), department_id), actor, text, cursor, limit)


@once
def _of_department(rights: Actor, department_id: int) -> Any:
    return rows().where(Request.from_department_id == department_id, requests_visible_to(rights))


def _page(query: Any, actor: Actor, text: str, cursor: str | None, limit: int) -> Page[MyRequest]:
    if text:
        query = query.where(sa.or_(titled(text), matching(actor, text)))
    return keyset(query, [Key(Request.id, "id", descending=True)], cursor, limit, made, {"me": actor.person_id})


def titled(text: str) -> sa.ColumnElement[bool]:
    """SQL: the number begins like this, or every word begins a word of the title."""
    text = text.strip().lstrip("#")
    if text.isdecimal() and text.isascii():
        number = sa.cast(Request.id, sa.String).startswith(text[:12], autoescape=True)
        return sa.or_(number, _titled(text))
    return _titled(text)


def _titled(text: str) -> sa.ColumnElement[bool]:
    title = sa.literal(" ") + sa.func.lower(Request.title)
    return sa.and_(sa.true(), *(title.contains(" " + word, autoescape=True) for word in text[:200].lower().split()[:6]))


@dataclass(frozen=True)
class Counts:
    """How many of one's own requests there are, counted up to a cap."""

    open: Count
    waiting: Count
    all: Count


def counts(actor: Actor) -> Counts:
    """Open, waiting for me, and all of one's own; one statement."""
    return Counts(*(Count(min(number, CAP), number > CAP) for number in read(_counted(), {"me": actor.person_id})[0]))


@once
def _counted() -> Any:
    mine, is_open = Request.requester_id == ME, Request.is_open == sa.true()
    waiting = sa.select(Request.id).where(mine, is_open, Request.status == Status.WAITING_REQUESTER).limit(CAP + 1).subquery()
    asks = sa.select(Request.id).where(mine, Request.awaits_answer == sa.true(), Request.is_open == sa.false()).limit(CAP + 1).subquery()
    still_open, every = (sa.select(Request.id).where(rule).limit(CAP + 1).subquery() for rule in (sa.and_(mine, is_open), mine))
    first, second, third, last = (sa.select(sa.func.count()).select_from(some).scalar_subquery() for some in (still_open, waiting, asks, every))
    return sa.select(first, second + third, last)


def numbered(actor: Actor, text: str) -> int | None:
    """The number that was typed, when it is a request the actor may read; one statement at most."""
    digits = text.strip().lstrip("#")
    if not (digits.isdecimal() and digits.isascii() and len(digits) < 10):
        return None
    return db.session.scalar(sa.select(Request.id).where(Request.id == int(digits), requests_visible_to(actor)))
