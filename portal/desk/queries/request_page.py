"""The page of a request for the requester's side: surroundings and people, conversation, record of changes and clocks.

Two statements after the loader of the policy, whatever is on the page. Notes of the serving side are never read here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from portal.desk.clock import ClockState, Event, replay
from portal.desk.models import Attachment, Draft, Message, Participant, Request, Service
from portal.desk.models import ClockEvent as EventRow
from portal.desk.queries.drafts import Kept, kept, message_draft
from portal.desk.queries.hours import follows_older
from portal.desk.rules import PUBLIC, MessageKind
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.files import StoredFile
from portal.kernel.prepared import ME, once, read
from portal.people.calendar import WorkCalendar
from portal.people.models import Department, Location, Person
from portal.people.queries.persons import back_on, shown
from portal.people.rules import initials

NEWEST = 400
"""Entries of a conversation and of its record that a page shows."""
NUMBER: Any = sa.bindparam("number", type_=sa.Integer)
NO_DATA: Any = sa.cast(sa.null(), sa.JSON)
NO_TIME: Any = sa.cast(sa.null(), Message.edited_at.type)


@dataclass(frozen=True)
class Face:
    """Somebody on the page: what a chip needs, whether they follow, and the last day they are away."""

    id: int
    name: str
    first_name: str
    staff_number: str
    is_active: bool
    follows: bool
    last_day: date | None

    @property
    def initials(self) -> str:
        """Two letters for the disc."""
        return initials(self.name)

    @property
    def tint(self) -> int:
        """One of six tints, fixed per person."""
        return self.id % 6 + 1


@dataclass(frozen=True)
class File:
    """A file of the conversation."""

    id: int
    name: str
    size: int


@dataclass(frozen=True)
class Entry:
    """One public message with its files; ``author_id`` is None for the portal."""

    id: int
    author_id: int | None
    kind: MessageKind
    body: str
    is_first_answer: bool
    needs_no_reply: bool
    created_at: datetime
    edited_at: datetime | None
    files: list[File] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """One row of the record of changes."""

    at: datetime
    event: str
    actor_id: int | None
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Around:
    """What a request belongs to."""

    service_key: str
    service: str
    fields: Sequence[Mapping[str, Any]]
    department: str
    department_key: str
    phone: str
    lead: str
    location: str
    keeps_older_hours: bool


@dataclass(frozen=True)
class RequestPage:
    """Everything the page of a request shows, as plain values."""

    around: Around
    people: Mapping[int, Face]
    talk: Sequence[Entry]
    changes: Sequence[Change]
    events: Sequence[Event]
    draft: Kept | None = None

    def states(self, calendar: WorkCalendar, now: datetime) -> Mapping[str, ClockState]:
        """Every clock at this moment, from the log."""
        return replay(self.events, first_targets(self.events), calendar, now)

    @property
    def followers(self) -> list[Face]:
        """Who follows on the requester's side, by name."""
        return sorted((face for face in self.people.values() if face.follows), key=lambda face: face.name)


def load(request: Request, today: date, *, reader_id: int | None = None) -> RequestPage:
    """Read the page of a request that the policy let through, with what its reader typed and did not send; two statements."""
    around, people = _surroundings(request, today)
    return RequestPage(around, people, *_history(request.id, reader_id))


def first_targets(events: Iterable[Event]) -> dict[str, timedelta]:
    """The targets a request was filed with, from the first line of its log."""
    opened = next((event for event in events if event.kind == "opened"), None)
    found: Any = opened.data.get("targets", {}) if opened else {}
    return {name: timedelta(seconds=seconds) for name, seconds in found.items() if seconds is not None}


# -- what it belongs to, and who is on it --------------------------------------------------------------------------------


def _surroundings(request: Request, today: date) -> tuple[Around, dict[int, Face]]:
    """The people of a request, each row with what the request belongs to: one statement, and there is always a requester."""
    known = {"number": request.id, "requester": request.requester_id, "filer": request.filed_by_id, "owner": request.assignee_id or 0, "today": today}
    rows = read(_around(), known)
    key, service, fields, department, department_key, phone, lead_name, location, older = rows[0][:9]
    older = bool(older) and request.is_open
    around = Around(key, service, fields, department, department_key, phone or "", lead_name or "", location or "", older)
    return around, {row[9]: _face(*row[9:]) for row in rows}


@once
def _around() -> Any:
    lead, sides = aliased(Person), [sa.bindparam(name, type_=sa.Integer) for name in ("requester", "filer", "owner")]
    follows = sa.exists().where(Participant.request_id == NUMBER, Participant.person_id == Person.id).correlate(Person)
    return (
        sa.select(
            *(Service.key, Service.name, Service.fields, Department.name, Department.key, Department.phone, lead.name, Location.name, follows_older()),
            *(Person.id, Person.name, Person.given_name, Person.staff_number, Person.is_active, follows, back_on(sa.bindparam("today", type_=sa.Date))),
        )
        .select_from(Person)
        .join(Request, Request.id == NUMBER)
        .join(Service, Service.id == Request.service_id)
        .join(Department, Department.id == Request.department_id)
        .outerjoin(lead, lead.id == Department.lead_id)
        .outerjoin(Location, Location.id == Request.location_id)
        .where(sa.or_(Person.id.in_(sides), follows, _took_part(NUMBER)))
    )


def _took_part(request_id: Any) -> sa.ColumnElement[bool]:
    wrote = sa.select(Message.author_id).where(Message.request_id == request_id, Message.kind != MessageKind.NOTE)
    did = sa.select(Activity.actor_id).where(Activity.subject_kind == "desk.request", Activity.subject_id == request_id)
    return sa.or_(Person.id.in_(wrote), Person.id.in_(did))


def _face(id_: int, name: str, given: str, number: str, is_active: bool, follows: bool, last_day: date | None) -> Face:
    return Face(id_, name, given or name.split(" ", maxsplit=1)[0], number, bool(is_active), bool(follows), last_day)


# -- what was said and done -----------------------------------------------------------------------------------------------


def _history(request_id: int, reader_id: int | None) -> tuple[list[Entry], list[Change], list[Event], Kept | None]:
    """The public conversation with its files, the record of changes, the log of the clocks, oldest first, and a draft; one statement."""
    rows: dict[str, list[Any]] = {"message": [], "clock": [], "change": [], "file": [], "draft": []}
    for row in read(_told(), {"number": request_id, "me": reader_id, "form": message_draft(request_id)}):
        rows[row.what].append(row)
    talk = [Entry(r.id, r.actor_id, MessageKind(r.kind), r.body, r.first, r.thanks, r.at, r.edited_at) for r in sorted(rows["message"], key=lambda r: r.id)]
    by_id = {entry.id: entry for entry in talk}
    for row in rows["file"]:
        if row.parent in by_id:
            by_id[row.parent].files.append(File(row.id, row.kind, row.size))
    changes = [Change(row.at, row.kind, row.actor_id, row.data) for row in rows["change"]]
    draft = next((kept(row.data, row.at) for row in rows["draft"]), None)
    return talk, changes, [Event(row.at, row.kind, row.by, row.data) for row in rows["clock"]], draft


@once
def _told() -> Any:
    both = sa.union_all(_messages(NUMBER), _clock_events(NUMBER), _changes(NUMBER), _files(NUMBER), _drafts()).subquery()
    return sa.select(both).order_by(both.c.at, both.c.id)


def _columns(what: str, *own: Any, **more: Any) -> list[Any]:
    """The columns of one kind of row; the first kind of the union names them and gives their types."""
    values = {"body": sa.literal(""), "first": sa.false(), "thanks": sa.false(), "edited_at": NO_TIME, "parent": sa.literal(0), "size": sa.literal(0)} | more
    names = ("at", "kind", "by", "actor_id", "data", "id")
    found = {"what": sa.literal(what), **dict(zip(names, own, strict=True)), **values}
    return [column.label(name) for name, column in found.items()]


def _messages(request_id: Any) -> Any:
    kind = sa.cast(Message.kind, sa.String)
    more = {"body": Message.body, "first": Message.is_first_answer, "thanks": Message.needs_no_reply, "edited_at": Message.edited_at}
    columns = _columns("message", Message.created_at, kind, sa.literal(""), Message.author_id, NO_DATA, Message.id, **more)
    query = sa.select(*columns).where(Message.request_id == request_id, Message.kind.in_(PUBLIC))
    return sa.select(query.order_by(Message.id.desc()).limit(NEWEST).subquery())


def _clock_events(request_id: Any) -> Any:
    columns = _columns("clock", EventRow.at, EventRow.kind, EventRow.by, EventRow.actor_id, EventRow.data, EventRow.id)
    return sa.select(*columns).where(EventRow.request_id == request_id)


def _changes(request_id: Any) -> Any:
    columns = _columns("change", Activity.at, Activity.event, Activity.actor_kind, Activity.actor_id, Activity.data, Activity.id)
    query = sa.select(*columns).where(Activity.subject_kind == "desk.request", Activity.subject_id == request_id)
    return sa.select(query.order_by(Activity.id.desc()).limit(NEWEST).subquery())


def _files(request_id: Any) -> Any:
    more = {"parent": Attachment.message_id, "size": Attachment.size}
    columns = _columns("file", Attachment.added_at, Attachment.name, sa.literal(""), Attachment.added_by, NO_DATA, Attachment.id, **more)
    query = sa.select(*columns).join(Message, Message.id == Attachment.message_id)
    return query.where(Attachment.request_id == request_id, Message.kind.in_(PUBLIC))


def _drafts() -> Any:
    columns = _columns("draft", Draft.saved_at, Draft.form, sa.literal(""), Draft.person_id, Draft.fields, sa.literal(0))
    return sa.select(*columns).where(Draft.person_id == ME, Draft.form == sa.bindparam("form", type_=sa.String))


def opening_of(request_id: int) -> Message:
    """The first words of a request; one statement."""
    return db.session.scalars(sa.select(Message).where(Message.request_id == request_id, Message.kind == MessageKind.DESCRIPTION)).one()


def service_of(request: Request) -> Service:
    """The service of a request, also one that is no longer offered."""
    return db.session.get_one(Service, request.service_id)


def department_of(department_id: int) -> Department:
    """A department by its id."""
    return db.session.get_one(Department, department_id)


def attached(request_id: int, attachment_id: int, *, with_notes: bool) -> tuple[StoredFile, str] | None:
    """A file of a request with its name, those of team notes only when asked for; None for what is not there. One statement."""
    query = sa.select(StoredFile, Attachment.name).join(Attachment, Attachment.file_id == StoredFile.id).join(Message, Message.id == Attachment.message_id)
    query = query.where(Attachment.request_id == request_id, Attachment.id == min(attachment_id, 2**31 - 1))
    if not with_notes:
        query = query.where(Message.kind.in_(PUBLIC))
    row = db.session.execute(query).first()
    return (row[0], row[1]) if row else None


def names_in(fields: Sequence[Mapping[str, Any]], answers: Mapping[str, Any]) -> dict[int, str]:
    """Colleagues named in answers, as a field for a person holds them; one statement where there are any."""
    ids = {answers[spec["key"]] for spec in fields if spec["type"] == "person" and answers.get(spec["key"])}
    if not ids:
        return {}
    return {person.id: shown(person) for person in db.session.scalars(sa.select(Person).where(Person.id.in_(ids)))}
