"""Codes of an authenticator app: RFC 6238 over HMAC-SHA-1, six digits, thirty seconds, as every app knows them. Pure."""

import hashlib
import hmac
from base64 import b32encode
from datetime import datetime
from struct import pack
from urllib.parse import quote, urlencode

PERIOD = 30
"""Seconds a code is shown."""
DIGITS = 6
DRIFT = 1
"""Steps before and after now that still count: clocks of phones differ."""


def step_at(now: datetime) -> int:
    """The number of the thirty seconds that ``now`` lies in."""
    return int(now.timestamp()) // PERIOD


def code(seed: bytes, step: int) -> str:
    """The digits an app shows in this step (RFC 4226, section 5.3)."""
    mark = hmac.new(seed, pack(">Q", step), hashlib.sha1).digest()
    place = mark[-1] & 15
    number = int.from_bytes(mark[place : place + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_step(seed: bytes, typed: str, now: datetime, *, after: int) -> int | None:
    """The step ``typed`` belongs to; None when it is wrong, or as old as a code that was used (``after``)."""
    today = step_at(now)
    found = [step for step in range(today - DRIFT, today + DRIFT + 1) if hmac.compare_digest(code(seed, step).encode(), typed.encode())]
    return max((step for step in found if step > after), default=None)


def seed_of(key: str, nonce: str, person_id: int) -> bytes:
    """Twenty bytes that only who holds the instance's key and the row can work out, so that no seed is ever stored."""
    return hmac.new(key.encode(), f"hearth.second-factor:{person_id}:{nonce}".encode(), hashlib.sha256).digest()[:20]


def spelled(seed: bytes) -> str:
    """The seed in groups of four, to type where no camera is at hand."""
    text = b32encode(seed).decode()
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def address(seed: bytes, *, company: str, account: str) -> str:
    """What the picture says to an app: an ``otpauth`` address."""
    label = quote(f"{company}:{account}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': b32encode(seed).decode(), 'issuer': company}, quote_via=quote)}"
