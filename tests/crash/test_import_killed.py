"""kill -9 while requests of an earlier desk come in: whoever goes on takes each row once."""

import io
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions import importing
from portal.desk.importing import Options
from portal.desk.models import Message, Request, RequestImport, TakenRequest
from portal.kernel import clock, search_keeping, unit_of_work
from portal.kernel.db import db
from portal.kernel.jobs import Job, State
from tests.crash.conftest import Program, asked_to_end, until
from tests.support.browser import ROOT

pytestmark = [pytest.mark.crash, pytest.mark.postgres]
ROWS = 4000


def content(rows: int = ROWS) -> str:
    """A file of that many rows."""
    return "number,subject,requester,created,body\n" + "".join(f"N{n},Tap {n} drips,Nils Brandt,2020-01-02,It does {n}\n" for n in range(rows))


def position(app: Flask, run_id: int) -> int:
    """How many rows are behind it."""
    with app.app_context():
        found = db.session.scalar(sa.select(RequestImport.position).where(RequestImport.id == run_id)) or 0
        db.session.remove()
    return found


def each_row_once(app: Flask) -> None:
    """As many requests as rows, each with its number, its words and its place in search."""
    with app.app_context():
        taken = list(db.session.execute(sa.select(TakenRequest.request_id, TakenRequest.number)))
        assert sorted(int(row.number[1:]) for row in taken) == list(range(ROWS))
        here = sa.select(sa.func.count()).select_from(Request).where(Request.channel == "import")
        assert db.session.scalar(here) == ROWS
        said = sa.select(sa.func.count()).select_from(Message).join(TakenRequest, TakenRequest.request_id == Message.request_id)
        assert db.session.scalar(said) == ROWS
        assert search_keeping.waiting("search_requests") == 0
        assert search_keeping.astray("search_requests", [row.request_id for row in taken][::97]) == []
        db.session.remove()


def test_a_worker_killed_three_times_takes_each_row_once(world: Any, app: Flask, program: Program) -> None:
    """The place in the file moves with the rows, in one transaction."""
    with app.app_context():
        received = importing.receive(io.BytesIO(content().encode()), "old.csv")
        run_id = unit_of_work.run(lambda: importing.begin(received, Options(department_id=world.facilities.id), actor=world.actor("ada"), now=clock.now()).id)
        importing.look(run_id, now=clock.now())
        unit_of_work.run(lambda: importing.confirm(db.session.get_one(RequestImport, run_id), now=clock.now()))
        db.session.remove()
    shutil.copytree(app.extensions["settings"].instance / "files", program.instance / "files", dirs_exist_ok=True)
    for least in (1, 800, 2000):
        worker = program.start("worker")
        _let_lease_end(app)
        until(lambda least=least: position(app, run_id) >= least, wait=60)
        worker.kill()
        worker.wait(10)
    assert position(app, run_id) < ROWS
    worker = program.start("worker")
    _let_lease_end(app)
    until(lambda: position(app, run_id) == ROWS, wait=120)
    asked_to_end(worker)
    each_row_once(app)
    with app.app_context():
        run = db.session.get_one(RequestImport, run_id)
        assert (run.state, run.made) == ("done", ROWS)
        db.session.remove()


def _let_lease_end(app: Flask) -> None:
    with app.app_context():
        past = {"lease_until": clock.now() - timedelta(seconds=1)}
        unit_of_work.run(lambda: db.session.execute(sa.update(Job).where(Job.state == State.RUNNING).values(**past)))
        db.session.remove()


def test_the_command_killed_and_given_again_takes_each_row_once(world: Any, app: Flask, program: Program, tmp_path: Path) -> None:
    """The second command knows what the first one took; a worker that goes on with the first file takes nothing twice."""
    file = tmp_path / "old.csv"
    file.write_text(content(), "utf-8")
    command = [sys.executable, "-m", "portal", "import-requests", str(file), "--department", "facilities"]
    first = subprocess.Popen(command, cwd=ROOT, env=program.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: position(app, 1) >= 800, wait=60)
    first.kill()
    first.wait(10)
    worker = program.start("worker")
    time.sleep(0.5)
    second = subprocess.run(command, cwd=ROOT, env=program.environment, capture_output=True, text=True, check=False, timeout=180)
    assert second.returncode == 0, second.stderr[-2000:]
    until(lambda: position(app, 1) == ROWS, wait=120)
    asked_to_end(worker)
    each_row_once(app)
