"""Mail over SMTP: 250 is said once a mail is kept, and to nobody before. What cannot be kept now is sent again by whoever has it.

It takes mail for addresses of ours and passes nothing on. One thread talks, a few others write; a guest that sends slowly, much or
nonsense costs a bounded part of either. It offers neither encryption nor sign-in, so it listens beside a mail server, not to the world.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from portal.kernel import clock, mail_message, quarantine, unit_of_work
from portal.kernel.db import db
from portal.kernel.errors import Busy, PortalError, TooLarge
from portal.kernel.incoming import addresses, notes, store
from portal.kernel.incoming.watching import ALIVE, TROUBLE
from portal.kernel.settings import Settings, SettingsError

GUESTS = 40
"""Connections at a time."""
ROOM = 120_000_000
"""Bytes of unfinished mails at a time, of all guests."""
SLACK = 1_000_000
"""Bytes beyond the largest mail after which only its end is looked for; more than comes in one piece, so that the library has noticed."""
SILENCE, TRANSFER, GRACE = 60.0, 300.0, 10.0
"""Seconds a guest may be silent, take for one mail, and have to finish one when the listener ends."""
RECIPIENTS, STRANGERS = 100, 10
"""Recipients of one mail, and foreign ones after which a guest is sent away."""
CALLS = {"MAIL": 200, "DATA": 200, "RCPT": 2000, "RSET": 200, "NOOP": 50, "*": 20}
BEAT = 60.0
log = structlog.get_logger(__name__)
T = TypeVar("T")


def open_sockets(settings: Settings) -> list[socket.socket]:
    """Sockets at ``mail_in_listen``; raises SettingsError when they cannot be had."""
    from portal.kernel.server import listen

    host, _, port = settings.mail_in_listen.rpartition(":")
    try:
        return listen(host.strip("[]"), int(port))
    except SettingsError as error:
        why = getattr(error.__cause__, "strerror", None) or "it is no address of this machine"
        raise SettingsError(f"mail_in_listen is {settings.mail_in_listen!r}, and that cannot be used: {why}.") from error


class _Guest(SMTP):
    """One connection. The library reads the protocol; here are the bounds it does not have."""

    line_length_limit = 100_000  # what real senders do, and not what the standard allows

    def __init__(self, door: "_Door") -> None:
        super().__init__(
            door,
            data_size_limit=store.LARGEST,
            enable_SMTPUTF8=True,
            hostname=door.name,
            ident="Hearth",
            timeout=SILENCE,
            command_call_limit=CALLS,
            loop=asyncio.get_running_loop(),
        )
        self.strangers = 0
        self._door = door
        self._room: int | None = None
        self._held = 0
        self._tail = b""

    @property
    def is_busy(self) -> bool:
        """True from DATA until its answer."""
        return self._room is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A guest comes; one too many is asked to come again."""
        super().connection_made(transport)
        self._door.guests.add(self)
        if len(self._door.guests) > GUESTS:
            self.send_away("421 4.3.2 Too many connections, come again in a minute")

    def connection_lost(self, error: Exception | None) -> None:
        """A guest leaves."""
        self._door.guests.discard(self)
        super().connection_lost(error)

    def send_away(self, words: str) -> None:
        """Say why, and close."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(f"{words}\r\n".encode("ascii"))
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Count what comes during a mail; of one that is too large only the end is looked for, so that it can be refused in words."""
        if self._room is None:
            super().data_received(data)
            return
        seen, self._tail = self._tail + data, (self._tail + data)[-4:]
        self._room -= len(data)
        if self._room >= 0:
            self._held += len(data)
            self._door.held += len(data)
            super().data_received(data)
            if self._door.held > ROOM:
                self.send_away("421 4.3.1 Too much at a time, come again in a minute")
                self._let_go()
        elif (place := seen.find(b"\r\n.\r\n")) >= 0:
            self._room = None
            super().data_received(b"\r\n.\r\n" + seen[place + 5 :])

    def _let_go(self) -> None:
        self._door.held -= self._held
        self._held = 0

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802  the library's name
        """One mail, within its time and room."""
        self._room, self._tail = store.LARGEST + SLACK, b""
        self._reset_timeout(TRANSFER)
        try:
            await super().smtp_DATA(arg)
        finally:
            self._let_go()
            self._room = None
            if self.transport is not None:
                self._reset_timeout()


class _Door:
    """What is answered to whoever brings mail."""

    def __init__(self, app: Flask) -> None:
        settings: Settings = app.extensions["settings"]
        self.app, self.name = app, mail_message.domain(settings)
        self.guests: set[_Guest] = set()
        self.held = 0
        self.trouble: datetime | None = None
        self._hands = ThreadPoolExecutor(4, thread_name_prefix="mail")

    async def in_app(self, work: Callable[[], T]) -> T:
        """Do what needs the database in another thread, so that nobody else waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._hands, self._inside, work)

    def _inside(self, work: Callable[[], T]) -> T:
        with self.app.app_context():
            try:
                return work()
            finally:
                db.session.remove()

    def close(self) -> None:
        """End the other threads; what they write is finished."""
        self._hands.shutdown(wait=True)

    async def handle_MAIL(self, server: _Guest, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802  the library's name
        """Anybody may write; who they are is for the one who decides."""
        if not addresses.is_sound(address):
            return "553 5.1.7 This sender address cannot be kept"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Good"

    async def handle_RCPT(self, server: _Guest, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802  the library's name
        """Only addresses of ours: nothing is passed on."""
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return "452 4.5.3 Too many recipients, send it to the others by itself"
        try:
            ours = addresses.is_sound(address) and await self.in_app(partial(addresses.is_ours, address))
        except (SQLAlchemyError, PortalError):
            return self._later("the database does not answer", "recipient not looked up")
        if ours:
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 Good"
        server.strangers += 1
        if server.strangers >= STRANGERS:
            server.send_away("421 4.7.0 Too many foreign recipients")
        return "550 5.7.1 Nothing is passed on: this is no address of ours"

    async def handle_DATA(self, server: _Guest, session: Session, envelope: Envelope) -> str:  # noqa: N802  the library's name
        """Keep it, and say so once it is."""
        raw, sender = envelope.original_content or b"", (envelope.mail_from or "").strip("<>")
        try:
            number = await self.in_app(partial(keep, raw, sender, tuple(envelope.rcpt_tos)))
        except TooLarge as error:
            return f"552 5.3.4 {error.message}"
        except (SQLAlchemyError, PortalError, OSError) as error:
            return self._later(f"it could not be kept ({type(error).__name__})", "mail not kept")
        return f"250 2.6.0 Kept as mail {number}"

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours loses no mail: whoever has it tries again."""
        return self._later("something went wrong here", f"fault: {type(error).__name__}")

    def _later(self, words: str, cause: str) -> str:
        self.trouble = clock.now()
        log.warning("mail put off", cause=cause)
        return f"451 4.3.0 Send it again later, {words}"


def keep(raw: bytes, sender: str, recipients: tuple[str, ...]) -> int:
    """Keep a mail for good; its id. Raises TooLarge, Busy or DiskFull; a restored copy takes none from the portal it was made of."""
    if quarantine.is_on():
        raise Busy()
    number, _ = store.take_in(raw, via="listener", envelope_from=sender, envelope_to=recipients)
    return number


class Listener:
    """Takes mail in until asked to stop, in a thread (``start``) or in the calling one (``run``)."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._sockets = open_sockets(app.extensions["settings"])
        self.port = int(self._sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self.run, name="listener", daemon=True)
        self._asked = False
        self._wake: Callable[[], object] = bool

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Take no new mail and finish what was begun; returns at once, from any thread or a signal handler."""
        self._asked = True
        self._wake()

    def stop(self, wait: float) -> None:
        """End, after at most ``wait`` seconds; whoever is in the middle of a mail has ten."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(wait)

    def run(self) -> None:
        """Listen in the calling thread until asked to stop."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # the library notes every address and command
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        loop, door, stopping = asyncio.get_running_loop(), _Door(self.app), asyncio.Event()
        self._wake = partial(loop.call_soon_threadsafe, stopping.set)
        servers = [await loop.create_server(partial(_Guest, door), sock=one, backlog=100) for one in self._sockets]
        beating = loop.create_task(_beat(door))
        if not self._asked:
            await stopping.wait()
        self._wake = bool
        for server in servers:
            server.close()
        await _see_off(door)
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
        door.close()


async def _see_off(door: _Door) -> None:
    """Guests that are idle leave now, those in the middle of a mail when it is kept."""
    end = asyncio.get_running_loop().time() + GRACE
    while door.guests and asyncio.get_running_loop().time() < end:
        for guest in [guest for guest in door.guests if not guest.is_busy]:
            guest.send_away("421 4.3.2 The portal restarts, come again in a minute")
        await asyncio.sleep(0.05)
    for guest in list(door.guests):
        guest.send_away("421 4.3.2 The portal restarts, send it again")


async def _beat(door: _Door) -> None:
    """Write down every minute that the listener lives, for `portal doctor` on any machine."""
    while True:
        with contextlib.suppress(SQLAlchemyError, PortalError):
            await door.in_app(partial(unit_of_work.run, partial(_note, door)))
        await asyncio.sleep(BEAT)


def _note(door: _Door) -> None:
    notes.note(ALIVE, clock.now())
    if door.trouble:
        notes.note(TROUBLE, door.trouble)
