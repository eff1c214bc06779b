"""Lists of requests as files for a spreadsheet, for whoever sees the page, with the filters of the page."""

from functools import partial

from flask import Response, request

from portal.contracts.desk import ListExported
from portal.desk.forms.filters import QueueFilter
from portal.desk.forms.search import SearchFilter
from portal.desk.forms.services import time_words
from portal.desk.policy import Desk
from portal.desk.queries import sheets
from portal.desk.queries.services import ServiceRow
from portal.desk.routes import mine
from portal.desk.routes._blueprint import bp
from portal.desk.routes.queue import find_queue
from portal.desk.routes.services import department_of
from portal.kernel import clock, export, policy
from portal.kernel.incoming.store import Decision


@bp.get("/requests.csv")
@policy.allow(Desk.READ)
def mine_csv() -> Response:
    """What I asked for, by how it stands."""
    actor, now = policy.current(), clock.now()
    sheet = sheets.my_requests(actor, *mine.asked(), now=now)
    return export.answer(sheet, partial(ListExported, "mine", None), actor=actor, now=now)


@bp.get("/departments/<key>/requests.csv")
@policy.allow(Desk.READ)
def of_department_csv(key: str) -> Response:
    """What the people of a department asked for, for its lead and for auditors."""
    actor, now = policy.current(), clock.now()
    department, (_tab, text) = mine.followed_department(key), mine.asked()
    sheet = sheets.of_department(actor, department.id, department.key, text, now=now)
    return export.answer(sheet, partial(ListExported, "department", department.id), actor=actor, now=now)


@bp.get("/queue/<key>/requests.csv")
@policy.allow(Desk.QUEUE)
def queue_csv(key: str) -> Response:
    """The queue of a department with its tab, search and filters."""
    actor, now, department = policy.current(), clock.now(), find_queue(key)
    sheet = sheets.of_queue(actor, department.id, department.key, QueueFilter.from_address().wanted(), now=now)
    return export.answer(sheet, partial(ListExported, "queue", department.id), actor=actor, now=now)


@bp.get("/queue/<key>/follow-ups.csv")
@policy.allow(Desk.QUEUE)
def follow_ups_csv(key: str) -> Response:
    """Solved requests of which nobody said yet whether it works."""
    actor, now, department = policy.current(), clock.now(), find_queue(key)
    sheet = sheets.of_follow_ups(actor, department.id, department.key, now=now)
    return export.answer(sheet, partial(ListExported, "follow-ups", department.id), actor=actor, now=now)


@bp.get("/requests/search.csv")
@policy.allow(Desk.READ)
def search_csv() -> Response:
    """Everything a search finds, with the filters of the page."""
    actor, now = policy.current(), clock.now()
    sheet = sheets.found(actor, SearchFilter.from_address().wanted(now), now=now)
    return export.answer(sheet, partial(ListExported, "search", None), actor=actor, now=now)


@bp.get("/mail-in.csv")
@policy.allow(Desk.MANAGE)
def arrived_csv() -> Response:
    """Mail that came in, of the tab of the page."""
    actor, now, asked = policy.current(), clock.now(), request.args.get("show", "")
    sheet = sheets.mail_in(actor, Decision(asked) if asked in list(Decision) else Decision.HELD)
    return export.answer(sheet, partial(ListExported, "mail", None), actor=actor, now=now)


@bp.get("/services/<key>/services.csv")
@policy.allow(Desk.QUEUE, Desk.MANAGE)
def services_csv(key: str) -> Response:
    """What a department offers and promises."""
    actor, now, department = policy.current(), clock.now(), department_of(key)
    sheet = sheets.services_of(department.id, department.key, _promised)
    return export.answer(sheet, partial(ListExported, "services", department.id), actor=actor, now=now)


def _promised(row: ServiceRow) -> list[str]:
    targets = row.targets or {}
    levels = (targets.get("normal", {}), targets.get("urgent", {}))
    return [time_words(of.get(name), always=bool(of.get("round_the_clock"))) for of in levels for name in ("first_response", "resolution")]


@bp.get("/replies/<key>/replies.csv")
@policy.allow(Desk.QUEUE, Desk.MANAGE)
def replies_csv(key: str) -> Response:
    """The reply library of a department."""
    actor, now, department = policy.current(), clock.now(), department_of(key)
    sheet = sheets.replies_of(department.id, department.key)
    return export.answer(sheet, partial(ListExported, "replies", department.id), actor=actor, now=now)
