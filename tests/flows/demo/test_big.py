"""`portal demo --people N --requests N`: a company of any size by the rules of the small one, and a killed command goes on."""

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.demo import big, loading, tales
from portal.desk.models import Clock, Message, Request
from portal.kernel import clock, health
from portal.kernel.db import db
from portal.kernel.settings import Settings, SettingsError, load
from portal.people.models import Department, Person
from portal.starting import existing_app
from tests.flows.cli.conftest import environment
from tests.support.stages import close, unplug_logs

PEOPLE, REQUESTS = 2000, 5000


def quiet(*_: Any) -> None:
    """Nobody listens."""


def count(table: Any, *where: Any) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0


@pytest.mark.slow
@pytest.mark.postgres
def test_a_company_grows_by_the_rules_of_the_desk(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody has a team and a lead, requests are spread over two years, the doctor finds nothing, and the next request gets the next number."""
    monkeypatch.setattr(tales, "FIRST_NUMBER", 4100)  # a short year is enough beside two others
    loading.load(app, now=clock.now(), progress=quiet)
    with app.app_context():
        before = count(Request)
        db.session.remove()
    big.make_big(app, settings, 700, 400, progress=quiet, now=clock.now())
    with app.app_context():
        assert (count(Person), count(Request)) == (700, before + 400)
        assert {name: lines for name, lines in health.broken().items() if lines} == {}
        lost = sa.or_(Person.department_id.is_(None), Person.manager_id.is_(None))
        assert count(Person, Person.staff_number.like("BIG-%"), lost) == 0
        assert count(Department, Department.key.like("big-%"), Department.lead_id.is_(None)) == 0
        oldest, newest = db.session.execute(sa.select(sa.func.min(Request.received_at), sa.func.max(Request.received_at))).one()
        assert newest - oldest > timedelta(days=700)
        assert newest <= clock.now()
        assert count(Request, Request.id > 4200, Request.is_open == sa.true()) > 0
        assert count(Clock, Clock.request_id > 4200, Clock.status == "missed") > 0
        assert count(Message, Message.body.contains("\ue000")) == 0
        db.session.remove()
    with pytest.raises(SettingsError, match="begun with 700 people"):
        big.make_big(app, settings, 800, 400, progress=quiet, now=clock.now())
    (settings.instance / big.PLAN).unlink()


@pytest.mark.real_clock
@pytest.mark.slow
def test_killed_three_times_it_makes_everything_once(tmp_path: Path) -> None:
    """kill -9 among people, among requests and later again: the same command goes on, and in the end there is what was asked for."""
    for stop in ("SELECT count(*) > 420 FROM persons", "SELECT count(*) > 2500 FROM requests", "SELECT count(*) > 4500 FROM requests"):
        process = begin(tmp_path)
        wait_for(tmp_path / "portal.db", stop, process)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    process = begin(tmp_path)
    assert process.wait(120) == 0
    app = existing_app(load({}, instance=tmp_path, worker=False))
    with app.app_context():
        plan = big.kept(tmp_path)
        assert plan is not None
        first = plan.first
        assert count(Person) == PEOPLE
        assert list(db.session.scalars(sa.select(Request.id).where(Request.id >= first).order_by(Request.id))) == list(range(first, first + REQUESTS))
        assert count(Message, Message.request_id >= first) == count(Message, Message.id >= first * 100)
        assert count(Request, Request.id >= first, ~sa.exists().where(Clock.request_id == Request.id)) == 0
        assert {name: lines for name, lines in health.broken().items() if lines} == {}
        db.session.remove()
    close(app)
    unplug_logs()


def begin(instance: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "portal", "--instance", str(instance), "demo", "--no-serve", "--people", str(PEOPLE), "--requests", str(REQUESTS)]
    return subprocess.Popen(command, env=environment(HEARTH_LOG_LEVEL="ERROR"), stdout=subprocess.DEVNULL)


def wait_for(file: Path, question: str, process: "subprocess.Popen[bytes]") -> None:
    """Until the database answers a question with yes; the question may come before there are tables."""
    for _ in range(4000):
        assert process.poll() is None, "it ended before it was killed"
        try:
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
                if connection.execute(question).fetchone()[0]:
                    return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.02)
    raise TimeoutError(question)


@pytest.mark.slow
def test_the_same_seed_makes_the_same_week(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes on after a break writes what would have been written without one."""
    monkeypatch.setattr(tales, "FIRST_NUMBER", 4140)
    loading.load(app, now=clock.now(), progress=quiet)
    with app.app_context():
        plan = big.Plan(0, 300, 7, clock.now(), 5000)
        weeks = [big.rows_of(big.Writer(replace(plan, seed=seed)).copies(102)) for seed in (7, 7, 8)]
        assert weeks[0] == weeks[1] != weeks[2]
        db.session.remove()
