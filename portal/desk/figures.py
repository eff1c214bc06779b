"""Figures of a department as sums that can be added: what a clock row and a request count for, and percentiles of a histogram.

Everything kept is a count per key, so a change is the difference between what the row counted for before and what it counts for
now. Working times are kept in buckets that are exact up to 32 s and then a sixteenth of a power of two wide; a percentile read
from them differs from the exact one by at most 1/32 of its value (half a bucket).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

STEPS = 16
"""Buckets per power of two."""
EXACT = 2 * STEPS
"""Seconds below this have a bucket each."""
ERROR = 1 / (2 * STEPS)
"""How far a percentile can be from the exact one, as a share of the exact one."""
SUPPRESSED_BELOW = 5
"""Smaller groups are not broken down."""
TIMED = {"first_response": "first_response_time", "resolution": "resolution_time"}
"""Clocks whose working time is kept, with the measure it is kept under."""


@dataclass(frozen=True, order=True)
class Place:
    """Where something counts: day, department, service, priority, and whether customers notice."""

    day: date
    department_id: int
    service_id: int
    priority: str
    customer_notices: bool


@dataclass(frozen=True, order=True)
class Key:
    """One row of the table of counts; ``bucket`` is 0 for what has no working time."""

    place: Place
    measure: str
    bucket: int = 0


@dataclass(frozen=True)
class Stop:
    """What figures need of a clock row: its name, how it stands, and its instants (UTC) and working time (seconds)."""

    name: str
    status: str
    due: datetime | None
    stopped_at: datetime | None
    worked_seconds: int


def bucket(seconds: int) -> int:
    """The bucket of a working time in whole seconds; negative times count as none."""
    seconds = max(seconds, 0)
    if seconds < EXACT:
        return seconds
    shift = seconds.bit_length() - EXACT.bit_length() + 1
    return shift * STEPS + (seconds >> shift)


def bounds(number: int) -> tuple[int, int]:
    """Least and greatest whole second of a bucket."""
    if number < EXACT:
        return number, number
    shift, step = number // STEPS - 1, number % STEPS + STEPS
    return step << shift, ((step + 1) << shift) - 1


def percentile(histogram: Mapping[int, int], share: float) -> float | None:
    """The working time in seconds that ``share`` (0 to 1) of all reach at most, nearest rank; None without any."""
    total = sum(histogram.values())
    rank, seen = max(1, -int(-share * total // 1)), 0
    for number in sorted(histogram):
        seen += histogram[number]
        if seen >= rank and total:
            return sum(bounds(number)) / 2
    return None


def counts_for(stop: Stop, service_id: int, department_id: int, priority: str, notices: bool, zone: tzinfo) -> Counter[Key]:
    """What a clock row counts for: its verdict on the day it was due (R20), its working time on the day it stopped."""
    found: Counter[Key] = Counter()
    for day, measure, number in _counted(stop, zone):
        found[Key(Place(day, department_id, service_id, priority, notices), measure, number)] += 1
    return found


def _counted(stop: Stop, zone: tzinfo) -> Iterator[tuple[date, str, int]]:
    if stop.stopped_at is None or stop.status == "cancelled":
        return
    if stop.due is not None:
        kept = "met" if stop.stopped_at <= stop.due else "missed"
        yield stop.due.astimezone(zone).date(), f"{stop.name}_{kept}", 0
    if measure := TIMED.get(stop.name):
        yield stop.stopped_at.astimezone(zone).date(), measure, bucket(stop.worked_seconds)


def difference(old: Counter[Key], new: Counter[Key]) -> dict[Key, int]:
    """What to add to the counts when a row changes, in the order in which rows are locked; nothing for what stays."""
    changed = {key: new[key] - old[key] for key in old.keys() | new.keys()}
    return {key: changed[key] for key in sorted(changed) if changed[key]}


def on_time(met: int, missed: int, open_late: int) -> float | None:
    """Share kept of all that was due (R20); what is open and past due is missed now. None when nothing was due."""
    due = met + missed + open_late
    return met / due if due else None
