"""What must be noted although somebody only reads: kept beside the page, in a table and transaction of its own."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel.db import Identified, db, writing
from portal.kernel.errors import PortalError
from portal.kernel.unit_of_work import side_transaction

log = structlog.get_logger(__name__)


class Observation(Identified):
    """Somebody looked at something; never a change of it."""

    __tablename__ = "observations"
    __table_args__ = (sa.Index("ix_observations_subject", "subject_kind", "subject_id", "id"),)

    kind: Mapped[str] = mapped_column(sa.String(60))
    person_id: Mapped[int | None]
    subject_kind: Mapped[str] = mapped_column(sa.String(60))
    subject_id: Mapped[int]
    at: Mapped[datetime]


_lately: dict[tuple[Any, ...], datetime] = {}
_guard = threading.Lock()


def note(kind: str, *, person_id: int | None, subject: tuple[str, int], at: datetime, every: int = 300) -> None:
    """Keep one row, at most every ``every`` seconds for the same reader and thing.

    Zero means always and before the answer: nobody reads what could not be noted. Where something is being changed anyway, the note
    belongs to that change.
    """
    row = {"kind": kind, "person_id": person_id, "subject_kind": subject[0], "subject_id": subject[1], "at": at}
    if every:
        beside((kind, person_id, *subject), lambda session: _keep(session, row), at=at, every=every)
        return
    if writing.get():
        _keep(db.session(), row)
        return
    with side_transaction() as session:
        _keep(session, row)


def _keep(session: Session, row: dict[str, Any]) -> None:
    session.execute(sa.insert(Observation).values(**row))


def beside(key: tuple[Any, ...], work: Callable[[Session], None], *, at: datetime, every: int = 300) -> None:
    """Run ``work`` in a transaction beside the page, at most every ``every`` seconds; a busy or full database skips it."""
    if not due(key, at, every):
        return
    if writing.get():
        work(db.session())
        return
    try:
        with side_transaction() as session:
            work(session)
    except PortalError as error:
        # Reading goes on while nothing can be written.
        log.warning("not noted", about=key[0], error=type(error).__name__)
        forget(key)


def due(key: tuple[Any, ...], at: datetime, every: int) -> bool:
    """True when ``key`` was not noted within ``every`` seconds; marks it as noted."""
    with _guard:
        last = _lately.get(key)
        if last is not None and at - last < timedelta(seconds=every):
            return False
        if len(_lately) > 20_000:
            _lately.clear()
        _lately[key] = at
        return True


def forget(key: tuple[Any, ...]) -> None:
    """Let ``key`` be noted again at once."""
    with _guard:
        _lately.pop(key, None)
