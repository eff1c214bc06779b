"""`portal upgrade`: a verified backup first, then step by step, each all or nothing."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portal.kernel import migrating
from portal.kernel.holding import held
from portal.kernel.places import find_places
from tests.flows.cli.conftest import Answer
from tests.support.uploads import add_upload

pytestmark = pytest.mark.real_clock
Run = Callable[..., Answer]
NEXT = '''
"""A shed."""
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = {before!r}


def upgrade():
    op.create_table("sheds", sa.Column("id", sa.Integer, primary_key=True))
    {more}


def downgrade():
    op.drop_table("sheds")
'''


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Turn the program into its next version, whose migration does ``more``."""
    here = find_places()
    before = migrating.ScriptDirectory.from_config(migrating.config()).get_current_head()

    def install(more: str = "pass") -> None:
        folder = tmp_path / "migrations"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(here.migrations, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "versions" / "next.py").write_text(NEXT.format(before=before, more=more))
        monkeypatch.setattr(migrating, "find_places", lambda: replace(here, migrations=folder))

    return install


def tables(file: Path) -> list[Any]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]


def test_an_older_database_is_backed_up_and_then_brought_up(run: Run, company: Path, newer: Callable[..., None], tmp_path: Path) -> None:
    """Until then the other commands say what to do; afterwards there is nothing left to do."""
    before = tables(company / "portal.db")
    newer()
    for command in ("serve", "doctor", "worker"):
        refused = run(command, instance=company)
        assert (refused.status, refused.line) == (2, "portal: The database is of an older version than this program. Run `portal upgrade`.")
    done = run("upgrade", instance=company)
    (backup,) = (company / "backups").glob("hearth-*-before-*.tar")
    words = f"Backup: {backup}\nStep next is done.\nThe database is now of this version.\nThe doctor found nothing broken.\n"
    assert (done.status, done.out, done.err) == (0, words, "")
    assert run("backup", "--verify", str(backup)).status == 0
    assert run("restore", str(backup), "--into", str(tmp_path / "back")).status == 0
    assert tables(tmp_path / "back" / "portal.db") == before
    assert tables(company / "portal.db") == sorted([*before, "sheds"])
    assert run("upgrade", instance=company).out.startswith("Nothing to do")
    assert run("doctor", instance=company).status == 0


def test_a_migration_that_fails_changes_nothing(run: Run, company: Path, newer: Callable[..., None]) -> None:
    """Neither the tables it made nor the version; mended, the same command brings it up."""
    before = tables(company / "portal.db")
    newer('op.execute("INSERT INTO nowhere VALUES (1)")')
    failed = run("upgrade", instance=company)
    assert failed.status == 1
    assert failed.line.startswith("portal: The database does not answer as it should: no such table: nowhere")
    assert tables(company / "portal.db") == before
    newer()
    assert run("upgrade", instance=company).status == 0
    assert "sheds" in tables(company / "portal.db")


def test_without_a_backup_nothing_is_begun(run: Run, company: Path, newer: Callable[..., None], tmp_path: Path) -> None:
    """A migration without a way back is worse than an old version; whoever has a backup of their own may go on."""
    newer()
    (tmp_path / "file").write_text("")
    refused = run("upgrade", "--to", str(tmp_path / "file" / "folder"), instance=company)
    assert (refused.status, refused.out) == (1, "")
    assert refused.line.startswith("portal: There is no backup: ")
    assert refused.line.endswith("So nothing was upgraded; --no-backup goes on without one.")
    assert "sheds" not in tables(company / "portal.db")
    assert run("upgrade", "--no-backup", instance=company).status == 0
    assert "sheds" in tables(company / "portal.db")
    assert not (company / "backups").exists()


def test_one_upgrade_at_a_time(run: Run, company: Path, newer: Callable[..., None]) -> None:
    """The second is told so and changes nothing, not even by a backup."""
    newer()
    with held(company / "portal.upgrade.lock") as mine:
        assert mine
        refused = run("upgrade", instance=company)
    assert (refused.status, refused.out) == (1, "")
    assert refused.line == "portal: Another upgrade of this database is running. Wait for it: this one changed nothing."
    assert not (company / "backups").exists()
    assert run("upgrade", instance=company).status == 0


def test_a_newer_database_is_not_touched(run: Run, company: Path) -> None:
    """By an older program, which says what to install."""
    with closing(sqlite3.connect(company / "portal.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    refused = run("upgrade", instance=company)
    assert (refused.status, refused.out) == (2, "")
    assert refused.line == "portal: The database is newer than this program. Install the newer version of Hearth; nothing was changed."
    assert not (company / "backups").exists()


def test_the_doctor_has_the_last_word(run: Run, company: Path, newer: Callable[..., None]) -> None:
    """The database is of this version, and the exit status tells that something in it is broken."""
    add_upload(company, b"lost")
    shutil.rmtree(company / "files")
    newer()
    done = run("upgrade", instance=company)
    assert done.status == 3
    assert "The database is now of this version.\nBROKEN  Every stored file is there in full\n        file 1: " in done.out
    assert done.out.endswith("The doctor found something broken: see `portal doctor`.\n")
