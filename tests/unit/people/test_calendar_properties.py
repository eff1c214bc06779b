"""The work calendar against a walker that looks at every minute's wall clock, and the laws of spec/desk.md section 1."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from portal.people.calendar import NoWorkingTime, WorkCalendar

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
Pairs = Sequence[tuple[str, str]]
FAST = settings(max_examples=60, deadline=None, phases=set(Phase) - {Phase.explain}, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
THOROUGH = settings(FAST, max_examples=50)

# Zones with the date of a change of their clocks: an hour, half an hour, two hours, at midnight, a skipped date, none at all.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Antarctica/Troll", date(2026, 3, 29)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Sao_Paulo", date(2019, 2, 17)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kathmandu", date(2026, 5, 4)),
    ("UTC", date(2026, 12, 31)),
]


@dataclass(frozen=True)
class Rules:
    """What a calendar is built from, and the walker's own reading of it."""

    zone: str
    hours: Mapping[int, Pairs]
    holidays: frozenset[date] = frozenset()
    overrides: Mapping[date, Pairs] = field(default_factory=dict)

    def calendar(self) -> WorkCalendar:
        return WorkCalendar(self.zone, self.hours, self.holidays, self.overrides)

    def of(self, day: date) -> Pairs:
        return () if day in self.holidays else self.overrides.get(day, self.hours.get(day.weekday(), ()))

    def is_open_at(self, day: date, wall: str) -> bool:
        """Compare what the wall clock reads with the hours of its date and with those of the night before."""
        today = any(opening <= wall and (wall < closing or closing <= opening) for opening, closing in self.of(day))
        return today or any(closing <= opening and wall < closing for opening, closing in self.of(day - DAY))


class Walk:
    """Every minute of a window, open or not; instants inside it are answered to the microsecond."""

    def __init__(self, rules: Rules, first: datetime, days: int) -> None:
        self.first = first
        zone = ZoneInfo(rules.zone)
        dates = {first.date() + DAY * ahead for ahead in range(-2, days + 2)}
        reading = {day.toordinal(): [rules.is_open_at(day, f"{hour:02}:{minute:02}") for hour in range(24) for minute in range(60)] for day in dates}
        walls = ((first + MINUTE * number).astimezone(zone) for number in range(days * 1440))
        self.open = [reading[wall.toordinal()][wall.hour * 60 + wall.minute] for wall in walls]
        self.used = [timedelta(), *accumulate(MINUTE * is_open for is_open in self.open)]

    def before(self, instant: datetime) -> timedelta:
        whole, rest = divmod(instant - self.first, MINUTE)
        return self.used[whole] + (rest if self.open[whole] else timedelta())

    def earliest(self, used: timedelta) -> datetime:
        minute = bisect_left(self.used, used) - 1
        return self.first + MINUTE * minute + (used - self.used[minute])

    def latest(self, used: timedelta) -> datetime:
        minute = bisect_right(self.used, used) - 1
        return self.first + MINUTE * minute + (used - self.used[minute])


def wall_times(closing: bool = False) -> st.SearchStrategy[str]:
    """Any minute of the day, with a liking for the hours in which clocks change."""
    times = st.builds("{:02}:{:02}".format, st.one_of(st.integers(0, 3), st.integers(0, 23)), st.sampled_from([0, 0, 15, 30, 45, 59]))
    return times | st.just("24:00") if closing else times


def a_day() -> st.SearchStrategy[list[tuple[str, str]]]:
    pairs = st.tuples(wall_times(), wall_times(closing=True)).filter(lambda pair: pair[0] != pair[1])
    return st.lists(pairs, max_size=3)


@st.composite
def rules_near_a_change(draw: st.DrawFn) -> tuple[Rules, date]:
    zone, day = draw(st.sampled_from(CHANGES))
    near = st.integers(-3, 4).map(lambda days: day + DAY * days)
    hours = draw(st.dictionaries(st.integers(0, 6), a_day(), min_size=3))
    return Rules(zone, hours, draw(st.frozensets(near, max_size=2)), draw(st.dictionaries(near, a_day(), max_size=2))), day


def instants(day: date, reach: int = 3) -> st.SearchStrategy[datetime]:
    """Instants around a date: on a full hour, a minute, or any microsecond."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    hour, minute, micro = (st.integers(-reach * size, reach * size) for size in (24, 1440, 86_400_000_000))
    return st.one_of(
        hour.map(lambda number: noon + timedelta(hours=number)),
        minute.map(lambda number: noon + timedelta(minutes=number)),
        micro.map(lambda number: noon + timedelta(microseconds=number)),
    )


def works(hours: int = 60) -> st.SearchStrategy[timedelta]:
    return st.integers(1, hours * 4).map(lambda quarters: timedelta(minutes=15 * quarters)) | st.timedeltas(timedelta(microseconds=1), timedelta(hours=hours))


@THOROUGH
@given(st.data(), rules_near_a_change())
def test_it_agrees_with_the_minute_walker(data: st.DataObject, near: tuple[Rules, date]) -> None:
    """Open, next open, worked, due, due backwards and the segments are what a walk through all minutes finds."""
    rules, day = near
    calendar, first = rules.calendar(), datetime(day.year, day.month, day.day, tzinfo=UTC) - 4 * DAY
    walk = Walk(rules, first, 9)
    for _ in range(8):
        start, end = data.draw(instants(day)), data.draw(instants(day))
        assert calendar.is_open(start) is walk.open[(start - first) // MINUTE]
        assert calendar.worked(start, end) == walk.before(end) - walk.before(start)
        assert sum((closing - opening for opening, closing in calendar.segments(start, end)), timedelta()) == max(calendar.worked(start, end), timedelta())
        work = data.draw(works(30))
        if walk.before(start) + work <= walk.used[-1]:
            assert calendar.due(start, work) == walk.earliest(walk.before(start) + work)
        if walk.before(start) >= work:
            assert calendar.due(start, -work) == walk.latest(walk.before(start) - work)
        minute = (start - first) // MINUTE
        later = next((number for number in range(minute, len(walk.open)) if walk.open[number]), None)
        if later is not None:
            assert calendar.next_open(start) == max(start, first + MINUTE * later)


@FAST
@given(st.data(), rules_near_a_change())
def test_segments_are_the_maximal_open_stretches(data: st.DataObject, near: tuple[Rules, date]) -> None:
    """They are in order, apart from each other, open at their first instant and closed at their end."""
    rules, day = near
    calendar, (start, end) = rules.calendar(), sorted((data.draw(instants(day, 6)), data.draw(instants(day, 6))))
    spans = calendar.segments(start, end)
    assert all(opening < closing for opening, closing in spans)
    assert all(one[1] < other[0] for one, other in pairwise(spans))
    assert all(calendar.is_open(opening) for opening, _ in spans)
    assert all(closing == end or not calendar.is_open(closing) for _, closing in spans)


@FAST
@given(st.data(), rules_near_a_change())
def test_the_hours_of_the_dates_are_all_the_hours_there_are(data: st.DataObject, near: tuple[Rules, date]) -> None:
    """Whatever is open lies in the hours of some date, and the hours of a date are open."""
    rules, day = near
    calendar, instant = rules.calendar(), data.draw(instants(day))
    local = instant.astimezone(ZoneInfo(rules.zone)).date()
    hours = [span for back in (0, 1) for span in calendar.opening_hours(local - DAY * back)]
    assert any(opening <= instant < closing for opening, closing in hours) is calendar.is_open(instant)


@FAST
@given(st.data(), rules_near_a_change(), works())
def test_due_is_the_inverse_of_worked(data: st.DataObject, near: tuple[Rules, date], work: timedelta) -> None:
    """W(W⁻¹(x)) = x, forwards and backwards, and no earlier instant would do."""
    rules, day = near
    calendar, start = rules.calendar(), data.draw(instants(day))
    assume(calendar.has_working_time(start, 14))
    assume(any(rules.hours.values()))
    for signed in (work, -work):
        due = calendar.due(start, signed)
        assert calendar.worked(start, due) == signed
        nearer = due + timedelta(microseconds=-1 if signed > timedelta() else 1)
        assert abs(calendar.worked(start, nearer)) < work
    assert calendar.is_open(calendar.next_open(start))


@FAST
@given(st.data(), rules_near_a_change(), works(), works())
def test_time_only_grows(data: st.DataObject, near: tuple[Rules, date], less: timedelta, more: timedelta) -> None:
    """W is monotone and additive; more work is never due earlier, and work in two parts is the work in one."""
    rules, day = near
    calendar = rules.calendar()
    first, second, third = sorted(data.draw(instants(day)) for _ in range(3))
    assert timedelta() <= calendar.worked(first, second) <= calendar.worked(first, third) <= third - first
    assert calendar.worked(first, second) + calendar.worked(second, third) == calendar.worked(first, third)
    assert calendar.worked(third, first) == -calendar.worked(first, third)
    assume(any(rules.hours.values()))
    less, more = sorted((less, more))
    assert calendar.due(first, less) <= calendar.due(first, more)
    assert calendar.due(first, less) <= calendar.due(second, less)
    assert calendar.due(calendar.due(first, less), more) == calendar.due(first, less + more)


@st.composite
def pauses_near(draw: st.DrawFn, day: date) -> list[tuple[datetime, datetime]]:
    pairs = draw(st.lists(st.tuples(instants(day), instants(day)), max_size=4))
    return [(min(pair), max(pair)) for pair in pairs]


@FAST
@given(st.data(), rules_near_a_change(), works())
def test_pauses(data: st.DataObject, near: tuple[Rules, date], work: timedelta) -> None:
    """The work fits exactly outside the pauses; order, splitting and empty pauses change nothing; no pause makes it due earlier."""
    rules, day = near
    assume(any(rules.hours.values()))
    calendar, start, pauses = rules.calendar(), data.draw(instants(day)), data.draw(pauses_near(day))
    due = calendar.due(start, work, pauses)
    assert due is not None
    paused = sum((calendar.worked(max(one, start), min(end, due)) for one, end in union(pauses) if one < due and end > start), timedelta())
    assert calendar.worked(start, due) - paused == work
    assert due >= calendar.due(start, work)
    assert all(calendar.due(start, work, pauses[:number]) <= due for number in range(len(pauses)))  # type: ignore[operator]  # all pauses end
    halves = [half for one, end in pauses for half in ((one + (end - one) / 3, end), (one, one + (end - one) / 3))]
    assert calendar.due(start, work, halves) == due
    moment = data.draw(instants(day))
    assert calendar.due(start, work, [*reversed(pauses), (moment, moment)]) == due


@FAST
@given(st.data(), rules_near_a_change(), works())
def test_a_pause_without_end(data: st.DataObject, near: tuple[Rules, date], work: timedelta) -> None:
    """Still paused: due as without it when the work is used up before, otherwise not due at all."""
    rules, day = near
    assume(any(rules.hours.values()))
    calendar, start, begin = rules.calendar(), data.draw(instants(day)), data.draw(instants(day))
    due = calendar.due(start, work)
    assert calendar.due(start, work, [(begin, None)]) == (due if due <= begin else None)


@FAST
@given(st.data(), rules_near_a_change(), works())
def test_backwards_around_pauses(data: st.DataObject, near: tuple[Rules, date], work: timedelta) -> None:
    """Going back from an instant and forward again around the same pauses leads to it, or to the closing or pause before it."""
    rules, day = near
    assume(any(rules.hours.values()))
    calendar, start, pauses = rules.calendar(), data.draw(instants(day)), data.draw(pauses_near(day))
    back = calendar.due(start, -work, pauses)
    assert back is not None
    again = calendar.due(back, work, pauses)
    assert again is not None
    between = [span for one, end in calendar.segments(again, start) for span in outside((one, end), union(pauses))]
    assert again <= start
    assert between == []


@FAST
@given(st.data(), rules_near_a_change(), works())
def test_a_holiday_never_makes_a_due_earlier(data: st.DataObject, near: tuple[Rules, date], work: timedelta) -> None:
    """One more day off only ever moves a due time later."""
    rules, day = near
    assume(any(rules.hours.values()))
    start, holiday = data.draw(instants(day)), day + DAY * data.draw(st.integers(-2, 8))
    more = Rules(rules.zone, rules.hours, rules.holidays | {holiday}, rules.overrides)
    assert more.calendar().due(start, work) >= rules.calendar().due(start, work)


@FAST
@given(st.data(), rules_near_a_change(), st.integers(1, 4))
def test_working_days_later_go_on(data: st.DataObject, near: tuple[Rules, date], days: int) -> None:
    """Later days are later dates with hours, never after their close."""
    rules, day = near
    calendar, start = rules.calendar(), data.draw(instants(day))
    try:
        later = calendar.working_day_later(start, days)
    except NoWorkingTime:
        assert not any(rules.hours.values())
        return
    assert later > start or rules.zone == "Pacific/Apia"
    assert later <= calendar.working_day_later(start, days + 1)


def union(pauses: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The pauses in order, without overlaps."""
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(pauses):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def outside(span: tuple[datetime, datetime], pauses: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """What of a stretch lies outside the pauses."""
    start, rest = span[0], []
    for begin, end in pauses:
        if begin >= span[1]:
            break
        if begin > start:
            rest.append((start, begin))
        start = max(start, end)
    return [*rest, (start, span[1])] if start < span[1] else rest
