"""Which requests a queue shows, as SQL: whose they are, the tabs, the filters, and what comes after a row.

Every condition follows an index over open rows.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.desk.models import Clock, Request
from portal.desk.policy import is_named
from portal.desk.rules import PAUSED, Status
from portal.kernel.policy import Actor

VIEWS = ("next", "answer", "today", "mine", "waiting", "follow-up", "unassigned")
"""What a queue can be looked at as, in the order of its tabs."""
FOLLOW_UP = "follow-up"
"""The view of what is solved and asks whether it worked."""
FINISHED = frozenset({Status.RESOLVED, Status.CLOSED, Status.CANCELLED})


@dataclass(frozen=True)
class Wanted:
    """Which part of a queue somebody wants to see."""

    view: str = VIEWS[0]
    text: str = ""
    service_id: int | None = None
    status: str = ""
    location_id: int | None = None
    notices: bool | None = None
    priority: str = ""
    assignee_id: int | None = None
    unassigned: bool = False

    @property
    def finished(self) -> bool:
        """True when it asks for requests that are over; they are listed newest first."""
        return self.status in FINISHED and self.view != FOLLOW_UP


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


def needs_answer() -> sa.ColumnElement[bool]:
    """SQL: nobody has answered yet, or the requester wrote and waits."""
    waits = sa.exists().where(Clock.request_id == Request.id, Clock.name == "next_response", Clock.stopped_at.is_(None)).correlate(Request)
    return sa.or_(Request.answered_at.is_(None), sa.and_(Request.status.not_in(sorted(PAUSED)), waits))


def asks_whether_it_worked() -> sa.ColumnElement[bool]:
    """SQL: solved, and nobody said yet whether it works."""
    return sa.and_(Request.awaits_answer == sa.true(), Request.status == Status.RESOLVED)


def in_view(view: str, actor: Actor, day_ends: datetime) -> sa.ColumnElement[bool]:
    """SQL: the requests of a tab; ``day_ends`` is the end of the reader's day."""
    if view == FOLLOW_UP:
        return asks_whether_it_worked()
    more: dict[str, list[sa.ColumnElement[bool]]] = {
        "answer": [needs_answer()],
        "today": [Request.next_due_at < day_ends],
        "mine": [Request.assignee_id == actor.person_id],
        "waiting": [Request.status.in_(sorted(PAUSED))],
        "unassigned": [Request.assignee_id.is_(None)],
    }
    return sa.and_(is_open(), *more.get(view, []))


def in_order_of(view: str = VIEWS[0]) -> tuple[Any, Any]:
    """The order of the partial index that holds a tab. A capped count asks for it too: nobody sees the order, but the planner
    then reads that index and not every request the department ever had.
    """
    return (Request.follow_up_at if view == FOLLOW_UP else Request.next_due_at), Request.id


def matching(wanted: Wanted, actor: Actor, day_ends: datetime) -> list[sa.ColumnElement[bool]]:
    """SQL: the requests somebody wants to see, within a queue."""
    found = [] if wanted.finished or wanted.text.isdigit() else [in_view(wanted.view, actor, day_ends)]
    if wanted.status:
        found.append(Request.status.in_(sorted(PAUSED)) if wanted.status == "waiting" else Request.status == wanted.status)
    if wanted.text:
        found.append(_named(wanted.text, actor, of_open=not wanted.finished))
    for column, value in ((Request.service_id, wanted.service_id), (Request.location_id, wanted.location_id), (Request.assignee_id, wanted.assignee_id)):
        if value is not None:
            found.append(column == value)
    if wanted.unassigned:
        found.append(Request.assignee_id.is_(None))
    if wanted.priority:
        found.append(Request.priority == wanted.priority)
    if wanted.notices is not None:
        found.append(sa.and_(Request.customer_notices == sa.true() if wanted.notices else Request.customer_notices == sa.false(), readable(actor)))
    return found


def _named(text: str, actor: Actor, *, of_open: bool) -> sa.ColumnElement[bool]:
    if text.isdigit():
        return Request.id == (int(text) if len(text) < 10 else 0)
    if of_open:  # few enough to look at every word; over what has ended, a comparison with the beginning costs less
        title = sa.literal(" ") + sa.func.lower(Request.title)
        words = [title.contains(f" {word}", autoescape=True) for word in text.lower().split()[:6]]
        return sa.and_(*words, readable(actor))
    return sa.and_(sa.func.lower(Request.title).startswith(text.lower(), autoescape=True), readable(actor))


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
