"""Times in words, as the voice guide says them, on both sides of midnight and of the change of clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel import times
from portal.kernel.times import Near

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""Tuesday, ten in the morning in Berlin."""
BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN) -> datetime:
    """An instant given by the wall clock of a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        ("2026-11-24 14:00", "today 14:00"),
        ("2026-11-24 00:00", "today 0:00"),
        ("2026-11-24 23:59", "today 23:59"),
        ("2026-11-25 09:00", "tomorrow 9:00"),
        ("2026-11-23 16:20", "yesterday 16:20"),
        ("2026-11-26 12:00", "Thu 12:00"),
        ("2026-11-30 08:05", "Mon 8:05"),
        ("2026-11-18 08:05", "Wed 8:05"),
        ("2026-12-01 09:00", "1 Dec"),
        ("2026-11-17 09:00", "17 Nov"),
        ("2026-01-05 09:00", "5 Jan"),
        ("2027-02-01 09:00", "1 Feb"),
        ("2027-11-24 09:00", "24 Nov 2027"),
        ("2025-03-01 09:00", "1 Mar 2025"),
    ],
)
def test_when(instant: str, words: str) -> None:
    """The nearer, the shorter: today, tomorrow, the weekday, the date, the year."""
    assert times.when(at(instant), NOW, BERLIN, "en") == words


def test_when_counts_days_on_the_readers_calendar() -> None:
    """23:30 UTC is already tomorrow in Berlin and still this afternoon in Chicago."""
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert times.when(late, NOW, "UTC", "en") == "today 23:30"
    assert times.when(late, NOW, BERLIN, "en") == "tomorrow 0:30"
    assert times.when(late, NOW, "America/Chicago", "en") == "today 17:30"


def test_the_doubled_hour_and_the_missing_hour() -> None:
    """Both instants of the doubled hour read alike; on hover the zone tells them apart."""
    now = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert times.when(first, now, BERLIN, "en") == times.when(second, now, BERLIN, "en") == "tomorrow 2:30"
    assert times.exact(times.local(first, BERLIN), "en") == "Sunday 25 October 2026 at 2:30:00 CEST"
    assert times.exact(times.local(second, BERLIN), "en") == "Sunday 25 October 2026 at 2:30:00 CET"
    spring = datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
    assert times.clock_time(spring - timedelta(minutes=1), NOW, BERLIN, "en") == "1:59"
    assert times.clock_time(spring, NOW, BERLIN, "en") == "3:00"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (date(2026, 11, 24), "today"),
        (date(2026, 11, 25), "tomorrow"),
        (date(2026, 11, 23), "yesterday"),
        (date(2026, 11, 26), "Thu 26 Nov"),
        (date(2026, 12, 24), "Thu 24 Dec"),
        (date(2028, 2, 29), "29 Feb 2028"),
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), "tomorrow"),
    ],
)
def test_day(value: date | datetime, words: str) -> None:
    """A day has its weekday, because people plan in weekdays."""
    assert times.day(value, NOW, BERLIN, "en") == words


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("en", ("Thu 12:00", "1 Dec", "Thu 24 Dec", "9:05")),
        ("en_US", ("Thu 12:00", "1 Dec", "Thu 24 Dec", "9:05")),
        ("de", ("Do. 12:00", "1. Dez.", "Do., 24. Dez.", "09:05")),
        ("fr", ("jeu. 12:00", "1 déc.", "jeu. 24 déc.", "09:05")),
        ("pt-BR", ("qui. 12:00", "1 de dez.", "qui., 24 de dez.", "09:05")),
        ("nonsense", ("Thu 12:00", "1 Dec", "Thu 24 Dec", "9:05")),
    ],
)
def test_other_languages_have_their_own_order(locale: str, expected: tuple[str, ...]) -> None:
    """Numbers and names follow the reader's language, always on a 24-hour clock."""
    found = (
        times.when(at("2026-11-26 12:00"), NOW, BERLIN, locale),
        times.when(at("2026-12-01 12:00"), NOW, BERLIN, locale),
        times.day(date(2026, 12, 24), NOW, BERLIN, locale),
        times.clock_time(time(9, 5), NOW, BERLIN, locale),
    )
    assert found == expected


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "0 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=2), "2 min"),
        (timedelta(minutes=35), "35 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=2, minutes=48), "2 h 48"),
        (timedelta(hours=3, minutes=2), "3 h 02"),
        (timedelta(hours=23, minutes=59), "23 h 59"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=1, hours=3, minutes=50), "1 day 3 h"),
        (timedelta(days=2, minutes=50), "2 days"),
        (timedelta(days=400), "400 days"),
        (-timedelta(minutes=35), "35 min"),
        (-timedelta(hours=2, minutes=48, seconds=30), "2 h 48"),
    ],
)
def test_duration(length: timedelta, words: str) -> None:
    """Two parts at most; whether it is late is for the sentence around it to say."""
    assert times.duration(length) == words


@pytest.mark.parametrize(
    ("hours", "words"),
    [(7.5, "7 h 30"), (8, "1 day"), (9.5, "1 day 1 h"), (24, "3 days"), (40, "5 days")],
)
def test_working_time_is_said_in_working_days(hours: float, words: str) -> None:
    """24 hours of work are three days of eight."""
    assert times.duration(timedelta(hours=hours), hours_per_day=8) == words


def test_working_days_need_not_be_whole_hours() -> None:
    """A day of 7 h 42 is a day."""
    assert times.duration(timedelta(hours=7, minutes=42), hours_per_day=7.7) == "1 day"
    assert times.duration(timedelta(hours=7, minutes=41), hours_per_day=7.7) == "7 h 41"


@given(st.timedeltas(min_value=timedelta(days=-4000), max_value=timedelta(days=4000)), st.sampled_from([24.0, 8.0, 7.7]))
def test_the_parts_add_up(length: timedelta, hours_per_day: float) -> None:
    """Days, hours and minutes are the length to the minute."""
    days, hours, minutes = times.split(length, hours_per_day)
    assert 0 <= minutes < 60
    assert hours < 24
    assert days * round(hours_per_day * 60) + hours * 60 + minutes == int(abs(length).total_seconds() // 60)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(seconds=-20), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=2, minutes=59), "2 h ago"),
        (timedelta(hours=13), "yesterday 21:00"),
        (timedelta(days=3), "Sat 10:00"),
        (timedelta(hours=-2), "today 12:00"),
    ],
)
def test_ago(passed: timedelta, words: str) -> None:
    """Recent things by their age, older ones by their day; a clock that is a little ahead is forgiven."""
    assert times.ago(NOW - passed, NOW, BERLIN, "en") == words


@given(st.dates(), st.dates())
def test_near_is_decided_by_the_distance(day: date, today: date) -> None:
    """Every day has exactly one place, and neighbours of today have the nearest."""
    place, distance = times.near(day, today), (day - today).days
    assert (place is Near.TODAY) == (distance == 0)
    assert (place in {Near.TODAY, Near.TOMORROW, Near.YESTERDAY, Near.WEEK}) == (abs(distance) < 7)
    if place is Near.YEAR:
        assert day.year == today.year or abs(distance) < 180


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis wants them so
def test_every_instant_has_words_in_every_zone(instant: datetime) -> None:
    """No instant, zone or language raises."""
    for zone in ("UTC", BERLIN, "Asia/Kolkata", "Pacific/Apia", "America/St_Johns"):
        for locale in ("en", "de", "ar", "ja"):
            assert times.when(instant, NOW, zone, locale)
            assert times.day(instant, NOW, zone, locale)
            assert times.exact(times.local(instant, zone), locale)


def test_a_time_without_a_zone_is_refused() -> None:
    """Guessing is wrong twice a year."""
    with pytest.raises(ValueError, match="needs a zone"):
        times.when(datetime(2026, 11, 24, 9, 0), NOW, BERLIN, "en")  # noqa: DTZ001 - what is refused


def test_the_same_instant_is_said_in_each_zone_and_both_hours_of_a_repeated_one() -> None:
    """What is remembered for one reader is not shown to another: zone, hour and language belong to it."""
    instant = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    berlin, new_york = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
    for _ in range(2):
        assert times.exact(instant.astimezone(berlin), "en") == "Sunday 25 October 2026 at 2:30:00 CEST"
        assert times.exact((instant + timedelta(hours=1)).astimezone(berlin), "en") == "Sunday 25 October 2026 at 2:30:00 CET"
        assert times.exact(instant.astimezone(new_york), "en") == "Saturday 24 October 2026 at 20:30:00 EDT"
        assert times.exact(instant.astimezone(berlin), "de").startswith("Sonntag, 25. Oktober 2026")
