"""Putting an archive back, into a place that is empty, and into quarantine. Nothing there counts as a portal before all of it is there.

On SQLite everything is unpacked in a folder of its own beside its place, marked, and moved; the database comes last. On PostgreSQL
the version of the data is written last, in one transaction with the mark: without it no program of ours starts.
"""

import json
import os
import re
import shutil
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from portal.kernel.holding import held
from portal.kernel.keeping import archive, checking, programs, snapshot
from portal.kernel.keeping.archive import Content, Damaged, Manifest, Sink
from portal.kernel.quarantine import Quarantine
from portal.kernel.settings import FILE_NAME, SettingsError

HALF = ".restoring"
"""The folder of a restore that is under way, or was cut off."""
OWN = ("files", "secret.key", FILE_NAME, "logs")
"""What a restore that was cut off may have left beside it; nobody else can have: the folder was empty when it began."""
Say = Callable[[str], None]


class NotRestored(Exception):
    """The archive was not put back; the text says why, for an operator."""


@dataclass(frozen=True)
class Restored:
    """A copy in quarantine."""

    folder: Path
    manifest: Manifest
    content: Content


def restore(path: Path, into: Path, *, url: str = "", now: datetime) -> Restored:
    """Put the archive back into the empty folder ``into`` (and the empty PostgreSQL database at ``url``), in quarantine.

    Raises NotRestored, or SettingsError for wrong use; then the place is as empty as before.
    """
    try:
        manifest = archive.manifest_of(path)
        checking.known(manifest)
        _fitting(manifest, url)
        _require_empty(into)
        with _empty_database(url) as engine:
            return _into_folder(path, into, engine, url, now)
    except Damaged as error:
        raise NotRestored(f"{path} was not restored: {error}") from error
    except programs.Failed as error:
        raise NotRestored(f"the database did not take it: {error}. Make it anew, empty, and try again.") from error
    except (OSError, sqlite3.Error) as error:
        raise NotRestored(f"{getattr(error, 'strerror', None) or error}: {getattr(error, 'filename', None) or into}") from error


def _fitting(manifest: Manifest, url: str) -> None:
    if manifest.database == "sqlite" and url:
        raise SettingsError("This backup is of a SQLite database, so it goes into a folder alone. Leave --database out.")
    if manifest.database != "sqlite" and not url:
        raise SettingsError("This backup is of a PostgreSQL database. Say into which empty one it goes: --database postgresql+psycopg://...")


def _require_empty(into: Path) -> None:
    if into.exists() and not into.is_dir():
        raise SettingsError(f"{into} is not a folder.")
    into.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = {entry.name for entry in into.iterdir()}
    left = {HALF, *OWN} if HALF in names else set()
    if names - left:
        raise SettingsError(f"{into} is not empty. A restore never overwrites anything: name a folder that is empty, or new.")


@contextmanager
def _empty_database(url: str) -> Iterator[sa.Engine | None]:
    """An engine for the empty database at ``url``; None without one."""
    if not url:
        yield None
        return
    engine = sa.create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 5}, hide_parameters=True)
    try:
        with engine.connect() as connection:
            if names := sa.inspect(connection).get_table_names():
                raise SettingsError(f"The database holds {len(names)} tables already. A restore never overwrites anything: name an empty database.")
        yield engine
    finally:
        engine.dispose()


def _into_folder(path: Path, into: Path, engine: sa.Engine | None, url: str, now: datetime) -> Restored:
    half = into / HALF
    half.mkdir(exist_ok=True, mode=0o700)
    with held(half / "lock") as mine:
        if not mine:
            raise SettingsError(f"Another restore into {into} is under way.")
        _clear(into)
        try:
            manifest, content = _unpacked(path, half)
            if engine is None:
                _mark_sqlite(half / "portal.db", manifest, path, now)
            else:
                _load(engine, half / "database", manifest, path, now)
            _settle_settings(half / FILE_NAME, url)
            _move(half, into)
        except BaseException:
            if not (into / "portal.db").exists():
                _clear(into)
                shutil.rmtree(half, ignore_errors=True)
            raise
    shutil.rmtree(half, ignore_errors=True)
    return Restored(into, manifest, content)


def _clear(into: Path) -> None:
    """Remove what a restore that was cut off left behind; the lock in its folder is ours and stays."""
    for name in OWN:
        _remove(into / name)
    for entry in (into / HALF).iterdir():
        if entry.name != "lock":
            _remove(entry)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)


def _unpacked(path: Path, half: Path) -> tuple[Manifest, Content]:
    with ExitStack() as stack:
        parts = checking.Parts(stack)

        def place(name: str) -> Sink:
            if name.startswith("files/"):
                digest = name.removeprefix("files/")
                return parts.file(half / "files" / digest[:2] / digest[2:4] / digest)
            return parts.file(half / name)

        manifest, content = archive.read(path, place)
    if "database" not in content.parts or "secret.key" not in content.parts:
        raise Damaged("there is no database or no key in it")
    if manifest.database == "sqlite":
        checking.open_sqlite(half / "database", manifest)
        (half / "database").rename(half / "portal.db")
    return manifest, content


def _mark_sqlite(file: Path, manifest: Manifest, path: Path, now: datetime) -> None:
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=NullPool)
    with engine.begin() as connection:
        _mark(connection, manifest, path, now)
    engine.dispose()
    # The last connection writes the log back into the file, which is all that is moved.
    if (rest := Path(f"{file}-wal")).exists() and rest.stat().st_size:
        raise NotRestored("The mark of the quarantine could not be written into the database.")


def _mark(connection: sa.Connection, manifest: Manifest, path: Path, now: datetime) -> None:
    connection.execute(sa.delete(Quarantine))  # a backup of a copy that was in quarantine itself
    connection.execute(sa.insert(Quarantine).values(id=1, backup_at=manifest.moment, restored_at=now, archive=str(path.resolve())[-500:]))


def _load(engine: sa.Engine, dump: Path, manifest: Manifest, path: Path, now: datetime) -> None:
    """Everything but the version of the data, and then the version together with the mark."""
    with engine.connect() as connection:
        program = programs.find("pg_restore", programs.server_version(connection))
    table = programs.said(program, "--list", str(dump), url=engine.url)
    wanted = dump.with_name("list")
    wanted.write_text("".join(line for line in table.splitlines(keepends=True) if not re.search(r" TABLE DATA \S+ alembic_version ", line)))
    options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", f"--use-list={wanted}", f"--dbname={engine.url.database}")
    programs.said(program, *options, str(dump), url=engine.url)
    with engine.begin() as connection:
        if (rows := snapshot.rows(connection)) != manifest.tables:
            wrong = sorted(name for name in rows if rows[name] != manifest.tables.get(name))
            raise NotRestored(f"The number of rows does not match in {', '.join(wrong[:5])}. Make the database anew, empty, and try again.")
        _mark(connection, manifest, path, now)
        connection.execute(sa.insert(sa.table("alembic_version", sa.column("version_num"))).values(version_num=manifest.revision))
    dump.unlink()
    wanted.unlink()


_ASSIGNS = re.compile(r"^\s*[\"']?(database_url|secret_key)[\"']?\s*=.*$", re.MULTILINE)


def _settle_settings(file: Path, url: str) -> None:
    """The settings of the original, except where its database lies: a copy must never open that one."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    text = _ASSIGNS.sub(lambda line: f"# of the original: {line[1]}", text)
    if {"database_url", "secret_key"} & _named(text):
        text = "# The settings of the original could not be taken over.\n"
    if url:
        text += f"database_url = {json.dumps(url)}\n"
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as settled:
        settled.write(text)


def _named(text: str) -> set[str]:
    with suppress(tomllib.TOMLDecodeError):
        return set(tomllib.loads(text))
    return {"database_url"}


def _move(half: Path, into: Path) -> None:
    os.sync()  # one for all: a call for each of a million files would take an hour
    for name in ("files", "secret.key", FILE_NAME, "portal.db"):
        if (half / name).exists():
            (half / name).rename(into / name)
    os.sync()
