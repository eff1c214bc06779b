"""Requests found by their words, as far as the actor may read them: tokens narrow the walk, the policy decides in the same statement.

The conversation is found by everybody who may read the request, team notes only by those who work on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.desk.models import Message, MessageKind, Request
from portal.desk.policy import requests_visible_to, requests_worked_by
from portal.desk.queries.finding import REQUESTS, asked, kinds_like, matching, one_of, sides
from portal.desk.queries.mine import MyRequest, made, rows
from portal.kernel import paging, search, search_keeping
from portal.kernel.policy import Actor
from portal.kernel.prepared import ME, like, once, read
from portal.kernel.search import Piece, Query

__all__ = ["REQUESTS", "Found", "Hit", "Wanted", "find", "matching"]
PAGE = 20
NEWEST, SHOWN = 30, 4000
"""Messages per request and characters of each in which the passage is looked for."""
BETWEEN = "\x1f"
"""Stands between texts that come as one; forms take no control characters."""
OPEN, DONE = "open", "done"


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for, and in which requests."""

    text: str
    department_id: int | None = None
    state: str = ""
    mine: bool = False
    since: datetime | None = None
    best: bool = False

    @property
    def narrowed(self) -> bool:
        """True when a filter leaves hits out."""
        return self.department_id is not None or bool(self.state) or self.mine or self.since is not None


@dataclass(frozen=True)
class Hit:
    """A request that was found: its line, its title and the passage with what was looked for."""

    row: MyRequest
    title: Sequence[Piece]
    passage: Sequence[Piece]
    is_confidential: bool
    asked_at: datetime


@dataclass(frozen=True)
class Found:
    """A page of hits, the newest first or the closest first; ``older`` is the cursor behind it."""

    hits: Sequence[Hit]
    older: str | None = None


@dataclass(frozen=True)
class _Walk:
    numbers: Sequence[int]
    floor: int | None
    """The smallest number looked at when there may be more below it."""


def find(actor: Actor, wanted: Wanted, *, cursor: str | None = None, limit: int = PAGE) -> Found:
    """A page of requests that have all the words; one statement, three with filters or ranked."""
    query = REQUESTS.opened(search.parse(wanted.text))
    if not query or actor.person_id is None:
        return Found(())
    if wanted.best:
        return _closest(actor, wanted, query, cursor, limit)
    return (_narrowed if wanted.narrowed else _newest)(actor, wanted, query, cursor, limit)


def _newest(actor: Actor, wanted: Wanted, query: Query, cursor: str | None, limit: int) -> Found:
    before = _place(cursor)
    statement = _lines_newest(like(actor), wanted.mine, before is not None, limit + 1)
    found = _made(actor, read(statement, asked(actor, query, wanted.mine, before)))
    return Found(_hits(query, found[:limit]), paging.encode([found[limit - 1].id]) if len(found) > limit else None)


def _narrowed(actor: Actor, wanted: Wanted, query: Query, cursor: str | None, limit: int) -> Found:
    """A page may be short although there is more: so many of the newest hits are looked at, not all of them."""
    walk = _walk(actor, wanted, query, _place(cursor))
    lines = _lines_among(like(actor), _filtered(wanted), limit + 1)
    found = _made(actor, read(lines, {"numbers": walk.numbers, **_values(actor, wanted)})) if walk.numbers else []
    behind = found[limit - 1].id if len(found) > limit else walk.floor
    return Found(_hits(query, found[:limit]), paging.encode([behind]) if behind else None)


def _closest(actor: Actor, wanted: Wanted, query: Query, cursor: str | None, limit: int) -> Found:
    """Ranked among the newest thousand only: a word that everybody uses would otherwise be weighed a million times."""
    start = _place(cursor) or 0
    titles = read(_titles(like(actor), wanted.mine, _filtered(wanted)), asked(actor, query, wanted.mine) | _values(actor, wanted))
    ranked = sorted(titles, key=lambda row: (search.closeness(row.title, query), row.id), reverse=True)
    page = {row.id: place for place, row in enumerate(ranked[start : start + limit])}
    lines = read(_lines_among(like(actor), (), limit), {"numbers": list(page), "me": actor.person_id}) if page else []
    found = sorted(_made(actor, lines), key=lambda line: page[line.id])
    return Found(_hits(query, found), paging.encode([start + limit]) if len(ranked) > start + limit else None)


def _place(cursor: str | None) -> int | None:
    at = paging.decode(cursor, [paging.Key(Request.id, "id")])
    return at[1][0] if at and at[1][0] > 0 else None


# -- who finds what -----------------------------------------------------------------------------------------------------


def _walk(actor: Actor, wanted: Wanted, query: Query, before: int | None) -> _Walk:
    """The newest thousand of each kind, as numbers."""
    found = read(_numbers(like(actor), wanted.mine, before is not None), asked(actor, query, wanted.mine, before))
    return _seen([tuple(row) for row in found], len(sides(actor, wanted.mine)), search.reach())


def _seen(found: Sequence[tuple[int, int]], kinds: int, reach: int) -> _Walk:
    """What was walked; where one kind was cut off, nothing older of the other may be shown yet."""
    numbers = [[number for kind, number in found if kind == place] for place in range(kinds)]
    cut = [min(some) for some in numbers if len(some) >= reach]
    floor = max(cut, default=None)
    return _Walk(sorted({number for _, number in found if floor is None or number >= floor}, reverse=True), floor)


def _filtered(wanted: Wanted) -> tuple[str, ...]:
    """Names of the filters somebody set."""
    is_set = {"department": wanted.department_id is not None, wanted.state: bool(wanted.state), "mine": wanted.mine, "since": wanted.since is not None}
    return tuple(sorted(name for name, held in is_set.items() if held))


def _values(actor: Actor, wanted: Wanted) -> dict[str, Any]:
    held = {"department": wanted.department_id, "since": wanted.since}
    return {"me": actor.person_id} | {name: value for name, value in held.items() if value is not None}


def _filters(names: tuple[str, ...]) -> list[sa.ColumnElement[bool]]:
    known = {
        "department": Request.department_id == sa.bindparam("department", type_=sa.Integer),
        OPEN: Request.is_open == sa.true(),
        DONE: Request.is_open == sa.false(),
        "mine": Request.requester_id == ME,
        "since": Request.created_at >= sa.bindparam("since", type_=Request.created_at.type),
    }
    return [known[name] for name in names]


# -- statements, put together once for everybody with the same rights ---------------------------------------------------


@once
def _lines_newest(rights: Actor, mine: bool, older: bool, limit: int) -> Any:
    """The lines of the newest hits."""
    return _lines(rights, one_of(kinds_like(rights, mine=mine, older=older, reach=limit)).order_by(sa.desc("id")).limit(limit))


@once
def _lines_among(rights: Actor, names: tuple[str, ...], limit: int) -> Any:
    """The lines of the newest of the ``numbers`` that pass these filters."""
    among = Request.id.in_(sa.bindparam("numbers", expanding=True, type_=sa.Integer))
    return _lines(rights, sa.select(Request.id).where(among, *_filters(names)).order_by(Request.id.desc()).limit(limit))


@once
def _titles(rights: Actor, mine: bool, names: tuple[str, ...]) -> Any:
    """Numbers and titles of the newest hits that pass these filters."""
    walked = one_of(kinds_like(rights, mine=mine, older=False, reach=search.HITS))
    found = sa.select(Request.id, Request.title).where(Request.id.in_(walked), *_filters(names))
    return found.order_by(Request.id.desc()).limit(search.HITS)


@once
def _numbers(rights: Actor, mine: bool, older: bool) -> Any:
    """The newest hits, each with the place of its kind."""
    parts = [kind.subquery() for kind in kinds_like(rights, mine=mine, older=older, reach=search.HITS)]
    return sa.union_all(*(sa.select(sa.literal(place).label("kind"), part.c.id) for place, part in enumerate(parts)))


# -- what is shown ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    row: MyRequest
    is_confidential: bool
    asked_at: datetime
    texts: Sequence[str]

    @property
    def id(self) -> int:
        """The number of the request."""
        return self.row.id


def _lines(rights: Actor, numbers: Any) -> Any:
    """The lines of these requests, the newest first, with what their passages are cut from; one statement.

    The policy is asked again: nothing else stands between these rows and the page.
    """
    told = (Request.answers, Request.place, Request.customer_impact)
    query: Any = rows().add_columns(*told, Request.is_confidential, Request.created_at, _texts(rights))
    return query.where(Request.id.in_(numbers.subquery().select()), requests_visible_to(rights)).order_by(Request.id.desc())


def _made(actor: Actor, found: Sequence[Any]) -> list[_Line]:
    return [_line(row, actor) for row in found]


def _line(row: Any, actor: Actor) -> _Line:
    *columns, answers, place, impact, is_confidential, asked_at, texts = row
    shown = made(columns)
    if is_confidential and shown.requester_id != actor.person_id:
        return _Line(shown, True, asked_at, ())
    answered = search_keeping.texts_in(answers)
    return _Line(shown, bool(is_confidential), asked_at, [*(texts or "").split(BETWEEN), *answered, place, impact])


def _texts(rights: Actor) -> sa.ColumnElement[str | None]:
    """SQL: the newest messages the actor may read; none of somebody else's confidential request, since each look at one is noted on its page."""
    readable = sa.or_(Message.kind != MessageKind.NOTE, requests_worked_by(rights))
    body = sa.func.substr(Message.body, 1, SHOWN).label("body")
    newest = sa.select(body).where(Message.request_id == Request.id, readable).order_by(Message.id.desc()).limit(NEWEST).correlate(Request).subquery()
    told = sa.select(sa.func.aggregate_strings(newest.c.body, BETWEEN)).scalar_subquery()
    return sa.case((sa.or_(Request.is_confidential == sa.false(), Request.requester_id == rights.person_id), told))


def _hits(query: Query, lines: Sequence[_Line]) -> list[Hit]:
    return [Hit(line.row, search.marked(line.row.title, query), search.passage(line.texts, query), line.is_confidential, line.asked_at) for line in lines]
