"""How two departments of the demo company share out their work: Facilities by turn, IT to whoever has the least."""

from datetime import datetime

import sqlalchemy as sa

from portal.desk.actions.sharing import decide, share_out
from portal.desk.models import Request
from portal.desk.turns import Sharing, Way
from portal.kernel.db import db
from portal.kernel.policy import SYSTEM
from portal.people.models import Department

WAYS = {"facilities": Sharing(Way.TURN, away_days=2), "it": Sharing(Way.LEAST, returns_idle=True)}


def share_work_out(now: datetime) -> None:
    """Choose the ways and let the newest request of each queue find somebody."""
    for department in db.session.scalars(sa.select(Department).where(Department.key.in_(list(WAYS))).order_by(Department.id)).all():
        decide(department.id, WAYS[department.key], actor=SYSTEM, now=now)
        newest = sa.select(Request).where(Request.department_id == department.id, Request.is_open == sa.true(), Request.assignee_id.is_(None))
        request = db.session.scalars(newest.order_by(Request.id.desc()).limit(1)).first()
        if request is not None:
            share_out(request, now=now)
