"""Is this archive one that could be restored? The only way to know is to open it."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal.kernel import migrating
from portal.kernel.db import Base
from portal.kernel.keeping import archive, programs, snapshot
from portal.kernel.keeping.archive import Content, Damaged, Manifest, Sink


class Parts:
    """Where the parts of an archive go: one open file at a time."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack, self._open = stack, ExitStack()
        stack.callback(self.close)

    def file(self, place: Path) -> Sink:
        """A new file at ``place``, readable by its owner only; the one before is closed."""
        self.close()
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.touch(mode=0o600, exist_ok=False)
        return self._open.enter_context(place.open("wb"))

    def close(self) -> None:
        """Close what is open."""
        self._open.close()


def verify(path: Path, work: Path) -> tuple[Manifest, Content]:
    """Read every byte, compare the checksums, and open the database in the empty folder ``work``; raises Damaged.

    A database of an older version is opened, counted and checked by its own means, without the models of this program.
    """
    manifest = archive.manifest_of(path)
    known(manifest)
    if manifest.database == "sqlite":
        with ExitStack() as stack:
            parts = Parts(stack)
            found = archive.read(path, lambda name: parts.file(work / "database") if name == "database" else None)
        open_sqlite(work / "database", manifest)
        return found
    with _reader(manifest) as reader:
        return archive.read(path, lambda name: reader if name == "database" else None)


@contextmanager
def _reader(manifest: Manifest) -> Iterator[Sink]:
    """pg_restore, reading a whole dump and throwing away what it would do."""
    program = programs.find("pg_restore", int(manifest.database.partition(" ")[2] or 0))
    try:
        with programs.taking(program, "--format=custom", "--file=/dev/null") as pipe:
            yield pipe
    except programs.Failed as error:
        raise Damaged(f"its database cannot be read: {error}") from error


def known(manifest: Manifest) -> None:
    """Raise Damaged for data that is newer than this program."""
    if manifest.revision not in migrating.known():
        raise Damaged("its data is newer than this program: install the newer version of Hearth")


def open_sqlite(file: Path, manifest: Manifest) -> None:
    """Check a SQLite database from an archive: sound by SQLite's own word, the rows that were counted, readable by our models."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as connection:
            answer = connection.execute("PRAGMA quick_check(5)").fetchall()
        if answer != [("ok",)]:
            raise Damaged(f"its database is not sound: {answer[0][0]}")
        with snapshot.reading(file) as opened:
            _compare(opened, manifest)
    except (sqlite3.Error, SQLAlchemyError, LookupError, ValueError) as error:
        raise Damaged(f"its database cannot be opened: {getattr(error, 'orig', error)}") from error


def _compare(opened: sa.Connection, manifest: Manifest) -> None:
    if (found := snapshot.revision(opened)) != manifest.revision:
        raise Damaged(f"its database is at {found}, and its first page says {manifest.revision}")
    rows = snapshot.rows(opened)
    if wrong := sorted(name for name, number in rows.items() if manifest.tables.get(name, number) != number):
        raise Damaged(f"the number of rows does not match in {', '.join(wrong[:5])}")
    if manifest.revision == migrating.head():
        read_models(opened)


def read_models(opened: sa.Connection) -> None:
    """Read the newest row of every table through its model; raises what cannot be read."""
    with Session(opened) as session:
        for mapper in Base.registry.mappers:
            key = mapper.primary_key[0]
            session.execute(sa.select(mapper.class_).order_by(key.desc()).limit(1)).all()
