"""Accounts: coming in, links by mail, passwords, sessions, and the first administrator."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from flask import current_app

from portal.contracts.people import Invited, PasswordChanged, SessionsEnded, SignedIn, SignInFailed
from portal.kernel import activity, jobs, mail, sessions, tokens
from portal.kernel.db import db, is_sqlite
from portal.kernel.errors import Refusal
from portal.kernel.messages import say
from portal.kernel.policy import ANONYMOUS, SYSTEM, Actor
from portal.kernel.settings import Settings
from portal.people import rules
from portal.people.actions import throttling
from portal.people.models import Credential, Kind, Person, Role, RoleGrant
from portal.people.queries.accounts import Account, account_named, account_of, used_before

Purpose = Literal["sign-in", "password", "welcome"]
LIFETIMES: dict[str, timedelta] = {"sign-in": timedelta(minutes=30), "password": timedelta(hours=24), "welcome": timedelta(hours=24)}
FIRST_LINK = timedelta(minutes=15)
LINKS_AN_HOUR = 5
CODE_PURPOSE = "people.code"
"""Of the token that stands between the password and the code of an app."""
CODE_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Pass:
    """What opens the next door: a session's token, or, with a second factor, one that only asks for a code."""

    token: str
    strict: bool
    needs_code: bool


def settings() -> Settings:
    """The settings of this portal."""
    known: Settings = current_app.extensions["settings"]
    return known


def token_purpose(purpose: str) -> str:
    """The purpose a token row carries; tokens of one purpose open nothing else."""
    return f"people.{purpose}"


# -- coming in -------------------------------------------------------------------------------------------------------


def begin_try(name: str, address: str, now: datetime) -> bool:
    """Count a try at the door; false when it must not succeed, whatever the password. Ten in a row are told to the owner."""
    by_address = throttling.count_address(throttling.address_key(address), now)
    number = throttling.count_try(throttling.account_key(name), now)
    if number == rules.NOTICE_AFTER:
        # For every name, known or not: the answer takes as long, and the job finds out whom to tell.
        jobs.enqueue("people.accounts.tell_owner", account=name[:254], failures=number)
    return by_address and number is not None


def forgive(name: str, address: str) -> None:
    """The password was right: the try no longer counts."""
    # Address first, as when counting: two who come in at once never wait for each other in a circle.
    throttling.forgive_address(throttling.address_key(address))
    throttling.forgive_account(throttling.account_key(name))


def come_in(account: Account, *, name: str, address: str, agent: str, now: datetime, rehashed: str | None = None) -> Pass:
    """Lead on somebody whose password was right."""
    forgive(name, address)
    if rehashed:
        db.session.execute(sa.update(Credential).where(Credential.person_id == account.person_id).values(password=rehashed))
    return open_session(account, address=address, agent=agent, now=now)


def open_session(account: Account, *, address: str, agent: str, now: datetime) -> Pass:
    """Start a session, or ask for the code of a second factor first; every way in leads through here."""
    if not account.is_here:
        raise Refusal(say("This link has been used already or is too old. Ask for a new one."))
    if account.has_factor:
        tokens.revoke(account.person_id, CODE_PURPOSE)
        return Pass(tokens.issue(CODE_PURPOSE, account.person_id, lifetime=CODE_WITHIN, now=now), account.strict, needs_code=True)
    return Pass(start_session(account, address=address, agent=agent, now=now), account.strict, needs_code=False)


def waiting_for_code(plain: str, now: datetime) -> Account | None:
    """Whoever has shown a password and not yet a code, by the token they were given for it."""
    token = tokens.peek(plain, CODE_PURPOSE, now)
    account = account_of(token.owner_id, now, settings()) if token else None
    return account if account and account.is_here else None


def start_session(account: Account, *, address: str, agent: str, now: datetime) -> str:
    """Start a session, record it, and tell the owner about a kind of device they never used; the token for the cookie."""
    device = rules.device_words(agent)
    known = used_before(account.person_id, device)
    token = sessions.start(account.person_id, now=now, device=device, address=rules.address_block(address), strict=account.strict)
    who = Actor(person_id=account.person_id, name=account.name, kind="person")
    activity.record(SignedIn(account.person_id, device), actor=who, subject=("people.person", account.person_id), at=now)
    if known is False:
        notify(account, "device", now, device=device)
    return token


def tell_owner(name: str, failures: int, now: datetime) -> None:
    """Note and tell the owner of an account that somebody keeps trying; nothing for a name nobody has."""
    account = account_named(name, now, settings())
    if account is None or not account.is_here:
        return
    activity.record(SignInFailed(account.person_id, failures), actor=ANONYMOUS, subject=("people.person", account.person_id), at=now)
    notify(account, "tries", now, failures=failures)


def notify(account: Account, what: str, now: datetime, **facts: Any) -> None:
    """Mail somebody that something about their account changed; people without an address are not chased."""
    if account.email is None:
        return
    subject, text, html = mail.render_mail("people/notice", zone=account.zone, locale=account.locale, what=what, account=account, at=now, **facts)
    mail.queue(to=account.email, name=account.name, subject=subject, text=text, html=html, person_id=account.person_id, now=now)


# -- links -----------------------------------------------------------------------------------------------------------


def ask_for_link(name: str, purpose: Purpose, address: str, now: datetime) -> None:
    """Have a link sent if this name has an account; the same work, and the same answer, when it has none."""
    few = throttling.count_address(f"links:{throttling.account_key(name)}", now, limit=LINKS_AN_HOUR, window=timedelta(hours=1))
    calm = throttling.count_address(f"links:{throttling.address_key(address)}", now)
    run_at = now if few and calm else None
    jobs.enqueue("people.accounts.send_link", account=name[:254], purpose=purpose, wanted=run_at is not None)


def send_link(name: str, purpose: Purpose, now: datetime) -> None:
    """Mail a single-use link to whoever has this name and a mail address."""
    account = account_named(name, now, settings())
    if account is not None and account.is_here and account.email:
        mail_link(account, purpose, now)


def mail_link(account: Account, purpose: Purpose, now: datetime) -> None:
    """Take back older links of this kind and mail a new one."""
    link = make_link(account.person_id, purpose, now)
    subject, text, html = mail.render_mail(
        "people/link", zone=account.zone, locale=account.locale, purpose=purpose, account=account, address=link, until=now + LIFETIMES[purpose]
    )
    mail.queue(to=str(account.email), name=account.name, subject=subject, text=text, html=html, person_id=account.person_id, now=now)


def make_link(person_id: int, purpose: Purpose, now: datetime, lifetime: timedelta | None = None) -> str:
    """A fresh link at the configured address; earlier ones of the same kind stop working."""
    tokens.revoke(person_id, token_purpose(purpose))
    plain = tokens.issue(token_purpose(purpose), person_id, lifetime=lifetime or LIFETIMES[purpose], now=now)
    return f"{settings().base_url.rstrip('/')}/link/{purpose}/{plain}"


def spend_link(purpose: str, plain: str, now: datetime) -> Account:
    """Use a link up; of many tries exactly one gets the account, the others a Refusal."""
    token = tokens.spend(plain, token_purpose(purpose), now)
    account = account_of(token.owner_id, now, settings())
    if account is None or not account.is_here:
        raise Refusal(say("This link has been used already or is too old. Ask for a new one."))
    return account


def invite(person: Person, *, actor: Actor, now: datetime) -> str | None:
    """Send somebody a link to choose a password; for people without an address the link itself, to hand over in person."""
    account = account_of(person.id, now, settings())
    if person.kind is Kind.SERVICE:
        raise Refusal(say("A service account does not come in by the door."))
    if account is None or not account.is_here:
        raise Refusal(say("%(name)s has left, so there is nobody to invite.", name=person.first_name))
    activity.record(Invited(person.id), actor=actor, subject=("people.person", person.id), at=now)
    if account.email is None:
        return make_link(person.id, "welcome", now)
    mail_link(account, "welcome", now)
    return None


# -- passwords and sessions ------------------------------------------------------------------------------------------


def set_password(account: Account, stored: str, *, actor: Actor, now: datetime, keep_session: int | None = None) -> None:
    """Store a new password, end all other sessions, take back every open link, and tell the owner."""
    _store_password(account.person_id, stored, now)
    sessions.end_all(account.person_id, now, but=keep_session)
    tokens.revoke(account.person_id, CODE_PURPOSE)
    for purpose in LIFETIMES:
        tokens.revoke(account.person_id, token_purpose(purpose))
    for name in _names(account.person_id):
        throttling.forgive_account(throttling.account_key(name))
    activity.record(PasswordChanged(account.person_id), actor=actor, subject=("people.person", account.person_id), at=now)
    notify(account, "password", now)


def _store_password(person_id: int, stored: str, now: datetime) -> None:
    from sqlalchemy.dialects import postgresql, sqlite

    insert = sqlite.insert(Credential) if is_sqlite() else postgresql.insert(Credential)
    values = {"password": stored, "changed_at": now}
    db.session.execute(insert.values(person_id=person_id, **values).on_conflict_do_update(index_elements=[Credential.person_id], set_=values))


def _names(person_id: int) -> list[str]:
    row = db.session.execute(sa.select(Person.email, Person.staff_number).where(Person.id == person_id)).one()
    return [name for name in row if name]


def end_session(session_id: int, *, actor: Actor, now: datetime) -> bool:
    """End one of one's own sessions; false when it has ended already."""
    person_id = _me(actor)
    ended = sessions.end(person_id, session_id, now)
    if ended:
        activity.record(SessionsEnded(person_id, 1), actor=actor, subject=("people.person", person_id), at=now)
    return ended


def end_everywhere(*, actor: Actor, now: datetime, but: int | None = None) -> int:
    """End all of one's own sessions, except perhaps the one in use; the number ended."""
    person_id = _me(actor)
    number = sessions.end_all(person_id, now, but=but)
    activity.record(SessionsEnded(person_id, number), actor=actor, subject=("people.person", person_id), at=now)
    return number


def end_others(person_id: int, actor: Actor, now: datetime) -> None:
    """End all sessions of somebody but the one that acts."""
    sessions.end_all(person_id, now, but=actor.session_id)


def shut_out(person_id: int, now: datetime) -> None:
    """End everything somebody could come in with: sessions and links (they left, or their address changed)."""
    sessions.end_all(person_id, now)
    tokens.revoke(person_id, CODE_PURPOSE)
    for purpose in LIFETIMES:
        tokens.revoke(person_id, token_purpose(purpose))


def _me(actor: Actor) -> int:
    if actor.person_id is None:
        raise Refusal(say("Sign in first."))
    return actor.person_id


# -- the first administrator -----------------------------------------------------------------------------------------


def has_administrator() -> bool:
    """True when somebody holds the role for the company."""
    held = sa.select(RoleGrant.id).where(RoleGrant.role == Role.ADMINISTRATOR, RoleGrant.department_id.is_(None), RoleGrant.ended_at.is_(None))
    return db.session.scalar(held.limit(1)) is not None


def first_administrator_link(*, staff_number: str, name: str, email: str | None, now: datetime) -> str:
    """Create the first administrator where there is none and return a one-time link (15 minutes) for the console; Refusal when there is one.

    Run again while nobody has chosen a password yet, it makes a new link for the same person.
    """
    person = db.session.scalars(sa.select(Person).where(Person.staff_number == staff_number)).first()
    holder = person is not None and _is_waiting_administrator(person.id)
    if has_administrator() and not holder:
        raise Refusal(say("There is an administrator already. They can invite others under Administration."))
    if person is None:
        person = _new_person(staff_number, name, email, now)
    if not holder:
        db.session.add(RoleGrant(person_id=person.id, role=Role.ADMINISTRATOR, granted_at=now))
    activity.record(Invited(person.id), actor=SYSTEM, subject=("people.person", person.id), at=now)
    return make_link(person.id, "welcome", now, FIRST_LINK)


def _is_waiting_administrator(person_id: int) -> bool:
    held = sa.exists().where(RoleGrant.person_id == person_id, RoleGrant.role == Role.ADMINISTRATOR, RoleGrant.ended_at.is_(None))
    chosen = sa.exists().where(Credential.person_id == person_id)
    return bool(db.session.scalar(sa.select(sa.and_(held, ~chosen))))


def _new_person(staff_number: str, name: str, email: str | None, now: datetime) -> Person:
    person = Person(
        staff_number=staff_number,
        name=name,
        given_name="",
        sort_name=rules.sort_name(name),
        search_text=rules.search_text(name, staff_number, rules.email_key(email or "") or ""),
        email=rules.email_key(email or ""),
        is_active=True,
        created_at=now,
        updated_at=now,
    )
    db.session.add(person)
    db.session.flush()
    return person
