"""`portal demo`: from an empty folder to a living company in half a minute, kept until somebody wants it fresh."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.content import marlow
from portal.demo import company, loading, tales
from portal.desk.models import Request
from portal.kernel import clock, health
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.settings import SettingsError, load
from portal.people.models import Person
from portal.starting import existing_app, write_settings
from tests.flows.cli.conftest import environment
from tests.support.client import Visitor
from tests.support.net import free_ports
from tests.support.stages import COMPANY, close, unplug_logs


@pytest.fixture
def apps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Flask]]:
    """Every application that a demo opened, given back at the end."""
    from portal.app import create_app

    made: list[Flask] = []
    monkeypatch.setattr("portal.app.create_app", lambda settings: made.append(create_app(settings)) or made[-1])
    yield made
    for app in made:
        close(app)
    unplug_logs()


def make(instance: Path, *, fresh: bool = False, said: list[str] | None = None, **settings: Any) -> Any:
    return company.make_company(load({}, instance=instance, **settings), fresh=fresh, port=None, say=(said if said is not None else []).append, now=clock.now())


# -- the command -----------------------------------------------------------------------------------------------------


def start(instance: Path, port: int) -> tuple[subprocess.Popen[str], str]:
    """`portal demo` and everything it says until it serves."""
    command = [sys.executable, "-m", "portal", "--instance", str(instance), "demo", "--port", str(port)]
    process = subprocess.Popen(command, env=environment(HEARTH_LOG_LEVEL="ERROR"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = ""
    while "Ctrl C ends it" not in said:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        said += line
    return process, said


def page_of(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in", timeout=10) as answer:
        return str(answer.read().decode())


def seconds_of(process: subprocess.Popen[str]) -> float:
    """Processor time used so far: what the machine else does while tests run does not count."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.real_clock
@pytest.mark.slow
def test_from_an_empty_folder_to_the_first_page(tmp_path: Path) -> None:
    """Loading takes less than half a minute, starting again with everything there less than three seconds, and it says who to be."""
    instance, port = tmp_path / "demo", free_ports(2)
    for already_there, limit in ((False, 30), (True, 3)):
        process, said = start(instance, port)
        try:
            page = page_of(port)
            assert seconds_of(process) < limit
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")
        assert ("Making Marlow Cycles" in said) is not already_there
        assert f"Hearth is at http://127.0.0.1:{port}\n" in said
        for person in marlow.company().personas:
            assert re.search(rf"^  {person.first} {person.last} +{re.escape(person.card_label)} +\S", said, re.MULTILINE)
            assert person.first in page


# -- the company -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.postgres
def test_the_company_is_whole(app: Flask, tmp_path: Path) -> None:
    """The doctor finds nothing, the next request gets the next number, and every persona comes in with one click."""
    shares: list[int] = []
    begun = time.process_time()
    loading.load(app, now=clock.now(), progress=shares.append)
    assert time.process_time() - begun < 30
    assert shares == sorted(shares)
    assert shares[-1] == 100
    with app.app_context():
        assert {name: lines for name, lines in health.broken().items() if lines} == {}
        counts = {table: db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in (Person, Request, Activity)}
        assert 400 <= counts[Person] <= 440
        assert counts[Request] > 900
        newest = db.session.scalar(sa.select(sa.func.max(Request.created_at)))
        assert newest is not None
        assert newest <= clock.now()
        for table in (Request, Person, Activity):
            assert _next_id(table) > (db.session.scalar(sa.select(sa.func.max(table.id))) or 0)
        db.session.remove()


def _next_id(table: Any) -> int:
    if db.engine.dialect.name == "sqlite":
        return (db.session.scalar(sa.select(sa.func.max(table.id))) or 0) + 1
    return int(db.session.scalar(sa.select(sa.func.nextval(sa.func.pg_get_serial_sequence(table.__tablename__, "id")))) or 0)


@pytest.mark.slow
def test_the_same_command_again_changes_nothing_and_fresh_begins_anew(tmp_path: Path, apps: list[Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody tried out stays until they want it gone; what else lies in the folder stays in any case."""
    monkeypatch.setattr(tales, "FIRST_NUMBER", 4100)  # a short year is enough here
    said: list[str] = []
    settings = make(tmp_path, said=said)
    assert settings.demo
    assert said == ["Making Marlow Cycles: about 420 people and a year of requests."]
    (tmp_path / "holiday.jpg").write_text("mine")
    with apps[-1].app_context():
        before = db.session.scalars(sa.select(Request.title).order_by(Request.id)).all()
        db.session.remove()
    make(tmp_path, said=said)
    assert len(said) == 1
    key = (tmp_path / "secret.key").read_text()
    make(tmp_path, fresh=True, said=said)
    assert len(said) == 2
    assert (tmp_path / "secret.key").read_text() != key
    assert (tmp_path / "holiday.jpg").read_text() == "mine"
    with apps[-1].app_context():
        assert db.session.scalars(sa.select(Request.title).order_by(Request.id)).all() == before
        db.session.remove()
    personas_come_in(apps[-1])


def personas_come_in(app: Flask) -> None:
    """Each card on the door leads to a home page."""
    from portal.kernel.policy import undeclared_routes

    assert undeclared_routes(app) == []
    cards = [form for form in Visitor(app).get("/sign-in").forms if form.method == "post" and form.buttons]
    assert len(cards) >= len(marlow.company().personas)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_real_company_is_never_turned_into_a_demo(tmp_path: Path, apps: list[Flask], fresh: bool) -> None:
    """A demo lets everybody in as anybody."""
    write_settings(load({}, instance=tmp_path), {"company": "Marlow Cycles"})
    with pytest.raises(SettingsError, match="holds a real company"):
        make(tmp_path, fresh=fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["hearth.toml"]


def test_a_database_somebody_else_filled_is_refused(tmp_path: Path, app: Flask, world: Any, apps: list[Flask]) -> None:
    """Also when only its address leads there."""
    with pytest.raises(SettingsError, match="This database holds people already"):
        make(tmp_path, database_url=app.extensions["settings"].database)


def test_without_a_demo_nobody_is_let_in_with_one_click(app: Flask, world: Any) -> None:
    """The cards belong to demo installations only."""
    page = Visitor(app).get("/sign-in")
    assert "Looks after people, hours and connections" not in page
    assert COMPANY["company"] == "Marlow Cycles"


def test_a_demo_that_was_never_finished_is_no_instance(tmp_path: Path, apps: list[Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted while loading: nothing of it is there, and the same command makes it whole."""

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as trouble:
        trouble.setattr(loading, "sync_catalogue", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path)
    loaded: list[str] = []
    monkeypatch.setattr(company, "load_company", lambda app, **_: loaded.append(app.name))
    make(tmp_path)
    assert loaded == ["portal"]


def test_serving_a_demo_needs_no_command_of_its_own(tmp_path: Path, apps: list[Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings file says what it is."""
    monkeypatch.setattr(company, "load_company", lambda app, **_: None)
    make(tmp_path)
    assert existing_app(load({}, instance=tmp_path)).extensions["settings"].demo
