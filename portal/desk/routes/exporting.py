"""Lists of requests as files for a spreadsheet, for whoever sees the page, with the filters of the page."""

from functools import partial

from flask import Response

from portal.contracts.desk import ListExported
from portal.desk.forms.filters import QueueFilter
from portal.desk.policy import Desk
from portal.desk.queries import sheets
from portal.desk.routes import mine
from portal.desk.routes._blueprint import bp
from portal.desk.routes.queue import find_queue
from portal.kernel import clock, export, policy


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
