"""Conversations with a mailbox over IMAP, under the guards of ``outbound``: certificates verified, no password unencrypted, and an end.

Every step has a time-out, the whole conversation a deadline, every answer a largest size; whatever a server says, the outcome is one of
:class:`Trouble`. Nothing a server or the settings say about the password is ever repeated.
"""

import hashlib
import imaplib
import re
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import unquote, urlsplit

from portal.kernel.outbound import is_loopback

TIMEOUT, DEADLINE = 10.0, 60.0
"""Seconds for each step, and for a whole conversation."""
WINDOW = 5000
"""Messages that are asked for in one search; a line of an answer has its limit."""
MOST_WINDOWS = 40
DONE = ("Hearth", "Done")
"""Folder where messages go that were taken, from the outside in."""
_LARGEST_NUMBER = 2**32 - 1


class Trouble(StrEnum):
    """Why a mailbox could not be read; the names stand in notes."""

    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    UNENCRYPTED = "unencrypted"
    PASSWORD = "password"  # noqa: S105  a kind of trouble, not one
    FOLDER = "folder"
    BROKEN = "broken"


class MailboxError(Exception):
    """The conversation came to nothing; ``trouble`` says why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


class NotHandedOver(Exception):
    """The server does not hand this one message over."""


@dataclass(frozen=True)
class Mailbox:
    """Where a mailbox is and how to get in."""

    host: str
    port: int
    name: str
    password: str = field(repr=False)
    folder: str
    encrypted: bool

    @property
    def account(self) -> str:
        """Eight letters that stand for it in notes."""
        return hashlib.sha256(f"{self.name}@{self.host}:{self.port}/{self.folder}".encode()).hexdigest()[:8]


def mailbox(url: str) -> Mailbox:
    """The mailbox of a checked ``imaps://name:password@host/FOLDER``."""
    parts = urlsplit(url)
    encrypted = parts.scheme == "imaps"
    words = [unquote(part or "") for part in (parts.username, parts.password, parts.path.strip("/"))]
    return Mailbox(parts.hostname or "", parts.port or (993 if encrypted else 143), words[0], words[1], words[2], encrypted)


@dataclass(frozen=True)
class Fetched:
    """One message with every byte, and when the server got it."""

    content: bytes
    arrived_at: datetime | None


class _Bounds:
    """What the library's clients lack: a largest answer and an end."""

    largest = 0
    sock: socket.socket

    def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)  # type: ignore[misc]  # the client beside it
        self.watchdog = threading.Timer(DEADLINE, self.cut)
        self.watchdog.daemon = True
        self.watchdog.start()

    def cut(self) -> None:
        """End the conversation, whatever it is waiting for."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def read(self, size: int) -> bytes:
        if size > self.largest:
            raise imaplib.IMAP4.abort("more than was asked for")
        content: bytes = super().read(size)  # type: ignore[misc]  # the client beside it
        return content


class _Plain(_Bounds, imaplib.IMAP4):
    pass


class _Secure(_Bounds, imaplib.IMAP4_SSL):
    pass


@contextmanager
def _told(otherwise: Trouble) -> Iterator[None]:
    """Whatever goes wrong in the block is a trouble; the library itself stumbles over what some servers say."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise MailboxError(Trouble.CERTIFICATE) from error
    except (imaplib.IMAP4.error, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise MailboxError(otherwise) from error


@contextmanager
def open_folder(box: Mailbox, *, largest: int) -> Iterator["Folder"]:
    """Open the folder of a mailbox; ``largest`` is the size in bytes of the largest message. Raises MailboxError, here and in every step."""
    client = _connected(box, largest)
    try:
        with _told(Trouble.BROKEN):
            _let_in(client, box)
            folder = Folder(client, box.folder)
        yield folder
    finally:
        _leave(client)


def _connected(box: Mailbox, largest: int) -> _Plain | _Secure:
    context = ssl.create_default_context()
    with _told(Trouble.UNREACHABLE):
        client = _Secure(box.host, box.port, ssl_context=context, timeout=TIMEOUT) if box.encrypted else _Plain(box.host, box.port, timeout=TIMEOUT)
        client.largest = largest
        try:
            if not box.encrypted and "STARTTLS" in client.capabilities:
                client.starttls(context)
        except BaseException:
            _leave(client)
            raise
        return client


def _let_in(client: _Plain | _Secure, box: Mailbox) -> None:
    if not isinstance(client.sock, ssl.SSLSocket) and not is_loopback(box.host):
        raise MailboxError(Trouble.UNENCRYPTED)
    try:
        if "AUTH=PLAIN" in client.capabilities:
            client.authenticate("PLAIN", lambda _: f"\0{box.name}\0{box.password}".encode())
        else:
            client.login(_quoted(box.name), box.password)
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, ValueError):
        raise MailboxError(Trouble.PASSWORD) from None  # what the server answered may repeat what it was told


def _leave(client: _Plain | _Secure) -> None:
    try:
        client.logout()
    except (imaplib.IMAP4.error, OSError, ValueError, LookupError, TypeError, AttributeError):
        with suppress(OSError):
            client.shutdown()
    client.watchdog.cancel()


class Folder:
    """A folder that is open for reading and putting away; every message by its lasting number."""

    def __init__(self, client: imaplib.IMAP4, name: str) -> None:
        self._client = client
        _, known = client.capability()
        self._can = set(str(known[-1], "ascii").upper().split())
        try:
            state, count = client.select(_spelled(name))
        except imaplib.IMAP4.readonly as error:
            raise MailboxError(Trouble.FOLDER) from error
        if state != "OK":
            raise MailboxError(Trouble.FOLDER)
        self._count = int(count[0] or 0)
        self.validity = _number(client.response("UIDVALIDITY")[1][0])
        self._done: str | None = self._done_place()

    def uids(self) -> list[int]:
        """The numbers of all messages that are not deleted, the oldest first."""
        found: set[int] = set()
        for first in range(1, min(self._count, WINDOW * MOST_WINDOWS) + 1, WINDOW):
            with _told(Trouble.BROKEN):
                state, lines = self._client.uid("SEARCH", f"{first}:{min(first + WINDOW - 1, self._count)}", "UNDELETED")
                _must(state)
                found.update(_number(word) for line in lines if line for word in line.split())
        return sorted(found)

    def sizes(self, uids: Iterable[int]) -> dict[int, int]:
        """Bytes of messages, as far as the server tells."""
        wanted = ",".join(map(str, uids))
        if not wanted:
            return {}
        with _told(Trouble.BROKEN):
            state, lines = self._client.uid("FETCH", wanted, "(UID RFC822.SIZE)")
            _must(state)
        pairs = [(re.search(rb"UID (\d+)", line), re.search(rb"RFC822\.SIZE (\d+)", line)) for line in lines if isinstance(line, bytes)]
        return {int(uid[1]): int(size[1]) for uid, size in pairs if uid and size}

    def fetch(self, uid: int) -> Fetched | None:
        """Every byte of a message, None when it is gone; the message stays unseen. Raises NotHandedOver."""
        with _told(Trouble.BROKEN):
            state, lines = self._client.uid("FETCH", str(uid), "(UID INTERNALDATE BODY.PEEK[])")
            if state != "OK":
                raise NotHandedOver(uid)
            around = b" ".join(line[0] if isinstance(line, tuple) else line for line in lines if line)
            bodies = [line[1] for line in lines if isinstance(line, tuple) and b"BODY[]" in line[0]]
            if not re.search(rb"UID %d\b" % uid, around):
                return None
            if len(bodies) != 1:
                raise NotHandedOver(uid)
            return Fetched(bodies[0], _instant(around))

    def put_away(self, uid: int) -> None:
        """Move a message to Hearth/Done; where the server has no such folder, mark it as seen and deleted and remove it by its number."""
        with _told(Trouble.BROKEN):
            if self._done and self._moved(uid):
                return
            if self._done:
                self._client.create(self._done)
                if self._moved(uid):
                    return
                self._done = None
            self._remove(uid)

    def _moved(self, uid: int) -> bool:
        place = self._done or ""
        if "MOVE" in self._can:
            return bool(self._client.uid("MOVE", str(uid), place)[0] == "OK")
        if self._client.uid("COPY", str(uid), place)[0] != "OK":
            return False
        self._remove(uid)
        return True

    def _remove(self, uid: int) -> None:
        if self._client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen \Deleted)")[0] != "OK":
            raise MailboxError(Trouble.FOLDER)
        if "UIDPLUS" in self._can:  # a plain EXPUNGE would remove what others marked
            self._client.uid("EXPUNGE", str(uid))

    def _done_place(self) -> str | None:
        """The name of the folder for what was taken, as this server spells folders in folders."""
        if "NAMESPACE" in self._can:
            found = re.match(rb'\(\("((?:[^"\\]|\\.)*)" (?:"(.)"|NIL)', _line(self._client.namespace()[1]))
            prefix, between = (found[1].decode("ascii"), found[2]) if found else ("", None)
        else:
            listed = re.search(rb'\) (?:"(.)"|NIL)', _line(self._client.list('""', '""')[1]))
            prefix, between = "", listed[1] if listed else None
        return _quoted(prefix + (between.decode("ascii") if between else "-").join(DONE))


def _line(lines: list[Any]) -> bytes:
    return lines[0] if isinstance(lines[0], bytes) else b""


def _must(state: str) -> None:
    if state != "OK":
        raise MailboxError(Trouble.BROKEN)


def _number(word: bytes) -> int:
    number = int(word)
    if not 0 < number <= _LARGEST_NUMBER:
        raise ValueError(word)
    return number


def _instant(around: bytes) -> datetime | None:
    found = re.search(rb'INTERNALDATE "([^"]{10,40})"', around)
    with suppress(ValueError):
        return datetime.strptime(found[1].decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC) if found else None
    return None


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _spelled(name: str) -> str:
    """A folder name as the protocol writes it, in its own kind of UTF-7."""

    def coded(found: re.Match[str]) -> str:
        if found[0] == "&":
            return "&-"
        return "&" + b64encode(found[0].encode("utf-16-be")).decode("ascii").rstrip("=").replace("/", ",") + "-"

    return _quoted(re.sub(r"[^\x20-\x7e]+|&", coded, name))
