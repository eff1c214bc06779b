"""Units of work: all or nothing, one writer after the other, and nobody waits longer than five seconds for the database."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError

from portal.kernel import unit_of_work as units
from portal.kernel.db import db, is_sqlite
from portal.kernel.errors import Busy, DiskFull
from portal.kernel.health import Heartbeat
from portal.kernel.unit_of_work import WriteTurn, run, side_transaction, unit_of_work
from tests.support.browser import ROOT
from tests.support.racing import at_once, together

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def pin(name: str) -> None:
    """Something to find again, or not."""
    db.session.add(Heartbeat(name=name, at=NOW))
    db.session.flush()


def pinned() -> list[str]:
    """What every other connection sees now."""
    with db.engine.connect() as connection:
        return sorted(connection.scalars(sa.select(Heartbeat.name)))


def note_beside(*names: str, then: type[Exception] | None = None) -> None:
    """Keep something in a transaction beside the page, and perhaps fail."""
    with side_transaction() as session:
        session.execute(sa.insert(Heartbeat), [{"name": name, "at": NOW} for name in names])
        if then is not None:
            raise then


def pin_and_fail(name: str) -> None:
    """A unit that goes wrong after it wrote."""
    with unit_of_work():
        pin(name)
        raise LookupError


# -- all or nothing --------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_a_unit_that_ends_well_is_kept(context: Flask) -> None:
    """And nobody sees half of it before."""
    with unit_of_work():
        pin("one")
        if not is_sqlite():
            assert pinned() == []
        pin("two")
    assert pinned() == ["one", "two"]


@pytest.mark.postgres
def test_a_unit_that_raises_leaves_nothing(context: Flask) -> None:
    """Whatever went wrong, and the next unit works."""
    with pytest.raises(LookupError):
        pin_and_fail("one")
    with unit_of_work():
        pin("two")
    assert pinned() == ["two"]


@pytest.mark.postgres
def test_a_result_that_is_not_to_be_kept_is_still_returned(context: Flask) -> None:
    """A form with mistakes answers 422 and changes nothing."""

    def work() -> int:
        pin("one")
        return 422

    assert run(work, keep=lambda status: status < 400) == 422
    assert pinned() == []


def test_units_do_not_nest(context: Flask) -> None:
    """Half of an outer unit must not be committed by an inner one, and nothing is noted beside it: on SQLite both would wait for each other."""
    with unit_of_work():
        with pytest.raises(RuntimeError), unit_of_work():
            pass
        with pytest.raises(RuntimeError), side_transaction():
            pass
        pin("one")
    assert pinned() == ["one"]


@pytest.mark.postgres
def test_reading_cannot_write(context: Flask) -> None:
    """A page that changes something while it is only looked at is a fault, and found at once."""
    db.session.add(Heartbeat(name="sly", at=NOW))
    with pytest.raises(RuntimeError, match="a read changes nothing"):
        db.session.flush()
    db.session.rollback()
    for statement in (sa.insert(Heartbeat).values(name="sly", at=NOW), sa.update(Heartbeat).values(at=NOW), sa.delete(Heartbeat)):
        with pytest.raises(RuntimeError, match="a read changes nothing"):
            db.session.execute(statement)
    assert pinned() == []


@pytest.mark.postgres
def test_what_is_noted_beside_a_page_is_a_transaction_of_its_own(context: Flask) -> None:
    """It is kept although the page changes nothing, and lost alone when it fails."""
    db.session.scalars(sa.select(Heartbeat)).all()
    note_beside("seen")
    with pytest.raises(LookupError):
        note_beside("not", then=LookupError)
    assert pinned() == ["seen"]


def test_followers_hear_of_a_commit_and_of_nothing_else(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker wakes up for work that is really there."""
    heard: list[list[str]] = []
    monkeypatch.setitem(context.extensions, "after_commit", [lambda: heard.append(pinned())])
    with pytest.raises(LookupError), unit_of_work():
        raise LookupError
    with unit_of_work():
        pin("one")
    assert heard == [["one"]]


# -- once more -------------------------------------------------------------------------------------------------------


class _Conflict(Exception):
    sqlstate = "40001"


def passing() -> OperationalError:
    return OperationalError("INSERT", {}, _Conflict("could not serialize access"))


def test_a_conflict_is_tried_three_times_in_all(context: Flask) -> None:
    """Nothing of the tries that failed is left."""
    tries: list[int] = []

    def work() -> str:
        tries.append(len(tries))
        pin(f"try {len(tries)}")
        if len(tries) < 3:
            raise passing()
        return "done"

    assert run(work) == "done"
    assert pinned() == ["try 3"]


def test_after_the_third_conflict_the_page_says_so(context: Flask) -> None:
    """The person keeps the text and sends it again."""
    tries = []

    def work() -> None:
        tries.append(1)
        raise passing()

    with pytest.raises(Busy):
        run(work)
    assert len(tries) == 3


def test_a_fault_of_ours_is_not_tried_again(context: Flask) -> None:
    """Doing the wrong thing three times makes it no better."""
    tries = []

    def work() -> None:
        tries.append(1)
        db.session.execute(sa.text("SELECT nothing FROM nowhere"))

    with pytest.raises(sa.exc.DBAPIError):
        run(work)
    assert len(tries) == 1


@pytest.mark.postgres
def test_crossing_writers_both_succeed(context: Flask) -> None:
    """Two units that lock the same rows in opposite order: one is chosen as victim, tried again, and nobody notices."""
    with unit_of_work():
        pin("a")
        pin("b")
    first = threading.Barrier(2)

    def move(here: str, there: str) -> None:
        tries = []

        def work() -> None:
            tries.append(1)
            db.session.execute(sa.update(Heartbeat).where(Heartbeat.name == here).values(at=NOW))
            if len(tries) == 1 and not is_sqlite():
                first.wait(5)
            db.session.execute(sa.update(Heartbeat).where(Heartbeat.name == there).values(at=NOW))

        with context.app_context():
            run(work)

    together(lambda: move("a", "b"), lambda: move("b", "a"))


# -- a database that is held, full or gone ---------------------------------------------------------------------------


@contextmanager
def held(app: Flask) -> Iterator[None]:
    """Another program writes to the SQLite file and does not know our turns."""
    with closing(sqlite3.connect(app.extensions["settings"].sqlite_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, context: Flask) -> Iterator[None]:
    """The five seconds of the promise are half a second here."""
    monkeypatch.setattr(units, "WAIT", 0.5)
    sa.event.listen(db.engine, "connect", _half_a_second)
    db.engine.dispose()
    yield
    sa.event.remove(db.engine, "connect", _half_a_second)
    db.engine.dispose()


def _half_a_second(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA busy_timeout = 500")


def test_a_lock_held_elsewhere_is_waited_for_once(impatient: None, context: Flask) -> None:
    """Then the answer is "busy", not three waits in a row; reading goes on, and afterwards everything works."""
    with held(context):
        begun = time.monotonic()
        with pytest.raises(Busy):
            run(lambda: pin("one"))
        assert 0.4 < time.monotonic() - begun < 1.4
        assert pinned() == []
        with pytest.raises(Busy):
            note_beside("seen")
    run(lambda: pin("two"))
    assert pinned() == ["two"]


@pytest.mark.postgres
def test_the_promise_is_five_seconds(context: Flask) -> None:
    """In the turn, in SQLite and in PostgreSQL."""
    assert units.WAIT == 5.0
    with db.engine.connect() as connection:
        found = connection.exec_driver_sql("PRAGMA busy_timeout" if is_sqlite() else "SHOW lock_timeout").scalar()
    assert found == (5000 if is_sqlite() else "5s")


def test_the_embedded_database_is_set_up_to_lose_nothing(context: Flask) -> None:
    """FULL survived every simulated power cut, NORMAL did not."""
    with db.engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}


def test_a_full_disk_refuses_writing_and_recovers_by_itself(context: Flask) -> None:
    """Reading goes on; what did not fit is gone altogether; nobody restarts anything."""
    with unit_of_work():
        pin("before")
    with db.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def full(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    def work() -> None:
        for number in range(2000):
            pin(f"many {number}")

    db.session.remove()
    db.engine.dispose()
    sa.event.listen(db.engine, "connect", full)
    try:
        with pytest.raises(DiskFull):
            run(work)
        assert pinned() == ["before"]
        with pytest.raises(DiskFull):
            note_beside(*[f"note {number}" for number in range(2000)])
    finally:
        sa.event.remove(db.engine, "connect", full)
        db.session.remove()
        db.engine.dispose()
    run(lambda: pin("after"))
    assert pinned() == ["after", "before"]


class _Psycopg(Exception):
    __module__ = "psycopg.errors"

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("the server's own words")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("state", "answer"),
    [(None, Busy), ("57P03", Busy), ("57P01", Busy), ("55P03", Busy), ("57014", Busy), ("40P01", Busy), ("53100", DiskFull), ("42P01", OperationalError)],
)
def test_what_postgresql_says_is_told_apart(state: str | None, answer: type[Exception]) -> None:
    """Gone, restarting, locked, stalled: busy. Full: full. Everything else is our fault and stays an error."""
    assert type(units.translated(OperationalError("SELECT", {}, _Psycopg(state)))) is answer


def test_a_pool_without_connections_is_busy() -> None:
    """The page says to try again instead of failing."""
    assert isinstance(units.translated(sa.exc.TimeoutError()), Busy)


# -- turns -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[WriteTurn]:
    """The turn of one process."""
    made = WriteTurn(tmp_path / "lock")
    yield made
    made.close()


def test_writers_come_in_the_order_they_asked(turn: WriteTurn) -> None:
    """SQLite's own waiting is unfair: some wait for seconds while others pass."""
    order: list[int] = []

    def wait(number: int) -> None:
        with turn.taken():
            order.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(10)]
    with turn.taken():
        for place, thread in enumerate(threads, 1):
            thread.start()
            while len(turn._waiting) < place:
                time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    assert order == list(range(10))


def test_whoever_gives_up_leaves_the_queue(turn: WriteTurn) -> None:
    """The turn goes to the next one who still waits."""
    with turn.taken(), pytest.raises(Busy), turn.taken(wait=0.05):
        pass
    with turn.taken(wait=0.05):
        pass
    assert not turn._held


def test_a_turn_survives_errors(turn: WriteTurn) -> None:
    """A writer that fails hands the turn on."""
    for _ in range(3):
        with pytest.raises(LookupError), turn.taken():
            raise LookupError
    with turn.taken(wait=0.05):
        pass


HOLDER = """
import sys
from pathlib import Path
from portal.kernel.unit_of_work import WriteTurn
with WriteTurn(Path(sys.argv[1])).taken():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_processes_take_turns_through_a_file(turn: WriteTurn) -> None:
    """`portal serve` and `portal worker` write to one database; one that is killed gives its turn back."""
    command = [sys.executable, "-c", HOLDER, str(turn._path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Busy), turn.taken(wait=0.1):
            pass
        other.kill()
    with turn.taken(wait=2):
        pass


def test_many_writers_lose_nothing(context: Flask) -> None:
    """Eight threads with twenty-five units each: two hundred rows and not one error."""

    def write(who: int) -> None:
        for number in range(25):
            with context.app_context():
                run(lambda number=number: pin(f"{who}-{number}"))  # type: ignore[misc]  # a default keeps the loop's value

    at_once(8, write)
    assert len(pinned()) == 200
