"""What stands around the rows of a queue: the departments one serves, capped counts, what can be chosen, and what came in since."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import sqlalchemy as sa

from portal.desk.models import Request, Service
from portal.desk.policy import serves
from portal.desk.queries.promises import is_away
from portal.desk.queries.queue import CAP, Choice
from portal.desk.queries.queue_conditions import (
    FOLLOW_UP,
    VIEWS,
    Times,
    Wanted,
    asks_whether_it_worked,
    in_order_of,
    in_queue,
    in_view,
    is_open,
    needs_answer,
    readable,
)
from portal.kernel.db import db
from portal.kernel.errors import Forbidden, NotFound
from portal.kernel.messages import say
from portal.kernel.paging import Count
from portal.kernel.policy import Actor
from portal.kernel.prepared import like, once, read
from portal.people.models import Department, Fulfiller, Location, Person

MENU_CAP = 99
WALK = 2000
"""Open requests of a queue up to which one walk counts everything; beyond, each count stops at its own cap."""


@dataclass(frozen=True)
class Served:
    """A department whose queue the actor works on, with what needs them there."""

    id: int
    key: str
    name: str
    leads: bool
    needs: Count
    follow_ups: Count


# -- the departments one serves ----------------------------------------------------------------------------------------


def served(actor: Actor) -> list[Served]:
    """The departments with a queue the actor works on, by name, with what needs them; one statement, none for others."""
    if not serves(actor):
        return []
    return [
        Served(number, key, name, number in actor.leads, _count(first, MENU_CAP), _count(second, MENU_CAP))
        for number, key, name, first, second in read(_served(like(actor)), {"me": actor.person_id})
    ]


def served_with(actor: Actor, more: Callable[[Actor], sa.Select[Any]], values: Mapping[str, Any]) -> tuple[list[Served], list[Any]]:
    """The same, and the rows of a select of a number, two texts, three numbers and a JSON value, in one statement.

    ``more`` makes it for everybody with these rights; ``values`` are those of its parameters.
    """
    if not serves(actor):
        return [], []
    found = read(_served_with(like(actor), more), {"me": actor.person_id, **values})
    queues = [(row[1], row[2], row[3], row[4], row[5]) for row in found if row[0]]
    known = [Served(n, key, name, n in actor.leads, _count(first, MENU_CAP), _count(second, MENU_CAP)) for n, key, name, first, second in queues]
    return sorted(known, key=lambda one: (one.name.lower(), one.id)), [row[1:] for row in found if not row[0]]


@once
def _served_with(actor: Actor, more: Callable[[Actor], sa.Select[Any]]) -> Any:
    of = _served(actor).subquery()
    mine = sa.select(sa.literal(1).label("is_queue"), *of.c, sa.literal(0), sa.cast(sa.null(), sa.JSON))
    return sa.union_all(mine, sa.select(sa.literal(0), *more(actor).subquery().c))


@once
def _served(actor: Actor) -> Any:
    has_queue = sa.or_(
        Department.id.in_(sorted(actor.fulfils)),
        sa.exists().where(Service.department_id == Department.id, Service.is_active == sa.true()).correlate(Department),
    )
    columns = (
        Department.id,
        Department.key,
        Department.name,
        _counted(_here(actor, is_open(), needs_answer()).order_by(*in_order_of())),
        _counted(_here(actor, asks_whether_it_worked()).order_by(*in_order_of(FOLLOW_UP))),
    )
    return sa.select(*columns).where(Department.id.in_(sorted(serves(actor))), has_queue).order_by(sa.func.lower(Department.name), Department.id)


def _here(actor: Actor, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(Request.id).where(Request.department_id == Department.id, readable(actor), *conditions).correlate(Department).limit(MENU_CAP + 1)


def _counted(query: sa.Select[Any]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(query.subquery()).scalar_subquery()


def _count(number: int, cap: int) -> Count:
    return Count(min(number, cap), number > cap)


@dataclass(frozen=True)
class Around:
    """What stands around the rows: counts by view (and "first", "late", and "here": what matches), the newest number, and what can be chosen."""

    counts: dict[str, Count]
    newest: int
    services: Sequence[Choice]
    sites: Sequence[Choice]
    people: Sequence[Choice]
    departments: Sequence[Choice]

    @property
    def here(self) -> Count | None:
        """How many there are with the filters that are set; None without any."""
        return self.counts.get("here")

    @property
    def open(self) -> Count:
        """How many are open: what next, and what rests."""
        parts = (self.counts["next"], self.counts["snoozed"])
        number = sum(part.number for part in parts)
        return Count(min(number, CAP), number > CAP or any(part.capped for part in parts))

    @property
    def on_duty(self) -> list[Choice]:
        """Who answers today."""
        return [person for person in self.people if person.on_duty]


def around(
    actor: Actor, department_id: int, *, times: Times, today: date, wanted: Wanted | None = None, matched: Sequence[sa.ColumnElement[bool]] = ()
) -> Around:
    """Counts and choices of a queue page; with ``wanted`` and its conditions also how many match. One statement, two in a very long queue."""
    found, values = dict[str, list[tuple[int, str, int]]](), {"me": actor.person_id, "today": today, "now": times.now, "day_ends": times.day_ends}
    whole = _around(like(actor), department_id)
    if wanted is not None:
        here = _counted(sa.select(Request.id).where(*matched).order_by(*_index_of(wanted)).limit(CAP + 1))
        whole = sa.union_all(*whole.selects, _count_part("here", here))
    for kind, number, text, flag in read(whole, values):
        found.setdefault(kind, []).append((number, text, flag))
    if max(number or 0 for number, text, _ in found["count"] if text == "walked") > WALK:
        found["count"] += [(number, text, flag) for _, number, text, flag in read(_one_by_one(like(actor), department_id), values)]
    made = {kind: sorted((Choice(n, t, bool(f)) for n, t, f in rows), key=lambda c: c.name.casefold()) for kind, rows in found.items() if kind != "count"}
    counts = {text: _count(number or 0, CAP) for number, text, _ in found["count"]}
    newest = next((number or 0 for number, text, _ in found["count"] if text == "newest"), 0)
    return Around(counts, newest, *(made.get(kind, []) for kind in ("service", "site", "person", "of")))


@once
def _around(actor: Actor, department_id: int) -> Any:
    numbers = _walked(actor, department_id)
    return sa.union_all(*(_count_part(name, number) for name, number in numbers.items()), *_choices(department_id, sa.bindparam("today", type_=sa.Date)))


@once
def _one_by_one(actor: Actor, department_id: int) -> Any:
    return sa.union_all(*(_count_part(name, number) for name, number in _numbers(actor, department_id).items()))


def _conditions(actor: Actor) -> dict[str, sa.ColumnElement[bool]]:
    now, day_ends = (cast(Any, sa.bindparam(name, type_=Request.created_at.type)) for name in ("now", "day_ends"))
    conditions = {view: in_view(view, actor, day_ends) for view in VIEWS}
    return conditions | {"first": sa.and_(is_open(), Request.answered_at.is_(None)), "late": sa.and_(is_open(), Request.next_due_at < now)}


def _walked(actor: Actor, department_id: int) -> dict[str, sa.ScalarSelect[int]]:
    """Every count over open rows from one walk through them, as long as the queue is not very long."""
    rules = {name: rule for name, rule in _conditions(actor).items() if name != FOLLOW_UP}
    flags = [sa.case((rule, 1), else_=0).label(f"is_{place}") for place, rule in enumerate(rules.values())]
    rows = sa.select(*flags).select_from(Request).where(in_queue(actor, department_id), is_open()).order_by(*in_order_of()).limit(WALK + 1).cte("walked")
    counts = {name: sa.select(sa.func.count()).where(rows.c[f"is_{place}"] == 1).scalar_subquery() for place, name in enumerate(rules)}
    others = {FOLLOW_UP: _numbers(actor, department_id)[FOLLOW_UP], "newest": _newest(department_id)}
    return counts | others | {"walked": sa.select(sa.func.count()).select_from(rows).scalar_subquery()}


def _index_of(wanted: Wanted) -> tuple[Any, ...]:
    return (Request.id.desc(),) if wanted.wide else in_order_of(wanted.view)


def _numbers(actor: Actor, department_id: int) -> dict[str, sa.ScalarSelect[int]]:
    """Each count from the index that holds its rows, up to the cap."""
    here, order = in_queue(actor, department_id), in_order_of
    return {name: _counted(sa.select(Request.id).where(here, rule).order_by(*order(name)).limit(CAP + 1)) for name, rule in _conditions(actor).items()}


def _count_part(name: str, number: sa.ScalarSelect[int]) -> Any:
    return sa.select(sa.literal("count").label("kind"), number.label("number"), sa.literal(name).label("text"), sa.literal(0).label("flag"))


def newest(department_id: int) -> int:
    """The newest number of a department; 0 for none. One statement."""
    return db.session.scalar(sa.select(_newest(department_id))) or 0


def _newest(department_id: int) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.max(Request.id)).where(Request.department_id == department_id).scalar_subquery()


def _choices(department_id: int, today: Any) -> list[sa.Select[Any]]:
    duty = sa.case((sa.and_(Fulfiller.on_duty == sa.true(), ~is_away(today)), 1), else_=0)
    people = sa.select(sa.literal("person"), Person.id, Person.name, duty).join(Fulfiller, Fulfiller.person_id == Person.id)
    return [
        sa.select(sa.literal("service"), Service.id, Service.name, sa.literal(0)).where(Service.department_id == department_id, Service.is_active == sa.true()),
        sa.select(sa.literal("site"), Location.id, Location.name, sa.literal(0)),
        people.where(Fulfiller.department_id == department_id, Person.is_active == sa.true()),
        sa.select(sa.literal("of"), Department.id, Department.name, sa.literal(0)),
    ]


# -- news --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class News:
    """What came in since a page was made: the newest number, how many are new, and a mark that changes with them."""

    newest: int
    new: Count

    @property
    def mark(self) -> str:
        """The entity tag."""
        return f"{self.newest}-{self.new.number}"


def news(actor: Actor, department_id: int, since: int) -> News:
    """New requests of the queue after number ``since``; one statement."""
    here = in_queue(actor, department_id)
    fresh = _counted(sa.select(Request.id).where(here, is_open(), Request.id > since).limit(MENU_CAP + 1))
    found = db.session.execute(sa.select(_newest(department_id), fresh)).one()
    return News(found[0] or 0, _count(found[1], MENU_CAP))


def last_answered(actor: Actor, department_id: int, among: int = 50) -> datetime | None:
    """When the last of the newest requests was answered, for a queue where nobody waits; one statement."""
    newest = sa.select(Request.answered_at).where(in_queue(actor, department_id), readable(actor)).order_by(Request.id.desc()).limit(among).subquery()
    found: datetime | None = db.session.scalar(sa.select(sa.func.max(newest.c.answered_at)))
    return found


def find_queue(actor: Actor, key: str, known: Sequence[Served]) -> Served:
    """The queue of the department with this key among those the actor serves; Forbidden for others (departments are no secret)."""
    found = next((department for department in known if department.key == key), None)
    if found is not None:
        return found
    row = db.session.execute(sa.select(Department.id, Department.name).where(Department.key == key[:60])).first() if actor.is_person else None
    if row is None:
        raise NotFound()
    number, name = row
    if number in actor.leads:
        raise Forbidden(say("%(department)s answers no requests yet, so it has no queue.", department=name))
    raise Forbidden(say("This queue belongs to %(department)s. Ask their lead to name you, or go back.", department=name))
