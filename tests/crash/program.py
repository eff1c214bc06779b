"""`portal` as it is, with a few pages and jobs for crash tests: ``python -m tests.crash.program serve``.

The pages stand behind the same edge, the jobs in the same queue, the server and the worker are the real ones.
"""

import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from flask import Flask, render_template_string, request

import portal.app
from portal.cli import main
from portal.kernel import activity, clock, jobs, migrating, policy, web
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.observe import Observation
from portal.kernel.settings import Settings

pages = web.Blueprint("crash", __name__, url_prefix="/crash")


@dataclass(frozen=True)
class Pinned:
    """A number was pinned."""

    event: ClassVar[str] = "crash.pinned"
    number: int


def note(kind: str, number: int) -> None:
    """A row that says what happened; twice is two rows."""
    row = {"kind": kind, "person_id": os.getpid(), "subject_kind": "crash", "subject_id": number, "at": clock.now()}
    db.session.execute(sa.insert(Observation).values(**row))


@pages.get("/form")
@policy.public
def form() -> str:
    """The form that is sent over and over."""
    return render_template_string("<form>{{ form_guard() }}</form>")


@pages.post("/pin")
@policy.public
def pin() -> Any:
    """Keep the number, and let a reaction follow."""
    number = int(request.form["number"])
    note("pinned", number)
    activity.record(Pinned(number), actor=policy.current(), subject=("crash", number), at=clock.now())
    return web.see_other("crash.form", number=number)


@pages.post("/slow")
@policy.public
def slow() -> Any:
    """Take a while, and keep the number."""
    note("begun", 1)
    time.sleep(float(request.form["seconds"]))
    return web.see_other("crash.form", number=1)


@pages.get("/waiting")
@policy.public
def waiting() -> str:
    """Take a while to read."""
    time.sleep(float(request.args["seconds"]))
    return "done"


@activity.on(Pinned)
def follow(event: Pinned, entry: Activity) -> None:
    """What happens because of a number."""
    note("followed", event.number)


@jobs.job("crash.count")
def count(number: int) -> None:
    """One of many."""
    note("counted", number)


@jobs.job("crash.long")
def long(marker: str) -> None:
    """The first time it never ends; the marker tells that it began."""
    note("worked", 1)
    if not Path(marker).exists():
        Path(marker).touch()
        time.sleep(600)


def with_pages(build: Any) -> Any:
    """The application factory, and then the pages."""

    def create_app(settings: Settings) -> Flask:
        app: Flask = build(settings)
        app.register_blueprint(pages)
        return app

    return create_app


def newer_migrations() -> None:
    """Become the next version of the program, whose migrations lie where HEARTH_TEST_MIGRATIONS says."""
    if folder := os.environ.get("HEARTH_TEST_MIGRATIONS"):
        here = migrating.find_places()
        migrating.find_places = lambda: replace(here, migrations=Path(folder))


if __name__ == "__main__":
    newer_migrations()
    portal.app.create_app = with_pages(portal.app.create_app)
    sys.exit(main())
