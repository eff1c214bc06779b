"""How Facilities looks at its queue in the demo company: two views everybody shares, one of Jonas's own, and two requests that rest."""

from datetime import datetime

import sqlalchemy as sa

from portal.desk.actions.snoozing import snooze
from portal.desk.actions.views import keep
from portal.desk.models import Request
from portal.desk.resting import Preset, presets
from portal.desk.rules import PAUSED
from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.people import calendars
from portal.people.actors import actor_of
from portal.people.models import Department, Person

OWNER, COLLEAGUE = "Jonas Lindqvist", "Ola Brandvold"
SHARED = (
    (OWNER, "Late, or due today", {"view": "next", "due": "today", "sort": "due"}),
    (COLLEAGUE, "Quiet for long", {"view": "next", "snoozed": "no", "older": "3", "sort": "quiet"}),
)
OWN = ("Customers notice", {"view": "next", "notices": "yes", "assignee": "me"})


def keep_views(now: datetime) -> None:
    """Save the views and let two requests with time enough rest: until tomorrow morning, and for a week."""
    department = db.session.scalar(sa.select(Department.id).where(Department.key == "facilities"))
    numbers = {row[0]: row[1] for row in db.session.execute(sa.select(Person.name, Person.id).where(Person.name.in_([OWNER, COLLEAGUE])))}
    people = {name: actor for name, number in numbers.items() if (actor := actor_of(number, now=now)) is not None}
    if department is None or OWNER not in people:
        return
    for maker, name, filters in SHARED:
        keep(department, name, filters, shared=True, actor=people.get(maker, people[OWNER]), now=now)
    keep(department, OWN[0], OWN[1], shared=False, actor=people[OWNER], now=now)
    _rest(department, people[OWNER], now)


def _rest(department_id: int, jonas: Actor, now: datetime) -> None:
    """What waits for a supplier anyway: until tomorrow morning where that is before it is due, and for a week with a reason."""
    calendar = calendars.work_calendar(calendars.department_version(department_id))
    ends = {choice.preset: choice.at for choice in presets(now, jonas.zone, calendar)}
    for preset, reason in ((Preset.TOMORROW, ""), (Preset.WEEK, "The firm comes next week, and they know.")):
        until = ends.get(preset)
        waiting = sa.select(Request).where(Request.department_id == department_id, Request.status.in_(sorted(PAUSED)), Request.snoozed_until.is_(None))
        enough = waiting.where(sa.or_(Request.next_due_at.is_(None), Request.next_due_at > until)) if not reason else waiting
        request = db.session.scalars(enough.where(Request.is_confidential == sa.false()).order_by(Request.id).limit(1)).first()
        if request is not None and until is not None:
            snooze(request, until, reason=reason, actor=jonas, now=now)
