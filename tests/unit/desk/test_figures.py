"""Counts that can be added, and percentiles read from them."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.desk import figures

DAY = date(2026, 3, 2)
BERLIN = ZoneInfo("Europe/Berlin")
SECONDS = st.integers(0, 400 * 86400)


def counted(stop: figures.Stop) -> Counter[tuple[date, str, int]]:
    """What a clock counts for, by day, measure and bucket."""
    found: Counter[tuple[date, str, int]] = Counter()
    for day, measure, number, n in figures.counts_of_clock(stop):
        found[day, measure, number] += n
    return found


def stops(status: str = "met", *, due: date | None = DAY, name: str = "resolution", stopped: date | None = DAY) -> figures.Stop:
    """A clock that stopped after an hour and a half of work, half an hour of waiting and ten hours on the wall."""
    return figures.Stop(name, status, due, stopped, figures.bucket(5400), figures.bucket(36000), 5400, 1800)


@given(SECONDS)
def test_every_second_lies_in_its_bucket(seconds: int) -> None:
    """Buckets cover the line."""
    low, high = figures.bounds(figures.bucket(seconds))
    assert low <= seconds <= high


@given(SECONDS)
def test_buckets_follow_each_other_without_a_gap(seconds: int) -> None:
    """Where one ends the next begins."""
    number = figures.bucket(seconds)
    assert figures.bucket(figures.bounds(number)[1] + 1) == number + 1


@given(st.lists(SECONDS, min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_within_the_documented_bound(times: list[int], share: float) -> None:
    """Against the nearest rank of the sorted list."""
    exact = sorted(times)[max(1, ceil(share * len(times))) - 1]
    found = figures.percentile(Counter(map(figures.bucket, times)), share)
    assert found is not None
    assert abs(found - exact) <= exact * figures.ERROR


def test_nothing_has_no_percentile() -> None:
    """And no share on time."""
    assert figures.percentile({}, 0.9) is None
    assert figures.on_time(0, 0, 0) is None


TIMES = {"resolution_time", "resolution_elapsed", "resolution_worked", "resolution_paused"}


@pytest.mark.parametrize(
    ("stop", "measures"),
    [
        (stops("met"), {"resolution_met", *TIMES}),
        (stops("missed"), {"resolution_missed", *TIMES}),
        (stops("cancelled"), set()),
        (stops("met", due=None), TIMES),
        (replace(stops("missed"), time_bucket=None), {"resolution_missed"}),
        (stops("met", name="next_response"), {"next_response_met"}),
        (stops("met", name="promise"), {"promise_met"}),
        (stops("running", stopped=None), set()),
    ],
)
def test_what_a_clock_counts_for(stop: figures.Stop, measures: set[str]) -> None:
    """R20 and R19: a verdict and the times; cancelled and running clocks are not counted here."""
    assert {measure for _, measure, _ in counted(stop)} == measures


def test_waiting_and_work_are_sums_of_minutes() -> None:
    """So that the share of waiting adds up."""
    found = counted(stops())
    assert (found[DAY, "resolution_worked", 0], found[DAY, "resolution_paused", 0]) == (90, 30)


def test_a_verdict_counts_on_the_day_it_was_due_and_a_time_on_the_day_it_stopped() -> None:
    """Ten past midnight in Berlin is the day before in UTC."""
    due = figures.day_of(datetime(2026, 3, 1, 23, 10, tzinfo=UTC), BERLIN)
    assert due == date(2026, 3, 2)
    days = {measure: day for day, measure, _ in counted(stops(due=due, stopped=date(2026, 3, 1)))}
    assert (days["resolution_met"], days["resolution_time"]) == (date(2026, 3, 2), date(2026, 3, 1))


def test_reopening_withdraws_the_verdict() -> None:
    """R12: what was added is taken away again, exactly."""
    place = figures.Place(DAY, 1, 7, "normal", False)
    was = Counter({figures.Key(place, measure, number): n for (_, measure, number), n in counted(stops()).items()})
    assert figures.difference(was, Counter()) == {key: -n for key, n in was.items()}
    assert figures.difference(was, was) == {}


def test_what_is_opened_counts_with_who_asked() -> None:
    """And once more when no end was promised."""
    assert list(figures.counts_of_event("opened", DAY, 4, is_open_ended=False)) == [(DAY, "opened", 4, 1)]
    assert list(figures.counts_of_event("opened", DAY, None, is_open_ended=True)) == [(DAY, "opened", 0, 1), (DAY, "unpromised", 0, 1)]
    assert list(figures.counts_of_event("reopened", DAY, 4, is_open_ended=False)) == [(DAY, "reopened", 0, 1)]


def test_open_and_late_is_missed_now() -> None:
    """R20: leaving things open cannot improve the number."""
    assert figures.on_time(9, 1, 0) == pytest.approx(0.9)
    assert figures.on_time(9, 1, 2) == pytest.approx(0.75)


ROWS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["normal", "urgent"]),
        st.booleans(),
        st.sampled_from(["opened", "resolution_time"]),
        st.integers(0, 40),
        st.integers(-2, 5),
    ),
    max_size=30,
)


@given(st.lists(ROWS, max_size=4))
def test_packed_cells_add_up_to_their_rows(cells: list[list[tuple[int, str, bool, str, int, int]]]) -> None:
    """Whether rows are read one by one or packed in cells, sums and parts are the same, but for what came to nothing."""
    whole: figures.Sums = {}
    parts: figures.Parts = {}
    for rows in cells:
        text, apart = figures.packed(rows)
        figures.merge(whole, json.loads(text))
        figures.merge_parts(parts, json.loads(apart))
    plain: figures.Sums = {}
    plain_parts: figures.Parts = {}
    for row in (row for rows in cells for row in rows):
        figures.add(plain, *row[3:])
        figures.add_parts(plain_parts, row)
    assert told(whole) == told(plain)
    for name, values in plain_parts.items():
        for value, sums in values.items():
            assert told(parts.get(name, {}).get(value, {})) == told(sums)
            assert all(number == 0 for number in sums.get("opened", {}))


def told(sums: figures.Sums) -> dict[tuple[str, int], int]:
    """Sums without what came to nothing."""
    return {(measure, number): n for measure, counts in sums.items() for number, n in counts.items() if n}
