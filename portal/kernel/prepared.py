"""Statements put together once and run with other values: on a page of ours the putting together cost more than the database.

Whoever builds one takes :func:`like` instead of an actor, ``sa.bindparam`` instead of values that differ from request to request, and
:func:`once` around it. What decides about the shape of a statement (rights, an empty field) is an argument and so part of the key.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, wraps
from typing import Any, cast

import sqlalchemy as sa

from portal.kernel.db import db
from portal.kernel.policy import Actor

ME: Any = sa.bindparam("me", type_=sa.Integer)
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


def read(statement: Any, values: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
    """The rows of a statement, as plain columns and in the running transaction; no entities come of it."""
    return db.session.connection().execute(statement, values).all()
