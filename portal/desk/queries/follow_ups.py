"""Whom we have asked "did it work?" lately: all such questions to a person share one budget."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from portal.contracts.desk import FollowUpAsked
from portal.desk.models import Request
from portal.kernel.activity import Activity
from portal.kernel.db import db

BUDGET = timedelta(days=1)
"""At most one such question to a person within this time."""


def was_asked_lately(person_id: int, now: datetime) -> bool:
    """True when the budget of questions is used up. One statement."""
    about = sa.and_(Activity.subject_kind == "desk.request", Activity.subject_id == Request.id)
    query = sa.select(Activity.id).join(Request, about).where(Request.requester_id == person_id)
    return db.session.scalar(query.where(Activity.event == FollowUpAsked.event, Activity.at > now - BUDGET).limit(1)) is not None
