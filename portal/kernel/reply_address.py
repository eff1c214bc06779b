"""Addresses that say what an answer is about: ``reply+TOKEN@domain``, signed, one for each person and thing.

The token is kind, number and person in ten bytes and eleven of HMAC-SHA256, written in base32: mail servers may change the
case of a local part, so case carries nothing. It never expires, because people answer old mail.
"""

import re
from dataclasses import dataclass
from struct import Struct

from flask import current_app

from portal.kernel import marks
from portal.kernel.mail_message import domain
from portal.kernel.settings import Settings

KINDS = {"desk.request": 1}
"""Things that can be answered by mail, by the number that stands in the token; never reuse one."""
_FACTS = Struct("!BIIB")
_MARK = 11
"""Bytes of signature; 88 bits cannot be guessed over mail."""
_PURPOSE = "reply-address"
_TOKEN = re.compile(r"(?i)\breply\+([a-z2-7]{34})@")
_LINE = re.compile(r"(?i)\[ref:\s*([a-z2-7]{34})\s*\]")


@dataclass(frozen=True)
class ReplyTo:
    """What an answer is about, and who was asked."""

    kind: str
    subject_id: int
    person_id: int


def make(kind: str, subject_id: int, person_id: int) -> str:
    """The address for a person's answers about a thing."""
    return spelled(token(kind, subject_id, person_id))


def spelled(signed: str) -> str:
    """The address that a token stands in."""
    settings: Settings = current_app.extensions["settings"]
    return f"reply+{signed}@{domain(settings)}"


def token(kind: str, subject_id: int, person_id: int) -> str:
    """The signed part, in small letters."""
    facts = _FACTS.pack(KINDS[kind], subject_id, person_id, 0)
    return marks.letters(facts + marks.mark(_PURPOSE, facts, _MARK))


def read(address: str) -> ReplyTo | None:
    """What an address says; None for a forged, foreign or garbled one."""
    found = _TOKEN.search(address[:400])
    return _opened(found[1]) if found else None


def tokens_in(text: str) -> tuple[ReplyTo, ...]:
    """The same from the lines ``[ref:...]`` in a quoted mail, the newest first; only genuine ones."""
    return tuple(known for one in _LINE.findall(text[:500_000])[:20] if (known := _opened(one)))


def without(text: str) -> str:
    """Text without signed lines and addresses: who reads them could write in the name of whom they were made for."""
    return _TOKEN.sub("reply@", _LINE.sub("", text))


def _opened(letters: str) -> ReplyTo | None:
    try:
        data = marks.data_of(letters)
    except ValueError:
        return None
    facts = data[: _FACTS.size]
    if len(data) != _FACTS.size + _MARK or not marks.same(_PURPOSE, facts, data[_FACTS.size :], _MARK):
        return None
    number, subject_id, person_id, _ = _FACTS.unpack(facts)
    kind = next((name for name, code in KINDS.items() if code == number), None)
    return ReplyTo(kind, subject_id, person_id) if kind else None
