"""Until when a request may rest: presets across weekends, holidays, zones and clock changes, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.desk.resting import LONGEST, Preset, line, presets, rest_problem
from portal.desk.words import Reader
from portal.people.calendars import ALWAYS, OFFICE, build

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
BERLIN = build("Europe/Berlin", OFFICE, ["2026-12-25", "2026-12-26", "2027-01-01"])


def at(text: str) -> datetime:
    """An instant from its ISO text."""
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        # Tuesday morning in Berlin: three different days.
        (
            "2026-11-24T10:00+01:00",
            "Europe/Berlin",
            {"tomorrow": "2026-11-25T09:00+01:00", "monday": "2026-11-30T09:00+01:00", "week": "2026-12-01T09:00+01:00"},
        ),
        # Friday: tomorrow is closed, so tomorrow morning is Monday morning and is offered once.
        ("2026-11-27T16:00+01:00", "Europe/Berlin", {"tomorrow": "2026-11-30T09:00+01:00", "week": "2026-12-04T09:00+01:00"}),
        # Sunday night, and Monday: a Monday of its own is always the next one, which then is a week from now.
        ("2026-11-29T23:30+01:00", "Europe/Berlin", {"tomorrow": "2026-11-30T09:00+01:00", "week": "2026-12-07T09:00+01:00"}),
        ("2026-11-30T08:00+01:00", "Europe/Berlin", {"tomorrow": "2026-12-01T09:00+01:00", "monday": "2026-12-07T09:00+01:00"}),
        # The day before Christmas: two holidays and a weekend later somebody is there again; New Year's Day gives the Monday after.
        ("2026-12-24T12:00+01:00", "Europe/Berlin", {"tomorrow": "2026-12-28T09:00+01:00", "week": "2026-12-31T09:00+01:00"}),
        ("2026-12-25T12:00+01:00", "Europe/Berlin", {"tomorrow": "2026-12-28T09:00+01:00", "week": "2027-01-04T09:00+01:00"}),
        # The clocks go forward on Sunday 29 March, and back on Sunday 25 October: nine is nine on the wall.
        ("2026-03-27T12:00+01:00", "Europe/Berlin", {"tomorrow": "2026-03-30T09:00+02:00", "week": "2026-04-03T09:00+02:00"}),
        ("2026-10-23T12:00+02:00", "Europe/Berlin", {"tomorrow": "2026-10-26T09:00+01:00", "week": "2026-10-30T09:00+01:00"}),
        # A reader in New York at the evening of the 23rd: their tomorrow is the 24th, from seven on their clock, when Berlin has been open for hours.
        ("2026-11-24T03:00+00:00", "America/New_York", {"tomorrow": "2026-11-24T12:00+00:00", "monday": "2026-11-30T12:00+00:00"}),
        # A reader in Auckland: at their seven o'clock Berlin is closed, so the morning is when Berlin opens.
        (
            "2026-11-24T00:00+00:00",
            "Pacific/Auckland",
            {"tomorrow": "2026-11-25T08:00+00:00", "monday": "2026-11-30T08:00+00:00", "week": "2026-12-01T08:00+00:00"},
        ),
    ],
)
def test_the_presets_are_mornings_on_which_somebody_is_there(now: str, zone: str, expected: dict[str, str]) -> None:
    """In the reader's days and the department's hours; what falls together is offered once."""
    found = {choice.preset.value: choice.at for choice in presets(at(now), zone, BERLIN)}
    assert found == {name: at(text).astimezone(UTC) for name, text in expected.items()}


def test_who_never_closes_has_mornings_too() -> None:
    """Round the clock a morning begins at seven on the reader's clock, not at midnight."""
    found = presets(NOW, "Europe/Berlin", build("UTC", ALWAYS))
    assert [choice.at for choice in found][:2] == [at("2026-11-25T06:00+00:00"), at("2026-11-30T06:00+00:00")]


def test_where_nothing_opens_any_more_no_preset_is_offered() -> None:
    """A calendar whose hours are all behind it leaves the day and time of one's own."""
    closed = build("UTC", {}, (), {"2026-11-20": [("09:00", "17:00")]})
    assert presets(NOW, "Europe/Berlin", closed) == []


@given(st.integers(0, 700 * 24 * 4), st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]))
def test_every_preset_lies_ahead_in_open_hours_once(quarters: int, zone: str) -> None:
    """Whenever and wherever somebody looks, in two years of quarters of an hour."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * quarters)
    found = [choice.at for choice in presets(now, zone, BERLIN)]
    assert found
    assert all(instant > now and BERLIN.is_open(instant) for instant in found)
    assert len(found) == len(set(found))
    assert all(rest_problem(instant, None, "", now) is None for instant in found)


@pytest.mark.parametrize(
    ("until", "due", "reason", "field"),
    [
        (None, None, "", "own"),
        (NOW, None, "", "own"),
        (NOW - timedelta(minutes=1), None, "for a reason", "own"),
        (NOW + LONGEST + timedelta(minutes=1), None, "for a reason", "own"),
        (NOW + timedelta(days=2), NOW + timedelta(days=1), "", "reason"),
        (NOW + timedelta(days=2), NOW + timedelta(days=1), "  ", "reason"),
        (NOW + timedelta(days=2), NOW - timedelta(days=1), "", "reason"),
        (NOW + timedelta(days=2), NOW + timedelta(days=1), "The part comes on Friday", None),
        (NOW + timedelta(days=1), NOW + timedelta(days=1), "", None),
        (NOW + timedelta(days=1), NOW + timedelta(days=2), "", None),
        (NOW + timedelta(minutes=1), None, "", None),
        (NOW + LONGEST, None, "", None),
    ],
)
def test_a_rest_ends_before_it_is_due_or_has_a_reason(until: Any, due: Any, reason: str, field: str | None) -> None:
    """Never in the past, never half a year away; beyond the due instant, also of what is late, only with a reason."""
    problem = rest_problem(until, due, reason, NOW)
    assert (problem[0] if problem else None) == field


def test_the_record_says_who_until_when_and_why_it_woke() -> None:
    """For the serving side; any other event is nobody's here."""
    reader = Reader(NOW, "Europe/Berlin")
    told = line("desk.request.snoozed", {"until": "2026-11-30T08:00:00+00:00", "reason": "The part comes."}, "Jonas", reader)
    assert told is not None
    assert "Jonas lets it rest until" in str(told[1])
    assert str(told[1]).endswith(": The part comes")
    woken = {why: line("desk.request.woken", {"why": why}, "Kim", reader) for why in ("time", "written", "due", "assigned", "moved", "over", "hand")}
    assert len({str(told[1]) for told in woken.values() if told}) == 7
    assert str(woken["hand"][1]) == "Kim woke it"  # type: ignore[index]  # asserted above
    assert line("desk.request.filed", {}, "Kim", reader) is None
    assert Preset.OWN not in {choice.preset for choice in presets(NOW, "Europe/Berlin", BERLIN)}
