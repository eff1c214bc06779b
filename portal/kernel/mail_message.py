"""What a mail looks like on the wire: checked addresses and ids, cleaned header texts, text and HTML side by side.

Everything goes through EmailMessage, which refuses line breaks in headers; what it would mangle is cleaned here first.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from enum import StrEnum

from portal.kernel import return_address
from portal.kernel.errors import Refusal
from portal.kernel.messages import say
from portal.kernel.settings import Settings

SUBJECT_LIMIT, NAME_LIMIT = 200, 100
EXTRA_HEADERS = frozenset({"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Reply-To"})
"""What a caller may add; everything else is ours."""

# refold_source "none" leaves ids on their line: folding would turn long ones into encoded words nobody can thread by.
_WIRE = policy.SMTP.clone(cte_type="7bit", refold_source="none")
_LINE_END = "\r\n"
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ID = re.compile(r"<[!-;=?A-~]{1,200}@[!-;=?A-~]{1,100}>")


class Voice(StrEnum):
    """Who speaks in a mail; other programs decide by it whether to answer (RFC 3834)."""

    PORTAL = "portal"
    NOTICE = "notice"
    PERSON = "person"
    RECEIPT = "receipt"


_SAYS = {
    Voice.PORTAL: {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
    Voice.NOTICE: {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "OOF"},
    Voice.PERSON: {"X-Auto-Response-Suppress": "OOF"},
    Voice.RECEIPT: {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"},
}


@dataclass(frozen=True)
class Letter:
    """One mail to one address, before it becomes a message."""

    message_id: str
    to: str
    to_name: str
    subject: str
    text: str
    html: str | None
    created_at: datetime
    in_reply_to: str | None = None
    references: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    voice: Voice = Voice.PORTAL
    from_name: str | None = None
    from_address: str | None = None
    token: str | None = None


def address(text: str) -> str:
    """A mail address as we keep it (domain in lower-case ASCII); raises Refusal for what no mail server would take."""
    local, at, host = text.strip().rpartition("@")
    try:
        host = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        host = ""
    good = at and _LOCAL.fullmatch(local) and not local.startswith(".") and not local.endswith(".") and ".." not in local
    if not good or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise Refusal(say("%(address)s is not a mail address we can write to. It should look like name@company.com.", address=one_line(text, 100)))
    return f"{local}@{host}"


def checked_id(text: str) -> str:
    """A Message-ID that is safe to repeat; raises ValueError otherwise."""
    if not _ID.fullmatch(text):
        raise ValueError(f"not a Message-ID: {text[:100]!r}")
    return text


def is_id(text: str) -> bool:
    """True for a Message-ID that is safe to repeat."""
    return _ID.fullmatch(text) is not None


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Extra headers from the allowed list on one line each; raises ValueError otherwise."""
    for name, value in headers.items():
        if name not in EXTRA_HEADERS or not value.isascii() or not value.isprintable() or len(value) > 900:
            raise ValueError(f"this header cannot be sent: {name}")
    return dict(headers)


_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn"}


def one_line(text: str, limit: int) -> str:
    """Text for a header: one line, no control or steering marks, at most ``limit`` characters."""
    spaced = "".join(" " if c.isspace() else c for c in text[: limit * 10])
    plain = " ".join("".join(c for c in spaced if unicodedata.category(c) not in _DROPPED).split())
    # EmailMessage would decode an encoded word that somebody typed, and a line break inside of it becomes a header of theirs.
    plain = plain.replace("=?", "= ?")
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def body(text: str) -> str:
    """Text for a body: line feeds only, nothing that cannot be encoded."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return plain.encode("utf-8", "replace").decode("utf-8")


def sender(settings: Settings) -> tuple[str, str]:
    """Name and address the portal writes as; the name is the company's unless ``mail_from`` has one."""
    name, mailbox = parseaddr(settings.mail_from)
    return one_line(name or settings.company, NAME_LIMIT), address(mailbox)


def domain(settings: Settings) -> str:
    """The domain of the portal's own mail, which its Message-IDs carry."""
    return sender(settings)[1].rpartition("@")[2]


def compose(letter: Letter, settings: Settings) -> EmailMessage:
    """The message for the wire; the same letter always gives the same headers, so that a second copy is recognised."""
    message = EmailMessage(policy=_WIRE)
    message.set_raw("From", _from(letter, settings))
    message["To"] = _mailbox(letter.to_name, letter.to)
    message["Subject"] = one_line(letter.subject, SUBJECT_LIMIT)
    message["Date"] = format_datetime(letter.created_at)
    message.set_raw("Message-ID", checked_id(letter.message_id))
    if letter.in_reply_to:
        message.set_raw("In-Reply-To", checked_id(letter.in_reply_to))
    if letter.references:
        message.set_raw("References", "\r\n ".join(checked_id(one) for one in letter.references))
    for name, value in _SAYS[letter.voice].items():
        message[name] = value
    if letter.token:
        message.set_raw(return_address.HEADER, letter.token)
    for name, value in checked_headers(letter.headers).items():
        message.set_raw(name, value)
    message.set_content(body(letter.text))
    if letter.html:
        message.add_alternative(body(letter.html), subtype="html")
    return message


def _from(letter: Letter, settings: Settings) -> str:
    """The line of the sender: a person with their department where one speaks, always at an address of our own domain."""
    name, mailbox = sender(settings)
    display = one_line(letter.from_name or name, NAME_LIMIT)
    own = letter.from_address if letter.from_address and is_own(letter.from_address, settings) else mailbox
    if display.isascii():
        return str(Address(display_name=display, addr_spec=own))
    return f"{Header(display, 'utf-8', maxlinelen=72, header_name='From').encode(linesep=_LINE_END)}{_LINE_END} <{own}>"


def is_own(mailbox: str, settings: Settings) -> bool:
    """True for an address of the domain that the portal writes from; another one would not be believed at the other end."""
    return not settings.mail_plain and mailbox.rpartition("@")[2].casefold() == domain(settings)


def is_portals(mailbox: str, settings: Settings) -> bool:
    """True for an address that leads back to the portal itself: nothing is ever sent there."""
    own, _, host = sender(settings)[1].casefold().rpartition("@")
    local, _, theirs = mailbox.casefold().rpartition("@")
    return theirs == host and (local == own or local.startswith((f"{own}+", "reply+", "b+")))


def _mailbox(name: str, mailbox: str) -> Address:
    display = one_line(name, NAME_LIMIT)
    if not display.isascii():
        # Python forgets the quotes when it encodes such a name, and a comma would then split it into two recipients.
        display = " ".join(re.sub(r'[()<>@,:;.\\"\[\]]', " ", display).split())
    return Address(display_name=display, addr_spec=mailbox)
