"""`portal backup`: one archive with everything in it, opened again before it counts; and nothing that only looks like one."""

import json
import os
import re
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from portal.kernel.holding import held, store_lock
from tests.flows.cli.conftest import Answer, environment
from tests.support.uploads import add_upload

pytestmark = pytest.mark.real_clock
Run = Callable[..., Answer]


def archives(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tar"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def made(run: Run, company: Path) -> Path:
    """A backup of a company with two uploads."""
    add_upload(company, b"the plan of the bicycle shed")
    add_upload(company, b"a second plan" * 100_000)
    answer = run("backup", "--to", str(company / "made.tar"), instance=company)
    assert answer.status == 0, answer.err
    return company / "made.tar"


def test_a_backup_says_where_it_is_and_what_it_holds(run: Run, company: Path) -> None:
    """In the instance folder when nothing else is said, readable by its owner only, and the doctor knows of it."""
    assert "ok      last backup: there is none yet" in run("doctor", instance=company).out
    answer = run("backup", instance=company)
    assert (answer.status, answer.err) == (0, "")
    (archive,) = archives(company / "backups")
    assert re.fullmatch(r"hearth-\d{8}T\d{6}Z\.tar", archive.name)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    where, holds = answer.out.strip().splitlines()
    assert where == str(archive)
    assert re.fullmatch(r"\d+ rows, 0 uploads, [\d.]+ [kM]B\. Verified\.", holds)
    assert names(company / "backups") == [archive.name]
    assert "ok      last backup: 0 min ago, verified" in run("doctor", instance=company).out


def test_what_is_in_it_can_be_had_with_tar_alone(made: Path, company: Path, tmp_path: Path) -> None:
    """The way out for a day on which there is no Hearth: tar, gzip, sqlite3."""
    with tarfile.open(made) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    subprocess.run("cat database/*.gz | gunzip > portal.db", shell=True, cwd=tmp_path / "out", check=True)
    with closing(sqlite3.connect(tmp_path / "out" / "portal.db")) as found, closing(sqlite3.connect(company / "portal.db")) as live:
        query = "SELECT id, name, email FROM persons ORDER BY id"
        assert found.execute(query).fetchall() == live.execute(query).fetchall() != []
    assert (tmp_path / "out" / "secret.key").read_text().strip() == (company / "secret.key").read_text().strip()
    assert (tmp_path / "out" / "hearth.toml").read_text() == (company / "hearth.toml").read_text()
    uploads = [path.read_bytes() for path in (tmp_path / "out" / "files").iterdir()]
    assert sorted(uploads) == sorted([b"the plan of the bicycle shed", b"a second plan" * 100_000])
    manifest = json.loads((tmp_path / "out" / "hearth-backup.json").read_text())
    assert (manifest["company"], manifest["tables"]["files"]) == ("Marlow Cycles", 2)


def test_a_backup_is_checked_on_demand(run: Run, made: Path) -> None:
    """Without an instance, on any machine that has the program."""
    answer = run("backup", "--verify", str(made))
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith(f"{made} is whole.\nMarlow Cycles, ")
    assert "2 uploads" in answer.out
    assert names(made.parent).count(made.name) == 1
    assert not [name for name in names(made.parent) if name.startswith(".hearth")]


@pytest.mark.parametrize("share", [0.001, 0.05, 0.2, 0.4, 0.6, 0.8, 0.97])
def test_a_single_changed_byte_is_found(run: Run, made: Path, share: float) -> None:
    """Wherever it is: in the first page, the database, an upload, the last page."""
    content = bytearray(made.read_bytes())
    place = _in_a_member(made, int(len(content) * share))
    content[place] ^= 0x10
    made.write_bytes(content)
    answer = run("backup", "--verify", str(made))
    assert answer.status == 1
    assert answer.line.startswith(f"portal: {made} is not whole: ")


def _in_a_member(archive: Path, wanted: int) -> int:
    """The nearest byte at or after ``wanted`` that belongs to somebody's data; padding between members carries nothing."""
    with tarfile.open(archive) as tar:
        spans = [(member.offset_data, member.offset_data + member.size) for member in tar if member.size]
    return next(max(start, wanted) for start, end in spans if wanted < end)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.95, 0.9999])
def test_half_a_backup_is_none(run: Run, made: Path, share: float) -> None:
    """However much of it there is."""
    content = made.read_bytes()
    with tarfile.open(made) as tar:
        end = max(member.offset_data + member.size for member in tar)
    made.write_bytes(content[: int(end * share)])
    answer = run("backup", "--verify", str(made))
    assert (answer.status, answer.out) == (1, "")
    assert " is not whole: " in answer.line


def test_uploads_that_were_lost_before_are_counted_and_the_rest_is_kept(run: Run, company: Path) -> None:
    """A backup of what there is beats none, and its exit status says that something is wrong."""
    lost, spoiled = add_upload(company, b"lost"), add_upload(company, b"spoiled")
    add_upload(company, b"sound")
    place = company / "files" / lost[:2] / lost[2:4] / lost
    place.unlink()
    (company / "files" / spoiled[:2] / spoiled[2:4] / spoiled).write_bytes(b"SPOILED")
    answer = run("backup", "--to", str(company / "made.tar"), instance=company)
    assert answer.status == 3
    assert "1 are named by the database and were not there" in answer.err
    assert "1 were damaged before" in answer.err
    assert run("backup", "--verify", str(company / "made.tar")).status == 3


def test_old_ones_go_after_a_new_one_was_verified_and_others_stay(run: Run, company: Path, tmp_path: Path) -> None:
    """Another portal's backups, a file with another name, and what merely looks like one are left alone."""
    folder = tmp_path / "backups"
    folder.mkdir()
    for number in (1, 2, 3):
        assert run("backup", "--to", str(folder), instance=company).status == 0
        archives(folder)[-1].rename(folder / f"hearth-2026010{number}T000000Z.tar")
    (folder / "hearth-20250101T000000Z.tar").write_bytes(b"not ours")
    other = shutil.copytree(company, tmp_path / "other")
    (other / "secret.key").write_text("another key of another portal, as long as the first\n")
    (other / "secret.key").chmod(0o600)
    assert run("backup", "--to", str(folder / "hearth-20250202T000000Z.tar"), instance=other).status == 0
    shutil.copyfile(folder / "hearth-20260101T000000Z.tar", folder / "keep-me.tar")
    assert run("backup", "--to", str(folder), "--keep", "2", instance=company).status == 0
    left = names(folder)
    assert left[:4] == ["hearth-20250101T000000Z.tar", "hearth-20250202T000000Z.tar", "hearth-20260103T000000Z.tar", left[3]]
    assert left[4:] == ["keep-me.tar"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--to", "made.tar"], "made.tar is there already. A backup never overwrites anything: choose another name."),
        (["--to", "nowhere/made.tar"], "nowhere does not exist."),
        (["--keep", "0"], "Invalid value for '--keep'"),
        (["--verify", "made.tar", "--keep", "2"], "--verify makes no backup, so it stands alone."),
        (["--verify", "nowhere.tar"], "File 'nowhere.tar' does not exist."),
    ],
)
def test_wrong_use_is_one_line(run: Run, company: Path, tmp_path: Path, arguments: list[str], line: str) -> None:
    """And changes nothing."""
    (tmp_path / "made.tar").write_text("something else")
    answer = run("backup", *arguments, instance=company)
    assert (answer.status, answer.out) == (2, "")
    assert line in answer.line
    assert (tmp_path / "made.tar").read_text() == "something else"


def test_without_room_there_is_a_sentence_and_nothing_else(company: Path, tmp_path: Path) -> None:
    """The disk fills up in the middle: no half archive, exit status 1, and the next one works."""
    add_upload(company, os.urandom(3_000_000))
    folder = tmp_path / "small"
    folder.mkdir()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))  # as a disk that is full does, without needing one

    command = [sys.executable, "-m", "portal", "--instance", str(company), "backup", "--to", str(folder)]
    full = subprocess.run(command, env=environment(), preexec_fn=limit, capture_output=True, text=True, timeout=60, check=False)
    assert (full.returncode, full.stdout) == (1, "")
    assert full.stderr == f"portal: There is no backup: there is not enough room in {folder}.\n"
    assert names(folder) == []
    assert subprocess.run(command, env=environment(), capture_output=True, timeout=60, check=False).returncode == 0
    assert len(names(folder)) == 1


def test_the_doctor_tells_of_a_backup_that_failed(run: Run, company: Path, tmp_path: Path) -> None:
    """With when it was, and why; where a nightly one is set, a missing one is a fault."""
    assert run("backup", "--to", str(company / "good.tar"), instance=company).status == 0
    (tmp_path / "file").write_text("")
    answer = run("backup", instance=company, HEARTH_BACKUP_TO=str(tmp_path / "file"))
    assert (answer.status, answer.line) == (1, f"portal: There is no backup: File exists: {tmp_path / 'file'}.")
    ill = run("doctor", instance=company)
    assert f"ok      last backup: 0 min ago, verified; the one 0 min ago failed: File exists: {tmp_path / 'file'}" in ill.out
    with closing(sqlite3.connect(company / "portal.db")) as connection:
        connection.execute("UPDATE backups SET begun_at = datetime('now', '-40 hours')")
        connection.commit()
    late = run("doctor", instance=company, HEARTH_BACKUP_TO=str(tmp_path))
    assert late.status == 1
    assert "BROKEN  last backup: 40 h ago, verified" in late.out


def test_uploads_are_not_swept_away_while_a_backup_copies_them(run: Run, company: Path) -> None:
    """The nightly sweep finds the lock taken and leaves everything where it is; the next night it does its work."""
    from portal.kernel.files import sweep
    from portal.kernel.settings import load
    from portal.starting import quiet_app
    from tests.support.stages import close

    orphan = company / "files" / "ab" / "cd" / ("abcd" + "0" * 60)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"nobody names me")
    os.utime(orphan, (0, 0))
    app = quiet_app(load({}, instance=company))
    try:
        with app.app_context():
            with held(store_lock(company)) as mine:
                assert mine
                sweep()
                assert orphan.exists()
            sweep()
            assert not orphan.exists()
    finally:
        close(app)
