"""What home shows of the desk: what waits for me, my open requests, and the services people ask for most."""

from collections.abc import Sequence

from portal.desk.models import Request
from portal.desk.queries.catalogue import ServiceRow
from portal.desk.queries.mine import OPEN_TAB, MyRequest, made, my_requests, rows, waits_for_me
from portal.kernel.db import db
from portal.kernel.policy import Actor

WAITING = 20
SHOWN = 5
OFTEN = ("repair", "equipment", "contract-review", "invoice-question", "password", "badge-key")
"""Services offered as chips, as far as the company has them."""
CHIPS = 4


def waiting(actor: Actor) -> list[MyRequest]:
    """One's own requests that wait for an answer, the longest waiting first; one statement."""
    query = rows().where(waits_for_me(actor)).order_by(Request.updated_at, Request.id).limit(WAITING)
    return [made(row) for row in db.session.execute(query)]


def newest_open(actor: Actor) -> Sequence[MyRequest]:
    """One's newest open requests; one statement."""
    return my_requests(actor, OPEN_TAB, limit=SHOWN).items


def often(services: Sequence[ServiceRow]) -> list[ServiceRow]:
    """The services people ask for most, else the first of the catalogue. Pure."""
    known = {row.key: row for row in services}
    return ([known[key] for key in OFTEN if key in known] or list(services))[:CHIPS]
