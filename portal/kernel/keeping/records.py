"""What became of each backup, for `portal doctor`, the health page and whoever asks when the last one was."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, health, quarantine
from portal.kernel.db import Identified, db
from portal.kernel.settings import Settings
from portal.kernel.unit_of_work import side_transaction

KEPT = timedelta(days=400)
LATE = timedelta(hours=36)
"""A daily backup that is older than this did not happen."""


class Backup(Identified):
    """One backup that ended, well or not; ``begun_at`` is the moment whose data it holds."""

    __tablename__ = "backups"

    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    place: Mapped[str] = mapped_column(sa.String(500))
    size: Mapped[int] = mapped_column(sa.BigInteger)
    files: Mapped[int]
    error: Mapped[str | None] = mapped_column(sa.String(500))


def note(*, begun_at: datetime, ended_at: datetime, place: str, size: int = 0, files: int = 0, error: str | None = None) -> None:
    """Write down what became of a backup, in a transaction of its own."""
    with side_transaction() as session:
        session.add(Backup(begun_at=begun_at, ended_at=ended_at, place=place[-500:], size=size, files=files, error=error and error[:500]))
        session.execute(sa.delete(Backup).where(Backup.ended_at < ended_at - KEPT))


@dataclass(frozen=True)
class Latest:
    """The newest backup, and the newest that was verified; often they are one."""

    newest: Backup | None = None
    good: Backup | None = None


def latest() -> Latest:
    """Both in one statement."""
    ids = (sa.select(sa.func.max(Backup.id)), sa.select(sa.func.max(Backup.id)).where(Backup.error.is_(None)))
    rows = db.session.scalars(sa.select(Backup).where(sa.or_(*(Backup.id == one.scalar_subquery() for one in ids))).order_by(Backup.id.desc())).all()
    return Latest(rows[0] if rows else None, next((row for row in rows if row.error is None), None))


def in_words(found: Latest, now: datetime) -> str:
    """When the last good backup was, and what went wrong since: "7 h ago, verified"."""
    words = "there is none yet" if found.good is None else f"{_age(now - found.good.begun_at)} ago, verified"
    if found.newest is not None and found.newest.error is not None:
        words += f"; the one {_age(now - found.newest.ended_at)} ago failed: {found.newest.error}"
    return words


def _age(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


@health.watch("last backup")
def _said() -> str:
    # An old backup is no reason to send people away from a portal that works, so readiness does not ask for it.
    settings: Settings = current_app.extensions["settings"]
    now, found = clock.now(), latest()
    if settings.backup_to and not quarantine.shown() and (found.good is None or now - found.good.begun_at > LATE):
        raise health.Unwell(in_words(found, now))
    return in_words(found, now)


@health.watch("quarantine")
def _quarantined() -> str | None:
    mark = quarantine.mark() if quarantine.shown() else None
    return None if mark is None else f"this is a copy of {mark.backup_at:%Y-%m-%d %H:%M} UTC, and nothing leaves it until it is released"
