"""What reading a mail gives: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Automatic(StrEnum):
    """Whether a person wrote a mail, and which machine did when not."""

    NO = "no"
    REPLY = "reply"
    NOTICE = "notice"
    RECEIPT = "receipt"
    BOUNCE = "bounce"
    LIST = "list"


@dataclass(frozen=True)
class Mailbox:
    """A name and an address as a mail gives them; the address is empty when it cannot be read, its domain in small letters."""

    name: str = ""
    address: str = ""


@dataclass(frozen=True)
class Part:
    """A file in a mail: an attachment, or a picture inside its text (``inline``, found by ``content_id``)."""

    name: str
    type: str
    content: bytes
    inline: bool = False
    content_id: str | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content)


@dataclass(frozen=True)
class Failure:
    """What a delivery report says of one recipient, in the words of RFC 3464; ``status`` is an enhanced code of RFC 3463 or empty."""

    action: str
    status: str = ""
    recipient: str = ""
    diagnostic: str = ""
    original_ids: tuple[str, ...] = ()

    @property
    def hard(self) -> bool:
        """The address itself is dead: unknown, moved or disabled."""
        return self.action == "failed" and self.status in ("5.1.1", "5.1.10", "5.2.1", "5.1.6", "5.1.3")

    @property
    def policy(self) -> bool:
        """Somebody's rules refused the mail, which says nothing about the person."""
        return self.action == "failed" and self.status.startswith("5.7")


@dataclass(frozen=True)
class Reading:
    """A mail as read.

    ``text`` is everything readable of the body, ``reply_text`` what its writer added this time; ``in_reply_to`` and ``references`` hold
    well-formed ids only; ``return_path`` is empty for ``<>`` and None when unknown; ``echoes`` are our own X-Hearth headers, also from
    inside a returned original; ``authentication`` are the Authentication-Results lines, the topmost first.
    """

    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    sender: Mailbox = Mailbox()
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    delivered_to: tuple[str, ...] = ()
    return_path: str | None = None
    subject: str = ""
    date: datetime | None = None
    text: str = ""
    reply_text: str = ""
    attachments: tuple[Part, ...] = ()
    forwarded: Mailbox | None = None
    forwarded_subject: str = ""
    is_forward: bool = False
    automatic: Automatic = Automatic.NO
    automatic_why: str = ""
    failures: tuple[Failure, ...] = ()
    echoes: Mapping[str, str] = field(default_factory=dict)
    authentication: tuple[str, ...] = ()
