"""File a request, and change its words until somebody answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.contracts.desk import RequestEdited, RequestFiled
from portal.desk import clocks
from portal.desk.actions import steps
from portal.desk.models import ClockEvent, Message, NamedFulfiller, Participant, Request, Service
from portal.desk.queries import promises
from portal.desk.rules import FOLLOWER_LIMIT, TITLE_LIMIT, MessageKind, Priority, Status, call_problem, can_edit, priority_for
from portal.kernel.db import db
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.files import Received
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.models import Person

NOBODY_NAMED = say("Nobody is named for confidential requests of this service yet. Call the department, or ask without this tick.")
NO_TITLE = say("Say it in one line, for example: Radiator in Studio 2 stays cold")
LONG_TITLE = say("One line has at most %(limit)s characters. The rest fits into the text below.", limit=TITLE_LIMIT)


@dataclass(frozen=True)
class Filing:
    """What somebody asks for. ``answers`` come from ``answers.validate_answers``; ``received_at`` is the time of a logged call."""

    service_id: int
    title: str
    description: str
    requester_id: int
    impact: str = "nuisance"
    answers: Mapping[str, Any] = field(default_factory=dict)
    customer_notices: bool = False
    customer_impact: str = ""
    location_id: int | None = None
    place: str = ""
    follower_ids: Sequence[int] = ()
    call_me: bool = False
    call_number: str = ""
    confidential: bool = False
    files: Sequence[Received] = ()
    received_at: datetime | None = None
    channel: str = "web"
    follows_id: int | None = None


def file_request(filing: Filing, *, actor: Actor, now: datetime) -> Request:
    """Take a request, start its clocks and tell both sides; Refusal names the field that needs another look.

    Of a confidential request filed for somebody else the filer sees nothing afterwards, unless they are among the followers.
    """
    service = _service(filing.service_id)
    from_department = _department_of(filing.requester_id, actor)
    confidential = filing.confidential or service.is_confidential
    _check(filing, service, confidential, now)
    request = _new_request(filing, service, from_department, confidential, actor, now)
    _store(request, promises.plan(service, request.priority, request.received_at, filing.answers), actor, now)
    message = Message(request_id=request.id, kind=MessageKind.DESCRIPTION, body=filing.description.strip(), author_id=actor.person_id, created_at=now)
    db.session.add(message)
    db.session.flush()
    steps.attach(message, filing.files, actor=actor, now=now)
    _add_followers(request, filing.follower_ids, actor, now)
    steps.note(request, _filed(request), actor=actor, now=now)
    return request


def _service(service_id: int) -> Service:
    service = db.session.get(Service, service_id)
    if service is None:
        raise NotFound()
    if not service.is_active:
        raise Refusal(say("This service is no longer offered. Your text is kept: choose another one."), field="service_id")
    return service


def _department_of(requester_id: int, actor: Actor) -> int | None:
    """The requester's department; Refusal for somebody unknown or gone. Who asks for themselves is known already."""
    return actor.department_id if requester_id == actor.person_id else _requester(requester_id).department_id


def _requester(requester_id: int) -> Person:
    person = db.session.get(Person, requester_id)
    if person is None or not person.is_active:
        raise Refusal(say("We do not find this colleague. Choose a name from the list."), field="requester_id")
    return person


def _check(filing: Filing, service: Service, confidential: bool, now: datetime) -> None:
    _title(filing.title)
    if filing.call_me and not filing.call_number.strip():
        raise Refusal(say("Under which number do we reach you?"), field="call_number")
    if filing.received_at and (problem := call_problem(filing.received_at, now)):
        raise Refusal(problem, field="received_at")
    if confidential and not has_named(service.id):
        raise Refusal(
            say("Nobody is named for confidential requests of this service yet. Call the department, or ask without this tick."), field="confidential"
        )


def has_named(service_id: int) -> bool:
    """True when somebody active is named for confidential requests of the service. One statement."""
    query = sa.select(NamedFulfiller.person_id).join(Person, Person.id == NamedFulfiller.person_id)
    return db.session.scalar(query.where(NamedFulfiller.service_id == service_id, Person.is_active).limit(1)) is not None


def _new_request(filing: Filing, service: Service, from_department: int | None, confidential: bool, actor: Actor, now: datetime) -> Request:
    request = Request(**_words(filing), requester_id=filing.requester_id, filed_by_id=steps.person_id(actor), from_department_id=from_department)
    request.department_id, request.service_id, request.is_confidential = service.department_id, service.id, confidential
    request.status, request.is_open, request.priority = Status.NEW, True, priority_for(filing.impact)
    request.created_at = request.updated_at = now
    request.received_at, request.version, request.message_count = filing.received_at or now, 1, 1
    return request


def _store(request: Request, plan: promises.Plan, actor: Actor, now: datetime) -> None:
    request.calendar_version_id, request.promise_version_id = plan.calendar_version_id, plan.promise_version_id
    opened = ClockEvent(at=request.received_at, kind="opened", by="requester", actor_id=actor.person_id)
    opened.data = {"targets": dict(plan.targets), "department": request.department_id}
    found = clocks.begin(request, opened)
    db.session.add(request)
    db.session.flush()
    opened.request_id = request.id
    db.session.add(opened)
    clocks.write_first(request, opened, found, now)


def _words(filing: Filing) -> dict[str, Any]:
    return {
        "title": filing.title.strip(),
        "answers": dict(filing.answers),
        "customer_notices": filing.customer_notices,
        "customer_impact": filing.customer_impact.strip() if filing.customer_notices else "",
        "call_me": filing.call_me,
        "call_number": filing.call_number.strip() if filing.call_me else "",
        "location_id": filing.location_id,
        "place": filing.place.strip(),
        "channel": filing.channel,
        "follows_id": filing.follows_id,
    }


def _add_followers(request: Request, wanted: Sequence[int], actor: Actor, now: datetime) -> None:
    ids = list(dict.fromkeys(person for person in wanted if person != request.requester_id))
    if len(ids) > FOLLOWER_LIMIT:
        raise Refusal(say("%(limit)s people can follow a request. Leave some out.", limit=FOLLOWER_LIMIT), field="follower_ids")
    known = set(db.session.scalars(sa.select(Person.id).where(Person.id.in_(ids), Person.is_active))) if ids else set()
    if known != set(ids):
        raise Refusal(say("We do not find one of these colleagues. Choose the names from the list."), field="follower_ids")
    db.session.add_all(Participant(request_id=request.id, person_id=person, added_by=steps.person_id(actor), added_at=now) for person in ids)


def _filed(request: Request) -> RequestFiled:
    return RequestFiled(
        request_id=request.id,
        requester_id=request.requester_id,
        filed_by_id=request.filed_by_id,
        department_id=request.department_id,
        service_id=request.service_id,
        priority=Priority(request.priority).value,
        customer_notices=request.customer_notices,
        is_confidential=request.is_confidential,
    )


def edit_request(
    request: Request,
    *,
    title: str,
    description: str,
    answers: Mapping[str, Any],
    customer_notices: bool,
    customer_impact: str = "",
    location_id: int | None = None,
    place: str = "",
    actor: Actor,
    now: datetime,
) -> Request:
    """Change the words until somebody answered; Conflict after that. Impact and promise stay as they were filed."""
    steps.take_turn(request, now)
    steps.stop_if(can_edit(request.status, is_answered=_is_answered(request)))
    old = {"title": request.title}
    request.title = _title(title)
    request.answers, request.location_id, request.place = dict(answers), location_id, place.strip()
    request.customer_notices, request.customer_impact = customer_notices, customer_impact.strip() if customer_notices else ""
    opening = db.session.scalars(sa.select(Message).where(Message.request_id == request.id, Message.kind == MessageKind.DESCRIPTION)).one()
    opening.body, opening.edited_at = description.strip(), now
    changes = {"title": [old["title"], request.title]} if old["title"] != request.title else None
    steps.finish(request, RequestEdited(request_id=request.id), actor=actor, now=now, changes=changes)
    return request


def _title(text: str) -> str:
    title = steps.needed(text, "title", NO_TITLE)
    if len(title) > TITLE_LIMIT:
        raise Refusal(LONG_TITLE, field="title")
    return title


def _is_answered(request: Request) -> bool:
    return request.answered_at is not None or request.acknowledged_at is not None
