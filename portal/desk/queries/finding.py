"""Who finds which requests: the tokens that narrow a search, with the policy in the same statement."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from portal.desk.models import NamedFulfiller, Request, Service
from portal.desk.policy import requests_visible_to, requests_worked_by, serves
from portal.kernel import search
from portal.kernel.db import db, is_sqlite
from portal.kernel.policy import Actor
from portal.kernel.search import PRIVATE, READABLE, Query, Side

REQUESTS = search.index("search_requests")
COMMON = 2000
"""Hits from which a word is common: the list is walked in its order and not the hits."""
SAMPLE, OFTEN = 300, 12
"""Rows of a queue that PostgreSQL looks at first, and hits among them that make a word common."""


def sides(actor: Actor, mine: bool) -> list[Side]:
    """Readable words of what the actor may find; then what is worked on, notes included; then confidential requests of services the actor is
    named for. The policy of each stands in :func:`_allowed`.
    """
    found = [Side(READABLE, _reading(actor, mine), not mine and bool(actor.leads or actor.has("auditor")))]
    if mine or not serves(actor):
        return found
    named = sa.select(NamedFulfiller.service_id).where(NamedFulfiller.person_id == actor.person_id)
    return [*found, Side(PRIVATE, [f"d{number}" for number in sorted(serves(actor))], True), Side(PRIVATE, search.Looked("n", named), False)]


def _reading(actor: Actor, mine: bool) -> list[str]:
    """Tokens of requests the actor reads without working on them; the filter in words of :func:`requests_visible_to`."""
    own = [f"p{actor.person_id}"]
    if mine:
        return own
    own += [f"f{actor.person_id}", *(f"o{number}" for number in sorted(actor.leads))]
    return [*own, "oo"] if actor.has("auditor") else own


def _allowed(actor: Actor, found: Sequence[Side]) -> list[sa.ColumnElement[bool]]:
    return [requests_worked_by(actor) if place else requests_visible_to(actor) for place in range(len(found))]


def kinds(actor: Actor, query: Query, *, mine: bool = False, before: int | None = None, reach: int = search.HITS) -> list[Any]:
    """The newest hits of the actor's :func:`sides`, each a select of at most ``reach`` numbers."""
    found = sides(actor, mine)
    return REQUESTS.hits(found, _allowed(actor, found), Request, given=REQUESTS.values(query, found).__getitem__, before=before, limit=reach)


def kinds_like(rights: Actor, *, mine: bool, older: bool, reach: int) -> list[Any]:
    """As :func:`kinds`, for everybody with the same rights: the parameters are those of :func:`asked`."""
    found, before = sides(rights, mine), sa.bindparam("before", type_=sa.Integer) if older else None
    return REQUESTS.hits(found, _allowed(rights, found), Request, given=search.parameter, before=before, limit=reach)


def asked(actor: Actor, query: Query, mine: bool, before: int | None = None) -> dict[str, Any]:
    """The values of the parameters of :func:`kinds_like`."""
    return REQUESTS.values(query, sides(actor, mine)) | ({"before": before} if before is not None else {}) | {"me": actor.person_id}


def one_of(found: Sequence[Any]) -> Any:
    """What any of these selects."""
    return sa.union(*(sa.select(kind.subquery().c.id) for kind in found)) if len(found) > 1 else sa.select(found[0].subquery().c.id)


def matching(actor: Actor, text: str) -> sa.ColumnElement[bool]:
    """SQL: a request the actor may read with all these words, among the newest thousand of them; for the search field of a list."""
    query = REQUESTS.opened(search.parse(text))
    if not query or actor.person_id is None:
        return sa.false()
    return Request.id.in_(one_of(kinds(actor, query)))


# -- the words of a queue -----------------------------------------------------------------------------------------------


def within(actor: Actor, department_id: int, text: str, *, finished: bool = False) -> sa.ColumnElement[bool]:
    """SQL: an open request of this department's queue that the actor works on and that has all these words, wherever the serving side reads
    them: title, conversation, notes, answers, names of files. Every open one is found, however old; one statement beside the list's own.

    It brings the department, openness and the policy along; put it into the where of a list of :class:`Request`, with the list's own filters,
    order and limit. The start of a word finds it; words that are nowhere, and a queue the actor does not serve, find nothing. Numbers that
    were typed are the caller's matter. ``finished`` asks for those that are over instead: the newest thousand hits of the department.
    """
    query = REQUESTS.opened(search.parse(text))
    if not query or department_id not in serves(actor):
        return sa.false()
    here = sa.and_(Request.department_id == department_id, Request.is_open == (sa.false() if finished else sa.true()), requests_worked_by(actor))
    tokens = ([f"d{department_id}"], search.Looked("n", _named_here(actor, department_id)))
    if finished:
        both = [Side(PRIVATE, some, wide=True) for some in tokens]
        return sa.and_(here, Request.id.in_(one_of(REQUESTS.hits(both, [here, here], Request, given=REQUESTS.values(query, both).__getitem__))))
    open_ones = sa.select(Request.id).where(Request.department_id == department_id, Request.is_open == sa.true())
    oldest = sa.select(sa.func.min(open_ones.subquery().c.id)).scalar_subquery()
    found = sa.union_all(*(REQUESTS.held(query, PRIVATE, some, floor=oldest) for some in tokens))
    if is_sqlite():
        return sa.and_(here, (_unindexed(Request.id) if _many(found) else Request.id).in_(found))
    if _often(query, open_ones):
        return sa.and_(here, REQUESTS.has(query, PRIVATE, Request.id))
    return sa.and_(here, Request.id == sa.func.any(sa.func.array(found.scalar_subquery())))


def _named_here(actor: Actor, department_id: int) -> Any:
    services = sa.select(NamedFulfiller.service_id).join(Service, Service.id == NamedFulfiller.service_id)
    return services.where(NamedFulfiller.person_id == actor.person_id, Service.department_id == department_id)


def _unindexed(number: Any) -> Any:
    """The number in a form by which SQLite does not look rows up: it then walks the list in its own order and stops when the page is full."""
    return sa.type_coerce(number, sa.Integer).op("+")(0)


def _many(found: Any) -> bool:
    return db.session.scalar(sa.select(sa.func.count()).select_from(sa.select(found.subquery().c.id).limit(COMMON).subquery())) == COMMON


def _often(query: Query, open_ones: Any) -> bool:
    """Whether the first rows of a queue have the words often enough to walk it row by row, or are all there are."""
    some = open_ones.order_by(Request.next_due_at, Request.id).limit(SAMPLE).subquery()
    fitting = sa.func.count().filter(REQUESTS.has(query, PRIVATE, some.c.id))
    looked_at, hits = db.session.execute(sa.select(sa.func.count(), fitting).select_from(some)).one()
    return bool(hits >= OFTEN or looked_at < SAMPLE)
