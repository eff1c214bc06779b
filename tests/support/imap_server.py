"""A small IMAP server for tests: real sockets, one folder structure for all, and faults on demand.

It speaks as much of RFC 3501 as a fetcher needs: LOGIN, AUTHENTICATE PLAIN, CAPABILITY, NAMESPACE, LIST, CREATE, SELECT, and by UID SEARCH,
FETCH, STORE, COPY, MOVE and EXPUNGE. ``faults`` maps the beginning of a command to what happens instead of an answer.
"""

import re
import socket
import socketserver
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

PASSWORD = 'se"c\\ret'
CAPABILITIES = ("IMAP4rev1", "UIDPLUS", "MOVE", "AUTH=PLAIN")


class Gone(Exception):
    """The server ends this connection."""


@dataclass
class Message:
    """A message in a folder."""

    uid: int
    raw: bytes
    flags: set[str] = field(default_factory=set)
    date: str = "24-Nov-2026 08:55:00 +0000"


Fault = str | Callable[["Session", str], None]
"""``drop`` ends the connection, ``half`` in the middle of a message, ``hang`` never answers, ``no`` refuses, ``huge``, ``garbage`` and ``wrong`` answer nonsense."""


class ImapServer(socketserver.ThreadingTCPServer):
    """The server and its folders; use it as a context manager."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 50

    def __init__(self, mails: Iterable[bytes] = (), *, capabilities: tuple[str, ...] = CAPABILITIES, between: str = "/", port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Session)
        self.capabilities, self.between = capabilities, between
        self.guard = threading.RLock()
        self.validity, self.next_uid = 1, 1
        self.folders: dict[str, list[Message]] = {"INBOX": []}
        self.faults: dict[str, Fault] = {}
        self.once = True
        self.commands: list[str] = []
        self.open, self.most_open = 0, 0
        self.may_create = True
        self.add(*mails)

    def add(self, *mails: bytes) -> None:
        """Put mails into INBOX."""
        with self.guard:
            for raw in mails:
                self.folders["INBOX"].append(Message(self.next_uid, raw))
                self.next_uid += 1

    def renumber(self) -> None:
        """Give every message another number, as after a restored mailbox."""
        with self.guard:
            self.validity += 1
            for message in self.folders["INBOX"]:
                message.uid, self.next_uid = self.next_uid, self.next_uid + 1

    def url(self, password: str = "se%22c%5Cret", folder: str = "INBOX") -> str:
        """What ``mail_in_imap`` says."""
        return f"imap://desk%40marlow.example:{password}@127.0.0.1:{self.server_address[1]}/{folder}"

    def there(self, folder: str = "INBOX") -> list[bytes]:
        """What lies in a folder and is not marked as deleted."""
        with self.guard:
            return [message.raw for message in self.folders.get(folder, []) if "\\Deleted" not in message.flags]

    def said(self, word: str) -> int:
        """How often a command came."""
        return sum(command.startswith(word) for command in self.commands)

    def fault(self, command: str) -> Fault | None:
        """What goes wrong with this command, once unless ``once`` is off."""
        with self.guard:
            name = next((name for name in self.faults if command.startswith(name)), None)
            return None if name is None else self.faults.pop(name) if self.once else self.faults[name]

    def __enter__(self) -> "ImapServer":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Session(socketserver.StreamRequestHandler):
    """One connection."""

    server: ImapServer
    folder: str | None = None
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer commands until somebody ends it."""
        try:
            self.say("* OK ready" if not self._goes_wrong("GREETING", "") else "* OK ready after all")
            while line := self.rfile.readline():
                tag, _, rest = line.decode("ascii", "replace").strip().partition(" ")
                name = " ".join(rest.upper().split()[: 2 if rest.upper().startswith("UID ") else 1])
                self.server.commands.append(name if name in ("LOGIN", "AUTHENTICATE") else rest)
                if not self._goes_wrong(rest, tag):
                    self._answer(tag, name, rest)
        except (Gone, OSError):
            pass
        finally:
            self._count(-1)

    def say(self, line: str | bytes) -> None:
        """One line."""
        self.wfile.write((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def _count(self, step: int) -> None:
        if (self.folder is not None) == (step < 0):
            with self.server.guard:
                self.server.open += step
                self.server.most_open = max(self.server.most_open, self.server.open)

    def _goes_wrong(self, command: str, tag: str) -> bool:
        fault = self.server.fault(command)
        match fault:
            case None:
                return False
            case "drop":
                raise Gone
            case "hang":
                time.sleep(30)
                raise Gone
            case "half":
                self.say("* 1 FETCH (UID 1 BODY[] {5000}\r\nFrom: somebody")
                self.connection.shutdown(socket.SHUT_RDWR)
                raise Gone
            case "huge":
                self.say("* 1 FETCH (UID 1 BODY[] {99999999999}")
            case "garbage":
                self.say(b"\x00\xff)(*&^ {12}\r\n\r\n")
            case "wrong":
                self.say("* 1 FETCH (UID 999999 BODY[] {3}\r\nabc)")
                self.say(f"{tag} OK done")
            case "no":
                self.say(f"{tag} NO not this one")
            case _:
                fault(self, tag)  # type: ignore[operator]  # a function of the test
        return True

    def _answer(self, tag: str, name: str, rest: str) -> None:
        method = getattr(self, f"do_{name.lower().replace(' ', '_')}", None)
        with self.server.guard:
            said = method(rest) if method else "BAD what"
        self.say(f"{tag} {said or 'OK done'}")
        if name == "LOGOUT":
            raise Gone

    def do_capability(self, rest: str) -> None:
        self.say(f"* CAPABILITY {' '.join(self.server.capabilities)}")

    def do_login(self, rest: str) -> str:
        words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r'"((?:[^"\\]|\\.)*)"', rest)]
        return "OK in" if words == ["desk@marlow.example", PASSWORD] else f"NO wrong: {words}"

    def do_authenticate(self, rest: str) -> str:
        self.say("+ ")
        words = b64decode(self.rfile.readline()).decode().split("\0")
        return "OK in" if words == ["", "desk@marlow.example", PASSWORD] else f"NO wrong: {words}"

    def do_namespace(self, rest: str) -> None:
        self.say(f'* NAMESPACE (("INBOX{self.server.between}" "{self.server.between}")) NIL NIL')

    def do_list(self, rest: str) -> None:
        self.say(f'* LIST (\\Noselect) "{self.server.between}" ""')

    def do_create(self, rest: str) -> str:
        name = re.findall(r'"(.*)"', rest)[0]
        if not self.server.may_create or name in self.server.folders:
            return "NO cannot"
        self.server.folders[name] = []
        return "OK made"

    def do_select(self, rest: str) -> str:
        name = re.findall(r'"(.*)"', rest)[0]
        if name not in self.server.folders:
            return "NO there is none"
        self._count(1) if self.folder is None else None
        self.folder = name
        self.say(f"* {len(self._messages())} EXISTS")
        self.say(f"* OK [UIDVALIDITY {self.server.validity}] lasting")
        return "OK [READ-WRITE] open"

    def do_logout(self, rest: str) -> None:
        self.say("* BYE")

    def do_uid_search(self, rest: str) -> None:
        first, last = map(int, re.findall(r"(\d+):(\d+)", rest)[0])
        found = [str(m.uid) for m in self._messages()[first - 1 : last] if "\\Deleted" not in m.flags]
        self.say(f"* SEARCH {' '.join(found)}".rstrip())

    def do_uid_fetch(self, rest: str) -> None:
        for number, message in enumerate(self._messages(), 1):
            if message.uid in self._wanted(rest):
                if "BODY.PEEK[]" in rest:
                    self.say(f'* {number} FETCH (UID {message.uid} INTERNALDATE "{message.date}" BODY[] {{{len(message.raw)}}}')
                    self.wfile.write(message.raw)
                    self.say(")")
                else:
                    self.say(f"* {number} FETCH (UID {message.uid} RFC822.SIZE {len(message.raw)})")

    def do_uid_store(self, rest: str) -> None:
        for message in self._messages():
            if message.uid in self._wanted(rest):
                message.flags |= set(re.findall(r"\\\w+", rest))

    def do_uid_copy(self, rest: str) -> str:
        name = re.findall(r'"(.*)"', rest)[0]
        if name not in self.server.folders:
            return "NO [TRYCREATE] there is none"
        wanted = [m for m in self._messages() if m.uid in self._wanted(rest)]
        self.server.folders[name] += [Message(m.uid, m.raw) for m in wanted]
        return "OK copied"

    def do_uid_move(self, rest: str) -> str:
        said = self.do_uid_copy(rest)
        if said.startswith("OK"):
            self._messages()[:] = [m for m in self._messages() if m.uid not in self._wanted(rest)]
        return said

    def do_uid_expunge(self, rest: str) -> None:
        gone = self._wanted(rest)
        self._messages()[:] = [m for m in self._messages() if m.uid not in gone or "\\Deleted" not in m.flags]

    def do_noop(self, rest: str) -> None:
        pass

    def _messages(self) -> list[Message]:
        return self.server.folders[self.folder or "INBOX"]

    @staticmethod
    def _wanted(rest: str) -> set[int]:
        return {int(number) for number in rest.split()[2].split(",")}
