"""Uploads: the only place that turns names and bytes from outside into files on this machine.

Content lies under its own hash in the instance folder, outside everything the web server serves. A name is only a label in a
row. Receiving (slow: stream, check, re-encode) needs no transaction; keeping (a row and the owner's quota) is one statement each:
a view marked ``web.own_units`` calls :func:`receive` first and :func:`keep` inside its unit of work.
"""

import contextlib
import errno
import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from urllib.parse import quote

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, jobs, tokens
from portal.kernel.db import Base, Identified, db, is_sqlite
from portal.kernel.errors import Busy, DiskFull, Refusal, TooLarge
from portal.kernel.file_kinds import CHUNK, MIME, REQUEST_KINDS, Kind, check_and_clean, kind_of_name
from portal.kernel.health import invariant
from portal.kernel.holding import held, store_lock
from portal.kernel.messages import say
from portal.kernel.settings import Settings

QUOTA = 2_000_000_000
"""Bytes a person may keep in all."""
NAME_LIMIT = 120
URL_LIFETIME = timedelta(minutes=10)
ORPHAN_AGE = timedelta(days=1)


class StoredFile(Identified):
    """One upload of one person; equal contents share the bytes on disk."""

    __tablename__ = "files"

    digest: Mapped[str] = mapped_column(sa.String(64), index=True)
    name: Mapped[str] = mapped_column(sa.String(NAME_LIMIT))
    mime: Mapped[str] = mapped_column(sa.String(100))
    size: Mapped[int] = mapped_column(sa.BigInteger)
    owner_id: Mapped[int | None] = mapped_column(index=True)
    created_at: Mapped[datetime]


class FileUsage(Base):
    """Bytes a person keeps, counted along so that the quota needs no sum."""

    __tablename__ = "file_usage"

    owner_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(sa.BigInteger)


@dataclass(frozen=True)
class Received:
    """Checked content that lies in the store and waits for its row; without one it is swept away after a day."""

    digest: str
    name: str
    mime: str
    size: int


def store(stream: IO[bytes], *, name: str, owner_id: int | None, now: datetime, kinds: frozenset[Kind] = REQUEST_KINDS, limit: int | None = None) -> StoredFile:
    """Receive and keep in one go; raises what :func:`receive` and :func:`keep` raise."""
    return keep(receive(stream, name=name, kinds=kinds, limit=limit), owner_id=owner_id, now=now)


def receive(stream: IO[bytes], *, name: str, kinds: frozenset[Kind] = REQUEST_KINDS, limit: int | None = None) -> Received:
    """Stream, check and store content; ``limit`` is in bytes. Raises TooLarge, WrongType, DiskFull, or Refusal when empty."""
    label = clean_name(name)
    kind = kind_of_name(label, kinds)
    if stream.seekable():
        stream.seek(0)  # a unit of work may run again and read the same stream
    with _temporary() as fresh:
        _copy(stream, fresh, limit or _settings().upload_limit_mb * 1_000_000)
        check_and_clean(fresh, kind, label)
        digest, size = _measured(fresh)
        _move_into_place(fresh, digest)
    return Received(digest, label, MIME[kind], size)


def receive_raw(content: bytes, *, name: str, mime: str) -> Received:
    """Store bytes as they are, unchecked: for what is only ever handed out as a download, such as the original of a mail."""
    with _temporary() as fresh:
        fresh.write(content)
        digest, size = _measured(fresh)
        _move_into_place(fresh, digest)
    return Received(digest, clean_name(name), mime, size)


def receive_table(stream: IO[bytes], *, name: str, limit: int) -> Received:
    """Store a table of another program as it is, in whatever encoding; whoever reads it judges it. Raises TooLarge, DiskFull, or Refusal when empty."""
    if stream.seekable():
        stream.seek(0)
    with _temporary() as fresh:
        _copy(stream, fresh, limit)
        digest, size = _measured(fresh)
        _move_into_place(fresh, digest)
    return Received(digest, clean_name(name), "text/csv", size)


def keep(received: Received, *, owner_id: int | None, now: datetime) -> StoredFile:
    """Write the row of received content and count it; raises TooLarge when the owner's space is used up. None owns without limit."""
    if not _place(_root(), received.digest).is_file():
        raise Busy()
    if owner_id is not None:
        _count(owner_id, received.size)
    row = StoredFile(digest=received.digest, name=received.name, mime=received.mime, size=received.size, owner_id=owner_id, created_at=now)
    db.session.add(row)
    db.session.flush()
    return row


def _count(owner_id: int, size: int) -> None:
    insert = sqlite.insert(FileUsage) if is_sqlite() else postgresql.insert(FileUsage)
    add = insert.values(owner_id=owner_id, size=size).on_conflict_do_update(
        index_elements=[FileUsage.owner_id], set_={"size": FileUsage.size + size}, where=FileUsage.size + size <= QUOTA
    )
    if db.session.scalar(add.returning(FileUsage.owner_id)) is None:
        raise TooLarge(say("Your files fill the %(limit)s we keep for each person. Ask an administrator to make room.", limit=size_words(QUOTA)))


def read(file: StoredFile) -> IO[bytes]:
    """Open the content for reading; raises FileNotFoundError when it is gone."""
    return open_content(_root(), file.digest)


def path(file: StoredFile) -> Path:
    """Where the content lies; raises FileNotFoundError when it is gone or is not a plain file of ours."""
    read(file).close()
    return _place(_root(), file.digest)


def open_content(root: Path, digest: str) -> IO[bytes]:
    """Open content below ``root`` by its hash. Links are refused: nothing in the store points anywhere."""
    place = _place(root, digest)
    if place.parent.is_symlink() or place.parent.parent.is_symlink():
        raise FileNotFoundError(digest)
    try:
        return os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise FileNotFoundError(digest) from error


def store_root(settings: Settings) -> Path:
    """The folder of all content."""
    return settings.instance / "files"


def url(file: StoredFile, *, name: str | None = None) -> str:
    """The address on the content host; it works for ten minutes for whoever has it, so hand it out after the permission check."""
    label = clean_name(name) if name else file.name
    return f"{_settings().content_base}/f/{tokens.sign('file', [file.digest, file.mime, label])}/{quote(label, safe='')}"


def size_words(size: int) -> str:
    """Bytes in words, such as ``25 MB``."""
    for unit, factor in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)):
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} B"


_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean_name(name: str) -> str:
    """A label without path, control, direction or reserved characters; shortened before its ending, never empty."""
    last = re.split(r"[/\\]", name[-5000:])[-1]
    kept = "".join("_" if c in '<>:"|?*' else c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c) not in _HIDDEN)
    stem, dot, ending = " ".join(kept.split()).rstrip(". ").rpartition(".")
    if not dot or len(ending) > 10:
        return (stem + dot + ending).strip(". ")[:NAME_LIMIT].rstrip(". ") or "file"
    return f"{stem.strip('. ')[: NAME_LIMIT - len(ending) - 1].rstrip('. ') or 'file'}.{ending}"


@contextlib.contextmanager
def _temporary() -> Iterator[IO[bytes]]:
    folder = _root() / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            try:
                yield file
            finally:
                Path(file.name).unlink(missing_ok=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull() from error
        raise


def _copy(stream: IO[bytes], target: IO[bytes], limit: int) -> None:
    size = 0
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooLarge(say("This file is larger than %(limit)s, the most we can take. Make it smaller or split it.", limit=size_words(limit)))
        target.write(chunk)
    if size == 0:
        raise Refusal(say("This file is empty. Have a look at it and add it once more."))
    target.flush()


def _measured(file: IO[bytes]) -> tuple[str, int]:
    file.flush()
    os.fsync(file.fileno())
    file.seek(0)
    seen = hashlib.sha256()
    for chunk in iter(lambda: file.read(CHUNK), b""):
        seen.update(chunk)
    return seen.hexdigest(), file.tell()


def _move_into_place(file: IO[bytes], digest: str) -> None:
    place = _place(_root(), digest)
    place.parent.mkdir(parents=True, exist_ok=True)
    # Equal content is simply written over itself: the new date keeps it from being swept before its row is there.
    Path(file.name).replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _place(root: Path, digest: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise FileNotFoundError(digest)
    return root / digest[:2] / digest[2:4] / digest


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


def _root() -> Path:
    return store_root(_settings())


@jobs.daily("03:40", name="kernel.files.sweep", transaction=False)
def sweep() -> None:
    """Remove what no row names: uploads that broke off, and content whose change was rolled back or erased a day ago."""
    with held(store_lock(_settings().instance)) as mine:
        if mine:  # else a backup copies what its snapshot names, and tomorrow is another night
            _sweep(clock.now() - ORPHAN_AGE)


def _sweep(latest: datetime) -> None:
    for place in (_root() / "incoming").glob("*"):
        if _older(place, latest):
            place.unlink(missing_ok=True)
    for folder in sorted(_root().glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]")):
        _sweep_folder(folder, latest)


def _sweep_folder(folder: Path, latest: datetime) -> None:
    old = {place.name: place for place in folder.iterdir() if _older(place, latest)}
    if not old:
        return
    named = set(db.session.scalars(sa.select(StoredFile.digest).where(StoredFile.digest.in_(old))))
    db.session.rollback()
    for name, place in old.items():
        if name not in named and _older(place, latest):
            place.unlink(missing_ok=True)


def _older(place: Path, latest: datetime) -> bool:
    try:
        return place.lstat().st_mtime < latest.timestamp()
    except FileNotFoundError:
        return False


@invariant("Every stored file is there in full")
def _missing_content() -> list[str]:
    query = sa.select(StoredFile.id, StoredFile.digest, StoredFile.size).order_by(StoredFile.id).execution_options(yield_per=1000)
    broken = []
    for row in db.session.execute(query):
        try:
            with open_content(_root(), row.digest) as content:
                found = os.fstat(content.fileno()).st_size
        except FileNotFoundError:
            found = None
        if found != row.size:
            broken.append(f"file {row.id}: {row.size} bytes expected, {'nothing' if found is None else found} found")
    return broken


@invariant("The space counted for each person is what their files take")
def _miscounted() -> list[str]:
    total = sa.func.sum(StoredFile.size)
    query = sa.select(StoredFile.owner_id, total, FileUsage.size).outerjoin(FileUsage, FileUsage.owner_id == StoredFile.owner_id)
    query = query.where(StoredFile.owner_id.is_not(None)).group_by(StoredFile.owner_id, FileUsage.size).having(total != sa.func.coalesce(FileUsage.size, 0))
    return [f"person {owner}: {found} bytes kept, {counted} counted" for owner, found, counted in db.session.execute(query)]
