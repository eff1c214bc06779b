"""`portal upgrade`: a copy first, then all or nothing."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portal.kernel import migrating
from portal.kernel.places import find_places
from tests.flows.cli.conftest import Answer

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


def test_an_older_database_is_copied_and_then_brought_up(run: Run, company: Path, newer: Callable[..., None]) -> None:
    """Until then the other commands say what to do; afterwards there is nothing left to do."""
    before = tables(company / "portal.db")
    newer()
    for command in ("serve", "doctor", "worker"):
        refused = run(command, instance=company)
        assert (refused.status, refused.line) == (2, "portal: The database is of an older version than this program. Run `portal upgrade`.")
    done = run("upgrade", instance=company)
    assert (done.status, done.out) == (0, "The database is now of this version.\n")
    (copy,) = company.glob("portal.before-upgrade-from-*.db")
    assert tables(copy) == before
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


def test_without_room_for_a_copy_nothing_is_begun(run: Run, company: Path, newer: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle of a migration is worse."""
    newer()
    monkeypatch.setattr(migrating.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]  # its type is private
    refused = run("upgrade", instance=company)
    assert refused.status == 2
    assert "There is not enough room in" in refused.line
    assert "sheds" not in tables(company / "portal.db")
