"""Header readers of our own: encoded words in every broken form, addresses, ids and dates. None of them raises."""

import binascii
import re
from base64 import b64decode
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from quopri import decodestring

from portal.kernel.incoming.reading.charsets import decode, one_line
from portal.kernel.incoming.reading.values import Mailbox

LONGEST = 20_000
"""Characters of one header that are read; the rest belongs to nobody."""
MOST = 2_000
"""Headers of one part that are looked at."""
MOST_MAILBOXES = 500
MOST_IDS = 100
SUBJECT = 500
NAME = 120

Headers = dict[str, list[str]]
_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?\r\n]{0,4000})\?=")
_ID = re.compile(r"<([^<>\s@]{1,250}@[^<>\s@]{1,150})>")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"\\@]{1,64}@(?:[A-Za-z0-9\u0080-\uffff](?:[A-Za-z0-9\u0080-\uffff-]{0,62})\.)*[A-Za-z0-9\u0080-\uffff-]{1,63}")
_QUOTED_LOCAL = re.compile(r"\"[^\"\\\r\n]{1,64}\"@[A-Za-z0-9.-]{1,253}")


def headers_of(part: Message) -> Headers:
    """The raw headers of a part by lower-case name, in the order they stand; bytes outside ASCII read as UTF-8, else as Windows-1252."""
    found: Headers = {}
    for name, value in list(part.raw_items())[:MOST]:
        found.setdefault(name.lower(), []).append(_readable(str(value)[:LONGEST]))
    return found


def _readable(value: str) -> str:
    if value.isascii():
        return value
    return decode(value.encode("utf-8", "surrogateescape"), None)


def first(headers: Headers, name: str) -> str:
    """The first header of a name, unfolded; empty when there is none."""
    values = headers.get(name)
    return _unfolded(values[0]) if values else ""


def every(headers: Headers, name: str, most: int = 20) -> tuple[str, ...]:
    """The headers of a name, unfolded, in the order they stand."""
    return tuple(_unfolded(value) for value in headers.get(name, [])[:most])


def _unfolded(value: str) -> str:
    return re.sub(r"[ \t]*[\r\n]+[ \t]*", " ", value).strip()


def decoded(value: str) -> str:
    """A header value with its encoded words (RFC 2047) read; what cannot be read stays as it stands."""
    pieces: list[tuple[str | None, bytes]] = []
    at = 0
    for found in _WORD.finditer(value):
        between = value[at : found.start()]
        if between and (between.strip() or not pieces or pieces[-1][0] is None):
            pieces.append((None, between.encode("utf-8", "replace")))
        pieces.append((found[1], _word_bytes(found[2], found[3])))
        at = found.end()
    pieces.append((None, value[at:].encode("utf-8", "replace")))
    return "".join(decode(data, charset) for charset, data in _joined(pieces))


def _joined(pieces: list[tuple[str | None, bytes]]) -> list[tuple[str | None, bytes]]:
    # Some programs cut a character in two and put each half into a word of its own.
    merged: list[tuple[str | None, bytes]] = []
    for charset, data in pieces:
        if merged and merged[-1][0] is not None and charset is not None and merged[-1][0].lower() == charset.lower():
            merged[-1] = (charset, merged[-1][1] + data)
        else:
            merged.append((charset, data))
    return merged


def _word_bytes(kind: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if kind in "qQ":
        return decodestring(data.replace(b"_", b" "), header=False)
    return unbase64(data)


def unbase64(data: bytes) -> bytes:
    """The bytes behind base64, however it is broken or cut off; what is none comes as it stands."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    if len(letters) % 4 == 1:
        letters = letters[:-1]  # half a byte, which the library takes for a fault of all
    try:
        return b64decode(letters + b"===")
    except (binascii.Error, ValueError):
        return data


def subject_of(headers: Headers) -> str:
    """The subject on one line."""
    return one_line(decoded(first(headers, "subject")), SUBJECT)


def ids(headers: Headers, name: str) -> tuple[str, ...]:
    """The well-formed message ids of a header, each once, at most a hundred (the last ones, which are the nearest)."""
    found = [f"<{one}>" for value in headers.get(name, ()) for one in _ID.findall(value) if one.isprintable()]
    return tuple(dict.fromkeys(found))[-MOST_IDS:]


def message_id(headers: Headers) -> str | None:
    """The id of the mail; None when it has none that could be repeated."""
    found = ids(headers, "message-id")
    return found[0] if found else None


def mailboxes(headers: Headers, name: str) -> tuple[Mailbox, ...]:
    """The mailboxes of an address header; groups are opened, comments dropped, at most five hundred."""
    found: dict[str, Mailbox] = {}
    for value in headers.get(name, ()):
        for piece in _split(_unfolded(value)):
            box = mailbox(piece)
            if box.address and box.address not in found:
                found[box.address] = box
            if len(found) >= MOST_MAILBOXES:
                return tuple(found.values())
    return tuple(found.values())


def _split(value: str) -> list[str]:
    """An address list at its commas and semicolons outside of quotes, brackets and comments."""
    pieces: list[str] = []
    current: list[str] = []
    quoted, deep, angle = False, 0, False
    escaped = False
    for c in value:
        if escaped:
            escaped = False
        elif c == "\\":
            escaped = True
        elif c == '"' and not deep:
            quoted = not quoted
        elif not quoted and c == "(":
            deep += 1
        elif not quoted and c == ")" and deep:
            deep -= 1
        elif not quoted and not deep and c in "<>":
            angle = c == "<"
        elif not quoted and not deep and not angle and c in ",;":
            pieces.append("".join(current))
            current = []
            continue
        elif not quoted and not deep and not angle and c == ":":
            current = []  # the name of a group
            continue
        current.append(c)
    pieces.append("".join(current))
    # An odd quote would swallow the rest of the list; then commas count wherever they stand.
    return pieces if not quoted and not deep else re.split(r"[,;]", value)


def mailbox(text: str) -> Mailbox:
    """One mailbox as ``Name <address>``, ``address (Name)`` or the bare address; empty where there is none."""
    inside = re.search(r"<([^<>]{1,400})>\s*$", text) or re.search(r"<([^<>]{1,400})>", text)
    spot = inside[1] if inside else text
    found = _ADDRESS.search(spot) or _QUOTED_LOCAL.search(spot) or (_ADDRESS.search(decoded(spot)) if "=?" in spot else None)
    if found is None or found.string[found.end() : found.end() + 1] in ("@", "\\"):
        # Of ``mara@ours.example@theirs.example`` every program believes another half, so it is nobody's.
        return Mailbox(_name(text), "")
    local, _, host = found[0].rpartition("@")
    return Mailbox(_name(text[: inside.start()] if inside else _comment(text)), f"{local}@{host.lower()}")


def _comment(text: str) -> str:
    found = re.search(r"\(([^()]{1,200})\)", text)
    return found[1] if found else ""


def _name(text: str) -> str:
    plain = re.sub(r"\\(.)", r"\1", decoded(text).strip().strip("\"' "))
    return one_line(plain, NAME)


def sender_of(headers: Headers) -> Mailbox:
    """Who wrote it: From, else Sender, else Return-Path."""
    for name in ("from", "sender", "return-path"):
        found = mailboxes(headers, name)
        if found:
            return found[0]
    return Mailbox(_name(first(headers, "from")), "")


def return_path(headers: Headers) -> str | None:
    """Where failures go: an address, empty for ``<>``, None when nobody noted it."""
    value = first(headers, "return-path")
    if not value:
        return None
    return mailbox(value).address if value.replace(" ", "") != "<>" else ""


def addresses(headers: Headers, *names: str) -> tuple[str, ...]:
    """The bare addresses of several headers, each once."""
    return tuple(dict.fromkeys(box.address for name in names for box in mailboxes(headers, name)))[:50]


def date_of(headers: Headers) -> datetime | None:
    """What the Date header says, in UTC; None when it says nothing sensible."""
    value = first(headers, "date")
    try:
        found = parsedate_to_datetime(re.sub(r"\([^)]*\)", " ", value[:100]))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def echoes(headers: Headers) -> dict[str, str]:
    """Our own marks by lower-case name."""
    return {name: one_line(values[0], 300) for name, values in headers.items() if name.startswith("x-hearth-")}
