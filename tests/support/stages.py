"""One application on one database, used by test after test, each on a fresh copy of a template."""

import logging
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import time_machine
from flask import Flask

from portal.kernel.db import db
from portal.kernel.settings import Settings, load
from tests.support import databases
from tests.support.migrating import upgrade
from tests.support.story import STORY

KEY = "a-key-for-tests-only-0123456789abcdef"
COMPANY = {"company": "Marlow Cycles", "zone": "Europe/Berlin", "country": "DE", "phone": "+49 30 555 0100", "secret_key": KEY, "log_level": "ERROR"} | {
    "second_factor": "optional"
}
"""Settings of the story's company, in this process and in live servers."""


@dataclass
class Stage:
    """One application on one database, used by test after test, each on a fresh copy of its template."""

    app: Flask
    settings: Settings
    templates: databases.Templates
    database: databases.Database
    worlds: dict[str, Any] = field(default_factory=dict)


def make_database(kind: str, shared: Path, worker: str, folder: Path) -> databases.Database:
    """A database of this kind for this worker."""
    if kind == databases.SQLITE:
        return databases.Sqlite(folder)
    return databases.Postgres(databases.shared_server(shared, int(os.environ["HEARTH_TEST_OWNER"])), worker)


def make_settings(folder: Path, url: str, **changes: Any) -> Settings:
    """Settings as the tests want them: the story's company on a loopback address, no worker thread."""
    values: dict[str, Any] = {"instance": folder, "database_url": url, "base_url": "http://127.0.0.1:8000", "worker": False, **COMPANY}
    return load({}, **(values | changes))


def raise_stage(folder: Path, database: databases.Database) -> Stage:
    """Build the application on this database and the template without rows."""
    from portal.app import create_app

    settings = make_settings(folder, database.url)
    app = create_app(settings)
    app.testing = True
    unplug_logs()
    stage = Stage(app, settings, databases.Templates(database, lambda: disconnect(app)), database)
    stage.templates.ensure("empty", lambda: migrate(app))
    return stage


def unplug_logs() -> None:
    """Take the portal's own log outputs off: they hold on to a captured stream and to files that tests remove. pytest's stay."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if getattr(handler, "hearth", False):
            root.removeHandler(handler)
            handler.close()


def migrate(app: Flask) -> None:
    """Bring the database of ``app`` to the newest version."""
    with app.app_context():
        upgrade()


def build_world(stage: Stage) -> str:
    """Make the template with the named company, once per stage; returns its name."""

    def build() -> None:
        from tests.support.world import build

        with time_machine.travel(STORY, tick=False), stage.app.app_context():
            stage.worlds["world"] = build()

    stage.templates.ensure("world", build, base="empty")
    return "world"


def clear_files(instance: Path) -> None:
    """Remove the uploads of the test before."""
    for path in instance.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def disconnect(app: Flask) -> None:
    """Close every connection, so that the database can be replaced."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def close(app: Flask) -> None:
    """Give back what an application holds open: connections and the lock file between processes."""
    disconnect(app)
    unplug_logs()
    turn = app.extensions.get("write_turn")
    file = getattr(turn, "_file", None)
    if file is not None:
        file.close()
