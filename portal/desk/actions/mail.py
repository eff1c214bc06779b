"""Take in a mail: open or continue a request with its words and files, in the transaction that decides about it."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from portal.desk import mail_rules
from portal.desk.actions.conversation import Reply, add_message, add_note, add_participant, reply
from portal.desk.actions.filing import Filing, file_request
from portal.desk.mail_rules import Act
from portal.desk.models import MailedMessage, Message, Request
from portal.desk.queries import recipients
from portal.desk.queries.mail import KIND, Sight, is_departments, look
from portal.desk.rules import BODY_LIMIT, FILE_LIMIT, MessageKind
from portal.kernel import files, reply_address
from portal.kernel.db import db
from portal.kernel.errors import DiskFull, PortalError, Refusal, TooLarge
from portal.kernel.incoming import addresses, store
from portal.kernel.incoming.reading import Part, Reading
from portal.kernel.incoming.store import Decision, Envelope, Verdict
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.notifications.actions import tell

CUT = "\n\n(The rest is in the original mail.)"
OLDEST = timedelta(hours=23)
"""How far back the receipt of a mail may start a clock; a mail that waited longer starts it then."""


@dataclass(frozen=True)
class Taken:
    """The files of a mail that were received, and sentences about those that were not."""

    kept: Sequence[files.Received] = ()
    refused: Sequence[str] = ()


class Desk(store.Taker):
    """Takes mail for the request desk: all that nobody else claimed."""

    def foresee(self, reading: Reading, envelope: Envelope, *, now: datetime) -> Verdict:
        """What would become of a mail; writes nothing."""
        sight = look(reading, envelope.to, now)
        act, reason = mail_rules.decide(sight.facts)
        decision = Decision(mail_rules.DECISIONS[act])
        return Verdict(decision, reason, ("desk.request", sight.request.id) if sight.request and decision is Decision.APPENDED else None)

    def prepare(self, reading: Reading, envelope: Envelope, *, now: datetime) -> Taken:
        """Check and store what came with a mail, like uploads; nothing of what no request will hold. Raises DiskFull."""
        act, _ = mail_rules.decide(look(reading, envelope.to, now).facts)
        return Taken() if act in (Act.HOLD, Act.IGNORE) else received(reading)

    def take(self, mail_id: int, reading: Reading, envelope: Envelope, prepared: Taken, *, now: datetime) -> Verdict:
        """Decide and do it; raises what the desk's own rules refuse."""
        sight = look(reading, envelope.to, now)
        act, reason = mail_rules.decide(sight.facts)
        decision = Decision(mail_rules.DECISIONS[act])
        if act in (Act.HOLD, Act.IGNORE):
            if sight.facts.waits_for_proof:
                _say_that_it_waits(mail_id, sight, now)
            return Verdict(decision, reason, _concerned(sight))
        request = carry_out(act, sight, reading, prepared, mail_id=mail_id, received_at=envelope.received_at, now=now)
        return Verdict(decision, reason, ("desk.request", request.id))


def _concerned(sight: Sight) -> tuple[str, int] | None:
    """Whose eyes a mail that waits is for: the readers of the confidential request it names, else the department it is addressed to."""
    if sight.request and sight.request.is_confidential:
        return "desk.request", sight.request.id
    department_id = sight.request.department_id if sight.request else sight.department_id
    return ("people.department", department_id) if department_id else None


def _say_that_it_waits(mail_id: int, sight: Sight, now: datetime) -> None:
    """Whose address it bears hears of it: they wrote it and can write where it counts, or somebody else did."""
    request, actor = sight.request, sight.actor
    if request is None or actor is None or actor.person_id is None:
        return
    text = say("A mail from your address about request %(number)s waits for a look. Answer our mail itself, or write here.", number=request.id)
    about, path = (KIND, request.id), recipients.path_of(request.id)
    tell([actor.person_id], kind="desk.held", subject=about, key=f"held-{mail_id}", text=text, why="about", path=path, private=True, now=now)


def carry_out(act: Act, sight: Sight, reading: Reading, taken: Taken, *, mail_id: int, received_at: datetime, now: datetime) -> Request:
    """Open a request with a mail, or add it to the one it answers; notes which entry it became. Raises what the actions raise."""
    if sight.actor is None:
        raise ValueError("nobody is known to have sent it")
    if act is Act.OPEN or sight.request is None:
        request = file_request(_filing(sight, sight.actor, reading, taken, received_at, now), actor=sight.actor, now=now)
        message_id = opening_of(request)
    else:
        request = sight.request
        message_id = _continue(act, sight.actor, request, reading, taken, sight.copied if sight.facts.lets_others_in else (), now).id
    db.session.add(MailedMessage(message_id=message_id, mail_id=mail_id))
    db.session.flush()
    return request


def _continue(act: Act, actor: Actor, request: Request, reading: Reading, taken: Taken, copied: Sequence[int], now: datetime) -> Message:
    words = words_of(reading.reply_text, reading, taken)
    if act is Act.ANSWER and (note := mail_rules.as_note(words)):
        return add_note(request, body=note, files=taken.kept, actor=actor, now=now)
    if act is Act.ANSWER:
        return reply(request, Reply(words, files=taken.kept), actor=actor, now=now)
    if act is Act.JOIN:
        add_participant(request, person_id=actor.person_id or 0, actor=actor, now=now)
    if act is Act.WRITE:
        _let_follow(request, copied, actor, now)
    return add_message(request, body=words, files=taken.kept, actor=actor, now=now)


def _let_follow(request: Request, copied: Sequence[int], actor: Actor, now: datetime) -> None:
    """People in copy follow the request from now on, as many as there is room for."""
    for person_id in copied:
        if person_id != request.requester_id:
            with contextlib.suppress(Refusal):
                add_participant(request, person_id=person_id, actor=actor, now=now)


def _filing(sight: Sight, actor: Actor, reading: Reading, taken: Taken, received_at: datetime, now: datetime) -> Filing:
    who = f"Forwarded. {reading.forwarded.name} <{reading.forwarded.address}> wrote it first.\n\n" if reading.forwarded else ""
    filing = filing_of(reading, taken, who, received_at=received_at, now=now)
    filing = replace(filing, service_id=sight.service_id or 0, requester_id=actor.person_id or 0, follower_ids=sight.copied)
    closed = sight.request if sight.facts.thread and not sight.facts.is_forward else None
    return replace(filing, follows_id=closed.id) if closed else filing


def filing_of(reading: Reading, taken: Taken, head: str, *, received_at: datetime, now: datetime) -> Filing:
    """A mail as something to file, under ``head``; whose it is and at which service is for the caller to say."""
    text = reading.text if reading.is_forward else reading.reply_text
    return Filing(
        service_id=0,
        title=mail_rules.title_of(reading.subject, text) or "A mail without a subject",
        description=words_of(head + text, reading, taken),
        requester_id=0,
        impact="slower",
        files=taken.kept,
        received_at=max(received_at, now - OLDEST),
        channel="mail",
    )


def opening_of(request: Request) -> int:
    """The id of the entry that holds the words of a request."""
    return db.session.scalars(sa.select(Message.id).where(Message.request_id == request.id, Message.kind == MessageKind.DESCRIPTION)).one()


def received(reading: Reading) -> Taken:
    """The files of a mail, checked and stored like uploads, and why some were not."""
    kept: list[files.Received] = []
    refused: list[str] = []
    for part in reading.attachments:
        try:
            _receive(part, kept)
        except DiskFull:
            raise
        except PortalError as error:
            refused.append(f"{files.clean_name(part.name)}: {error.message}")
    more = len(refused) - FILE_LIMIT
    return Taken(kept, [*refused[:FILE_LIMIT], *([f"{more} more file{'s' if more > 1 else ''}"] if more > 0 else [])])


def _receive(part: Part, kept: list[files.Received]) -> None:
    if len(kept) >= FILE_LIMIT:
        raise TooLarge(say("%(limit)s files are the most for one message.", limit=FILE_LIMIT))
    kept.append(files.receive(io.BytesIO(part.content), name=part.name))


def words_of(text: str, reading: Reading, taken: Taken) -> str:
    """The words of a mail within the limit, and which files did not come along."""
    words = reply_address.without(text).strip() or reading.subject.strip() or "(no words)"
    missing = "\n\nNot taken over from the mail:\n" + "\n".join(f"- {line}" for line in taken.refused) if taken.refused else ""
    room = BODY_LIMIT - len(missing) - len(CUT)
    return (words if len(words) <= room else words[:room].rstrip() + CUT) + missing


def setup() -> None:
    """Announce that the desk takes mail."""
    store.taker(Desk())
    addresses.book("desk", is_departments)
