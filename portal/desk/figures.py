"""Figures of a department as sums that can be added: what a clock and an event count for, and percentiles of a histogram.

Everything kept is a count per key, so a change is the difference between what a row counted for before and what it counts for
now. Times are kept in buckets that are exact up to 32 s and then a sixteenth of a power of two wide; a percentile read from them
differs from the exact one by at most 1/32 of its value (half a bucket).
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

STEPS = 16
"""Buckets per power of two."""
EXACT = 2 * STEPS
"""Seconds below this have a bucket each."""
ERROR = 1 / (2 * STEPS)
"""How far a percentile can be from the exact one, as a share of the exact one."""
TIMED = {"first_response": "first_response_time", "resolution": "resolution_time"}
"""Clocks whose working time is kept, with the measure it is kept under."""
ELAPSED = {"first_response": "first_response_elapsed", "resolution": "resolution_elapsed"}
"""The same by the clock on the wall, nights and weekends included."""
WORKED, PAUSED = "resolution_worked", "resolution_paused"
"""Minutes until it was solved, running and waiting; these are sums and not numbers of requests."""
OPENED, UNPROMISED = "opened", "unpromised"


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
    """One row of the table of counts; ``bucket`` is one of times, of what was opened the asking department, else 0."""

    place: Place
    measure: str
    bucket: int = 0


@dataclass(frozen=True)
class Stop:
    """What figures need of a clock that stopped: its name, how it stands, the days it counts on, its buckets and lengths in seconds."""

    name: str
    status: str
    due_day: date | None
    stop_day: date | None
    time_bucket: int | None = 0
    elapsed_bucket: int | None = None
    worked_seconds: int = 0
    paused_seconds: int = 0


def day_of(instant: datetime, zone: tzinfo) -> date:
    """The day of an instant on the calendar of a zone."""
    return instant.astimezone(zone).date()


def bucket(seconds: int) -> int:
    """The bucket of a time in whole seconds; negative times count as none."""
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
    """The time in seconds that ``share`` (0 to 1) of all reach at most, nearest rank; None without any."""
    total = sum(histogram.values())
    rank, seen = max(1, -int(-share * total // 1)), 0
    for number in sorted(histogram):
        seen += histogram[number]
        if seen >= rank and total:
            return sum(bounds(number)) / 2
    return None


def counts_of_clock(stop: Stop) -> Iterator[tuple[date, str, int, int]]:
    """(day, measure, bucket, n): its verdict on the day it was due (R20), its times on the day it stopped. A cancelled one counts nothing.

    One that was late when it was cancelled has no time: its verdict counts alone.
    """
    if stop.stop_day is None or stop.status not in ("met", "missed"):
        return
    if stop.due_day is not None:
        yield stop.due_day, f"{stop.name}_{stop.status}", 0, 1
    if stop.time_bucket is None:
        return
    if measure := TIMED.get(stop.name):
        yield stop.stop_day, measure, stop.time_bucket, 1
        if stop.elapsed_bucket is not None:
            yield stop.stop_day, ELAPSED[stop.name], stop.elapsed_bucket, 1
    if stop.name == "resolution":
        for name, seconds in ((WORKED, stop.worked_seconds), (PAUSED, stop.paused_seconds)):
            if seconds >= 60:
                yield stop.stop_day, name, 0, seconds // 60


def counts_of_event(kind: str, day: date, asked_from: int | None, *, is_open_ended: bool) -> Iterator[tuple[date, str, int, int]]:
    """(day, measure, bucket, n) of what comes and goes; what is opened counts with who asked, and once more when no end was promised."""
    yield day, kind, (asked_from or 0) if kind == OPENED else 0, 1
    if kind == OPENED and is_open_ended:
        yield day, UNPROMISED, 0, 1


def difference(old: Counter[Key], new: Counter[Key]) -> dict[Key, int]:
    """What to add to the counts when a row changes, in the order in which rows are locked; nothing for what stays."""
    changed = {key: new[key] - old[key] for key in old.keys() | new.keys()}
    return {key: changed[key] for key in sorted(changed) if changed[key]}


def on_time(met: int, missed: int, open_late: int) -> float | None:
    """Share kept of all that was due (R20); what is open and past due is missed now. None when nothing was due."""
    due = met + missed + open_late
    return met / due if due else None


# -- sums ---------------------------------------------------------------------------------------------------------------

Sums = dict[str, dict[int, int]]
"""What adds up, by measure and bucket."""
Parts = dict[str, dict[str, Sums]]
"""Sums apart by service, by priority and by whether customers notice: "service", "priority", "notices" -> value -> sums."""


def add(sums: Sums, measure: str, number: int, n: int) -> None:
    """Add one count."""
    buckets = sums.setdefault(measure, {})
    buckets[number] = buckets.get(number, 0) + n


def join(sums: Sums, more: Sums) -> None:
    """Add other sums."""
    for measure, counts in more.items():
        buckets = sums.setdefault(measure, {})
        for number, n in counts.items():
            buckets[number] = buckets.get(number, 0) + n


def merge(sums: Sums, more: Mapping[str, Mapping[str, int]]) -> None:
    """Add sums as they were packed, with text for buckets."""
    for measure, counts in more.items():
        buckets = sums.setdefault(measure, {})
        for number, n in counts.items():
            place = int(number)
            buckets[place] = buckets.get(place, 0) + n


APART = frozenset({OPENED, *TIMED.values(), *(f"{clock}_{end}" for clock in TIMED for end in ("met", "missed", "open_late"))})
"""Measures that are shown by part."""


def add_parts(parts: Parts, row: tuple[int, str, bool, str, int, int]) -> None:
    """Add a count (service, priority, customers notice, measure, bucket, n) to each of its parts; who asked is not kept apart."""
    service_id, priority, notices, measure, number, n = row
    if measure not in APART:
        return
    number = 0 if measure == OPENED else number
    for name, value in (("service", str(service_id)), ("priority", priority), ("notices", "yes" if notices else "no")):
        add(parts.setdefault(name, {}).setdefault(value, {}), measure, number, n)


def merge_parts(parts: Parts, more: Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]]) -> None:
    """Add parts as they were packed."""
    for name, values in more.items():
        kept = parts.setdefault(name, {})
        for value, sums in values.items():
            merge(kept.setdefault(value, {}), sums)


def packed(rows: Iterable[tuple[int, str, bool, str, int, int]]) -> tuple[str, str]:
    """Rows of counts as JSON: all together, and by part."""
    whole: Sums = {}
    parts: Parts = {}
    for row in rows:
        if row[5]:
            add(whole, row[3], row[4], row[5])
            add_parts(parts, row)
    return tuple(json.dumps(found, separators=(",", ":"), sort_keys=True) for found in (whole, parts))  # type: ignore[return-value]  # two of them
