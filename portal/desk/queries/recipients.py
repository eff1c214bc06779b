"""Who hears about a request: its two sides, and those above them when time runs out. Absent people are left out, others stand in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.desk.models import Mention, Participant, Request, Service
from portal.desk.policy import bare_requests_of, requests_visible_to
from portal.desk.queries import promises
from portal.desk.queries.naming import reads_notes
from portal.desk.queries.serving import may_have
from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.people.calendars import work_calendar
from portal.people.models import Absence, Department, Deputy, Person

ROUTE = "/requests"


@dataclass(frozen=True)
class Recipient:
    """Somebody who hears, and the registered reason why."""

    person_id: int
    why: str


def path_of(request_id: int) -> str:
    """The address of a request's page."""
    return f"{ROUTE}/{request_id}"


def requesters(request: Request) -> list[Recipient]:
    """The requester's side: who asked, who filed it for them unless it is confidential, who follows. One statement."""
    found = [Recipient(request.requester_id, "asked")]
    if request.filed_by_id != request.requester_id and not request.is_confidential:
        found.append(Recipient(request.filed_by_id, "filed"))
    followers = db.session.scalars(sa.select(Participant.person_id).where(Participant.request_id == request.id).order_by(Participant.added_at))
    return _once([*found, *(Recipient(person, "follows") for person in followers)])


def named(request: Request, message_id: int) -> list[int]:
    """Whom a note names, as far as they read notes of this request now. One statement."""
    query = sa.select(Mention.person_id).join(Person, Person.id == Mention.person_id).where(Mention.message_id == message_id)
    return list(db.session.scalars(query.where(Person.is_active == sa.true(), reads_notes(request)).order_by(Mention.person_id)))


def day_of(request: Request, now: datetime) -> date:
    """Today where the request is worked on."""
    return now.astimezone(ZoneInfo(work_calendar(request.calendar_version_id).zone)).date()


def answering(request: Request, now: datetime) -> list[Recipient]:
    """Whose turn it is: the assignee, or whoever stands in; while nobody has it, or nobody stands in, those on duty."""
    day = day_of(request, now)
    if request.assignee_id is not None:
        present = here_or_stand_ins([request.assignee_id], day)
        if present := _allowed(request, present):
            return [Recipient(person, "yours") for person in present]
    return on_duty(request, day)


def on_duty(request: Request, day: date) -> list[Recipient]:
    """Fulfillers on duty; of a confidential request those named."""
    service = db.session.get_one(Service, request.service_id)
    return [Recipient(person.id, "serves") for person in promises.on_duty(service, day, confidential=request.is_confidential)]


def _allowed(request: Request, person_ids: list[int]) -> list[int]:
    # A stand-in from elsewhere cannot read the request, so a notice would only lead to a page that is not there.
    if person_ids == [request.assignee_id]:
        return person_ids
    return [person for person in person_ids if may_have(request, person)]


def leads(department_id: int, day: date) -> list[Recipient]:
    """The lead of a department; when away whoever stands in, else the deputies. Three statements at most."""
    lead = db.session.scalar(sa.select(Department.lead_id).where(Department.id == department_id))
    present = here_or_stand_ins([lead], day) if lead is not None else []
    if not present:
        present = here_or_stand_ins(list(db.session.scalars(sa.select(Deputy.person_id).where(Deputy.department_id == department_id))), day)
    return [Recipient(person, "leads") for person in present]


def head_of(department_id: int, day: date) -> list[Recipient]:
    """The lead of the next department up that has another lead; of the department itself when there is none."""
    found = db.session.get_one(Department, department_id)
    above = found
    while above.parent_id is not None and above.lead_id in (found.lead_id, None):
        above = db.session.get_one(Department, above.parent_id)
    return leads(above.id if above.lead_id is not None else department_id, day)


def here_or_stand_ins(person_ids: Iterable[int], day: date) -> list[int]:
    """Those who are not away on ``day``, each absent one replaced by whoever stands in (and is there). Two statements at most."""
    wanted = list(person_ids)
    away = _absences(wanted, day)
    stand_ins = [person for person in away.values() if person is not None]
    gone = _absences(stand_ins, day) if stand_ins else {}
    present = [away.get(person, person) for person in wanted]
    active = [person for person in present if person is not None and person not in gone]
    known = set(db.session.scalars(sa.select(Person.id).where(Person.id.in_(active), Person.is_active == sa.true()))) if active else set()
    return [person for person in dict.fromkeys(active) if person in known]


def _absences(person_ids: list[int], day: date) -> dict[int, int | None]:
    query = sa.select(Absence.person_id, Absence.stands_in_id)
    query = query.where(Absence.person_id.in_(person_ids), Absence.first_day <= day, Absence.last_day >= day)
    return {row.person_id: row.stands_in_id for row in db.session.execute(query.order_by(Absence.id))} if person_ids else {}


def warned(request: Request, threshold: int, now: datetime) -> list[Recipient]:
    """Who hears that time runs out (R17): whose turn it is; from 75 % the lead of the queue; from 90 % the head of the department."""
    day = day_of(request, now)
    found = answering(request, now)
    if threshold >= 75:
        found += leads(request.department_id, day)
    if threshold >= 90:
        found += head_of(request.department_id, day)
    return _once(found)


def _once(found: Iterable[Recipient]) -> list[Recipient]:
    first: dict[int, Recipient] = {}
    for recipient in found:
        first.setdefault(recipient.person_id, recipient)
    return list(first.values())


def still_visible(actor: Actor, request_ids: list[int]) -> set[int]:
    """Which of the requests the actor may still be told about: those they read, and those they know the bare facts of."""
    known = sa.or_(requests_visible_to(actor), bare_requests_of(actor))
    return set(db.session.scalars(sa.select(Request.id).where(Request.id.in_(request_ids), known)))
