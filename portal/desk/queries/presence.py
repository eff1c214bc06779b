"""What happens around somebody who writes: who else does, and what was sent since they opened the page. One statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from portal.desk.models import Message, Presence, Request
from portal.desk.rules import PUBLIC
from portal.kernel.prepared import ME, once, read
from portal.people.models import Person
from portal.people.rules import initials

WRITING = timedelta(seconds=60)
"""Who typed within this time is writing."""
NEWER = 3
"""Messages that are shown; the newest."""


@dataclass(frozen=True)
class Writer:
    """Somebody who writes an answer, or a note for the team."""

    id: int
    name: str
    first_name: str
    is_note: bool

    @property
    def initials(self) -> str:
        """Two letters for the disc."""
        return initials(self.name)

    @property
    def tint(self) -> int:
        """One of six tints, fixed per person."""
        return self.id % 6 + 1


@dataclass(frozen=True)
class Newer:
    """A message that came after the page was opened."""

    id: int
    at: datetime
    name: str
    body: str


@dataclass(frozen=True)
class Around:
    """Who writes, by name, and what is new, oldest first."""

    writing: Sequence[Writer]
    newer: Sequence[Newer]

    @property
    def tag(self) -> str:
        """The same for the same words."""
        told = [(one.id, one.is_note) for one in self.writing], [one.id for one in self.newer]
        return sha256(repr(told).encode()).hexdigest()[:16]


def is_writing(request_id: Any, reader_id: Any, since: Any) -> list[sa.ColumnElement[bool]]:
    """SQL over presences: somebody else has typed ``since``, and has not sent it yet."""
    sent = sa.exists().where(Message.request_id == Presence.request_id, Message.author_id == Presence.person_id, Message.created_at >= Presence.at)
    return [Presence.request_id == request_id, Presence.person_id != (reader_id or 0), Presence.at > since, ~sent.correlate(Presence)]


def around(request: Request, reader_id: int | None, seen: int, now: datetime) -> Around:
    """Who else writes about it, and the public messages of others after ``seen`` (0: none). One statement."""
    rows = read(_lines(seen > 0), {"request": request.id, "me": reader_id, "since": now - WRITING, "seen": seen})
    found = sorted((_writer(row) for row in rows if row.at is None), key=lambda one: (one.name, one.id))
    return Around(found, sorted((Newer(row.id, row.at, row.name, row.text) for row in rows if row.at is not None), key=lambda one: one.id))


@once
def _lines(with_messages: bool) -> Any:
    request, since = sa.bindparam("request", type_=sa.Integer), sa.bindparam("since", type_=Presence.at.type)
    columns = (Presence.person_id.label("id"), Presence.what.label("text"), Person.name.label("name"), Person.given_name.label("given"))
    never = sa.cast(sa.null(), Message.created_at.type).label("at")
    writing = sa.select(*columns, never).join(Person, Person.id == Presence.person_id).where(*is_writing(request, ME, since))
    if not with_messages:
        return writing
    sent = sa.select(Message.id, Message.body, sa.func.coalesce(Person.name, "Hearth"), sa.literal(""), Message.created_at)
    newest = [Message.request_id == request, Message.id > sa.bindparam("seen", type_=sa.Integer), Message.kind.in_(PUBLIC)]
    sent = sent.outerjoin(Person, Person.id == Message.author_id).where(*newest, Message.author_id.is_distinct_from(ME))
    return sa.union_all(writing, sa.select(*sent.order_by(Message.id.desc()).limit(NEWER).subquery().c))


def _writer(row: Any) -> Writer:
    return Writer(row.id, row.name, row.given or row.name.split(" ")[0], row.text == "note")
