"""Whether the server that took a mail vouches for its sender: ``Authentication-Results`` (RFC 8601) of the one server that is believed.

Anybody can write such a line into a mail. Only the topmost one of the server that the settings name counts, and that server must be
one that takes away lines in its own name which it did not write.
"""

import re
from collections.abc import Sequence

LONGEST = 4000
_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"^\s*([a-z0-9-]{1,40})\s*=\s*([a-z]{1,20})\b(.*)$", re.IGNORECASE | re.DOTALL)
_PROPERTY = re.compile(r"\b([a-z]{1,20}\.[a-z-]{1,40})\s*=\s*\"?([^\s;\"]{1,320})", re.IGNORECASE)


def vouched(lines: Sequence[str], server: str, address: str) -> bool | None:
    """True when the server says that a mail comes from ``address``, False when it says it does not, None when it says nothing of use."""
    words = next((one for line in lines if (one := _words(line))[0] == server.casefold()), None) if server and "@" in address else None
    if words is None:
        return None
    said = [_one(result, address.casefold()) for result in words[1:]]
    if True in said:
        return True
    return False if False in said else None


def _words(line: str) -> list[str]:
    """The name of the server in small letters, then its results."""
    plain = line[:LONGEST]
    for _ in range(5):
        plain = _COMMENT.sub(" ", plain)
    parts = plain.split(";")
    name = parts[0].split()
    return [name[0].casefold() if name else "", *parts[1:]]


def _one(result: str, address: str) -> bool | None:
    found = _RESULT.match(result)
    if found is None:
        return None
    method, verdict = found[1].lower(), found[2].lower()
    facts = {name.lower(): value.lower() for name, value in _PROPERTY.findall(found[3])}
    if method == "dmarc":
        return _of_dmarc(verdict, facts, address)
    if verdict != "pass":
        return None
    domain = address.rpartition("@")[2]
    if method == "dkim":
        signed = facts.get("header.d") or facts.get("header.i", "").rpartition("@")[2]
        return True if signed and (domain == signed or domain.endswith(f".{signed}")) and "." in signed else None
    if method == "spf":
        return True if facts.get("smtp.mailfrom", "").rpartition("@")[2] == domain else None
    return True if method == "auth" and address in (facts.get("smtp.auth"), facts.get("smtp.mailfrom")) else None


def _of_dmarc(verdict: str, facts: dict[str, str], address: str) -> bool | None:
    named = facts.get("header.from", address.rpartition("@")[2]).rpartition("@")[2]
    if verdict == "fail":
        return False
    return True if verdict == "pass" and named == address.rpartition("@")[2] else None
