"""Short words for desk tests: do one action in a unit of work of its own and look at what it left."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from portal.desk import clocks
from portal.desk.actions.filing import Filing, file_request
from portal.desk.models import Breach, Clock, ClockEvent, Message, Request
from portal.kernel import clock
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.kernel.unit_of_work import unit_of_work
from portal.people.calendars import work_calendar

T = TypeVar("T")


class DeskUser:
    """Lets people of the world act on requests; each act is committed and leaves a fresh session behind."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def actor(self, who: str) -> Actor:
        """The rights of somebody right now."""
        found: Actor = self.world.actor(who)
        return found

    def find(self, request: str | int) -> Request:
        """A request of the world by its key, or any by its id, as the database has it."""
        number = self.world.requests[request] if isinstance(request, str) else request
        return db.session.get_one(Request, number, populate_existing=True)

    def act(self, action: Callable[..., T], request: str | int, *args: Any, who: str, now: datetime | None = None, **values: Any) -> T:
        """Run ``action(request, ..., actor=, now=)`` for somebody; what it raises comes through and nothing is kept."""
        db.session.remove()
        with unit_of_work():
            return action(self.find(request), *args, actor=self.actor(who), now=now or clock.now(), **values)

    def file(self, who: str = "mara", service: str = "repair", *, now: datetime | None = None, **values: Any) -> Request:
        """File a request and return it; ``values`` replace parts of the filing."""
        filing: dict[str, Any] = {"title": "The door does not close", "description": "It stands open at night.", "impact": "slower"}
        filing |= {"requester_id": self.world.people[who].id, "service_id": self.world.services[service]} | values
        by = filing.pop("by", who)
        db.session.remove()
        with unit_of_work():
            return file_request(Filing(**filing), actor=self.actor(by), now=now or clock.now())

    def clocks(self, request: str | int) -> dict[tuple[str, int], Clock]:
        """The stored clock rows by name and cycle."""
        rows = db.session.scalars(sa.select(Clock).where(Clock.request_id == self.find(request).id).execution_options(populate_existing=True))
        return {(row.name, row.cycle): row for row in rows}

    def messages(self, request: str | int) -> list[Message]:
        """The conversation, oldest first."""
        query = sa.select(Message).where(Message.request_id == self.find(request).id).order_by(Message.id)
        return list(db.session.scalars(query.execution_options(populate_existing=True)))

    def log(self, request: str | int) -> list[str]:
        """The kinds of events in the clock's log, oldest first."""
        query = sa.select(ClockEvent.kind).where(ClockEvent.request_id == self.find(request).id)
        return list(db.session.scalars(query.order_by(ClockEvent.id)))

    def activities(self, request: str | int) -> list[str]:
        """The names of what was noted, oldest first."""
        query = sa.select(Activity.event).where(Activity.subject_kind == "desk.request", Activity.subject_id == self.find(request).id)
        return list(db.session.scalars(query.order_by(Activity.id)))

    def breaches(self, request: str | int) -> set[tuple[str, int]]:
        """Which clocks were late, by name and cycle."""
        query = sa.select(Breach.clock, Breach.cycle).where(Breach.request_id == self.find(request).id)
        return {(name, cycle) for name, cycle in db.session.execute(query)}


def stored(request: Request) -> list[tuple[Any, ...]]:
    """What the cache says, as comparable values."""
    columns = (Clock.name, Clock.cycle, Clock.department_id, Clock.status, Clock.due, Clock.stopped_at, Clock.target_seconds)
    more = (Clock.worked_seconds, Clock.paused_seconds, Clock.next_threshold, Clock.next_alert_at)
    rows = db.session.execute(sa.select(*columns, *more).where(Clock.request_id == request.id).order_by(Clock.name, Clock.cycle))
    return [("request", request.next_clock, request.next_due_at, request.next_alert_at), *(tuple(row) for row in rows)]


def replayed(request: Request) -> list[tuple[Any, ...]]:
    """What the log says, in the same shape: clock, cycle and the columns that follow from it."""
    calendar = work_calendar(request.calendar_version_id)
    found = clocks.cycles(clocks.events_of(request.id), calendar, request.department_id)
    return sorted((cycle.name, cycle.number, *cycle.values().values()) for cycle in found)
