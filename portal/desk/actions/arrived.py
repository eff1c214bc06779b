"""Decide about a mail that waits for a look: open a request with it, add it to one, or ignore it. Whoever is first decides."""

from dataclasses import replace
from datetime import datetime

from portal.contracts.desk import MailDecided
from portal.desk.actions.conversation import add_note
from portal.desk.actions.filing import file_request
from portal.desk.actions.mail import filing_of, opening_of, received, words_of
from portal.desk.models import MailedMessage, Request
from portal.desk.policy import DECIDED_BEFORE
from portal.kernel import activity
from portal.kernel.db import db
from portal.kernel.errors import Conflict
from portal.kernel.incoming import store
from portal.kernel.incoming.reading import Reading
from portal.kernel.incoming.store import Decision, IncomingMail, Verdict
from portal.kernel.policy import Actor


def open_for(mail: IncomingMail, reading: Reading, *, person_id: int, service_id: int, actor: Actor, now: datetime) -> Request:
    """Open a request with a mail for somebody; Conflict when somebody else decided, Refusal of what filing refuses."""
    _take(mail)
    filing = filing_of(reading, received(reading), _head(reading), received_at=mail.received_at, now=now)
    request = file_request(replace(filing, service_id=service_id, requester_id=person_id), actor=actor, now=now)
    _finish(mail, Decision.OPENED, request, opening_of(request), actor, now)
    return request


def add_to(mail: IncomingMail, reading: Reading, request: Request, *, actor: Actor, now: datetime) -> None:
    """Add a mail to a request as a note of the team, because nothing proves who wrote it; Conflict when somebody else decided."""
    _take(mail)
    taken = received(reading)
    body = words_of(_head(reading) + (reading.reply_text or reading.text), reading, taken)
    note = add_note(request, body=body, files=taken.kept, actor=actor, now=now)
    _finish(mail, Decision.APPENDED, request, note.id, actor, now)


def ignore(mail: IncomingMail, *, actor: Actor, now: datetime) -> None:
    """Leave a mail alone; it stays kept. Conflict when somebody else decided."""
    _take(mail)
    _finish(mail, Decision.IGNORED, None, None, actor, now)


def _take(mail: IncomingMail) -> None:
    if not store.claim(mail.id, held=True):
        raise Conflict(DECIDED_BEFORE)


def _head(reading: Reading) -> str:
    sender = reading.sender
    return f"Mail from {sender.name} <{sender.address}>\n\n" if sender.name else f"Mail from {sender.address or 'an unknown sender'}\n\n"


def _finish(mail: IncomingMail, decision: Decision, request: Request | None, message_id: int | None, actor: Actor, now: datetime) -> None:
    if message_id is not None:
        db.session.add(MailedMessage(message_id=message_id, mail_id=mail.id))
    kept = (mail.subject_kind, mail.subject_id) if mail.subject_kind and mail.subject_id else None
    verdict = Verdict(decision, mail.reason, ("desk.request", request.id) if request else kept)
    store.settle(mail.id, None, verdict, now=now, by=actor.person_id)
    told = MailDecided(mail.id, decision.value, request.id if request else None)
    activity.record(told, actor=actor, subject=("kernel.incoming", mail.id), at=now)
