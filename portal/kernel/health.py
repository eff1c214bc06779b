"""Is the portal well? Checks answer within a second and feed /livez and /readyz; invariants read everything and feed `portal doctor`.

Features register their own with :func:`check` and :func:`invariant`; nothing here knows them.
"""

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, jobs, quarantine
from portal.kernel.db import Base, db
from portal.kernel.settings import Settings
from portal.kernel.unit_of_work import side_transaction

F = TypeVar("F", bound=Callable[[], str])
W = TypeVar("W", bound=Callable[[], str | None])
I = TypeVar("I", bound=Callable[[], list[str]])  # noqa: E741 - beside F it reads as what it is
FRESH = 10.0
"""Seconds an answer is kept: health is asked often and the write test is a real write."""
SPACE = 200 * 1024**2
SHARE = 0.1
LATE = timedelta(minutes=10)
SKEW = timedelta(minutes=1)
HELD = ("jobs", "mail")
"""Checks of what stands still in quarantine, as it should."""

log = structlog.get_logger(__name__)


class Unwell(Exception):
    """A check found something wrong; the text says what, for an operator."""


@dataclass(frozen=True)
class Check:
    """The answer of one check."""

    name: str
    ok: bool
    detail: str


class Heartbeat(Base):
    """The newest successful write test."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    at: Mapped[datetime]


_checks: dict[str, Callable[[], str]] = {}
_watched: dict[str, Callable[[], str | None]] = {}
_invariants: dict[str, Callable[[], list[str]]] = {}


def check(name: str) -> Callable[[F], F]:
    """Register a quick check: it returns a short detail, or raises :class:`Unwell`."""

    def keep(function: F) -> F:
        _checks[name] = function
        return function

    return keep


def watch(name: str) -> Callable[[W], W]:
    """Register a look at what the portal can serve without: it returns a short detail or None while not in use, or raises :class:`Unwell`."""

    def keep(function: W) -> W:
        _watched[name] = function
        return function

    return keep


def invariant(name: str) -> Callable[[I], I]:
    """Register a truth that always holds: the function returns one line for each row that breaks it."""

    def keep(function: I) -> I:
        _invariants[name] = function
        return function

    return keep


_guard = threading.Lock()


def readiness(app: Flask) -> list[Check]:
    """Every check's answer, at most ten seconds old; one thread asks, the others read what it found."""
    with _guard:
        asked, answers = app.extensions.get("readiness", (0.0, []))
        if not answers or time.monotonic() - asked > FRESH:
            with app.app_context():
                answers = [_answer(name, function) for name, function in _checks.items()]
            app.extensions["readiness"] = (time.monotonic(), answers)
        return list(answers)


def watched() -> list[Check]:
    """What is to be said about all that is watched and in use. Needs an application context."""
    return [answer for name, function in _watched.items() if (answer := _answer(name, function)).detail]


def _answer(name: str, function: Callable[[], str | None]) -> Check:
    try:
        if name in HELD and quarantine.is_on():
            return Check(name, True, "held: a restored copy waits until it is released")
        return Check(name, True, function() or "")
    except Unwell as error:
        return Check(name, False, str(error))
    except Exception as error:
        log.exception("health check failed", check=name)
        return Check(name, False, type(error).__name__)
    finally:
        db.session.remove()


def broken() -> dict[str, list[str]]:
    """The lines of every invariant by name; an empty list is a truth that holds. Needs an application context."""
    found = {}
    for name, function in _invariants.items():
        found[name] = function()
        db.session.rollback()
    return found


@check("database")
def _can_write() -> str:
    now = clock.now()
    with side_transaction() as session:
        last = session.scalar(sa.select(Heartbeat.at).where(Heartbeat.name == "write"))
        if last is None:
            session.add(Heartbeat(name="write", at=now))
        else:
            session.execute(sa.update(Heartbeat).where(Heartbeat.name == "write").values(at=now))
    if last is not None and last - now > SKEW:
        raise Unwell(f"this machine's clock went back, from {last:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC")
    return "written"


@check("migrations")
def _at_head() -> str:
    from portal.kernel import migrating

    found, expected = migrating.revisions()
    if found != expected:
        raise Unwell(f"the database is at {found or 'nothing'}, the program expects {expected}: run `portal upgrade`")
    return str(found)


@check("disk")
def _has_room() -> str:
    settings: Settings = current_app.extensions["settings"]
    usage = shutil.disk_usage(Path(settings.instance))
    share = usage.free / usage.total
    text = f"{usage.free / 1024**3:.1f} GB free ({share:.0%})"
    if usage.free < SPACE or (share < SHARE and usage.free < 10 * 1024**3):
        raise Unwell(text)
    return text


@check("jobs")
def _work_flows() -> str:
    now = clock.now()
    oldest = db.session.scalar(sa.select(sa.func.min(jobs.Job.run_at)).where(jobs.Job.state == jobs.State.QUEUED))
    parked = db.session.scalar(sa.select(jobs.Job.id).where(jobs.Job.state == jobs.State.PARKED).limit(1))
    if oldest is not None and now - oldest > LATE:
        raise Unwell(f"the oldest due job waits since {oldest:%Y-%m-%d %H:%M} UTC: is a worker running?")
    return "flowing, some parked" if parked is not None else "flowing"
