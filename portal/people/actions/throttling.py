"""Tries at the door, counted in rows: per account with growing delays, per address thirty a minute.

A try is counted before the password is looked at, in one statement, and given back when it was right: sixteen tries at once
are sixteen tries.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.kernel import jobs
from portal.kernel.db import db
from portal.people import rules
from portal.people.models import Throttle

MINUTE = timedelta(minutes=1)


def account_key(name: str) -> str:
    """The row of an account by the name that was typed, whether it exists or not."""
    return "account:" + hashlib.sha256(rules.folded(name).encode()).hexdigest()[:40]


def address_key(address: str) -> str:
    """The row of an address block."""
    return "address:" + rules.address_block(address)


def count_try(key: str, now: datetime) -> int | None:
    """Count one try at an account; the number of tries so far, or None while its delay runs or a new password is needed."""
    free = sa.or_(Throttle.blocked_until.is_(None), Throttle.blocked_until <= now)
    failures = Throttle.failures + 1
    steps = [(failures == rules.FREE_TRIES + place, now + timedelta(minutes=m)) for place, m in enumerate(rules.MINUTES[:-1])]
    steps += [(failures >= rules.FREE_TRIES + len(rules.MINUTES) - 1, now + timedelta(minutes=rules.MINUTES[-1]))]
    until = sa.case(*steps, else_=sa.null())
    take = sa.update(Throttle).where(Throttle.key == key, free, Throttle.failures < rules.NEEDS_NEW_PASSWORD)
    return _counted(key, take.values(failures=failures, blocked_until=until, updated_at=now), now)


def count_address(key: str, now: datetime, limit: int = rules.ADDRESS_TRIES, window: timedelta = MINUTE) -> bool:
    """Count one try from an address; false when it made more than ``limit`` within ``window``."""
    old = Throttle.updated_at <= now - window
    take = sa.update(Throttle).where(Throttle.key == key)
    take = take.values(failures=sa.case((old, 1), else_=Throttle.failures + 1), updated_at=sa.case((old, now), else_=Throttle.updated_at))
    number = _counted(key, take, now)
    return number is not None and number <= limit


def _counted(key: str, take: Any, now: datetime) -> int | None:
    statement = take.returning(Throttle.failures)
    options = {"synchronize_session": False}
    number: int | None = db.session.scalar(statement, execution_options=options)
    if number is None:
        # No row yet, or a delay runs; whoever loses the race for the first row counts on the winner's.
        jobs.insert_once(Throttle, key=key, failures=0, blocked_until=None, updated_at=now)
        number = db.session.scalar(statement, execution_options=options)
    return number


def forgive_account(key: str) -> None:
    """The password was right or is new: the count starts again."""
    db.session.execute(sa.delete(Throttle).where(Throttle.key == key))


def forgive_address(key: str) -> None:
    """The password was right: this try does not count against the address."""
    back = sa.update(Throttle).where(Throttle.key == key, Throttle.failures > 0).values(failures=Throttle.failures - 1)
    db.session.execute(back, execution_options={"synchronize_session": False})


def forget_old(now: datetime) -> None:
    """Counts nobody added to for 30 days are deleted."""
    db.session.execute(sa.delete(Throttle).where(Throttle.updated_at < now - timedelta(days=30)))
