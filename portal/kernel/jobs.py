"""Work for later, kept in the portal's own database.

``enqueue`` only inserts: the job exists when the change does. Workers claim due rows with a lease; a job and its
completion are one transaction, so a kill -9 in the middle runs it again and a worker that lost its lease changes
nothing. Delivery is at least once, effects in the portal exactly once.
"""

import random
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, quarantine
from portal.kernel.db import Base, Identified, db, enum_type, is_sqlite
from portal.kernel.errors import PortalError
from portal.kernel.unit_of_work import unit_of_work

Handler = Callable[..., None]
F = TypeVar("F", bound=Handler)
LEASE = timedelta(seconds=60)
BACKOFF = (10, 60, 300, 1800, 7200)
"""Seconds until the next try, by tries made."""

log = structlog.get_logger(__name__)


class State(StrEnum):
    """Where a job is; a finished one is deleted."""

    QUEUED = "queued"
    RUNNING = "running"
    PARKED = "parked"


class Job(Identified):
    """One piece of work for later."""

    __tablename__ = "jobs"
    __table_args__ = (sa.Index("ix_jobs_state_run_at", "state", "run_at"),)

    name: Mapped[str] = mapped_column(sa.String(80))
    args: Mapped[dict[str, Any]]
    unique_key: Mapped[str | None] = mapped_column(sa.String(200), unique=True)
    priority: Mapped[int] = mapped_column(default=0)
    run_at: Mapped[datetime]
    state: Mapped[State] = mapped_column(enum_type(State), default=State.QUEUED)
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime]


class PeriodicRun(Base):
    """That a periodic job was handed out for one due instant; two schedulers hand it out once."""

    __tablename__ = "periodic_runs"

    name: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    due: Mapped[datetime] = mapped_column(primary_key=True)


@dataclass(frozen=True)
class _Kind:
    name: str
    handler: Handler
    tries: int
    transaction: bool


@dataclass(frozen=True)
class _Periodic:
    name: str
    seconds: int = 0
    at: time | None = None

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The last due instant at or before ``now``; a day missed is one run, not many."""
        if self.at is None:
            return datetime.fromtimestamp(now.timestamp() // self.seconds * self.seconds, UTC)
        today = now.astimezone(zone).date()
        due = self._on(today, zone)
        return due if due <= now else self._on(today - timedelta(days=1), zone)

    def _on(self, day: date, zone: ZoneInfo) -> datetime:
        return datetime.combine(day, self.at or time(), zone).astimezone(UTC)


_kinds: dict[str, _Kind] = {}
_periodic: dict[str, _Periodic] = {}


def job(name: str, *, tries: int = 6, transaction: bool = True) -> Callable[[F], F]:
    """Register a handler. With ``transaction=False`` it opens its own units of work (it talks to the outside)."""

    def keep(handler: F) -> F:
        _kinds[name] = _Kind(name, handler, tries, transaction)
        return handler

    return keep


def every(*, seconds: int, name: str | None = None, transaction: bool = True) -> Callable[[F], F]:
    """Register a handler without arguments that runs once per interval, whichever process gets there first."""

    def keep(handler: F) -> F:
        key = name or f"{handler.__module__}.{handler.__name__}"
        _periodic[key] = _Periodic(key, seconds=seconds)
        return job(key, tries=3, transaction=transaction)(handler)

    return keep


def daily(at: str, *, name: str | None = None, transaction: bool = True) -> Callable[[F], F]:
    """Register a handler without arguments that runs once a day at local time ``at`` of the company's zone."""

    def keep(handler: F) -> F:
        key = name or f"{handler.__module__}.{handler.__name__}"
        _periodic[key] = _Periodic(key, at=time.fromisoformat(at))
        return job(key, tries=6, transaction=transaction)(handler)

    return keep


def insert_once(table: type[Base], **values: Any) -> bool:
    """Insert a row unless its unique key exists already; true when it was inserted. One statement on both databases."""
    insert = sqlite.insert(table) if is_sqlite() else postgresql.insert(table)
    # The row itself answers: psycopg reports no row count for an insert whose key comes back.
    result = db.session.execute(insert.values(**values).on_conflict_do_nothing().returning(sa.literal(1)))
    return result.first() is not None


def enqueue(name: str, *, run_at: datetime | None = None, unique: str | None = None, priority: int = 0, **args: Any) -> bool:
    """Put a job in the queue as part of the current transaction; false when one with the same ``unique`` waits already."""
    now = clock.now()
    values = {"name": name, "args": args, "unique_key": unique and f"{name}:{unique}", "priority": priority, "run_at": run_at or now}
    return insert_once(Job, **values, state=State.QUEUED, fence=0, tries=0, created_at=now)


def schedule_periodic(now: datetime) -> None:
    """Hand out every periodic job whose due instant has come and that nobody handed out yet."""
    if quarantine.is_on():
        return
    zone = ZoneInfo(current_app.extensions["settings"].zone)
    for entry in _periodic.values():
        due = entry.latest(now, zone)
        if insert_once(PeriodicRun, name=entry.name, due=due):
            enqueue(entry.name, unique="periodic", run_at=due)
            db.session.execute(sa.delete(PeriodicRun).where(PeriodicRun.name == entry.name, PeriodicRun.due < due - timedelta(days=2)))


@dataclass(frozen=True)
class Claim:
    """A job this worker may run until its lease ends."""

    id: int
    name: str
    args: dict[str, Any]
    fence: int
    tries: int


def claim(now: datetime) -> Claim | None:
    """Take the most urgent due job, or one whose worker went silent; compare-and-set decides between workers."""
    query = sa.select(Job.id, Job.name, Job.args, Job.fence, Job.tries).order_by(Job.priority.desc(), Job.run_at, Job.id).limit(1)
    query = query.where(quarantine.may_run(Job.name, Job.created_at))
    for ready in (
        sa.and_(Job.state == State.QUEUED, Job.run_at <= now),
        sa.and_(Job.state == State.RUNNING, Job.lease_until < now),
    ):
        # Workers of several processes pass each other on PostgreSQL; SQLite lets one in at a time and knows no row locks.
        row = db.session.execute(query.where(ready).with_for_update(skip_locked=True)).first()
        if row is None:
            continue
        take = sa.update(Job).where(Job.id == row.id, Job.fence == row.fence, Job.state != State.PARKED)
        # The try is counted when it starts, so that a job which kills its process is parked in the end, too.
        take = take.values(state=State.RUNNING, fence=Job.fence + 1, tries=Job.tries + 1, lease_until=now + LEASE, unique_key=None)
        if _one(take):
            return Claim(row.id, row.name, row.args, row.fence + 1, row.tries + 1)
    return None


def _one(statement: Any) -> bool:
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return bool(getattr(result, "rowcount", 0) == 1)


class LeaseLost(RuntimeError):
    """Somebody else runs this job by now; whatever was done here is rolled back."""


class Poison(RuntimeError):
    """A job that ends its process; it is parked for a person to look at."""


def _finish(claimed: Claim) -> None:
    if not _one(sa.delete(Job).where(Job.id == claimed.id, Job.fence == claimed.fence)):
        raise LeaseLost(claimed.name)


def run_claimed(claimed: Claim) -> bool:
    """Run one claimed job; false when it failed and was put back or parked."""
    kind = _kinds.get(claimed.name)
    try:
        if kind is None:
            raise LookupError(f"no job is called {claimed.name}")
        if claimed.tries > kind.tries:
            raise Poison(f"it never came back from {kind.tries} tries: its process ended every time, or it took too long")
        if kind.transaction:
            with unit_of_work():
                kind.handler(**claimed.args)
                _finish(claimed)
        else:
            kind.handler(**claimed.args)
            with unit_of_work():
                _finish(claimed)
        return True
    except LeaseLost:
        log.warning("lease lost", job=claimed.name)
    except Exception as error:  # noqa: BLE001  whatever a handler raises, the job is put back
        _put_back(claimed, kind, error)
    return False


def _put_back(claimed: Claim, kind: _Kind | None, error: Exception) -> None:
    last = claimed.tries >= (kind.tries if kind else 6)
    log.error("job failed", job=claimed.name, tries=claimed.tries, parked=last, error=traceback.format_exc(limit=-6))
    wait = BACKOFF[min(claimed.tries, len(BACKOFF)) - 1] * random.uniform(0.8, 1.2)
    with unit_of_work():
        _one(
            sa.update(Job)
            .where(Job.id == claimed.id, Job.fence == claimed.fence)
            .values(
                state=State.PARKED if last else State.QUEUED,
                run_at=clock.now() + timedelta(seconds=wait),
                lease_until=None,
                last_error=f"{type(error).__name__}: {error}".replace("\x00", "")[:2000],
            )
        )


def retry(job_id: int, now: datetime) -> bool:
    """Put a parked job back in the queue; false when it is not parked any more."""
    back = sa.update(Job).where(Job.id == job_id, Job.state == State.PARKED)
    return _one(back.values(state=State.QUEUED, run_at=now, tries=0, last_error=None))


def drop(job_id: int) -> bool:
    """Give a parked job up for good; false when it is not parked any more."""
    return _one(sa.delete(Job).where(Job.id == job_id, Job.state == State.PARKED))


def run_due(app: Flask, limit: int = 1000, *, periodic: bool = False) -> int:
    """Run what is due now, one after the other, until nothing is left; the number run. Must not be called in a unit of work."""
    done = 0
    with app.app_context():
        if periodic:
            with unit_of_work():
                schedule_periodic(clock.now())
        while done < limit:
            with unit_of_work():
                claimed = claim(clock.now())
            if claimed is None:
                break
            run_claimed(claimed)
            db.session.remove()
            done += 1
    return done


def has_due(now: datetime) -> bool:
    """True when a job waits or a lease ran out; one indexed read."""
    queued = sa.select(Job.id).where(Job.state == State.QUEUED, Job.run_at <= now, quarantine.may_run(Job.name, Job.created_at)).limit(1)
    silent = sa.select(Job.id).where(Job.state == State.RUNNING, Job.lease_until < now).limit(1)
    return db.session.scalar(queued) is not None or db.session.scalar(silent) is not None


class Worker:
    """Runs jobs in a thread until asked to stop; any number of them, in any number of processes, is safe."""

    def __init__(self, app: Flask, poll: float = 1.0) -> None:
        self.app = app
        self.poll = poll
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="worker", daemon=True)
        self._next_tick = datetime.min.replace(tzinfo=UTC)
        app.extensions.setdefault("after_commit", []).append(self._wake.set)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """End after the job in hand; returns at once, so that a signal handler may call it."""
        self._stop.set()
        self._wake.set()

    def stop(self, wait: float = 20.0) -> None:
        """Finish the job in hand and end; what was not begun stays in the queue."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(wait)

    def run(self) -> None:
        """Work in the calling thread until stopped (`portal worker`)."""
        self._loop()

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                if not self._step():
                    self._wake.wait(self.poll)
            except (SQLAlchemyError, PortalError) as error:
                # The database is away, held or full: the queue is safe there, so wait and look again.
                log.warning("worker waits for the database", error=type(error).__name__)
                self._stop.wait(2.0)
            except Exception:
                # A worker that ends silently is the worst that can happen to work for later.
                log.exception("worker stumbled")
                self._stop.wait(2.0)

    def _step(self) -> bool:
        with self.app.app_context():
            try:
                self._tick()
                if not has_due(clock.now()):
                    return False
                with unit_of_work():
                    claimed = claim(clock.now())
                if claimed is None:
                    return False
                with _Heartbeat(self.app, claimed):
                    run_claimed(claimed)
                return True
            finally:
                db.session.remove()

    def _tick(self) -> None:
        now = clock.now()
        if now < self._next_tick and self._next_tick - now < timedelta(minutes=1):
            return
        with unit_of_work():
            schedule_periodic(now)
        self._next_tick = now + timedelta(seconds=5)


class _Heartbeat:
    """Extends the lease of a long job; one thread per running job that ends with it."""

    def __init__(self, app: Flask, claimed: Claim) -> None:
        self._app, self._claimed = app, claimed
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def _beat(self) -> None:
        while not self._done.wait(LEASE.total_seconds() / 3):
            try:
                self._extend()
            except (SQLAlchemyError, PortalError):
                log.warning("lease not extended", job=self._claimed.name)

    def _extend(self) -> None:
        # On SQLite a transactional job holds the only write turn, so nobody can claim it meanwhile and Busy is harmless.
        with self._app.app_context(), unit_of_work():
            mine = sa.and_(Job.id == self._claimed.id, Job.fence == self._claimed.fence)
            _one(sa.update(Job).where(mine).values(lease_until=clock.now() + LEASE))
