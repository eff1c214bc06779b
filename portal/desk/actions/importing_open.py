"""A request of an earlier desk that goes on here: open, with a clock that starts when it is taken over. Nobody is told."""

from datetime import datetime
from typing import Any

from portal.desk import clocks
from portal.desk.models import ClockEvent, Request, Service
from portal.desk.queries import promises
from portal.desk.rules import Priority, Status
from portal.kernel.db import db


def take_open(values: dict[str, Any], *, now: datetime) -> int:
    """Store an open request with these columns and start its clocks at ``now``; its number."""
    request = Request(**values, status=Status.NEW, is_open=True, priority=Priority.NORMAL, version=1, updated_at=now)
    planned = promises.plan(db.session.get_one(Service, request.service_id), request.priority, now)
    request.calendar_version_id, request.promise_version_id = planned.calendar_version_id, planned.promise_version_id
    opened = ClockEvent(at=now, kind="opened", by="requester", actor_id=None)
    opened.data = {"targets": dict(planned.targets), "department": request.department_id}
    found = clocks.begin(request, opened)
    db.session.add(request)
    db.session.flush()
    opened.request_id = request.id
    db.session.add(opened)
    clocks.write_first(request, opened, found, now)
    return request.id
