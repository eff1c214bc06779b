"""The only file that commits. A unit of work is one transaction; writers take turns on SQLite."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from flask import current_app
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from portal.kernel.db import db, is_sqlite, writing
from portal.kernel.errors import Busy, DiskFull

T = TypeVar("T")
TRIES = 3
WAIT = 5.0
"""Seconds after which nobody waits for the database any longer."""
_RETRY_STATES = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "08000", "08001", "08003", "08004", "08006"}
_CANCELLED = "57014"
_FULL = {"53100", "53400"}


class WriteTurn:
    """First come, first served among the threads of a process, and a file lock between processes.

    SQLite's own busy handler is unfair: eight writers saw waits of seconds. Taking turns keeps them short.
    """

    def __init__(self, lock_file: Path | None = None) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._held = False
        self._path = lock_file
        self._file: IO[bytes] | None = None

    @contextmanager
    def taken(self, wait: float = WAIT) -> Iterator[None]:
        """Hold the turn; raises Busy when it does not come within ``wait`` seconds."""
        deadline = time.monotonic() + wait
        self._acquire(wait)
        try:
            self._lock_file(deadline)
            try:
                yield
            finally:
                self._unlock_file()
        finally:
            self._release()

    def close(self) -> None:
        """Give the lock file back at the end of the process."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _acquire(self, wait: float) -> None:
        with self._guard:
            if not self._held and not self._waiting:
                self._held = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(wait):
            return
        with self._guard:
            if mine.is_set():  # the turn came while we were giving up: keep it
                return
            self._waiting.remove(mine)
        raise Busy()

    def _release(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False

    def _lock_file(self, deadline: float) -> None:
        if self._path is None:
            return
        import fcntl

        self._file = self._file or self._path.open("ab")
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Busy() from None
                time.sleep(0.002 + random.random() * 0.004)

    def _unlock_file(self) -> None:
        if self._file is not None:
            import fcntl

            fcntl.flock(self._file, fcntl.LOCK_UN)


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """One transaction: commits when the block ends, rolls back when it raises."""
    if writing.get():
        raise RuntimeError("a unit of work is already open")
    session = db.session()
    session.rollback()  # whatever was read before belongs to an older snapshot
    with _turn():
        mark = writing.set(True)
        try:
            yield session
            session.commit()
        except BaseException:
            _rollback(session)
            raise
        finally:
            writing.reset(mark)
    _after_commit()


def run(work: Callable[[], T], *, keep: Callable[[T], bool] = lambda _: True) -> T:
    """Do ``work`` in a unit of work, again when the database asks for it (three times in all).

    ``keep`` looks at the result: when false, everything is rolled back and the result is still returned.
    """
    deadline = time.monotonic() + WAIT
    for attempt in range(1, TRIES + 1):
        try:
            with unit_of_work() as session:
                result = work()
                if not keep(result):
                    session.rollback()
            return result
        except SQLAlchemyError as error:
            if attempt == TRIES or not is_passing(error) or time.monotonic() > deadline:
                raise translated(error) from error
            time.sleep(random.uniform(0.01, 0.05) * attempt)
    raise AssertionError("unreachable")


def attempt(work: Callable[[], T]) -> T:
    """Do ``work`` so that, when it raises, only its own changes are undone and the rest of the unit of work goes on."""
    with db.session.begin_nested():
        return work()


@contextmanager
def side_transaction() -> Iterator[Session]:
    """A short transaction of its own beside the page, for what must be noted although nothing changes; raises Busy or DiskFull."""
    if writing.get():
        raise RuntimeError("inside a unit of work there is nothing to note beside it")
    with _turn():
        mark = writing.set(True)
        try:
            with Session(db.engine, expire_on_commit=False) as session:
                yield session
                session.commit()
        except SQLAlchemyError as error:
            raise translated(error) from error
        finally:
            writing.reset(mark)


@contextmanager
def _turn() -> Iterator[None]:
    turn: WriteTurn | None = current_app.extensions.get("write_turn")
    if turn is None or not is_sqlite():
        yield
        return
    with turn.taken():
        yield


def _rollback(session: Session) -> None:
    try:
        session.rollback()
    except OperationalError:
        # After SQLITE_FULL the transaction is already gone and ROLLBACK itself raises.
        session.invalidate()


def _after_commit() -> None:
    for hook in current_app.extensions.get("after_commit", ()):
        hook()


def is_passing(error: SQLAlchemyError) -> bool:
    """True when the same work may succeed a moment later: a lock, a conflict, a connection that went away."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeout)
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is None and isinstance(error, OperationalError) and type(error.orig).__module__.startswith("psycopg"):
        return True  # a server that cannot be reached has no state to report
    return state in _RETRY_STATES or "database is locked" in str(error.orig)


def translated(error: SQLAlchemyError) -> Exception:
    """The error as people may see it: Busy, DiskFull, or itself when it is a fault of ours."""
    orig = getattr(error, "orig", None)
    state = getattr(orig, "sqlstate", None)
    if "database or disk is full" in str(orig) or state in _FULL:
        return DiskFull()
    return Busy() if is_passing(error) or state == _CANCELLED else error
