"""Marks that only this instance can make: the keyed hash behind addresses and ids that prove where they come from."""

import hashlib
import hmac
from base64 import b32decode, b32encode

from flask import current_app


def mark(purpose: str, facts: bytes, size: int) -> bytes:
    """``size`` bytes of HMAC-SHA256 over ``facts``; the key is the instance's secret, one for each purpose."""
    secret = current_app.secret_key
    if not secret:
        raise RuntimeError("there is no secret key to sign with")
    key = hashlib.sha256(f"hearth.{purpose}\0".encode() + (secret if isinstance(secret, bytes) else secret.encode())).digest()
    return hmac.new(key, facts, hashlib.sha256).digest()[:size]


def same(purpose: str, facts: bytes, given: bytes, size: int) -> bool:
    """True when ``given`` is the mark of ``facts``; takes equally long for every answer."""
    return hmac.compare_digest(given, mark(purpose, facts, size))


def letters(data: bytes) -> str:
    """Bytes as small letters and digits: mail servers may change the case of an address, so case carries nothing."""
    return b32encode(data).decode("ascii").rstrip("=").lower()


def data_of(text: str) -> bytes:
    """The bytes of :func:`letters`; raises ValueError for anything else."""
    return b32decode(text.upper() + "=" * (-len(text) % 8))
