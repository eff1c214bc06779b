"""kill -9 at any moment: what was acknowledged is there, what follows from it happens, and nothing happens twice."""

import http.client
import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock, jobs
from portal.kernel.jobs import Job, State
from portal.kernel.unit_of_work import unit_of_work
from tests.crash.conftest import Program, Sender, asked_to_end, until

pytestmark = pytest.mark.crash
Noted = Callable[[str], "Counter[int]"]


class Load:
    """Four people who send forms until told to stop, each again with the same key until there is an answer."""

    def __init__(self, program: Program) -> None:
        self.numbers, self.acknowledged, self.stop = itertools.count(1), set[int](), threading.Event()
        self.errors: list[Exception] = []
        senders = [program.visitor() for _ in range(4)]
        self.threads = [threading.Thread(target=self._send, args=(sender,)) for sender in senders]
        for thread in self.threads:
            thread.start()

    def _send(self, sender: Sender) -> None:
        while not self.stop.is_set():
            number = next(self.numbers)
            while (status := self._once(sender, number)) != 303:
                if status not in (None, 503):
                    self.errors.append(AssertionError(f"{number}: {status}"))
                    return
                threading.Event().wait(0.05)
            self.acknowledged.add(number)

    @staticmethod
    def _once(sender: Sender, number: int) -> int | None:
        try:
            return sender.post("/crash/pin", key=f"key-of-number-{number:08d}", number=number)
        except (OSError, http.client.HTTPException):
            return None  # nobody knows whether it arrived: that is what the key is for

    def end(self) -> set[int]:
        """Stop after the form in hand; the numbers that were acknowledged."""
        self.stop.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        assert self.errors == []
        return self.acknowledged


@pytest.mark.postgres
def test_nothing_acknowledged_is_lost_and_nothing_happens_twice(program: Program, noted: Noted, queued: Callable[[], int]) -> None:
    """Three kills under load, then one orderly end."""
    dice = random.Random(4127)
    process = program.start()
    load = Load(program)
    for _ in range(3):
        before = len(load.acknowledged)
        until(lambda before=before: len(load.acknowledged) >= before + 15)  # type: ignore[misc]  # a default keeps the loop's value
        threading.Event().wait(dice.uniform(0, 0.3))
        process.kill()
        process.wait(10)
        process = program.start()
    acknowledged = load.end()
    assert len(acknowledged) >= 45
    _let_leases_end(program, queued)
    asked_to_end(process)
    pinned, followed = noted("pinned"), noted("followed")
    assert set(pinned) == acknowledged
    assert set(followed) == acknowledged
    assert {number: times for number, times in (pinned + followed).items() if times != 2} == {}
    assert program.log == ""


def _let_leases_end(program: Program, queued: Callable[[], int]) -> None:
    """A killed worker holds at most one job each for a minute; the test does not wait that long."""
    engine = sa.create_engine(program.environment["HEARTH_DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(sa.update(Job).where(Job.state == State.RUNNING).values(lease_until=clock.now() - timedelta(seconds=1)))
    engine.dispose()
    until(lambda: queued() == 0)


@pytest.mark.postgres
def test_a_worker_killed_in_the_middle_of_a_job(app: Flask, program: Program, noted: Noted, queued: Callable[[], int], tmp_path: Path) -> None:
    """The job runs again elsewhere once the lease is over; what it had done is not there twice."""
    with app.app_context(), unit_of_work():
        jobs.enqueue("crash.long", marker=str(tmp_path / "begun"))
    victim = program.start("worker")
    until((tmp_path / "begun").exists)
    victim.kill()
    victim.wait(10)
    assert noted("worked") == Counter()
    assert queued() == 1
    second = program.start("worker")
    _let_leases_end(program, queued)
    asked_to_end(second)
    assert noted("worked") == Counter({1: 1})


@pytest.mark.postgres
def test_two_workers_share_five_hundred_jobs(app: Flask, program: Program, noted: Noted, queued: Callable[[], int]) -> None:
    """Each job once, whoever took it."""
    with app.app_context(), unit_of_work():
        for number in range(500):
            jobs.enqueue("crash.count", number=number)
    workers = [program.start("worker") for _ in range(2)]
    until(lambda: queued() == 0, wait=60)
    for worker in workers:
        assert asked_to_end(worker) < 8
    assert noted("counted") == Counter(range(500))
    assert program.log == ""
