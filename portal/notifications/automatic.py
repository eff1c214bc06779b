"""Answers that no person wrote: an address gets three within an hour at most, so that two machines never talk for long."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from portal.kernel.db import db, is_sqlite
from portal.notifications.models import AutomaticMail

WITHIN = timedelta(hours=1)


def take(address: str, now: datetime) -> bool:
    """Take one of the three of the last hour; false when they are used up. One statement, decided by the row of the address."""
    insert = sqlite.insert(AutomaticMail) if is_sqlite() else postgresql.insert(AutomaticMail)
    used = AutomaticMail
    # The three instants move along; the oldest must be an hour old before there is room for a fourth.
    once = insert.values(address=address.casefold()[:320], newest=now).on_conflict_do_update(
        index_elements=[used.address],
        set_={"newest": now, "second": used.newest, "third": used.second},
        where=sa.or_(used.third.is_(None), used.third <= now - WITHIN),
    )
    return db.session.execute(once.returning(sa.literal(1)), execution_options={"synchronize_session": False}).first() is not None


def forget(now: datetime) -> None:
    """Addresses that got none for a day start anew."""
    db.session.execute(sa.delete(AutomaticMail).where(AutomaticMail.newest < now - timedelta(days=1)), execution_options={"synchronize_session": False})
