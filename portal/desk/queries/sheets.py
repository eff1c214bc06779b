"""Lists of requests as files: the same rows as on their pages, with instants on the reader's wall clock."""

from collections.abc import Callable, Sequence
from datetime import datetime

from portal.desk import words
from portal.desk.models import CannedReply
from portal.desk.queries import arrived, mine, queue, search, services
from portal.desk.queries.queue_conditions import FINISHED, FOLLOW_UP, Times, Wanted
from portal.kernel.csvsafe import Cell
from portal.kernel.export import BATCH, Sheet, local
from portal.kernel.incoming.store import Decision
from portal.kernel.messages import Message, say
from portal.kernel.paging import Page
from portal.kernel.policy import Actor

YES = say("yes")
ALL = 10_000
AT_ONCE = 50
"""Hits of a search that are read at once: each comes with the messages its passage is cut from."""


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


def of_follow_ups(actor: Actor, department_id: int, key: str, *, now: datetime) -> Sheet[queue.QueueRow]:
    """Solved requests of a department about which nobody has said yet whether it works."""

    def page(at: str | None) -> Page[queue.QueueRow]:
        return queue.rows(actor, department_id, Wanted(view=FOLLOW_UP), times=Times.of(now, actor.zone), cursor=at, limit=BATCH).page

    def cells(row: queue.QueueRow) -> tuple[Cell, ...]:
        title = str(say("Confidential request %(number)s", number=row.id)) if row.bare else row.title
        return (row.id, title, row.department, row.requester, local(row.resolved_at, actor.zone), local(row.follow_up_at, actor.zone), row.assignee)

    head = (say("Number"), say("Request"), say("From"), say("Asked by"), _at(say("Solved"), actor), _at(say("Asked again"), actor), say("Has it"))
    return Sheet(f"follow-ups-{key}", head, page, cells)


def found(actor: Actor, wanted: search.Wanted, *, now: datetime) -> Sheet[search.Hit]:
    """Requests that a search finds, without the passages: they are for reading on the page."""

    def page(at: str | None) -> Page[search.Hit]:
        some = search.find(actor, wanted, cursor=at, limit=AT_ONCE)
        return Page(list(some.hits), some.older)

    def cells(hit: search.Hit) -> tuple[Cell, ...]:
        row = hit.row
        status = str(words.status_word(row.standing)[1])
        return (row.id, row.title, row.department, row.requester, row.owner, status, local(hit.asked_at, actor.zone), local(row.updated_at, actor.zone))

    head = (say("Number"), say("Request"), say("Department"), say("Asked by"), say("Has it"), say("Status"))
    return Sheet("found", (*head, _at(say("Asked"), actor), _at(say("Last change"), actor)), page, cells)


def mail_in(actor: Actor, decision: Decision) -> Sheet[arrived.Arrived]:
    """Mail that came in, of one tab."""

    def cells(row: arrived.Arrived) -> tuple[Cell, ...]:
        return (row.id, local(row.received_at, actor.zone), row.sender, row.sender_name, row.subject, row.reason, row.request_id)

    head = (say("Number"), _at(say("Came in"), actor), say("From"), say("Name"), say("Subject"), say("Why"), say("Request"))
    return Sheet(f"mail-{decision.value}", head, lambda at: arrived.page(actor, decision, at, BATCH), cells)


def services_of(department_id: int, key: str, times: Callable[[services.ServiceRow], Sequence[Cell]]) -> Sheet[services.ServiceRow]:
    """What a department offers; ``times`` says what a service promises in its four columns."""

    def cells(row: services.ServiceRow) -> tuple[Cell, ...]:
        return (row.name, row.question, str(YES) if row.is_active else "", str(YES) if row.is_confidential else "", row.named or "", *times(row))

    head = (say("Service"), say("Question"), say("Offered"), say("Confidential"), say("Named people"))
    promised = (say("First answer, normal"), say("Solved, normal"), say("First answer, urgent"), say("Solved, urgent"))
    return Sheet(f"services-{key}", (*head, *promised), lambda at: Page(services.services_of(department_id)), cells)


def replies_of(department_id: int, key: str) -> Sheet[CannedReply]:
    """The reply library of a department."""

    def cells(row: CannedReply) -> tuple[Cell, ...]:
        return (row.name, row.body, str(YES) if row.is_acknowledgement else "")

    return Sheet(f"replies-{key}", (say("Reply"), say("Words"), say("Acknowledgement")), lambda at: Page(services.replies_of(department_id, limit=ALL)), cells)
