"""One consistent picture of the database, while people go on writing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from portal.kernel.db import Base, db
from portal.kernel.files import StoredFile
from portal.kernel.keeping import programs
from portal.kernel.settings import Settings

CHUNK = 1024**2
HASHES = 1000


@dataclass(frozen=True)
class SqlitePicture:
    """A copy in a file of its own."""

    connection: sa.Connection
    file: Path
    kind: str = "sqlite"

    def dump(self) -> Iterator[bytes]:
        """The file."""
        with self.file.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk


@dataclass(frozen=True)
class PostgresPicture:
    """A transaction whose snapshot pg_dump shares."""

    connection: sa.Connection
    program: programs.Program
    token: str
    url: sa.URL
    kind: str = "postgresql"

    def dump(self) -> Iterator[bytes]:
        """What pg_dump writes in its custom format; raises programs.Failed."""
        options = ("--format=custom", "--compress=0", "--no-owner", "--no-privileges", "--lock-wait-timeout=10s", f"--snapshot={self.token}")
        return programs.output(self.program, *options, url=self.url)


Snapshot = SqlitePicture | PostgresPicture
"""A picture of the database: a connection that reads in it, and its bytes."""


@contextmanager
def taken(settings: Settings, work: Path) -> Iterator[Snapshot]:
    """The picture of this moment; ``work`` is a folder for what it needs. Needs an application context."""
    if settings.is_sqlite:
        file = work / "snapshot.db"
        copy_sqlite(settings.sqlite_file, file)
        with reading(file) as connection:
            yield SqlitePicture(connection, file)
    else:
        with _postgres() as picture:
            yield picture


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that is in use.

    In one step: in several it would begin anew at every write of another process and never end. Readers and writers go on, because
    the write-ahead log keeps the picture.
    """
    with closing(sqlite3.connect(source, timeout=5)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy, pages=-1)


@contextmanager
def reading(file: Path) -> Iterator[sa.Connection]:
    """Read a SQLite file that nobody writes, and leave nothing beside it."""
    engine = sa.create_engine(f"sqlite:///file:{file}?mode=ro&immutable=1&uri=true", poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _postgres() -> Iterator[PostgresPicture]:
    with db.engine.connect() as connection:
        program = programs.find("pg_dump", programs.server_version(connection))
        connection.rollback()
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(sa.select(sa.func.set_config(name, "0", True)))  # the transaction lasts as long as the dump
        token = connection.execute(sa.select(sa.func.pg_export_snapshot())).scalar_one()
        try:
            yield PostgresPicture(connection, program, token, db.engine.url)
        finally:
            connection.rollback()


def revision(connection: sa.Connection) -> str:
    """The version of the data in the picture."""
    return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one())


def rows(connection: sa.Connection) -> dict[str, int]:
    """How many rows each of our tables has; tables this program does not know are left out."""
    there = set(sa.inspect(connection).get_table_names())
    tables = [table for table in Base.metadata.sorted_tables if table.name in there]
    return {table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in tables}


def stored(connection: sa.Connection) -> Iterator[tuple[str, int]]:
    """Hash and size of every content the picture names, each once, by hash; few at a time."""
    last = ""
    query = sa.select(StoredFile.digest, sa.func.min(StoredFile.size)).group_by(StoredFile.digest).order_by(StoredFile.digest).limit(HASHES)
    while found := connection.execute(query.where(StoredFile.digest > last)).all():
        yield from [(digest, size) for digest, size in found]
        last = found[-1][0]
