"""Lists of requests as files: the same rows as on their pages, with instants on the reader's wall clock."""

from collections.abc import Callable
from datetime import datetime

from portal.desk import words
from portal.desk.queries import mine, queue
from portal.desk.queries.queue_conditions import FINISHED, Times, Wanted
from portal.kernel.csvsafe import Cell
from portal.kernel.export import BATCH, Sheet, local
from portal.kernel.messages import Message, say
from portal.kernel.paging import Page
from portal.kernel.policy import Actor

YES = say("yes")


def my_requests(actor: Actor, tab: str, text: str, *, now: datetime) -> Sheet[mine.MyRequest]:
    """A tab of one's own requests."""
    return _asked("my-requests", lambda at: mine.my_requests(actor, tab, text=text, cursor=at, limit=BATCH), actor, now)


def of_department(actor: Actor, department_id: int, key: str, text: str, *, now: datetime) -> Sheet[mine.MyRequest]:
    """What the people of a department asked for."""
    return _asked(f"requests-of-{key}", lambda at: mine.requests_of(actor, department_id, text=text, cursor=at, limit=BATCH), actor, now)


def _asked(name: str, page: Callable[[str | None], Page[mine.MyRequest]], actor: Actor, now: datetime) -> Sheet[mine.MyRequest]:
    def cells(row: mine.MyRequest) -> tuple[Cell, ...]:
        status = str(words.status_word(row.standing)[1])
        due = row.next_due_at if row.is_open else None
        return (row.id, row.title, row.department, row.requester, row.owner, status, local(due, actor.zone), _late(due, now), local(row.updated_at, actor.zone))

    head = (say("Number"), say("Request"), say("Department"), say("Asked by"), say("Has it"), say("Status"))
    return Sheet(name, (*head, _at(say("Due"), actor), say("Late"), _at(say("Last change"), actor)), page, cells)


def of_queue(actor: Actor, department_id: int, key: str, wanted: Wanted, *, now: datetime) -> Sheet[queue.QueueRow]:
    """A queue as its filters narrow it. Of a confidential request that its reader only leads, number, state and due are all there is."""

    def page(at: str | None) -> Page[queue.QueueRow]:
        return queue.rows(actor, department_id, wanted, times=Times.of(now, actor.zone), cursor=at, limit=BATCH).page

    def cells(row: queue.QueueRow) -> tuple[Cell, ...]:
        title = str(say("Confidential request %(number)s", number=row.id)) if row.bare else row.title
        due = None if row.status in FINISHED else row.next_due_at
        known = (row.id, title, row.department, row.requester, queue.status_of(row)[1], local(due, actor.zone), _late(due, now))
        return (*known, row.next_step, local(row.next_step_at, actor.zone), row.assignee)

    head = (say("Number"), say("Request"), say("From"), say("Asked by"), say("Status"), _at(say("Due"), actor), say("Late"))
    return Sheet(f"queue-{key}", (*head, say("Next step"), _at(say("Next step by"), actor), say("Has it")), page, cells)


def _late(due: datetime | None, now: datetime) -> str:
    return str(YES) if due is not None and due < now else ""


def _at(column: Message, actor: Actor) -> Message:
    """The head of a column of instants, with the zone they are in."""
    return say("%(column)s (%(zone)s)", column=column, zone=actor.zone)
