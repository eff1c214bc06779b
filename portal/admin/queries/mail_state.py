"""Whether mail is set up and flows: what an administrator looks at before the first mail goes out, and when somebody got none."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa

from portal.kernel import mail_message
from portal.kernel.db import db
from portal.kernel.health import Check
from portal.kernel.mail import Mail, State
from portal.kernel.messages import Message, say
from portal.kernel.paging import capped
from portal.kernel.settings import Settings
from portal.notifications.models import MailFailure
from portal.people.models import Person

TEST = "admin.mail_test"
"""What a test mail is about: the person who asked for it."""
LATEST = 1000
"""Mails looked at for the last one that went out."""
LATELY = timedelta(days=7)


@dataclass(frozen=True)
class Line:
    """One thing that was looked at: ``state`` is done, wait, you or late, like the marks of requests."""

    title: Message
    state: str
    word: Message
    text: Message
    at: datetime | None = None


GOOD, LOOK, OFF, UNKNOWN = say("Good"), say("Look at it"), say("Off"), say("Not checked")


def lines(settings: Settings, checks: Iterable[Check], now: datetime) -> list[Line]:
    """Everything that can be said without asking another machine."""
    coming = [one for one in checks if one.name.startswith("mail ")]
    return [_sending(settings), _sender(settings), _names(), _coming_back(settings), *(map(_check, coming) if coming else [_coming(settings)]), *_flow(now)]


def _sending(settings: Settings) -> Line:
    if not settings.smtp_url:
        return Line(say("Mail server"), "you", OFF, say("No smtp_url is set: mail stays here and nobody gets any."))
    parts = urlsplit(settings.smtp_url)
    how = say("encrypted from the start") if parts.scheme == "smtps" else say("encrypted when the server offers it")
    return Line(say("Mail server"), "done", GOOD, say("Mail is handed to %(host)s, %(how)s.", host=parts.hostname or "localhost", how=how))


def _sender(settings: Settings) -> Line:
    domain, host = mail_message.domain(settings), urlsplit(settings.base_url).hostname or ""
    title = say("Sender")
    if domain == "localhost" or "." not in domain:
        return Line(title, "late", LOOK, say("mail_from is at %(domain)s, which no other mail server believes.", domain=domain))
    if host == domain or host.endswith(f".{domain}") or domain.endswith(f".{host}"):
        return Line(title, "done", GOOD, say("Mail comes from %(domain)s, where the portal lives too.", domain=domain))
    return Line(
        title,
        "you",
        LOOK,
        say("Mail comes from %(domain)s and the portal is at %(host)s: your mail server must be allowed to write for it.", domain=domain, host=host),
    )


def _names() -> Line:
    return Line(
        say("SPF, DKIM and DMARC"), "wait", UNKNOWN, say("The portal asks no name server. Your mail server signs; look at the headers of the test mail.")
    )


def _coming_back(settings: Settings) -> Line:
    title, domain = say("What cannot be delivered"), mail_message.domain(settings)
    if settings.mail_plain:
        return Line(title, "you", LOOK, say("mail_plain is on: reports come to mail_from and count only where they repeat our header."))
    return Line(title, "done", GOOD, say("It comes back to b+…@%(domain)s: let the portal take in what is sent there.", domain=domain))


def _check(check: Check) -> Line:
    return Line(say("%(name)s", name=check.name.capitalize()), "done" if check.ok else "late", GOOD if check.ok else LOOK, say("%(found)s", found=check.detail))


def _coming(settings: Settings) -> Line:
    if settings.mail_in_listen or settings.mail_in_imap:
        return Line(say("Mail that comes in"), "wait", UNKNOWN, say("It is set up. Nothing was heard from it yet."))
    return Line(say("Mail that comes in"), "wait", OFF, say("Neither mail_in_listen nor mail_in_imap is set; the command ingest-mail works all the same."))


def _flow(now: datetime) -> list[Line]:
    latest = sa.select(Mail.state, Mail.sent_at).order_by(Mail.id.desc()).limit(LATEST).subquery()
    last = db.session.scalar(sa.select(sa.func.max(latest.c.sent_at)))
    waits = capped(sa.select(Mail.id).where(Mail.state.in_((State.QUEUED, State.SENDING))))
    back = capped(sa.select(MailFailure.id).where(MailFailure.at > now - LATELY))
    given_up = capped(sa.select(Mail.id).where(Mail.state == State.FAILED, Mail.created_at > now - LATELY))
    sent = say("The last mail went out:") if last else say("No mail went out so far.")
    return [
        Line(say("Last sent"), "done" if last else "wait", GOOD if last else say("None yet"), sent, last),
        Line(
            say("Waiting"),
            "done" if not waits.number else "work",
            GOOD if not waits.number else say("Under way"),
            say("%(count)s wait to be sent.", count=str(waits)) if waits else say("Nothing waits."),
        ),
        Line(
            say("Given up"),
            "late" if given_up.number else "done",
            LOOK if given_up.number else GOOD,
            say("%(count)s in the last seven days.", count=str(given_up)),
        ),
        Line(say("Came back"), "you" if back.number else "done", LOOK if back.number else GOOD, say("%(count)s in the last seven days.", count=str(back))),
    ]


@dataclass(frozen=True)
class Test:
    """The newest test mail of somebody, and what a mail server reported about it later."""

    id: int
    to: str
    state: State
    created_at: datetime
    sent_at: datetime | None
    last_error: str | None
    came_back: str | None


def last_test(person_id: int | None) -> Test | None:
    """The newest test mail that somebody sent to themselves; one statement."""
    columns = (Mail.id, Mail.to, Mail.state, Mail.created_at, Mail.sent_at, Mail.last_error, MailFailure.words)
    query = sa.select(*columns).outerjoin(MailFailure, MailFailure.mail_id == Mail.id)
    row = db.session.execute(query.where(Mail.subject_kind == TEST, Mail.subject_id == person_id).order_by(Mail.id.desc()).limit(1)).first()
    return Test(*row) if row else None


def address_of(person_id: int | None) -> str | None:
    """The mail address of somebody; one statement."""
    return db.session.scalar(sa.select(Person.email).where(Person.id == person_id))
