"""Whom we have asked "did it work?" lately: all questions to a person share one budget."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from portal.kernel.db import db
from portal.notifications.models import Notice

KIND = "desk.follow_up"
BUDGET = timedelta(days=1)
"""At most one such question to a person within this time."""


def was_asked_lately(person_id: int, now: datetime) -> bool:
    """True when the budget of questions is used up. One statement."""
    query = sa.select(Notice.id).where(Notice.person_id == person_id, Notice.kind == KIND, Notice.created_at > now - BUDGET)
    return db.session.scalar(query.order_by(Notice.id.desc()).limit(1)) is not None
