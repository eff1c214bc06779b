"""What reports about failed deliveries say: RFC 3464 first, then our own echoed headers, then what systems without it write."""

import re
from email.message import Message

from portal.kernel.incoming.reading import headers as read
from portal.kernel.incoming.reading.charsets import one_line
from portal.kernel.incoming.reading.headers import Headers
from portal.kernel.incoming.reading.values import Failure

MOST = 100
"""Recipients of one report that are looked at."""
_STATUS = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\w)")
_REPLY_CODE = re.compile(r"\b([45])(\d{2})[ -]")
_ADDRESS = re.compile(r"<?([\w.+=-]{1,64}@[\w.-]{1,200}\.\w{2,24})>?")
_UNKNOWN = re.compile(
    r"user unknown|unknown user|no such (?:user|mailbox|recipient|person)|does not exist|recipient not found|address rejected|mailbox (?:unavailable|not found)"
    r"|couldn't be found|wasn't found|not listed in|invalid (?:recipient|mailbox)|recipientnotfound|not our customer",
    re.IGNORECASE,
)
_LATER = re.compile(r"delay|will (?:be retried|keep trying|retry)|not yet been delivered|still trying|temporar", re.IGNORECASE)
_FULL = re.compile(r"mailbox (?:is )?full|quota|over limit|out of storage", re.IGNORECASE)


def failures_of(reports: list[Message], originals: list[Headers], headers: Headers, text: str) -> tuple[Failure, ...]:
    """Every recipient that a report speaks of; by guess from its words when it has no machine-readable part."""
    sent = tuple(dict.fromkeys(one for original in originals for one in read.ids(original, "message-id")))
    named = [failure for report in reports[: MOST * 2] if (failure := _reported(read.headers_of(report), sent))]
    return tuple(named[:MOST]) or _guessed(headers, text, sent)


def _reported(fields: Headers, sent: tuple[str, ...]) -> Failure | None:
    action = read.first(fields, "action").split()[0].lower() if read.first(fields, "action").split() else ""
    if action not in ("failed", "delayed", "delivered", "relayed", "expanded"):
        return None
    status = _STATUS.search(read.first(fields, "status")) or _STATUS.search(read.first(fields, "diagnostic-code"))
    recipient = _typed(read.first(fields, "original-recipient")) or _typed(read.first(fields, "final-recipient"))
    diagnostic = one_line(re.sub(r"^\s*[\w-]{1,30};", "", read.first(fields, "diagnostic-code")), 300)
    return Failure(action, status[1] if status else "", recipient, diagnostic, sent)


def _typed(value: str) -> str:
    return read.mailbox(value.partition(";")[2] or value).address


def _guessed(headers: Headers, text: str, sent: tuple[str, ...]) -> tuple[Failure, ...]:
    recipients = [address for name in ("x-failed-recipients",) for address in read.addresses(headers, name)]
    words = text[:4000]
    if not recipients:
        found = _ADDRESS.search(words)
        recipients = [found[1]] if found else []
    status = _status_of(words)
    action = "delayed" if _LATER.search(words) and not status.startswith("5") else "failed"
    mentioned = sent or tuple(f"<{one}>" for one in re.findall(r"(?im)^message-id:\s*<([^<>\s@]{1,250}@[^<>\s@]{1,150})>", text[:100_000]))[:5]
    line = next((line for line in words.split("\n") if _STATUS.search(line) or _UNKNOWN.search(line) or _REPLY_CODE.search(line)), "")
    return tuple(Failure(action, status, recipient, one_line(line, 300), mentioned) for recipient in recipients[:MOST])


def _status_of(words: str) -> str:
    found = _STATUS.search(words)
    if found:
        return found[1]
    if _FULL.search(words):
        return "4.2.2"
    if _UNKNOWN.search(words):
        return "5.1.1"
    code = _REPLY_CODE.search(words)
    return f"{code[1]}.0.0" if code else ""
