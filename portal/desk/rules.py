"""What may happen to a request and when, as pure functions over plain values (spec/desk.md R1, R4, R7, R8, R11, R12)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.kernel.messages import Message, say

REOPEN_DAYS = 10
"""Working days after a resolution in which the same request comes back; later a new one follows it (R12)."""
ASK_DAYS = 3
"""Working days after a resolution until "did it work?" is asked once more."""
CLOSE_DAYS = 5
"""Working days of silence after a resolution until it is closed."""
CALL_LIMIT = timedelta(hours=24)
FOLLOWER_LIMIT = 20
FILE_LIMIT = 10
TITLE_LIMIT = 120
BODY_LIMIT = 20_000
REASON_LIMIT = 300
STEP_LIMIT = 300
STEP_AHEAD = timedelta(days=366)


class Status(StrEnum):
    """Where a request stands."""

    NEW = "new"
    WORKING = "working"
    PLANNED = "planned"
    WAITING_REQUESTER = "waiting_requester"
    WAITING_OTHER = "waiting_other"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


OPEN = frozenset({Status.NEW, Status.WORKING, Status.PLANNED, Status.WAITING_REQUESTER, Status.WAITING_OTHER})
PAUSED = frozenset({Status.WAITING_REQUESTER, Status.WAITING_OTHER})
DONE = frozenset({Status.RESOLVED, Status.CLOSED})


class Priority(StrEnum):
    """How much it hurts, from the requester's answer about their work; staff may change it with a reason."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


ORDER = (Priority.URGENT, Priority.HIGH, Priority.NORMAL, Priority.LOW)


class Impact(StrEnum):
    """The requester's answer to "what does it do to your work?"."""

    NUISANCE = "nuisance"
    SLOWER = "slower"
    STOPPED = "stopped"


class MessageKind(StrEnum):
    """What an entry of the conversation is; see R4 of spec/desk.md for reply and acknowledgement."""

    DESCRIPTION = "description"
    MESSAGE = "message"
    REPLY = "reply"
    ACKNOWLEDGEMENT = "acknowledgement"
    NOTE = "note"


PUBLIC = frozenset({MessageKind.DESCRIPTION, MessageKind.MESSAGE, MessageKind.REPLY, MessageKind.ACKNOWLEDGEMENT})
SERVING = frozenset({MessageKind.REPLY, MessageKind.ACKNOWLEDGEMENT})


class ReplyKind(StrEnum):
    """What a reply brings: a step on the way, relief for now, or the end of the cause."""

    STEP = "step"
    WORKAROUND = "workaround"
    FIX = "fix"


class WaitFor(StrEnum):
    """Whom the clock waits for after a reply."""

    NOBODY = ""
    REQUESTER = "requester"
    OTHER = "other"


class Answer(StrEnum):
    """What the requester says to "did it work?"."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


class PauseReason(StrEnum):
    """The short list of R8."""

    REQUESTER = "requester"
    APPROVAL = "approval"
    SUPPLIER = "supplier"
    OTHER_DEPARTMENT = "other_department"


_BY_IMPACT = {Impact.NUISANCE: Priority.LOW, Impact.SLOWER: Priority.NORMAL, Impact.STOPPED: Priority.URGENT}


def priority_for(impact: str) -> Priority:
    """The priority of a requester's answer; high is for the serving side to give. ValueError for anything else."""
    return _BY_IMPACT[Impact(impact)]


def is_looser(old: str, new: str) -> bool:
    """True when ``new`` gives the serving side more time."""
    return ORDER.index(Priority(new)) > ORDER.index(Priority(old))


@dataclass(frozen=True)
class ReplyFact:
    """What a reply holds, for R4; ``step_is_new``: its step or date differ from what was promised; ``is_asking``: written by the asking side."""

    kind: ReplyKind
    body: str
    next_step: str = ""
    next_step_at: datetime | None = None
    step_is_new: bool = True
    asks: bool = False
    is_template: bool = False
    is_asking: bool = False


_ARTICLE = re.compile(r"(?:^|[\s(<])(?:https?://[^\s/]+)?/(?:articles|knowledge)/[\w-]+")


def is_substantive(reply: ReplyFact) -> bool:
    """R4: it resolves or relieves, asks, links an article, or has a next step and a date typed by the person.

    The unchanged text of a template flagged "acknowledgement" never is, unless the reply resolves; nobody answers themselves.
    """
    if reply.is_asking:
        return False
    if reply.kind is ReplyKind.FIX:
        return True
    if reply.is_template:
        return False
    typed = bool(reply.next_step) and reply.next_step_at is not None and reply.step_is_new
    return reply.kind is ReplyKind.WORKAROUND or reply.asks or typed or bool(_ARTICLE.search(reply.body))


def next_step_problem(step: str, at: datetime | None, now: datetime) -> tuple[str, Message] | None:
    """(field, sentence) when a next step and its date do not fit together, or nothing (R7)."""
    if step and at is None:
        return "next_step_at", say("By when? A day is enough.")
    if at is not None and not step:
        return "next_step", say("What will have happened by then? A few words are enough.")
    if at is not None and at <= now:
        return "next_step_at", say("This moment has passed. Choose a later one.")
    if at is not None and at > now + STEP_AHEAD:
        return "next_step_at", say("That is more than a year away. Name the next step on the way, and its date.")
    return None


def can_reply(status: str) -> Message | None:
    """Why the serving side cannot reply now, or nothing."""
    if status == Status.CANCELLED:
        return say("This request was cancelled. A reply is no longer needed.")
    if status in DONE:
        return say("This request is already resolved. If more is needed, it can be opened again.")
    return None


def can_write(status: str) -> Message | None:
    """Why the requester's side cannot add a message now, or nothing."""
    if status == Status.CANCELLED:
        return say("This request was cancelled. Ask again with a new one.")
    if status == Status.CLOSED:
        return say("This request is closed. Ask again, and the new one will name this one.")
    return None


def can_resolve(status: str) -> Message | None:
    """Why it cannot be resolved now, or nothing."""
    if status in DONE:
        return say("Somebody has resolved this already. Have a look before you go on.")
    if status == Status.CANCELLED:
        return say("This is no longer needed. There is nothing left to resolve.")
    return None


def can_change(status: str) -> Message | None:
    """Why assigning, handing over, prioritising, planning or pausing is not possible now, or nothing."""
    return None if status in OPEN else say("This request is no longer open. Have a look before you go on.")


def can_pause(status: str, waits_for: WaitFor, *, asked_after_last_word: bool, name: str) -> tuple[str, Message] | None:
    """(field, sentence) why the clock cannot wait (R8): it needs an open question to the requester, or a name."""
    if problem := can_change(status):
        return "", problem
    if waits_for is WaitFor.NOBODY:
        return "waits_for", say("Say who you wait for, so that everybody knows whose turn it is.")
    if waits_for is WaitFor.REQUESTER and not asked_after_last_word:
        return "waits_for", say("Ask your question first. The clock waits only while a question is open.")
    if waits_for is WaitFor.OTHER and not name.strip():
        return "wait_name", say("Who are you waiting for? A name is enough, for example the supplier.")
    return None


def can_resume(status: str) -> Message | None:
    """Why the clock cannot go on now, or nothing."""
    return None if status in PAUSED else say("The clock is not waiting any more. Have a look before you go on.")


def can_cancel(status: str) -> Message | None:
    """Why it cannot be cancelled now, or nothing."""
    if status == Status.CANCELLED:
        return say("This request is cancelled already.")
    return None if status in OPEN else say("This request is resolved already, so there is nothing to cancel.")


def can_edit(status: str, *, is_answered: bool) -> Message | None:
    """Why the words cannot be changed any more, or nothing: until somebody answered they can."""
    if status not in OPEN:
        return say("This request is no longer open, so its words stay as they are.")
    return say("Somebody has answered meanwhile. Add a message instead, then both of you see what changed.") if is_answered else None


def can_confirm(status: str, *, awaits_answer: bool) -> Message | None:
    """Why "did it work?" cannot be answered now, or nothing."""
    if status == Status.CANCELLED:
        return say("This request was cancelled.")
    return None if awaits_answer or status in DONE else say("Nobody has said yet that this is solved. Add a message instead.")


def call_problem(received_at: datetime, now: datetime) -> Message | None:
    """R1: a logged call lies at most 24 hours back and never in the future; the sentence, or nothing."""
    if received_at > now:
        return say("This call is still to come. Use the time at which it was.")
    return say("A call can be logged for 24 hours. Use the present time, and say in the text when it was.") if received_at < now - CALL_LIMIT else None


def targets_of(table: Mapping[str, Mapping[str, object]], priority: str) -> dict[str, int]:
    """The targets in seconds by clock name of one priority of a promise version; clocks without a target are left out."""
    row = table[priority]
    return {name: int(str(row[name])) for name in ("first_response", "next_response", "resolution") if row.get(name) is not None}


def runs_round_the_clock(table: Mapping[str, Mapping[str, object]], priority: str) -> bool:
    """True when nights and weekends count for this priority (R21)."""
    return bool(table[priority].get("round_the_clock"))
