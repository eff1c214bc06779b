"""What sources of mail remember between their runs, as rows of ``heartbeats``: a name of at most 40 letters and an instant."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from portal.kernel import jobs
from portal.kernel.db import db
from portal.kernel.health import Heartbeat


def note(name: str, at: datetime) -> None:
    """Write a note, or renew it."""
    if not jobs.insert_once(Heartbeat, name=name, at=at):
        _changed(sa.update(Heartbeat).where(Heartbeat.name == name).values(at=at))


def note_once(name: str, at: datetime) -> bool:
    """Write a note that stays as it is; false when it was there before."""
    return jobs.insert_once(Heartbeat, name=name, at=at)


def known(prefix: str) -> dict[str, datetime]:
    """The notes whose names begin so."""
    query = sa.select(Heartbeat.name, Heartbeat.at).where(Heartbeat.name.startswith(prefix, autoescape=True)).order_by(Heartbeat.name)
    return {row.name: row.at for row in db.session.execute(query)}


def drop(names: Iterable[str]) -> None:
    """Remove notes."""
    gone = list(names)
    for start in range(0, len(gone), 500):
        _changed(sa.delete(Heartbeat).where(Heartbeat.name.in_(gone[start : start + 500])))


def take_lease(name: str, now: datetime, length: timedelta) -> datetime | None:
    """Take a turn that only one holds at a time; its end, which is also what proves it, or None while somebody else has it."""
    end = now + length
    if jobs.insert_once(Heartbeat, name=name, at=end):
        return end
    return end if _changed(sa.update(Heartbeat).where(Heartbeat.name == name, Heartbeat.at <= now).values(at=end)) else None


def give_lease(name: str, end: datetime, now: datetime) -> bool:
    """Give a turn back at ``now``; false when it ran out and somebody else took it."""
    return _changed(sa.update(Heartbeat).where(Heartbeat.name == name, Heartbeat.at == end).values(at=now))


def _changed(statement: sa.Update | sa.Delete) -> bool:
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return bool(getattr(result, "rowcount", 0))
