"""Sessions as rows: the cookie holds a random token, the row can be ended, and an old cookie opens nothing.

The token travels as Flask-Login's user id inside Flask's signed cookie, which also holds the form token and
one-time messages; nothing about a person is in it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask, session
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, jobs, tokens
from portal.kernel.db import Identified, db
from portal.kernel.settings import Settings

IDLE, ABSOLUTE = timedelta(days=7), timedelta(days=30)
IDLE_STRICT, ABSOLUTE_STRICT = timedelta(hours=1), timedelta(hours=24)
"""Administrators and HR: NIST SP 800-63B-4, AAL2."""
FRESH = timedelta(minutes=15)


class PortalSession(Identified):
    """One signed-in browser of one person."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    person_id: Mapped[int] = mapped_column(index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    stepped_up_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    idle_seconds: Mapped[int]
    device: Mapped[str] = mapped_column(sa.String(120))
    address: Mapped[str] = mapped_column(sa.String(60))
    ended_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Found:
    """A live session."""

    id: int
    person_id: int
    seen_at: datetime
    stepped_up_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """True when the person proved who they are a moment ago."""
        return now - self.stepped_up_at <= FRESH


def start(person_id: int, *, now: datetime, device: str, address: str, strict: bool = False) -> str:
    """Open a session and return the token for the cookie; any earlier page session is forgotten (a new id at sign-in)."""
    plain, digest = tokens.new()
    db.session.add(
        PortalSession(
            digest=digest,
            person_id=person_id,
            created_at=now,
            seen_at=now,
            stepped_up_at=now,
            expires_at=now + (ABSOLUTE_STRICT if strict else ABSOLUTE),
            idle_seconds=int((IDLE_STRICT if strict else IDLE).total_seconds()),
            device=device[:120],
            address=address[:60],
        )
    )
    db.session.flush()
    session.clear()
    return plain


COLUMNS = (
    PortalSession.id.label("session_id"),
    PortalSession.person_id.label("session_person_id"),
    PortalSession.seen_at,
    PortalSession.stepped_up_at,
    PortalSession.expires_at,
    PortalSession.idle_seconds,
)
"""What ``judged`` needs of a session, for queries that read its owner in the same statement."""


def digest_of(token: str) -> str:
    """What the row of this token carries; for a token that we never made, what no row carries."""
    return tokens.digest(token) if token and len(token) <= 200 else ""


def held_by(digest: Any) -> sa.ColumnElement[bool]:
    """SQL: the session with this digest, unless it was ended."""
    return sa.and_(PortalSession.digest == digest, PortalSession.ended_at.is_(None))


def judged(row: Any, now: datetime) -> Found | None:
    """The session of a row with ``COLUMNS``; None when there is no row, or it expired or idled out."""
    if row is None or now >= row.expires_at or now - row.seen_at > timedelta(seconds=row.idle_seconds):
        return None
    return Found(row.session_id, row.session_person_id, row.seen_at, row.stepped_up_at)


def find(token: str, now: datetime) -> Found | None:
    """The live session of a token; None when it ended, expired or idled out. One statement."""
    return judged(db.session.execute(sa.select(*COLUMNS).where(held_by(digest_of(token)))).first(), now)


def step_up(session_id: int, now: datetime) -> str:
    """Note that the person proved who they are just now; the new token of the session, since the old one is worth less."""
    plain, digest = tokens.new()
    db.session.execute(sa.update(PortalSession).where(PortalSession.id == session_id).values(digest=digest, stepped_up_at=now))
    return plain


def live(person_id: int, now: datetime) -> list[PortalSession]:
    """A person's open sessions, the newest first."""
    query = sa.select(PortalSession).where(PortalSession.person_id == person_id, PortalSession.ended_at.is_(None), PortalSession.expires_at > now)
    return list(db.session.scalars(query.order_by(PortalSession.seen_at.desc()).limit(100)))


def end(person_id: int, session_id: int, now: datetime) -> bool:
    """End one session of a person; false when there is no such open one."""
    ours = sa.update(PortalSession).where(PortalSession.id == session_id, PortalSession.person_id == person_id, PortalSession.ended_at.is_(None))
    return bool(getattr(db.session.execute(ours.values(ended_at=now)), "rowcount", 0) == 1)


def end_all(person_id: int, now: datetime, *, but: int | None = None) -> int:
    """End a person's sessions everywhere, except perhaps the one in use; the number ended."""
    ours = sa.update(PortalSession).where(PortalSession.person_id == person_id, PortalSession.ended_at.is_(None))
    if but is not None:
        ours = ours.where(PortalSession.id != but)
    return int(getattr(db.session.execute(ours.values(ended_at=now)), "rowcount", 0))


@jobs.daily("03:20", name="kernel.sessions.forget")
def forget() -> None:
    """Ended sessions are kept 90 days for the list of sign-ins, then go."""
    old = clock.now() - timedelta(days=90)
    db.session.execute(sa.delete(PortalSession).where(PortalSession.expires_at < old))


def setup(app: Flask, settings: Settings) -> None:
    """Name and attributes of the cookie; on plain http at a loopback address prefix and Secure are dropped (Safari)."""
    app.config.update(
        SESSION_COOKIE_NAME="__Host-portal" if settings.secure else "portal",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=ABSOLUTE,
        SESSION_REFRESH_EACH_REQUEST=False,
    )
