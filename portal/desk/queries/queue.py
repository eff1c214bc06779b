"""The queue of a department: plain rows in the order of what is due next, capped counts, and what changed since.

A page costs the same at five requests and at five million: every condition follows an index over open rows, counts stop at a
cap, and clocks are shown from the stored due instant without replaying a log.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from portal.desk import words
from portal.desk.models import Clock, ClockEvent, Request, Service
from portal.desk.policy import serves
from portal.desk.queries.promises import is_away
from portal.desk.queries.queue_conditions import (
    FINISHED,
    FOLLOW_UP,
    VIEWS,
    Wanted,
    after,
    asks_whether_it_worked,
    before,
    in_order_of,
    in_queue,
    in_view,
    is_open,
    matching,
    needs_answer,
    readable,
)
from portal.desk.rules import PAUSED, Status
from portal.kernel.db import db
from portal.kernel.errors import Forbidden, NotFound
from portal.kernel.messages import say
from portal.kernel.paging import Count, Key, Page, decode, encode, keyset
from portal.kernel.policy import Actor
from portal.people.calendars import work_calendar
from portal.people.models import Department, Fulfiller, Location, Person

PAGE = 25
CAP, MENU_CAP = 1000, 99
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Stands for no due instant in a cursor."""


@dataclass(frozen=True)
class Served:
    """A department whose queue the actor works on, with what needs them there."""

    id: int
    key: str
    name: str
    leads: bool
    needs: Count
    follow_ups: Count


# -- the departments one serves ----------------------------------------------------------------------------------------


def served(actor: Actor) -> list[Served]:
    """The departments with a queue the actor works on, by name, with what needs them; one statement, none for others."""
    if not serves(actor):
        return []
    has_queue = sa.or_(
        Department.id.in_(sorted(actor.fulfils)),
        sa.exists().where(Service.department_id == Department.id, Service.is_active == sa.true()).correlate(Department),
    )
    columns = (
        Department.id,
        Department.key,
        Department.name,
        _counted(_here(actor, is_open(), needs_answer()).order_by(*in_order_of())),
        _counted(_here(actor, asks_whether_it_worked()).order_by(*in_order_of(FOLLOW_UP))),
    )
    query = sa.select(*columns).where(Department.id.in_(sorted(serves(actor))), has_queue).order_by(sa.func.lower(Department.name), Department.id)
    return [
        Served(number, key, name, number in actor.leads, _count(first, MENU_CAP), _count(second, MENU_CAP))
        for number, key, name, first, second in db.session.execute(query)
    ]


def _here(actor: Actor, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(Request.id).where(Request.department_id == Department.id, readable(actor), *conditions).correlate(Department).limit(MENU_CAP + 1)


def _counted(query: sa.Select[Any]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(query.subquery()).scalar_subquery()


def _count(number: int, cap: int) -> Count:
    return Count(min(number, cap), number > cap)


# -- around the rows ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """Something to filter by or to give a request to; ``on_duty`` is about people only."""

    id: int
    name: str
    on_duty: bool = False

    @property
    def initials(self) -> str:
        """Two letters for the disc."""
        parts = [part for part in self.name.split() if part[:1].isalpha()]
        return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper() if parts else "?"

    @property
    def tint(self) -> int:
        """One of six tints, fixed per person."""
        return self.id % 6 + 1


@dataclass(frozen=True)
class Around:
    """What stands around the rows: counts by view (and "first" and "late"), the newest number, and what can be chosen."""

    counts: dict[str, Count]
    newest: int
    services: Sequence[Choice]
    sites: Sequence[Choice]
    people: Sequence[Choice]

    @property
    def on_duty(self) -> list[Choice]:
        """Who answers today."""
        return [person for person in self.people if person.on_duty]


def around(actor: Actor, department_id: int, *, now: datetime, day_ends: datetime, today: date) -> Around:
    """Counts and choices of a queue page; one statement."""
    parts = [*_counts(actor, department_id, now, day_ends), *_choices(department_id, today)]
    found: dict[str, list[tuple[int, str, int]]] = {}
    for kind, number, text, flag in db.session.execute(sa.union_all(*parts)):
        found.setdefault(kind, []).append((number, text, flag))
    made = {kind: sorted((Choice(n, t, bool(f)) for n, t, f in rows), key=lambda c: c.name.casefold()) for kind, rows in found.items() if kind != "count"}
    counts = {text: _count(number or 0, CAP) for number, text, _ in found["count"]}
    return Around(
        counts,
        next((number or 0 for number, text, _ in found["count"] if text == "newest"), 0),
        made.get("service", []),
        made.get("site", []),
        made.get("person", []),
    )


def _counts(actor: Actor, department_id: int, now: datetime, day_ends: datetime) -> list[sa.Select[Any]]:
    here = in_queue(actor, department_id)
    conditions = {view: in_view(view, actor, day_ends) for view in VIEWS}
    conditions |= {"first": sa.and_(is_open(), Request.answered_at.is_(None)), "late": sa.and_(is_open(), Request.next_due_at < now)}
    numbers = {
        name: _counted(sa.select(Request.id).where(here, condition).order_by(*in_order_of(name)).limit(CAP + 1)) for name, condition in conditions.items()
    }
    numbers["newest"] = _newest(department_id)
    return [_count_part(name, number) for name, number in numbers.items()]


def _count_part(name: str, number: sa.ScalarSelect[int]) -> Any:
    return sa.select(sa.literal("count").label("kind"), number.label("number"), sa.literal(name).label("text"), sa.literal(0).label("flag"))


def _newest(department_id: int) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.max(Request.id)).where(Request.department_id == department_id).scalar_subquery()


def _choices(department_id: int, today: date) -> list[sa.Select[Any]]:
    duty = sa.case((sa.and_(Fulfiller.on_duty == sa.true(), ~is_away(today)), 1), else_=0)
    people = sa.select(sa.literal("person"), Person.id, Person.name, duty).join(Fulfiller, Fulfiller.person_id == Person.id)
    return [
        sa.select(sa.literal("service"), Service.id, Service.name, sa.literal(0)).where(Service.department_id == department_id, Service.is_active == sa.true()),
        sa.select(sa.literal("site"), Location.id, Location.name, sa.literal(0)),
        people.where(Fulfiller.department_id == department_id, Person.is_active == sa.true()),
    ]


# -- the rows ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class QueueRow:
    """One line of a queue. Of a confidential request that its reader only leads (``bare``) no words and no people are here."""

    id: int
    bare: bool
    title: str
    status: str
    customer_notices: bool
    message_count: int
    department: str
    requester: str
    waits_for: str
    next_step: str
    next_step_at: datetime | None
    assignee_id: int | None
    assignee: str | None
    next_clock: str | None
    next_due_at: datetime | None
    target_seconds: int | None
    paused_since: datetime | None
    calendar_version_id: int
    relieved_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    outcome: str | None
    follow_up_at: datetime | None
    is_urgent: bool

    @property
    def owner(self) -> Choice | None:
        """Whoever has it."""
        return Choice(self.assignee_id, self.assignee or "") if self.assignee_id is not None else None


@dataclass(frozen=True)
class QueuePage:
    """A page of a queue; ``first`` is the place of its first row, as far as the address knows."""

    page: Page[QueueRow]
    first: int

    @property
    def last(self) -> int:
        """The place of its last row."""
        return self.first + len(self.page.items) - 1


def rows(actor: Actor, department_id: int, wanted: Wanted, *, day_ends: datetime, cursor: str | None, first: int = 1, limit: int = PAGE) -> QueuePage:
    """A page of the queue, the least working time left first; one statement."""
    query = _rows(actor).where(in_queue(actor, department_id), *matching(wanted, actor, day_ends))
    if wanted.finished or wanted.text.isdigit():
        return QueuePage(keyset(query, [Key(Request.id, "id", descending=True)], cursor, limit, _made), first)
    due = Request.follow_up_at if wanted.view == FOLLOW_UP else Request.next_due_at
    return QueuePage(_by_due(query, due, cursor, limit), first)


def _by_due(query: sa.Select[Any], due: Any, cursor: str | None, limit: int) -> Page[QueueRow]:
    # Nulls come last (what waits has no due instant); kernel.paging knows no nulls, so the step beyond a row is spelled out here.
    keys = [Key(due, due.key), Key(Request.id, "id")]
    at = decode(cursor, keys)
    back = bool(at and at[0])
    if at:
        mark, number = at[1]
        query = query.where((before if back else after)(due, None if mark == NEVER else mark, number))
    order = (due.desc().nulls_first(), Request.id.desc()) if back else (due.asc().nulls_last(), Request.id.asc())
    found = list(db.session.execute(query.order_by(*order).limit(limit + 1)))
    more, found = len(found) > limit, found[:limit]
    if back:
        found.reverse()
    marks = [(getattr(row, due.key) or NEVER, row.id) for row in found]
    following = encode(marks[-1]) if marks and (more or back) else None
    preceding = encode(marks[0], back=True) if marks and ((back and more) or (at and not back)) else None
    return Page([_made(row) for row in found], following, preceding)


def _rows(actor: Actor) -> sa.Select[Any]:
    owner, asks, of = aliased(Person), aliased(Person), aliased(Department)
    known = readable(actor)
    paused = sa.select(sa.func.max(ClockEvent.at)).where(ClockEvent.request_id == Request.id, ClockEvent.kind == "paused").correlate(Request)

    def shown(column: Any, otherwise: Any) -> Any:
        return sa.case((known, column), else_=otherwise).label(column.key)

    return (
        sa.select(
            Request.id,
            sa.not_(known).label("bare"),
            shown(Request.title, ""),
            Request.status,
            shown(Request.customer_notices, sa.false()),
            shown(Request.message_count, 0),
            sa.case((known, sa.func.coalesce(of.name, "")), else_="").label("department"),
            sa.case((known, sa.func.coalesce(sa.func.nullif(asks.given_name, ""), asks.name)), else_="").label("requester"),
            shown(Request.waits_for, ""),
            shown(Request.next_step, ""),
            Request.next_step_at,
            Request.assignee_id,
            owner.name.label("assignee"),
            Request.next_clock,
            Request.next_due_at,
            Clock.target_seconds,
            sa.case((Request.status.in_(sorted(PAUSED)), paused.scalar_subquery())).label("paused_since"),
            Request.calendar_version_id,
            Request.relieved_at,
            Request.resolved_at,
            Request.closed_at,
            Request.outcome,
            Request.follow_up_at,
            (Request.priority == "urgent").label("is_urgent"),
        )
        .select_from(Request)
        .outerjoin(of, of.id == Request.from_department_id)
        .join(asks, asks.id == Request.requester_id)
        .outerjoin(owner, owner.id == Request.assignee_id)
        .outerjoin(Clock, sa.and_(Clock.request_id == Request.id, Clock.name == Request.next_clock, Clock.stopped_at.is_(None)))
    )


def _made(row: Any) -> QueueRow:
    values = dict(row._asdict())
    if values["bare"]:
        values |= {"assignee_id": None, "assignee": None, "next_step_at": None}
    return QueueRow(**values)


def some(actor: Actor, department_id: int, ids: Sequence[int]) -> list[QueueRow]:
    """The rows of these requests of the queue, in the order given; one statement, none without ids."""
    wanted = list(dict.fromkeys(number for number in ids if 0 < number < 2**31))[:200]
    if not wanted:
        return []
    found = {row.id: _made(row) for row in db.session.execute(_rows(actor).where(in_queue(actor, department_id), Request.id.in_(wanted)))}
    return [found[number] for number in wanted if number in found]


# -- clocks in words ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A clock as a row shows it; ``title`` is its wall-clock time."""

    kind: str
    percent: int
    words: str
    title: str = ""


LAST_HOUR = timedelta(hours=1)


def clock_of(row: QueueRow, reader: words.Reader) -> Shown:
    """The clock of a row in words, from the stored due instant and the cached calendar; no statement once a calendar is known."""
    ended = row.resolved_at or row.closed_at if row.status in FINISHED else None
    calendar = work_calendar(row.calendar_version_id)
    target = None if row.target_seconds is None else timedelta(seconds=row.target_seconds)
    fact = words.ClockFact(row.next_clock, row.next_due_at, target, ended_at=ended)
    bar = words.bar(fact, calendar, reader.now)
    if row.status in PAUSED and bar.kind in ("ok", "done"):  # a step that was promised meanwhile shows itself when its time runs out
        waited = calendar.worked(row.paused_since, reader.now) if row.paused_since else timedelta()
        fact = replace(fact, is_paused=True, paused=waited)
        bar = words.bar(fact, calendar, reader.now)
    elif bar.kind == "ok" and row.is_urgent and bar.left < LAST_HOUR:
        bar = replace(bar, kind="soon")
    percent = 50 if bar.kind == "pause" and row.next_due_at is None else bar.percent
    return Shown(bar.kind, percent, str(words.staff_clock(fact, bar, reader)), reader.when(row.next_due_at) if row.next_due_at else "")


def status_of(row: QueueRow) -> tuple[str, str]:
    """Shape and word of a row's status."""
    standing = words.Standing(Status(row.status), mine=False, requester=row.requester, waits_for=row.waits_for, outcome=row.outcome)
    kind, word = words.status_word(standing)
    return kind, str(word)


# -- news --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class News:
    """What came in since a page was made: the newest number, how many are new, and a mark that changes with them."""

    newest: int
    new: Count

    @property
    def mark(self) -> str:
        """The entity tag."""
        return f"{self.newest}-{self.new.number}"


def news(actor: Actor, department_id: int, since: int) -> News:
    """New requests of the queue after number ``since``; one statement."""
    here = in_queue(actor, department_id)
    fresh = _counted(sa.select(Request.id).where(here, is_open(), Request.id > since).limit(MENU_CAP + 1))
    found = db.session.execute(sa.select(_newest(department_id), fresh)).one()
    return News(found[0] or 0, _count(found[1], MENU_CAP))


def last_answered(actor: Actor, department_id: int, among: int = 50) -> datetime | None:
    """When the last of the newest requests was answered, for a queue where nobody waits; one statement."""
    newest = sa.select(Request.answered_at).where(in_queue(actor, department_id), readable(actor)).order_by(Request.id.desc()).limit(among).subquery()
    found: datetime | None = db.session.scalar(sa.select(sa.func.max(newest.c.answered_at)))
    return found


def find_queue(actor: Actor, key: str, known: Sequence[Served]) -> Served:
    """The queue of the department with this key among those the actor serves; Forbidden for others (departments are no secret)."""
    found = next((department for department in known if department.key == key), None)
    if found is not None:
        return found
    row = db.session.execute(sa.select(Department.id, Department.name).where(Department.key == key[:60])).first() if actor.is_person else None
    if row is None:
        raise NotFound()
    number, name = row
    if number in actor.leads:
        raise Forbidden(say("%(department)s answers no requests yet, so it has no queue.", department=name))
    raise Forbidden(say("This queue belongs to %(department)s. Ask their lead to name you, or go back.", department=name))
