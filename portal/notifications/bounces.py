"""Mail that comes back: whose address is dead, whose rules refused us, and who is told.

A report counts only with a token that we put on the mail it is about: by its address, or by our header in the mail it returns. Two
mails that come back for good within 14 days make an address dead: what its owner is told stays in the portal, and HR and the
administrators hear of it. What the rules of a server refuse is never held against a person.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from portal.contracts.notifications import AddressDied, MailTriedAgain
from portal.kernel import activity, jobs, mail, mail_message, return_address
from portal.kernel.db import db
from portal.kernel.errors import Conflict
from portal.kernel.incoming import store
from portal.kernel.incoming.reading import Automatic, Failure, Reading
from portal.kernel.incoming.store import Decision, Envelope, Verdict
from portal.kernel.messages import Message, say
from portal.kernel.policy import SYSTEM, Actor
from portal.notifications import kinds, queries, rules
from portal.notifications.actions import tell
from portal.notifications.models import DeadAddress, MailFailure
from portal.notifications.policy import KEEPERS, is_keeper
from portal.notifications.rules import FailureKind
from portal.people.models import Person, Role

SENDING = ("notifications.sending", 1)
"""What a notice about the portal's own sending is about."""
OF_PERSON = "people.person"
KEPT = timedelta(days=400)
ALIVE = say("Mail to this address is not stopped any more: somebody was faster, or it has been changed.")


class Bounces(store.Taker):
    """Takes reports about mail that could not be delivered; they never open or continue anything."""

    def claims(self, reading: Reading, envelope: Envelope) -> bool:
        """Reports only: out-of-office notes and people who write to a return address are for the next."""
        return reading.automatic is Automatic.BOUNCE

    def foresee(self, reading: Reading, envelope: Envelope, *, now: datetime) -> Verdict:
        """What would become of a report."""
        return _read(reading, envelope)[0]

    def take(self, mail_id: int, reading: Reading, envelope: Envelope, prepared: None, *, now: datetime) -> Verdict:
        """Write down what came back."""
        verdict, sent, failure = _read(reading, envelope)
        if sent is not None and failure is not None:
            failed(sent.id, sent.person_id, sent.to, failure.status, failure.diagnostic, now)
        return verdict


def _read(reading: Reading, envelope: Envelope) -> tuple[Verdict, mail.Mail | None, Failure | None]:
    final = [one for one in reading.failures if one.action == "failed"]
    if not final:
        return Verdict(Decision.IGNORED, "It reports a delay or a delivery, not a failure."), None, None
    sent = _about(reading, envelope)
    if sent is None:
        return Verdict(Decision.IGNORED, "It reports a failure, and nothing in it proves that it is about a mail of ours."), None, None
    failure = next((one for one in final if one.recipient.casefold() == sent.to.casefold()), final[0])
    reason = f"A mail server says that a mail to {sent.to} could not be delivered ({failure.status or 'without a code'})."
    return Verdict(Decision.IGNORED, reason, ("kernel.mail", sent.id)), sent, failure


def _about(reading: Reading, envelope: Envelope) -> mail.Mail | None:
    """The mail a report proves to be about: by the signed address it came to, or by our header in what it returns."""
    addresses = (*envelope.to, *reading.delivered_to, *(box.address for box in reading.to))
    named = next((number for one in addresses if (number := return_address.read(one))), None)
    echo = next((value for name, value in reading.echoes.items() if name.casefold() == return_address.HEADER.casefold()), "")
    number = named or (return_address.opened(echo) if echo else None)
    return db.session.get(mail.Mail, number) if number and number < 2**31 else None


@mail.on_refusal
def refused(refusal: mail.Refused, now: datetime) -> None:
    """A server that took a mail for nobody at once says the same as a report that comes later."""
    failed(refusal.mail_id, refusal.person_id, refusal.address, rules.status_in(refusal.words), refusal.words, now)


def failed(mail_id: int, person_id: int | None, address: str, status: str, words: str, now: datetime) -> None:
    """Note that a mail came back, once for each mail and kind of failure; switch over or tell whoever can mend it."""
    if person_id is not None and not _hold(person_id):
        person_id = None
    kind = rules.failure_kind(status)
    row = {"person_id": person_id, "mail_id": mail_id, "address": address, "status": status, "kind": kind, "at": now, "is_settled": False}
    if not jobs.insert_once(MailFailure, words=mail_message.one_line(words, 300), **row):
        return
    if kind is FailureKind.POLICY:
        _tell_of_policy(mail_id, address, status, words, now)
    elif kind is FailureKind.HARD and person_id is not None and queries.hard_failures(person_id, address, now) >= rules.DEAD_AFTER:
        _switch(person_id, address, status, words, now)


def _hold(person_id: int) -> bool:
    """Take the turn to decide about a person; two reports at once are counted one after the other."""
    mine = sa.select(Person.id).where(Person.id == person_id).with_for_update(key_share=True)
    return db.session.scalar(mine) is not None


def _switch(person_id: int, address: str, status: str, words: str, now: datetime) -> None:
    person = db.session.get_one(Person, person_id, populate_existing=True)
    if (person.email or "").casefold() != address.casefold() or queries.is_dead(person_id):
        return  # it was corrected meanwhile, and the mails that come back are old ones; or everybody knows
    _forget(person_id)
    db.session.add(DeadAddress(person_id=person_id, address=person.email, status=status, words=mail_message.one_line(words, 300), since=now))
    db.session.flush()
    activity.record(AddressDied(person_id, status), actor=SYSTEM, subject=(OF_PERSON, person_id), at=now)
    _tell_of_death(person, now)


def _forget(person_id: int) -> bool:
    """Nothing that came back counts any more; whether the address was dead."""
    settle = sa.update(MailFailure).where(MailFailure.person_id == person_id, MailFailure.is_settled.is_(False)).values(is_settled=True)
    db.session.execute(settle, execution_options={"synchronize_session": False})
    gone = sa.delete(DeadAddress).where(DeadAddress.person_id == person_id).returning(DeadAddress.person_id)
    return db.session.scalar(gone, execution_options={"synchronize_session": "fetch"}) is not None


def _tell_of_death(person: Person, now: datetime) -> None:
    keepers = [one for one in queries.holders(KEEPERS, now) if one != person.id]
    _tell_of(person, keepers, say("The address of %(name)s does not take mail.", name=person.name), "keeps", now)
    _tell_of(person, [person.id], say("Mail to you comes back, so what you are told stays here."), "about", now)


def _tell_of(person: Person, to: list[int], text: Message, why: str, now: datetime) -> None:
    about, path = (OF_PERSON, person.id), f"/notifications/mail/{person.id}"
    tell(to, kind="mail.dead", subject=about, key=now.isoformat(), text=text, why=why, path=path, topic=person.name, now=now)


def _tell_of_policy(mail_id: int, address: str, status: str, words: str, now: datetime) -> None:
    host = address.rpartition("@")[2]
    tell(
        queries.holders((Role.ADMINISTRATOR,), now),
        kind="mail.refused",
        subject=SENDING,
        key=f"{status} {host} {now:%Y-%m-%d}"[:80],
        text=say("The mail server of %(host)s refuses mail of the portal by its rules (%(status)s).", host=host, status=status),
        why="keeps",
        path=f"/administration/mail/{mail_id}",
        excerpt=mail_message.one_line(words, 300),
        now=now,
    )


def try_again(person_id: int, *, actor: Actor, now: datetime) -> None:
    """Send mail to somebody again, for example when the address was mended; Conflict when it goes out already."""
    if not _hold(person_id) or not _forget(person_id):
        raise Conflict(ALIVE)
    activity.record(MailTriedAgain(person_id), actor=actor, subject=(OF_PERSON, person_id), at=now)


def forget(now: datetime) -> None:
    """Drop what came back longer than ``KEPT`` ago; an address that is dead stays so."""
    db.session.execute(sa.delete(MailFailure).where(MailFailure.at < now - KEPT), execution_options={"synchronize_session": False})


def setup() -> None:
    """Announce that reports are taken before the desk sees them, and the kinds of notices."""
    store.taker(Bounces(), order=10)
    about = say("Mail to somebody comes back, so what they are told stays in the portal.")
    kinds.register("mail.dead", say("Addresses that take no mail"), about, order=200, who=is_keeper)
    about = say("A mail server refuses mail of the portal by its own rules.")
    kinds.register("mail.refused", say("Refused mail"), about, order=201, who=lambda actor: actor.has(Role.ADMINISTRATOR))
