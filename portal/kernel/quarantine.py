"""A restored copy is in quarantine until somebody releases it: people may look, and nothing leaves the portal.

The mark is a row in the restored database itself, so it survives restarts and holds for every process that uses the database, web or
worker, on whichever machine. Whoever would act on the outside world asks here; nobody else keeps a flag of their own.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import g, has_app_context
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, db, writing

WORDS = "This is a restored copy that nobody released yet, so nothing leaves it."
SETTLED = ("kernel.react",)
"""Jobs that may run when they are older than the backup: what follows inside the portal from changes that are in it. Their mail waits."""


class Quarantine(Base):
    """The mark: while its one row is there, nothing leaves. ``backup_at`` is the moment whose data this is."""

    __tablename__ = "quarantine"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    backup_at: Mapped[datetime]
    restored_at: Mapped[datetime]
    archive: Mapped[str] = mapped_column(sa.String(500))


def holds() -> sa.ColumnElement[bool]:
    """SQL: this database is in quarantine."""
    return sa.exists(sa.select(sa.literal(1)).select_from(Quarantine))


def may_run(name: Any, created_at: Any) -> sa.ColumnElement[bool]:
    """SQL: a job of this name, written at this time, may run now."""
    since = sa.select(Quarantine.backup_at).scalar_subquery()
    return sa.or_(~holds(), sa.and_(name.in_(SETTLED), created_at <= since))


def is_on() -> bool:
    """True when nothing may leave. Asks on a connection of its own, so that no transaction stays open behind it."""
    if not has_app_context():
        return False
    # Inside a unit of work a connection would ask for the writers' lock, which that unit holds itself, and wait for its end.
    reading = writing.set(False)
    try:
        with db.engine.connect() as connection:
            return bool(connection.scalar(sa.select(holds())))
    finally:
        writing.reset(reading)


def mark() -> Quarantine | None:
    """Where this copy comes from; None when it is not in quarantine."""
    return db.session.get(Quarantine, 1)


def shown() -> bool:
    """True when pages must say it. The statement that knows the reader brings the answer along; a stranger's page asks."""
    if "quarantined" not in g:
        try:
            g.quarantined = is_on()
        except SQLAlchemyError:
            return False  # the page that says so must not fail for the same reason
    return bool(g.quarantined)
