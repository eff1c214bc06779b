"""Planning absence: days only, no reasons."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from portal.contracts.people import AbsenceCancelled, AbsencePlanned
from portal.kernel import activity
from portal.kernel.db import db
from portal.kernel.errors import Refusal
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.models import Absence, Person

LONGEST = timedelta(days=3 * 366)
AHEAD = timedelta(days=2 * 366)


def plan_absence(person: Person, first_day: date, last_day: date, *, stands_in_id: int | None, actor: Actor, today: date, now: datetime) -> Absence:
    """Note that somebody is away, both days included; Refusal for days that are over, turned round or taken already."""
    if last_day < first_day:
        raise Refusal(say("The last day lies before the first one."), field="last_day")
    if last_day < today:
        raise Refusal(say("These days are over. Only days from today on can be planned."), field="last_day")
    if last_day - first_day > LONGEST or first_day - today > AHEAD:
        raise Refusal(say("That is further ahead than we can plan: two years to the first day, three years long."), field="first_day")
    if stands_in_id == person.id:
        raise Refusal(say("%(name)s cannot stand in for themselves. Choose somebody else or leave it empty.", name=person.first_name), field="stands_in")
    taken = sa.select(Absence).where(Absence.person_id == person.id, Absence.first_day <= last_day, Absence.last_day >= first_day).limit(1)
    if db.session.scalar(taken) is not None:
        raise Refusal(say("Some of these days are planned already. Take the earlier plan away first, or choose other days."), field="first_day")
    absence = Absence(person_id=person.id, first_day=first_day, last_day=last_day, stands_in_id=stands_in_id, created_at=now)
    db.session.add(absence)
    db.session.flush()
    activity.record(AbsencePlanned(person.id), actor=actor, subject=("people.person", person.id), at=now)
    return absence


def cancel_absence(absence: Absence, person: Person, *, actor: Actor, now: datetime) -> None:
    """Take a plan away."""
    db.session.delete(absence)
    db.session.flush()
    activity.record(AbsenceCancelled(person.id), actor=actor, subject=("people.person", person.id), at=now)
