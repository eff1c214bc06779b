"""Walking through the parts of a mail: which are its text, which are files, which are reports of machines."""

import binascii
import mimetypes
import os
import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from email.utils import collapse_rfc2231_value
from typing import Any

from portal.kernel.incoming.reading import headers as read
from portal.kernel.incoming.reading.charsets import decode, one_line, tidy
from portal.kernel.incoming.reading.html import text_of
from portal.kernel.incoming.reading.values import Part

DEEPEST = 100
MOST = 500
"""Parts that are looked at; a mail with more is a bomb."""
LONGEST_TEXT = 500_000
ATTACHED = 200
"""Files that are kept of one mail; the original keeps them all."""

_ODD = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError, binascii.Error, KeyError)
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_FILES_OF_TEXT = {"text/calendar", "text/csv", "text/vcard", "text/x-vcard", "text/directory", "text/rfc822-headers"}


Cuts = dict[str, bytes]
"""Long base64 bodies by the line that stands for them; the parser goes line by line and would take seconds for a large picture."""
_LONG = re.compile(rb"^(?:[A-Za-z0-9+/]{20,1000}\r?\n)+", re.MULTILINE)
WORTH_CUTTING = 40_000
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]*")


def cut(raw: bytes) -> tuple[bytes, Cuts]:
    """A mail with a short line in place of each long base64 body, and those bodies."""
    cuts: Cuts = {}
    mark = os.urandom(8).hex()

    def keep(found: "re.Match[bytes]") -> bytes:
        if len(found[0]) < WORTH_CUTTING:
            return found[0]
        name = f"cut-{mark}-{len(cuts)}"
        cuts[name] = found[0]
        return name.encode() + b"\n"

    return _LONG.sub(keep, raw), cuts


@dataclass
class Walk:
    """What was found so far."""

    texts: list[str] = field(default_factory=list)
    files: list[Part] = field(default_factory=list)
    reports: list[Message] = field(default_factory=list)
    originals: list[Message] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    html: bool = False
    seen: int = 0
    cuts: Cuts = field(default_factory=dict)


def walk(message: Message, cuts: Cuts) -> Walk:
    """Look at every part of a mail, within the limits."""
    found = Walk(cuts=cuts)
    _visit(message, found, 0)
    return found


def _visit(part: Message, found: Walk, depth: int, within: str = "") -> None:
    found.seen += 1
    if found.seen > MOST or depth > DEEPEST:
        return
    kind = content_type(part)
    if kind.startswith("multipart/") and not part.is_multipart():
        kind = "text/plain"  # its boundary never came: what stands there is for people to read
    found.kinds.add(kind)
    if kind == "multipart/alternative":
        _alternative(part, found, depth)
    elif kind.startswith("multipart/"):
        for child in _children(part):
            _visit(child, found, depth + 1, kind)
    elif kind == "message/delivery-status":
        found.reports += _children(part)
    elif kind in ("message/rfc822", "message/global"):
        _enclosed(part, found)
    else:
        _leaf(part, kind, found, within)


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)][:MOST] if isinstance(payload, list) else []


def _alternative(part: Message, found: Walk, depth: int) -> None:
    """Of several forms of the same text the plain one, unless it says nothing; files that hide in here count as files."""
    forms: list[Walk] = []
    for child in _children(part):
        inner = Walk(seen=found.seen, cuts=found.cuts)
        _visit(child, inner, depth + 1, "multipart/alternative")
        found.seen = inner.seen
        forms.append(inner)
    spoken = [form for form in forms if any(text.strip() for text in form.texts)]
    plain = [form for form in spoken if not form.html and not _is_excuse(form)]
    chosen = plain[0] if plain else spoken[-1] if spoken else None
    for form in forms:
        found.files += form.files
        found.reports += form.reports
        found.originals += form.originals
        found.kinds |= form.kinds
    if chosen:
        found.texts += chosen.texts
        found.html |= chosen.html


def _is_excuse(form: Walk) -> bool:
    words = " ".join(form.texts).strip().lower()
    return len(words) < 200 and "html" in words and any(word in words for word in ("view", "support", "client", "reader", "anzeige", "version"))


def _enclosed(part: Message, found: Walk) -> None:
    inner = next(iter(_children(part)), None)
    if inner is None:
        _leaf(part, "message/rfc822", found, "")
        return
    found.originals.append(inner)
    try:
        content = inner.as_bytes()
    except _ODD:
        content = str(inner.get_payload())[:LONGEST_TEXT].encode("utf-8", "replace")
    for name, body in found.cuts.items():
        content = content.replace(name.encode() + b"\n", body)
    title = read.subject_of(read.headers_of(inner))
    _keep(found, Part(file_name(filename(part) or f"{title or 'message'}.eml", "message/rfc822"), "message/rfc822", content))


def _leaf(part: Message, kind: str, found: Walk, within: str) -> None:
    name, disposition = filename(part), _disposition(part)
    is_text = kind in ("text/plain", "text/html", "text/enriched", "text/richtext") or (kind.startswith("text/") and kind not in _FILES_OF_TEXT and not name)
    if is_text and disposition != "attachment" and not (name and (found.texts or kind == "text/html")):
        text = _text(part, kind, found.cuts)
        found.html |= kind == "text/html" and bool(text.strip())
        found.texts.append(text)
        return
    content = payload(part, found.cuts)
    if not content and not name:
        return
    if kind == "text/rfc822-headers":
        found.originals.append(message_from_bytes(content[:200_000], policy=compat32))
    inline = (disposition == "inline" or within == "multipart/related") and kind.startswith("image/")
    _keep(found, Part(file_name(name, kind), kind, content, inline, _content_id(part)))


def _keep(found: Walk, part: Part) -> None:
    if len(found.files) < ATTACHED:
        found.files.append(part)


def _text(part: Message, kind: str, cuts: Cuts) -> str:
    text = decode(payload(part, cuts), _charset(part))
    if kind == "text/html":
        return tidy(text_of(text))[:LONGEST_TEXT]
    text = tidy(text[: LONGEST_TEXT * 2])
    if _param(part, "format").lower() == "flowed":
        text = _unflowed(text, delsp=_param(part, "delsp").lower() == "yes")
    return text[:LONGEST_TEXT]


def _unflowed(text: str, *, delsp: bool) -> str:
    """Join what was wrapped for the way (RFC 3676): a line that ends with a space goes on in the next of the same quote depth."""
    lines: list[str] = []
    goes_on, depth = False, 0
    for raw in text.split("\n"):
        marks = len(raw) - len(raw.lstrip(">"))
        words = raw[marks:].removeprefix(" ")
        if goes_on and marks == depth and words != "-- ":
            lines[-1] += words
        else:
            lines.append(f"{'>' * marks} {words}" if marks else words)
        goes_on, depth = words.endswith(" ") and words != "-- ", marks
        if goes_on and delsp:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)


def payload(part: Message, cuts: Cuts) -> bytes:
    """The decoded bytes of a part; what cannot be decoded comes as it stands."""
    stands, coding = _standing(part), _coding(part)
    if cuts and isinstance(stands, str) and (names := [name for name in cuts if name in stands]):
        whole = stands.encode("ascii", "surrogateescape")
        for name in names:
            whole = whole.replace(name.encode() + b"\n", cuts[name])
        return read.unbase64(whole) if coding == "base64" else whole
    try:
        content = part.get_payload(decode=True)
    except _ODD:
        content = None
    raw = _standing(part)
    whole = raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""
    if isinstance(content, bytes):
        return read.unbase64(whole) if coding == "base64" and content == whole and _BASE64.fullmatch(whole) else content
    return whole


def _coding(part: Message) -> str:
    """How a part is wrapped for the way; the parser knows the word only when nothing stands around it."""
    given = read.first(read.headers_of(part), "content-transfer-encoding")
    name = re.split(r"[\s;(]", given.strip().lower(), maxsplit=1)[0]
    if name and name != str(part["content-transfer-encoding"]):
        del part["content-transfer-encoding"]
        part["content-transfer-encoding"] = name
    return name


def _standing(part: Message) -> object:
    try:
        return part.get_payload()
    except _ODD:
        del part["content-type"]  # a character set with a NUL in its name
        return part.get_payload()


def content_type(part: Message) -> str:
    """The type of a part in small letters; text/plain when it makes no sense."""
    try:
        return part.get_content_type().lower()[:100]
    except _ODD:
        return "text/plain"


def _param(part: Message, name: str, header: str = "content-type") -> str:
    try:
        # The parser hands out raw bytes as question marks; a header that has been read gives them as letters.
        whole = Message(policy=compat32)
        whole[header] = read.first(read.headers_of(part), header)
        # Some write a name twice, with and without letters beyond ASCII; the one that names its character set is the better one.
        found: list[Any] = [value for key, value in whole.get_params([], header) if key.lower() == name]
        value = next((one for one in found if isinstance(one, tuple)), found[0] if found else "")
        return collapse_rfc2231_value(value) if isinstance(value, tuple) else str(value or "")
    except _ODD:
        return ""


def _charset(part: Message) -> str | None:
    return _param(part, "charset") or None


def _disposition(part: Message) -> str:
    value = read.first(read.headers_of(part), "content-disposition")
    return value.split(";")[0].strip().lower()


def _content_id(part: Message) -> str | None:
    value = read.first(read.headers_of(part), "content-id").strip("<> ")
    return one_line(value, 200) or None


def filename(part: Message) -> str:
    """The name a file came with, decoded; empty when it came without."""
    name = _param(part, "filename", "content-disposition") or _param(part, "name")
    if not name.isascii():
        name = decode(name.encode("utf-8", "surrogateescape"), None)
    return read.decoded(name)


def file_name(name: str, kind: str) -> str:
    """A name that is safe to keep: no path, no steering marks, not reserved, at most 200 characters; by its type when it has none."""
    plain = one_line(re.split(r"[\\/]", name)[-1], 400)
    plain = re.sub(r'[<>:"|?*]', "_", plain).strip(". ")
    if not plain:
        plain = "picture" if kind.startswith("image/") else "message" if kind == "message/rfc822" else "file"
    if "." not in plain[1:]:
        plain += ".eml" if kind == "message/rfc822" else mimetypes.guess_extension(kind) or ""
    if _RESERVED.match(plain):
        plain = f"_{plain}"
    if len(plain) > 200:
        stem, dot, ending = plain.rpartition(".")
        plain = f"{stem[: 199 - len(ending)]}.{ending}" if dot and len(ending) <= 20 else plain[:200]
    return plain
