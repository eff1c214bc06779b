"""Share out what comes in: by turn or by least open work, and back to the queue when nobody gets to it.

The rule's row is locked by the one statement that counts its turn; whoever comes second reads what the first one left. The request itself
is taken by a conditional UPDATE, so somebody who presses "take it" at that moment keeps it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from portal.contracts.desk import RequestAssigned, SharingChanged
from portal.desk.actions import steps
from portal.desk.models import Request, SharingRule, SharingShare, SharingTurn, SharingWatch
from portal.desk.queries import recipients
from portal.desk.queries import sharing as read
from portal.desk.turns import Candidate, Sharing, Way, choose, stepped
from portal.kernel import activity, jobs
from portal.kernel.db import db
from portal.kernel.policy import SYSTEM, Actor
from portal.people.calendars import work_calendar

BATCH = 25
"""Watched requests that are looked at in one unit of work."""


def decide(department_id: int, sharing: Sharing, *, actor: Actor, now: datetime) -> None:
    """Store how a department shares out its work; one record of the change. Requests there are stay with whoever has them."""
    before = read.whole_rule(department_id)
    changes = {"way": [before.way.value if before else Way.HAND.value, sharing.way.value]}
    rule = _rule(department_id, None, sharing.way)
    rule.away_days, rule.returns_idle = sharing.away_days, sharing.returns_idle
    _services(department_id, sharing.services)
    _shares(department_id, sharing.shares)
    db.session.flush()
    activity.record(SharingChanged(department_id, sharing.way.value), actor=actor, subject=("people.department", department_id), changes=changes, at=now)


def _rule(department_id: int, service_id: int | None, way: Way) -> SharingRule:
    jobs.insert_once(SharingRule, department_id=department_id, service_id=service_id, way=way, turn=0, floor=0, returns_idle=False)
    mine = SharingRule.service_id.is_(None) if service_id is None else SharingRule.service_id == service_id
    rule = db.session.scalars(sa.select(SharingRule).where(SharingRule.department_id == department_id, mine)).one()
    rule.way = way
    return rule


def _services(department_id: int, ways: Mapping[int, Way]) -> None:
    gone = sa.select(SharingRule.id).where(SharingRule.department_id == department_id, SharingRule.service_id.is_not(None))
    gone = gone.where(SharingRule.service_id.not_in(list(ways)))
    numbers = list(db.session.scalars(gone))
    db.session.execute(sa.delete(SharingTurn).where(SharingTurn.rule_id.in_(numbers)))
    db.session.execute(sa.delete(SharingRule).where(SharingRule.id.in_(numbers)))
    for service_id, way in ways.items():
        _rule(department_id, service_id, way)


def _shares(department_id: int, shares: Mapping[int, tuple[int, int | None]]) -> None:
    for person_id, (weight, cap) in shares.items():
        if not jobs.insert_once(SharingShare, department_id=department_id, person_id=person_id, weight=weight, cap=cap):
            mine = sa.and_(SharingShare.department_id == department_id, SharingShare.person_id == person_id)
            db.session.execute(sa.update(SharingShare).where(mine).values(weight=weight, cap=cap))


def next_of(rule: SharingRule, day: date, *, request: Request | None = None, but: Sequence[int] = ()) -> Candidate | None:
    """Who would get the next request, or this one; never its own requester. One statement."""
    named_for = request.service_id if request is not None and request.is_confidential else None
    left_out = [*but, request.requester_id] if request is not None else list(but)
    return choose(read.candidates(rule, day, named_for=named_for, but=left_out), rule.way, rule.floor)


def share_out(request: Request, *, now: datetime, but: Sequence[int] = ()) -> int | None:
    """Give a request nobody has to whoever is next; their id, or None when it stays in the queue."""
    if not request.is_open or request.assignee_id is not None:
        return None
    rule = read.rule_for(request.department_id, request.service_id)
    if rule is None or rule.way is Way.HAND:
        return None
    _lock(rule)
    chosen = next_of(rule, recipients.day_of(request, now), request=request, but=but)
    if chosen is None or not _give(request, chosen.person_id, now):
        return None
    _remember(rule, chosen, now)
    steps.note(
        request, RequestAssigned(request.id, chosen.person_id, None, rule.way.value), actor=SYSTEM, now=now, changes={"assignee": [None, chosen.person_id]}
    )
    watch(request, chosen.person_id, now=now)
    return chosen.person_id


def _lock(rule: SharingRule) -> None:
    db.session.execute(
        sa.update(SharingRule).where(SharingRule.id == rule.id).values(turn=SharingRule.turn + 1), execution_options={"synchronize_session": False}
    )
    db.session.refresh(rule)


def _give(request: Request, person_id: int, now: datetime) -> bool:
    free = sa.and_(Request.id == request.id, Request.department_id == request.department_id, Request.assignee_id.is_(None), Request.is_open == sa.true())
    if not steps.update_one(free, {"assignee_id": person_id, "version": Request.version + 1, "updated_at": now}):
        return False
    db.session.refresh(request)
    return True


def _remember(rule: SharingRule, chosen: Candidate, now: datetime) -> None:
    place = stepped(chosen, rule.floor) if rule.way is Way.TURN else chosen.place
    if rule.way is Way.TURN:
        rule.floor = max(rule.floor, chosen.place)
    if not jobs.insert_once(SharingTurn, rule_id=rule.id, person_id=chosen.person_id, place=place, last_at=now):
        mine = sa.and_(SharingTurn.rule_id == rule.id, SharingTurn.person_id == chosen.person_id)
        db.session.execute(sa.update(SharingTurn).where(mine).values(place=place, last_at=now))
    db.session.flush()


# -- back to the queue -------------------------------------------------------------------------------------------------


def watch(request: Request, person_id: int, *, now: datetime) -> None:
    """Look at it again a working day from now, where the department lets unanswered requests come back."""
    rule = read.whole_rule(request.department_id)
    if rule is None or (rule.away_days is None and not rule.returns_idle):
        return
    values = {"person_id": person_id, "since": now, "due_at": _look_again(request, now)}
    if not jobs.insert_once(SharingWatch, request_id=request.id, **values):
        db.session.execute(sa.update(SharingWatch).where(SharingWatch.request_id == request.id).values(**values))


def _look_again(request: Request, now: datetime) -> datetime:
    return work_calendar(request.calendar_version_id).working_day_later(now)


def look_soon(person_id: int, *, now: datetime) -> None:
    """Somebody will be away: what they were given and have not answered is looked at in the next sweep."""
    db.session.execute(sa.update(SharingWatch).where(SharingWatch.person_id == person_id, SharingWatch.due_at > now).values(due_at=now))


def return_due(*, now: datetime, limit: int = BATCH) -> int:
    """Put requests back whose assignee is away or has not begun; the number of watches looked at."""
    query = sa.select(SharingWatch.request_id, SharingWatch.person_id, SharingWatch.since, SharingWatch.due_at).where(SharingWatch.due_at <= now)
    due = db.session.execute(query.order_by(SharingWatch.due_at, SharingWatch.request_id).limit(limit)).all()
    for request_id, person_id, since, at in due:
        request = db.session.get_one(Request, request_id, populate_existing=True)
        mine = sa.and_(SharingWatch.request_id == request_id, SharingWatch.due_at == at)
        again = _look_again(request, now)
        taken = db.session.execute(sa.update(SharingWatch).where(mine).values(due_at=again), execution_options={"synchronize_session": False})
        if getattr(taken, "rowcount", 0) == 1:
            _look(request, person_id, since, now)
    return len(due)


def _look(request: Request, person_id: int, since: datetime, now: datetime) -> None:
    rule = read.whole_rule(request.department_id)
    over = not request.is_open or request.assignee_id != person_id or request.next_step_at is not None
    if rule is None or over or read.wrote_since(request.id, person_id, since):
        _forget(request.id)
    elif why := _why_back(rule, request, person_id, since, now):
        _back(request, person_id, why, now)


def _why_back(rule: SharingRule, request: Request, person_id: int, since: datetime, now: datetime) -> str:
    day = recipients.day_of(request, now)
    away = read.absence_of(person_id, day) if rule.away_days is not None else None
    if away is not None and away[1] - day >= timedelta(days=(rule.away_days or 1) - 1):
        return "away"
    return "idle" if rule.returns_idle and now >= _look_again(request, since) else ""


def _back(request: Request, person_id: int, why: str, now: datetime) -> None:
    kept = sa.and_(Request.id == request.id, Request.assignee_id == person_id, Request.version == request.version)
    if steps.update_one(kept, {"assignee_id": None, "version": Request.version + 1, "updated_at": now}):
        set_committed_value(request, "assignee_id", None)
        set_committed_value(request, "version", request.version + 1)
        steps.note(request, RequestAssigned(request.id, None, person_id, why), actor=SYSTEM, now=now, changes={"assignee": [person_id, None]})
    _forget(request.id)


def _forget(request_id: int) -> None:
    db.session.execute(sa.delete(SharingWatch).where(SharingWatch.request_id == request_id))
