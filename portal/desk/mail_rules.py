"""What becomes of a mail, as a pure decision over what is known about it (spec/newsletter.md 3.7). From alone proves nothing."""

import re
from dataclasses import dataclass
from enum import StrEnum

from portal.desk.rules import TITLE_LIMIT


class Side(StrEnum):
    """On which side of a request somebody is."""

    ASKING = "asking"
    SERVING = "serving"
    NONE = "none"


class Way(StrEnum):
    """How a mail names a request, the surest first."""

    ADDRESS = "address"
    TOKEN = "token"  # noqa: S105  the name of a way
    REPLY = "reply"
    SUBJECT = "subject"


class Act(StrEnum):
    """What to do with a mail."""

    OPEN = "open"
    WRITE = "write"
    ANSWER = "answer"
    JOIN = "join"
    HOLD = "hold"
    IGNORE = "ignore"


CONFIDENTIAL = "It belongs to a confidential request, and a new one would not be."
DECISIONS = {Act.OPEN: "opened", Act.WRITE: "appended", Act.ANSWER: "appended", Act.JOIN: "appended", Act.HOLD: "held", Act.IGNORE: "ignored"}
"""How the four decisions of `portal ingest-mail` follow from what is done."""


@dataclass(frozen=True)
class Thread:
    """The request a mail names: how, for whom the signed address, line or mail was made (None otherwise), and what the sender is there.

    ``is_proof`` says that only somebody who got a mail of this request can name it so.
    """

    number: int
    way: Way
    addressee_id: int | None = None
    side: Side = Side.NONE
    is_confidential: bool = False
    takes_words: bool = True
    is_proof: bool = False


@dataclass(frozen=True)
class MailFacts:
    """What is known about a mail; ``sender_id`` is the active person who has that address."""

    automatic_why: str = ""
    is_own: bool = False
    sender_id: int | None = None
    is_forward: bool = False
    has_words: bool = True
    has_place: bool = True
    thread: Thread | None = None
    vouched: bool | None = None

    @property
    def lets_others_in(self) -> bool:
        """True when people in copy may follow: the request is no secret, and the mail proves its writer, since From and a number can be made up."""
        return self.thread is not None and not self.thread.is_confidential and self.thread.addressee_id == self.sender_id

    @property
    def is_proven(self) -> bool:
        """True when more than From says who wrote it: something only readers of the request know, or the word of the server that took it."""
        return self.vouched is True or (self.thread is not None and self.thread.is_proof)

    @property
    def waits_for_proof(self) -> bool:
        """True when a mail in the name of the requester's side waits only because nothing proves its sender; they may want to know."""
        thread = self.thread
        return thread is not None and thread.side is Side.ASKING and decide(self) == (Act.HOLD, unproven(thread.number))


def decide(facts: MailFacts) -> tuple[Act, str]:
    """What to do and why in words. Machines come first: they never open, continue or answer, whatever else is true."""
    if facts.is_own:
        return Act.IGNORE, "It comes from an address of the portal itself."
    if facts.automatic_why:
        return Act.IGNORE, facts.automatic_why
    if not facts.has_words:
        return Act.HOLD, "It has neither subject nor words nor files."
    if facts.sender_id is None:
        return Act.HOLD, "We do not know this sender."
    if facts.vouched is False and not facts.is_proven:
        return Act.HOLD, "The server that took it says that it does not come from this sender."
    if facts.thread is not None and not facts.is_forward:
        return _continued(facts.thread, facts.sender_id, has_place=facts.has_place, proven=facts.is_proven)
    if facts.thread is not None and facts.thread.is_confidential:
        return Act.HOLD, CONFIDENTIAL
    if not facts.has_place:
        return Act.HOLD, "It is for none of the addresses that belong to a service."
    if facts.is_forward:
        looks = f" It looks like request {facts.thread.number}." if facts.thread and facts.thread.side is not Side.NONE else ""
        return Act.OPEN, f"A colleague forwarded it.{looks}"
    return Act.OPEN, "A colleague asks for something new."


def unproven(number: int) -> str:
    """Why a mail of the requester's side waits that only names the request."""
    return f"It names request {number}, and nothing in it proves that its sender wrote it."


def _continued(thread: Thread, sender_id: int, *, has_place: bool, proven: bool) -> tuple[Act, str]:
    if thread.side is Side.NONE:
        return _from_outside(thread, sender_id)
    if not thread.takes_words:
        if thread.is_confidential:
            return Act.HOLD, f"Request {thread.number} is closed. It is confidential, and a new one would not be."
        open_anew = thread.side is Side.ASKING and has_place
        return (Act.OPEN, f"Request {thread.number} is closed, so this follows it.") if open_anew else (Act.HOLD, f"Request {thread.number} is closed.")
    if thread.side is Side.SERVING and thread.addressee_id != sender_id:
        return Act.HOLD, "Its sender serves the request, and nothing in it proves that they wrote it."
    if thread.side is Side.SERVING:
        return Act.ANSWER, "Somebody who serves the request answered."
    if not proven:
        return Act.HOLD, unproven(thread.number)
    return Act.WRITE, "Somebody of the requester's side answered."


def _from_outside(thread: Thread, sender_id: int) -> tuple[Act, str]:
    if thread.is_confidential:
        return Act.HOLD, "The sender has no part in the request it names."
    if thread.addressee_id == sender_id:
        return Act.HOLD, f"The sender had a part in request {thread.number} and has none any more."
    if thread.way is Way.ADDRESS:
        return Act.HOLD, f"It used the answer address of somebody else in request {thread.number}."
    if thread.way is Way.TOKEN and thread.takes_words:
        # The ids of a mail travel with every answer in copy; its signed line is known only to whoever was given the words.
        return Act.JOIN, f"A colleague in copy answered in request {thread.number}."
    return Act.HOLD, f"The sender has no part in request {thread.number}."


_PREFIX = re.compile(r"^\s*(?:(?:re|fwd?|aw|wg|sv|vs|tr|rv|ref|antw|rif|odp|ynt)\s*(?:\[\d+\])?\s*[:：]|\[(?:r-)?#?\d{1,10}\])\s*", re.IGNORECASE)
_NUMBER = re.compile(r"\[(?:r-|#)(\d{1,9})\]|(?:^|\s)#(\d{1,9})\b|^\s*(?:(?:re|aw|sv|antw)\s*:\s*)+(\d{1,9})\b(?= )", re.IGNORECASE)


def title_of(subject: str, text: str) -> str:
    """The title of a request from a subject without its prefixes, or from the first words of the text."""
    rest, before = subject.strip()[:500], ""
    while rest != before:
        before, rest = rest, _PREFIX.sub("", rest, count=1)
    line = " ".join((rest or next(iter(text.strip().splitlines()), "")).split())
    return line if len(line) <= TITLE_LIMIT else line[: TITLE_LIMIT - 1].rstrip() + "…"


def number_in(subject: str) -> int | None:
    """The request a subject names: ``[R-12]``, ``#12``, or the number our own mails begin with."""
    found = _NUMBER.search(subject[:500])
    return int(next(part for part in found.groups() if part)) if found else None


_NOTE = re.compile(r"^\s*(?:team )?note\s*:\s*", re.IGNORECASE)


def as_note(text: str) -> str | None:
    """The words of a team note when the first line of an answer says ``note:``, else None."""
    found = _NOTE.match(text)
    return text[found.end() :].strip() if found else None
