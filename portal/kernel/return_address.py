"""Where a mail comes back to when it cannot be delivered: ``b+TOKEN@domain``, signed, one for each mail.

The token is the number of the mail in four bytes and eight of HMAC-SHA256. It stands in the envelope and in a header of ours, which
reports about failures repeat with the mail they return; so a report proves which mail it is about, and nobody can make one up.
"""

import re
from struct import Struct

from portal.kernel import marks

HEADER = "X-Hearth-Mail"
"""The header that repeats the token, for servers that report to another address than the envelope's."""
_FACTS = Struct("!I")
_MARK = 8
"""Bytes of signature; 64 bits cannot be guessed over mail."""
_PURPOSE = "return-address"
_TOKEN = re.compile(r"(?i)(?:^|[\s<:])b\+([a-z2-7]{20})@")


def token(mail_id: int) -> str:
    """The signed part, in small letters."""
    facts = _FACTS.pack(mail_id)
    return marks.letters(facts + marks.mark(_PURPOSE, facts, _MARK))


def make(mail_id: int, domain: str) -> str:
    """The return address of a mail."""
    return f"b+{token(mail_id)}@{domain}"


def read(address: str) -> int | None:
    """The number of the mail an address belongs to; None for a forged, foreign or garbled one."""
    found = _TOKEN.search(address[:400])
    return opened(found[1]) if found else None


def opened(text: str) -> int | None:
    """The number of the mail in a token, None unless we made it."""
    try:
        data = marks.data_of(text.strip()[:40])
    except ValueError:
        return None
    facts = data[: _FACTS.size]
    if len(data) != _FACTS.size + _MARK or not marks.same(_PURPOSE, facts, data[_FACTS.size :], _MARK):
        return None
    return int(_FACTS.unpack(facts)[0])
