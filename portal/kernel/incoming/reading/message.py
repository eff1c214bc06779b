"""From bytes to a ``Reading``."""

import re
from email import message_from_bytes
from email.message import Message
from email.policy import compat32

from portal.kernel.incoming.reading import headers as look
from portal.kernel.incoming.reading.automatic import judge
from portal.kernel.incoming.reading.charsets import decode, tidy
from portal.kernel.incoming.reading.failures import failures_of
from portal.kernel.incoming.reading.headers import Headers
from portal.kernel.incoming.reading.parts import LONGEST_TEXT, Cuts, Walk, cut, walk
from portal.kernel.incoming.reading.values import Automatic, Mailbox, Reading
from portal.kernel.incoming.reading.visible import FORWARD, SUBJECT_LINE, first_quoted, is_heading, reply_of
from portal.kernel.incoming.reading.wordings import FORWARD_SUBJECTS, either

LARGEST = 64_000_000
"""Bytes that are looked at."""
MOST_LINES = 300_000
"""Lines that are looked at, long encoded files apart."""
DEEPEST = 100
"""A mail that names more boundaries is read as plain text: the parser goes down one call at each, for every line."""
_SUBJECT_OF_FORWARD = re.compile(rf"^\s*(?:\[[^\]]{{1,40}}\]\s*)?({either(FORWARD_SUBJECTS)})\s*[:：]", re.IGNORECASE)
_FROM_ANY = re.compile(r"^[\s>*]*(?:\w{2,12}|[^\s:：]{2,6})\s*\*?\s*[:：]\*?\s*(.{1,300})$")
_ENCLOSED = re.compile(rb"(?i)\n\s{0,9}content-type\s{0,9}:\s{0,9}message/")
_GAP = re.compile(rb"\r?\n\r?\n")
_HEAD = re.compile(rb"\A[^\r\n]{0,80}(?:\r?\n[^\r\n]{1,2000}){0,200}")
_NAMED = re.compile(rb"(?m)^([A-Za-z][A-Za-z0-9-]{0,60})[ \t]{1,9}:")
_BOUNDARY = re.compile(rb"(?i)boundary\s*=")


def read(raw: bytes) -> Reading:
    """Everything a mail says, whatever its bytes; what makes no sense at all comes as plain text. Never raises."""
    try:
        small, cuts = cut(raw[:LARGEST])
        return _read(_parsed(_first_lines(small)), cuts)
    except Exception:  # noqa: BLE001  whatever somebody sends, it gets a decision; the original stays as it came
        text = tidy(decode(raw[:LONGEST_TEXT], None))
        return Reading(text=text, reply_text=text.strip())


def _first_lines(raw: bytes) -> bytes:
    if raw.count(b"\n") <= MOST_LINES:
        return raw
    return b"\n".join(raw.split(b"\n", MOST_LINES)[:MOST_LINES])


def _parsed(raw: bytes) -> Message:
    raw = _HEAD.sub(_without_gaps, raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n"), count=1)
    deepest = DEEPEST if raw.count(b"\n") < 50_000 else DEEPEST // 4
    if len(_BOUNDARY.findall(raw)) > deepest or len(_ENCLOSED.findall(raw)) > deepest:
        gap = _GAP.search(raw)
        head, body = (raw[: gap.start()], raw[gap.end() :]) if gap else (raw, b"")
        flat = Message(policy=compat32)
        for name, value in list(message_from_bytes(head[:200_000] + b"\n\n", policy=compat32).raw_items())[: look.MOST]:
            if name.lower() not in ("content-type", "content-transfer-encoding"):
                flat[name] = value
        flat.set_payload(body[:LONGEST_TEXT].decode("ascii", "surrogateescape"))
        return flat
    return message_from_bytes(raw, policy=compat32)


def _without_gaps(head: re.Match[bytes]) -> bytes:
    # Mail of the last century has blanks before the colon, and the parser takes such a line for the end of the headers.
    return _NAMED.sub(rb"\1:", head[0])


def _read(message: Message, cuts: Cuts) -> Reading:
    headers = look.headers_of(message)
    found = walk(message, cuts)
    text = _together(found)
    subject, sender = look.subject_of(headers), look.sender_of(headers)
    originals = [look.headers_of(original) for original in found.originals]
    automatic, why = judge(_with_methods(headers, found), found.kinds, subject, sender.address)
    forwarded, their_subject, is_forward = _forward(subject, text, originals, automatic)
    return Reading(
        message_id=look.message_id(headers),
        in_reply_to=look.ids(headers, "in-reply-to"),
        references=look.ids(headers, "references"),
        sender=sender,
        reply_to=look.mailboxes(headers, "reply-to"),
        to=look.mailboxes(headers, "to"),
        cc=look.mailboxes(headers, "cc"),
        delivered_to=look.addresses(headers, "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "x-rcpt-to"),
        return_path=look.return_path(headers),
        subject=subject,
        date=look.date_of(headers),
        text=text,
        reply_text=reply_of(text, is_forward=is_forward) if automatic is not Automatic.BOUNCE else text.strip("\n"),
        attachments=tuple(found.files),
        forwarded=forwarded,
        forwarded_subject=their_subject,
        is_forward=is_forward,
        automatic=automatic,
        automatic_why=why,
        failures=failures_of(found.reports, originals, headers, text) if automatic is Automatic.BOUNCE else (),
        echoes={key: value for one in (*originals, headers) for key, value in look.echoes(one).items()},
        authentication=look.every(headers, "authentication-results"),
    )


def _together(found: Walk) -> str:
    return "\n\n".join(text.strip("\n") for text in found.texts if text.strip())[:LONGEST_TEXT]


def _with_methods(headers: Headers, found: Walk) -> Headers:
    calendars = [part for part in found.files if part.type == "text/calendar"]
    methods = [
        match[0].decode("ascii", "replace").replace(":", "=") for part in calendars[:3] if (match := re.search(rb"(?i)method:\w{1,20}", part.content[:4000]))
    ]
    return headers | {"x-calendar-method": methods} if methods else headers


def _forward(subject: str, text: str, originals: list[Headers], automatic: Automatic) -> tuple[Mailbox | None, str, bool]:
    """Who wrote what was forwarded, its subject, and whether this is a forward at all."""
    if automatic is not Automatic.NO:
        return None, "", False
    by_subject = _SUBJECT_OF_FORWARD.match(subject)
    lines = text.split("\n")
    older = first_quoted(lines)
    start = older.start if older and FORWARD.match(lines[older.start]) else None
    if start is None and by_subject:
        start = next((number - 1 for number, line in enumerate(lines) if _FROM_ANY.match(line) and is_heading(lines, number)), None)
    if start is not None:
        return (*_heading(lines[start + 1 : start + 12]), True)
    if originals and by_subject:
        inner = originals[0]
        return look.sender_of(inner), look.subject_of(inner), True
    # "VS" answers in Finnish and forwards in Norwegian, "I" forwards in Italian: alone they say nothing.
    return None, "", by_subject is not None and by_subject[1].lower() not in ("vs", "i")


def _heading(lines: list[str]) -> tuple[Mailbox | None, str]:
    writer, subject = None, ""
    for line in lines:
        if (found := SUBJECT_LINE.match(line)) and not subject:
            subject = found[1].strip()
        elif writer is None and "@" in line and (found := _FROM_ANY.match(line)):
            box = look.mailbox(found[1])
            writer = box if box.address else None
    return writer, subject
