"""What rows of an earlier desk are compared with, which of them are known already, and what the pages of an import show."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.desk.importing import Offer, Options, Refused, Row, Taken, World, department_of, folded
from portal.desk.importing_columns import WORDS as STATE_WORDS
from portal.desk.importing_columns import columns, left_alone, plain
from portal.desk.models import NamedFulfiller, PromiseVersion, Request, RequestImport, Service, TakenRequest
from portal.kernel import files
from portal.kernel.db import db
from portal.kernel.errors import NotFound
from portal.kernel.export import Flow
from portal.kernel.messages import Message as Sentence
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.models import Department, Person

SHOWN, WORDS = 20, 40
"""Rows of a list, and words of each column whose meaning is shown."""


def world(actor: Actor, now: datetime) -> World:
    """Everybody and every service a file of ``actor`` is compared with; four statements, whatever the size."""
    people = list(db.session.execute(sa.select(Person.id, Person.name, Person.email, Person.staff_number, Person.department_id, Person.is_active)))
    departments = list(db.session.execute(sa.select(Department.id, Department.key, Department.name)))
    offers = _offers()
    return World(
        addresses={row.email.casefold(): row.id for row in people if row.email},
        names=_names(people),
        people={row.id: (row.name, row.department_id, row.is_active) for row in people},
        departments={folded(row.key): row.id for row in departments} | {folded(row.name): row.id for row in departments},
        department_names={row.id: row.name for row in departments},
        offers={offer.id: offer for offer, _ in offers},
        services={(offer.department_id, folded(word)): offer.id for offer, key in offers for word in (key, offer.name)},
        questions=_questions([offer for offer, _ in offers]),
        allowed=None if actor.is_system or actor.has("administrator") else actor.leads,
        importer_id=actor.person_id,
        now=now,
    )


def _names(people: Collection[Any]) -> dict[str, int]:
    """Whole names, and what other desks sign people in with: the staff number, or what stands before the @."""
    said = ((row.id, (row.name, row.staff_number, (row.email or "").partition("@")[0])) for row in people)
    names = {(folded(word), number) for number, words in said for word in words if word}
    borne = Counter(name for name, _ in names)
    return {name: number if borne[name] == 1 else 0 for name, number in names}


def _offers() -> list[tuple[Offer, str]]:
    """Every service with its key, those first at which mail opens, as a department's place for all that fits nowhere else."""
    promised = sa.select(sa.func.max(PromiseVersion.version)).where(PromiseVersion.service_id == Service.id).correlate(Service).scalar_subquery()
    named = sa.exists().where(NamedFulfiller.service_id == Service.id, NamedFulfiller.person_id == Person.id, Person.is_active).correlate(Service)
    columns = (Service.id, Service.department_id, Service.name, Service.is_confidential, Service.is_active, named, PromiseVersion.id, Service.key)
    query = sa.select(*columns).outerjoin(PromiseVersion, sa.and_(PromiseVersion.service_id == Service.id, PromiseVersion.version == promised))
    query = query.order_by(Service.due_field.is_not(None), Service.takes_mail.desc(), Service.position, Service.id)
    found = []
    for number, department, name, confidential, active, has_named, version, key in db.session.execute(query):
        can_open = bool(has_named) or not confidential
        found.append((Offer(number, department, name, bool(confidential), bool(active), can_open, version), key))
    return found


def _questions(offers: Collection[Offer]) -> dict[int, int]:
    found: dict[int, int] = {}
    for offer in offers:
        if offer.is_active and not offer.is_confidential and offer.promise_version_id is not None:
            found.setdefault(offer.department_id, offer.id)
    return found


def known(keys: Collection[str]) -> dict[str, str]:
    """Which of these rows were taken over already, with what stands for their subject; one statement."""
    if not keys:
        return {}
    found = db.session.execute(sa.select(TakenRequest.key, TakenRequest.words).where(TakenRequest.key.in_(keys)))
    return {row.key: row.words for row in found}


def may_see(actor: Actor, run: RequestImport) -> bool:
    """Whoever started it; and administrators, whose command line starts imports of nobody."""
    return run.started_by == actor.person_id if run.started_by is not None else actor.has("administrator")


def find_run(actor: Actor, run_id: int) -> RequestImport:
    """One import of the actor's; NotFound for others."""
    run = db.session.get(RequestImport, run_id) if 0 < run_id < 2**31 else None
    if run is None or not may_see(actor, run):
        raise NotFound()
    return run


def file_of(run: RequestImport) -> files.StoredFile:
    """The file of an import; NotFound when it is gone."""
    stored = db.session.get(files.StoredFile, run.file_id)
    if stored is None:
        raise NotFound()
    return stored


def recent(actor: Actor, limit: int = SHOWN) -> list[RequestImport]:
    """The actor's latest imports, the newest first."""
    mine = RequestImport.started_by == actor.person_id
    if actor.has("administrator"):
        mine = sa.or_(mine, RequestImport.started_by.is_(None))
    return list(db.session.scalars(sa.select(RequestImport).where(mine).order_by(RequestImport.id.desc()).limit(limit)))


def results(run_id: int, limit: int = SHOWN) -> list[tuple[int, str, str]]:
    """Number, title and old number of the first requests an import made."""
    query = sa.select(Request.id, Request.title, TakenRequest.number).join(TakenRequest, TakenRequest.request_id == Request.id)
    query = query.where(TakenRequest.import_id == run_id).order_by(TakenRequest.request_id).limit(limit)
    return [(number, title, old) for number, title, old in db.session.execute(query)]


def origin(request_id: int) -> TakenRequest | None:
    """Where a request was taken from; None for one of our own."""
    return db.session.get(TakenRequest, request_id)


def places(actor: Actor) -> list[tuple[int, str]]:
    """Departments with services the actor may fill, by name."""
    serving = sa.exists().where(Service.department_id == Department.id, Service.is_active == sa.true())
    query = sa.select(Department.id, Department.name).where(serving).order_by(sa.func.lower(Department.name), Department.id)
    if not actor.has("administrator"):
        query = query.where(Department.id.in_(sorted(actor.leads)))
    return [(number, name) for number, name in db.session.execute(query)]


def services_of(departments: Collection[int]) -> list[tuple[int, str]]:
    """Services of these departments with the department's name before theirs."""
    query = sa.select(Service.id, Service.name, Department.name).join(Department, Department.id == Service.department_id)
    query = query.where(Service.department_id.in_(sorted(departments)), Service.is_active == sa.true())
    query = query.order_by(sa.func.lower(Department.name), sa.func.lower(Service.name))
    return [(number, f"{department}: {name}") for number, name, department in db.session.execute(query)]


# -- the preview ---------------------------------------------------------------------------------------------------------


def summary(found: Any, world: World) -> dict[str, Any]:
    """What a file would do (:class:`portal.desk.actions.importing.Look`) as JSON for the page."""
    return {
        "counts": {name: found.counts[name] for name in ("rows", "new", "known", "refused", "open")},
        "columns": {name: str(found.header[place]).strip()[:60] for name, place in columns(found.header).items()},
        "header": [str(cell).strip()[:120] for cell in found.header],
        "left_alone": left_alone(found.header)[:SHOWN],
        "words": {
            name: [[word[:80], number, _told(name, word, found.options, world)] for word, number in words.most_common(WORDS)] for name, words in _mapped(found)
        },
        "first": [_shown(taken, world) for taken in found.first],
        "refused": [[one.line, one.number, {"text": one.reason.text, "params": dict(one.reason.params)}] for one in found.refused],
    }


def _mapped(found: Any) -> list[tuple[str, Any]]:
    return [(name, words) for name, words in found.words.items() if words]


def _told(name: str, word: str, options: Options, world: World) -> int | str | None:
    """What a word of the file stands for: a department, a service, a state; None where that is told row by row."""
    if name == "department":
        return department_of(word, world, options)
    if name == "status":
        return options.statuses.get(plain(word)) or STATE_WORDS.get(plain(word))
    return options.services.get(folded(word))


def _shown(taken: Taken, world: World) -> dict[str, Any]:
    offer = world.offers[taken.service_id]
    return {
        "line": taken.line,
        "number": taken.number,
        "title": taken.title,
        "requester": world.people[taken.requester_id][0],
        "asked_by": taken.asked_by,
        "department": world.department_names.get(offer.department_id, ""),
        "service": offer.name,
        "state": taken.state,
        "created": taken.created_at.isoformat(),
        "closed": taken.closed_at.isoformat() if taken.closed_at else None,
    }


def refused_sheet(run: RequestImport, batches: Iterator[list[tuple[Row, Refused]]]) -> Flow[tuple[Row, Refused]]:
    """Refused rows as a file: line and reason, then the columns of the file under their own names."""
    header = [Sentence("%(name)s", {"name": name}) for name in (run.preview or {}).get("header", ())]
    return Flow(f"refused-{run.id}", [say("Line"), say("Reason"), *header], batches, lambda pair: (pair[1].line, str(pair[1].reason), *pair[0].raw))
