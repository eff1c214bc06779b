"""Working-time arithmetic on wall-clock opening hours (spec/desk.md R2, R3, R21); standard library only.

An instant is open when its local wall-clock time lies in [opening, closing) of an interval. The missing hour of spring is
therefore never open, the doubled hour of autumn is open twice, and a date that a zone skipped has no hours at all.
W(t) is the open time before t; `worked` is a difference of W and `due` its inverse, exact to the microsecond.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import count
from re import compile as pattern
from types import MappingProxyType
from typing import NamedTuple, overload
from zoneinfo import ZoneInfo

Hours = Sequence[tuple[str, str]]
Pauses = Iterable[tuple[datetime, datetime | None]]
Span = tuple[int, int]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
DAY = 86_400 * SECOND
BLOCK = 64 * DAY  # hours are worked out in pieces of this length, on demand
BLOCKS_KEPT = 256  # about 45 years of each calendar
PROBE = 2 * DAY  # no zone of the tz database changes its offset twice within it (the least is 95 hours)
TWO_YEARS = 731 * DAY
FOREVER = 1 << 62
WALL_TIME = pattern(r"([01][0-9]|2[0-3]):([0-5][0-9])")


class NoWorkingTime(Exception):
    """Two years of the calendar, seen from the instant asked about, hold no open time."""


class WorkCalendar:
    """The opening hours of one zone: weekly, less holidays, with dated overrides.

    `hours` maps weekdays (0 is Monday) to ("HH:MM", "HH:MM") pairs; a missing day or an empty list is closed. "24:00" is a
    closing time only. A closing time earlier than the opening runs over midnight and belongs to the day it starts on, so a
    holiday on the next day does not cut it. Overlapping intervals merge. An override replaces the weekly hours of its date,
    a holiday beats both. A calendar without any hours is accepted; NoWorkingTime arises when it is asked for an instant.
    The years 1 and 9999 hold no hours. Two calendars are equal when zone and hours are. Safe to share between threads.
    Every refusal, and every naive datetime, raises ValueError; every result is UTC.
    """

    __slots__ = ("_blocks", "_dated", "_week", "_zone")

    def __init__(self, zone: str, hours: Mapping[int, Hours], holidays: Collection[date] = (), overrides: Mapping[date, Hours] = MappingProxyType({})) -> None:
        self._zone = _known_zone(zone)
        self._week = _week(hours)
        self._dated = {_ordinal(day): _spans(pairs) for day, pairs in overrides.items()} | {_ordinal(day): () for day in holidays}
        self._blocks: dict[int, _Block] = {}

    @property
    def zone(self) -> str:
        """The name of the zone in the tz database."""
        return self._zone.key

    def is_open(self, instant: datetime) -> bool:
        """Whether the local wall-clock time of `instant` lies in [opening, closing)."""
        at = _micros(instant)
        block = self._block(at // BLOCK)
        place = bisect_right(block.starts, at) - 1
        return place >= 0 and at < block.ends[place]

    def next_open(self, instant: datetime) -> datetime:
        """The first open instant at or after `instant`; NoWorkingTime when two years have none."""
        at = _micros(instant)
        for block in self._onward(at):
            place = bisect_right(block.ends, at)
            if place < len(block.ends):
                return _instant(max(at, block.starts[place]))
        raise NoWorkingTime(self._complaint(at))

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """The open time from `start` to `end`; negative when `end` comes first."""
        first, last = _micros(start), _micros(end)
        return timedelta(microseconds=self._between(first, last) if first <= last else -self._between(last, first))

    @overload
    def due(self, start: datetime, work: timedelta) -> datetime: ...

    @overload
    def due(self, start: datetime, work: timedelta, pauses: Pauses) -> datetime | None: ...

    def due(self, start: datetime, work: timedelta, pauses: Pauses = ()) -> datetime | None:
        """The instant at which `work` of open time outside the `pauses` is used up (R2, R3); NoWorkingTime when two years hold none.

        Used up exactly at closing stays at closing; negative work goes back from `start`, and exactly at opening stays at opening;
        zero work gives `start`. Pauses are (start, end) in any order and may overlap. An end of None is still paused and gives None
        when the work is not used up before (going back it hides what lies after its start). ValueError for an end before its start.
        """
        at, need, merged = _micros(start), work // MICROSECOND, _merged(pauses)
        if need == 0:
            return _instant(at)
        found = self._ahead(at, need, merged) if need > 0 else self._back(at, -need, merged)
        return None if found is None else _instant(found)

    def opening_hours(self, day: date) -> list[tuple[datetime, datetime]]:
        """The hours that belong to `day`, as UTC (start, end) in order: those over midnight run into the next date."""
        return [(_instant(start), _instant(end)) for start, end in self._hours_of(_ordinal(day))]

    def segments(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """The open stretches between two instants as UTC (start, end) in order; none when `end` comes first."""
        first, last = _micros(start), _micros(end)
        spans: list[Span] = []
        for index in range(first // BLOCK, last // BLOCK + 1):
            block = self._block(index)
            for opening, closing in zip(block.starts, block.ends, strict=True):
                if max(opening, first) < min(closing, last):
                    _append(spans, max(opening, first), min(closing, last))
        return [(_instant(opening), _instant(closing)) for opening, closing in spans]

    def working_day_later(self, start: datetime, days: int = 1) -> datetime:
        """The same local time on the `days`-th next date that has opening hours, or that date's close if the time is past it.

        A local time that the date skips counts as the hour after, one that it has twice as the first. `days` is at least 1.
        """
        local = _instant(_micros(start)).astimezone(self._zone)
        if days < 1:
            raise ValueError(f"A working day later needs at least one day, not {days}.")
        for day in (local.date() + timedelta(days=ahead) for ahead in range(1, TWO_YEARS // DAY * days + 1)):
            hours = self.opening_hours(day)
            days -= bool(hours)
            if days == 0:
                same_time = datetime.combine(day, local.time().replace(fold=0), self._zone)
                return min(same_time.astimezone(UTC), hours[-1][1])
        raise NoWorkingTime(self._complaint(_micros(start)))

    def has_working_time(self, start: datetime, within_days: int = 30) -> bool:
        """Whether the `within_days` times 24 hours from `start` hold any open time."""
        at = _micros(start)
        return self._between(at, at + within_days * DAY) > 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WorkCalendar) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        weekly = sum(closing - opening for spans in self._week for opening, closing in spans)
        return f"<WorkCalendar {self.zone}, {weekly / (3600 * SECOND):g} h a week, {len(self._dated)} special dates>"

    def _identity(self) -> tuple[str, tuple[tuple[Span, ...], ...], frozenset[tuple[int, tuple[Span, ...]]]]:
        return self.zone, self._week, frozenset(self._dated.items())

    def _complaint(self, at: int) -> str:
        return f"This calendar ({self.zone}) has no opening hours within two years of {_instant(at):%Y-%m-%d}."

    def _ahead(self, at: int, need: int, pauses: list[Span]) -> int | None:
        for begin, end in pauses:
            if end <= at:
                continue
            free = self._between(at, begin) if begin > at else 0
            if free >= need:
                break
            if end == FOREVER:
                return None
            need -= free
            at = end
        for block in self._onward(at):
            need += block.before(at)
            if need <= block.total:
                return block.earliest(need)
            need -= block.total
        raise NoWorkingTime(self._complaint(at))

    def _back(self, at: int, need: int, pauses: list[Span]) -> int:
        for begin, end in reversed(pauses):
            if begin >= at:
                continue
            free = self._between(end, at) if end < at else 0
            if free >= need:
                break
            need -= free
            at = begin
        for block in self._backward(at):
            free = block.before(at)
            if need <= free:
                return block.latest(free - need)
            need -= free
        raise NoWorkingTime(self._complaint(at))

    def _between(self, first: int, last: int) -> int:
        start, end = first // BLOCK, last // BLOCK
        whole = sum(self._block(index).total for index in range(start, end))
        return whole + self._block(end).before(last) - self._block(start).before(first)

    def _onward(self, at: int) -> Iterator["_Block"]:
        """The blocks from the one of `at` on, until two years hold no open time."""
        last = at
        for index in count(at // BLOCK):
            block = self._block(index)
            if (block.starts[0] if block.starts else (index + 1) * BLOCK) - last > TWO_YEARS:
                return
            yield block
            last = max(last, block.ends[-1]) if block.ends else last

    def _backward(self, at: int) -> Iterator["_Block"]:
        """The blocks from the one of `at` back, until two years hold no open time."""
        last = at
        for index in count(at // BLOCK, -1):
            block = self._block(index)
            if last - (block.ends[-1] if block.ends else index * BLOCK) > TWO_YEARS:
                return
            yield block
            last = min(last, block.starts[0]) if block.starts else last

    def _block(self, index: int) -> "_Block":
        block = self._blocks.get(index)
        if block is None:
            if len(self._blocks) >= BLOCKS_KEPT:
                self._blocks.clear()
            block = self._blocks[index] = self._build(index)
        return block

    def _build(self, index: int) -> "_Block":
        if not FIRST_BLOCK <= index <= LAST_BLOCK:
            return _Block.of([])
        first = EPOCH_ORDINAL + index * BLOCK // DAY
        local: list[Span] = []
        for ordinal in range(first - 3, first + BLOCK // DAY + 2):  # zones are up to a day off, hours up to a day late
            for span in self._wall_spans(ordinal):
                _append(local, *span)
        return _Block.of(_resolved(local, _offsets(self._zone, index)))

    def _wall_spans(self, ordinal: int) -> list[Span]:
        midnight = (ordinal - EPOCH_ORDINAL) * DAY
        return [(midnight + opening, midnight + closing) for opening, closing in self._dated.get(ordinal, self._week[(ordinal + 6) % 7])]

    def _hours_of(self, ordinal: int) -> list[Span]:
        local, midnight = self._wall_spans(ordinal), (ordinal - EPOCH_ORDINAL) * DAY
        blocks = range(max(FIRST_BLOCK, (midnight - DAY) // BLOCK), min(LAST_BLOCK, (midnight + 3 * DAY) // BLOCK) + 1)
        return _resolved(local, (period for index in blocks for period in _offsets(self._zone, index))) if local else []


class _Block(NamedTuple):
    """The open stretches of one block in microseconds, with the open time before each of them."""

    starts: list[int]
    ends: list[int]
    used: list[int]
    reached: list[int]
    total: int

    @classmethod
    def of(cls, spans: list[Span]) -> "_Block":
        used, reached, total = [], [], 0
        for start, end in spans:
            used.append(total)
            total += end - start
            reached.append(total)
        return cls([start for start, _ in spans], [end for _, end in spans], used, reached, total)

    def before(self, at: int) -> int:
        """The open time of the block before `at`."""
        place = bisect_right(self.starts, at) - 1
        return self.used[place] + min(at, self.ends[place]) - self.starts[place] if place >= 0 else 0

    def earliest(self, used: int) -> int:
        """The first instant with `used` open time before it: a closing rather than the next opening."""
        place = bisect_left(self.reached, used)
        return self.starts[place] + used - self.used[place]

    def latest(self, used: int) -> int:
        """The last instant with `used` open time before it: an opening rather than the closing before."""
        place = bisect_right(self.used, used) - 1
        return self.starts[place] + used - self.used[place]


def _micros(instant: object) -> int:
    if not isinstance(instant, datetime) or instant.utcoffset() is None:
        raise ValueError(f"An instant needs a date, a time and a zone, not {instant!r}.")
    since = instant - EPOCH
    return since.days * DAY + since.seconds * SECOND + since.microseconds


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _append(spans: list[Span], start: int, end: int) -> None:
    """Add a span that starts no earlier than the last one; it merges with what it overlaps or touches."""
    if spans and start <= spans[-1][1]:
        spans[-1] = (spans[-1][0], max(spans[-1][1], end))
    else:
        spans.append((start, end))


def _merged(pauses: Pauses) -> list[Span]:
    """The pauses in order, without overlaps and empty ones; FOREVER stands for an end of None."""
    spans: list[Span] = []
    for start, end in sorted((_micros(start), FOREVER if end is None else _micros(end)) for start, end in pauses):
        if end < start:
            raise ValueError(f"A pause ends before it starts ({_instant(start).isoformat()}).")
        if end > start:
            _append(spans, start, end)
    return spans


def _resolved(local: list[Span], periods: Iterable[tuple[int, int, int]]) -> list[Span]:
    """The UTC spans whose wall-clock time lies in the `local` spans, period of constant offset by period."""
    spans: list[Span] = []
    for begin, end, offset in periods:
        low, high = begin + offset, end + offset
        for opening, closing in local:
            if closing > low and opening < high:
                _append(spans, max(opening, low) - offset, min(closing, high) - offset)
    return spans


@lru_cache(maxsize=2048)
def _offsets(zone: ZoneInfo, index: int) -> tuple[tuple[int, int, int], ...]:
    """The periods (start, end, offset from UTC) of constant offset in one block, in microseconds."""
    begin, stop = index * BLOCK, (index + 1) * BLOCK
    offset, periods = _offset(zone, begin), []
    for probe in range(begin + PROBE, stop + 1, PROBE):
        later = _offset(zone, probe)
        if later != offset:
            change = _change(zone, probe - PROBE, probe)
            periods.append((begin, change, offset))
            begin, offset = change, later
    return *periods, (begin, stop, offset)


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """The instant at which the offset of `low` gives way to that of `high`; zones change on whole seconds."""
    offset, low, high = _offset(zone, low), low // SECOND, high // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle * SECOND) == offset:
            low = middle
        else:
            high = middle
    return high * SECOND


def _offset(zone: ZoneInfo, micros: int) -> int:
    at = _instant(micros)
    return (at.astimezone(zone).replace(tzinfo=None) - at.replace(tzinfo=None)) // MICROSECOND


def _known_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, TypeError, AttributeError, OSError) as error:  # each is raised for some kind of wrong name
        raise ValueError(f"{name!r} is not a time zone such as 'Europe/Berlin'.") from error


def _week(hours: Mapping[int, Hours]) -> tuple[tuple[Span, ...], ...]:
    for day in hours:
        if type(day) is not int or not 0 <= day <= 6:
            raise ValueError(f"Weekdays are 0 (Monday) to 6 (Sunday), not {day!r}.")
    return tuple(_spans(hours.get(day, ())) for day in range(7))


def _ordinal(day: object) -> int:
    if isinstance(day, date) and not isinstance(day, datetime):
        return day.toordinal()
    raise ValueError(f"A date without time is needed, not {day!r}.")


def _spans(pairs: object) -> tuple[Span, ...]:
    """One day's intervals in microseconds after its midnight, in order and merged."""
    spans: list[Span] = []
    for span in sorted(_span(pair) for pair in _sequence(pairs)):
        _append(spans, *span)
    return tuple(spans)


def _span(pair: object) -> Span:
    times = _sequence(pair)
    if len(times) != 2:
        raise ValueError(f"Opening hours are pairs such as ('09:00', '17:00'), not {pair!r}.")
    opening, closing = _wall(times[0]), DAY if times[1] == "24:00" else _wall(times[1])
    if opening == closing:
        raise ValueError(f"Opening and closing are the same time, {times[0]}; the whole day is '00:00' to '24:00'.")
    return opening, closing if closing > opening else closing + DAY


def _sequence(value: object) -> Sequence[object]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    raise ValueError(f"Opening hours are a list of pairs such as ('09:00', '17:00'), not {value!r}.")


def _wall(text: object) -> int:
    match = WALL_TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"A time is written 'HH:MM' ('24:00' only as closing), not {text!r}.")
    return (int(match[1]) * 60 + int(match[2])) * 60 * SECOND


FIRST_BLOCK = _micros(datetime(2, 1, 1, tzinfo=UTC)) // BLOCK + 1
LAST_BLOCK = _micros(datetime(9998, 12, 1, tzinfo=UTC)) // BLOCK - 1
