"""`portal upgrade`: one at a time, a verified backup first, then version by version, each in a transaction of its own.

A process that is killed leaves a database of one version or the next, never between; the same command goes on from there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from flask import Flask, current_app

from portal.kernel import migrating
from portal.kernel.db import db
from portal.kernel.holding import held
from portal.kernel.keeping import backing
from portal.kernel.settings import Settings

ADVISORY = 7_411_202_611
"""The number of our lock on PostgreSQL; it belongs to the connection and goes with it."""


class NotUpgraded(Exception):
    """Nothing was changed; the text says why, for an operator."""


@dataclass(frozen=True)
class Wish:
    """Where the backup goes, and whether uploads are in it."""

    to: Path | None = None
    with_files: bool = True


def upgrade(app: Flask, backup: Wish | None, *, say: Callable[[str], object]) -> bool:
    """Bring the database to the program's version; false when it was there. Raises NotUpgraded, or SettingsError for a newer database."""
    with app.app_context():
        settings: Settings = current_app.extensions["settings"]
        if migrating.outdated() is None:
            return False
        with _alone(settings) as mine:
            if not mine:
                raise NotUpgraded("Another upgrade of this database is running. Wait for it: this one changed nothing.")
            found = migrating.outdated()  # whoever was before us may have done it
            if found is None:
                return False
            if backup is not None:
                say(f"Backup: {_backed_up(backup, found)}")
            for revision in migrating.steps(found):
                migrating.step_to(revision)
                say(f"Step {revision} is done.")
        return True


def _backed_up(wish: Wish, revision: str) -> Path:
    try:
        return backing.make(wish.to, before=revision, with_files=wish.with_files).path
    except backing.NotMade as error:
        raise NotUpgraded(f"There is no backup: {error}. So nothing was upgraded; --no-backup goes on without one.") from error


@contextmanager
def _alone(settings: Settings) -> Iterator[bool]:
    """Hold what only one upgrade can hold; the system or the server takes it back when the process ends, however it ends."""
    if settings.is_sqlite:
        with held(settings.sqlite_file.with_name("portal.upgrade.lock")) as mine:
            yield mine
        return
    with db.engine.connect() as connection:
        connection.execute(sa.select(sa.func.set_config("idle_in_transaction_session_timeout", "0", False)))
        mine = bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(ADVISORY))).scalar_one())
        connection.commit()
        try:
            yield mine
        finally:
            connection.invalidate()  # the session ends, and its lock with it
