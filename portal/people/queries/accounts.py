"""What the door and the list of devices read."""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Any

import sqlalchemy as sa

from portal.kernel import sessions
from portal.kernel.db import db
from portal.kernel.settings import Settings
from portal.people import rules
from portal.people.models import Credential, Department, Kind, Location, Person, RecoveryCode, Role, RoleGrant, SecondFactor
from portal.people.policy import has_factor


@dataclass(frozen=True)
class Account:
    """A person as the door sees them."""

    person_id: int
    name: str
    first_name: str
    email: str | None
    zone: str
    locale: str
    password: str | None
    is_here: bool
    strict: bool
    """Administrators and HR have shorter sessions."""
    has_factor: bool = False


def account_named(name: str, now: datetime, settings: Settings) -> Account | None:
    """The account with this work e-mail or staff number; one statement whether it exists or not."""
    typed = name.strip()[:254]
    match = sa.or_(Person.email == typed.casefold(), Person.staff_number.in_((typed[:40], typed[:40].upper())))
    return _account(sa.and_(match, Person.kind != Kind.SERVICE), now, settings)


def account_of(person_id: int, now: datetime, settings: Settings) -> Account | None:
    """The account of a person."""
    return _account(Person.id == person_id, now, settings)


def _account(which: sa.ColumnElement[bool], now: datetime, settings: Settings) -> Account | None:
    strict = sa.exists().where(
        RoleGrant.person_id == Person.id, RoleGrant.ended_at.is_(None), RoleGrant.department_id.is_(None), RoleGrant.role.in_((Role.ADMINISTRATOR, Role.HR))
    )
    query = (
        sa.select(Person, Credential.password, Location.zone, strict, has_factor())
        .outerjoin(Credential, Credential.person_id == Person.id)
        .outerjoin(Location, Location.id == Person.location_id)
        .where(which)
        .order_by(Person.id)
        .limit(1)
    )
    row = db.session.execute(query).first()
    if row is None:
        return None
    person, password, location_zone, is_strict, has_one = row
    zone = next((z for z in (person.zone, location_zone, settings.zone) if z and rules.is_zone(z)), "UTC")
    here = person.kind is not Kind.SERVICE and not rules.has_left(is_active=person.is_active, end_date=person.end_date, today=rules.today_in(zone, now))
    return Account(person.id, person.name, person.first_name, person.email, zone, person.locale or settings.locale, password, here, is_strict, has_one)


def used_before(person_id: int, device: str) -> bool | None:
    """True when this kind of device signed in before; None when none ever did."""
    known = sa.select(sessions.PortalSession.device == device).where(sessions.PortalSession.person_id == person_id)
    seen = set(db.session.scalars(known.distinct()))
    return (True in seen) if seen else None


def words_about(account: Account, company: str) -> tuple[str, ...]:
    """Words a password of this person should not be made of."""
    return (account.name, account.email or "", company, "Hearth")


@dataclass(frozen=True)
class Factor:
    """A second factor as its owner and administrators see it."""

    since: datetime
    codes_left: int
    removal_at: datetime | None


def factor_of(person_id: int) -> Factor | None:
    """The second factor of a person, if one is set up; one statement."""
    left = sa.select(sa.func.count()).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None)).scalar_subquery()
    query = sa.select(SecondFactor.confirmed_at, left, SecondFactor.removal_at)
    row = db.session.execute(query.where(SecondFactor.person_id == person_id, SecondFactor.confirmed_at.is_not(None))).first()
    return Factor(row[0], row[1], row[2]) if row else None


# -- the demo --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Persona:
    """A card of the demo's sign-in page."""

    name: str
    label: str
    text: str


@dataclass(frozen=True)
class PersonaCard:
    """A persona who really works here."""

    staff_number: str
    name: str
    initials: str
    tint: int
    label: str
    text: str


@lru_cache(maxsize=1)
def demo_personas() -> tuple[Persona, ...]:
    """The people of the demo company that have a card, in their order."""
    text = resources.files("portal.content").joinpath("demo/company.toml").read_text(encoding="utf-8")
    people: list[dict[str, Any]] = tomllib.loads(text).get("people", [])
    return tuple(Persona(f"{p['first']} {p['last']}", p.get("card_label", ""), p["card"]) for p in people if p.get("card"))


def persona_cards() -> list[PersonaCard]:
    """Cards of the personas that are in the database; one statement."""
    wanted = {persona.name: persona for persona in demo_personas()}
    query = sa.select(Person, Department.name).outerjoin(Department, Department.id == Person.department_id)
    query = query.where(Person.name.in_(wanted), Person.is_active.is_(True)).order_by(Person.id.desc())
    found = {person.name: (person, department) for person, department in db.session.execute(query)}
    return [
        PersonaCard(found[name][0].staff_number, name, found[name][0].initials, found[name][0].tint, persona.label or found[name][1] or "", persona.text)
        for name, persona in wanted.items()
        if name in found
    ]
