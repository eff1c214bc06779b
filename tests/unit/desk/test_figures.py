"""Counts that can be added, and percentiles read from them."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.desk import figures

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
SECONDS = st.integers(0, 400 * 86400)


def counted(stop: figures.Stop, department: int = 1) -> Counter[figures.Key]:
    """What a clock of the repair service counts for in Berlin."""
    return figures.counts_for(stop, 7, department, "normal", False, BERLIN)


def stops(late: int = 0, *, status: str = "stopped", due: datetime | None = NOON, name: str = "resolution") -> figures.Stop:
    """A clock that stopped ``late`` seconds after noon."""
    return figures.Stop(name, status, due, NOON + timedelta(seconds=late), 5400)


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


@pytest.mark.parametrize(
    ("stop", "measures"),
    [
        (stops(0), {"resolution_met", "resolution_time"}),
        (stops(1), {"resolution_missed", "resolution_time"}),
        (stops(1, status="cancelled"), set()),
        (stops(due=None), {"resolution_time"}),
        (stops(name="next_response"), {"next_response_met"}),
        (figures.Stop("resolution", "running", NOON, None, 0), set()),
    ],
)
def test_what_a_clock_counts_for(stop: figures.Stop, measures: set[str]) -> None:
    """R20 and R19: at the due instant is kept, a second later is not, cancelled and running ones are not counted here."""
    assert {key.measure for key in counted(stop)} == measures


def test_a_verdict_counts_on_the_day_it_was_due_where_the_department_works() -> None:
    """Ten past midnight in Berlin is the day before in UTC."""
    due = datetime(2026, 3, 1, 23, 10, tzinfo=UTC)
    met = [key for key in counted(figures.Stop("resolution", "stopped", due, due, 60)) if key.measure == "resolution_met"]
    assert [key.place.day for key in met] == [date(2026, 3, 2)]


def test_reopening_withdraws_the_verdict() -> None:
    """R12: what was added is taken away again, exactly."""
    was, now = counted(stops()), counted(figures.Stop("resolution", "running", NOON, None, 5400))
    assert set(figures.difference(was, now).values()) == {-1}
    assert figures.difference(was, was) == {}


def test_open_and_late_is_missed_now() -> None:
    """R20: leaving things open cannot improve the number."""
    assert figures.on_time(9, 1, 0) == pytest.approx(0.9)
    assert figures.on_time(9, 1, 2) == pytest.approx(0.75)


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 3)), min_size=1, max_size=30))
def test_changes_add_up_to_the_last_state(story: list[tuple[int, int]]) -> None:
    """However often a row changes, the sums equal counting its last state alone."""
    kept: Counter[figures.Key] = Counter()
    was: Counter[figures.Key] = Counter()
    for late, department in story:
        now = counted(stops(late * 3600), department)
        for key, change in figures.difference(was, now).items():
            kept[key] += change
        was = now
    assert {key: n for key, n in kept.items() if n} == dict(was)
