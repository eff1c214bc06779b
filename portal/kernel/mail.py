"""Outgoing mail: written with the change it is about, in the same transaction, and handed over afterwards.

A mail is a row. Handing over takes two short transactions with the conversation between them: the row says "sending", the server
takes the message under its lasting Message-ID, the row says "sent". After a crash in between the same message goes out once more
under the same id. Without a mail server everything is kept and can be read under Administration.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa
import structlog
from flask import current_app, g, url_for
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, jobs, outbound, return_address, unit_of_work
from portal.kernel.db import Identified, db, enum_type
from portal.kernel.errors import Refusal
from portal.kernel.health import Unwell, check
from portal.kernel.mail_ids import lasting_id, relayed
from portal.kernel.mail_message import (
    NAME_LIMIT,
    SUBJECT_LIMIT,
    Letter,
    Voice,
    address,
    body,
    checked_headers,
    checked_id,
    compose,
    domain,
    is_portals,
    one_line,
    sender,
)
from portal.kernel.messages import say
from portal.kernel.policy import ANONYMOUS
from portal.kernel.settings import Settings

FIRST_WAIT, LONGEST_WAIT = 30.0, 7200.0
"""Seconds until the second try, and the most between two tries; it doubles in between."""
TRIES = 30
"""About two days of trying."""
LEASE = timedelta(minutes=10)
"""Longer than the slowest conversation; after that another worker may take the mail over."""
BODY_KEPT = timedelta(days=30)
BATCH = 500

log = structlog.get_logger(__name__)


class State(StrEnum):
    """Where a mail is; the last three are ends."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    KEPT = "kept"


class Mail(Identified):
    """One message to one address. ``next_try_at`` is the next try while queued and the end of the lease while sending."""

    __tablename__ = "mails"
    __table_args__ = (
        sa.Index("ix_mails_state_next_try_at", "state", "next_try_at"),
        sa.Index("ix_mails_subject", "subject_kind", "subject_id", "person_id"),
        sa.Index("ix_mails_relay_id", "relay_id", sqlite_where=sa.text("relay_id IS NOT NULL"), postgresql_where=sa.text("relay_id IS NOT NULL")),
    )

    message_id: Mapped[str] = mapped_column(sa.String(320), unique=True)
    person_id: Mapped[int | None] = mapped_column(index=True)
    to: Mapped[str] = mapped_column(sa.String(320))
    to_name: Mapped[str] = mapped_column(sa.String(NAME_LIMIT))
    subject: Mapped[str] = mapped_column(sa.String(SUBJECT_LIMIT))
    text: Mapped[str] = mapped_column(sa.Text)
    html: Mapped[str | None] = mapped_column(sa.Text)
    in_reply_to: Mapped[str | None] = mapped_column(sa.String(320))
    references: Mapped[list[str]]
    headers: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)
    state: Mapped[State] = mapped_column(enum_type(State))
    tries: Mapped[int]
    next_try_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(sa.String(500))
    subject_kind: Mapped[str | None] = mapped_column(sa.String(60))
    subject_id: Mapped[int | None]
    relay_id: Mapped[str | None] = mapped_column(sa.String(320))
    voice: Mapped[Voice] = mapped_column(enum_type(Voice), server_default=Voice.PORTAL.value)
    from_name: Mapped[str | None] = mapped_column(sa.String(NAME_LIMIT))
    from_address: Mapped[str | None] = mapped_column(sa.String(320))


def queue(
    *,
    to: str,
    subject: str,
    text: str,
    now: datetime,
    html: str | None = None,
    name: str = "",
    message_id: str | None = None,
    in_reply_to: str | None = None,
    references: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    person_id: int | None = None,
    about: tuple[str, int] | None = None,
    voice: Voice = Voice.PORTAL,
    writer: tuple[str, str | None] | None = None,
) -> Mail:
    """Write a mail into the outbox as part of the current transaction; with a ``message_id`` queued before, the first mail is returned.

    ``about`` is the thing answers belong to, ``writer`` name and address to write as where a person speaks.

    Raises Refusal for an impossible address or one of our own, ValueError for ids and headers that would not survive the way.
    """
    identity = checked_id(message_id or lasting_id())
    if is_portals(to, _settings()):
        raise Refusal(say("%(address)s is an address of the portal itself, and it writes to nobody there.", address=one_line(to, 100)))
    ids = {"in_reply_to": checked_id(in_reply_to) if in_reply_to else None, "references": [checked_id(one) for one in references]}
    words = {"subject": one_line(subject, SUBJECT_LIMIT), "text": body(text), "html": body(html) if html else None}
    fresh = jobs.insert_once(
        Mail,
        message_id=identity,
        person_id=person_id,
        to=address(to),
        to_name=one_line(name, NAME_LIMIT),
        headers=checked_headers(headers or {}),
        created_at=now,
        state=State.QUEUED,
        tries=0,
        next_try_at=now,
        voice=voice,
        **words,
        **ids,
        **_said_by(writer),
        **dict(zip(("subject_kind", "subject_id"), about or (None, None), strict=True)),
    )
    mail = db.session.scalars(sa.select(Mail).where(Mail.message_id == identity)).one()
    if fresh:
        _hand_out(mail.id)
    return mail


def _said_by(writer: tuple[str, str | None] | None) -> dict[str, str | None]:
    """Name and address to write as; an address that no mail server would take is left out, the mail goes from the portal's."""
    name, mailbox = writer or (None, None)
    try:
        usable = address(mailbox) if mailbox else None
    except Refusal:
        usable = None
    return {"from_name": one_line(name, NAME_LIMIT) if name else None, "from_address": usable}


def _hand_out(mail_id: int) -> None:
    jobs.enqueue("kernel.mail.deliver", unique=str(mail_id), mail_id=mail_id)


@dataclass(frozen=True)
class Outcome:
    """How a try ended, and what the server said to it."""

    state: State
    error: str | None = None
    answer: str = ""


class Transport(Protocol):
    """A way out for finished messages."""

    def deliver(self, message: EmailMessage, *, sender: str, recipient: str) -> Outcome:
        """Hand over or keep; the state the mail ends in. Raises outbound.Rejected or outbound.Delayed."""
        ...


class SmtpTransport:
    """Hands messages to the company's mail server."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name

    def deliver(self, message: EmailMessage, *, sender: str, recipient: str) -> Outcome:
        """Sent, once the server has taken it."""
        with outbound.smtp(self._url, name=self._name) as relay:
            return Outcome(State.SENT, answer=relay.send(message.as_bytes(), sender=sender, recipient=recipient))


class KeepTransport:
    """Keeps messages where they are, readable in the browser: for a portal without a mail server."""

    def deliver(self, message: EmailMessage, *, sender: str, recipient: str) -> Outcome:
        """Kept; the message was still written in full, so that a fault in it shows here too."""
        message.as_bytes()
        return Outcome(State.KEPT)


def transport(settings: Settings) -> Transport:
    """The way out that the settings ask for."""
    return SmtpTransport(settings.smtp_url, domain(settings)) if settings.smtp_url else KeepTransport()


@dataclass(frozen=True)
class _Claim:
    mail_id: int
    tries: int
    letter: Letter
    person_id: int | None = None


@jobs.job("kernel.mail.deliver", transaction=False)
def deliver(mail_id: int) -> None:
    """Hand over one mail if it is due and nobody else does; what happened is written to its row."""
    claim = unit_of_work.run(lambda: _claim(mail_id, clock.now()))
    if claim is not None:
        outcome = _attempt(claim)
        unit_of_work.run(lambda: _settle(claim, outcome, clock.now()))


def _claim(mail_id: int, now: datetime) -> _Claim | None:
    due = sa.and_(Mail.id == mail_id, Mail.state.in_((State.QUEUED, State.SENDING)), Mail.next_try_at <= now)
    take = sa.update(Mail).where(due).values(state=State.SENDING, tries=Mail.tries + 1, next_try_at=now + LEASE).returning(Mail)
    mail = db.session.scalars(take, execution_options={"synchronize_session": False, "populate_existing": True}).first()
    if mail is None:
        return None
    letter = Letter(
        message_id=mail.message_id,
        to=mail.to,
        to_name=mail.to_name,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        created_at=mail.created_at,
        in_reply_to=mail.in_reply_to,
        references=mail.references,
        headers=mail.headers,
        voice=mail.voice,
        from_name=mail.from_name,
        from_address=mail.from_address,
        token=return_address.token(mail.id),
    )
    return _Claim(mail.id, mail.tries, letter, mail.person_id)


def _attempt(claim: _Claim) -> Outcome:
    settings = _settings()
    try:
        message = compose(claim.letter, settings)
        return transport(settings).deliver(message, sender=envelope_sender(claim.mail_id, claim.letter.voice, settings), recipient=claim.letter.to)
    except outbound.Rejected as error:
        return Outcome(State.FAILED, str(error))
    except outbound.Delayed as error:
        return Outcome(State.QUEUED, str(error))
    except Exception as error:
        log.exception("mail could not be written", mail=claim.mail_id)
        return Outcome(State.QUEUED, f"{type(error).__name__}: {error}")


def envelope_sender(mail_id: int, voice: Voice, settings: Settings) -> str:
    """Where a mail comes back to: nowhere for a receipt, which must never start a conversation of machines, else to an address of its own."""
    mailbox = sender(settings)[1]
    if settings.mail_plain:
        return mailbox
    return "" if voice is Voice.RECEIPT else return_address.make(mail_id, mailbox.rpartition("@")[2])


@dataclass(frozen=True)
class Refused:
    """That a mail server said a final no, in its words."""

    mail_id: int
    person_id: int | None
    address: str
    words: str


_watchers: list[Callable[[Refused, datetime], None]] = []


def on_refusal(watcher: Callable[[Refused, datetime], None]) -> Callable[[Refused, datetime], None]:
    """Announce who is told, in the same transaction, when a server takes a mail for nobody."""
    _watchers.append(watcher)
    return watcher


def _settle(claim: _Claim, outcome: Outcome, now: datetime) -> None:
    again = outcome.state is State.QUEUED
    values: dict[str, Any] = {
        "state": State.FAILED if again and claim.tries >= TRIES else outcome.state,
        "next_try_at": now + wait(claim.tries) if again and claim.tries < TRIES else None,
        "sent_at": now if outcome.state is State.SENT else None,
        "last_error": outcome.error and outcome.error[:500],
    }
    if (other := relayed(outcome.answer)) and other != claim.letter.message_id:
        values["relay_id"] = other[:320]
    # The number of tries is the fence: a worker that was taken for dead changes nothing any more.
    mine = sa.update(Mail).where(Mail.id == claim.mail_id, Mail.state == State.SENDING, Mail.tries == claim.tries)
    settled: Any = db.session.execute(mine.values(**values), execution_options={"synchronize_session": False})
    if settled.rowcount == 1 and outcome.state is State.FAILED and outcome.error:
        refused = Refused(claim.mail_id, claim.person_id, claim.letter.to, outcome.error)
        for watcher in _watchers:
            watcher(refused, now)
    if outcome.error:
        log.warning("mail not taken", mail=claim.mail_id, tries=claim.tries, final=values["state"] is State.FAILED, error=outcome.error)


def wait(tries: int) -> timedelta:
    """How long to wait after ``tries`` tries: 30 s doubling up to 2 h, a little scattered."""
    return timedelta(seconds=min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT) * random.uniform(0.9, 1.1))


@jobs.every(seconds=30, name="kernel.mail.sweep")
def sweep() -> None:
    """Hand out mails whose next try has come, and those whose worker went silent."""
    now = clock.now()
    for state in (State.QUEUED, State.SENDING):
        due = sa.select(Mail.id).where(Mail.state == state, Mail.next_try_at <= now).order_by(Mail.next_try_at).limit(BATCH)
        for mail_id in db.session.scalars(due):
            _hand_out(mail_id)


def retry(mail_id: int, now: datetime) -> bool:
    """Try a mail again that was given up or kept; false when it is neither."""
    again = sa.update(Mail).where(Mail.id == mail_id, Mail.state.in_((State.FAILED, State.KEPT)), Mail.text != "")
    result = db.session.execute(again.values(state=State.QUEUED, tries=0, next_try_at=now), execution_options={"synchronize_session": False})
    if getattr(result, "rowcount", 0) != 1:
        return False
    _hand_out(mail_id)
    return True


@jobs.daily("03:50", name="kernel.mail.forget", transaction=False)
def forget() -> None:
    """The words of a mail go after 30 days; that it was sent stays known."""
    while unit_of_work.run(lambda: _forget_some(clock.now() - BODY_KEPT)):
        pass


def _forget_some(before: datetime) -> bool:
    old = sa.select(Mail.id).where(Mail.created_at < before, Mail.text != "", Mail.state.in_((State.SENT, State.FAILED, State.KEPT))).limit(BATCH)
    result = db.session.execute(sa.update(Mail).where(Mail.id.in_(old)).values(text="", html=None), execution_options={"synchronize_session": False})
    return int(getattr(result, "rowcount", 0)) == BATCH


def render_mail(name: str, *, zone: str = "UTC", locale: str = "en", **context: Any) -> tuple[str, str, str]:
    """Subject, text and HTML of ``feature/name`` from ``templates/feature/mail/name/``, in the reader's language and zone.

    Templates get ``link(endpoint, **values)``, which always carries the configured address, whatever host a request came by.
    """
    folder, _, rest = name.partition("/")
    settings = _settings()
    before = g.pop("actor", None)
    # A request of its own: Flask-Babel keeps the language on the request, and outside of one on the whole process.
    with current_app.test_request_context("/", method="POST", base_url=settings.base_url):
        g.actor = replace(ANONYMOUS, zone=zone, locale=locale)
        try:
            values = {"link": partial(url_for, _external=True), "company": settings.company, "language": locale, "base_url": settings.base_url, **context}
            parts = [current_app.jinja_env.get_template(f"{folder}/mail/{rest}/{part}").render(values) for part in ("subject.txt", "body.txt", "body.html")]
        finally:
            g.actor = before
            if before is None:
                g.pop("actor")
    return one_line(parts[0], SUBJECT_LIMIT), parts[1].strip() + "\n", parts[2]


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


@check("mail")
def _mail_flows() -> str:
    oldest = db.session.scalar(sa.select(sa.func.min(Mail.created_at)).where(Mail.state == State.QUEUED))
    if oldest is not None and clock.now() - oldest > timedelta(hours=1):
        raise Unwell(f"the oldest mail waits since {oldest:%Y-%m-%d %H:%M} UTC")
    return "flowing"
