"""The only place that makes and checks tokens: random, hashed at rest, bound to a purpose and an owner, short-lived, used once.

Single-use links (invitation, password reset) are rows. Short-lived addresses that need no row (uploads) are signed values.
"""

import hashlib
import hmac
import secrets
from base64 import b32encode
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app
from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, jobs
from portal.kernel.db import Identified, db
from portal.kernel.errors import Refusal
from portal.kernel.messages import say

SIZE = 32
"""Random bytes in a token."""
LONGEST = 200
"""Characters; anything longer was not made here and is not worth hashing."""
KEEP = timedelta(days=30)
"""How long a spent or expired row stays, so that support can see what happened to a link."""


class Token(Identified):
    """One single-use link; the plain text exists only in the mail it was sent with."""

    __tablename__ = "tokens"
    __table_args__ = (sa.Index("ix_tokens_owner_id_purpose", "owner_id", "purpose"),)

    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    purpose: Mapped[str] = mapped_column(sa.String(40))
    owner_id: Mapped[int]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


def new() -> tuple[str, str]:
    """A fresh token: its plain text (43 URL-safe characters) and the SHA-256 digest to store (64 hex characters)."""
    plain = secrets.token_urlsafe(SIZE)
    return plain, digest(plain)


def typeable() -> str:
    """A fresh secret for people to type: 80 random bits as sixteen small letters and digits (base32)."""
    return b32encode(secrets.token_bytes(10)).decode().lower()


def digest(plain: str) -> str:
    """SHA-256 of a token in hex; enough for 256 random bits."""
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()


def matches(plain: str | None, stored: str | None) -> bool:
    """True when ``plain`` belongs to the digest ``stored``; constant time, and nothing empty ever matches."""
    if not plain or not stored or len(plain) > LONGEST:
        return False
    return hmac.compare_digest(digest(plain), stored)


def issue(purpose: str, owner_id: int, *, lifetime: timedelta, now: datetime, data: dict[str, Any] | None = None) -> str:
    """Make a single-use token and return its plain text, which is shown once and stored nowhere."""
    plain, hashed = new()
    db.session.add(Token(digest=hashed, purpose=purpose, owner_id=owner_id, data=data or {}, created_at=now, expires_at=now + lifetime))
    db.session.flush()
    return plain


def spend(plain: str, purpose: str, now: datetime) -> Token:
    """Use a token up; of many tries at once exactly one succeeds, the others get a Refusal that does not say why."""
    row = None
    if plain and len(plain) <= LONGEST:
        use = sa.update(Token).where(_live(plain, purpose, now)).values(used_at=now).returning(Token)
        row = db.session.scalars(use, execution_options={"synchronize_session": False, "populate_existing": True}).first()
    if row is None:
        raise Refusal(say("This link has been used already or is too old. Ask for a new one."))
    return row


def peek(plain: str, purpose: str, now: datetime) -> Token | None:
    """The live token behind ``plain`` without using it up, for the page that asks before it acts."""
    if not plain or len(plain) > LONGEST:
        return None
    return db.session.scalars(sa.select(Token).where(_live(plain, purpose, now))).first()


def revoke(owner_id: int, purpose: str) -> int:
    """Take back every open token of an owner (a newer one was sent, the address changed); the number taken back."""
    ours = sa.delete(Token).where(Token.owner_id == owner_id, Token.purpose == purpose, Token.used_at.is_(None))
    return int(getattr(db.session.execute(ours), "rowcount", 0))


def _live(plain: str, purpose: str, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(Token.digest == digest(plain), Token.purpose == purpose, Token.used_at.is_(None), Token.expires_at > now)


@jobs.daily("03:30", name="kernel.tokens.forget")
def forget() -> None:
    """Links that ran out long ago are deleted."""
    db.session.execute(sa.delete(Token).where(Token.expires_at < clock.now() - KEEP))


class _Signer(TimestampSigner):
    """Stamps with the portal's clock, so that tests and jumps of the machine's clock have one place to look at."""

    def get_timestamp(self) -> int:
        return int(clock.now().timestamp())


def sign(purpose: str, value: Any, *, secret: str | None = None) -> str:
    """``value`` (JSON) as URL-safe text that only this portal can have made, stamped with the current time."""
    return str(_serializer(purpose, secret).dumps(value))


def unsign(purpose: str, text: str, max_age: timedelta, *, secret: str | None = None) -> Any:
    """The value behind ``text``; None when it is forged, for another purpose, or older than ``max_age``."""
    try:
        return _serializer(purpose, secret).loads(text, max_age=int(max_age.total_seconds()))
    except BadData:
        return None


def _serializer(purpose: str, secret: str | None) -> URLSafeTimedSerializer:
    key = secret or current_app.secret_key
    if not key:
        raise RuntimeError("there is no secret key to sign with")
    return URLSafeTimedSerializer(key, salt=f"hearth.{purpose}", signer=_Signer, signer_kwargs={"digest_method": hashlib.sha256})
