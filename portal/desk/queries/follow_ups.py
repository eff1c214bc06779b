"""Whom we have asked "did it work?" lately: all such questions to a person share one budget."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from portal.contracts.desk import FollowUpAsked
from portal.desk.models import Request
from portal.kernel.activity import Activity
from portal.kernel.db import db

BUDGET = timedelta(days=1)
"""At most one such question to a person within this time."""


LATELY = 200
"""So many of a person's newest requests are looked at; the index by subject does the rest."""


def was_asked_lately(person_id: int, now: datetime) -> bool:
    """True when the budget of questions is used up. One statement."""
    theirs = sa.select(Request.id).where(Request.requester_id == person_id).order_by(Request.id.desc()).limit(LATELY)
    asked = (Activity.subject_kind == "desk.request", Activity.subject_id.in_(theirs), Activity.event == FollowUpAsked.event)
    return db.session.scalar(sa.select(Activity.id).where(*asked, Activity.at > now - BUDGET).limit(1)) is not None
