"""Who may see and do what at the desk: permissions, one-row predicates, their SQL twins, and the loaders.

A request is seen by its requester, whoever filed it for them, its participants, the fulfillers and leads of the department that
has it, the leads of the requester's own department, and auditors. A confidential one is seen by its requester, its participants
and the fulfillers named for its service; the leads of its department know number, department, due and state (``find_bare``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from portal.desk.models import NamedFulfiller, Participant, Request, Service
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Forbidden, NotFound
from portal.kernel.incoming.store import Decision, IncomingMail
from portal.kernel.messages import Message, say
from portal.kernel.policy import Actor, grant
from portal.kernel.prepared import SOMEBODY, once


class Desk(StrEnum):
    """What one can do at the desk."""

    FILE = "desk.file"
    READ = "desk.read"
    WRITE = "desk.write"
    OWN = "desk.own"
    WORK = "desk.work"
    QUEUE = "desk.queue"
    MANAGE = "desk.manage"


def serves(actor: Actor) -> frozenset[int]:
    """Departments whose requests the actor works on: those served and those led."""
    return actor.fulfils | actor.leads


grant(Desk.WORK, lambda actor: bool(serves(actor)))
grant(Desk.QUEUE, lambda actor: bool(serves(actor)))
grant(Desk.MANAGE, lambda actor: bool(actor.leads) or actor.has("administrator"))


@dataclass(frozen=True)
class RequestFacts:
    """What a row of a request does not say about one reader: whether they follow it and are named for its service."""

    follows: bool = False
    is_named: bool = False


@dataclass(frozen=True)
class Access:
    """A request in the hands of somebody who may read it, with what else they may do with it."""

    request: Request
    facts: RequestFacts
    may_write: bool
    may_own: bool
    may_work: bool


@dataclass(frozen=True)
class BareRequest:
    """What a lead knows of a confidential request: no title, no people, no words."""

    id: int
    department_id: int
    status: str
    is_open: bool
    created_at: datetime
    next_due_at: datetime | None


def may_work(actor: Actor, request: Request, facts: RequestFacts) -> bool:
    """The serving side: fulfillers and leads of the owning department; of a confidential request only the named ones."""
    return request.department_id in serves(actor) and (facts.is_named or not request.is_confidential)


def may_own(actor: Actor, request: Request) -> bool:
    """Edit, cancel, confirm, choose who follows: the requester, and whoever filed it for them unless it is confidential."""
    if actor.person_id is None:
        return False
    return actor.person_id == request.requester_id or (actor.person_id == request.filed_by_id and not request.is_confidential)


def may_write(actor: Actor, request: Request, facts: RequestFacts) -> bool:
    """The requester's side: owners and participants."""
    return may_own(actor, request) or (actor.person_id is not None and facts.follows)


def may_read(actor: Actor, request: Request, facts: RequestFacts) -> bool:
    """Whether the actor sees this request; the same answer as :func:`requests_visible_to`."""
    if may_write(actor, request, facts) or may_work(actor, request, facts):
        return True
    return not request.is_confidential and (request.from_department_id in actor.leads or actor.has("auditor"))


def knows_bare(actor: Actor, request: Request) -> bool:
    """True for who leads the department of a confidential request; the same answer as :func:`find_bare`."""
    return actor.is_person and request.is_confidential and request.department_id in actor.leads


def reason(actor: Actor, request: Request, facts: RequestFacts) -> Message:
    """Why the actor sees this request, or why not, for `portal explain`."""
    if actor.person_id is not None and actor.person_id == request.requester_id:
        return say("It is their own request.")
    if may_own(actor, request):
        return say("They filed it for somebody else.")
    if may_write(actor, request, facts):
        return say("They follow it: somebody of the requester's side added them.")
    if may_work(actor, request, facts):
        return say("They serve the department that has it, and are named for its service if it is confidential.")
    if may_read(actor, request, facts):
        return say("They read along as lead of the requester's department or as auditor, and cannot change it.")
    if knows_bare(actor, request):
        return say("It is confidential, and they lead the department: number, department, due and state are all they see.")
    if request.is_confidential:
        return say("It is confidential: only its requester, those they add and the fulfillers named for its service see it.")
    return say("They are neither on the requester's side nor in the department that has it.")


def explain_request(actor: Actor, request_id: int) -> Iterator[str]:
    """Each rule that was looked at with its answer, then what the actor may do, for `portal explain`; NotFound for no such number."""
    row = db.session.execute(sa.select(Request, follows(actor), is_named(actor)).where(Request.id == _known(request_id))).first()
    if row is None:
        raise NotFound(say("There is no request with this number."))
    request, facts = row[0], RequestFacts(bool(row[1]), bool(row[2]))
    yield str(say("%(name)s and request %(number)s (%(status)s)", name=actor.name, number=request.id, status=request.status.value))
    for holds, rule in _rules(actor, request, facts):
        yield f"  {say('yes') if holds else say('no')}  {rule}"
    found = (("read", may_read(actor, request, facts)), ("write", may_write(actor, request, facts)), ("own", may_own(actor, request)))
    can = [name for name, holds in (*found, ("work", may_work(actor, request, facts))) if holds]
    can = can or (["know that it is there"] if knows_bare(actor, request) else [])
    yield str(say("May: %(names)s. %(reason)s", names=", ".join(can) or say("nothing"), reason=reason(actor, request, facts)))


def _rules(actor: Actor, request: Request, facts: RequestFacts) -> list[tuple[bool, Message]]:
    return [
        (actor.person_id == request.requester_id, say("asked for it")),
        (actor.person_id == request.filed_by_id, say("filed it")),
        (facts.follows, say("follows it")),
        (request.department_id in actor.fulfils, say("answers for the department that has it")),
        (request.department_id in actor.leads, say("leads the department that has it")),
        (request.from_department_id in actor.leads, say("leads the department it comes from")),
        (actor.has("auditor"), say("is an auditor")),
        (request.is_confidential, say("it is confidential")),
        (facts.is_named, say("is named for confidential requests of its service")),
    ]


def follows(actor: Actor) -> ColumnElement[bool]:
    """SQL: the actor is a participant."""
    return sa.exists().where(Participant.request_id == Request.id, Participant.person_id == actor.person_id).correlate(Request)


def is_named(actor: Actor) -> ColumnElement[bool]:
    """SQL: the actor is named for the service of the request."""
    return sa.exists().where(NamedFulfiller.service_id == Request.service_id, NamedFulfiller.person_id == actor.person_id).correlate(Request)


def requests_worked_by(actor: Actor) -> ColumnElement[bool]:
    """SQL twin of :func:`may_work`: what belongs into the actor's queues."""
    if not serves(actor):
        return sa.false()
    return sa.and_(Request.department_id.in_(sorted(serves(actor))), sa.or_(Request.is_confidential == sa.false(), is_named(actor)))


def requests_visible_to(actor: Actor) -> ColumnElement[bool]:
    """SQL twin of :func:`may_read`, to be used in every list, count, search and export."""
    if actor.person_id is None:
        return sa.false()
    plain = [Request.filed_by_id == actor.person_id]
    if actor.leads:
        plain.append(Request.from_department_id.in_(sorted(actor.leads)))
    if actor.has("auditor"):
        plain.append(sa.true())
    openly = sa.and_(Request.is_confidential == sa.false(), sa.or_(*plain))
    return sa.or_(Request.requester_id == actor.person_id, follows(actor), requests_worked_by(actor), openly)


def find_access(actor: Actor, request_id: int, *, to: Desk = Desk.READ) -> Access:
    """Load a request for a purpose, in one statement; NotFound for the invisible, Forbidden for what is not the actor's to do."""
    row = db.session.execute(_with_facts(), {"number": _known(request_id), "me": actor.person_id}).first()
    if row is None:
        raise NotFound()
    request, facts = row[0], RequestFacts(bool(row[1]), bool(row[2]))
    if not may_read(actor, request, facts):
        raise NotFound()
    access = Access(request, facts, may_write(actor, request, facts), may_own(actor, request), may_work(actor, request, facts))
    _require(access, to)
    return access


@once
def _with_facts() -> Any:
    return sa.select(Request, follows(SOMEBODY), is_named(SOMEBODY)).where(Request.id == sa.bindparam("number", type_=sa.Integer))


def _known(number: int) -> int:
    # Larger numbers than a key can hold come from the address bar; they are unknown, not an error.
    return number if 0 < number < 2**31 else 0


def _require(access: Access, to: Desk) -> None:
    allowed = {Desk.READ: True, Desk.WRITE: access.may_write, Desk.OWN: access.may_own, Desk.WORK: access.may_work}
    if not allowed.get(to, False):
        raise Forbidden(say("You can read this request, but not change it. Ask the person who filed it, or the department that has it."))


def find_request(actor: Actor, request_id: int, *, to: Desk = Desk.READ) -> Request:
    """Load a request for a purpose or raise NotFound / Forbidden."""
    return find_access(actor, request_id, to=to).request


def find_bare(actor: Actor, request_id: int) -> BareRequest:
    """What the leads of its department know of a confidential request; NotFound for everybody and everything else."""
    columns = (Request.id, Request.department_id, Request.status, Request.is_open, Request.created_at, Request.next_due_at)
    led = sa.and_(Request.is_confidential, Request.department_id.in_(sorted(actor.leads)))
    row = db.session.execute(sa.select(*columns).where(Request.id == _known(request_id), led)).first()
    if row is None or not actor.is_person:
        raise NotFound()
    return BareRequest(*row)


def bare_requests_of(actor: Actor) -> ColumnElement[bool]:
    """SQL: confidential requests the actor knows by number, department, due and state only."""
    if not actor.leads:
        return sa.false()
    known = sa.and_(Request.is_confidential, Request.department_id.in_(sorted(actor.leads)))
    return sa.and_(known, sa.not_(requests_visible_to(actor)))


def may_manage(actor: Actor, service: Service) -> bool:
    """Services, promises and canned replies belong to the leads of the department, and to administrators."""
    return service.department_id in actor.leads or actor.has("administrator")


def may_see_service(actor: Actor, service: Service) -> bool:
    """Everybody signed in sees what is offered; what is retired only who manages it."""
    return actor.is_person and (service.is_active or may_manage(actor, service))


def services_visible_to(actor: Actor) -> ColumnElement[bool]:
    """SQL twin of :func:`may_see_service`."""
    if not actor.is_person:
        return sa.false()
    if actor.has("administrator"):
        return sa.true()
    return sa.or_(Service.is_active, Service.department_id.in_(sorted(actor.leads))) if actor.leads else Service.is_active == sa.true()


def find_service(actor: Actor, key: str | int, *, to: Desk = Desk.FILE) -> Service:
    """Load a service by key or id, to FILE with it or to MANAGE it; NotFound for the unknown and retired, Forbidden for what others lead."""
    wanted = Service.id == _known(key) if isinstance(key, int) else Service.key == key
    service = db.session.scalar(sa.select(Service).where(wanted))
    if service is None or not may_see_service(actor, service):
        raise NotFound()
    if to is Desk.MANAGE and not may_manage(actor, service):
        raise Forbidden(say("Services and promises belong to the leads of the department. Ask one of them."))
    return service


def find_managed_department(actor: Actor, department_id: int) -> int:
    """The department's id when the actor manages its services; Forbidden otherwise (departments are no secret)."""
    if department_id in actor.leads or actor.has("administrator"):
        return department_id
    raise Forbidden(say("Services and promises belong to the leads of the department. Ask one of them."))


DECIDED_BEFORE = say("Somebody has decided about this mail already. Have a look at what became of it.")


def mails_visible_to(actor: Actor) -> ColumnElement[bool]:
    """SQL: mail that came in: what went to a request or names a confidential one for its readers, the rest for who leads where it is addressed to.

    What waits or was ignored is open to administrators whatever it names, so that nothing waits for nobody.
    """
    if not (actor.leads or actor.has("administrator")):
        return sa.false()
    of_request = IncomingMail.subject_kind == "desk.request"
    read = sa.exists().where(of_request, Request.id == IncomingMail.subject_id, requests_visible_to(actor)).correlate(IncomingMail)
    apart = IncomingMail.decision.in_((Decision.HELD, Decision.IGNORED))
    led = sa.and_(IncomingMail.subject_kind == "people.department", IncomingMail.subject_id.in_(sorted(actor.leads)))
    return sa.and_(IncomingMail.decision.is_not(None), sa.or_(apart if actor.has("administrator") else sa.and_(apart, led), read))


def find_incoming(actor: Actor, mail_id: int) -> IncomingMail:
    """Load a mail that came in and was decided or waits; NotFound for everybody it is not for."""
    found = db.session.scalar(sa.select(IncomingMail).where(IncomingMail.id == _known(mail_id), mails_visible_to(actor)))
    if found is None:
        raise NotFound()
    return found


def find_held(actor: Actor, mail_id: int) -> IncomingMail:
    """Load a mail to decide about it; Conflict when a person did so and it went where the actor cannot follow."""
    try:
        return find_incoming(actor, mail_id)
    except NotFound:
        if db.session.scalar(sa.select(IncomingMail.id).where(IncomingMail.id == _known(mail_id), IncomingMail.decided_by.is_not(None))) is None:
            raise
    raise Conflict(DECIDED_BEFORE)
