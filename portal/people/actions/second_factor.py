"""The second factor: setting up an authenticator app, checking its codes, recovery codes, and taking it away with a day's delay."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app

from portal.contracts.people import SecondFactorChanged
from portal.kernel import activity, jobs, tokens
from portal.kernel.db import db
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.messages import say
from portal.kernel.policy import SYSTEM, Actor
from portal.people import rules, totp
from portal.people.actions import accounts, throttling
from portal.people.models import RecoveryCode, SecondFactor
from portal.people.queries.accounts import Account, account_of

CODES = 10
SEED_FOR = timedelta(minutes=15)
DELAY = timedelta(hours=24)
"""How long the owner has to object before a factor is taken away."""
WRONG = say("That code does not fit, was used already, or it was tried too often. Wait for the next one and try again.")


@dataclass(frozen=True)
class Setup:
    """What an app needs: the address for the picture, and the same to type."""

    address: str
    spelled: str


# -- setting up ------------------------------------------------------------------------------------------------------


def begin(account: Account, now: datetime) -> Setup:
    """Make a fresh seed that counts once a code of it was typed; the same one while it waits. Refusal when one is set up."""
    values = {"nonce": tokens.new()[0], "last_step": 0, "created_at": now, "confirmed_at": None, "removal_at": None, "removal_by": None}
    jobs.insert_once(SecondFactor, person_id=account.person_id, **values)
    # A seed that somebody saw long ago and did not use is not offered again.
    stale = sa.update(SecondFactor).where(SecondFactor.person_id == account.person_id, SecondFactor.confirmed_at.is_(None))
    _changed(stale.where(SecondFactor.created_at <= now - SEED_FOR).values(**values))
    factor = _factor(account.person_id)
    if factor.confirmed_at is not None:
        raise Refusal(say("You have a second factor already."))
    seed = _seed(factor)
    name = account.email or account.name
    return Setup(totp.address(seed, company=accounts.settings().company, account=name), totp.spelled(seed))


def confirm(account: Account, typed: str, *, actor: Actor, now: datetime) -> list[str]:
    """Switch the factor on with a first right code; ten recovery codes, shown once. All other sessions end."""
    factor = _factor(account.person_id)
    step = totp.matching_step(_seed(factor), digits(typed), now, after=factor.last_step)
    mine = sa.update(SecondFactor).where(SecondFactor.person_id == account.person_id, SecondFactor.confirmed_at.is_(None))
    if step is None or not _changed(mine.values(confirmed_at=now, last_step=step)):
        raise Refusal(WRONG)
    _record(account, "on", actor, now)
    accounts.end_others(account.person_id, actor, now)
    return _fresh_codes(account.person_id)


def renew_codes(account: Account, typed: str, *, actor: Actor, now: datetime) -> list[str]:
    """Ten new recovery codes for a code of the app; the old ones open nothing any more."""
    if not is_right(account.person_id, typed, now):
        raise Refusal(WRONG)
    _record(account, "codes", actor, now)
    return _fresh_codes(account.person_id)


def _fresh_codes(person_id: int) -> list[str]:
    db.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    plain = [tokens.typeable() for _number in range(CODES)]
    db.session.add_all([RecoveryCode(person_id=person_id, digest=_digest(person_id, one)) for one in plain])
    db.session.flush()
    return ["-".join(one[place : place + 4] for place in range(0, 16, 4)) for one in plain]


# -- checking --------------------------------------------------------------------------------------------------------


def begin_try(account: Account, now: datetime) -> bool:
    """Count a try at somebody's code; false when it must not succeed. Ten in a row are told to the owner: their password is known."""
    number = throttling.count_try(_door(account.person_id), now)
    if number == rules.NOTICE_AFTER:
        accounts.notify(account, "codes-tried", now, failures=number)
    return number is not None


def forgive(account: Account) -> None:
    """The code was right: earlier tries no longer count."""
    throttling.forgive_account(_door(account.person_id))


def is_right(person_id: int, typed: str, now: datetime) -> bool:
    """True for a code of the app or a recovery code, and never for the same one twice."""
    factor = db.session.get(SecondFactor, person_id)
    if factor is None or factor.confirmed_at is None:
        return False
    return _spend_step(factor, digits(typed), now) or _spend_recovery(person_id, typed, now)


def _spend_step(factor: SecondFactor, typed: str, now: datetime) -> bool:
    step = totp.matching_step(_seed(factor), typed, now, after=factor.last_step)
    if step is None:
        return False
    later = sa.update(SecondFactor).where(SecondFactor.person_id == factor.person_id, SecondFactor.last_step < step)
    return _changed(later.values(last_step=step))


def _spend_recovery(person_id: int, typed: str, now: datetime) -> bool:
    plain = "".join(c for c in typed.lower() if c.isalnum())[:40]
    open_one = sa.update(RecoveryCode).where(
        RecoveryCode.person_id == person_id, RecoveryCode.digest == _digest(person_id, plain), RecoveryCode.used_at.is_(None)
    )
    return _changed(open_one.values(used_at=now))


def enter(plain: str, typed: str, *, address: str, agent: str, now: datetime) -> str | None:
    """Open the session of whoever passed the door before, for a right code; None for a wrong one."""
    account = accounts.waiting_for_code(plain, now)
    if account is None or not is_right(account.person_id, typed, now):
        return None
    tokens.spend(plain, accounts.CODE_PURPOSE, now)
    forgive(account)
    return accounts.start_session(account, address=address, agent=agent, now=now)


# -- taking away -----------------------------------------------------------------------------------------------------


def take_away(account: Account, typed: str, *, actor: Actor, now: datetime) -> list[str]:
    """Switch one's own factor off, for a code of it; the codes that are left: none."""
    if not is_right(account.person_id, typed, now):
        raise Refusal(WRONG)
    _remove(account, actor, now)
    return []


def ask_removal(person_id: int, *, actor: Actor, now: datetime) -> None:
    """An administrator takes a lost factor away in a day; the owner is told at once and can say no. Nobody does it for themselves."""
    if person_id == actor.person_id:
        raise Refusal(say("Another administrator has to do this for you."))
    account = _account(person_id, now)
    due = sa.update(SecondFactor).where(SecondFactor.person_id == person_id, SecondFactor.confirmed_at.is_not(None), SecondFactor.removal_at.is_(None))
    if not _changed(due.values(removal_at=now + DELAY, removal_by=actor.person_id)):
        raise Refusal(say("There is no second factor to take away, or it is on its way already."))
    _record(account, "asked", actor, now, until=now + DELAY)


def keep(account: Account, *, actor: Actor, now: datetime) -> None:
    """The owner, or an administrator, says no: the factor stays."""
    asked = sa.update(SecondFactor).where(SecondFactor.person_id == account.person_id, SecondFactor.removal_at.is_not(None))
    if _changed(asked.values(removal_at=None, removal_by=None)):
        _record(account, "kept", actor, now)


def remove_due(now: datetime) -> None:
    """Take away what nobody objected to for a day."""
    due = sa.select(SecondFactor.person_id).where(SecondFactor.removal_at <= now).order_by(SecondFactor.removal_at).limit(50)
    for person_id in db.session.scalars(due).all():
        _remove(_account(person_id, now), SYSTEM, now)


def remove_at_once(staff_number: str, now: datetime) -> str:
    """For the operator at the machine, where nobody else can: the name of whose factor went."""
    from portal.people.queries.accounts import account_named

    account = account_named(staff_number, now, accounts.settings())
    if account is None or not account.has_factor:
        raise NotFound(say("Nobody with that staff number has a second factor."))
    _remove(account, SYSTEM, now)
    return account.name


def _remove(account: Account, actor: Actor, now: datetime) -> None:
    gone = sa.delete(SecondFactor).where(SecondFactor.person_id == account.person_id, SecondFactor.confirmed_at.is_not(None))
    if _changed(gone):
        db.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.person_id == account.person_id))
        forgive(account)
        _record(account, "off", actor, now)


# -- parts -----------------------------------------------------------------------------------------------------------


def digits(typed: str) -> str:
    """What was typed, without spaces and dashes."""
    return "".join(c for c in typed if c not in " -\u00a0")[:40]


def _factor(person_id: int) -> SecondFactor:
    factor = db.session.get(SecondFactor, person_id)
    if factor is None:
        raise Refusal(say("Start again: show the picture first."))
    return factor


def _seed(factor: SecondFactor) -> bytes:
    return totp.seed_of(str(current_app.secret_key), factor.nonce, factor.person_id)


def _account(person_id: int, now: datetime) -> Account:
    account = account_of(person_id, now, accounts.settings())
    if account is None:
        raise NotFound()
    return account


def _digest(person_id: int, plain: str) -> str:
    return hashlib.sha256(f"{person_id}:{plain}".encode()).hexdigest()


def _door(person_id: int) -> str:
    return throttling.account_key(f"code:{person_id}")


def _changed(statement: Any) -> bool:
    return bool(getattr(db.session.execute(statement, execution_options={"synchronize_session": False}), "rowcount", 0) == 1)


def _record(account: Account, what: str, actor: Actor, now: datetime, **facts: Any) -> None:
    activity.record(SecondFactorChanged(account.person_id, what), actor=actor, subject=("people.person", account.person_id), at=now)
    if what != "kept":
        accounts.notify(account, f"factor-{what}", now, **facts)
