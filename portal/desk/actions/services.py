"""What leads decide about services: words, who is named, what is promised (always as a new version), and prepared replies."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.contracts.desk import HoursFollowed, PromiseChanged, RepliesChanged, ServiceChanged
from portal.desk import clocks
from portal.desk.actions import moving, steps
from portal.desk.models import CannedReply, NamedFulfiller, PromiseVersion, Request, Service
from portal.desk.queries import hours, promises
from portal.desk.queries.serving import serves_department
from portal.kernel import activity, jobs
from portal.kernel.db import db
from portal.kernel.errors import Conflict, NotFound, Refusal
from portal.kernel.messages import say
from portal.kernel.policy import SYSTEM, Actor
from portal.people.calendars import work_calendar

WORDS = ("name", "question", "hint", "example", "call_note", "outcome", "words")
TICKS = ("is_confidential", "is_active", "takes_mail")
BATCH = 100
"""Open requests that are re-targeted in one unit of work."""
REPLIES = 200
"""Prepared replies of a department at most."""
OVERTAKEN = say("Somebody changed this promise a moment ago. Have a look at it before you go on.")


def edit_service(service: Service, words: Mapping[str, Any], *, actor: Actor, now: datetime) -> Service:
    """Change the words of a service, whether it is confidential and whether it is offered; requests there are stay as they are."""
    changes = {name: [getattr(service, name), words[name]] for name in (*WORDS, *TICKS) if getattr(service, name) != words[name]}
    for name, (_, value) in changes.items():
        setattr(service, name, value)
    db.session.flush()
    if changes:
        _record(service, actor, now, changes)
    return service


def _record(service: Service, actor: Actor, now: datetime, changes: Mapping[str, Any]) -> None:
    activity.record(ServiceChanged(service.id), actor=actor, subject=("desk.service", service.id), changes=changes, at=now)


def name_fulfiller(service: Service, person_id: int, *, actor: Actor, now: datetime) -> bool:
    """Name somebody for the confidential requests of a service; false when they are already. Refusal for who does not serve it."""
    if not serves_department(service.department_id, person_id):
        raise Refusal(say("Choose somebody who answers for this department."), field="person")
    if not jobs.insert_once(NamedFulfiller, service_id=service.id, person_id=person_id):
        return False
    _record(service, actor, now, {"named": [None, person_id]})
    return True


def unname_fulfiller(service: Service, person_id: int, *, actor: Actor, now: datetime) -> bool:
    """Take a name off; false when it was not there. What is confidential and open needs somebody who reads it: Refusal for the last."""
    named = set(db.session.scalars(sa.select(NamedFulfiller.person_id).where(NamedFulfiller.service_id == service.id)))
    if person_id not in named:
        return False
    waiting = sa.select(Request.id).where(Request.service_id == service.id, Request.is_confidential == sa.true(), Request.is_open == sa.true())
    if len(named) == 1 and db.session.scalar(waiting.limit(1)) is not None:
        raise Refusal(say("Name somebody else first: a confidential request is open, and nobody would read it."), field="person")
    db.session.execute(sa.delete(NamedFulfiller).where(NamedFulfiller.service_id == service.id, NamedFulfiller.person_id == person_id))
    _record(service, actor, now, {"named": [person_id, None]})
    return True


def promise_anew(service: Service, targets: Mapping[str, Any], *, seen_version: int, apply_to_open: bool, actor: Actor, now: datetime) -> PromiseVersion:
    """Write the next version; Conflict when somebody wrote one since. Open requests keep theirs unless told to follow (R18)."""
    newest = promises.current_version(service.id)
    if newest.version != seen_version:
        raise Conflict(OVERTAKEN)
    changed = dict(newest.targets) != dict(targets)
    row = _next_version(newest, targets, actor, now) if changed else newest
    if changed or apply_to_open:
        told = PromiseChanged(service.id, row.version, int(apply_to_open))
        activity.record(told, actor=actor, subject=("desk.service", service.id), at=now)
    if apply_to_open:
        jobs.enqueue("desk.apply_promise", unique=f"{row.id}:0", version_id=row.id, after=0)
    return row


def _next_version(newest: PromiseVersion, targets: Mapping[str, Any], actor: Actor, now: datetime) -> PromiseVersion:
    values = {"service_id": newest.service_id, "version": newest.version + 1, "targets": dict(targets), "created_at": now, "created_by": actor.person_id}
    if not jobs.insert_once(PromiseVersion, **values):
        raise Conflict(OVERTAKEN)
    return promises.current_version(newest.service_id)


def apply_promise(version_id: int, after: int, *, now: datetime) -> int:
    """Re-target one batch of open requests of the service to this version; the number of the last one, 0 at the end."""
    version = db.session.get(PromiseVersion, version_id)
    if version is None:
        return 0
    service = db.session.get_one(Service, version.service_id)
    query = sa.select(Request).where(Request.service_id == service.id, Request.is_open == sa.true(), Request.id > after)
    rows = list(db.session.scalars(query.order_by(Request.id).limit(BATCH)))
    for row in rows:
        _follow(row, service, version, now)
    return rows[-1].id if len(rows) == BATCH else 0


def _follow(row: Request, service: Service, version: PromiseVersion, now: datetime) -> None:
    steps.wait_turn(row, now)
    if not row.is_open or row.service_id != service.id or row.promise_version_id >= version.id:
        return
    row.promise_version_id = version.id
    steps.log(row, "retargeted", "system", actor=SYSTEM, at=now, targets=moving.new_targets(row, service, version), reason="promise")
    db.session.flush()
    clocks.refresh(row, now)


def apply_hours(version_id: int, department_id: int, after: int, *, now: datetime) -> int:
    """Let one batch of a department's open requests follow newer working hours (R18); the number of the last one, 0 at the end.

    The clocks are counted anew from the log in the new hours. A request in which that would turn a verdict round keeps its hours (R13).
    """
    older = hours.older_versions(version_id)
    mine = [Request.department_id == department_id, Request.calendar_version_id.in_(older), Request.is_open == sa.true(), Request.id > after]
    rows = list(db.session.scalars(sa.select(Request).where(*mine).order_by(Request.id).limit(BATCH)))
    for row in rows:
        steps.wait_turn(row, now)
        if row.is_open and row.calendar_version_id in older and _can_follow(row, version_id, now):
            row.calendar_version_id = version_id
            steps.log(row, "retargeted", "system", actor=SYSTEM, at=now, targets={}, reason="hours")
            db.session.flush()
            clocks.refresh(row, now)
    return rows[-1].id if len(rows) == BATCH else 0


def _can_follow(row: Request, version_id: int, now: datetime) -> bool:
    return clocks.can_follow(clocks.events_of(row.id), work_calendar(row.calendar_version_id), work_calendar(version_id), now)


def follow_hours(department_id: int, *, version_id: int, actor: Actor, now: datetime) -> None:
    """Let the open requests of a department follow these newer working hours, batch by batch, in the background."""
    jobs.enqueue("desk.apply_hours", unique=f"{department_id}:{version_id}:0", version_id=version_id, department_id=department_id, after=0)
    activity.record(HoursFollowed(department_id, version_id), actor=actor, subject=("people.department", department_id), at=now)


# -- prepared replies --------------------------------------------------------------------------------------------------


def save_reply(reply: CannedReply | None, department_id: int, *, name: str, body: str, is_acknowledgement: bool, actor: Actor, now: datetime) -> CannedReply:
    """Add or change a prepared reply. Refusal for a name that is taken and above the limit."""
    others = sa.select(CannedReply.id, CannedReply.name, CannedReply.position).where(CannedReply.department_id == department_id)
    known = [row for row in db.session.execute(others) if reply is None or row.id != reply.id]
    if any(row.name.casefold() == name.casefold() for row in known):
        raise Refusal(say("There is a reply with this name already."), field="name")
    if reply is None and len(known) >= REPLIES:
        raise Refusal(say("%(limit)s replies are the most for a department. Remove one first.", limit=REPLIES), field="name")
    row = reply or CannedReply(department_id=department_id, position=max((row.position for row in known), default=0) + 1)
    row.name, row.body, row.is_acknowledgement = name, body, is_acknowledgement
    db.session.add(row)
    db.session.flush()
    _record_reply(row, actor, now)
    return row


def remove_reply(reply: CannedReply, *, actor: Actor, now: datetime) -> None:
    """Take a prepared reply out of the library; what was sent stays."""
    _record_reply(reply, actor, now)
    db.session.delete(reply)
    db.session.flush()


def _record_reply(row: CannedReply, actor: Actor, now: datetime) -> None:
    told = RepliesChanged(row.department_id, row.id, row.name)
    activity.record(told, actor=actor, subject=("people.department", row.department_id), at=now)


def find_reply(department_id: int, reply_id: int) -> CannedReply:
    """A prepared reply of this department; NotFound for those of others."""
    row = db.session.get(CannedReply, reply_id) if reply_id < 2**31 else None
    if row is None or row.department_id != department_id:
        raise NotFound()
    return row
