"""Persons: one's own profile, and what HR and administrators keep."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portal.contracts.people import PersonChanged, PersonJoined, PersonLeft, SessionsEnded
from portal.kernel import activity, sessions, tokens
from portal.kernel.db import db
from portal.kernel.errors import Refusal
from portal.kernel.messages import say
from portal.kernel.policy import SYSTEM, Actor
from portal.people import rules
from portal.people.actions import accounts, searching
from portal.people.models import Department, Fulfiller, Kind, Location, Person, Role, RoleGrant
from portal.people.queries.accounts import account_of

SUBJECT = "people.person"


@dataclass(frozen=True)
class Profile:
    """What people say about themselves; nothing else of a person can be set from a profile."""

    pronouns: str = ""
    pronunciation: str = ""
    ask_me_about: str = ""
    does_for_others: str = ""
    prefers: str = ""
    skills: str = ""
    phone: str = ""
    place: str = ""
    zone: str | None = None
    locale: str | None = None
    theme: str = "auto"
    keys_off: bool = False


@dataclass(frozen=True)
class Facts:
    """What the company says about a person."""

    staff_number: str
    name: str
    given_name: str = ""
    email: str | None = None
    kind: Kind = Kind.EMPLOYEE
    title: str = ""
    department_id: int | None = None
    manager_id: int | None = None
    location_id: int | None = None
    place: str = ""
    phone: str = ""
    zone: str | None = None
    locale: str | None = None
    start_date: date | None = None
    end_date: date | None = None


def _apply(person: Person, values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Set what differs; the differences as {field: [before, after]} for the record."""
    changes: dict[str, Any] = {}
    for name, after in values.items():
        before = getattr(person, name)
        if before != after:
            setattr(person, name, after)
            changes[name] = [_plain(before), _plain(after)]
    if changes:
        person.updated_at = now
        searching.refresh(person)
        _flush_unique()
    return changes


def _flush_unique() -> None:
    """Flush; somebody who took the same number or address in this very moment is a reason, not a crash."""
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise Refusal(say("Somebody else was given this staff number or address a moment ago."), field="email") from error


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _values(record: Any) -> dict[str, Any]:
    return {f.name: getattr(record, f.name) for f in fields(record)}


# -- one's own profile -----------------------------------------------------------------------------------------------


def edit_profile(person: Person, profile: Profile, *, actor: Actor, now: datetime) -> Person:
    """Store what somebody says about themselves."""
    if profile.zone and not rules.is_zone(profile.zone):
        raise Refusal(say("We do not know this time zone. Choose one such as Europe/Berlin."), field="zone")
    changes = _apply(person, _values(profile), now)
    if changes:
        # What somebody writes about themselves is theirs: the record keeps that it changed, not the words.
        activity.record(PersonChanged(person.id), actor=actor, subject=(SUBJECT, person.id), changes={"fields": sorted(changes)}, at=now)
    return person


def choose_theme(person: Person, theme: str, *, now: datetime) -> None:
    """Light, dark or as the device has it; nobody else's business, so nothing is recorded."""
    person.theme = theme
    person.updated_at = now
    db.session.flush()


# -- what the company keeps ------------------------------------------------------------------------------------------


def add_person(facts: Facts, *, actor: Actor, now: datetime) -> Person:
    """Add somebody; Refusal when staff number or address belongs to somebody else."""
    _check(facts, None)
    person = Person(**_values(facts), sort_name="", is_active=True, created_at=now, updated_at=now)
    person.email = rules.email_key(facts.email or "")
    searching.refresh(person)
    db.session.add(person)
    _flush_unique()
    activity.record(PersonJoined(person.id), actor=actor, subject=(SUBJECT, person.id), at=now)
    return person


def edit_person(person: Person, facts: Facts, *, actor: Actor, now: datetime) -> Person:
    """Change what the company says about somebody; a new address takes back every link sent to the old one."""
    _check(facts, person)
    if facts.end_date is not None and facts.end_date != person.end_date and holds_last_administrator(person.id):
        raise Refusal(say("%(name)s is the only administrator. Make somebody else one first.", name=person.first_name), field="end_date")
    values = _values(facts) | {"email": rules.email_key(facts.email or "")}
    before = person.email
    changes = _apply(person, values, now)
    if "email" in changes:
        _address_changed(person, before, now)
    if changes:
        activity.record(PersonChanged(person.id), actor=actor, subject=(SUBJECT, person.id), changes=changes, at=now)
    return person


def _address_changed(person: Person, before: str | None, now: datetime) -> None:
    accounts.shut_out(person.id, now)
    account = account_of(person.id, now, accounts.settings())
    if account is not None and before is not None:
        accounts.notify(replace(account, email=before), "address", now)


def _check(facts: Facts, person: Person | None) -> None:
    own = person.id if person else None
    others = sa.select(Person.id).where(Person.id != (own or 0))
    if db.session.scalar(others.where(Person.staff_number == facts.staff_number).limit(1)):
        raise Refusal(say("Somebody else has this staff number. Numbers are never used twice."), field="staff_number")
    address = rules.email_key(facts.email or "")
    if address and not rules.is_address(address):
        raise Refusal(say("This does not look like a mail address. Write it like mara.okafor@example.com."), field="email")
    if address and db.session.scalar(others.where(Person.email == address).limit(1)):
        raise Refusal(say("Somebody else has this address."), field="email")
    if facts.zone and not rules.is_zone(facts.zone):
        raise Refusal(say("We do not know this time zone. Choose one such as Europe/Berlin."), field="zone")
    if facts.start_date and facts.end_date and facts.end_date < facts.start_date:
        raise Refusal(say("The last day lies before the first one."), field="end_date")
    if own is not None and facts.manager_id is not None and _circles(own, facts.manager_id):
        raise Refusal(say("That would make somebody their own manager's manager. Choose somebody else."), field="manager")


def _circles(person_id: int, manager_id: int) -> bool:
    up = sa.select(Person.id, Person.manager_id, sa.literal(0).label("depth")).where(Person.id == manager_id).cte("up", recursive=True)
    up = up.union_all(sa.select(Person.id, Person.manager_id, up.c.depth + 1).join(up, Person.id == up.c.manager_id).where(up.c.depth < 100))
    return db.session.scalar(sa.select(up.c.id).where(up.c.id == person_id).limit(1)) is not None


def deactivate(person: Person, *, actor: Actor, now: datetime) -> Person:
    """Somebody has left: sessions, links, queue memberships and roles end in the same transaction. The last administrator stays."""
    if not person.is_active:
        raise Refusal(say("%(name)s has left already.", name=person.first_name))
    lock_administrators()
    if holds_last_administrator(person.id):
        raise Refusal(say("%(name)s is the only administrator. Make somebody else one first.", name=person.first_name))
    person.is_active = False
    person.updated_at = now
    leave([person.id], now)
    activity.record(PersonLeft(person.id), actor=actor, subject=(SUBJECT, person.id), at=now)
    return person


def leave(person_ids: list[int], now: datetime) -> None:
    """End what leavers could still do; the rows about what they did stay."""
    shut_out_all(person_ids, now)
    grants = sa.update(RoleGrant).where(RoleGrant.person_id.in_(person_ids), RoleGrant.ended_at.is_(None)).values(ended_at=now)
    for statement in (grants, sa.delete(Fulfiller).where(Fulfiller.person_id.in_(person_ids))):
        db.session.execute(statement, execution_options={"synchronize_session": False})
    db.session.flush()


def shut_out_all(person_ids: list[int], now: datetime) -> None:
    """End sessions and open links of some people in two statements (they left, or their address changed)."""
    if not person_ids:
        return
    row = sessions.PortalSession
    ends = sa.update(row).where(row.person_id.in_(person_ids), row.ended_at.is_(None)).values(ended_at=now)
    links = sa.delete(tokens.Token).where(tokens.Token.owner_id.in_(person_ids), tokens.Token.purpose.like("people.%"), tokens.Token.used_at.is_(None))
    for statement in (ends, links):
        db.session.execute(statement, execution_options={"synchronize_session": False})


def welcome_back(person: Person, *, actor: Actor, now: datetime) -> Person:
    """Somebody works here again; roles and queues are given anew."""
    if person.is_active:
        raise Refusal(say("%(name)s works here already.", name=person.first_name))
    person.is_active, person.end_date, person.updated_at = True, None, now
    db.session.flush()
    activity.record(PersonJoined(person.id), actor=actor, subject=(SUBJECT, person.id), at=now)
    return person


def lock_administrators() -> None:
    """Administrators go one after the other: of two who end each other, the second finds nobody else left."""
    db.session.execute(sa.select(RoleGrant.id).where(RoleGrant.role == Role.ADMINISTRATOR).order_by(RoleGrant.id).with_for_update())


def holds_last_administrator(person_id: int) -> bool:
    """True when nobody else is an administrator of the company."""
    held = sa.select(RoleGrant.person_id).join(Person, Person.id == RoleGrant.person_id)
    held = held.where(RoleGrant.role == Role.ADMINISTRATOR, RoleGrant.department_id.is_(None), RoleGrant.ended_at.is_(None), RoleGrant.until.is_(None))
    holders = set(db.session.scalars(held.where(Person.is_active.is_(True))))
    return holders == {person_id}


def end_last_days(now: datetime, limit: int = 500) -> int:
    """Deactivate up to ``limit`` people whose last day is over where they are; the number done."""
    query = sa.select(Person, Location.zone).outerjoin(Location, Location.id == Person.location_id)
    query = query.where(Person.is_active.is_(True), Person.end_date.is_not(None), Person.end_date <= now.date()).order_by(Person.id).limit(limit)
    done = 0
    for person, location_zone in db.session.execute(query).all():
        zone = person.zone or location_zone or accounts.settings().zone
        if rules.has_left(is_active=True, end_date=person.end_date, today=rules.today_in(zone, now)) and not holds_last_administrator(person.id):
            deactivate(person, actor=SYSTEM, now=now)
            done += 1
    return done


def sign_out_everywhere(person: Person, *, actor: Actor, now: datetime) -> int:
    """End all sessions of somebody else (a lost laptop); the number ended."""
    number = sessions.end_all(person.id, now)
    activity.record(SessionsEnded(person.id, number), actor=actor, subject=(SUBJECT, person.id), at=now)
    return number


def department_named(text: str) -> int | None:
    """The id of the department with this key or name; None when there is none."""
    wanted = text.strip()
    return db.session.scalar(sa.select(Department.id).where(sa.or_(Department.key == wanted, Department.name == wanted)).limit(1))
