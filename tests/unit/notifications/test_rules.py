"""When mail comes: quiet hours, digests and absence in the person's own time."""

from datetime import UTC, date, datetime, time

import pytest

from portal.notifications import rules
from portal.notifications.rules import Bundle, MailState, Mode

BERLIN, NEW_YORK, KOLKATA = "Europe/Berlin", "America/New_York", "Asia/Kolkata"


def at(text: str) -> datetime:
    """An instant written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("mode", "bundle", "has_mail", "state"),
    [
        (Mode.NOW, Bundle.REQUEST, True, MailState.DUE),
        (Mode.NOW, Bundle.HOUR, True, MailState.HOUR),
        (Mode.DIGEST, Bundle.REQUEST, True, MailState.DIGEST),
        (Mode.DIGEST, Bundle.HOUR, True, MailState.DIGEST),
        (Mode.OFF, Bundle.REQUEST, True, MailState.NONE),
        (Mode.NOW, Bundle.REQUEST, False, MailState.NONE),
    ],
)
def test_what_a_notice_waits_for(mode: Mode, bundle: Bundle, has_mail: bool, state: MailState) -> None:
    """Preference first, then what the sender bundles; without an address the portal alone tells."""
    assert rules.state_for(mode, bundle, has_mail=has_mail) is state


@pytest.mark.parametrize(
    ("now", "start", "end", "zone", "until"),
    [
        ("2026-11-24 19:30", "20:00", "07:00", BERLIN, "2026-11-25 06:00"),  # 20:30 there: until tomorrow at seven
        ("2026-11-24 04:00", "20:00", "07:00", BERLIN, "2026-11-24 06:00"),  # 5:00 there: until seven today
        ("2026-11-24 06:00", "20:00", "07:00", BERLIN, None),  # seven on the dot is morning
        ("2026-11-24 19:00", "20:00", "07:00", BERLIN, "2026-11-25 06:00"),  # eight on the dot is night
        ("2026-11-24 11:30", "12:00", "13:00", BERLIN, "2026-11-24 12:00"),  # a quiet lunch
        ("2026-11-24 12:00", "12:00", "13:00", BERLIN, None),
        ("2026-11-24 19:30", "20:00", "07:00", NEW_YORK, None),  # 14:30 there
        ("2026-03-28 22:00", "20:00", "07:00", BERLIN, "2026-03-29 05:00"),  # the night that is an hour short
        ("2026-10-24 22:00", "20:00", "07:00", BERLIN, "2026-10-25 06:00"),  # and the one that is an hour long
    ],
)
def test_quiet_hours_end_where_the_person_is(now: str, start: str, end: str, zone: str, until: str | None) -> None:
    """The wall clock of the person decides, over midnight and over both changes of the clock."""
    found = rules.quiet_until(at(now), time.fromisoformat(start), time.fromisoformat(end), zone)
    assert found == (at(until) if until else None)


@pytest.mark.parametrize(
    ("now", "zone", "due"),
    [
        ("2026-11-24 07:00", BERLIN, "2026-11-24 07:00"),
        ("2026-11-24 15:20", BERLIN, "2026-11-24 07:00"),  # caught up in the afternoon
        ("2026-11-24 06:59", BERLIN, None),
        ("2026-11-24 19:00", BERLIN, None),  # too late in the evening: tomorrow
        ("2026-11-24 12:30", NEW_YORK, None),
        ("2026-11-24 02:30", KOLKATA, "2026-11-24 02:30"),
    ],
)
def test_the_digest_is_due_at_eight_where_the_person_is(now: str, zone: str, due: str | None) -> None:
    """Also where the zone is half an hour off; a morning that was missed is caught up by day, never at night."""
    assert rules.digest_due(at(now), zone) == (at(due) if due else None)


def test_away_means_away_on_that_day_there() -> None:
    """Both ends of an absence count, and the day is the person's own."""
    week = [(date(2026, 11, 23), date(2026, 11, 24))]
    assert rules.is_away(at("2026-11-24 09:00"), BERLIN, week)
    assert not rules.is_away(at("2026-11-25 02:00"), BERLIN, week)
    assert rules.is_away(at("2026-11-25 02:00"), NEW_YORK, week)
    assert not rules.is_away(at("2026-11-24 09:00"), BERLIN, [])
