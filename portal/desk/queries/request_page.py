"""The page of a request for the requester's side: surroundings and people, conversation, record of changes and clocks.

Three statements after the loader of the policy, whatever is on the page. Notes of the serving side are never read here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from portal.desk.clock import ClockState, Event, replay
from portal.desk.models import Attachment, Message, Participant, Request, Service
from portal.desk.models import ClockEvent as EventRow
from portal.desk.rules import PUBLIC, MessageKind
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.people.calendar import WorkCalendar
from portal.people.models import Department, Location, Person
from portal.people.queries.persons import back_on, shown

NEWEST = 400
"""Entries of a conversation and of its record that a page shows."""


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
        found = [word for word in self.name.split() if word[:1].isalpha()]
        return (found[0][0] + (found[-1][0] if len(found) > 1 else "")).upper() if found else "?"

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


@dataclass(frozen=True)
class RequestPage:
    """Everything the page of a request shows, as plain values."""

    around: Around
    people: Mapping[int, Face]
    talk: Sequence[Entry]
    changes: Sequence[Change]
    events: Sequence[Event]

    def states(self, calendar: WorkCalendar, now: datetime) -> Mapping[str, ClockState]:
        """Every clock at this moment, from the log."""
        return replay(self.events, first_targets(self.events), calendar, now)

    @property
    def followers(self) -> list[Face]:
        """Who follows on the requester's side, by name."""
        return sorted((face for face in self.people.values() if face.follows), key=lambda face: face.name)


def load(request: Request, today: date) -> RequestPage:
    """Read the page of a request that the policy let through; three statements."""
    around, people = _surroundings(request, today)
    changes, events = _log(request.id)
    return RequestPage(around, people, talk_of(request.id), changes, events)


def first_targets(events: Iterable[Event]) -> dict[str, timedelta]:
    """The targets a request was filed with, from the first line of its log."""
    opened = next((event for event in events if event.kind == "opened"), None)
    found: Any = opened.data.get("targets", {}) if opened else {}
    return {name: timedelta(seconds=seconds) for name, seconds in found.items() if seconds is not None}


# -- what it belongs to, and who is on it --------------------------------------------------------------------------------


def _surroundings(request: Request, today: date) -> tuple[Around, dict[int, Face]]:
    """The people of a request, each row with what the request belongs to: one statement, and there is always a requester."""
    lead = aliased(Person)
    follows = sa.exists().where(Participant.request_id == request.id, Participant.person_id == Person.id).correlate(Person)
    query: Any = (
        sa.select(
            *(Service.key, Service.name, Service.fields, Department.name, Department.key, Department.phone, lead.name, Location.name),
            *(Person.id, Person.name, Person.given_name, Person.staff_number, Person.is_active, follows, back_on(today)),
        )
        .select_from(Person)
        .join(Request, Request.id == request.id)
        .join(Service, Service.id == Request.service_id)
        .join(Department, Department.id == Request.department_id)
        .outerjoin(lead, lead.id == Department.lead_id)
        .outerjoin(Location, Location.id == Request.location_id)
        .where(sa.or_(Person.id.in_([request.requester_id, request.filed_by_id, request.assignee_id or 0]), follows, _took_part(request.id)))
    )
    rows = db.session.execute(query).all()
    key, service, fields, department, department_key, phone, lead_name, location = rows[0][:8]
    around = Around(key, service, fields, department, department_key, phone or "", lead_name or "", location or "")
    return around, {row[8]: _face(*row[8:]) for row in rows}


def _took_part(request_id: int) -> sa.ColumnElement[bool]:
    wrote = sa.select(Message.author_id).where(Message.request_id == request_id, Message.kind != MessageKind.NOTE)
    did = sa.select(Activity.actor_id).where(Activity.subject_kind == "desk.request", Activity.subject_id == request_id)
    return sa.or_(Person.id.in_(wrote), Person.id.in_(did))


def _face(id_: int, name: str, given: str, number: str, is_active: bool, follows: bool, last_day: date | None) -> Face:
    return Face(id_, name, given or name.split(" ", maxsplit=1)[0], number, bool(is_active), bool(follows), last_day)


# -- the conversation ---------------------------------------------------------------------------------------------------


def talk_of(request_id: int) -> list[Entry]:
    """The public conversation with its files, oldest first; one statement."""
    newest = sa.select(Message.id).where(Message.request_id == request_id, Message.kind.in_(PUBLIC)).order_by(Message.id.desc()).limit(NEWEST).subquery()
    query: Any = (
        sa.select(
            *(Message.id, Message.author_id, Message.kind, Message.body, Message.is_first_answer, Message.needs_no_reply),
            *(Message.created_at, Message.edited_at, Attachment.id, Attachment.name, Attachment.size),
        )
        .outerjoin(Attachment, Attachment.message_id == Message.id)
        .where(Message.id.in_(sa.select(newest.c.id)))
        .order_by(Message.id, Attachment.id)
    )
    found: dict[int, Entry] = {}
    for row in db.session.execute(query):
        entry = found.setdefault(row[0], Entry(*row[:8]))
        if row[8] is not None:
            entry.files.append(File(*row[8:]))
    return list(found.values())


def opening_of(request_id: int) -> Message:
    """The first words of a request; one statement."""
    return db.session.scalars(sa.select(Message).where(Message.request_id == request_id, Message.kind == MessageKind.DESCRIPTION)).one()


# -- the record of changes, and the log of the clocks ---------------------------------------------------------------------


def _log(request_id: int) -> tuple[list[Change], list[Event]]:
    """Both logs of a request, oldest first, in one statement."""
    clocks = sa.select(sa.literal("clock").label("what"), EventRow.at, EventRow.kind, EventRow.by, EventRow.actor_id, EventRow.data, EventRow.id)
    clocks = clocks.where(EventRow.request_id == request_id)
    record = sa.select(sa.literal("record"), Activity.at, Activity.event, Activity.actor_kind, Activity.actor_id, Activity.data, Activity.id)
    record = record.where(Activity.subject_kind == "desk.request", Activity.subject_id == request_id)
    both = sa.union_all(clocks, record).subquery()
    rows = db.session.execute(sa.select(both).order_by(both.c.at, both.c.id)).all()
    events = [Event(row.at, row.kind, row.by, row.data) for row in rows if row.what == "clock"]
    changes = [Change(row.at, row.kind, row.actor_id, row.data) for row in rows if row.what == "record"]
    return changes[-NEWEST:], events


def events_of(request_id: int) -> list[tuple[Event, int | None]]:
    """The log of the clocks with who did it, oldest first; one statement."""
    query = sa.select(EventRow).where(EventRow.request_id == request_id).order_by(EventRow.at, EventRow.id)
    return [(Event(row.at, row.kind, row.by, row.data), row.actor_id) for row in db.session.scalars(query)]


def names_in(fields: Sequence[Mapping[str, Any]], answers: Mapping[str, Any]) -> dict[int, str]:
    """Colleagues named in answers, as a field for a person holds them; one statement where there are any."""
    ids = {answers[spec["key"]] for spec in fields if spec["type"] == "person" and answers.get(spec["key"])}
    if not ids:
        return {}
    return {person.id: shown(person) for person in db.session.scalars(sa.select(Person).where(Person.id.in_(ids)))}
