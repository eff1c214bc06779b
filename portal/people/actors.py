"""Who acts: the actor of a person, built afresh for every request, and the hook that puts it there.

Flask-Login carries the token of a session row in Flask's signed cookie; what the person may do is read from the
database each time, so a role, a department or a last day counts at the very next request.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app, g, request, url_for
from flask import session as page_session
from flask_babel import gettext as _
from flask_login import LoginManager, UserMixin
from sqlalchemy.orm import Session

from portal.kernel import clock, observe, quarantine, sessions, shell
from portal.kernel.db import db
from portal.kernel.policy import ANONYMOUS, Actor
from portal.kernel.settings import Settings
from portal.people import rules
from portal.people.models import Absence, Department, Deputy, Fulfiller, Location, Person, Role, RoleGrant
from portal.people.policy import has_factor

SEEN_EVERY = 300
"""Seconds between two notes that a session is in use."""
GUARDED = frozenset({Role.ADMINISTRATOR.value, Role.HR.value})
"""Roles that count only with a second factor, where the portal asks for one."""
DEEPEST = 50
"""Levels of the department tree that rights follow."""


@dataclass(frozen=True)
class Reader(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    """What Flask-Login keeps about somebody signed in: the session, the person and how their pages look."""

    token: str
    session: sessions.Found
    actor: Actor
    card: "Card"

    def get_id(self) -> str:
        """The token of the session row; never an id that could be guessed."""
        return self.token


@dataclass(frozen=True)
class Card:
    """What every page shows about its reader."""

    staff_number: str
    first_name: str
    initials: str
    tint: int
    department: str
    start_date: date | None
    theme: str
    keys_off: bool
    back_on: date | None
    needs_factor: bool = False
    """Holds a role that counts only with a second factor, and has none."""


def setup(app: Flask) -> None:
    """Install Flask-Login and the hook that knows the reader before any page is made."""
    manager = LoginManager()
    manager.session_protection = None  # a session is a row that can be ended; a new address on the train ends nothing
    manager.user_loader(_loaded)
    manager.init_app(app, add_context_processor=False)
    app.before_request(_know_reader)


def card() -> Card | None:
    """What is known of whoever asked for this page, read already; None for a stranger."""
    reader: Reader | None = g.get("reader")
    return reader.card if reader else None


def _loaded(token: str) -> Reader | None:
    known: Reader | None = g.get("reader")
    return known if known is not None and known.token == token else reader_of(token, clock.now())


def _know_reader() -> None:
    g.actor, g.me, g.theme = ANONYMOUS, None, "auto"
    token = page_session.get("_user_id")
    if not token or request.endpoint == "static":
        return
    now = clock.now()
    reader = reader_of(str(token), now)
    if reader is None:
        return
    g.actor, g.theme, g.reader = reader.actor, reader.card.theme, reader
    g.me = _me(reader, rules.today_in(reader.actor.zone, now))
    _note_seen(reader, now)


def _me(reader: Reader, today: date) -> dict[str, Any]:
    card, back = reader.card, reader.card.back_on
    return {
        "initials": card.initials,
        "name": reader.actor.name,
        "department": card.department,
        "tint": card.tint,
        "url": url_for("people.profile", staff_number=card.staff_number),
        "away": _("back %(day)s", day=shell.day(back + timedelta(days=1))) if back and back >= today else None,
        "single_keys": not card.keys_off,
        "needs_factor": card.needs_factor,
    }


def _note_seen(reader: Reader, now: datetime) -> None:
    if now - reader.session.seen_at < timedelta(seconds=SEEN_EVERY):
        return

    def note(session: Session) -> None:
        session.execute(sa.update(sessions.PortalSession).where(sessions.PortalSession.id == reader.session.id).values(seen_at=now))

    observe.beside(("session", hash(reader.token)), note, at=now, every=SEEN_EVERY)


def reader_of(token: str, now: datetime) -> Reader | None:
    """Whoever a live session belongs to; None when it ended or its owner left. Two statements."""
    row = db.session.execute(_owner_query(), {**_days(now), "digest": sessions.digest_of(token)}).first()
    if row is not None:
        g.quarantined = row.quarantined
    found = sessions.judged(row, now)
    known = _known(row, now, found.id) if found else None
    return Reader(token, found, *known) if found and known else None


def actor_of(person_id: int, *, now: datetime, session_id: int | None = None) -> Actor | None:
    """The actor a person is right now; None for somebody unknown or gone. Two statements."""
    row = db.session.execute(_person_query().where(Person.id == person_id), _days(now)).first()
    known = _known(row, now, session_id) if row else None
    return known[0] if known else None


def _known(row: Any, now: datetime, session_id: int | None) -> tuple[Actor, Card] | None:
    settings: Settings = current_app.extensions["settings"]
    person, department, location_zone, back_on, has_one = row[:5]
    zone = next((z for z in (person.zone, location_zone, settings.zone) if z and rules.is_zone(z)), "UTC")
    today = rules.today_in(zone, now)
    if rules.has_left(is_active=person.is_active, end_date=person.end_date, today=today):
        return None
    rights = _rights(person.id, person.department_id, today)
    held_back = frozenset() if has_one or not settings.wants_second_factor else rights["roles"] & GUARDED
    rights["roles"] -= held_back
    actor = Actor(
        person_id=person.id,
        name=person.name,
        kind="person",
        department_id=person.department_id,
        zone=zone,
        locale=person.locale or settings.locale,
        session_id=session_id,
        **rights,
    )
    return actor, _card(person, department, back_on, needs_factor=bool(held_back))


def _card(person: Person, department: str | None, back_on: date | None, *, needs_factor: bool) -> Card:
    return Card(
        staff_number=person.staff_number,
        first_name=person.first_name,
        initials=person.initials,
        tint=person.tint,
        department=department or person.title,
        start_date=person.start_date,
        theme=person.theme,
        keys_off=person.keys_off,
        back_on=back_on,
        needs_factor=needs_factor,
    )


@cache
def _person_query() -> Any:
    # One day of slack on both sides of UTC; the exact day is compared in the person's zone afterwards.
    away = sa.select(sa.func.max(Absence.last_day)).where(
        Absence.person_id == Person.id, Absence.first_day <= sa.bindparam("today", type_=sa.Date), Absence.last_day >= sa.bindparam("yesterday", type_=sa.Date)
    )
    return (
        sa.select(Person, Department.name, Location.zone, away.scalar_subquery(), has_factor())
        .outerjoin(Department, Department.id == Person.department_id)
        .outerjoin(Location, Location.id == Person.location_id)
    )


def _days(now: datetime) -> dict[str, date]:
    return {"today": now.date(), "yesterday": now.date() - timedelta(days=1)}


@cache
def _owner_query() -> Any:
    owner = (
        _person_query()
        .add_columns(*sessions.COLUMNS, quarantine.holds().label("quarantined"))
        .join(sessions.PortalSession, sessions.PortalSession.person_id == Person.id)
    )
    return owner.where(sessions.held_by(sa.bindparam("digest", type_=sa.String)))


def _rights(person_id: int, department_id: int | None, today: date) -> dict[str, Any]:
    """Departments above, departments led with all below, queues served, company-wide roles and reports, in one statement."""
    found: dict[str, set[Any]] = {"up": set(), "lead": set(), "fulfils": set(), "role": set(), "report": set()}
    values = {"person": person_id, "department": department_id, "today": today}
    for what, number, word in db.session.execute(_rights_query(), values):
        found[what].add(word if what == "role" else number)
    return {
        "departments": frozenset(found["up"]),
        "leads": frozenset(found["lead"]),
        "fulfils": frozenset(found["fulfils"]),
        "roles": frozenset(found["role"]),
        "reports": frozenset(found["report"]),
    }


@cache
def _rights_query() -> Any:
    # Built once: putting this statement together costs more than running it, and every page runs it.
    person_id, department_id = sa.bindparam("person", type_=sa.Integer), sa.bindparam("department", type_=sa.Integer)
    today = sa.bindparam("today", type_=sa.Date)
    up = sa.select(Department.id, Department.parent_id, sa.literal(0).label("depth")).where(Department.id == department_id).cte("up", recursive=True)
    up = up.union_all(sa.select(Department.id, Department.parent_id, up.c.depth + 1).join(up, Department.id == up.c.parent_id).where(up.c.depth < DEEPEST))
    deputised = sa.select(Deputy.department_id).where(Deputy.person_id == person_id)
    led = sa.select(Department.id, sa.literal(0).label("depth")).where(sa.or_(Department.lead_id == person_id, Department.id.in_(deputised)))
    down = led.cte("down", recursive=True)
    down = down.union_all(sa.select(Department.id, down.c.depth + 1).join(down, Department.parent_id == down.c.id).where(down.c.depth < DEEPEST))
    no_word = sa.literal("", sa.String).label("word")
    roles = sa.select(sa.literal("role"), sa.literal(0), sa.cast(RoleGrant.role, sa.String)).where(
        RoleGrant.person_id == person_id, RoleGrant.department_id.is_(None), *live_grant(today)
    )
    return sa.union_all(
        sa.select(sa.literal("up").label("what"), up.c.id.label("number"), no_word),
        sa.select(sa.literal("lead"), down.c.id, no_word),
        sa.select(sa.literal("fulfils"), Fulfiller.department_id, no_word).where(Fulfiller.person_id == person_id),
        roles,
        sa.select(sa.literal("report"), Person.id, no_word).where(Person.manager_id == person_id, Person.is_active.is_(True)),
    )


def live_grant(today: Any) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions under which a granted role counts on ``today``."""
    return RoleGrant.ended_at.is_(None), sa.or_(RoleGrant.until.is_(None), RoleGrant.until >= today)
