"""`portal restore`: into an empty place, whole or not at all, in quarantine until somebody releases it."""

import io
import json
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portal.kernel import migrating
from portal.kernel.keeping import archive
from tests.flows.cli.conftest import Answer
from tests.support.uploads import add_upload

pytestmark = pytest.mark.real_clock
Run = Callable[..., Answer]


def rows(instance: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(instance / "portal.db")) as connection:
        return connection.execute(query).fetchall()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.fixture
def made(run: Run, company: Path) -> Path:
    """A backup of a company with two uploads."""
    add_upload(company, b"the plan of the bicycle shed")
    add_upload(company, b"a second plan" * 100_000)
    assert run("backup", "--to", str(company / "made.tar"), instance=company).status == 0
    return company / "made.tar"


def test_everything_comes_back_and_nothing_leaves(run: Run, company: Path, made: Path, tmp_path: Path) -> None:
    """Rows, uploads, key and settings; the way on is said; the doctor says what this is."""
    copy = tmp_path / "copy"
    answer = run("restore", str(made), "--into", str(copy))
    assert (answer.status, answer.err) == (0, "")
    assert f"{copy} holds Marlow Cycles of " in answer.out
    assert "It is in quarantine: nothing leaves it." in answer.out
    assert f"portal --instance {copy} restore --release" in answer.out
    assert names(copy) == {"portal.db", "files", "secret.key", "hearth.toml"}
    assert rows(copy, "SELECT * FROM persons ORDER BY id") == rows(company, "SELECT * FROM persons ORDER BY id") != []
    assert {p.name: p.read_bytes() for p in (copy / "files").rglob("*") if p.is_file()} == {
        p.name: p.read_bytes() for p in (company / "files").rglob("*") if p.is_file()
    }
    assert (copy / "secret.key").read_text() == (company / "secret.key").read_text().strip() + "\n"
    assert {stat.S_IMODE((copy / name).stat().st_mode) for name in ("secret.key", "hearth.toml", "portal.db")} == {0o600}
    doctor = run("doctor", instance=copy)
    assert doctor.status == 0
    assert "ok      quarantine: this is a copy of " in doctor.out


def test_a_copy_never_opens_the_database_of_the_original(run: Run, company: Path, made: Path, tmp_path: Path) -> None:
    """Where that one lies stands in the settings; in the copy it is a remark, and so is a key that stood there."""
    text = f"database_url = 'sqlite:///{company / 'portal.db'}'\nsecret_key = \"a key in the settings file, long enough to be one\"\n"
    with (company / "hearth.toml").open("a") as settings:
        settings.write(text)
    assert run("backup", "--to", str(tmp_path / "second.tar"), instance=company).status == 0
    assert run("restore", str(tmp_path / "second.tar"), "--into", str(tmp_path / "copy")).status == 0
    settled = (tmp_path / "copy" / "hearth.toml").read_text()
    assert "# of the original: database_url\n# of the original: secret_key\n" in settled
    assert str(company) not in settled
    assert (tmp_path / "copy" / "secret.key").read_text() == "a key in the settings file, long enough to be one\n"
    assert "ok      quarantine" in run("doctor", instance=tmp_path / "copy").out
    assert "quarantine" not in run("doctor", instance=company).out


@pytest.mark.parametrize("inside", ["portal.db", "notes.txt", "files"])
def test_a_place_that_is_not_empty_is_left_alone(run: Run, made: Path, tmp_path: Path, inside: str) -> None:
    """Whatever is in it."""
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / inside).write_text("mine")
    answer = run("restore", str(made), "--into", str(tmp_path / "copy"))
    assert (answer.status, answer.out) == (2, "")
    assert answer.line == f"portal: {tmp_path / 'copy'} is not empty. A restore never overwrites anything: name a folder that is empty, or new."
    assert (tmp_path / "copy" / inside).read_text() == "mine"
    assert names(tmp_path / "copy") == {inside}


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 0.97])
def test_a_damaged_backup_leaves_the_place_empty(run: Run, made: Path, tmp_path: Path, share: float) -> None:
    """A byte that changed, anywhere."""
    content = bytearray(made.read_bytes())
    with tarfile.open(made) as tar:
        spans = [(member.offset_data, member.offset_data + member.size) for member in tar if member.size]
    content[next(max(start, int(len(content) * share)) for start, end in spans if len(content) * share < end)] ^= 1
    made.write_bytes(content)
    answer = run("restore", str(made), "--into", str(tmp_path / "copy"))
    assert answer.status == 1
    assert answer.line.startswith(f"portal: {made} was not restored: ")
    assert names(tmp_path / "copy") == set()


def forged(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """An archive with these members."""
    with tarfile.open(path, "w") as tar:
        for member, content in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))
    return path


def head_of(made: Path, **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    manifest = replace(archive.manifest_of(made), **changes)
    return tarfile.TarInfo(archive.HEAD), json.dumps(manifest.__dict__).encode()


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = tarfile.SYMTYPE, target
    return made, b""


@pytest.mark.parametrize(
    "member",
    [
        (tarfile.TarInfo("../outside"), b"x"),
        (tarfile.TarInfo("/tmp/outside"), b"x"),
        (tarfile.TarInfo("files/../../outside"), b"x"),
        (tarfile.TarInfo("files/" + "0" * 63), b"x"),
        (tarfile.TarInfo("portal.db"), b"x"),
        (tarfile.TarInfo("database/000002.gz"), b"x"),
        link("files/" + "0" * 64, "/etc/passwd"),
        link("secret.key", "/etc/passwd"),
    ],
    ids=lambda member: member[0].name[:20],
)
def test_an_archive_cannot_write_where_it_likes(run: Run, made: Path, tmp_path: Path, member: Any) -> None:
    """Names we do not write ourselves, links, and pieces out of order are refused, whoever made the archive."""
    answer = run("restore", str(forged(tmp_path / "forged.tar", head_of(made), member)), "--into", str(tmp_path / "copy"))
    assert answer.status == 1
    assert "was not restored" in answer.line
    assert names(tmp_path / "copy") == set()
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"revision": "9999"}, "its data is newer than this program"),
        ({"format": 2}, "it was made by a newer version of Hearth"),
        ({"made_at": "yesterday"}, "its first page cannot be read"),
    ],
)
def test_what_this_program_does_not_understand_is_refused(run: Run, made: Path, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    """With what to do."""
    answer = run("restore", str(forged(tmp_path / "forged.tar", head_of(made, **changes))), "--into", str(tmp_path / "copy"))
    assert answer.status == 1
    assert words in answer.line
    assert names(tmp_path / "copy") == set()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "Say which backup goes where"),
        (["{made}"], "Say which backup goes where"),
        (["{made}", "--into", "{copy}", "--database", "mysql://x"], "database_url must look like postgresql+psycopg://"),
        (["{made}", "--into", "{copy}", "--database", "sqlite:///x.db"], "--database is for PostgreSQL"),
        (["{made}", "--into", "{copy}", "--database", "postgresql+psycopg://a@b/c"], "This backup is of a SQLite database"),
        (["{made}", "--into", "{made}"], "is not a folder"),
        (["{made}", "--release"], "--release restores nothing"),
    ],
)
def test_wrong_use_is_one_line(run: Run, made: Path, tmp_path: Path, arguments: list[str], line: str) -> None:
    """And exit status 2."""
    answer = run("restore", *[part.format(made=made, copy=tmp_path / "copy") for part in arguments])
    assert answer.status == 2
    assert line in answer.line
    assert not (tmp_path / "copy").exists()


def test_a_restore_that_was_cut_off_is_begun_anew(run: Run, made: Path, tmp_path: Path) -> None:
    """What it left is not taken for a portal, and is replaced."""
    copy = tmp_path / "copy"
    (copy / ".restoring" / "files" / "00").mkdir(parents=True)
    (copy / ".restoring" / "portal.db").write_text("half")
    (copy / "files" / "11").mkdir(parents=True)
    (copy / "secret.key").write_text("half")
    assert "There is no database here yet" in run("doctor", instance=copy).line
    assert run("restore", str(made), "--into", str(copy)).status == 0
    assert names(copy) == {"portal.db", "files", "secret.key", "hearth.toml"}
    assert not (copy / "files" / "11").exists()
    assert run("doctor", instance=copy).status == 0


def test_a_backup_of_an_older_version_is_restored_and_then_upgraded(run: Run, company: Path, made: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """The other commands say so meanwhile; the copy stays in quarantine through the upgrade."""
    assert run("restore", str(made), "--into", str(tmp_path / "copy")).status == 0
    here = migrating.find_places()
    folder = tmp_path / "migrations"
    shutil.copytree(here.migrations, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = f'"""A shed."""\nimport sqlalchemy as sa\nfrom alembic import op\nrevision = "next"\ndown_revision = "{migrating.head()}"\n'
    steps = 'def upgrade():\n    op.create_table("sheds", sa.Column("id", sa.Integer, primary_key=True))\ndef downgrade():\n    op.drop_table("sheds")\n'
    (folder / "versions" / "next.py").write_text(text + steps)
    monkeypatch.setattr(migrating, "find_places", lambda: replace(here, migrations=folder))
    assert run("backup", "--verify", str(made)).status == 0
    assert run("restore", str(made), "--into", str(tmp_path / "second")).status == 0
    assert "older version" in run("doctor", instance=tmp_path / "second").line
    assert run("upgrade", instance=tmp_path / "second").status == 0
    assert "ok      quarantine" in run("doctor", instance=tmp_path / "second").out


def test_releasing_asks_about_mail_from_before_the_backup(run: Run, company: Path, tmp_path: Path) -> None:
    """Counted, in words; without a decision nothing is released; a second release is told that there is nothing to do."""
    mail = 'INSERT INTO mails (message_id, "to", to_name, subject, text, "references", headers, created_at, state, tries, next_try_at) VALUES '
    with closing(sqlite3.connect(company / "portal.db")) as connection:
        for number, state in enumerate(("queued", "sending", "sent")):
            values = f"('<{number}@marlow.example>', 'mara@marlow.example', 'Mara', 'News', 'Words', '[]', '{{}}', '2026-11-24 09:00:00', '{state}', 0, NULL)"
            connection.execute(mail + values)
        connection.commit()
    assert run("backup", "--to", str(tmp_path / "made.tar"), instance=company).status == 0
    assert run("restore", str(tmp_path / "made.tar"), "--into", str(tmp_path / "copy")).status == 0
    states = "SELECT message_id, state FROM mails ORDER BY message_id"
    asked = run("restore", "--release", instance=tmp_path / "copy")
    assert asked.status == 2
    assert "2 mails are written and were not sent" in asked.out
    assert "--waiting-mail drop, or --waiting-mail send" in asked.line
    assert [state for _, state in rows(tmp_path / "copy", states)] == ["queued", "sending", "sent"]
    dropped = run("restore", "--release", "--waiting-mail", "drop", instance=tmp_path / "copy")
    assert dropped.status == 0
    assert [state for _, state in rows(tmp_path / "copy", states)] == ["failed", "failed", "sent"]
    assert rows(tmp_path / "copy", "SELECT count(*) FROM quarantine") == [(0,)]
    assert rows(tmp_path / "copy", "SELECT event FROM activity ORDER BY id DESC LIMIT 1") == [("admin.copy.released",)]
    again = run("restore", "--release", "--waiting-mail", "send", instance=tmp_path / "copy")
    assert again.status == 2
    assert "This portal is not in quarantine" in again.line
    assert [state for _, state in rows(tmp_path / "copy", states)] == ["failed", "failed", "sent"]


def test_a_portal_that_works_cannot_be_released(run: Run, company: Path) -> None:
    """A slip of the instance drops nobody's mail."""
    answer = run("restore", "--release", "--waiting-mail", "drop", instance=company)
    assert answer.status == 2
    assert "This portal is not in quarantine" in answer.line
