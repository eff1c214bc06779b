"""A request that rests wakes up at once when something happens that needs somebody."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from portal.contracts.desk import (
    ClockWarned,
    RequestAssigned,
    RequestCancelled,
    RequestClaimed,
    RequestConfirmed,
    RequesterWrote,
    RequestReopened,
    RequestResolved,
    RequestTransferred,
    RequestWoken,
)
from portal.desk.models import Request
from portal.kernel import activity
from portal.kernel.db import db
from portal.kernel.policy import Actor

WAKES: Mapping[type, str] = {
    RequesterWrote: "written",
    RequestReopened: "written",
    RequestConfirmed: "written",
    ClockWarned: "due",
    RequestAssigned: "assigned",
    RequestClaimed: "assigned",
    RequestTransferred: "moved",
    RequestResolved: "over",
    RequestCancelled: "over",
}
"""What wakes a request, and how the record calls it."""


def stir(request: Request, contract: object, *, actor: Actor, now: datetime) -> bool:
    """Wake the request when it rests and this is news that needs somebody; true when it did. No statement for anything else."""
    why = WAKES.get(type(contract))
    return why is not None and wake_one(request, why, actor=actor, now=now)


def wake_one(request: Request, why: str, *, actor: Actor, now: datetime, at: datetime | None = None) -> bool:
    """End the rest in one conditional UPDATE, noted once; false when it does not rest (any more), or not until ``at``."""
    resting = Request.snoozed_until.is_not(None) if at is None else Request.snoozed_until == at
    if not _end(sa.and_(Request.id == request.id, resting)):
        return False
    set_committed_value(request, "snoozed_until", None)
    activity.record(RequestWoken(request.id, why), actor=actor, subject=("desk.request", request.id), at=now)
    return True


def _end(where: sa.ColumnElement[bool]) -> bool:
    db.session.flush()
    query = sa.update(Request).where(where).values(snoozed_until=None)
    execute: Callable[..., Any] = db.session.execute
    return bool(getattr(execute(query, execution_options={"synchronize_session": False}), "rowcount", 0) == 1)
