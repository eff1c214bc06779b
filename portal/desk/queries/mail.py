"""What the desk knows about a mail: who sent it, what it answers, and where it would open."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import current_app

from portal.desk.mail_rules import MailFacts, Side, Thread, Way, number_in
from portal.desk.models import Participant, Request, Service
from portal.desk.policy import is_named, serves
from portal.desk.rules import FOLLOWER_LIMIT, can_write
from portal.kernel import mail_message, mail_thread, reply_address
from portal.kernel.db import db
from portal.kernel.incoming.reading import Automatic, Reading
from portal.kernel.incoming.vouching import vouched
from portal.kernel.policy import Actor
from portal.kernel.settings import Settings
from portal.people.actors import actor_of
from portal.people.models import Department, Person

KIND = "desk.request"
LOOKED_AT = 500
"""Addresses and ids of one mail that are looked up; who writes to more writes to nobody in particular."""


@dataclass(frozen=True)
class Sight:
    """A mail with what is known around it; ``service_id`` is where it would open, ``department_id`` whose address it has, ``copied`` who of us is in copy."""

    facts: MailFacts
    actor: Actor | None
    request: Request | None
    service_id: int | None
    copied: tuple[int, ...]
    department_id: int | None = None


def look(reading: Reading, to: Iterable[str], now: datetime) -> Sight:
    """Everything the decision needs; reads only. ``to`` are the addresses by the word of the server that took the mail."""
    actor = _sender(reading, now)
    addresses = [*to, *reading.delivered_to, *(box.address for box in (*reading.to, *reading.cc))][:LOOKED_AT]
    thread, request = _thread(reading, addresses, actor)
    departments = _departments(addresses)
    service = _place(departments) if actor else None
    copied = _copied(reading, actor) if actor else ()
    return Sight(_facts(reading, actor, thread, service), actor, request, service, copied, departments[0] if departments else None)


def _facts(reading: Reading, actor: Actor | None, thread: Thread | None, service: int | None) -> MailFacts:
    automatic = reading.automatic is not Automatic.NO
    return MailFacts(
        automatic_why=(reading.automatic_why or "A machine sent it.") if automatic else "",
        is_own=_is_own(reading.sender.address),
        sender_id=actor.person_id if actor else None,
        is_forward=reading.is_forward,
        has_words=bool(reading.reply_text.strip() or reading.text.strip() or reading.subject.strip() or reading.attachments),
        has_place=service is not None,
        thread=thread,
        vouched=vouched(reading.authentication, _settings().mail_in_authserv, reading.sender.address),
    )


def _sender(reading: Reading, now: datetime) -> Actor | None:
    address = reading.sender.address.casefold()
    person = db.session.scalar(sa.select(Person.id).where(Person.email == address, Person.is_active)) if address else None
    return actor_of(person, now=now) if person else None


def _is_own(address: str) -> bool:
    own, sender = mail_message.sender(_settings())[1].casefold(), address.casefold()
    answer = sender.startswith("reply+") and sender.rpartition("@")[2] == own.rpartition("@")[2]
    return bool(sender) and (sender == own or answer or bool(_departments([address])))


def is_departments(address: str) -> bool:
    """True for the address of a department, where mail is taken for it."""
    return bool(_departments([address]))


def _departments(addresses: Iterable[str]) -> list[int]:
    wanted = [address.casefold() for address in addresses if address]
    query = sa.select(Department.id, sa.func.lower(Department.email)).where(sa.func.lower(Department.email).in_(wanted))
    found = {email: number for number, email in db.session.execute(query)}
    return [found[address] for address in dict.fromkeys(wanted) if address in found]


# -- what it answers -------------------------------------------------------------------------------------------------


def _thread(reading: Reading, addresses: list[str], actor: Actor | None) -> tuple[Thread | None, Request | None]:
    """The request a mail names and its surest sign of it; a number in its subject counts only where the sender belongs to it.

    Which request follows the order of the spec: answer address, ids, signed line, subject. A line that was pasted moves no answer.
    """
    signs = _signs(reading, addresses)
    for named in signs:
        request = db.session.get(Request, named.number)
        if request is None:
            continue
        side = _side(request, actor) if actor else Side.NONE
        if named.way is not Way.SUBJECT or side is not Side.NONE:
            sign = min((one for one in signs if one.number == named.number), key=_weakness)
            open_for_words = can_write(request.status) is None
            return Thread(sign.number, sign.way, sign.addressee_id, side, request.is_confidential, open_for_words, sign.is_proof), request
    return None, None


@dataclass(frozen=True)
class _Sign:
    """What in a mail names a request, for whom it was made, and whether only readers of the request can know it."""

    number: int
    way: Way
    addressee_id: int | None = None
    is_proof: bool = True


_SURE = (Way.ADDRESS, Way.TOKEN, Way.REPLY, Way.SUBJECT)


def _weakness(sign: _Sign) -> tuple[int, bool, bool]:
    """The surest sign has the least: those that prove who writes before those that only name the request."""
    return _SURE.index(sign.way), sign.addressee_id is None, not sign.is_proof


def _signs(reading: Reading, addresses: list[str]) -> list[_Sign]:
    signed = [known for one in addresses if (known := reply_address.read(one))]
    found = [_Sign(known.subject_id, Way.ADDRESS, known.person_id) for known in signed if known.kind == KIND]
    found += _of_ids((*reading.in_reply_to, *reversed(reading.references)))
    found += [_Sign(known.subject_id, Way.TOKEN, known.person_id) for known in reply_address.tokens_in(reading.text) if known.kind == KIND]
    if named := number_in(reading.subject):
        found.append(_Sign(named, Way.SUBJECT, is_proof=False))
    return found[:30]


def _of_ids(ids: tuple[str, ...]) -> list[_Sign]:
    """The requests of mails of ours by their ids, the nearest mail first."""
    known = mail_thread.known(ids[:LOOKED_AT])
    ours = [known[one] for one in ids if one in known and known[one].kind == KIND]
    return [_Sign(what.subject_id, Way.REPLY, what.person_id, what.is_proof) for what in ours[:10]]


def _side(request: Request, actor: Actor) -> Side:
    if actor.person_id in (request.requester_id, *(() if request.is_confidential else (request.filed_by_id,))):
        return Side.ASKING
    follows = sa.select(Participant.person_id).where(Participant.request_id == request.id, Participant.person_id == actor.person_id)
    if db.session.scalar(follows) is not None:
        return Side.ASKING
    if request.department_id not in serves(actor):
        return Side.NONE
    named = not request.is_confidential or db.session.scalar(sa.select(Request.id).where(Request.id == request.id, is_named(actor))) is not None
    return Side.SERVING if named else Side.NONE


# -- where it opens --------------------------------------------------------------------------------------------------


def _place(departments: list[int]) -> int | None:
    """The service a mail opens at: the one that takes mail of the department it is addressed to (its first plain one without), else the settings'."""
    for department in departments:
        query = sa.select(Service.id).where(Service.department_id == department, Service.is_active == sa.true(), Service.is_confidential == sa.false())
        found = db.session.scalar(query.where(Service.due_field.is_(None)).order_by(Service.takes_mail.desc(), Service.position, Service.id).limit(1))
        if found is not None:
            return found
    return db.session.scalar(sa.select(Service.id).where(Service.key == _settings().mail_in_service, Service.is_active))


def _copied(reading: Reading, actor: Actor) -> tuple[int, ...]:
    wanted = {box.address.casefold() for box in (*reading.to, *reading.cc)[:LOOKED_AT] if box.address}
    query = sa.select(Person.id).where(Person.email.in_(wanted), Person.is_active, Person.id != actor.person_id).order_by(Person.id)
    return tuple(db.session.scalars(query.limit(FOLLOWER_LIMIT)))


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
