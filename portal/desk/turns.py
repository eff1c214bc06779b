"""Who gets the next request: by turn or by least open work. Pure.

A turn is a walk: everybody stands somewhere on the same road, the hindmost goes next and steps ahead, the shorter the more they take on.
Whoever was away starts again where the others are; a backlog does not wait for people who come back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

ROAD = 2520
"""One step of somebody who takes one share; whole for every weight up to ten."""
MOST_SHARES = 10
_NEVER = datetime(1, 1, 1, tzinfo=UTC)


class Way(StrEnum):
    """How a department shares out what comes in."""

    HAND = "hand"
    TURN = "turn"
    LEAST = "least"


@dataclass(frozen=True)
class Sharing:
    """What a lead decides; ``services`` are the ways of services that differ, ``shares`` weight and cap by person."""

    way: Way
    away_days: int | None = None
    returns_idle: bool = False
    services: Mapping[int, Way] = field(default_factory=dict)
    shares: Mapping[int, tuple[int, int | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """Somebody who may get the request; ``place`` on the road, ``open`` requests they have, ``cap`` of those (None: any number)."""

    person_id: int
    place: int = 0
    weight: int = 1
    open: int = 0
    cap: int | None = None
    last_at: datetime | None = None
    is_here: bool = True

    @property
    def can_take(self) -> bool:
        """True when they are here and below their cap."""
        return self.is_here and (self.cap is None or self.open < self.cap)


def choose(candidates: Sequence[Candidate], way: Way, floor: int = 0) -> Candidate | None:
    """Who is next; None when nobody can take it or the department shares out by hand. ``floor``: where the last one stood."""
    able = [one for one in candidates if one.can_take]
    if not able or way is Way.HAND:
        return None
    if way is Way.TURN:
        return min(able, key=lambda one: (stands_at(one, floor), one.last_at or _NEVER, one.person_id))
    return min(able, key=lambda one: (one.open / one.weight, one.last_at or _NEVER, one.person_id))


def stands_at(one: Candidate, floor: int) -> int:
    """Where somebody stands, never behind the last one who went."""
    return max(one.place, floor)


def stepped(one: Candidate, floor: int) -> int:
    """Where somebody stands after their turn."""
    return stands_at(one, floor) + ROAD // min(max(one.weight, 1), MOST_SHARES)
