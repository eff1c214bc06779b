"""The page of somebody who works on a request: the talk, the facts, and what stands beside it. One statement."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.desk.models import MessageKind, Request
from portal.desk.queries import work_parts as parts
from portal.desk.queries.presence import WRITING, Around, Writer
from portal.desk.queries.queue import CAP
from portal.kernel.db import db
from portal.kernel.paging import Count
from portal.kernel.policy import Actor
from portal.kernel.prepared import Shape, like, once, read, shape_of
from portal.people.rules import initials

TALK = 300
"""Entries of the conversation, and of events, that are shown at first; the newest."""

Rows = Mapping[str, Sequence[Any]]
VALUES = ("id", "service_id", "department_id", "from_department_id", "requester_id", "filed_by_id", "assignee_id", "location_id", "place", "next_due_at")
"""What the parts ask of a request."""


@dataclass(frozen=True)
class Face:
    """Somebody as a disc and a name."""

    id: int
    name: str
    first_name: str = ""

    @property
    def initials(self) -> str:
        """Two letters for the disc."""
        return initials(self.name)

    @property
    def tint(self) -> int:
        """One of six tints, fixed per person."""
        return self.id % 6 + 1


@dataclass(frozen=True)
class Said:
    """A message of the conversation, with the files that came with it as (id, name, size)."""

    id: int
    at: datetime
    kind: MessageKind
    author: Face | None
    body: str
    next_step: str
    next_step_at: datetime | None
    is_first_answer: bool
    needs_no_reply: bool
    files: Sequence[tuple[int, str, int]]
    came_by_mail: bool = False
    named: Sequence["Named"] = ()


@dataclass(frozen=True)
class Named:
    """Somebody a note names: the words of the note, the name today; ``staff_number`` is empty for who left."""

    written: str
    name: str
    staff_number: str


@dataclass(frozen=True)
class Happened:
    """An event of the record."""

    id: int
    at: datetime
    event: str
    actor: Face | None
    data: dict[str, Any]


@dataclass(frozen=True)
class Talk:
    """What was said and what happened, each oldest first; ``more`` when older entries are not shown."""

    said: Sequence[Said]
    happened: Sequence[Happened]
    more: bool

    @property
    def newest_public(self) -> int:
        """The number of the newest message both sides see; 0 for none."""
        return max((entry.id for entry in self.said if entry.kind is not MessageKind.NOTE), default=0)


@dataclass(frozen=True)
class Facts:
    """Who asks, where, for what, and whose it is; ``before`` counts what they asked this department earlier (capped)."""

    service: str
    service_fields: Sequence[Any]
    department: str
    department_key: str
    requester: Face
    staff_number: str
    requester_place: str
    requester_phone: str
    prefers: str
    from_department: str
    requester_site: str
    site: str
    owner: Face | None
    filed_by: str
    before: Count


@dataclass(frozen=True)
class ClockRow:
    """One clock as it stands: its newest cycle."""

    name: str
    status: str
    due: datetime | None
    stopped_at: datetime | None
    target: timedelta | None


@dataclass(frozen=True)
class Prepared:
    """A prepared reply; its words only when it was chosen."""

    id: int
    name: str
    body: str
    is_acknowledgement: bool


@dataclass(frozen=True)
class KeptDraft:
    """What they typed and did not send, when it was kept, how often; ``other`` is what another window of theirs had typed."""

    fields: dict[str, Any]
    saved_at: datetime
    revision: int
    other: dict[str, Any] | None

    def has_words(self, *names: str) -> bool:
        """True when something is typed in one of these fields."""
        return any(str(text).strip() for name in names for text in self.fields.get(name, ()))

    def words_of_other(self, name: str) -> str:
        """The text of the other window, where it says something else."""
        found = str((self.other or {}).get(name, [""])[0]).strip()
        return "" if found == str(self.fields.get(name, [""])[0]).strip() else found


@dataclass(frozen=True)
class Beside:
    """Clocks, prepared replies, related requests (number, title, is open), who writes, who follows, who reads notes, names, drafts ("work" and "note").

    ``place`` counts in the queue.
    """

    clocks: dict[str, ClockRow]
    prepared: Sequence[Prepared]
    related: Sequence[tuple[int, str, bool]]
    around: Around
    followers: Sequence[Face]
    readers: Sequence[tuple[str, str]]
    names: dict[int, str]
    drafts: Mapping[str, KeptDraft]
    previous: int | None
    next: int | None
    place: int
    open: Count


@dataclass(frozen=True)
class WorkPage:
    """Everything the page shows."""

    talk: Talk
    facts: Facts
    beside: Beside


def load(actor: Actor, request: Request, *, now: datetime, limit: int = TALK, chosen: int | None = None) -> WorkPage:
    """The page of a request; ``chosen`` is a prepared reply to fill in. One statement, and one for names of people nobody would expect."""
    shape, values = shape_of(request, VALUES, ("is_open", "is_confidential"))
    rows = _by_kind(read(_whole(like(actor), shape, limit), values | {"me": actor.person_id, "since": now - WRITING, "chosen": chosen or 0}))
    said = _talk(rows, limit)
    known = {row.id: _face(row.id, row).first_name for kind in ("person", "follower") for row in rows[kind]}
    known |= _missing({*_mentioned(said), *_answered(rows, request)} - known.keys())
    return WorkPage(said, _facts(rows, request), _beside(rows, known))


@once
def _whole(rights: Actor, shape: Shape, limit: int) -> Any:
    """Statement: all parts of the page of a request of this shape."""
    request, chosen, since = shape.stand_in(), sa.bindparam("chosen", type_=sa.Integer), sa.bindparam("since", type_=Request.created_at.type)
    wanted = [*parts.talk(request.id, limit), *parts.facts(request), parts.clocks(request), parts.prepared(request, chosen), *parts.related(rights, request)]
    wanted += [*parts.drafts(rights, request, since), parts.followers(request), parts.readers(request), *parts.neighbours(rights, request)]
    return sa.union_all(*wanted)


def _by_kind(read_rows: Sequence[Any]) -> Rows:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in read_rows:
        found[row.kind].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: row.id)
    return found


def _mentioned(said: Talk) -> list[int]:
    return [int(entry.data["person_id"]) for entry in said.happened if entry.data.get("person_id")]


def _answered(rows: Rows, request: Request) -> list[int]:
    specs = rows["service"][0].data
    return [int(request.answers[spec["key"]]) for spec in specs if spec["type"] == "person" and request.answers.get(spec["key"])]


def _missing(person_ids: set[int]) -> dict[int, str]:
    return {row.id: row.name for row in db.session.execute(parts.names(list(person_ids)))} if person_ids else {}


def _face(number: int, row: Any) -> Face:
    return Face(number, row.name, row.given or row.name.split(" ")[0])


# -- from rows to what is shown ----------------------------------------------------------------------------------------


def _talk(rows: Rows, limit: int) -> Talk:
    files: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    for row in rows["file"]:
        files[row.who].append((row.id, row.text, row.flag))
    mailed, named = {row.id for row in rows["mailed"]}, _named(rows)
    said = [_said(row, files.get(row.id, ()), came_by_mail=row.id in mailed, named=named.get(row.id, ())) for row in rows["message"][-limit:]]
    happened = [Happened(row.id, row.at, row.text, _face(row.who, row) if row.name else None, row.data or {}) for row in rows["event"][-limit:]]
    return Talk(said, happened, max(len(rows["message"]), len(rows["event"])) > limit)


def _named(rows: Rows) -> dict[int, list[Named]]:
    found: dict[int, list[Named]] = defaultdict(list)
    for row in rows["named"]:
        found[row.who].append(Named(row.text, row.name, row.more if row.flag else ""))
    return found


def _said(row: Any, files: Sequence[tuple[int, str, int]], *, came_by_mail: bool, named: Sequence[Named]) -> Said:
    kind, _, body = row.text.partition("\n")
    author = _face(row.who, row) if row.name else None
    return Said(row.id, row.at, MessageKind(kind), author, body, row.more, row.until, bool(row.flag & 1), bool(row.flag & 2), files, came_by_mail, named)


def _facts(rows: Rows, request: Request) -> Facts:
    people = {row.id: _face(row.id, row) for row in rows["person"]}
    departments, places = ({row.id: row for row in rows[kind]} for kind in ("department", "place"))
    service, own, here, asked = rows["service"][0], rows["requester"][0], departments[request.department_id], rows["earlier"][0].id
    of = departments.get(request.from_department_id or 0)
    site, home = (places[number].text if number in places else "" for number in (request.location_id, own.who))
    return Facts(
        service=service.text,
        service_fields=service.data,
        department=here.text,
        department_key=here.more,
        requester=people[request.requester_id],
        staff_number=own.text,
        requester_place=own.name,
        requester_phone=own.given,
        prefers=own.more,
        from_department=of.text if of else "",
        requester_site=home,
        site=site,
        owner=people.get(request.assignee_id or 0),
        filed_by=people[request.filed_by_id].name if request.filed_by_id != request.requester_id else "",
        before=Count(min(asked, parts.BEFORE), asked > parts.BEFORE),
    )


def _beside(rows: Rows, names: dict[int, str]) -> Beside:
    numbers = {kind: rows[kind][0].id if rows[kind] else None for kind in ("previous", "next", "ahead", "open")}
    found = {row.id: (row.id, row.text, bool(row.flag)) for row in rows["related"]}
    is_open = numbers["open"] or 0
    return Beside(
        clocks={row.text: _clock(row) for row in rows["clock"]},
        prepared=[Prepared(row.id, row.text, row.more, bool(row.flag)) for row in sorted(rows["prepared"], key=lambda r: (r.who, r.id))],
        related=[found[number] for number in sorted(found, reverse=True)][: parts.RELATED],
        around=_around(rows),
        followers=[_face(row.id, row) for row in rows["follower"]],
        readers=_readers(rows),
        names=names,
        drafts=_drafts(rows),
        previous=numbers["previous"],
        next=numbers["next"],
        place=(numbers["ahead"] or 0) + 1,
        open=Count(min(is_open, CAP), is_open > CAP),
    )


def _around(rows: Rows) -> Around:
    writing = [Writer(row.id, row.name, row.given or row.name.split(" ")[0], row.text == "note") for row in rows["writing"]]
    return Around(sorted(writing, key=lambda one: (one.name, one.id)), ())


def _drafts(rows: Rows) -> dict[str, KeptDraft]:
    lost = {row.text: row.data for row in rows["lost"]}
    return {row.text.partition(".")[0]: KeptDraft(row.data, row.at, row.id, lost.get(row.text)) for row in rows["draft"]}


def _readers(rows: Rows) -> list[tuple[str, str]]:
    """(how a note names them, name), by surname; namesakes with their staff numbers."""
    ordered = sorted(rows["reader"], key=lambda row: (row.text, row.id))
    often = Counter(row.name for row in ordered)
    return [(f"@{row.name}" + (f" ({row.more})" if often[row.name] > 1 else ""), row.name) for row in ordered]


def _clock(row: Any) -> ClockRow:
    return ClockRow(row.text, row.more, row.at, row.until, timedelta(seconds=row.flag) if row.flag else None)
