"""Bringing a database to this program's version, from `portal upgrade` and from the commands that start an instance."""

import io
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from portal.kernel.db import db
from portal.kernel.places import find_places
from portal.kernel.settings import Settings, SettingsError

MISSING = "There is no database here yet. Run `portal init` first, or `portal demo` for a made-up company."


def config() -> Config:
    """Alembic's configuration for this copy of the program, with its remarks kept to itself."""
    made = Config(stdout=io.StringIO())
    made.set_main_option("script_location", str(find_places().migrations))
    made.set_main_option("path_separator", "os")
    return made


def revisions() -> tuple[str | None, str | None]:
    """The version of the database (None when it is empty) and of the program."""
    with db.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory.from_config(config()).get_current_head()


def require_current() -> None:
    """Raise SettingsError with what to do unless database and program are of one version; needs an application context."""
    found, wanted = revisions()
    if found is None:
        raise SettingsError(MISSING)
    if found != wanted:
        _known(found)
        raise SettingsError("The database is of an older version than this program. Run `portal upgrade`.")


def require_file(settings: Settings) -> None:
    """Raise SettingsError when the embedded database is not there; connecting to it would create it."""
    if settings.is_sqlite and not settings.sqlite_file.is_file():
        raise SettingsError(MISSING)


def outdated() -> str | None:
    """The version of a database that is older than the program; None when there is nothing to do. Raises SettingsError for a newer one, or none."""
    found, wanted = revisions()
    if found is None:
        raise SettingsError(MISSING)
    if found == wanted:
        return None
    _known(found)
    return found


def steps(revision: str) -> list[str]:
    """The versions an upgrade from ``revision`` goes through, in order."""
    scripts = ScriptDirectory.from_config(config()).iterate_revisions("head", revision)
    return [script.revision for script in reversed(list(scripts))]


def step_to(revision: str) -> None:
    """Go up to one version: whole or not at all. Needs an application context."""
    command.upgrade(config(), revision)


def upgrade(app: Flask, *, now: datetime) -> bool:
    """Bring the database to the program's version, after a copy of it on SQLite; true when there was something to do."""
    with app.app_context():
        found, wanted = revisions()
        if found == wanted:
            return False
        if found is not None:
            _known(found)
            _copy_first(app.extensions["settings"], found, now)
        command.upgrade(config(), "head")
        return True


def head() -> str | None:
    """The version of the program."""
    return ScriptDirectory.from_config(config()).get_current_head()


def known() -> frozenset[str]:
    """Every version of the database this program can start from."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(config()).walk_revisions())


def _known(revision: str) -> None:
    if revision not in known():
        raise SettingsError("The database is newer than this program. Install the newer version of Hearth; nothing was changed.")


def _copy_first(settings: Settings, revision: str, now: datetime) -> Path | None:
    if not settings.is_sqlite:
        return None  # PostgreSQL is backed up by its own tools; the operator guide says how
    source = settings.sqlite_file
    target = source.with_name(f"{source.stem}.before-upgrade-from-{revision}.{now:%Y%m%d-%H%M%S}.db")
    if shutil.disk_usage(source.parent).free < source.stat().st_size * 2:
        raise SettingsError(f"There is not enough room in {source.parent} to copy the database before the upgrade. Nothing was changed.")
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
    return target
