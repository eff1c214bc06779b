"""Fetch mail from a mailbox: each message is kept first, and put away at the server only after that.

Two notes stand between the two machines: ``took`` is written in the transaction that keeps a message and stays for as long as the message
lies in the folder, so that one which could not be put away is not fetched again; ``left`` marks what cannot be taken (too large, or not
handed out), so that it stops nobody else, and is tried again a day later. A lease lets one fetcher work at a time. Were two at it all the
same, the key of a mail decides as everywhere.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from portal.kernel import clock, jobs, outbound_imap, quarantine
from portal.kernel.db import db
from portal.kernel.errors import Busy, DiskFull, TooLarge
from portal.kernel.incoming import notes, store
from portal.kernel.outbound_imap import Folder, Mailbox, MailboxError, NotHandedOver, Trouble
from portal.kernel.settings import Settings
from portal.kernel.unit_of_work import run

LEASE = timedelta(seconds=90)
"""Longer than the longest conversation."""
BATCH, BUDGET = 50, 5.0
"""Messages and seconds of one run; with more to do the next one follows at once, and other jobs come in between."""
AGAIN = timedelta(days=1)
FIRST_WAIT, LOCKED_WAIT, LONGEST_WAIT = timedelta(seconds=55), timedelta(minutes=5), timedelta(minutes=30)
"""How long to leave a mailbox alone after a failure: as long as it has failed already, within these. A refused password waits, or the account is locked."""
KEEPING = "keeping"
"""The trouble that is ours: what was fetched could not be kept."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class State:
    """How fetching goes: when it last worked, since when and why it does not, when it is tried again, and how many messages were left there."""

    worked: datetime | None
    since: datetime | None
    trouble: str
    next_try: datetime | None
    left: int


def in_use() -> Mailbox | None:
    """The mailbox of the settings."""
    settings: Settings = current_app.extensions["settings"]
    return outbound_imap.mailbox(settings.mail_in_imap) if settings.mail_in_imap else None


def state(box: Mailbox) -> State:
    """How fetching from a mailbox goes; reads only."""
    said = {name.rpartition(":")[2]: at for name, at in notes.known(f"imap:{box.account}:").items()}
    worked, since, _ = said.pop("worked", None), said.pop("since", None), said.pop("lease", None)
    trouble = max(said, key=lambda name: said[name], default="")
    next_try = None
    if since and trouble:
        first = LOCKED_WAIT if trouble == Trouble.PASSWORD else FIRST_WAIT
        next_try = said[trouble] + min(max(said[trouble] - since, first), LONGEST_WAIT)
    return State(worked, since, trouble, next_try, len(notes.known(f"left:{box.account}:")))


@jobs.every(seconds=60, name="kernel.incoming.fetch", transaction=False)
def fetch() -> None:
    """Fetch what is new, unless somebody else is at it or the mailbox is to be left alone for a while."""
    box, now = in_use(), clock.now()
    if box is None or quarantine.is_on():
        return
    next_try = state(box).next_try
    db.session.rollback()
    if next_try and now < next_try:
        return
    lease = f"imap:{box.account}:lease"
    end = run(lambda: notes.take_lease(lease, now, LEASE))
    if end is None:
        return
    try:
        visit(box)
    finally:
        with suppress(SQLAlchemyError, Busy, DiskFull):
            run(lambda: notes.give_lease(lease, end, clock.now()))


def visit(box: Mailbox) -> None:
    """Fetch some messages and write down how it went; with more there, another run follows."""
    try:
        with outbound_imap.open_folder(box, largest=store.LARGEST) as folder:
            more = _Visit(box, folder).work()
    except MailboxError as error:
        _failed(box, error.trouble.value)
    except (Busy, DiskFull):
        _failed(box, KEEPING)
    else:
        run(lambda: _worked(box, more))


def _failed(box: Mailbox, trouble: str) -> None:
    log.warning("mailbox not read", trouble=trouble)
    with suppress(SQLAlchemyError, Busy, DiskFull):
        run(lambda: _note_trouble(box, trouble, clock.now()))


def _note_trouble(box: Mailbox, trouble: str, now: datetime) -> None:
    notes.note_once(f"imap:{box.account}:since", now)
    notes.note(f"imap:{box.account}:{trouble}", now)


def _worked(box: Mailbox, more: bool) -> None:
    notes.drop(f"imap:{box.account}:{name}" for name in ("since", KEEPING, *Trouble))
    notes.note(f"imap:{box.account}:worked", clock.now())
    if more:
        jobs.enqueue("kernel.incoming.fetch", unique="more")


class _Visit:
    """One conversation about one folder."""

    def __init__(self, box: Mailbox, folder: Folder) -> None:
        self._folder = folder
        self._account = box.account
        self._end = time.monotonic() + BUDGET

    def work(self) -> bool:
        """Take what is there, the oldest first; true when there is more."""
        uids = self._folder.uids()
        self._tidy(uids)
        taken, left = self._notes("took"), self._notes("left")
        waiting = [uid for uid in uids if self._name("left", uid) not in left]
        batch = waiting[:BATCH]
        sizes = self._folder.sizes(uid for uid in batch if self._name("took", uid) not in taken)
        for uid in batch:
            if time.monotonic() > self._end:
                return True
            self._one(uid, self._name("took", uid) in taken, sizes.get(uid, 0))
        return len(waiting) > len(batch)

    def _one(self, uid: int, taken: bool, size: int) -> None:
        if not taken and size > store.LARGEST:
            self._leave(uid)
            return
        try:
            if taken or self._take(uid):
                self._folder.put_away(uid)
        except (NotHandedOver, TooLarge):
            self._leave(uid)

    def _take(self, uid: int) -> bool:
        """Keep a message; false when it is gone."""
        try:
            found = self._folder.fetch(uid)
        except MailboxError:
            self._stumble(uid)
            raise
        if found is None:
            return False
        now = clock.now()
        keep(found.content, self._name("took", uid), min(found.arrived_at or now, now))
        return True

    def _stumble(self, uid: int) -> None:
        """A message at which the conversation breaks off twice is left, or nobody would get past it."""
        if not run(lambda: notes.note_once(self._name("tore", uid), clock.now())):
            self._leave(uid)

    def _leave(self, uid: int) -> None:
        log.warning("message left in the mailbox", uid=uid)
        run(lambda: notes.note(self._name("left", uid), clock.now()))

    def _tidy(self, uids: Iterable[int]) -> None:
        """Forget notes about messages that are gone, and try those again that were left a day ago."""
        there, before = set(uids), clock.now() - AGAIN
        known = {name: at for kind in ("took", "left", "tore") for name, at in self._notes(kind).items()}
        here = {self._name(kind, uid) for kind in ("took", "left", "tore") for uid in there}
        gone = [name for name, at in known.items() if name not in here or (not name.startswith("took") and at < before)]
        db.session.rollback()
        if gone:
            run(lambda: notes.drop(gone))

    def _notes(self, kind: str) -> dict[str, datetime]:
        found = notes.known(f"{kind}:{self._account}:")
        db.session.rollback()
        return found

    def _name(self, kind: str, uid: int) -> str:
        return f"{kind}:{self._account}:{self._folder.validity}:{uid}"


def keep(raw: bytes, name: str, arrived_at: datetime) -> int:
    """Keep a message and note in the same transaction that it was taken; its id. Raises TooLarge, Busy or DiskFull."""
    number, _ = store.take_in(raw, via="imap", received_at=arrived_at, also=partial(notes.note, name, clock.now()))
    return number
