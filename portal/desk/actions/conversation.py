"""The conversation of a request: messages, replies, team notes, who follows, and thanks that need no reply."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from portal.contracts.desk import (
    NoReplyNeeded,
    NoteAdded,
    ParticipantAdded,
    ParticipantRemoved,
    ReplyWanted,
    RequesterWrote,
    RequestReplied,
    RequestResolved,
)
from portal.desk.actions import naming, steps
from portal.desk.models import CannedReply, Message, Participant, Request
from portal.desk.rules import (
    ASK_DAYS,
    FOLLOWER_LIMIT,
    PAUSED,
    PUBLIC,
    SERVING,
    MessageKind,
    PauseReason,
    ReplyFact,
    ReplyKind,
    Status,
    WaitFor,
    can_change,
    can_pause,
    can_reply,
    can_resolve,
    can_write,
    is_substantive,
    next_step_problem,
)
from portal.kernel import jobs
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.files import Received
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.calendars import work_calendar
from portal.people.models import Person


@dataclass(frozen=True)
class Reply:
    """What the serving side sends. ``kind`` step, workaround or fix; ``wait_for`` requester, other (then ``wait_name``) or nobody.

    ``seen_message_id`` is the newest message the writer had on the page (0: do not check).
    """

    body: str
    next_step: str = ""
    next_step_at: datetime | None = None
    kind: ReplyKind = ReplyKind.STEP
    wait_for: WaitFor = WaitFor.NOBODY
    wait_name: str = ""
    wait_reason: PauseReason = PauseReason.SUPPLIER
    asks: bool = False
    canned_id: int | None = None
    files: Sequence[Received] = ()
    seen_message_id: int = 0


def add_message(request: Request, *, body: str, files: Sequence[Received] = (), actor: Actor, now: datetime) -> Message:
    """Somebody of the requester's side writes; the clock goes on if it waited for them. Conflict when the request is closed."""
    steps.wait_turn(request, now)
    steps.stop_if(can_write(request.status))
    text = steps.needed(body, "body", say("A few words are enough."))
    message = steps.say_message(request, MessageKind.MESSAGE, text, author_id=actor.person_id, now=now)
    steps.attach(message, files, actor=actor, now=now)
    # A word after the resolution asks for no answer: whoever wants one brings the request back.
    steps.log(request, "requester_message" if request.is_open else "note", "requester", actor=actor, at=now)
    if request.status in PAUSED:
        go_on(request)
    wrote = RequesterWrote(request_id=request.id, message_id=message.id, author_id=steps.person_id(actor))
    steps.finish(request, wrote, actor=actor, now=now)
    return message


def go_on(request: Request) -> None:
    """The wait is over: back to work."""
    steps.set_status(request, Status.WORKING)
    request.waits_for = ""


def reply(request: Request, reply: Reply, *, actor: Actor, now: datetime) -> Message:
    """The serving side writes. A fix resolves; a substantive reply stops the clock (R4); the rest is sent and acknowledged.

    Refusal names the field; Conflict when somebody resolved it or wrote meanwhile. An unassigned request becomes the writer's.
    """
    if reply.kind is ReplyKind.FIX:
        steps.take_turn(request, now, lost=lambda row: can_resolve(row.status))
    else:
        steps.wait_turn(request, now)
    steps.stop_if(can_resolve(request.status) if reply.kind is ReplyKind.FIX else can_reply(request.status))
    _check_reply(request, reply, actor, now)
    fact = _fact(request, reply, actor)
    message = _send(request, reply, fact, actor, now)
    _move(request, reply, fact, message, actor, now)
    steps.finish(request, _told(request, reply, message, actor), actor=actor, now=now)
    return message


def _check_reply(request: Request, reply: Reply, actor: Actor, now: datetime) -> None:
    steps.needed(reply.body, "body", say("Say it in your own words. A sentence is enough."))
    steps.refuse_if(next_step_problem(reply.next_step.strip(), reply.next_step_at, now))
    if reply.wait_for is not WaitFor.NOBODY and reply.kind is not ReplyKind.FIX:
        # A prepared "we have it" asks nothing, so nobody can be waited for because of it.
        steps.refuse_if(can_pause(request.status, reply.wait_for, asked_after_last_word=not _is_template(reply), name=reply.wait_name))
    if reply.seen_message_id and (newer := _newer(request, reply.seen_message_id, steps.person_id(actor))):
        raise _overtaken(newer, now)


def _newer(request: Request, seen_id: int, reader: int) -> Message | None:
    query = sa.select(Message).where(Message.request_id == request.id, Message.id > seen_id, Message.kind.in_(PUBLIC), Message.author_id != reader)
    return db.session.scalars(query.order_by(Message.id.desc()).limit(1)).first()


def _overtaken(newer: Message, now: datetime) -> Conflict:
    name, seconds = steps.first_name(newer.author_id), int((now - newer.created_at).total_seconds())
    if 1 < seconds < 60 and newer.kind in SERVING:
        return Conflict(say("%(name)s answered %(seconds)s seconds ago. Read that first: your text is still here.", name=name, seconds=seconds))
    if newer.kind in SERVING:
        return Conflict(say("%(name)s has answered meanwhile. Read that first: your text is still here.", name=name))
    return Conflict(say("%(name)s has written meanwhile. Read that first: your text is still here.", name=name))


def _fact(request: Request, reply: Reply, actor: Actor) -> ReplyFact:
    promised = (request.next_step, request.next_step_at)
    return ReplyFact(
        kind=reply.kind,
        body=reply.body,
        next_step=reply.next_step.strip(),
        next_step_at=reply.next_step_at,
        step_is_new=(reply.next_step.strip(), reply.next_step_at) != promised,
        asks=reply.asks or reply.wait_for is WaitFor.REQUESTER,
        is_template=_is_template(reply),
        is_asking=_is_asking(request, actor),
    )


def _is_asking(request: Request, actor: Actor) -> bool:
    """R4: the writer asked for it, or follows it and has not taken it."""
    if actor.person_id == request.requester_id:
        return True
    follows = sa.select(Participant.person_id).where(Participant.request_id == request.id, Participant.person_id == actor.person_id)
    return actor.person_id != request.assignee_id and db.session.scalar(follows) is not None


def _is_template(reply: Reply) -> bool:
    canned = db.session.get(CannedReply, reply.canned_id) if reply.canned_id else None
    return canned is not None and canned.is_acknowledgement and canned.body.split() == reply.body.split()


def _send(request: Request, reply: Reply, fact: ReplyFact, actor: Actor, now: datetime) -> Message:
    counts = is_substantive(fact)
    first = counts and request.answered_at is None
    kind = MessageKind.REPLY if counts or fact.kind is ReplyKind.FIX else MessageKind.ACKNOWLEDGEMENT
    step = {} if fact.kind is ReplyKind.FIX else {"next_step": fact.next_step, "next_step_at": fact.next_step_at}
    values = {"is_first_answer": first, "asks": fact.asks, **step}
    message = steps.say_message(request, kind, reply.body.strip(), author_id=actor.person_id, now=now, **values)
    steps.attach(message, reply.files, actor=actor, now=now)
    if first:
        request.answered_at = now
    if request.acknowledged_at is None and not fact.is_asking:
        request.acknowledged_at = now
    return message


def _move(request: Request, reply: Reply, fact: ReplyFact, message: Message, actor: Actor, now: datetime) -> None:
    if request.assignee_id is None and (not fact.is_asking or reply.kind is ReplyKind.FIX):
        request.assignee_id = actor.person_id
    if reply.kind is ReplyKind.FIX:
        settle(request, "requester" if fact.is_asking else "fulfiller", actor, now)
    elif message.kind is MessageKind.REPLY:
        steps.log(request, "reply", "fulfiller", actor=actor, at=now)
        _carry_on(request, reply, fact, actor, now)
    else:
        steps.log(request, "acknowledgement", "fulfiller", actor=actor, at=now)
        _wait(request, reply, actor, now)


def settle(request: Request, by: str, actor: Actor, now: datetime) -> None:
    """It is solved as of ``now``, by the fulfiller or the requester; the question whether it works follows."""
    steps.log(request, "resolved", by, actor=actor, at=now)
    steps.set_status(request, Status.RESOLVED)
    request.resolved_at, request.resolution_kind, request.outcome = now, ReplyKind.FIX.value, None
    request.first_resolved_at = request.first_resolved_at or now
    request.relieved_at = request.relieved_at or now
    request.next_step, request.next_step_at, request.waits_for = "", None, ""
    request.awaits_answer = True
    request.follow_up_at = work_calendar(request.calendar_version_id).working_day_later(now, ASK_DAYS)


def _carry_on(request: Request, reply: Reply, fact: ReplyFact, actor: Actor, now: datetime) -> None:
    if reply.kind is ReplyKind.WORKAROUND:
        request.relieved_at = request.relieved_at or now
        request.awaits_answer = True
    if fact.next_step_at is not None and fact.step_is_new:
        request.next_step, request.next_step_at = fact.next_step, fact.next_step_at
        steps.log(request, "promised", "fulfiller", actor=actor, at=now, date=fact.next_step_at.isoformat())
    if reply.wait_for is not WaitFor.NOBODY:
        _wait(request, reply, actor, now)
    elif request.status in PAUSED:
        steps.log(request, "resumed", "fulfiller", actor=actor, at=now)
        go_on(request)
    elif request.status is Status.NEW:
        steps.set_status(request, Status.WORKING)


def _wait(request: Request, reply: Reply, actor: Actor, now: datetime) -> None:
    if reply.wait_for is WaitFor.NOBODY:
        return
    why = PauseReason.REQUESTER if reply.wait_for is WaitFor.REQUESTER else reply.wait_reason
    begin_pause(request, reply.wait_for, reply.wait_name, why, actor, now)


def begin_pause(request: Request, waits_for: WaitFor, name: str, reason: PauseReason, actor: Actor, now: datetime) -> None:
    """Let the clock wait; an earlier wait ends where the new one begins."""
    if request.status in PAUSED:
        steps.log(request, "resumed", "fulfiller", actor=actor, at=now)
    whom = name.strip() if waits_for is WaitFor.OTHER else ""
    steps.set_status(request, Status.WAITING_REQUESTER if waits_for is WaitFor.REQUESTER else Status.WAITING_OTHER)
    request.waits_for = whom
    steps.log(request, "paused", "fulfiller", actor=actor, at=now, reason=reason.value, waits_for=whom)


def _told(request: Request, reply: Reply, message: Message, actor: Actor) -> RequestResolved | RequestReplied:
    author = steps.person_id(actor)
    if reply.kind is ReplyKind.FIX:
        return RequestResolved(request.id, request.requester_id, request.department_id, author, reply.kind.value, message.id)
    return RequestReplied(
        request_id=request.id,
        message_id=message.id,
        author_id=author,
        substantive=message.kind is MessageKind.REPLY,
        first=message.is_first_answer,
        next_step=message.next_step,
        next_step_at=message.next_step_at.isoformat() if message.next_step_at else None,
    )


def add_note(request: Request, *, body: str, files: Sequence[Received] = (), names: bool = False, actor: Actor, now: datetime) -> Message:
    """A note the requester's side never sees; possible at any time.

    With ``names`` the colleagues it names are told, and a name of nobody is a Refusal; what came by mail may hold any "@".
    """
    steps.wait_turn(request, now)
    text = steps.needed(body, "body", say("A few words are enough."))
    named = naming.who_is_named(request, text) if names else []
    note = steps.say_message(request, MessageKind.NOTE, text, author_id=actor.person_id, now=now)
    naming.keep_names(note, named)
    steps.attach(note, files, actor=actor, now=now)
    steps.log(request, "note", "fulfiller", actor=actor, at=now)
    steps.finish(request, NoteAdded(request.id, note.id, steps.person_id(actor)), actor=actor, now=now)
    return note


def no_reply_needed(request: Request, *, actor: Actor, now: datetime) -> Message:
    """The requester's last message was thanks: its clock ends without a reply, which they see and can undo (R6)."""
    steps.wait_turn(request, now)
    steps.stop_if(can_change(request.status))
    if request.answered_at is None:
        raise Refusal(say("Answer once first. After that, thanks need no reply."))
    message = _last_word(request)
    if message is None or message.kind is not MessageKind.MESSAGE or message.needs_no_reply:
        raise Conflict(say("There is no message that waits for a reply. Have a look before you go on."))
    message.needs_no_reply = True
    steps.log(request, "note", "fulfiller", actor=actor, at=now, no_reply_needed=True)
    steps.finish(request, NoReplyNeeded(request.id, message.id), actor=actor, now=now)
    return message


def undo_no_reply_needed(request: Request, *, actor: Actor, now: datetime) -> Message:
    """The requester does want a reply: the answer clock starts at their oldest message without one, as if nobody had called it thanks."""
    steps.wait_turn(request, now)
    steps.stop_if(can_write(request.status))
    message = _last_word(request)
    if message is None or not message.needs_no_reply:
        raise Conflict(say("Somebody has answered meanwhile. Have a look before you go on."))
    message.needs_no_reply = False
    steps.log(request, "requester_message", "requester", actor=actor, at=now, since=_unanswered_since(request, message).isoformat())
    if request.status in PAUSED:
        go_on(request)
    steps.finish(request, ReplyWanted(request.id, message.id), actor=actor, now=now)
    return message


def _unanswered_since(request: Request, last: Message) -> datetime:
    answered = sa.select(sa.func.max(Message.id)).where(Message.request_id == request.id, Message.kind == MessageKind.REPLY).scalar_subquery()
    query = sa.select(sa.func.min(Message.created_at)).where(Message.request_id == request.id, Message.kind == MessageKind.MESSAGE, Message.id > answered)
    return db.session.scalar(query) or last.created_at


def _last_word(request: Request) -> Message | None:
    query = sa.select(Message).where(Message.request_id == request.id, Message.kind.in_(PUBLIC))
    return db.session.scalars(query.order_by(Message.id.desc()).limit(1)).first()


def question_is_open(request: Request) -> bool:
    """True when the serving side asked something and the requester's side has not written since (R8)."""
    last = _last_word(request)
    return last is not None and last.kind in SERVING and last.asks


def add_participant(request: Request, *, person_id: int, actor: Actor, now: datetime) -> bool:
    """Let somebody follow on the requester's side; false when they do already. Refusal for strangers and above the limit."""
    steps.wait_turn(request, now)
    person = db.session.get(Person, person_id)
    if person is None or not person.is_active:
        raise Refusal(say("We do not find this colleague. Choose a name from the list."), field="person")
    if person_id == request.requester_id:
        raise Refusal(say("It is their own request, so they follow it already."), field="person")
    if (db.session.scalar(sa.select(sa.func.count()).where(Participant.request_id == request.id)) or 0) >= FOLLOWER_LIMIT:
        raise Refusal(say("%(limit)s people can follow a request. Take somebody out first.", limit=FOLLOWER_LIMIT), field="person")
    if not jobs.insert_once(Participant, request_id=request.id, person_id=person_id, added_by=steps.person_id(actor), added_at=now):
        return False
    steps.finish(request, ParticipantAdded(request.id, person_id), actor=actor, now=now)
    return True


def remove_participant(request: Request, *, person_id: int, actor: Actor, now: datetime) -> bool:
    """Somebody follows no longer; false when they did not."""
    steps.wait_turn(request, now)
    gone = sa.delete(Participant).where(Participant.request_id == request.id, Participant.person_id == person_id)
    if not getattr(db.session.execute(gone), "rowcount", 0):
        return False
    steps.finish(request, ParticipantRemoved(request.id, person_id), actor=actor, now=now)
    return True
