"""What home shows of the desk: what waits for me, my open requests, and the services people ask for most."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from portal.desk.models import Request
from portal.desk.queries.catalogue import ServiceRow
from portal.desk.queries.mine import MyRequest, made, one_of, rows, waits_for_me
from portal.kernel.db import db
from portal.kernel.policy import Actor

WAITING = 20
SHOWN = 5
OFTEN = ("repair", "equipment", "contract-review", "invoice-question", "password", "badge-key")
"""Services offered as chips, as far as the company has them."""
CHIPS = 4


@dataclass(frozen=True)
class Own:
    """One's own requests on home: those that wait for an answer, the longest waiting first, and the newest open ones."""

    waiting: Sequence[MyRequest]
    newest: Sequence[MyRequest]


def own(actor: Actor) -> Own:
    """What home shows of one's own requests; one statement."""
    mine = sa.select(Request.id).where(Request.requester_id == actor.person_id)
    waiting = mine.where(waits_for_me(actor)).order_by(Request.updated_at, Request.id).limit(WAITING).subquery()
    newest = mine.where(Request.is_open == sa.true()).order_by(Request.id.desc()).limit(SHOWN).subquery()
    query = rows().where(one_of(sa.select(waiting.c.id), sa.select(newest.c.id))).order_by(Request.id.desc())
    found = [made(row) for row in db.session.execute(query)]
    longest = sorted((row for row in found if row.waits_for_requester), key=lambda row: (row.updated_at, row.id))
    return Own(longest[:WAITING], [row for row in found if row.is_open][:SHOWN])


def often(services: Sequence[ServiceRow]) -> list[ServiceRow]:
    """The services people ask for most, else the first of the catalogue. Pure."""
    known = {row.key: row for row in services}
    return ([known[key] for key in OFTEN if key in known] or list(services))[:CHIPS]
