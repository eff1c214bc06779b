"""The parts of the one statement behind the page of somebody who works on a request.

Every part has the same columns, named after what most of them hold; ``kind`` says which part a row is of. A union costs one round
trip, so the page stays within its nine statements however much stands on it.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from portal.desk.models import Attachment, CannedReply, Clock, Draft, MailedMessage, Mention, Message, Participant, Presence, Request, Service
from portal.desk.queries.naming import reads_notes
from portal.desk.queries.presence import is_writing
from portal.desk.queries.queue import CAP
from portal.desk.queries.queue_conditions import after, before, in_queue, readable
from portal.kernel.activity import Activity
from portal.kernel.policy import Actor
from portal.people.models import Department, Fulfiller, Location, Person

RELATED, CANNED, BEFORE, READERS = 5, 60, 100, 200
WORK, NOTE = "work.", "note."

Part = sa.Select[Any]


def draft_name(request_id: int) -> str:
    """The name under which the reply a fulfiller types is kept."""
    return f"{WORK}{request_id}"


def note_name(request_id: int) -> str:
    """The name under which the team note somebody types is kept."""
    return f"{NOTE}{request_id}"


def _part(kind: str, number: Any, **values: Any) -> Part:
    """A part: its number, and under their names up to four texts, two numbers, two instants and a JSON value."""
    nothing, zero, never = sa.literal(""), sa.literal(0), sa.cast(sa.null(), Clock.due.type)
    return sa.select(
        values.get("data", sa.cast(sa.null(), Draft.fields.type)).label("data"),
        values.get("at", never).label("at"),
        values.get("until", never).label("until"),
        sa.literal(kind).label("kind"),
        number.label("id"),
        values.get("text", nothing).label("text"),
        values.get("more", nothing).label("more"),
        values.get("name", nothing).label("name"),
        values.get("given", nothing).label("given"),
        values.get("flag", zero).label("flag"),
        values.get("who", zero).label("who"),
    )


def _some(query: Part, limit: int, *order: Any) -> Part:
    """The first ``limit`` rows; SQLite takes no limit inside of a union."""
    return sa.select(*query.order_by(*order).limit(limit).subquery().c)


# -- the talk ----------------------------------------------------------------------------------------------------------


def talk(request_id: int, limit: int) -> list[Part]:
    """The newest events, messages and their files, one more than ``limit`` of each."""
    named = {"name": Person.name, "given": Person.given_name}
    events = _part("event", Activity.id, at=Activity.at, text=Activity.event, who=Activity.actor_id, data=Activity.data, **named)
    events = events.outerjoin_from(Activity, Person, Person.id == Activity.actor_id)
    events = events.where(Activity.subject_kind == "desk.request", Activity.subject_id == request_id)
    said = _some(_messages(request_id, named), limit + 1, Message.id.desc())
    return [_some(events, limit + 1, Activity.id.desc()), said, _files(request_id), _mailed(request_id), _named(request_id)]


def _messages(request_id: int, named: dict[str, Any]) -> Part:
    kind = sa.cast(Message.kind, sa.String)
    flags = sa.case((Message.is_first_answer, 1), else_=0) + sa.case((Message.needs_no_reply, 2), else_=0)
    # The kind travels in front of the words, parted by a line feed; neither a kind nor a next step has one.
    text, times = kind + sa.literal("\n") + Message.body, {"at": Message.created_at, "until": Message.next_step_at}
    part = _part("message", Message.id, text=text, more=Message.next_step, flag=flags, who=Message.author_id, **times, **named)
    return part.outerjoin_from(Message, Person, Person.id == Message.author_id).where(Message.request_id == request_id)


def _files(request_id: int) -> Part:
    part = _part("file", Attachment.id, text=Attachment.name, flag=Attachment.size, who=Attachment.message_id)
    return part.where(Attachment.request_id == request_id)


def _mailed(request_id: int) -> Part:
    """The messages that came by mail."""
    return _part("mailed", MailedMessage.message_id).join(Message, Message.id == MailedMessage.message_id).where(Message.request_id == request_id)


def _named(request_id: int) -> Part:
    """Whom team notes name: the words of the note, and who that is today."""
    part = _part(
        "named",
        Mention.person_id,
        text=Mention.written,
        more=Person.staff_number,
        name=Person.name,
        who=Mention.message_id,
        flag=sa.case((Person.is_active, 1), else_=0),
    )
    return part.join_from(Mention, Person, Person.id == Mention.person_id).where(Mention.request_id == request_id)


def readers(request: Request) -> Part:
    """Who reads its notes and can be named in them."""
    part = _part("reader", Person.id, name=Person.name, more=Person.staff_number, text=Person.sort_name)
    return _some(part.where(Person.is_active == sa.true(), reads_notes(request)), READERS, Person.sort_name, Person.id)


# -- facts -------------------------------------------------------------------------------------------------------------


def facts(request: Request) -> list[Part]:
    """The service, the department that has it, the people, the places, and how often they asked this department before."""
    return [
        _part("service", Service.id, text=Service.name, more=Service.key, data=Service.fields).where(Service.id == request.service_id),
        _part("department", Department.id, text=Department.name, more=Department.key).where(Department.id.in_(_departments(request))),
        *_people(request),
        _part("place", Location.id, text=Location.name).where(Location.id.in_(_places(request))),
        _earlier(request),
    ]


def _departments(request: Request) -> list[int]:
    return [number for number in (request.department_id, request.from_department_id) if number]


def _places(request: Request) -> Any:
    home, here = (sa.select(Location.id).where(Location.id == number) for number in (_home(request), request.location_id))
    return home.union(here)


def _home(request: Request) -> Any:
    return sa.select(Person.location_id).where(Person.id == request.requester_id).scalar_subquery()


def _people(request: Request) -> list[Part]:
    """Everybody with a part in it or named in the team, and the requester's own words about themselves."""
    known = [number for number in (request.requester_id, request.assignee_id, request.filed_by_id) if number]
    team = sa.select(Fulfiller.person_id).where(Fulfiller.department_id == request.department_id)
    everybody = _part("person", Person.id, name=Person.name, given=Person.given_name).where(sa.or_(Person.id.in_(known), Person.id.in_(team)))
    own = {"text": Person.staff_number, "more": Person.prefers, "name": Person.place, "given": Person.phone, "who": Person.location_id}
    return [everybody, _part("requester", Person.id, **own).where(Person.id == request.requester_id)]


def _earlier(request: Request) -> Part:
    rows = sa.select(Request.id).where(Request.requester_id == request.requester_id, Request.id < request.id, Request.department_id == request.department_id)
    counted = rows.order_by(Request.id.desc()).limit(BEFORE + 1).subquery()
    return _part("earlier", sa.func.count()).select_from(counted)


# -- beside ------------------------------------------------------------------------------------------------------------


def clocks(request: Request) -> Part:
    """Every cycle of every clock."""
    part = _part("clock", Clock.cycle, text=Clock.name, more=Clock.status, flag=sa.func.coalesce(Clock.target_seconds, 0), at=Clock.due, until=Clock.stopped_at)
    return part.where(Clock.request_id == request.id)


def prepared(request: Request, chosen: Any) -> Part:
    """The department's prepared replies in their order; only the ``chosen`` one with its words."""
    body = sa.case((CannedReply.id == chosen, CannedReply.body), else_="")
    ack = sa.case((CannedReply.is_acknowledgement, 1), else_=0)
    part = _part("prepared", CannedReply.id, text=CannedReply.name, more=body, flag=ack, who=CannedReply.position)
    return _some(part.where(CannedReply.department_id == request.department_id), CANNED, CannedReply.position, CannedReply.id)


def related(actor: Actor, request: Request) -> list[Part]:
    """Open requests of the same person, service or place, and the last ones of the same person."""
    here = [in_queue(actor, request.department_id), readable(actor), Request.id != request.id]
    same = [Request.requester_id == request.requester_id, Request.service_id == request.service_id]
    if request.place:
        same.append(sa.and_(Request.location_id == request.location_id, sa.func.lower(Request.place) == sa.func.lower(request.place)))
    part = _part("related", Request.id, text=Request.title, flag=sa.case((Request.is_open, 1), else_=0)).where(*here)
    now_open = part.where(Request.is_open == sa.true(), sa.or_(*same))
    theirs = part.where(Request.requester_id == request.requester_id)
    return [_some(now_open, RELATED, Request.id.desc()), _some(theirs, 2, Request.id.desc())]


def drafts(actor: Actor, request: Request, since: Any) -> list[Part]:
    """Colleagues who have typed ``since``, and one's own draft."""
    others = _part("writing", Person.id, text=Presence.what, name=Person.name, given=Person.given_name).join_from(
        Presence, Person, Person.id == Presence.person_id
    )
    mine = _part("draft", Draft.revision, text=Draft.form, data=Draft.fields, at=Draft.saved_at).where(Draft.person_id == actor.person_id)
    lost = _part("lost", Draft.revision, text=Draft.form, data=Draft.other).where(Draft.person_id == actor.person_id, Draft.other.is_not(None))
    names = Draft.form.in_([sa.literal(name) + sa.cast(request.id, sa.String) for name in (WORK, NOTE)])
    return [others.where(*is_writing(request.id, actor.person_id, since)), mine.where(names), lost.where(names)]


def followers(request: Request) -> Part:
    """Who follows it on the requester's side."""
    part = _part("follower", Person.id, name=Person.name, given=Person.given_name)
    return part.join_from(Participant, Person, Person.id == Participant.person_id).where(Participant.request_id == request.id)


def neighbours(actor: Actor, request: Request) -> list[Part]:
    """The requests before and after it in the queue, how many come before, how many there are."""
    if not request.is_open:
        return []
    here = [in_queue(actor, request.department_id), readable(actor), Request.is_open == sa.true(), Request.snoozed_until.is_(None)]
    due, at = Request.next_due_at, (request.next_due_at, request.id)
    back = sa.select(Request.id.label("n")).where(*here, before(due, *at)).order_by(due.desc().nulls_first(), Request.id.desc()).limit(1).subquery()
    onward = sa.select(Request.id.label("n")).where(*here, after(due, *at)).order_by(due.asc().nulls_last(), Request.id.asc()).limit(1).subquery()
    ahead, every = (sa.select(Request.id).where(*here, *more).limit(CAP + 1).subquery() for more in ([before(due, *at)], []))
    count = sa.func.count()
    return [_part("previous", back.c.n), _part("next", onward.c.n), _part("ahead", count).select_from(ahead), _part("open", count).select_from(every)]


def names(person_ids: Sequence[int]) -> Part:
    """Names of persons by id."""
    return _part("person", Person.id, name=Person.name, given=Person.given_name).where(Person.id.in_(sorted(set(person_ids))))
