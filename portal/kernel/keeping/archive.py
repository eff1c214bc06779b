"""What an archive looks like, written and read as a stream: memory stays small however large the company is.

Members in this order: ``hearth-backup.json`` (what this is), ``database/000001.gz`` and on (gzip files that are one when put together),
``secret.key``, ``hearth.toml``, ``files/<sha256>`` each, and ``complete.json`` with the checksums. Without the last it is no archive.
"""

import gzip
import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol, cast

FORMAT = 1
HEAD, TAIL = "hearth-backup.json", "complete.json"
PIECE = 4 * 1024**2
"""Bytes of the database in one member."""
COPY = 256 * 1024
LARGEST_JSON = 64 * 1024**2
NAMED = 1000
"""Names of files that were not there, at most; the rest is only counted."""
_PIECE = re.compile(r"database/[0-9]{6}\.gz")
_FILE = re.compile(r"files/([0-9a-f]{64})")
SMALL = ("secret.key", "hearth.toml")


class Damaged(Exception):
    """An archive that cannot be trusted; the text says what is wrong with it."""


@dataclass(frozen=True)
class Manifest:
    """What an archive is: of which program and company, of which moment, and how many rows each table had."""

    format: int
    version: str
    revision: str
    database: str
    company: str
    origin: str
    made_at: str
    with_files: bool
    tables: dict[str, int]

    @property
    def moment(self) -> datetime:
        """The instant whose data this is."""
        return datetime.fromisoformat(self.made_at)


@dataclass
class Content:
    """What was in it: checksums of the parts, and files that were not as the database says when the archive was made."""

    manifest: str = ""
    parts: dict[str, list[Any]] = field(default_factory=dict)
    files: int = 0
    file_bytes: int = 0
    names: str = ""
    missing: int = 0
    missing_names: list[str] = field(default_factory=list)
    spoiled: dict[str, str] = field(default_factory=dict)


def _forget(tar: Any) -> None:
    tar.members = []  # tarfile remembers every member; a million of them would not be small


class Writer:
    """Writes an archive front to back into an open file; a context manager, because what breaks off must not be written to its end."""

    def __init__(self, target: IO[bytes], manifest: Manifest) -> None:
        self._tar = tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT, bufsize=COPY)  # noqa: SIM115  closed by close()
        self._mtime = int(manifest.moment.timestamp())
        self.content = Content()
        self._names = hashlib.sha256()
        head = json.dumps(asdict(manifest), indent=1, sort_keys=True).encode()
        self.content.manifest = hashlib.sha256(head).hexdigest()
        self._add(HEAD, len(head), io.BytesIO(head))

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            cast(Any, self._tar.fileobj).closed = True  # else tarfile ends the stream when it is forgotten, in a file that is closed

    def _add(self, name: str, size: int, source: Any) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, self._mtime
        self._tar.addfile(member, source)
        _forget(self._tar)

    def database(self, chunks: Iterable[bytes]) -> None:
        """The snapshot, in pieces."""
        seen, size = hashlib.sha256(), 0
        for number, piece in enumerate(_pieces(chunks), 1):
            seen.update(piece)
            size += len(piece)
            packed = gzip.compress(piece, compresslevel=1, mtime=self._mtime)
            self._add(f"database/{number:06d}.gz", len(packed), io.BytesIO(packed))
        self.content.parts["database"] = [size, seen.hexdigest()]

    def small(self, name: str, text: bytes) -> None:
        """Key or settings."""
        self.content.parts[name] = [len(text), hashlib.sha256(text).hexdigest()]
        self._add(name, len(text), io.BytesIO(text))

    def file(self, digest: str, size: int, source: IO[bytes]) -> None:
        """One upload of exactly ``size`` bytes; content that does not fit its name is taken along and noted."""
        watched = _Watched(source)
        self._add(f"files/{digest}", size, watched)
        self._names.update(digest.encode())
        self.content.files += 1
        self.content.file_bytes += size
        if watched.digest != digest:
            self.content.spoiled[digest] = watched.digest

    def missing(self, digest: str) -> None:
        """The database names a file that is not there, or not in full."""
        self.content.missing += 1
        if len(self.content.missing_names) < NAMED:
            self.content.missing_names.append(digest)

    def close(self) -> None:
        """Write the last member, which makes it an archive."""
        self.content.names = self._names.hexdigest()
        tail = json.dumps(asdict(self.content), indent=1, sort_keys=True).encode()
        self._add(TAIL, len(tail), io.BytesIO(tail))
        self._tar.close()


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    gathered = bytearray()
    for chunk in chunks:
        gathered += chunk
        while len(gathered) >= PIECE:
            yield bytes(gathered[:PIECE])
            del gathered[:PIECE]
    if gathered:
        yield bytes(gathered)


class _Watched:
    """A stream that is hashed while it is copied."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._seen = source, hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self._source.read(size)
        self._seen.update(chunk)
        return chunk

    @property
    def digest(self) -> str:
        return self._seen.hexdigest()


class Sink(Protocol):
    """Where a part goes."""

    def write(self, chunk: bytes, /) -> Any:
        """Take the next bytes."""
        ...


Place = Callable[[str], Sink | None]
"""Where a part goes by its name (``database``, ``secret.key``, ``files/...``); None reads and checks it only."""


def manifest_of(path: Path) -> Manifest:
    """The first member alone; raises Damaged when it is none of ours, OSError when it cannot be read."""
    with path.open("rb") as file, _guarded(file) as tar:
        return _head(_next(tar, HEAD), tar)[0]


def read(path: Path, place: Place, *, begin: Callable[[Manifest], None] = lambda _: None) -> tuple[Manifest, Content]:
    """Read every byte of an archive, check it against the checksums in it, and put its parts where ``place`` says.

    ``begin`` sees the manifest before anything is written and may raise. Raises Damaged for the first thing that is wrong.
    """
    try:
        with path.open("rb") as file, _guarded(file) as tar:
            manifest, seen = _head(_next(tar, HEAD), tar)
            begin(manifest)
            return manifest, _Reading(tar, place, seen).all()
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise Damaged(f"it cannot be read to its end ({error})") from error


def _guarded(file: IO[bytes]) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=file, mode="r|", bufsize=COPY)
    except (tarfile.TarError, EOFError) as error:
        raise Damaged("it is no archive of ours") from error


def _next(tar: tarfile.TarFile, wanted: str = "") -> tarfile.TarInfo:
    try:
        member = tar.next()
    except (tarfile.TarError, EOFError) as error:
        raise Damaged(f"it cannot be read to its end ({error})") from error
    _forget(tar)
    if member is None:
        raise Damaged("it ends too early")
    if not member.isreg() or (wanted and member.name != wanted):
        raise Damaged(f"it holds something that does not belong there: {member.name[:80]!r}")
    return member


def _head(member: tarfile.TarInfo, tar: tarfile.TarFile) -> tuple[Manifest, str]:
    text = _whole(member, tar)
    try:
        values = json.loads(text)
        if values["format"] > FORMAT:
            raise Damaged("it was made by a newer version of Hearth: install that one")
        manifest = Manifest(**values)
        _ = manifest.moment.astimezone()
    except (ValueError, TypeError, KeyError) as error:
        raise Damaged("its first page cannot be read") from error
    return manifest, hashlib.sha256(text).hexdigest()


def _whole(member: tarfile.TarInfo, tar: tarfile.TarFile) -> bytes:
    if member.size > LARGEST_JSON:
        raise Damaged(f"{member.name} is too large")
    source = tar.extractfile(member)
    text = source.read() if source else b""
    if len(text) != member.size:
        raise Damaged("it ends too early")
    return text


class _Reading:
    """One pass over what follows the manifest."""

    def __init__(self, tar: tarfile.TarFile, place: Place, manifest: str) -> None:
        self._tar, self._place = tar, place
        self._database: Sink | None = None
        self._sum, self._size, self._pieces = hashlib.sha256(), 0, 0
        self._names = hashlib.sha256()
        self.found = Content(manifest=manifest)

    def all(self) -> Content:
        """Every member, and the comparison at the end."""
        while (member := _next(self._tar)).name != TAIL:
            self._one(member)
        if self._pieces:
            self.found.parts["database"] = [self._size, self._sum.hexdigest()]
        self.found.names = self._names.hexdigest()
        return self._compared(_whole(member, self._tar))

    def _one(self, member: tarfile.TarInfo) -> None:
        if _PIECE.fullmatch(member.name):
            self._piece(member)
        elif member.name in SMALL:
            text = _whole(member, self._tar)
            self.found.parts[member.name] = [len(text), hashlib.sha256(text).hexdigest()]
            if (sink := self._place(member.name)) is not None:
                sink.write(text)
        elif name := _FILE.fullmatch(member.name):
            self._file(member, name[1])
        else:
            raise Damaged(f"it holds something that does not belong there: {member.name[:80]!r}")

    def _piece(self, member: tarfile.TarInfo) -> None:
        self._pieces += 1
        if member.name != f"database/{self._pieces:06d}.gz" or member.size > 2 * PIECE:
            raise Damaged("a piece of the database is missing")
        if self._pieces == 1:
            self._database = self._place("database")
        with gzip.GzipFile(fileobj=io.BytesIO(_whole(member, self._tar))) as packed:
            piece = packed.read(PIECE + 1)
        self._sum.update(piece)
        self._size += len(piece)
        if self._database is not None:
            self._database.write(piece)

    def _file(self, member: tarfile.TarInfo, digest: str) -> None:
        source, sink, seen = self._tar.extractfile(member), self._place(member.name), hashlib.sha256()
        while source is not None and (chunk := source.read(COPY)):
            seen.update(chunk)
            if sink is not None:
                sink.write(chunk)
        self._names.update(digest.encode())
        self.found.files += 1
        self.found.file_bytes += member.size
        if seen.hexdigest() != digest:
            self.found.spoiled[digest] = seen.hexdigest()

    def _compared(self, tail: bytes) -> Content:
        try:
            told = Content(**json.loads(tail))
        except (ValueError, TypeError) as error:
            raise Damaged("its last page cannot be read") from error
        for name in ("manifest", "parts", "files", "file_bytes", "names", "spoiled"):
            if getattr(told, name) != getattr(self.found, name):
                raise Damaged(f"what is in it does not match its checksums ({name})")
        return told
