"""The key of a mail: the same mail has the same, however it was handed on, and by however many of its addresses it came.

A mail to two addresses of ours arrives twice, each time with what the servers on its way wrote above it. Those lines make no difference
where the mail names itself; words, files and every other header do.
"""

import hashlib
import re

_QUOTED = re.compile(rb"(?m)^>+From ")
_NAMED = re.compile(rb"(?im)^message-id[ \t]*:[ \t]*(?:\n[ \t]+)?<?[^\s<>]")
_FIELD_END = re.compile(rb"\n(?![ \t])")
_ON_THE_WAY = frozenset(
    (
        *(b"received", b"x-received", b"delivered-to", b"x-original-to", b"x-delivered-to", b"envelope-to", b"x-envelope-to", b"x-rcpt-to"),
        *(b"delivery-date", b"authentication-results", b"received-spf", b"dkim-signature", b"x-google-dkim-signature", b"x-gm-message-state"),
        *(b"x-google-smtp-source", b"x-uid", b"x-uidl", b"x-keywords", b"x-evolution-source", b"status", b"x-status", b"lines", b"content-length"),
    )
)
_ALSO = (b"arc-", b"x-spam", b"x-virus", b"x-rspamd", b"x-forefront", b"x-microsoft-antispam", b"x-ms-exchange-organization-", b"x-ms-exchange-crosstenant-")
"""How names begin that only servers write. What says that a machine wrote a mail is none of them: a list's copy is another mail."""


def key_of(raw: bytes) -> str:
    """The key of a mail as bytes."""
    return digest(_lasting(_plain(raw)))


def keys_of(raw: bytes) -> tuple[str, str, str]:
    """Its key, and those that earlier versions gave it."""
    plain = _plain(raw)
    return digest(_lasting(plain)), digest(plain), digest(raw)


def digest(content: bytes) -> str:
    """A key of these very bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _plain(raw: bytes) -> bytes:
    # An mbox begins a mail with a line of its own and quotes such lines in it, and every way has its own line ends.
    text = raw.replace(b"\r\n", b"\n")
    if text.startswith(b"From "):
        text = text.partition(b"\n")[2] or text
    return _QUOTED.sub(b"From ", text).rstrip(b"\n")


def _lasting(plain: bytes) -> bytes:
    head, gap, body = plain.partition(b"\n\n")
    if not _NAMED.search(head):
        return plain  # without a name of its own, two that look alike may be two
    fields = [field for field in _FIELD_END.split(head) if not _is_of_the_way(field)]
    return b"\n".join(fields) + gap + body


def _is_of_the_way(field: bytes) -> bool:
    name = field[:80].partition(b":")[0].strip().lower()
    return name in _ON_THE_WAY or name.startswith(_ALSO)
