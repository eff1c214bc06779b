"""Periods of figures: which days, which before, and how weeks and months cover them."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.desk.figure_periods import (
    DRAWN_BY_MONTH,
    LONGEST,
    Span,
    before,
    chosen,
    cover,
    last_weeks,
    monday,
    months_of,
    slices_of,
    spans_of,
    weeks_of,
    whole_month,
    whole_week,
)

TUESDAY = date(2026, 11, 24)
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """A period of up to two years."""
    first = draw(DAYS)
    return Span(first, first + timedelta(days=draw(st.integers(0, 500))))


def test_four_weeks_are_this_one_so_far_and_three_whole_ones() -> None:
    """They begin on a Monday, and stand beside the four before up to the same weekday."""
    span = last_weeks(4, TUESDAY)
    assert span == Span(date(2026, 11, 2), TUESDAY)
    assert before(span) == Span(date(2026, 10, 5), date(2026, 10, 27))


def test_days_of_ones_own_stand_beside_those_just_before() -> None:
    """As many of them."""
    assert before(Span(date(2026, 11, 10), date(2026, 11, 12))) == Span(date(2026, 11, 7), date(2026, 11, 9))


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (date(2026, 11, 1), date(2026, 11, 3), Span(date(2026, 11, 1), date(2026, 11, 3))),
        (date(2026, 11, 3), date(2026, 11, 1), Span(date(2026, 11, 1), date(2026, 11, 3))),
        (date(2026, 11, 20), date(2027, 3, 1), Span(date(2026, 11, 20), TUESDAY)),
        (date(1999, 1, 1), TUESDAY, Span(TUESDAY - timedelta(days=LONGEST - 1), TUESDAY)),
        (None, TUESDAY, None),
        (TUESDAY, None, None),
    ],
)
def test_a_period_of_ones_own_is_made_to_fit(first: date | None, last: date | None, found: Span | None) -> None:
    """In order, over by today, two years at most."""
    assert chosen(first, last, TUESDAY) == found


@given(spans())
def test_weeks_of_a_period_are_all_its_days(span: Span) -> None:
    """In order, each within one week."""
    weeks = weeks_of(span)
    assert [day for week in weeks for day in week] == list(span)
    assert all(monday(week.first) == monday(week.last) for week in weeks)


@given(spans())
def test_months_of_a_period_are_all_its_days(span: Span) -> None:
    """In order, each within one month; a long period is drawn by them, a short one by weeks."""
    months = months_of(span)
    assert [day for month in months for day in month] == list(span)
    assert all(month.first.replace(day=1) == month.last.replace(day=1) for month in months)
    assert slices_of(span) == (months if span.days > DRAWN_BY_MONTH else weeks_of(span))


@given(spans(), st.sets(st.integers(0, 120)), st.sets(st.integers(0, 36)))
def test_cells_cover_every_day_once(span: Span, weeks: set[int], months: set[int]) -> None:
    """Whichever weeks and months there are, and never a day outside."""
    starts = {date(2024, 1, 1) + timedelta(weeks=week) for week in weeks}
    firsts = {date(2024 + month // 12, month % 12 + 1, 1) for month in months}
    by_month, by_week, rest = cover(span, starts, firsts)
    days = [day for start in by_month for day in whole_month(start)] + [day for start in by_week for day in whole_week(start)] + rest
    assert sorted(days) == list(span)
    assert set(by_month) <= firsts
    assert set(by_week) <= starts


@given(st.sets(DAYS, max_size=30))
def test_days_become_stretches_without_a_gap(days: set[date]) -> None:
    """And back."""
    found = spans_of(days)
    assert [day for span in found for day in span] == sorted(days)
    assert all(one.last + timedelta(days=1) < two.first for one, two in pairwise(found))
