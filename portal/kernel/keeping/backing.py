"""Making a backup: a snapshot, then every file it names, then a look at the result; only then does it get its name."""

import errno
import hashlib
import hmac
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

import structlog
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from portal.kernel import clock, files, quarantine, security
from portal.kernel.errors import PortalError
from portal.kernel.holding import held, store_lock
from portal.kernel.keeping import archive, checking, programs, records, snapshot
from portal.kernel.keeping.archive import Damaged, Manifest, Writer
from portal.kernel.settings import FILE_NAME, Settings, SettingsError

WAIT = 900.0
"""Seconds for another backup, or the nightly sweep of uploads, to end."""
NAME = re.compile(r"hearth-[0-9]{8}T[0-9]{6}Z(-before-[0-9a-z]+)?(-[0-9]+)?\.tar")
WORK = ".hearth-backup-"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

log = structlog.get_logger(__name__)
Say = Callable[[str], None]


class NotMade(Exception):
    """There is no backup; the text says why, for an operator. What was begun is gone."""


@dataclass(frozen=True)
class Made:
    """A backup that was verified. ``missing`` and ``spoiled`` count uploads that were lost or damaged before it was made."""

    path: Path
    manifest: Manifest
    size: int
    files: int
    missing: int
    spoiled: int


def make(to: Path | None = None, *, keep: int | None = None, before: str | None = None, with_files: bool = True) -> Made:
    """Back up into the folder or new file ``to`` (else into what the settings say), and verify it.

    ``keep`` removes older backups of this portal from the folder; ``before`` names an upgrade. What became of it is noted in the
    database. Raises NotMade or SettingsError. Needs an application context, and no unit of work.
    """
    settings: Settings = current_app.extensions["settings"]
    begun = clock.now()
    target = _target(to, settings, begun, before)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(settings), _workplace(target) as work:
            made = _made(settings, target, work, begun, with_files=with_files)
    except (NotMade, Damaged, programs.Failed, SettingsError, OSError, sqlite3.Error) as error:
        words = _why(error, target.parent)
        _note(begun_at=begun, place=str(target), error=words)
        raise NotMade(words) from error
    _note(begun_at=begun, place=str(target), size=made.size, files=made.files)
    if keep is not None:
        _forget(target.parent, made.manifest.origin, keep)
    return made


def _target(to: Path | None, settings: Settings, now: datetime, before: str | None) -> Path:
    folder = to or (Path(settings.backup_to) if settings.backup_to else settings.instance / "backups")
    if to is not None and not to.is_dir() and to.suffix:
        if to.exists():
            raise SettingsError(f"{to} is there already. A backup never overwrites anything: choose another name.")
        if not to.resolve().parent.is_dir():
            raise SettingsError(f"The folder {to.resolve().parent} does not exist.")
        return to.resolve()
    name = f"hearth-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}{f'-before-{before}' if before else ''}"
    # Two in one second: an upgrade that is mended and begun again at once.
    names = (f"{name}{f'-{number}' if number > 1 else ''}.tar" for number in range(1, 100))
    return next(path for path in (folder.resolve() / one for one in names) if not path.exists())


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    # Uploads are removed by one nightly sweep, which takes the same lock; so what the snapshot names stays until it is copied.
    with held(store_lock(settings.instance), wait=WAIT) as mine:
        if not mine:
            raise NotMade("another backup, or the nightly tidying of uploads, has been running for a quarter of an hour")
        yield


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """A folder beside the archive whose name looks like no backup; what a killed process left behind is removed."""
    _tidy(target.parent)
    work = Path(tempfile.mkdtemp(prefix=WORK, dir=target.parent))
    try:
        with held(work / "lock"):
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _tidy(folder: Path) -> None:
    for left in folder.glob(f"{WORK}*"):
        with suppress(OSError), held(left / "lock") as dead:
            if dead:
                shutil.rmtree(left, ignore_errors=True)


def _made(settings: Settings, target: Path, work: Path, now: datetime, *, with_files: bool) -> Made:
    fresh = work / "archive"
    with _private(fresh) as file, snapshot.taken(settings, work) as picture:
        manifest = _manifest(settings, picture, now, with_files=with_files)
        _require_room(settings, work, picture, with_files=with_files)
        with Writer(file, manifest) as writer:
            writer.database(picture.dump())
            for name, text in _small(settings):
                writer.small(name, text)
            if with_files:
                _copy_files(settings, picture, writer)
            writer.close()
        file.flush()
        os.fsync(file.fileno())
    (work / "snapshot.db").unlink(missing_ok=True)
    found, content = checking.verify(fresh, work)
    _put_in_place(fresh, target)
    return Made(target, found, target.stat().st_size, content.files, content.missing, len(content.spoiled))


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _put_in_place(fresh: Path, target: Path) -> None:
    try:
        os.link(fresh, target)  # a rename would replace what somebody put there meanwhile
    except FileExistsError:
        raise NotMade(f"{target} is there already") from None
    except OSError:
        fresh.rename(target)  # a file system that knows no links
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _manifest(settings: Settings, picture: snapshot.Snapshot, now: datetime, *, with_files: bool) -> Manifest:
    kind = picture.kind if picture.kind == "sqlite" else f"{picture.kind} {programs.server_version(picture.connection)}"
    return Manifest(
        format=archive.FORMAT,
        version=_version(),
        revision=snapshot.revision(picture.connection),
        database=kind,
        company=settings.company,
        origin=origin(settings),
        made_at=now.isoformat(),
        with_files=with_files,
        tables=snapshot.rows(picture.connection),
    )


def _version() -> str:
    try:
        return version("hearth")
    except PackageNotFoundError:
        return "unknown"


def origin(settings: Settings) -> str:
    """Tells backups of this portal from those of others in the same folder, and nothing about the key it comes from."""
    return hmac.new(security.secret_key(settings).encode(), b"backups of this portal", hashlib.sha256).hexdigest()[:16]


def _require_room(settings: Settings, work: Path, picture: snapshot.Snapshot, *, with_files: bool) -> None:
    uploads = sum(size for _, size in snapshot.stored(picture.connection)) if with_files else 0
    database = settings.sqlite_file.stat().st_size if settings.is_sqlite else 0
    needed, free = uploads + database, shutil.disk_usage(work).free
    if free < needed:
        raise NotMade(f"there is not enough room in {work.parent}: about {files.size_words(needed)} are needed, {files.size_words(free)} are free")


def _small(settings: Settings) -> Iterator[tuple[str, bytes]]:
    yield "secret.key", security.secret_key(settings).encode() + b"\n"
    with suppress(FileNotFoundError):
        yield FILE_NAME, (settings.instance / FILE_NAME).read_bytes()


def _copy_files(settings: Settings, picture: snapshot.Snapshot, writer: Writer) -> None:
    root = files.store_root(settings)
    for digest, size in snapshot.stored(picture.connection):
        try:
            with files.open_content(root, digest) as content:
                if os.fstat(content.fileno()).st_size == size:
                    writer.file(digest, size, content)
                    continue
        except FileNotFoundError:
            pass
        writer.missing(digest)


def _why(error: Exception, folder: Path) -> str:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return f"there is not enough room in {folder}"
    if isinstance(error, sqlite3.Error):
        full = "full" in str(error) or "disk I/O" in str(error)
        return f"there is not enough room in {folder}" if full else f"the database cannot be read: {error}"
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename or folder}"
    if isinstance(error, Damaged):
        return f"it was written, but could not be opened again: {error}"
    return str(error).rstrip(".")


def _note(*, begun_at: datetime, place: str, size: int = 0, files: int = 0, error: str | None = None) -> None:
    try:
        records.note(begun_at=begun_at, ended_at=clock.now(), place=place, size=size, files=files, error=error)
    except (PortalError, SQLAlchemyError) as trouble:  # a database from before there were such notes
        log.warning("backup not noted", error=str(trouble))
    log.info("backup ended", place=place, error=error)


def ours(folder: Path, origin_of_us: str) -> list[Path]:
    """The backups of this portal in a folder, the newest first; what carries another name or comes from elsewhere is left alone."""
    found = []
    for path in sorted(folder.glob("hearth-*.tar"), reverse=True):
        with suppress(Damaged, OSError):
            if NAME.fullmatch(path.name) and not path.is_symlink() and archive.manifest_of(path).origin == origin_of_us:
                found.append(path)
    return found


def _forget(folder: Path, origin_of_us: str, keep: int) -> None:
    for old in ours(folder, origin_of_us)[keep:]:
        old.unlink(missing_ok=True)


def nightly() -> None:
    """The backup of the night, where one is set; a restored copy makes none, it would push out the good ones."""
    settings: Settings = current_app.extensions["settings"]
    if settings.backup_to and not quarantine.is_on():
        make(keep=settings.backup_keep)
