"""Reading side of the ledger: the inbox, preferences, and what waits for a mail."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from portal.kernel import paging
from portal.kernel.db import db
from portal.kernel.incoming import addresses
from portal.kernel.policy import Actor
from portal.kernel.prepared import ME, once, read
from portal.notifications import kinds, rules
from portal.notifications.models import WAITS_FOR_DIGEST, WAITS_FOR_HOUR, DeadAddress, MailFailure, MailTurn, Notice, Preference, QuietHours
from portal.notifications.policy import notices_visible_to
from portal.notifications.rules import FailureKind, MailState, Mode
from portal.people.actors import actor_of
from portal.people.models import Absence, Department, Location, Person, Role, RoleGrant

PAGE = 30
BADGE_CAP = 99

SHOWN = (
    Notice.id,
    Notice.kind,
    Notice.subject_kind,
    Notice.subject_id,
    Notice.text,
    Notice.plural,
    Notice.params,
    Notice.topic,
    Notice.facts,
    Notice.why,
    Notice.path,
    Notice.excerpt,
    Notice.is_private,
    Notice.is_read,
    Notice.created_at,
    Notice.author_id,
)
"""What of a notice is shown, as columns."""


@dataclass(frozen=True)
class Told:
    """One notice as a reader gets it; ``is_open`` is false when its subject is no longer theirs to see, and it says nothing then."""

    id: int
    kind: str
    subject: tuple[str, int]
    text: str
    plural: str | None
    params: dict[str, Any]
    topic: str
    facts: list[Any]
    why: str
    path: str
    excerpt: str
    is_private: bool
    is_read: bool
    created_at: datetime
    author_id: int | None = None
    is_open: bool = True


@dataclass(frozen=True)
class Choice:
    """One line of the preference page: a kind and how this person wants mail about it."""

    kind: kinds.Kind
    mail: Mode


@dataclass(frozen=True)
class Recipient:
    """Where and when a person can be written to right now."""

    actor: Actor
    email: str
    name: str
    is_away: bool
    quiet_until: datetime | None


def unread(person_id: int) -> paging.Count:
    """How many notices a person has not read, counted up to 99. One indexed read."""
    number = read(_unread(), {"me": person_id})[0][0]
    return paging.Count(min(number, BADGE_CAP), number > BADGE_CAP)


@once
def _unread() -> Any:
    some = sa.select(Notice.id).where(Notice.person_id == ME, Notice.is_read.is_(False)).limit(BADGE_CAP + 1).subquery()
    return sa.select(sa.func.count()).select_from(some)


def inbox(actor: Actor, cursor: str | None, *, only_unread: bool = False, limit: int = PAGE) -> paging.Page[Told]:
    """A page of the actor's notices, the newest first; what is no longer theirs to see has lost its words."""
    query = sa.select(*SHOWN).where(notices_visible_to(actor))
    if only_unread:
        query = query.where(Notice.is_read.is_(False))
    page = paging.keyset(query, [paging.Key(Notice.id.expression, "id", descending=True)], cursor, limit, told)
    return paging.Page(_closed(actor, page.items), page.next, page.previous)


def told(row: Any) -> Told:
    """A row of the SHOWN columns as a reader gets it."""
    values = dict(row._mapping)  # noqa: SLF001  the documented way to a row's columns by name
    return Told(subject=(values.pop("subject_kind"), values.pop("subject_id")), **values)


def _closed(actor: Actor, items: Sequence[Told]) -> list[Told]:
    still = kinds.still_visible(actor, {item.subject for item in items})
    return [item if item.subject in still else _silent(item) for item in items]


def _silent(item: Told) -> Told:
    return Told(item.id, item.kind, item.subject, "", None, {}, "", [], item.why, "", "", True, item.is_read, item.created_at, is_open=False)


def visible_only(actor: Actor, items: Sequence[Told]) -> list[Told]:
    """Those notices whose subject the actor may still see."""
    return [item for item in _closed(actor, items) if item.is_open]


def has_unread(person_id: int, subject: tuple[str, int]) -> bool:
    """True when something about this thing was told and not read yet. One indexed read."""
    mine = sa.select(Notice.id).where(Notice.person_id == person_id, *about(subject), Notice.is_read.is_(False))
    return db.session.scalar(mine.limit(1)) is not None


def about(subject: tuple[str, int]) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions for notices about one thing."""
    return Notice.subject_kind == subject[0], Notice.subject_id == subject[1]


def choices(actor: Actor) -> list[Choice]:
    """Every kind the actor may hear of, with what they chose, or the default."""
    rows = db.session.execute(sa.select(Preference.kind, Preference.mail).where(Preference.person_id == actor.person_id))
    chosen = {row.kind: row.mail for row in rows}
    return [Choice(kind, chosen.get(kind.key, kind.mail)) for kind in kinds.everything() if kind.who(actor)]


def quiet_hours(person_id: int) -> tuple[time, time] | None:
    """The local times between which this person gets no mail."""
    row = db.session.execute(sa.select(QuietHours.start, QuietHours.end).where(QuietHours.person_id == person_id)).first()
    return (row.start, row.end) if row else None


def listeners(person_ids: Collection[int], kind: kinds.Kind) -> dict[int, tuple[bool, Mode]]:
    """Of these people, those who work here: whether they have a mail address, and how they want mail about ``kind``."""
    mode = sa.select(Preference.person_id, Preference.mail).where(Preference.kind == kind.key).subquery()
    query = sa.select(Person.id, takes_mail(), mode.c.mail).outerjoin(mode, mode.c.person_id == Person.id)
    query = query.outerjoin(DeadAddress, DeadAddress.person_id == Person.id)
    rows = db.session.execute(query.where(Person.id.in_(person_ids), Person.is_active.is_(True)))
    return {number: (bool(has_mail), chosen or kind.mail) for number, has_mail, chosen in rows}


def takes_mail() -> sa.ColumnElement[bool]:
    """The condition, beside an outer join of dead addresses, that a person has an address and it is not known to be dead."""
    return sa.and_(Person.email.is_not(None), sa.or_(DeadAddress.address.is_(None), DeadAddress.address != Person.email))


def hard_failures(person_id: int, address: str, now: datetime) -> int:
    """How many mails to this address came back for good lately and still count; one statement."""
    lately = (MailFailure.person_id == person_id, MailFailure.at > now - rules.DEAD_WITHIN, MailFailure.kind == FailureKind.HARD)
    same = (MailFailure.is_settled.is_(False), sa.func.lower(MailFailure.address) == address.casefold())
    return db.session.scalar(sa.select(sa.func.count()).select_from(MailFailure).where(*lately, *same)) or 0


def holders(roles: Collection[Role], now: datetime) -> list[int]:
    """Whoever works here and holds one of these roles for the company today; one statement."""
    live = (RoleGrant.ended_at.is_(None), RoleGrant.department_id.is_(None), sa.or_(RoleGrant.until.is_(None), RoleGrant.until >= now.date()))
    query = sa.select(RoleGrant.person_id).join(Person, Person.id == RoleGrant.person_id).where(RoleGrant.role.in_(roles), *live, Person.is_active.is_(True))
    return sorted(set(db.session.scalars(query)))


@dataclass(frozen=True)
class Dead:
    """Somebody whose address takes no mail: since when and by what word of a mail server."""

    person_id: int
    name: str
    staff_number: str
    address: str
    status: str
    words: str
    since: datetime


def dead_addresses(person_id: int | None = None, limit: int = 100) -> list[Dead]:
    """The addresses that are dead and not changed since, of one person or of everybody who works here, the newest first; one statement."""
    dead = DeadAddress
    columns = (dead.person_id, Person.name, Person.staff_number, dead.address, dead.status, dead.words, dead.since)
    query = sa.select(*columns).join(Person, Person.id == dead.person_id).where(dead.address == Person.email, Person.is_active.is_(True))
    query = query.where(dead.person_id == person_id) if person_id is not None else query
    return [Dead(*row) for row in db.session.execute(query.order_by(dead.since.desc(), dead.person_id).limit(limit))]


def is_dead(person_id: int) -> bool:
    """True when mail to somebody comes back; one statement."""
    same = sa.and_(Person.id == DeadAddress.person_id, Person.email == DeadAddress.address)
    return db.session.scalar(sa.select(DeadAddress.person_id).join(Person, same).where(DeadAddress.person_id == person_id)) is not None


@dataclass(frozen=True)
class CameBack:
    """One mail that came back."""

    id: int
    at: datetime
    mail_id: int
    person_id: int | None
    name: str | None
    address: str
    status: str
    kind: FailureKind
    words: str


def came_back(cursor: str | None, *, person_id: int | None = None, limit: int = PAGE) -> paging.Page[CameBack]:
    """A page of the mails that came back, of one person or of all, the newest first; one statement."""
    mine = MailFailure
    columns: list[Any] = [mine.id, mine.at, mine.mail_id, mine.person_id, Person.name, mine.address, mine.status, mine.kind, mine.words]
    query = sa.select(*columns).outerjoin(Person, Person.id == mine.person_id)
    query = query.where(mine.person_id == person_id) if person_id is not None else query
    return paging.keyset(query, [paging.Key(mine.id.expression, "id", descending=True)], cursor, limit, lambda row: CameBack(*row))


def came_back_of(mail_id: int) -> list[tuple[datetime, str, str]]:
    """When a mail came back, with the code and the words of the mail server; one statement."""
    query = sa.select(MailFailure.at, MailFailure.status, MailFailure.words).where(MailFailure.mail_id == mail_id).order_by(MailFailure.id)
    return [(row[0], row[1], row[2]) for row in db.session.execute(query)]


def writer(person_id: int) -> tuple[str, str | None] | None:
    """Name and department of whoever wrote, and the address of that department, for the line of the sender; one statement."""
    query = sa.select(Person.name, Department.name, Department.email).outerjoin(Department, Department.id == Person.department_id)
    row = db.session.execute(query.where(Person.id == person_id)).first()
    return (f"{row[0]}, {row[1]}" if row[1] else row[0], row[2] or None) if row else None


def recipient(person_id: int, now: datetime) -> Recipient | None:
    """Where to write to; None for somebody who left, or has no address that takes mail, or one of ours. Five statements."""
    actor = actor_of(person_id, now=now)
    if actor is None:
        return None
    query = sa.select(Person.email, QuietHours.start, QuietHours.end).outerjoin(QuietHours, QuietHours.person_id == Person.id)
    query = query.outerjoin(DeadAddress, DeadAddress.person_id == Person.id)
    row = db.session.execute(query.where(Person.id == person_id, takes_mail())).first()
    if row is None or addresses.is_ours(row.email):
        return None
    quiet = rules.quiet_until(now, row.start, row.end, actor.zone) if row.start is not None else None
    return Recipient(actor, row.email, actor.name, rules.is_away(now, actor.zone, _absences(person_id, now)), quiet)


def _absences(person_id: int, now: datetime) -> list[tuple[Any, Any]]:
    # One day of slack on both sides: today is another date elsewhere on earth.
    day = timedelta(days=1)
    near = sa.select(Absence.first_day, Absence.last_day).where(
        Absence.person_id == person_id, Absence.first_day <= (now + day).date(), Absence.last_day >= (now - day).date()
    )
    return [(row.first_day, row.last_day) for row in db.session.execute(near)]


def waiting(person_id: int, state: MailState, subject: tuple[str, int] | None = None) -> sa.ColumnElement[bool]:
    """The condition for a person's notices that wait for this mail, about one thing when given."""
    # The literal beside the parameter is what lets SQLite use the partial index.
    literal = {MailState.DIGEST: [WAITS_FOR_DIGEST], MailState.HOUR: [WAITS_FOR_HOUR]}.get(state, [])
    return sa.and_(Notice.person_id == person_id, Notice.mail_state == state, *literal, *(about(subject) if subject else ()))


def waits(person_id: int, state: MailState, subject: tuple[str, int] | None = None) -> bool:
    """True when this mail has something to say."""
    return db.session.scalar(sa.select(Notice.id).where(waiting(person_id, state, subject)).limit(1)) is not None


def last_turn(person_id: int, thing: tuple[str, int]) -> datetime | None:
    """When the person last got a mail about a thing."""
    mine = sa.and_(MailTurn.person_id == person_id, MailTurn.subject_kind == thing[0], MailTurn.subject_id == thing[1])
    return db.session.scalar(sa.select(MailTurn.mailed_at).where(mine))


@dataclass(frozen=True)
class Pending:
    """Somebody for whom a digest is being gathered: since when, and in which zone they live."""

    person_id: int
    since: datetime
    zone: str


def pending_digests(after: int, limit: int, default_zone: str) -> list[Pending]:
    """The next people, by id after ``after``, who have something in their digest."""
    since = (
        sa.select(Notice.person_id, sa.func.min(Notice.created_at).label("since"))
        .where(WAITS_FOR_DIGEST, Notice.person_id > after)
        .group_by(Notice.person_id)
        .order_by(Notice.person_id)
        .limit(limit)
        .subquery()
    )
    zone = sa.func.coalesce(Person.zone, Location.zone, default_zone)
    query = sa.select(since.c.person_id, since.c.since, zone).join(Person, Person.id == since.c.person_id)
    rows = db.session.execute(query.outerjoin(Location, Location.id == Person.location_id).order_by(since.c.person_id))
    return [Pending(*row) for row in rows]


def forgotten(now: datetime, limit: int = 100) -> list[tuple[int, int, datetime]]:
    """Number, person and instant of notices that wait for a mail at once or within the hour since two days."""
    late = Notice.mail_state.in_((MailState.DUE, MailState.HOUR)), Notice.created_at < now - timedelta(days=2)
    rows = db.session.execute(sa.select(Notice.id, Notice.person_id, Notice.created_at).where(*late).order_by(Notice.id).limit(limit))
    return [(row.id, row.person_id, row.created_at) for row in rows]
