"""Which requests a queue shows, as SQL: whose they are, the tabs, the filters, the orders, and what comes after a row.

Every condition follows an index over open rows. Of a confidential request that its reader only leads nothing can be filtered by but
state and due instant: a filter would tell what the row does not.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.desk.models import Clock, Request, TakenRequest
from portal.desk.policy import is_named
from portal.desk.queries.finding import within
from portal.desk.rules import PAUSED, Status
from portal.kernel.paging import Key
from portal.kernel.policy import Actor
from portal.people.models import Person

VIEWS = ("next", "answer", "today", "mine", "waiting", "follow-up", "unassigned", "snoozed")
"""What a queue can be looked at as, in the order of its tabs."""
FOLLOW_UP, SNOOZED = "follow-up", "snoozed"
"""The view of what is solved and asks whether it worked, and of what rests."""
AWAKE = frozenset({"next", "mine"})
"""Views that what rests has left."""
SORTS = ("next", "newest", "oldest", "due", "quiet")
"""Orders: as the tab has it, by number, by the due instant, by the longest time without any news."""
LATE, TODAY, WEEK = "late", "today", "week"
FINISHED = frozenset({Status.RESOLVED, Status.CLOSED, Status.CANCELLED})


@dataclass(frozen=True)
class Times:
    """The moment, and the ends of the reader's day and week (Sunday night), which is what "today" and "this week" mean."""

    now: datetime
    day_ends: datetime
    week_ends: datetime

    @classmethod
    def of(cls, now: datetime, zone: str) -> "Times":
        """The times of a reader in ``zone``."""
        where = ZoneInfo(zone)
        today = now.astimezone(where).date()
        ends = (datetime.combine(today + timedelta(days=days), time.min, where).astimezone(UTC) for days in (1, 7 - today.weekday()))
        return cls(now, *ends)


@dataclass(frozen=True)
class Wanted:
    """Which part of a queue somebody wants to see; ``older_days`` are days of the calendar since it was asked."""

    view: str = VIEWS[0]
    text: str = ""
    service_id: int | None = None
    status: str = ""
    location_id: int | None = None
    notices: bool | None = None
    priority: str = ""
    assignee_id: int | None = None
    unassigned: bool = False
    from_id: int | None = None
    requester: str = ""
    older_days: int | None = None
    due: str = ""
    snoozed: bool | None = None
    taken_in: bool | None = None
    sort: str = SORTS[0]

    @property
    def finished(self) -> bool:
        """True when it asks for requests that are over; they are listed newest first."""
        return self.status in FINISHED and self.view != FOLLOW_UP

    @property
    def wide(self) -> bool:
        """True when open requests alone are not what it reads: what is over, or a number that was typed."""
        return self.finished or self.text.isdecimal()

    @property
    def order(self) -> str:
        """The order that counts: what is over has a newest and an oldest one, follow-ups stand in the order of asking."""
        if self.wide:
            return "oldest" if self.sort == "oldest" else "newest"
        return SORTS[0] if self.view == FOLLOW_UP else self.sort


def in_queue(actor: Actor, department_id: int) -> sa.ColumnElement[bool]:
    """SQL: requests of the department this actor knows of; leads know of every one, others of what they may read."""
    here = Request.department_id == department_id
    return here if department_id in actor.leads else sa.and_(here, readable(actor))


def readable(actor: Actor) -> sa.ColumnElement[bool]:
    """SQL: what is in the queue may be read by everybody who serves it, confidential requests by those named for the service."""
    return sa.or_(Request.is_confidential == sa.false(), is_named(actor))


def is_open() -> sa.ColumnElement[bool]:
    """SQL: it is open, in the words of the partial indexes."""
    return Request.is_open == sa.true()


def rests() -> sa.ColumnElement[bool]:
    """SQL: somebody lets it rest, in the words of the partial index."""
    return Request.snoozed_until.is_not(None)


def needs_answer() -> sa.ColumnElement[bool]:
    """SQL: nobody has answered yet, or the requester wrote and waits."""
    waits = sa.exists().where(Clock.request_id == Request.id, Clock.name == "next_response", Clock.stopped_at.is_(None)).correlate(Request)
    return sa.or_(Request.answered_at.is_(None), sa.and_(Request.status.not_in(sorted(PAUSED)), waits))


def asks_whether_it_worked() -> sa.ColumnElement[bool]:
    """SQL: solved, and nobody said yet whether it works."""
    return sa.and_(Request.awaits_answer == sa.true(), Request.status == Status.RESOLVED)


def in_view(view: str, actor: Actor, day_ends: datetime) -> sa.ColumnElement[bool]:
    """SQL: the requests of a tab; ``day_ends`` is the end of the reader's day."""
    awake = [sa.not_(rests())] if view in AWAKE else []
    return sa.and_(_of_tab(view, actor, day_ends), *awake)


def _of_tab(view: str, actor: Actor, day_ends: datetime) -> sa.ColumnElement[bool]:
    if view == FOLLOW_UP:
        return asks_whether_it_worked()
    more: dict[str, list[sa.ColumnElement[bool]]] = {
        "answer": [needs_answer()],
        "today": [Request.next_due_at < day_ends],
        "mine": [Request.assignee_id == actor.person_id],
        "waiting": [Request.status.in_(sorted(PAUSED))],
        "unassigned": [Request.assignee_id.is_(None)],
        SNOOZED: [rests()],
    }
    return sa.and_(is_open(), *more.get(view, []))


def in_order_of(view: str = VIEWS[0]) -> tuple[Any, Any]:
    """The order of the partial index that holds a tab. A capped count asks for it too: nobody sees the order, but the planner
    then reads that index and not every request the department ever had.
    """
    return {FOLLOW_UP: Request.follow_up_at, SNOOZED: Request.snoozed_until}.get(view, Request.next_due_at), Request.id


def by_due(wanted: Wanted) -> Any:
    """The instant that rows are ordered by, which may be missing and then comes last; None for the other orders."""
    if wanted.order == "due":
        return Request.next_due_at
    return in_order_of(wanted.view)[0] if wanted.order == SORTS[0] else None


def keys(wanted: Wanted) -> list[Key]:
    """The other orders as keys that are never missing."""
    if wanted.order == "quiet":
        return [Key(Request.updated_at, "updated_at"), Key(Request.id, "id")]
    return [Key(Request.id, "id", descending=wanted.order == "newest")]


# -- filters -----------------------------------------------------------------------------------------------------------


def matching(wanted: Wanted, actor: Actor, department_id: int, times: Times) -> list[sa.ColumnElement[bool]]:
    """SQL: the requests of a queue somebody wants to see. Words ask the search index, at the cost of one statement."""
    found = [in_queue(actor, department_id)]
    if not wanted.wide:
        found.append(_of_tab(wanted.view, actor, times.day_ends) if wanted.snoozed else in_view(wanted.view, actor, times.day_ends))
    if wanted.status:
        found.append(Request.status.in_(sorted(PAUSED)) if wanted.status == "waiting" else Request.status == wanted.status)
    found += _by_time(wanted, times)
    if closely := _by_facts(wanted):
        found += [*closely, readable(actor)]
    if wanted.text:
        found.append(_named(wanted, actor, department_id))
    return found


def _by_time(wanted: Wanted, times: Times) -> list[sa.ColumnElement[bool]]:
    """Late alone, or what is due by the end of the day or of the week, with what is late; and what was asked so many days ago."""
    ends = {LATE: times.now, TODAY: times.day_ends, WEEK: times.week_ends}
    found = [Request.next_due_at < ends[wanted.due]] if wanted.due else []
    return [*found, Request.created_at < times.now - timedelta(days=wanted.older_days)] if wanted.older_days else found


def _by_facts(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Filters by what only readers of a request know."""
    equal = (
        (Request.service_id, wanted.service_id),
        (Request.location_id, wanted.location_id),
        (Request.assignee_id, wanted.assignee_id),
        (Request.from_department_id, wanted.from_id),
        (Request.priority, wanted.priority or None),
        (Request.customer_notices, wanted.notices),
    )
    found = [column == value for column, value in equal if value is not None]
    if wanted.unassigned:
        found.append(Request.assignee_id.is_(None))
    if wanted.requester:
        found.append(Request.requester_id.in_(_people(wanted.requester)))
    if wanted.snoozed is not None:
        found.append(rests() if wanted.snoozed else sa.not_(rests()))
    if wanted.taken_in is not None:
        taken = sa.exists().where(TakenRequest.request_id == Request.id).correlate(Request)
        found.append(taken if wanted.taken_in else sa.not_(taken))
    return found


def _people(typed: str) -> sa.Select[Any]:
    """Whoever is meant by "Nils Brandt (MC-0123)", by a staff number, or by words of a name."""
    number = typed[typed.rfind("(") + 1 : -1].strip() if typed.endswith(")") and "(" in typed else typed
    name = sa.literal(" ") + sa.func.lower(Person.name)
    named = [name.contains(f" {word}", autoescape=True) for word in typed.lower().split()[:6]]
    return sa.select(Person.id).where(sa.or_(Person.staff_number == number[:40], sa.and_(*named)))


def _named(wanted: Wanted, actor: Actor, department_id: int) -> sa.ColumnElement[bool]:
    if wanted.text.isdecimal():
        return Request.id == (int(wanted.text) if len(wanted.text) < 10 else 0)
    return within(actor, department_id, wanted.text, finished=wanted.finished or wanted.view == FOLLOW_UP)


def after(due: Any, at: datetime | None, number: int) -> sa.ColumnElement[bool]:
    """SQL: comes after the row with this due instant (None: it waits) and number."""
    if at is None:
        return sa.and_(due.is_(None), Request.id > number)
    return sa.or_(due > at, sa.and_(due == at, Request.id > number), due.is_(None))


def before(due: Any, at: datetime | None, number: int) -> sa.ColumnElement[bool]:
    """SQL: comes before the row with this due instant (None: it waits) and number."""
    if at is None:
        return sa.or_(due.is_not(None), sa.and_(due.is_(None), Request.id < number))
    return sa.or_(due < at, sa.and_(due == at, Request.id < number))
