"""The small steps actions are made of: take the turn, write a message, log what moves clocks, note the activity."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from portal.desk import clocks
from portal.desk.actions import waking
from portal.desk.models import Attachment, ClockEvent, Message, Request
from portal.desk.rules import FILE_LIMIT, OPEN, REASON_LIMIT, MessageKind, Status
from portal.kernel import activity, files
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.messages import Message as Sentence
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.models import Person

MOVED = say("Somebody changed this a moment ago. Have a look before you go on.")


def person_id(actor: Actor) -> int:
    """The actor's id; actions of people are not for the system (ValueError)."""
    if actor.person_id is None:
        raise ValueError("this action needs a person")
    return actor.person_id


def take_turn(request: Request, now: datetime, *, lost: Callable[[Request], Sentence | None] = lambda _: None, **values: Any) -> None:
    """Claim the row and set ``values`` in one conditional UPDATE; Conflict when somebody changed it since it was loaded.

    ``lost`` may say from the row as it is now who was faster.
    """
    values |= {"version": request.version + 1, "updated_at": now}
    if not update_one(sa.and_(Request.id == request.id, Request.version == request.version), values):
        db.session.refresh(request)
        raise Conflict(lost(request) or MOVED)
    _take_over(request, values)


def wait_turn(request: Request, now: datetime) -> None:
    """Lock the row, for changes that may follow any other; when somebody was faster the caller's rules decide on what it says now."""
    values: dict[str, Any] = {"version": request.version + 1, "updated_at": now}
    if update_one(sa.and_(Request.id == request.id, Request.version == request.version), values):
        _take_over(request, values)
        return
    update_one(Request.id == request.id, {"version": Request.version + 1, "updated_at": now})
    db.session.refresh(request)


def _take_over(request: Request, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        set_committed_value(request, name, value)


def update_one(where: sa.ColumnElement[bool], values: Mapping[str, Any]) -> bool:
    """One UPDATE; true when it changed a row. The row count decides races."""
    db.session.flush()
    statement = sa.update(Request).where(where).values(values)
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return bool(getattr(result, "rowcount", 0) == 1)


def stop_if(problem: Sentence | None) -> None:
    """Raise Conflict: the request is not where the page thought it was."""
    if problem is not None:
        raise Conflict(problem)


def refuse_if(problem: tuple[str, Sentence] | None) -> None:
    """Raise Refusal beside the field the rule names."""
    if problem is not None:
        raise Refusal(problem[1], field=problem[0] or None)


def needed(text: str, field: str, sentence: Sentence) -> str:
    """The text without outer space; Refusal when nothing is left."""
    if not text.strip():
        raise Refusal(sentence, field=field)
    return text.strip()


def say_message(request: Request, kind: MessageKind, body: str, *, author_id: int | None, now: datetime, **values: Any) -> Message:
    """Add an entry to the conversation."""
    row = Message(request_id=request.id, author_id=author_id, kind=kind, body=body, created_at=now, **values)
    db.session.add(row)
    db.session.flush()
    if kind is not MessageKind.NOTE:
        request.message_count += 1
    return row


def attach(message: Message, received: Sequence[files.Received], *, actor: Actor, now: datetime) -> None:
    """Keep uploaded files with an entry of the conversation; Refusal above the limit."""
    if len(received) > FILE_LIMIT:
        raise Refusal(say("%(limit)s files are the most for one message. Send the rest with another one.", limit=FILE_LIMIT), field="files")
    for upload in received:
        kept = files.keep(upload, owner_id=actor.person_id, now=now)
        row = Attachment(request_id=message.request_id, message_id=message.id, file_id=kept.id, name=kept.name, size=kept.size)
        row.added_by, row.added_at = person_id(actor), now
        db.session.add(row)


def log(request: Request, kind: str, by: str, *, actor: Actor, at: datetime, **data: Any) -> None:
    """Append one event that moves clocks; instants in ``data`` are ISO text, durations seconds."""
    db.session.add(ClockEvent(request_id=request.id, at=at, kind=kind, by=by, actor_id=actor.person_id, data=data))


def reason_given(reason: str) -> str:
    """A reason in words, at most 300 characters; Refusal when it is missing or longer."""
    text = needed(reason, "reason", say("Say why in a few words, so that everybody understands it later."))
    if len(text) > REASON_LIMIT:
        raise Refusal(say("%(limit)s characters are the most for a reason. Shorten it a little.", limit=REASON_LIMIT), field="reason")
    return text


def finish(request: Request, contract: Any, *, actor: Actor, now: datetime, changes: Mapping[str, Any] | None = None) -> None:
    """Bring the clocks up to date and note the change once, with its reactions."""
    _write_log()
    db.session.flush()
    clocks.refresh(request, now)
    note(request, contract, actor=actor, now=now, changes=changes)


EVENT = ("request_id", "at", "kind", "by", "actor_id", "data")


def _write_log() -> None:
    # Several events of one change in one statement: to SQLite a flush sends them one by one, to learn numbers nobody asks for.
    rows = [row for row in db.session.new if isinstance(row, ClockEvent)]
    if len(rows) < 2:
        return
    values = [{name: getattr(row, name) for name in EVENT} for row in rows]
    for row in rows:
        db.session.expunge(row)
    db.session.execute(sa.insert(ClockEvent), values)


def note(request: Request, contract: Any, *, actor: Actor, now: datetime, changes: Mapping[str, Any] | None = None) -> None:
    """Note a change that moves no clock, once, with its reactions."""
    activity.record(contract, actor=actor, subject=("desk.request", request.id), changes=changes, at=now)
    waking.stir(request, contract, actor=actor, now=now)


def set_status(request: Request, status: Status) -> None:
    """Move the request; ``is_open`` follows."""
    request.status = status
    request.is_open = status in OPEN


def first_name(person: int | None) -> str:
    """How colleagues call somebody; empty for nobody."""
    row = db.session.get(Person, person) if person else None
    return row.first_name if row else ""


def full_name(person: int | None) -> str:
    """The whole name of somebody; empty for nobody."""
    row = db.session.get(Person, person) if person else None
    return row.name if row else ""
