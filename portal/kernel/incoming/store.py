"""Mail that came in: kept whole under a key of its own before anything is decided, decided once, and never lost in between.

A source (a file, later a mailbox) hands over bytes; row, bytes and the job that decides are one transaction. Deciding is another:
the row is claimed by a conditional UPDATE in the transaction that opens or continues something, so a job that runs twice does it once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, files, jobs, unit_of_work
from portal.kernel.db import Identified, db, enum_type
from portal.kernel.errors import Busy, DiskFull, PortalError, TooLarge
from portal.kernel.incoming.keys import keys_of
from portal.kernel.incoming.reading import Reading, TooSlow, read_within
from portal.kernel.mail_message import one_line
from portal.kernel.messages import say

SECONDS = 2.0
"""How long reading one mail may take; after that a person looks at it."""
LARGEST = 50_000_000
"""Bytes of the largest mail that is taken; of a larger one nothing is."""
TOO_LARGE = say("This mail is larger than %(limit)s, the most that is taken.", limit=files.size_words(LARGEST))
KEPT = timedelta(days=90)
"""How long a mail is kept that was ignored."""
BATCH = 200
log = structlog.get_logger(__name__)


class Decision(StrEnum):
    """What became of a mail."""

    OPENED = "opened"
    APPENDED = "appended"
    HELD = "held"
    IGNORED = "ignored"


class IncomingMail(Identified):
    """One mail that arrived; ``decision`` is empty until somebody or something decided."""

    __tablename__ = "incoming_mails"
    __table_args__ = (
        sa.Index("ix_incoming_mails_undecided", "id", sqlite_where=sa.text("decision IS NULL"), postgresql_where=sa.text("decision IS NULL")),
        sa.Index("ix_incoming_mails_decision_id", "decision", "id"),
        sa.Index("ix_incoming_mails_subject", "subject_kind", "subject_id"),
    )

    key: Mapped[str] = mapped_column(sa.String(160), unique=True)
    file_id: Mapped[int] = mapped_column(sa.ForeignKey("files.id"))
    size: Mapped[int]
    via: Mapped[str] = mapped_column(sa.String(12))
    envelope_from: Mapped[str | None] = mapped_column(sa.String(320))
    envelope_to: Mapped[list[Any]]
    received_at: Mapped[datetime]
    sender: Mapped[str] = mapped_column(sa.String(320), default="")
    sender_name: Mapped[str] = mapped_column(sa.String(120), default="")
    subject: Mapped[str] = mapped_column(sa.String(200), default="")
    message_id: Mapped[str | None] = mapped_column(sa.String(420))
    decision: Mapped[Decision | None] = mapped_column(enum_type(Decision))
    reason: Mapped[str] = mapped_column(sa.String(400), default="")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None]
    subject_kind: Mapped[str | None] = mapped_column(sa.String(60))
    subject_id: Mapped[int | None]


@dataclass(frozen=True)
class Envelope:
    """How a mail came: when, and for which addresses by the word of the server that took it."""

    received_at: datetime
    to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What was decided, why in words, and the thing it went to."""

    decision: Decision
    reason: str
    subject: tuple[str, int] | None = None


TOO_SLOW = Verdict(Decision.HELD, "It took too long to read.")


class Taker:
    """Whoever decides about some mail. ``prepare`` may be slow and writes no row; ``take`` runs in the deciding transaction."""

    def claims(self, reading: Reading, envelope: Envelope) -> bool:
        """False for mail that is not for this taker at all; cheap, reads only."""
        return True

    def foresee(self, reading: Reading, envelope: Envelope, *, now: datetime) -> Verdict | None:
        """What would become of a mail; writes nothing. None when the next taker decides."""
        raise NotImplementedError

    def prepare(self, reading: Reading, envelope: Envelope, *, now: datetime) -> Any:
        """What ``take`` needs that no transaction should wait for, such as checked files."""
        return None

    def take(self, mail_id: int, reading: Reading, envelope: Envelope, prepared: Any, *, now: datetime) -> Verdict | None:
        """Decide and do it; what it refuses is held for a person. None leaves the mail to the next taker, and whatever was done is undone.

        Busy and DiskFull pass by themselves and decide nothing.
        """
        raise NotImplementedError


NOBODY = Verdict(Decision.HELD, "Nobody here knows what to do with it.")
_takers: dict[type[Taker], tuple[int, Taker]] = {}


def taker(one: Taker, order: int = 100) -> None:
    """Announce somebody who decides about mail; the lowest ``order`` is asked first. The same class again takes its own place."""
    _takers[type(one)] = (order, one)


def _asked(reading: Reading, envelope: Envelope) -> Iterator[Taker]:
    for _, one in sorted(_takers.values(), key=lambda entry: entry[0]):
        if one.claims(reading, envelope):
            yield one


def foresee(reading: Reading, *, now: datetime) -> Verdict:
    """What would become of a mail that came as a file; writes nothing."""
    envelope = Envelope(now)
    return next((found for one in _asked(reading, envelope) if (found := one.foresee(reading, envelope, now=now))), NOBODY)


def find(raw: bytes) -> IncomingMail | None:
    """The mail with these bytes, when it came before."""
    return db.session.scalars(sa.select(IncomingMail).where(IncomingMail.key.in_(keys_of(raw))).order_by(IncomingMail.id).limit(1)).first()


def receive(raw: bytes) -> files.Received:
    """Store the bytes of a mail, which needs no transaction; raises TooLarge or DiskFull. :func:`keep` makes them a mail."""
    if len(raw) > LARGEST:
        raise TooLarge(TOO_LARGE)
    return files.receive_raw(raw or b"\n", name="original.eml", mime="message/rfc822")


def keep(
    raw: bytes,
    *,
    via: str,
    now: datetime,
    keys: tuple[str, ...] = (),
    envelope_from: str | None = None,
    envelope_to: Sequence[str] = (),
    received: files.Received | None = None,
) -> tuple[int, bool]:
    """Keep a mail and see that it is decided; its id, and False when it came before. Part of the current transaction. Raises TooLarge.

    ``keys`` and ``received`` are for callers that worked ``keys_of`` and :func:`receive` out before the transaction.
    """
    keys, received = keys or keys_of(raw), received or receive(raw)
    key = keys[0]
    known = db.session.scalar(sa.select(IncomingMail.id).where(IncomingMail.key.in_(keys)).limit(1))
    if known is not None:
        return known, False
    values = {"via": via, "envelope_from": envelope_from, "envelope_to": list(envelope_to)[:300], "received_at": now, "size": len(raw)}
    file = files.keep(received, owner_id=None, now=now)
    fresh = jobs.insert_once(IncomingMail, key=key, file_id=file.id, sender="", sender_name="", subject="", reason="", **values)
    if not fresh:
        db.session.delete(file)
    mail_id = db.session.scalars(sa.select(IncomingMail.id).where(IncomingMail.key == key)).one()
    if fresh:
        jobs.enqueue("kernel.incoming.decide", unique=str(mail_id), mail_id=mail_id)
    return mail_id, fresh


def take_in(
    raw: bytes,
    *,
    via: str,
    envelope_from: str | None = None,
    envelope_to: Sequence[str] = (),
    received_at: datetime | None = None,
    also: Callable[[], object] = bool,
) -> tuple[int, bool]:
    """Keep a mail in a transaction of its own, together with what ``also`` writes: once this returns, it cannot be lost any more.

    Its id, and False when it came before. Raises TooLarge, Busy or DiskFull, and then nothing was kept.
    """
    received, keys = receive(raw), keys_of(raw)
    now = received_at or clock.now()

    def work() -> tuple[int, bool]:
        also()
        return keep(raw, via=via, now=now, keys=keys, envelope_from=envelope_from, envelope_to=envelope_to, received=received)

    return unit_of_work.run(work)


def decided(key: str) -> Verdict | None:
    """What became of the mail with this key; None while nobody decided."""
    mail = db.session.scalars(sa.select(IncomingMail).where(IncomingMail.key == key)).first()
    return verdict_of(mail) if mail else None


def verdict_of(mail: IncomingMail) -> Verdict | None:
    """What became of a mail; None while nobody decided."""
    if mail.decision is None:
        return None
    return Verdict(mail.decision, mail.reason, (mail.subject_kind, mail.subject_id) if mail.subject_kind and mail.subject_id else None)


def original(mail: IncomingMail) -> bytes:
    """Every byte of a mail as it came."""
    with files.read(db.session.get_one(files.StoredFile, mail.file_id)) as content:
        return content.read()


@jobs.job("kernel.incoming.decide", transaction=False)
def decide(mail_id: int) -> None:
    """Read a mail and let its taker decide, unless that has happened."""
    mail = db.session.get(IncomingMail, mail_id)
    if mail is None or mail.decision is not None or not _takers:
        return
    envelope, raw = Envelope(mail.received_at, tuple(mail.envelope_to)), original(mail)
    db.session.rollback()
    try:
        reading = read_within(raw, SECONDS)
    except TooSlow:
        unit_of_work.run(lambda: _hold(mail_id, None, TOO_SLOW))
        return
    for one in _asked(reading, envelope):
        prepared = one.prepare(reading, envelope, now=clock.now())
        db.session.rollback()
        if unit_of_work.run(partial(_decide, mail_id, one, reading, envelope, prepared), keep=bool):
            return
    unit_of_work.run(lambda: _hold(mail_id, reading, NOBODY))


def _hold(mail_id: int, reading: Reading | None, verdict: Verdict) -> None:
    if claim(mail_id):
        settle(mail_id, reading, verdict, now=clock.now())


def _decide(mail_id: int, one: Taker, reading: Reading, envelope: Envelope, prepared: Any) -> bool:
    """False when this taker leaves the mail to the next one."""
    now = clock.now()
    if not claim(mail_id):
        return True
    try:
        verdict = unit_of_work.attempt(lambda: one.take(mail_id, reading, envelope, prepared, now=now))
    except (Busy, DiskFull):
        raise
    except PortalError as error:
        verdict = Verdict(Decision.HELD, str(error.message))
    if verdict is not None:
        settle(mail_id, reading, verdict, now=now)
    return verdict is not None


def claim(mail_id: int, *, held: bool = False) -> bool:
    """Take the turn to decide about a mail, in this transaction; false when somebody has decided. ``held`` for those that wait for a person."""
    state = IncomingMail.decision == Decision.HELD if held else IncomingMail.decision.is_(None)
    take = sa.update(IncomingMail).where(IncomingMail.id == mail_id, state).values(decision=Decision.IGNORED)
    return bool(getattr(db.session.execute(take, execution_options={"synchronize_session": False}), "rowcount", 0) == 1)


def settle(mail_id: int, reading: Reading | None, verdict: Verdict, *, now: datetime, by: int | None = None) -> None:
    """Write down what was decided."""
    values: dict[str, Any] = {"decision": verdict.decision, "reason": one_line(verdict.reason, 400), "decided_at": now, "decided_by": by}
    values |= dict(zip(("subject_kind", "subject_id"), verdict.subject or (None, None), strict=True))
    if reading is not None:
        values |= {"sender": reading.sender.address[:320], "sender_name": reading.sender.name[:120], "message_id": (reading.message_id or "")[:420] or None}
        values["subject"] = one_line(reading.subject, 200)
    db.session.execute(sa.update(IncomingMail).where(IncomingMail.id == mail_id).values(**values), execution_options={"synchronize_session": False})
    log.info("mail decided", mail=mail_id, decision=verdict.decision.value)


@jobs.every(seconds=300, name="kernel.incoming.sweep")
def sweep() -> None:
    """See again to what nobody decided yet."""
    for mail_id in db.session.scalars(sa.select(IncomingMail.id).where(IncomingMail.decision.is_(None)).order_by(IncomingMail.id).limit(500)):
        jobs.enqueue("kernel.incoming.decide", unique=str(mail_id), mail_id=mail_id)


@jobs.daily("04:10", name="kernel.incoming.forget", transaction=False)
def forget() -> None:
    """Ignored mail goes 90 days after that was decided, original and row; what opened, continued or waits for a person stays."""
    while unit_of_work.run(lambda: _forget_some(clock.now() - KEPT)):
        pass


def _forget_some(before: datetime) -> bool:
    old = sa.select(IncomingMail.id, IncomingMail.file_id).where(IncomingMail.decision == Decision.IGNORED, IncomingMail.decided_at < before)
    rows = db.session.execute(old.order_by(IncomingMail.id).limit(BATCH)).all()
    quiet = {"synchronize_session": False}
    db.session.execute(sa.delete(IncomingMail).where(IncomingMail.id.in_([row.id for row in rows])), execution_options=quiet)
    db.session.execute(sa.delete(files.StoredFile).where(files.StoredFile.id.in_([row.file_id for row in rows])), execution_options=quiet)
    return len(rows) == BATCH
