"""Who finds which requests: the tokens that narrow a search, with the policy in the same statement."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from portal.desk.models import NamedFulfiller, Request
from portal.desk.policy import requests_visible_to, requests_worked_by, serves
from portal.kernel import search
from portal.kernel.policy import Actor
from portal.kernel.search import PRIVATE, READABLE, Query

REQUESTS = search.index("search_requests")


def _reading(actor: Actor, mine: bool) -> list[str]:
    """Tokens of requests the actor reads without working on them; the filter in words of :func:`requests_visible_to`."""
    own = [f"p{actor.person_id}"]
    if mine:
        return own
    own += [f"f{actor.person_id}", *(f"o{number}" for number in sorted(actor.leads))]
    return [*own, "oo"] if actor.has("auditor") else own


def kinds(actor: Actor, query: Query, *, mine: bool = False, before: int | None = None, reach: int = search.HITS) -> list[Any]:
    """The newest requests whose readable words the actor may find; then those worked on, notes included; then confidential ones of
    services the actor is named for. Each a select of at most ``reach`` numbers.
    """
    own, wide = _reading(actor, mine), not mine and bool(actor.leads or actor.has("auditor"))
    found = [REQUESTS.hits(query, READABLE, own, Request, requests_visible_to(actor), before=before, limit=reach, wide=wide)]
    if mine or not serves(actor):
        return found
    named = sa.select(NamedFulfiller.service_id).where(NamedFulfiller.person_id == actor.person_id)
    tokens: tuple[tuple[search.Scopes, bool], ...] = (([f"d{number}" for number in sorted(serves(actor))], True), (search.Looked("n", named), False))
    allowed = requests_worked_by(actor)
    return [*found, *(REQUESTS.hits(query, PRIVATE, some, Request, allowed, before=before, limit=reach, wide=wide) for some, wide in tokens)]


def one_of(found: Sequence[Any]) -> Any:
    """What any of these selects."""
    return sa.union(*(sa.select(kind.subquery().c.id) for kind in found)) if len(found) > 1 else sa.select(found[0].subquery().c.id)


def matching(actor: Actor, text: str) -> sa.ColumnElement[bool]:
    """SQL: a request the actor may read with all these words, among the newest thousand of them; for the search field of a list."""
    query = REQUESTS.opened(search.parse(text))
    if not query or actor.person_id is None:
        return sa.false()
    return Request.id.in_(one_of(kinds(actor, query)))
