"""kill -9 in the middle of a backup, a restore and an upgrade; and a copy served by real processes beside a real mail server.

What is left is either nothing or whole, and the same command goes on.
"""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from portal.kernel import migrating
from portal.kernel.keeping import checking
from portal.kernel.places import find_places
from portal.kernel.settings import SettingsError, load
from tests.crash.conftest import Program, asked_to_end, until
from tests.support.browser import ROOT
from tests.support.databases import POSTGRES, SQLITE, find_postgres
from tests.support.live import world_instance
from tests.support.mail_sink import Sink, sink
from tests.support.stages import KEY, Stage, build_world, make_database
from tests.support.uploads import add_uploads

__all__ = ["sink"]
pytestmark = [pytest.mark.crash, pytest.mark.slow]
KILLS, UPLOADS = 6, 300


def command(*arguments: str, **settings: str) -> "subprocess.Popen[bytes]":
    """`portal` in a process of its own."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HEARTH_")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-m", "tests.crash.program", *arguments], cwd=ROOT, env=clean | settings, **pipes)


def said(*arguments: str, **settings: str) -> tuple[int, str]:
    """How it ended, and everything it said."""
    process = command(*arguments, **settings)
    out, err = process.communicate(timeout=120)
    return process.returncode, (out + err).decode()


def kill_during(process: "subprocess.Popen[bytes]", begun: Callable[[], object], after: float) -> bool:
    """Kill a process some seconds after it has begun; false when it had ended before."""
    while not begun() and process.poll() is None:
        time.sleep(0.002)
    time.sleep(after)
    was_running = process.poll() is None
    process.kill()
    process.communicate()
    return was_running


@pytest.fixture
def instance(stage_of: Callable[[str], Stage], tmp_path: Path) -> Path:
    """The named company with three hundred uploads."""
    stage = stage_of(SQLITE)
    build_world(stage)
    folder = world_instance(tmp_path / "instance", stage.templates.database)  # type: ignore[arg-type]  # SQLite was asked for
    (folder / "secret.key").write_text(KEY)
    (folder / "secret.key").chmod(0o600)
    add_uploads(folder, [f"upload {number} ".encode() * 4000 for number in range(UPLOADS)])
    return folder


def require_whole(archive: Path) -> None:
    """Raise when an archive is not one."""
    with tempfile.TemporaryDirectory() as work:
        checking.verify(archive, Path(work))


def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one(instance: Path, tmp_path: Path) -> None:
    """Six kills at any moment; whatever carries the name of a backup is whole, and the next one clears up what is left."""
    dice, folder, killed = random.Random(4128), tmp_path / "backups", 0
    folder.mkdir()
    for _ in range(KILLS):
        process = command("--instance", str(instance), "backup", "--to", str(folder))
        killed += kill_during(process, lambda: list(folder.glob(".hearth-backup-*/archive")), dice.uniform(0, 0.6))
    assert killed >= KILLS // 2
    for archive in folder.glob("*.tar"):
        require_whole(archive)
    status, words = said("--instance", str(instance), "backup", "--to", str(folder / "last.tar"))
    assert (status, f"{UPLOADS} uploads" in words) == (0, True), words
    assert [path.name for path in folder.iterdir() if not path.name.endswith(".tar")] == []
    with closing(sqlite3.connect(instance / "portal.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_restore_that_is_killed_leaves_no_portal_or_a_whole_one_in_quarantine(instance: Path, tmp_path: Path) -> None:
    """Six kills; the same command then does it, unless it was done already."""
    dice, archive, killed = random.Random(4129), tmp_path / "made.tar", 0
    assert said("--instance", str(instance), "backup", "--to", str(archive))[0] == 0
    for number in range(KILLS):
        copy = tmp_path / f"copy-{number}"
        process = command("restore", str(archive), "--into", str(copy))
        killed += kill_during(process, lambda copy=copy: (copy / ".restoring").exists(), dice.uniform(0, 0.5))  # type: ignore[misc]  # a default keeps the loop's value
        if not (copy / "portal.db").exists():
            with pytest.raises(SettingsError, match="There is no database here yet"):
                migrating.require_file(load({}, instance=copy))
            assert said("restore", str(archive), "--into", str(copy))[0] == 0
        assert quarantined(copy)
        assert len([path for path in (copy / "files").rglob("*") if path.is_file()]) == UPLOADS
        shutil.rmtree(copy)
    assert killed >= KILLS // 2


def quarantined(copy: Path) -> bool:
    with closing(sqlite3.connect(copy / "portal.db")) as connection:
        return connection.execute("SELECT count(*) FROM quarantine").fetchone() == (1,)


STEP = '''
"""A step that takes its time."""
import time

import sqlalchemy as sa
from alembic import op

revision, down_revision = "{name}", "{before}"


def upgrade():
    op.create_table("shed_{name}", sa.Column("id", sa.Integer, primary_key=True))
    for number in range(20):
        op.execute(f"INSERT INTO shed_{name} VALUES ({{number}})")
        time.sleep(0.01)


def downgrade():
    op.drop_table("shed_{name}")
'''
STEPS = [f"next{number}" for number in range(1, 5)]


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Migrations of a later version, with four steps more."""
    folder = tmp_path / "migrations"
    shutil.copytree(find_places().migrations, folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = max(path.name[:4] for path in (folder / "versions").glob("[0-9]*.py"))
    for name in STEPS:
        (folder / "versions" / f"{name}.py").write_text(STEP.format(name=name, before=before))
        before = name
    return folder


@dataclass
class Target:
    """A database that is to be upgraded by processes, and what stands in it."""

    url: str
    settings: dict[str, str]

    def ask(self, query: str) -> list[Any]:
        """The first column of what a query answers; nothing when its table is not there."""
        engine = sa.create_engine(self.url, poolclass=NullPool)
        try:
            with engine.connect() as connection:
                return [row[0] for row in connection.execute(sa.text(query))]
        except ProgrammingError:
            return []
        finally:
            engine.dispose()

    def version(self) -> str:
        """The version of the data."""
        return str(self.ask("SELECT version_num FROM alembic_version")[0])

    def sheds(self) -> dict[str, int]:
        """The tables the steps made, and their rows."""
        engine = sa.create_engine(self.url, poolclass=NullPool)
        names = [name for name in sa.inspect(engine).get_table_names() if name.startswith("shed_")]
        engine.dispose()
        return {name: self.ask(f"SELECT count(*) FROM {name}")[0] for name in sorted(names)}


@pytest.fixture
def target(app: Flask, world: Any, database_kind: str, newer: Path, tmp_path: Path) -> Target:
    """The named company on either database, and the next version of the program."""
    url = app.extensions["settings"].database
    (tmp_path / "place").mkdir()
    settings = {"HEARTH_INSTANCE": str(tmp_path / "place"), "HEARTH_DATABASE_URL": url, "HEARTH_SECRET_KEY": KEY, "HEARTH_TEST_MIGRATIONS": str(newer)}
    return Target(url, settings | with_programs(database_kind))


def with_programs(kind: str) -> dict[str, str]:
    """PostgreSQL's own programs on the search path."""
    return {"PATH": f"{find_postgres()}:{os.environ['PATH']}"} if kind == POSTGRES else {}


@pytest.mark.postgres
def test_an_upgrade_that_is_killed_goes_on_where_it_was(target: Target, tmp_path: Path) -> None:
    """After each kill every step is there whole or not at all, and the version says which; the last run ends it."""
    dice, first, killed = random.Random(4130), target.version(), 0
    for _ in range(4):
        here = target.version()
        process = command("upgrade", "--without-files", **target.settings)
        killed += kill_during(process, lambda here=here: target.version() != here, dice.uniform(0, 0.4))  # type: ignore[misc]  # a default keeps the loop's value
        done = [first, *STEPS].index(target.version())
        until(lambda done=done: target.sheds() == {f"shed_{name}": 20 for name in STEPS[:done]})  # type: ignore[misc]  # PostgreSQL notices the end a moment later
    assert killed >= 2
    status, words = said("upgrade", "--without-files", **target.settings)
    assert status in (0, 3), words  # the story is over, so the doctor finds promises whose time passed
    assert target.sheds() == {f"shed_{name}": 20 for name in STEPS}
    for archive in (tmp_path / "place" / "backups").glob("*.tar"):
        assert said("backup", "--verify", str(archive), **target.settings)[0] == 0


@pytest.mark.postgres
def test_two_upgrades_at_once_are_one(target: Target) -> None:
    """Whichever came second changed nothing, or found nothing to do."""
    both = [command("upgrade", "--without-files", **target.settings) for _ in range(2)]
    answers = sorted((process.communicate(timeout=120), process.returncode)[1] for process in both)
    assert answers in ([0, 3], [1, 3])
    assert target.sheds() == {f"shed_{name}": 20 for name in STEPS}


@pytest.mark.postgres
def test_a_restore_into_postgres_that_is_killed_is_no_portal(
    app: Flask, world: Any, database_kind: str, shared_folder: Path, worker_name: str, tmp_path: Path
) -> None:
    """Rows may be there, the version of the data is not, so no program of ours starts on them; a database made anew takes it."""
    if database_kind != POSTGRES:
        pytest.skip("about PostgreSQL")
    dice, path = random.Random(4131), with_programs(database_kind)
    origin = {"HEARTH_INSTANCE": str(tmp_path / "origin"), "HEARTH_DATABASE_URL": app.extensions["settings"].database, "HEARTH_SECRET_KEY": KEY}
    assert said("backup", "--to", str(tmp_path / "made.tar"), **origin, **path)[0] == 0
    empty = make_database(database_kind, shared_folder, f"{worker_name}_killed", tmp_path)
    copy = Target(empty.url, {})
    for number in range(4):
        empty.empty()
        folder = tmp_path / f"copy-{number}"
        words = ("restore", str(tmp_path / "made.tar"), "--into", str(folder), "--database", empty.url)
        kill_during(command(*words, **path), lambda folder=folder: (folder / ".restoring").exists(), dice.uniform(0, 1.0))  # type: ignore[misc]  # a default keeps the loop's value
        assert bool(copy.ask("SELECT version_num FROM alembic_version")) == (copy.ask("SELECT id FROM quarantine") == [1])
    empty.empty()
    again = folder if (folder / ".restoring").exists() else tmp_path / "again"  # the last one may have been done before it was killed
    status, told = said("restore", str(tmp_path / "made.tar"), "--into", str(again), "--database", empty.url, **path)
    assert status == 0, told
    assert copy.ask("SELECT id FROM quarantine") == [1]


@pytest.fixture
def copy(instance: Path, tmp_path: Path, sink: Sink) -> Iterator[Program]:
    """A copy with a mail that waits, served by a real process that knows a mail server."""
    mail = 'INSERT INTO mails (message_id, "to", to_name, subject, text, "references", headers, created_at, state, tries, next_try_at) VALUES '
    values = "('<before@marlow.example>', 'mara@marlow.example', 'Mara', 'From before', 'Words', '[]', '{}', '2026-11-24 09:00:00', 'queued', 0, '2026-11-24 09:00:00')"
    with closing(sqlite3.connect(instance / "portal.db")) as connection:
        connection.execute(mail + values)
        connection.commit()
    assert said("--instance", str(instance), "backup", "--to", str(tmp_path / "made.tar"))[0] == 0
    folder = tmp_path / "copy"
    assert said("restore", str(tmp_path / "made.tar"), "--into", str(folder))[0] == 0
    program = Program(folder, f"sqlite:///{folder / 'portal.db'}")
    program.environment["HEARTH_SMTP_URL"] = sink.url
    yield program
    program.end()


def test_a_served_copy_sends_no_mail_until_it_is_released(copy: Program, sink: Sink) -> None:
    """Web and worker processes hold still through restarts and kills, and begin when the command says so."""
    for _ in range(2):
        served, worker = copy.start(), copy.start("worker")
        time.sleep(3)
        assert b"This is a restored copy." in _page(copy)
        served.kill()
        worker.kill()
        served.wait(10)
        worker.wait(10)
    assert (sink.connections, sink.taken) == (0, [])
    served = copy.start()
    status, words = said("--instance", str(copy.instance), "restore", "--release", "--waiting-mail", "send", HEARTH_SECRET_KEY=KEY)
    assert status == 0, words
    until(lambda: any(b"From before" in one for one in sink.taken), wait=60)
    assert b"This is a restored copy." not in _page(copy)
    assert len([one for one in sink.taken if b"From before" in one]) == 1
    asked_to_end(served)


def _page(program: Program) -> bytes:
    connection = program.connect()
    connection.request("GET", "/sign-in", headers={"Accept": "text/html"})
    page = connection.getresponse().read()
    connection.close()
    return page
