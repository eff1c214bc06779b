"""Mail that came in, as those who look after it see it, and the original behind an entry of a conversation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.desk.models import MailedMessage, Message, Service
from portal.desk.policy import mails_visible_to
from portal.kernel.db import db
from portal.kernel.files import StoredFile
from portal.kernel.incoming.store import Decision, IncomingMail
from portal.kernel.paging import Count, Key, Page, capped, keyset
from portal.kernel.policy import Actor
from portal.people.models import Department, Person

SHOWN = 25
_KEYS = (Key(IncomingMail.id, "id", descending=True),)


@dataclass(frozen=True)
class Arrived:
    """One mail of the list; ``request_id`` is where it went."""

    id: int
    sender: str
    sender_name: str
    subject: str
    received_at: datetime
    reason: str
    request_id: int | None


def page(actor: Actor, decision: Decision, cursor: str | None, limit: int = SHOWN) -> Page[Arrived]:
    """Mail with this decision, the newest first; one statement."""
    mail = IncomingMail
    request_id = sa.case((mail.subject_kind == "desk.request", mail.subject_id))
    columns: list[Any] = [mail.id, mail.sender, mail.sender_name, mail.subject, mail.received_at, mail.reason, request_id]
    query = sa.select(*columns).where(mail.decision == decision, mails_visible_to(actor))
    return keyset(query, _KEYS, cursor, limit, lambda row: Arrived(*row))


def waiting(actor: Actor) -> Count:
    """How many wait for a look; one statement."""
    return capped(sa.select(IncomingMail.id).where(IncomingMail.decision == Decision.HELD, mails_visible_to(actor)))


def places() -> list[tuple[str, int, str]]:
    """(department, id, name) of the services a mail can open at: those that need no date; one statement."""
    query = sa.select(Department.name, Service.id, Service.name).join(Service, Service.department_id == Department.id)
    query = query.where(Service.is_active == sa.true(), Service.due_field.is_(None))
    return [(row[0], row[1], row[2]) for row in db.session.execute(query.order_by(sa.func.lower(Department.name), Service.position, Service.id))]


def known_sender(address: str) -> Person | None:
    """The active person with this address; one statement."""
    return db.session.scalar(sa.select(Person).where(Person.email == address.casefold(), Person.is_active)) if address else None


def name_of(person_id: int | None) -> str:
    """The name of who decided; empty for nobody."""
    return db.session.scalar(sa.select(Person.name).where(Person.id == person_id)) or "" if person_id else ""


def file_of(mail: IncomingMail) -> StoredFile:
    """Where the bytes of a mail are; one statement."""
    return db.session.get_one(StoredFile, mail.file_id)


def original_of(request_id: int, message_id: int) -> StoredFile | None:
    """The original of an entry of a request that came by mail; one statement."""
    query = sa.select(StoredFile).join(IncomingMail, IncomingMail.file_id == StoredFile.id).join(MailedMessage, MailedMessage.mail_id == IncomingMail.id)
    query = query.join(Message, Message.id == MailedMessage.message_id)
    return db.session.scalar(query.where(Message.request_id == request_id, Message.id == (message_id if 0 < message_id < 2**31 else 0)))
