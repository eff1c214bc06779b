"""Health: every part that breaks turns its own check red and no other, and every broken truth is a line for the doctor."""

import shutil
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import health, jobs
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks that a test registers are gone afterwards."""
    monkeypatch.setattr(health, "_checks", dict(health._checks))
    monkeypatch.setattr(health, "_invariants", dict(health._invariants))


@pytest.fixture(autouse=True)
def _ask_again(app: Flask) -> None:
    app.extensions.pop("readiness", None)


def answers(app: Flask) -> dict[str, health.Check]:
    app.extensions.pop("readiness", None)
    return {check.name: check for check in health.readiness(app)}


@pytest.mark.postgres
def test_the_database_is_really_written_to(app: Flask) -> None:
    """Reading would not notice a full disk."""
    assert answers(app)["database"].ok
    assert answers(app)["database"].ok
    with app.app_context():
        assert db.session.scalars(sa.select(health.Heartbeat.at)).all() == [NOW]


def test_a_clock_that_went_back_is_noticed(app: Flask, clock: Any) -> None:
    """Deadlines depend on it."""
    assert answers(app)["database"].ok
    clock.advance(hours=-2)
    found = answers(app)["database"]
    assert not found.ok
    assert "went back" in found.detail


def test_work_that_waits_is_noticed(app: Flask, clock: Any) -> None:
    """No worker runs, or it cannot keep up; work for later is no sign of that."""
    with app.app_context(), unit_of_work():
        jobs.enqueue("nothing", run_at=NOW + timedelta(hours=1))
        jobs.enqueue("nothing")
    assert answers(app)["jobs"].ok
    clock.advance(minutes=11)
    found = answers(app)
    assert "is a worker running?" in found["jobs"].detail
    assert not found["jobs"].ok
    assert found["database"].ok


@pytest.mark.parametrize(
    ("total", "free", "ok"),
    [(100, 50, True), (100, 9, False), (1000, 90, True), (1, 0.1, False), (1, 0.3, True)],
)
def test_a_disk_that_fills_is_noticed_in_time(app: Flask, monkeypatch: pytest.MonkeyPatch, total: float, free: float, ok: bool) -> None:
    """A tenth left warns on an ordinary disk, and so do the last 200 MB of any (gigabytes here)."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(total * 1024**3, 0, free * 1024**3))
    assert answers(app)["disk"].ok is ok


def test_a_check_of_a_feature_that_fails_says_only_what_it_should(app: Flask) -> None:
    """A reason written for operators is shown; of an unexpected error only its kind."""

    @health.check("relay")
    def relay() -> str:
        raise health.Unwell("the relay is tired")

    @health.check("broken")
    def broken() -> str:
        raise LookupError("canary")

    found = answers(app)
    assert found["relay"] == health.Check("relay", False, "the relay is tired")
    assert found["broken"] == health.Check("broken", False, "LookupError")
    assert found["database"].ok


def test_answers_are_kept_for_ten_seconds(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking a thousand times writes once."""
    asked = []

    @health.check("counting")
    def counting() -> str:
        asked.append(1)
        return "fine"

    time = [1000.0]
    monkeypatch.setattr(health.time, "monotonic", lambda: time[0])
    for step in (0.0, 5.0, 4.9, 0.2):
        time[0] += step
        assert health.readiness(app)
    assert len(asked) == 2


def test_the_doctor_gets_one_line_for_each_broken_row(context: Flask) -> None:
    """A truth that holds has none."""

    @health.invariant("Nobody is late")
    def late() -> list[str]:
        return ["Tom", "Mara"]

    @health.invariant("Everybody is here")
    def here() -> list[str]:
        return []

    found = health.broken()
    assert found["Nobody is late"] == ["Tom", "Mara"]
    assert found["Everybody is here"] == []
