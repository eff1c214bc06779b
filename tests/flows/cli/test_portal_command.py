"""The `portal` command: help that a person understands, one clear line when something is wrong, never a traceback."""

import contextlib
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from portal.cli import portal
from tests.flows.cli.conftest import Answer, environment
from tests.support.net import free_ports

pytestmark = pytest.mark.real_clock
Run = Callable[..., Answer]
MISSING = "portal: There is no database here yet. Run `portal init` first, or `portal demo` for a made-up company."


def sql(instance: Path, *statements: str) -> list[tuple[object, ...]]:
    """What the statements answer in the instance's database; the last one counts."""
    with closing(sqlite3.connect(instance / "portal.db")) as connection:
        found: list[tuple[object, ...]] = []
        for statement in statements:
            found = connection.execute(statement).fetchall()
        connection.commit()
        return found


# -- words -----------------------------------------------------------------------------------------------------------


def test_the_command_introduces_itself(run: Run) -> None:
    """All commands with a line each, and the version."""
    answer = run("--help")
    assert (answer.status, answer.err) == (0, "")
    for name in ("init", "serve", "worker", "demo", "import-people", "upgrade", "doctor", "explain"):
        assert re.search(rf"^  {name} +\w.+", answer.out, re.MULTILINE), name
    assert run().out == answer.out
    assert re.fullmatch(r"Hearth \d+\.\d+\.\d+\n", run("--version").out)


@pytest.mark.parametrize("name", sorted(portal.commands))
def test_every_command_has_help_in_sentences(name: str) -> None:
    """No option without a word about it; asked for where nothing is set up yet."""
    import click

    command = portal.commands[name]
    text = command.get_help(click.Context(command, info_name=name))
    assert command.help
    assert command.help.strip()[0].isupper()
    assert re.search(r"[.:]\s", command.help + " ")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help
            assert parameter.help.rstrip().endswith(".")
    assert "Usage:" in text


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["server"], "portal: No such command 'server'."),
        (["serve", "--prot", "1"], "portal: No such option"),
        (["serve", "--port", "eight"], "portal: Invalid value for '--port': 'eight' is not a valid integer."),
        (["serve", "--port", "0"], "portal: port is 0; choose one between 1 and 65534 (uploads use the next one)."),
        (["explain", "MC-0001"], "portal: Missing argument 'THING'."),
        (["import-people"], "portal: Missing argument 'FILE'."),
        (["import-people", "nowhere.csv"], "portal: Invalid value for 'FILE': File 'nowhere.csv' does not exist."),
        (["--config", "nowhere.toml", "doctor"], "portal: There is no settings file at nowhere.toml."),
    ],
)
def test_wrong_use_is_one_line_and_exit_status_two(run: Run, arguments: list[str], line: str) -> None:
    """The line says what is wrong, and nothing else is printed."""
    answer = run(*arguments)
    assert (answer.status, answer.out) == (2, "")
    assert answer.line.startswith(line)


# -- what may be missing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["serve"], ["worker"], ["doctor"], ["upgrade"], ["explain", "MC-0001", "request:1"]])
def test_without_an_instance_the_next_step_is_named_and_nothing_is_made(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    """Looking into the wrong folder leaves nothing behind."""
    answer = run(*arguments)
    assert (answer.status, answer.line) == (2, MISSING)
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_a_slip_is_named(run: Run, company: Path) -> None:
    """Broken TOML, an unknown name, a wrong value: one line each."""
    for text, line in (
        ("port = ", "is not a TOML file we can read"),
        ("prot = 1", "has a setting we do not know: prot."),
        ("zone = 'X'", "zone is 'X'; write"),
    ):
        (company / "hearth.toml").write_text(text)
        answer = run("doctor", instance=company)
        assert (answer.status, line in answer.line) == (2, True)


@pytest.mark.parametrize("folder", ["/proc/hearth", "/dev/null/hearth"])
def test_a_folder_that_cannot_be_made_is_one_line(run: Run, folder: str) -> None:
    """And names the folder."""
    answer = run("init", "--name", "A", "--email", "a@b.example", "--company", "C", instance=folder)
    assert answer.status == 1
    assert folder in answer.line


@pytest.mark.parametrize(
    ("url", "status", "line"),
    [
        ("mysql://canary@db/x", 2, "portal: database_url must look like postgresql+psycopg://name:password@host/database, or sqlite:///file."),
        ("postgresql+psycopg://hearth:canary@127.0.0.1:1/x", 1, "portal: The database does not answer as it should:"),
        ("postgresql+psycopg://hearth:canary@/x?host=/nowhere", 1, "portal: The database does not answer as it should:"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "doctor", "upgrade", "worker"])
def test_a_database_that_is_away_is_one_line_without_the_password(run: Run, company: Path, command: str, url: str, status: int, line: str) -> None:
    """A wrong address is wrong use; one that does not answer is a failure."""
    answer = run(command, instance=company, HEARTH_DATABASE_URL=url)
    assert answer.status == status
    assert answer.line.startswith(line)
    assert "canary" not in answer.err


@pytest.mark.parametrize("content", [b"", b"this is no database at all, whatever its name says" * 100])
def test_a_file_that_is_no_database_is_one_line(run: Run, company: Path, content: bytes) -> None:
    """Empty or full of something else."""
    for name in ("portal.db", "portal.db-wal", "portal.db-shm"):
        (company / name).unlink(missing_ok=True)
    (company / "portal.db").write_bytes(content)
    answer = run("doctor", instance=company)
    assert answer.status in (1, 2)
    assert answer.line == MISSING or "file is not a database" in answer.line


def test_ports_in_use_are_named(run: Run, company: Path) -> None:
    """The portal's or the one for uploads; with the way out."""
    for step in (0, 1):
        port = free_ports(2)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port + step))
            taken.listen()
            answer = run("serve", "--port", str(port), instance=company)
        assert (answer.status, answer.out) == (2, "")
        assert answer.line.startswith(f"portal: Port {port + step} on ")
        assert answer.line.endswith("cannot be used (Address already in use). Choose another one with --port.")


def test_an_address_that_is_not_of_this_machine_is_named(company: Path) -> None:
    """Before anything is served."""
    command = [sys.executable, "-m", "portal", "--instance", str(company), "serve", "--host", "nowhere.invalid", "--port", str(free_ports(2))]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "portal: host is 'nowhere.invalid', which is no address of this machine.\n"


def test_a_fault_of_ours_is_one_line_unless_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback reaches anybody who did not ask."""
    import click

    from portal import cli

    monkeypatch.setattr(sys, "argv", ["portal", "break"])
    monkeypatch.setitem(portal.commands, "break", click.Command("break", callback=lambda: {}["canary"]))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 70
    assert capsys.readouterr().err == "portal: This is a fault in Hearth (KeyError: 'canary'). With HEARTH_LOG_LEVEL=DEBUG the details are shown.\n"
    monkeypatch.setitem(portal.commands, "break", click.Command("break", callback=lambda: signal.raise_signal(signal.SIGINT)))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background of a shell ignores Ctrl C
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ended.value.code, capsys.readouterr().err.strip()) == (130, "portal: Stopped.")


# -- init ------------------------------------------------------------------------------------------------------------


def test_init_makes_everything_and_hands_over_a_link(company: Path) -> None:
    """Folder and key for the owner only, the catalogue in place, the administrator waiting for a password."""
    said = (company / "said.txt").read_text()
    assert said.startswith("Hearth for Marlow Cycles is ready in ")
    assert re.search(r"^  http://127\.0\.0\.1:8000/link/welcome/[\w-]{43}$", said, re.MULTILINE)
    assert (company / "hearth.toml").read_text() == 'company = "Marlow Cycles"\nzone = "Europe/Berlin"\n'
    assert (company / "secret.key").stat().st_mode & 0o777 == 0o600
    assert sql(company, "SELECT staff_number, name, email FROM persons") == [("ADMIN-1", "Ada Lind", "ada.lind@marlow.example")]
    assert sql(company, "SELECT count(*) FROM services") == [(56,)]
    assert sql(company, "SELECT role FROM role_grants") == [("administrator",)]


def test_init_again_makes_a_new_link_until_somebody_came_in(run: Run, company: Path) -> None:
    """The first link lives fifteen minutes; the settings stay as they are; once there is a password, nobody gets in this way."""
    facts = ("--name", "Ada Lind", "--email", "ada.lind@marlow.example", "--company", "Other name")
    again = run("init", *facts, instance=company)
    assert (again.status, "Hearth for Marlow Cycles is ready" in again.out) == (0, True)
    assert sql(company, "SELECT count(*) FROM persons") == [(1,)]
    person = sql(company, "SELECT id FROM persons")[0][0]
    sql(company, f"INSERT INTO credentials (person_id, password, changed_at) VALUES ({person}, 'x', '2026-11-24 09:00:00')")
    refused = run("init", *facts, instance=company)
    assert (refused.status, refused.line) == (2, "portal: There is an administrator already. They can invite others under Administration.")


def test_init_asks_for_what_was_not_said(run: Run, tmp_path: Path) -> None:
    """Name, address and company, one after the other."""
    answer = run("init", instance="new", typed='Ada Lind\nada.lind@marlow.example\nMarlow "Cycles" & Söhne\n')
    assert answer.status == 0, answer.err
    assert "Your name: Your work e-mail: Name of the company: " in answer.out
    assert 'company = "Marlow \\"Cycles\\" & Söhne"' in (tmp_path / "new" / "hearth.toml").read_text()
    stopped = run("init", instance="other", typed="Ada\n")
    assert (stopped.status, stopped.err.strip().splitlines()[-1]) == (130, "portal: Stopped.")
    assert not (tmp_path / "other").exists()


def test_init_with_a_slip_can_be_repeated(run: Run, tmp_path: Path) -> None:
    """Nothing half made stands in the way."""
    facts = ("--name", "Ada Lind", "--email", "ada.lind@marlow.example", "--company", "Marlow")
    for slip in (("--zone", "Berlin"), ("--company", "two\nlines")):
        assert run("init", *facts, *slip, instance="new").status == 2
        assert not (tmp_path / "new").exists()
    assert run("init", *facts, instance="new").status == 0


# -- upgrade, doctor, explain ----------------------------------------------------------------------------------------


def test_upgrade_has_nothing_to_do_on_a_fresh_instance(run: Run, company: Path) -> None:
    """And says so."""
    answer = run("upgrade", instance=company)
    assert (answer.status, answer.out) == (0, "Nothing to do: the database is of this version already.\n")


def test_a_newer_database_is_left_alone(run: Run, company: Path) -> None:
    """An older program never touches what it does not know."""
    sql(company, "UPDATE alembic_version SET version_num = '9999'")
    before = sql(company, "SELECT version_num FROM alembic_version")
    for command in ("upgrade", "serve", "doctor", "worker"):
        answer = run(command, instance=company)
        assert answer.status == 2
        assert answer.line == "portal: The database is newer than this program. Install the newer version of Hearth; nothing was changed."
    assert sql(company, "SELECT version_num FROM alembic_version") == before
    assert not list(company.glob("*before-upgrade*"))


def test_the_doctor_finds_nothing_in_a_fresh_instance_and_names_a_broken_row(run: Run, company: Path) -> None:
    """Exit status 1 when something that must be true is not."""
    well = run("doctor", instance=company)
    assert (well.status, well.err) == (0, "")
    assert all(line.startswith("ok ") for line in well.out.splitlines())
    service, department = sql(company, "SELECT id, department_id FROM services")[0]
    person = sql(company, "SELECT id FROM persons")[0][0]
    columns = {name: kind for _, name, kind, need, default, _ in sql(company, "PRAGMA table_info(requests)") if need and default is None}
    blank = {
        name: "''" if "CHAR" in str(kind) or "TEXT" in str(kind) else "'2026-11-24 09:00:00'" if "DATE" in str(kind) else "0" for name, kind in columns.items()
    }
    blank |= {"id": "1", "title": "'Radiator'", "service_id": str(service), "department_id": str(department), "requester_id": str(person), "answers": "'{}'"}
    blank |= {"filed_by_id": str(person), "status": "'closed'", "priority": "'normal'", "is_open": "1", "channel": "'web'"}
    for reference in ("calendar_version_id", "promise_version_id"):
        table = reference.removesuffix("_id") + "s"
        blank[reference] = str(sql(company, f"SELECT min(id) FROM {table}")[0][0])
    sql(company, f"INSERT INTO requests ({', '.join(map(str, blank))}) VALUES ({', '.join(blank.values())})")
    ill = run("doctor", instance=company)
    assert ill.status == 1
    assert "BROKEN  A request is open exactly while its status says so" in ill.out
    assert re.search(r"^BROKEN  A request is open exactly.*\n +\S.*\b1\b", ill.out, re.MULTILINE), ill.out


def test_explain_answers_in_rules_and_refuses_in_lines(run: Run, company: Path) -> None:
    """Unknown people, unknown things and unknown requests are told apart."""
    for arguments, line in (
        (("nobody", "request:1"), "portal: Nobody has the staff number or address 'nobody'."),
        (("ADMIN-1", "request"), "portal: 'request' is nothing we can explain. Write it like request:4127."),
        (("ADMIN-1", "request:x"), "portal: 'request:x' is nothing we can explain. Write it like request:4127."),
        (("ADMIN-1", "article:1"), "portal: 'article:1' is nothing we can explain. Write it like request:4127."),
        (("ADMIN-1", "request:99999999999999999999"), "portal: There is no request with this number."),
        (("ada.lind@marlow.example", "request:1"), "portal: There is no request with this number."),
    ):
        answer = run("explain", *arguments, instance=company)
        assert (answer.status, answer.line) == (2, line)


def test_import_people_shows_first_and_takes_over_when_told(run: Run, company: Path, tmp_path: Path) -> None:
    """The same file twice changes nothing."""
    file = tmp_path / "people.csv"
    file.write_text("staff_number,name,email,department\nMC-1,Mara Okafor,mara@marlow.example,Marketing\n")
    taken = run("import-people", str(file), "--yes", instance=company)
    assert taken.status == 0, taken.err + taken.out
    assert sql(company, "SELECT name FROM persons WHERE staff_number = 'MC-1'") == [("Mara Okafor",)]
    before = sql(company, "SELECT * FROM persons")
    assert run("import-people", str(file), "--yes", instance=company).status == 0
    assert sql(company, "SELECT * FROM persons") == before


# -- serve and worker ------------------------------------------------------------------------------------------------


def started(company: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    """The command running, after it said that it is ready."""
    command = [sys.executable, "-m", "portal", "--instance", str(company), *arguments]
    process = subprocess.Popen(command, env=environment(**settings), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "Ctrl C ends it" in process.stdout.readline()
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_and_ends_when_asked(company: Path, number: signal.Signals) -> None:
    """It says where it is, answers there, and leaves one whole database file behind."""
    port = free_ports(2)
    process = started(company, "serve", "--port", str(port), HEARTH_LOG_LEVEL="ERROR")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=10) as answer:
        assert answer.read() == b"alive\n"
    begun = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    assert time.monotonic() - begun < 8
    assert not (company / "portal.db-wal").exists()


def test_a_worker_beside_the_server_ends_when_asked(company: Path) -> None:
    """With a log file of its own."""
    process = started(company, "worker")
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert (company / "logs").is_dir()


def test_sockets_of_the_service_manager_are_used(company: Path) -> None:
    """Two listening sockets are handed over as systemd does; a restart then refuses nobody."""
    with socket.socket() as portal_socket, socket.socket() as content_socket:
        for given in (portal_socket, content_socket):
            given.bind(("127.0.0.1", 0))
            given.listen()
        # The portal's own sockets must be numbers 3 and 4 in the child.
        hand_over = f"import os,sys; os.dup2({portal_socket.fileno()}, 3); os.dup2({content_socket.fileno()}, 4); os.execv(sys.executable, sys.argv[1:])"
        command = [sys.executable, "-c", hand_over, sys.executable, "-m", "portal", "--instance", str(company), "serve"]
        ports = [given.getsockname()[1] for given in (portal_socket, content_socket)]
        process = subprocess.Popen(
            command,
            env=environment(LISTEN_FDS="2", HEARTH_LOG_LEVEL="ERROR"),
            pass_fds=(portal_socket.fileno(), content_socket.fileno(), *{3, 4} - {portal_socket.fileno(), content_socket.fileno()} & _open()),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert "Hearth is at" in process.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/livez", timeout=10) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/livez", timeout=10)
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 0
        # The sockets live on: whoever connects now waits for the next process instead of being refused.
        with socket.create_connection(("127.0.0.1", ports[0]), timeout=5):
            pass


def _open() -> set[int]:
    found = set()
    for number in (3, 4):
        with contextlib.suppress(OSError):
            os.fstat(number)
            found.add(number)
    return found


def test_a_copy_of_the_folder_is_a_copy_of_everything(run: Run, company: Path, tmp_path: Path) -> None:
    """Database, key and settings lie in one folder."""
    assert run("doctor", instance=shutil.copytree(company, tmp_path / "copy")).status == 0
