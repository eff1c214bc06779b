"""A backup that is made while people save is of one moment: no half change in it, and no upload without its content."""

import os
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.app import create_app
from portal.kernel import clock, files, health, migrating
from portal.kernel.db import db
from portal.kernel.keeping import backing, restoring, upgrading
from portal.kernel.observe import Observation
from portal.kernel.settings import SettingsError
from portal.kernel.unit_of_work import run
from tests.support.databases import POSTGRES, find_postgres
from tests.support.stages import close, make_database, make_settings, unplug_logs

ROUNDS = 4


def until(condition: Callable[[], bool]) -> None:
    """Wait in real time until it is so."""
    end = time.perf_counter() + 30
    while not condition() and time.perf_counter() < end:
        threading.Event().wait(0.01)


class Savers:
    """Three people who save two rows that belong together, and now and then an upload; each change is whole or not at all."""

    def __init__(self, app: Flask) -> None:
        self.app, self.stop, self.errors = app, threading.Event(), list[Exception]()
        self.saved = 0
        self.threads = [threading.Thread(target=self._save, args=(number,)) for number in range(3)]
        for thread in self.threads:
            thread.start()

    def _save(self, who: int) -> None:
        with self.app.app_context():
            number = 0
            while not self.stop.is_set():
                number += 1
                try:
                    run(lambda number=number: self._pair(who * 1_000_000 + number))  # type: ignore[misc]  # a default keeps the loop's value
                    self.saved += 1
                except Exception as error:  # noqa: BLE001  whatever it is, the test tells
                    self.errors.append(error)
                    return
            db.session.remove()

    @staticmethod
    def _pair(number: int) -> None:
        for kind in ("left", "right"):
            row = {"kind": kind, "person_id": 1, "subject_kind": "pair", "subject_id": number, "at": clock.now()}
            db.session.execute(sa.insert(Observation).values(**row))
        if number % 7 == 0:
            files.store(BytesIO(os.urandom(20_000).hex().encode()), name="notes.txt", owner_id=None, now=clock.now())

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(30)
        assert self.errors == []


@pytest.mark.postgres
@pytest.mark.slow
def test_backups_while_people_save_hold_whole_changes(
    app: Flask, world: Any, programs: None, database_kind: str, shared_folder: Path, worker_name: str, tmp_path: Path
) -> None:
    """Four backups under load, each restored: both rows of every pair, every upload in full, and more in each than in the one before."""
    savers, seen = Savers(app), list[int]()
    try:
        until(lambda: savers.saved > 20 or bool(savers.errors))
        made = []
        for number in range(ROUNDS):
            with app.app_context():
                made.append(backing.make(tmp_path / f"{number}.tar").path)
    finally:
        savers.end()
    for number, path in enumerate(made):
        url = ""
        if database_kind == POSTGRES:
            empty = make_database(database_kind, shared_folder, f"{worker_name}_copy", tmp_path)
            empty.empty()
            url = empty.url
        folder = tmp_path / f"copy-{number}"
        restoring.restore(path, folder, url=url, now=clock.now())
        seen.append(_pairs(folder, url))
    assert seen == sorted(set(seen)), seen
    assert 20 < seen[0] < seen[-1] <= savers.saved


def _pairs(folder: Path, url: str) -> int:
    copy = create_app(make_settings(folder, url or f"sqlite:///{folder / 'portal.db'}"))
    unplug_logs()
    try:
        with copy.app_context():
            found = {kind: set(db.session.scalars(sa.select(Observation.subject_id).where(Observation.kind == kind))) for kind in ("left", "right")}
            assert found["left"] == found["right"]
            assert health.broken()["Every stored file is there in full"] == []
            return len(found["left"])
    finally:
        close(copy)


# -- PostgreSQL alone -------------------------------------------------------------------------------------------------


@pytest.fixture
def only_postgres(database_kind: str) -> None:
    """SQLite has no programs that may be missing, and no database beside its folder."""
    if database_kind != POSTGRES:
        pytest.skip("about PostgreSQL's programs")


@pytest.mark.postgres
def test_without_pg_dump_of_the_right_version_nothing_is_made(app: Flask, only_postgres: None, tmp_path: Path, monkeypatch: Any) -> None:
    """An older one would leave things out, or fail half-way; the words say what to install."""
    old = tmp_path / "bin"
    old.mkdir()
    (old / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    (old / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", str(old))
    monkeypatch.setattr("portal.kernel.keeping.programs.PLACES", ())
    with (
        app.app_context(),
        pytest.raises(backing.NotMade, match=r"pg_dump of that version is not on this machine. Found is only version 9\. Install postgresql-client-"),
    ):
        backing.make(tmp_path / "made.tar")
    assert not (tmp_path / "made.tar").exists()


@pytest.mark.postgres
def test_a_dump_that_fails_in_the_middle_is_no_backup(app: Flask, only_postgres: None, tmp_path: Path, monkeypatch: Any) -> None:
    """A program that ends badly after some bytes: what GitLab met in 2017."""
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "pg_dump").write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 99.0' && exit\necho PGDMP\necho 'server version mismatch' >&2\nexit 1\n"
    )
    (broken / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}:/usr/bin:/bin")
    monkeypatch.setattr("portal.kernel.keeping.programs.PLACES", ())
    with app.app_context(), pytest.raises(backing.NotMade, match="server version mismatch"):
        backing.make(tmp_path / "made.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


@pytest.mark.postgres
def test_a_database_that_is_not_empty_is_left_alone(app: Flask, world: Any, only_postgres: None, programs: None, tmp_path: Path) -> None:
    """The original itself above all."""
    with app.app_context():
        made = backing.make(tmp_path / "made.tar").path
        before = db.session.scalar(sa.text("SELECT count(*) FROM persons"))
        db.session.remove()
    with pytest.raises(SettingsError, match=r"The database holds \d+ tables already"):
        restoring.restore(made, tmp_path / "copy", url=app.extensions["settings"].database, now=clock.now())
    with app.app_context():
        assert db.session.scalar(sa.text("SELECT count(*) FROM persons")) == before
        assert db.session.scalar(sa.text("SELECT count(*) FROM quarantine")) == 0
    with pytest.raises(SettingsError, match="Say into which empty one it goes"):
        restoring.restore(made, tmp_path / "copy", now=clock.now())
    assert list((tmp_path / "copy").iterdir()) == []


@pytest.mark.postgres
def test_a_damaged_dump_is_found_by_reading_it(app: Flask, world: Any, only_postgres: None, programs: None, tmp_path: Path) -> None:
    """By checksum first, whatever the program would say."""
    from portal.kernel.keeping import checking
    from portal.kernel.keeping.archive import Damaged

    with app.app_context():
        made = backing.make(tmp_path / "made.tar").path
    content = bytearray(made.read_bytes())
    content[len(content) // 2] ^= 1
    made.write_bytes(content)
    with pytest.raises(Damaged):
        checking.verify(made, tmp_path)


@pytest.mark.postgres
def test_one_upgrade_at_a_time_holds_across_machines(app: Flask, only_postgres: None, tmp_path: Path, monkeypatch: Any) -> None:
    """The lock is the server's: another connection has it, so this one refuses before it does anything."""
    monkeypatch.setattr(migrating, "outdated", lambda: "0001")
    with app.app_context():
        with db.engine.connect() as other:
            other.execute(sa.select(sa.func.pg_advisory_lock(upgrading.ADVISORY)))
            with pytest.raises(upgrading.NotUpgraded, match="Another upgrade of this database is running"):
                upgrading.upgrade(app, None, say=print)
            other.invalidate()
        monkeypatch.setattr(migrating, "outdated", lambda: None)
        assert upgrading.upgrade(app, None, say=print) is False


def test_programs_find_the_database_without_a_word_on_their_command_line() -> None:
    """Whatever the address carries goes into variables: a command line is everybody's to read."""
    from portal.kernel.keeping.programs import environment

    url = sa.make_url("postgresql+psycopg://hearth:canary@db.example.com:5433/portal?sslmode=verify-full&sslrootcert=/etc/ca.pem")
    found = {name: value for name, value in environment(url).items() if name.startswith("PG")}
    assert found == {
        "PGHOST": "db.example.com",
        "PGPORT": "5433",
        "PGUSER": "hearth",
        "PGPASSWORD": "canary",
        "PGDATABASE": "portal",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/ca.pem",
    }
    assert find_postgres() is not None
