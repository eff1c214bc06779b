"""The greeting says the part of the day and what waits."""

from datetime import date, time

import pytest

from portal.home import rules


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("03:59", "Good evening, %(name)s."),
        ("04:00", "Good morning, %(name)s."),
        ("11:59", "Good morning, %(name)s."),
        ("12:00", "Good afternoon, %(name)s."),
        ("17:59", "Good afternoon, %(name)s."),
        ("18:00", "Good evening, %(name)s."),
    ],
)
def test_the_part_of_the_day(moment: str, text: str) -> None:
    """Morning, afternoon, evening, on the clock of the reader."""
    found = rules.greeting(time.fromisoformat(moment), "Mara")
    assert (found.text, found.params) == (text, {"name": "Mara"})


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "Nothing is waiting for you."),
        (1, "One thing is waiting for you."),
        (3, "Three things are waiting for you."),
        (10, "Ten things are waiting for you."),
        (11, "%(number)s things are waiting for you."),
    ],
)
def test_small_numbers_are_words(number: int, text: str) -> None:
    """Up to ten, as a whole sentence each."""
    assert rules.waiting_words(number).text == text


def test_new_for_thirty_days() -> None:
    """Tom is new on day eight, no longer after a month; somebody whose first day comes is new already."""
    today = date(2026, 11, 24)
    assert rules.is_new(date(2026, 11, 13), today)
    assert rules.is_new(date(2026, 12, 1), today)
    assert not rules.is_new(date(2026, 10, 24), today)
    assert not rules.is_new(None, today)
