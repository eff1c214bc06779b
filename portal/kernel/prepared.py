"""Statements put together once and run with other values: on a page of ours the putting together cost more than the database.

Whoever builds one takes :func:`like` instead of an actor, ``sa.bindparam`` instead of values that differ from request to request, and
:func:`once` around it. What decides about the shape of a statement (rights, an empty field) is an argument and so part of the key.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from types import SimpleNamespace
from typing import Any, cast

import sqlalchemy as sa

from portal.kernel.db import db
from portal.kernel.policy import Actor


class Parameter(sa.BindParameter[Any]):
    """A parameter that stands for a value that is there: what asks whether there is one goes on."""

    inherit_cache = True

    def __bool__(self) -> bool:
        return True


ME: Any = Parameter("me", type_=sa.Integer)
"""The person of an actor that stands for everybody with the same rights."""


SOMEBODY = Actor(person_id=ME, kind="person")
"""Anybody, for what depends on no rights."""


def like(actor: Actor) -> Actor:
    """The rights of an actor without the person: equal for all who may do the same, so a statement made for it serves them all.

    Its ``person_id`` is the parameter ``me``; somebody who is nobody stays so.
    """
    person = cast("int | None", ME if actor.person_id is not None else None)
    return replace(actor, person_id=person, name="", session_id=None, zone="", locale="")


KEPT = 200
"""Statements of one kind that are remembered: as many as there are different rights, filters and orders in use."""


def once(build: Callable[..., Any]) -> Callable[..., Any]:
    """Remember what ``build`` made for these arguments, for each kind of database."""
    kept = lru_cache(maxsize=KEPT)(lambda _database, *given: build(*given))

    @wraps(build)
    def built(*given: Any) -> Any:
        return kept(db.engine.dialect.name, *given)

    return built


@dataclass(frozen=True)
class Shape:
    """A row without what differs from row to row: which of its values are there, and those that decide about a statement."""

    model: Any
    names: tuple[str, ...]
    given: frozenset[str]
    fixed: tuple[tuple[str, Any], ...]

    def stand_in(self) -> Any:
        """An object with parameters for values, and None for those that are missing or empty."""
        columns = self.model.__table__.c
        return SimpleNamespace(**{n: Parameter(f"row_{n}", type_=columns[n].type) if n in self.given else None for n in self.names}, **dict(self.fixed))


def shape_of(row: Any, names: Sequence[str], fixed: Sequence[str]) -> tuple[Shape, dict[str, Any]]:
    """The shape of a row with these values and fixed values, and the values of its parameters."""
    values = {name: value for name in names if (value := getattr(row, name)) not in (None, "")}
    shape = Shape(type(row), tuple(names), frozenset(values), tuple((name, getattr(row, name)) for name in fixed))
    return shape, {f"row_{name}": value for name, value in values.items()}


def read(statement: Any, values: Mapping[str, Any]) -> Sequence[Any]:
    """The rows of a statement, as plain columns and in the running transaction; no entities come of it."""
    return db.session.connection().execute(statement, values).all()
