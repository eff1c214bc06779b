"""Jobs: each runs, in spite of crashes, and what it does in the portal happens once."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import jobs
from portal.kernel.db import db
from portal.kernel.health import Heartbeat
from portal.kernel.jobs import Claim, Job, State
from portal.kernel.unit_of_work import unit_of_work
from tests.support.racing import at_once

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs and periodic jobs that a test registers are gone afterwards, and the portal's own do not run."""
    monkeypatch.setattr(jobs, "_kinds", {})
    monkeypatch.setattr(jobs, "_periodic", {})


@pytest.fixture
def done() -> list[Any]:
    """What the handlers of this test did, in order."""
    return []


def put(name: str, **values: Any) -> bool:
    """Enqueue in a unit of work."""
    with unit_of_work():
        return jobs.enqueue(name, **values)


def queue() -> list[Any]:
    """Every job: name, state, tries, run_at."""
    db.session.rollback()
    return [tuple(row) for row in db.session.execute(sa.select(Job.name, Job.state, Job.tries, Job.run_at).order_by(Job.id))]


def take(now: datetime = NOW) -> Claim:
    """Claim the next job as a worker would."""
    with unit_of_work():
        claimed = jobs.claim(now)
    assert claimed is not None
    return claimed


# -- the plain way ---------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_a_job_runs_once_and_is_gone(context: Flask, done: list[Any]) -> None:
    """With its arguments, and its row goes in the transaction of its work."""

    @jobs.job("paint")
    def paint(colour: str, coats: int) -> None:
        done.append((colour, coats))
        db.session.add(Heartbeat(name=colour, at=NOW))

    assert put("paint", colour="red", coats=2)
    assert jobs.run_due(context) == 1
    assert jobs.run_due(context) == 0
    assert done == [("red", 2)]
    assert queue() == []


@pytest.mark.postgres
def test_a_change_that_is_rolled_back_leaves_no_job(context: Flask, done: list[Any]) -> None:
    """Nothing is sent for what did not happen."""
    jobs.job("paint")(lambda: done.append("painted"))

    def change() -> None:
        with unit_of_work():
            jobs.enqueue("paint")
            raise LookupError

    with pytest.raises(LookupError):
        change()
    assert jobs.run_due(context) == 0


def test_work_for_later_waits_for_its_time(context: Flask, done: list[Any], clock: Any) -> None:
    """A reminder for tomorrow is not sent today."""
    jobs.job("remind")(lambda: done.append("reminded"))
    put("remind", run_at=NOW + timedelta(hours=2))
    assert jobs.run_due(context) == 0
    clock.advance(hours=2)
    assert jobs.run_due(context) == 1


def test_the_urgent_comes_first_then_the_old(context: Flask, done: list[Any]) -> None:
    """Priority, then time, then the order of asking."""

    @jobs.job("note")
    def note(text: str) -> None:
        done.append(text)

    put("note", text="second", run_at=NOW - timedelta(minutes=1))
    put("note", text="third")
    put("note", text="fourth")
    put("note", text="first", priority=5)
    jobs.run_due(context)
    assert done == ["first", "second", "third", "fourth"]


@pytest.mark.postgres
def test_a_unique_job_waits_only_once(context: Flask, done: list[Any]) -> None:
    """Ten changes in a minute lead to one rebuild; one that began may be asked for again."""
    jobs.job("rebuild")(lambda: done.append(put_inside()))

    def put_inside() -> bool:
        return jobs.enqueue("other", unique="7")

    jobs.job("other")(lambda: done.append("other"))
    assert [put("rebuild", unique="7"), put("rebuild", unique="7"), put("rebuild", unique="8"), put("other", unique="7")] == [True, False, True, True]
    assert jobs.run_due(context) == 3
    assert done == [False, False, "other"]


def test_enqueueing_needs_a_unit_of_work(context: Flask) -> None:
    """A page that is only read starts nothing."""
    with pytest.raises(RuntimeError, match="a read changes nothing"):
        jobs.enqueue("paint")


# -- when something goes wrong ---------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_a_job_that_fails_leaves_nothing_and_comes_again_later(context: Flask, done: list[Any], clock: Any) -> None:
    """After ten seconds, then after longer and longer pauses with some jitter; the reason is kept."""

    @jobs.job("send")
    def send() -> None:
        db.session.add(Heartbeat(name="half done", at=NOW))
        db.session.flush()
        done.append(1)
        if len(done) < 3:
            raise ConnectionError("the relay \x00 is asleep")

    put("send")
    for expected in jobs.BACKOFF[:2]:
        assert jobs.run_due(context) == 1
        (_, state, tries, run_at) = queue()[0]
        assert (state, tries) == (State.QUEUED, len(done))
        assert 0.8 * expected <= (run_at - datetime.now(UTC)).total_seconds() <= 1.2 * expected
        assert db.session.scalar(sa.select(Job.last_error)) == "ConnectionError: the relay  is asleep"
        assert db.session.scalars(sa.select(Heartbeat.name)).all() == []
        clock.advance(seconds=expected * 1.2)
    assert jobs.run_due(context) == 1
    assert queue() == []
    assert db.session.scalars(sa.select(Heartbeat.name)).all() == ["half done"]


def test_after_its_last_try_a_job_is_parked_for_a_person(context: Flask, done: list[Any], clock: Any) -> None:
    """Others go on; somebody may try it again or drop it."""
    jobs.job("poison", tries=2)(lambda: done.append(1 / 0))
    jobs.job("paint")(lambda: done.append("painted"))
    put("poison")
    for _ in range(5):
        put("paint")
        jobs.run_due(context)
        clock.advance(hours=3)
    assert done == ["painted"] * 5
    assert queue()[0][1:3] == (State.PARKED, 2)
    number = db.session.scalar(sa.select(Job.id))
    with unit_of_work():
        assert jobs.retry(number, NOW)
        assert not jobs.retry(number, NOW)
    assert queue()[0][1:3] == (State.QUEUED, 0)
    with unit_of_work():
        assert not jobs.drop(number)
    clock.advance(hours=3)
    jobs.run_due(context)
    clock.advance(hours=3)
    jobs.run_due(context)
    with unit_of_work():
        assert jobs.drop(number)
        assert not jobs.drop(number)
    assert queue() == []


def test_a_job_nobody_knows_is_parked_in_the_end(context: Flask, clock: Any) -> None:
    """The feature was removed; the row says which name it was."""
    put("gone")
    for _ in range(7):
        jobs.run_due(context)
        clock.advance(hours=3)
    assert queue()[0][:3] == ("gone", State.PARKED, 6)
    assert db.session.scalar(sa.select(Job.last_error)) == "LookupError: no job is called gone"


def test_a_job_that_kills_its_process_is_parked_too(context: Flask, done: list[Any], clock: Any) -> None:
    """Each death counts as a try; after the last one nobody runs it again."""
    jobs.job("bomb", tries=3)(lambda: done.append("bang"))
    put("bomb")
    for _ in range(3):
        take(datetime.now(UTC))  # and then the process is gone
        clock.advance(seconds=61)
    assert jobs.run_due(context) == 1
    assert done == []
    assert queue()[0][1:3] == (State.PARKED, 4)
    assert "its process ended every time" in str(db.session.scalar(sa.select(Job.last_error)))


# -- leases ----------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_a_worker_that_died_loses_its_lease_and_the_job_runs_elsewhere(context: Flask, done: list[Any], clock: Any) -> None:
    """Not before the lease is over: it may only be slow."""
    jobs.job("paint")(lambda: done.append("painted"))
    put("paint")
    take()
    assert jobs.run_due(context) == 0
    clock.advance(seconds=61)
    assert jobs.run_due(context) == 1
    assert done == ["painted"]


@pytest.mark.postgres
def test_a_stale_worker_finishes_nothing(context: Flask, done: list[Any], clock: Any) -> None:
    """It was suspended for a minute and somebody else did the work: what it did is rolled back."""

    @jobs.job("count")
    def count() -> None:
        done.append(1)
        db.session.add(Heartbeat(name=f"count {len(done)}", at=NOW))

    put("count")
    stale = take()
    clock.advance(seconds=61)
    fresh = take(datetime.now(UTC))
    assert (fresh.id, fresh.fence) == (stale.id, stale.fence + 1)
    assert not jobs.run_claimed(stale)
    assert jobs.run_claimed(fresh)
    assert not jobs.run_claimed(stale)
    db.session.rollback()
    assert db.session.scalars(sa.select(Heartbeat.name)).all() == ["count 2"]
    assert queue() == []


@pytest.mark.postgres
def test_a_stale_failure_puts_nothing_back(context: Flask, clock: Any) -> None:
    """The new owner's state is not overwritten by an old owner's error."""
    jobs.job("fail")(lambda: {}["nothing"])
    put("fail")
    stale = take()
    clock.advance(seconds=61)
    take(datetime.now(UTC))
    jobs.run_claimed(stale)
    assert queue()[0][1:3] == (State.RUNNING, 2)


@pytest.mark.postgres
def test_a_heartbeat_keeps_the_lease_of_a_long_job(context: Flask, clock: Any) -> None:
    """And one that is not ours any more stays as it is."""
    put("slow")
    claimed = take()
    clock.advance(seconds=40)
    jobs._Heartbeat(context, claimed)._extend()
    assert db.session.scalar(sa.select(Job.lease_until)) == NOW + timedelta(seconds=100)
    db.session.rollback()
    clock.advance(seconds=61)
    newer = take(datetime.now(UTC))
    jobs._Heartbeat(context, claimed)._extend()
    assert db.session.scalar(sa.select(Job.lease_until)) == NOW + timedelta(seconds=101 + 60)
    assert newer.fence == claimed.fence + 1


@pytest.mark.postgres
def test_sixteen_workers_take_each_job_once(context: Flask) -> None:
    """Whoever asks at the same moment gets another job or none."""
    for number in range(40):
        put("paint", number=number)

    def work(_: int) -> list[int]:
        mine = []
        with context.app_context():
            while True:
                with unit_of_work():
                    claimed = jobs.claim(NOW)
                if claimed is None and not jobs.has_due(NOW):
                    return mine
                if claimed is not None:
                    mine.append(claimed.args["number"])

    taken = Counter(number for mine in at_once(16, work) for number in mine)
    assert taken == Counter(range(40))


# -- the calendar ----------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_two_schedulers_hand_out_a_periodic_job_once(context: Flask, done: list[Any], clock: Any) -> None:
    """Once per interval, whichever process gets there first."""
    jobs.every(seconds=30, name="sweep")(lambda: done.append("swept"))

    def schedule(_: int) -> None:
        with context.app_context(), unit_of_work():
            jobs.schedule_periodic(datetime.now(UTC))

    for expected in (1, 2):
        at_once(8, schedule)
        assert [row[0] for row in queue()] == ["sweep"]
        jobs.run_due(context)
        at_once(2, schedule)
        assert queue() == []
        assert len(done) == expected
        clock.advance(seconds=30)


def test_a_sweep_that_waits_is_not_piled_up(context: Flask, done: list[Any], clock: Any) -> None:
    """With no worker for an hour there is one sweep to do, not a hundred and twenty."""
    jobs.every(seconds=30, name="sweep")(lambda: done.append("swept"))
    for _ in range(120):
        with unit_of_work():
            jobs.schedule_periodic(datetime.now(UTC))
        clock.advance(seconds=30)
    jobs.run_due(context, periodic=True)
    assert len(done) <= 2


def test_after_a_day_without_anybody_it_is_caught_up_once(context: Flask, done: list[Any], clock: Any) -> None:
    """One digest, not three; and nothing at all while nothing new is due."""
    jobs.daily("08:00", name="digest")(lambda: done.append(datetime.now(UTC)))
    assert jobs.run_due(context, periodic=True) == 1
    clock.advance(days=3, hours=-3)
    assert jobs.run_due(context, periodic=True) == 1
    assert jobs.run_due(context, periodic=True) == 0
    clock.advance(hours=1)
    assert jobs.run_due(context, periodic=True) == 1


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-24T06:59:59+00:00", "2026-11-23T07:00:00+00:00"),
        ("2026-11-24T07:00:00+00:00", "2026-11-24T07:00:00+00:00"),
        ("2026-07-01T06:00:00+00:00", "2026-07-01T06:00:00+00:00"),
        ("2026-03-29T06:00:00+00:00", "2026-03-29T06:00:00+00:00"),
        ("2026-10-25T06:30:00+00:00", "2026-10-24T06:00:00+00:00"),
        ("2026-10-25T07:00:00+00:00", "2026-10-25T07:00:00+00:00"),
    ],
)
def test_eight_in_the_morning_is_eight_where_the_company_is(now: str, due: str) -> None:
    """In summer, in winter, and on the days between."""
    entry = jobs._Periodic("digest", at=datetime(2026, 1, 1, 8, tzinfo=UTC).time())
    assert entry.latest(datetime.fromisoformat(now), jobs.ZoneInfo("Europe/Berlin")) == datetime.fromisoformat(due)


def test_old_runs_are_forgotten(context: Flask, clock: Any) -> None:
    """The list of what was handed out does not grow for ever."""
    jobs.every(seconds=3600, name="sweep")(lambda: None)
    for _ in range(5):
        jobs.run_due(context, periodic=True)
        clock.advance(days=1)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(jobs.PeriodicRun)) <= 3


# -- the worker ------------------------------------------------------------------------------------------------------


@pytest.fixture
def worker(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[jobs.Worker]:
    """A worker in a thread; it ends with the test."""
    monkeypatch.setitem(app.extensions, "after_commit", [])
    made = jobs.Worker(app, poll=0.05)
    yield made
    made.stop(5)
    assert not made._thread.is_alive()


def until(condition: Callable[[], bool], wait: float = 8) -> None:
    """Wait in real time."""
    import threading
    import time

    end = time.monotonic() + wait
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        threading.Event().wait(0.02)


@pytest.mark.postgres
def test_a_worker_starts_on_what_was_just_committed(context: Flask, worker: jobs.Worker, done: list[Any]) -> None:
    """It is woken, and need not look every moment."""
    worker.poll = 30
    jobs.job("paint")(lambda: done.append("painted"))
    worker.start()
    put("paint")
    until(lambda: done == ["painted"])
    until(lambda: queue() == [])


def test_a_worker_survives_a_database_that_is_away_and_faults_of_its_own(
    context: Flask, worker: jobs.Worker, done: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that ends silently is the worst that can happen to work for later."""
    jobs.job("paint")(lambda: done.append("painted"))
    trouble = [sa.exc.OperationalError("SELECT", {}, OSError("gone")), RuntimeError("a fault of ours")]
    looks = jobs.has_due
    monkeypatch.setattr(worker._stop, "wait", lambda _: None)

    def stumbling(now: datetime) -> bool:
        if trouble:
            raise trouble.pop()
        return looks(now)

    monkeypatch.setattr(jobs, "has_due", stumbling)
    worker.start()
    put("paint")
    until(lambda: done == ["painted"])
    assert trouble == []


def test_a_worker_finishes_the_job_in_hand_and_leaves_the_rest(context: Flask, worker: jobs.Worker, done: list[Any]) -> None:
    """Ending takes as long as one job."""

    @jobs.job("paint")
    def paint(number: int) -> None:
        worker.ask_to_stop()
        done.append(number)

    for number in range(3):
        put("paint", number=number)
    worker.start()
    worker.stop(5)
    assert done == [0]
    assert len(queue()) == 2
