"""Paging by key: a page knows the last key it showed, so page 10,000 costs what page 1 costs."""

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from portal.kernel.db import db

T = TypeVar("T")
CAP = 1000
LONGEST = 4000
"""Characters of a cursor; the longest name in a script of its own needs about 2,600."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list, with opaque cursors to the pages around it (None at the ends)."""

    items: Sequence[T]
    next: str | None = None
    previous: str | None = None


@dataclass(frozen=True)
class Key:
    """One column of the order; the last one must be unique."""

    column: Any
    """A mapped attribute or another column expression that is never NULL."""
    name: str
    descending: bool = False


def encode(values: Sequence[object], *, back: bool = False) -> str:
    """An opaque cursor for the row with these key values."""
    plain = [value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([back, *plain], default=str).encode()).decode().rstrip("=")


def decode(cursor: str | None, keys: Sequence[Key]) -> tuple[bool, list[Any]] | None:
    """Direction and key values of a cursor; None for no cursor or one we did not make (the first page then)."""
    if not cursor or len(cursor) > LONGEST:
        return None
    try:
        back, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return bool(back), [_typed(value, key) for value, key in zip(values, keys, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _typed(value: Any, key: Key) -> Any:
    kind = key.column.type.python_type
    if issubclass(kind, datetime):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a cursor's instant needs a zone")
        return moment.astimezone(UTC)
    if issubclass(kind, date):
        return date.fromisoformat(value)
    if issubclass(kind, Enum):
        return kind(value)
    if type(value) is not kind or not _fits(value, key):
        raise ValueError("a cursor of another list")
    return value


def _fits(value: Any, key: Key) -> bool:
    if isinstance(value, int):
        return abs(value) < (2**63 if isinstance(key.column.type, sa.BigInteger) else 2**31)
    if isinstance(value, str):
        return value.encode(errors="ignore").decode() == value and "\x00" not in value
    return not isinstance(value, float) or math.isfinite(value)


def keyset(
    query: Select[Any], keys: Sequence[Key], cursor: str | None, limit: int, make: Callable[[Any], T], values: Mapping[str, Any] | None = None
) -> Page[T]:
    """Run ``query`` for one page in the order of ``keys``; each row must offer the keys under their names. One statement.

    ``values`` are those of its parameters, when it was put together once for many.
    """
    at = decode(cursor, keys)
    back = bool(at and at[0])
    whole = query
    if at:
        query = query.where(_beyond(keys, at[1], back))
    query = query.order_by(*(k.column.desc() if k.descending != back else k.column.asc() for k in keys)).limit(limit + 1)
    rows = list(db.session.connection().execute(query, values))
    if back and not rows:
        return keyset(whole, keys, None, limit, make, values)  # what was before is gone: the first page is what is left
    more = len(rows) > limit
    rows = rows[:limit]
    if back:
        rows.reverse()
    mark = [[getattr(row, k.name) for k in keys] for row in rows]
    following = encode(mark[-1]) if rows and (more or back) else None
    preceding = encode(mark[0], back=True) if rows and ((back and more) or (at and not back)) else None
    return Page([make(row) for row in rows], following, preceding)


def _beyond(keys: Sequence[Key], values: Sequence[Any], back: bool) -> ColumnElement[bool]:
    # Spelled out as (a > x) or (a = x and b > y): row values with mixed directions are not portable.
    steps: list[ColumnElement[bool]] = []
    for place, key in enumerate(keys):
        same = [k.column == v for k, v in zip(keys[:place], values[:place], strict=True)]
        ahead = key.column < values[place] if key.descending != back else key.column > values[place]
        steps.append(sa.and_(*same, ahead))
    # Said once more of the first key alone, so that an index leads straight to the row and does not walk there on every page.
    first, value = keys[0].column, values[0]
    return sa.and_(first <= value if keys[0].descending != back else first >= value, sa.or_(*steps)) if len(keys) > 1 else sa.or_(*steps)


@dataclass(frozen=True)
class Count:
    """A number counted up to a cap, so that a badge never scans a table."""

    number: int
    capped: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}+" if self.capped else str(self.number)

    def __bool__(self) -> bool:
        return self.number > 0


def capped(query: Select[Any], cap: int = CAP) -> Count:
    """How many rows ``query`` has, at most ``cap``."""
    number = db.session.scalar(sa.select(sa.func.count()).select_from(query.limit(cap + 1).subquery())) or 0
    return Count(min(number, cap), number > cap)
