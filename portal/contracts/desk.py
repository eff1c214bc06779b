"""What the request desk tells the rest of the portal. Ids, plain values, instants as ISO text."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class RequestFiled:
    """Somebody asked a department for something."""

    event: ClassVar[str] = "desk.request.filed"
    request_id: int
    requester_id: int
    filed_by_id: int
    department_id: int
    service_id: int
    priority: str
    customer_notices: bool
    is_confidential: bool


@dataclass(frozen=True)
class RequestEdited:
    """The requester changed the words before anybody answered."""

    event: ClassVar[str] = "desk.request.edited"
    request_id: int


@dataclass(frozen=True)
class RequesterWrote:
    """The requester or somebody on their side added a message."""

    event: ClassVar[str] = "desk.request.written"
    request_id: int
    message_id: int
    author_id: int


@dataclass(frozen=True)
class RequestReplied:
    """The serving side answered; ``substantive`` replies stop a clock (R4)."""

    event: ClassVar[str] = "desk.request.replied"
    request_id: int
    message_id: int
    author_id: int
    substantive: bool
    first: bool
    next_step: str
    next_step_at: str | None


@dataclass(frozen=True)
class NoReplyNeeded:
    """The serving side took the requester's last message as thanks; the requester can undo it."""

    event: ClassVar[str] = "desk.request.thanked"
    request_id: int
    message_id: int


@dataclass(frozen=True)
class ReplyWanted:
    """The requester wants a reply after all."""

    event: ClassVar[str] = "desk.request.unthanked"
    request_id: int
    message_id: int


@dataclass(frozen=True)
class NoteAdded:
    """A note for the serving side only."""

    event: ClassVar[str] = "desk.request.noted"
    request_id: int
    message_id: int
    author_id: int


@dataclass(frozen=True)
class RequestClaimed:
    """A fulfiller took a request that nobody had."""

    event: ClassVar[str] = "desk.request.claimed"
    request_id: int
    person_id: int


@dataclass(frozen=True)
class RequestAssigned:
    """A request was given to somebody, or back to the queue (nobody).

    ``way`` is empty where a person did it; else "turn" or "least", or why it went back: "away" or "idle".
    """

    event: ClassVar[str] = "desk.request.assigned"
    request_id: int
    person_id: int | None
    from_id: int | None
    way: str = ""


@dataclass(frozen=True)
class RequestTransferred:
    """A request went to another department or service, with a reason."""

    event: ClassVar[str] = "desk.request.transferred"
    request_id: int
    from_department_id: int
    to_department_id: int
    from_service_id: int
    to_service_id: int
    reason: str


@dataclass(frozen=True)
class PriorityChanged:
    """How much it hurts was judged anew, with a reason."""

    event: ClassVar[str] = "desk.request.prioritised"
    request_id: int
    old: str
    new: str
    reason: str


@dataclass(frozen=True)
class StatusChanged:
    """Where it stands changed without another event that says so."""

    event: ClassVar[str] = "desk.request.moved"
    request_id: int
    old: str
    new: str


@dataclass(frozen=True)
class RequestSnoozed:
    """Whoever answers lets it rest until an instant; its clocks run on. ``reason`` is empty unless it is due before that."""

    event: ClassVar[str] = "desk.request.snoozed"
    request_id: int
    until: str
    reason: str


@dataclass(frozen=True)
class RequestWoken:
    """It stands in the queue again: "time", "written", "due", "assigned", "moved", "over", or "hand" where a person woke it."""

    event: ClassVar[str] = "desk.request.woken"
    request_id: int
    why: str


@dataclass(frozen=True)
class RequestPaused:
    """The clock waits for somebody named."""

    event: ClassVar[str] = "desk.request.paused"
    request_id: int
    reason: str
    waits_for: str


@dataclass(frozen=True)
class RequestResumed:
    """The clock runs again."""

    event: ClassVar[str] = "desk.request.resumed"
    request_id: int


@dataclass(frozen=True)
class RequestResolved:
    """A department says the request is dealt with."""

    event: ClassVar[str] = "desk.request.resolved"
    request_id: int
    requester_id: int
    department_id: int
    resolver_id: int
    kind: str
    message_id: int


@dataclass(frozen=True)
class RequestReopened:
    """It did not work, or more came up."""

    event: ClassVar[str] = "desk.request.reopened"
    request_id: int
    reason: str
    by_id: int


@dataclass(frozen=True)
class RequestConfirmed:
    """The requester said whether it worked: yes, partly or no."""

    event: ClassVar[str] = "desk.request.confirmed"
    request_id: int
    answer: str


@dataclass(frozen=True)
class RequestClosed:
    """Nothing more will happen here; ``reason`` is confirmed or silent."""

    event: ClassVar[str] = "desk.request.closed"
    request_id: int
    reason: str


@dataclass(frozen=True)
class FollowUpAsked:
    """Some days after a resolution nobody said whether it worked, so the requester is asked once more."""

    event: ClassVar[str] = "desk.request.follow_up"
    request_id: int
    requester_id: int


@dataclass(frozen=True)
class RequestCancelled:
    """It is no longer needed, as the requester or whoever answers says."""

    event: ClassVar[str] = "desk.request.cancelled"
    request_id: int
    reason: str


@dataclass(frozen=True)
class ParticipantAdded:
    """Somebody follows a request from now on."""

    event: ClassVar[str] = "desk.request.joined"
    request_id: int
    person_id: int


@dataclass(frozen=True)
class ParticipantRemoved:
    """Somebody follows a request no longer."""

    event: ClassVar[str] = "desk.request.left"
    request_id: int
    person_id: int


@dataclass(frozen=True)
class ClockWarned:
    """A clock reached a share of its time (per cent); 100 is its due instant."""

    event: ClassVar[str] = "desk.clock.warned"
    request_id: int
    clock: str
    cycle: int
    threshold: int
    due: str


@dataclass(frozen=True)
class PromiseChanged:
    """A service promises something else from now on."""

    event: ClassVar[str] = "desk.promise.changed"
    service_id: int
    version: int
    applied_to_open: int


@dataclass(frozen=True)
class ServiceChanged:
    """An entry of the catalogue was added, changed or retired."""

    event: ClassVar[str] = "desk.service.changed"
    service_id: int


@dataclass(frozen=True)
class RepliesChanged:
    """A prepared reply of a department was added, changed or removed."""

    event: ClassVar[str] = "desk.replies.changed"
    department_id: int
    reply_id: int
    name: str


@dataclass(frozen=True)
class HoursFollowed:
    """A department lets its open requests follow newer working hours."""

    event: ClassVar[str] = "desk.hours.followed"
    department_id: int
    calendar_version_id: int


@dataclass(frozen=True)
class SharingChanged:
    """A lead chose how a department shares out what comes in: "hand", "turn" or "least"."""

    event: ClassVar[str] = "desk.sharing.changed"
    department_id: int
    way: str


@dataclass(frozen=True)
class ViewShared:
    """A view of a queue that everybody there sees was "made", "changed" or "removed"."""

    event: ClassVar[str] = "desk.view.shared"
    department_id: int
    view_id: int
    name: str
    what: str


@dataclass(frozen=True)
class SeveralTakenBack:
    """Somebody took back what they had done with several requests: how many stand as before, and how many had moved on."""

    event: ClassVar[str] = "desk.queue.taken_back"
    department_id: int
    way: str
    done: int
    left: int


@dataclass(frozen=True)
class MailDecided:
    """Somebody looked at a mail that waited: "opened", "appended" or "ignored", and the request it went to."""

    event: ClassVar[str] = "desk.mail.decided"
    mail_id: int
    decision: str
    request_id: int | None


@dataclass(frozen=True)
class ListExported:
    """Somebody took a list of requests as a file: "mine", "queue" or "department", and how many rows went out."""

    event: ClassVar[str] = "desk.list.exported"
    list: str
    department_id: int | None
    rows: int
    is_whole: bool


@dataclass(frozen=True)
class RequestsTaken:
    """Requests of an earlier desk were taken over from a file: how many came new, were known already, and were refused."""

    event: ClassVar[str] = "desk.requests.taken"
    import_id: int
    source: str
    made: int
    known: int
    refused: int
