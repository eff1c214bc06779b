"""The rows of a queue: plain columns in the order that was asked for, a page at a time, and their clocks in words.

A page costs the same at five requests and at five million: every condition follows an index over open rows, and clocks are shown
from the stored due instant without replaying a log.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from portal.desk import words
from portal.desk.models import Clock, ClockEvent, Request
from portal.desk.queries.queue_conditions import FINISHED, Times, Wanted, after, before, by_due, in_queue, keys, matching, readable
from portal.desk.rules import PAUSED, Status
from portal.kernel.paging import Key, Page, decode, encode, keyset
from portal.kernel.policy import Actor
from portal.kernel.prepared import like, once, read
from portal.people.calendars import work_calendar
from portal.people.models import Department, Person
from portal.people.rules import initials

PAGE = 25
CAP = 1000
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Stands for no due instant in a cursor."""


@dataclass(frozen=True)
class Choice:
    """Something to filter by or to give a request to; ``on_duty`` is about people only."""

    id: int
    name: str
    on_duty: bool = False

    @property
    def initials(self) -> str:
        """Two letters for the disc."""
        return initials(self.name)

    @property
    def tint(self) -> int:
        """One of six tints, fixed per person."""
        return self.id % 6 + 1


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
    snoozed_until: datetime | None
    updated_at: datetime

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


NOTHING = QueuePage(Page([]), 1)
"""What is shown instead of wrong rows."""


def rows(
    actor: Actor,
    department_id: int,
    wanted: Wanted,
    *,
    times: Times,
    cursor: str | None = None,
    first: int = 1,
    limit: int = PAGE,
    matched: Sequence[sa.ColumnElement[bool]] | None = None,
) -> QueuePage:
    """A page of the queue in its order; ``matched`` are the conditions of ``wanted`` where they are known. One statement, two with words."""
    query = _rows(like(actor)).where(*(matching(wanted, actor, department_id, times) if matched is None else matched))
    due = by_due(wanted)
    me = {"me": actor.person_id}
    page = keyset(query, keys(wanted), cursor, limit, _made, me) if due is None else _by_due(query, due, cursor, limit, me)
    return QueuePage(page, first)


def _by_due(query: sa.Select[Any], due: Any, cursor: str | None, limit: int, values: dict[str, Any]) -> Page[QueueRow]:
    # Nulls come last (what waits has no due instant); kernel.paging knows no nulls, so the step beyond a row is spelled out here.
    at = decode(cursor, [Key(due, due.key), Key(Request.id, "id")])
    back = bool(at and at[0])
    order = (due.desc().nulls_first(), Request.id.desc()) if back else (due.asc().nulls_last(), Request.id.asc())
    found = list(read(_behind(query, due, at, back).order_by(*order).limit(limit + 1), values))
    if at and not back and at[1][0] != NEVER and len(found) <= limit:
        found += list(read(query.where(due.is_(None)).order_by(*order).limit(limit + 1 - len(found)), values))
    more, found = len(found) > limit, found[:limit]
    if back:
        found.reverse()
    marks = [(getattr(row, due.key) or NEVER, row.id) for row in found]
    following = encode(marks[-1]) if marks and (more or back) else None
    preceding = encode(marks[0], back=True) if marks and ((back and more) or (at and not back)) else None
    return Page([_made(row) for row in found], following, preceding)


def _behind(query: sa.Select[Any], due: Any, at: tuple[bool, list[Any]] | None, back: bool) -> sa.Select[Any]:
    """What comes after the row of a cursor. Going forward, what has no due instant is left to a statement of its own: so the index
    leads straight to the row, and a long list costs the same on every page.
    """
    if at is None:
        return query
    mark, number = at[1]
    if back or mark == NEVER:
        return query.where((before if back else after)(due, None if mark == NEVER else mark, number))
    return query.where(due >= mark, sa.or_(due > mark, Request.id > number))


@once
def _rows(actor: Actor) -> Any:
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
            Request.snoozed_until,
            Request.updated_at,
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
    found = {row.id: _made(row) for row in read(_rows(like(actor)).where(in_queue(actor, department_id), Request.id.in_(wanted)), {"me": actor.person_id})}
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
