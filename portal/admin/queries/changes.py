"""The record of changes: what was done, by whom, to what. Words belong to those who may see the thing they are about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, is_dataclass, replace
from datetime import date, datetime
from functools import cache
from importlib import import_module
from inspect import getdoc
from pkgutil import iter_modules
from typing import Any

import sqlalchemy as sa

from portal import contracts
from portal.kernel import shell
from portal.kernel.activity import Activity
from portal.kernel.csvsafe import Cell
from portal.kernel.db import db
from portal.kernel.paging import Key, Page, keyset
from portal.kernel.policy import Actor
from portal.notifications.kinds import still_visible
from portal.people.models import Person

PAGE = 25
BATCH = 500
"""Rows read at once for an export."""


@dataclass(frozen=True)
class Wanted:
    """What the reader filters by; everything is optional."""

    person_id: int | None = None
    event: str = ""
    subject_kind: str = ""
    subject_id: int | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Change:
    """One row of the record; ``details`` is None when its subject is not the reader's to see."""

    id: int
    at: datetime
    event: str
    actor_kind: str
    actor_id: int | None
    actor_name: str | None
    subject_kind: str
    subject_id: int
    data: dict[str, Any]
    changes: dict[str, Any] | None
    channel: str
    request_ref: str | None
    is_open: bool = True

    @property
    def details(self) -> list[tuple[str, str]] | None:
        """Name and value of everything the row says; old and new for what changed."""
        if not self.is_open:
            return None
        said = [(name, _said(value)) for name, value in self.data.items() if value not in (None, "")]
        return said + [(name, _changed(value)) for name, value in (self.changes or {}).items()]


def _said(value: Any) -> str:
    return str(value)[:500]


def _changed(value: Any) -> str:
    if isinstance(value, list) and len(value) == 2:
        return f"{_said(value[0])} → {_said(value[1])}"
    return _said(value)


def changes(actor: Actor, wanted: Wanted, cursor: str | None) -> Page[Change]:
    """A page of the record, the newest first."""
    page = keyset(_query(actor, wanted), [Key(Activity.id.expression, "id", descending=True)], cursor, PAGE, lambda row: Change(*row))
    return Page(_opened(actor, page.items), page.next, page.previous)


def _query(actor: Actor, wanted: Wanted) -> sa.Select[Any]:
    query = sa.select(
        Activity.id,
        Activity.at,
        Activity.event,
        Activity.actor_kind,
        Activity.actor_id,
        Person.name,
        Activity.subject_kind,
        Activity.subject_id,
        Activity.data,
        Activity.changes,
        Activity.channel,
        Activity.request_ref,
    ).outerjoin(Person, Person.id == Activity.actor_id)
    return query.where(*_conditions(actor, wanted))


def _conditions(actor: Actor, wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.person_id is not None:
        yield Activity.actor_id == wanted.person_id
    if wanted.event:
        yield Activity.event == wanted.event
    if wanted.subject_kind:
        yield Activity.subject_kind == wanted.subject_kind
    if wanted.subject_id is not None:
        yield Activity.subject_id == wanted.subject_id
    if wanted.since:
        yield Activity.at >= shell.midnight(wanted.since, actor.zone)
    if wanted.until:
        yield Activity.at < shell.end_of_day(wanted.until, actor.zone)


def _opened(actor: Actor, rows: Sequence[Change]) -> list[Change]:
    """The rows with the words of those that are about something the reader may see, and without the others'."""
    visible = still_visible(actor, {(row.subject_kind, row.subject_id) for row in rows})
    return [row if (row.subject_kind, row.subject_id) in visible else replace(row, data={}, changes=None, is_open=False) for row in rows]


HEAD = ("number", "at", "event", "actor", "actor_name", "subject", "subject_number", "details", "channel", "reference")


def export(actor: Actor, wanted: Wanted) -> Iterator[Sequence[Cell]]:
    """The whole record behind the filters as rows of a table, head first; read in batches by key."""
    yield HEAD
    query, before = _query(actor, wanted).order_by(Activity.id.desc()).limit(BATCH), None
    while True:
        batch = query if before is None else query.where(Activity.id < before)
        rows = [Change(*row) for row in db.session.execute(batch)]
        yield from (_cells(row) for row in _opened(actor, rows))
        if len(rows) < BATCH:
            return
        before = rows[-1].id


def _cells(row: Change) -> Sequence[Cell]:
    details = row.details
    words = "; ".join(f"{name}: {value}" for name, value in details) if details is not None else "only for those who see the thing itself"
    who = row.actor_name or row.actor_kind
    return (row.id, row.at, row.event, row.actor_id, who, row.subject_kind, row.subject_id, words, row.channel, row.request_ref)


@dataclass(frozen=True)
class Known:
    """An event that features publish: its stable name and what it means."""

    event: str
    meaning: str


@cache
def known_events() -> tuple[Known, ...]:
    """Every event of the contracts, by name."""
    modules = [import_module(f"{contracts.__name__}.{module.name}") for module in iter_modules(contracts.__path__)]
    classes = [value for module in modules for value in vars(module).values() if isinstance(value, type) and is_dataclass(value) and hasattr(value, "event")]
    return tuple(sorted((Known(str(vars(kind)["event"]), _first_line(kind)) for kind in classes), key=lambda known: known.event))


def _first_line(kind: type) -> str:
    return (getdoc(kind) or "").split("\n", maxsplit=1)[0].replace("`", "")


def meanings() -> dict[str, str]:
    """What each known event means, by its name."""
    return {known.event: known.meaning for known in known_events()}
