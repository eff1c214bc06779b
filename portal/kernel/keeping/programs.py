"""PostgreSQL's own programs, which write and read its dumps: found, chosen by version, started with nothing secret on their command line."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import sqlalchemy as sa

from portal.kernel.settings import SettingsError

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin")
CHUNK = 1024**2
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "username": "PGUSER",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "database": "PGDATABASE",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}
"""Parts of a database address and the variables PostgreSQL's programs read them from."""


class Failed(Exception):
    """A program ended badly; the text is the last it said."""


@dataclass(frozen=True)
class Program:
    """One of PostgreSQL's programs and its major version."""

    path: Path
    major: int


def find(name: str, server: int) -> Program:
    """The oldest program ``name`` that is not older than a server of major version ``server``.

    An older one fails or leaves things out; raises SettingsError with what to install.
    """
    found = {program.major: program for program in _all(name)}
    fit = min((major for major in found if major >= server), default=None)
    if fit is not None:
        return found[fit]
    older = f" Found is only version {max(found)}." if found else ""
    raise SettingsError(f"The database is PostgreSQL {server}, and {name} of that version is not on this machine.{older} Install postgresql-client-{server}.")


def _all(name: str) -> Iterator[Program]:
    folders = [folder for pattern in PLACES for folder in sorted(Path("/").glob(pattern[1:]))]
    places = [*(folder / name for folder in folders), *(Path(folder) / name for folder in reversed(os.get_exec_path()))]
    for place in places:
        if (version := _version(place)) is not None:
            yield Program(place, version)


def _version(place: Path) -> int | None:
    if not os.access(place, os.X_OK) or place.is_dir():
        return None
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run([place, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603  a program of PostgreSQL
        if number := re.search(r"\(PostgreSQL\) (\d+)", said):
            return int(number[1])
    return None


def environment(url: sa.URL) -> dict[str, str]:
    """Variables that lead a program to the database at ``url``; a password on a command line could be read by everybody on the machine."""
    kept = {name: value for name in ("PATH", "HOME", "LANG", "TMPDIR") if (value := os.environ.get(name))}
    parts = {"host": url.host, "port": url.port, "username": url.username, "password": url.password, "database": url.database}
    parts |= {key: value for key, value in url.query.items() if isinstance(value, str)}
    return kept | {_VARIABLES[key]: str(value) for key, value in parts.items() if value is not None and key in _VARIABLES}


def output(program: Program, *arguments: str, url: sa.URL) -> Iterator[bytes]:
    """What a program writes, in chunks; raises Failed at the end when it did not end well."""
    with _running(program, arguments, environment(url), listens=False) as pipe:
        while chunk := pipe.read(CHUNK):
            yield chunk


def taking(program: Program, *arguments: str) -> AbstractContextManager[IO[bytes]]:
    """A program that reads what is written to it; raises Failed at the end when it did not end well."""
    return _running(program, arguments, environment(sa.URL.create("postgresql")), listens=True)


def said(program: Program, *arguments: str, url: sa.URL) -> str:
    """All a program says; raises Failed when it did not end well."""
    done = subprocess.run([program.path, *arguments], env=environment(url), capture_output=True, text=True, check=False)  # noqa: S603  a program of PostgreSQL
    if done.returncode:
        raise Failed(_last_words(done.stderr))
    return done.stdout


@contextmanager
def _running(program: Program, arguments: tuple[str, ...], settings: dict[str, str], *, listens: bool) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as complaints:  # not a pipe: nobody reads it while the data flows
        process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  a program of PostgreSQL
            [program.path, *arguments],
            env=settings,
            stdin=subprocess.PIPE if listens else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if listens else subprocess.PIPE,
            stderr=complaints,
        )
        pipe = cast(IO[bytes], process.stdin if listens else process.stdout)
        try:
            yield pipe
        except BrokenPipeError:
            process.kill()  # it stopped to listen; why is said below
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            with suppress(BrokenPipeError):
                pipe.close()
        if process.wait():
            complaints.seek(0)
            raise Failed(_last_words(complaints.read().decode("utf-8", "replace")))


def _last_words(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return (lines[0] if lines else "it said nothing")[:300]


def server_version(connection: sa.Connection) -> int:
    """The major version of the server behind a connection."""
    number = connection.execute(sa.text("SHOW server_version_num")).scalar_one()
    return int(number) // 10000
