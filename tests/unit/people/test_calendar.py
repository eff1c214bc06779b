"""The work calendar: opening hours of a wall clock, read exactly as people read them."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import pytest

from portal.people.calendar import NoWorkingTime, WorkCalendar

WEEKDAYS = range(5)
OFFICE = {day: [("09:00", "17:00")] for day in WEEKDAYS}
SPLIT = {day: [("09:00", "12:00"), ("13:00", "17:00")] for day in WEEKDAYS}
ALWAYS = {day: [("00:00", "24:00")] for day in range(7)}
NIGHTS = {day: [("22:00", "06:00")] for day in range(7)}
BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
MINUTE = timedelta(minutes=1)
CHRISTMAS = {date(2026, 12, 24): [("09:00", "12:00")]}


def at(zone: str, text: str, fold: int = 0) -> datetime:
    """A wall-clock time of a zone as an instant; in UTC, because Python calls doubled local times unequal to everything."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


VECTORS = [
    pytest.param(WorkCalendar(NEW_YORK, OFFICE), "2026-03-06T16:00", 4, "2026-03-09T12:00-04:00", id="1 over a weekend with spring forward"),
    pytest.param(WorkCalendar(NEW_YORK, ALWAYS), "2026-03-07T20:00", 8, "2026-03-08T05:00-04:00", id="2 round the clock, spring"),
    pytest.param(WorkCalendar(NEW_YORK, ALWAYS), "2026-10-31T20:00", 8, "2026-11-01T03:00-05:00", id="3 round the clock, autumn"),
    pytest.param(WorkCalendar(BERLIN, NIGHTS), "2026-03-28T22:00", 7.5, "2026-03-29T22:30+02:00", id="4 a night of seven hours"),
    pytest.param(WorkCalendar(BERLIN, NIGHTS), "2026-10-24T22:00", 7.5, "2026-10-25T04:30+01:00", id="5 a night of nine hours"),
    pytest.param(WorkCalendar(BERLIN, SPLIT, [date(2026, 12, 25)], CHRISTMAS), "2026-12-23T16:30", 8, "2026-12-28T14:30+01:00", id="6 Christmas"),
    pytest.param(WorkCalendar(BERLIN, OFFICE), "2026-05-09T10:00", 1, "2026-05-11T10:00+02:00", id="7 filed on a Saturday"),
    pytest.param(WorkCalendar(BERLIN, OFFICE), "2026-05-07T15:00", 8, "2026-05-08T15:00+02:00", id="8 without its pause"),
    pytest.param(WorkCalendar(BERLIN, OFFICE), "2026-05-08T16:00", 1, "2026-05-08T17:00+02:00", id="10 due at closing"),
    pytest.param(WorkCalendar(LORD_HOWE, ALWAYS), "2026-04-04T22:00", 8, "2026-04-05T05:30+10:30", id="11 half an hour of autumn"),
]


@pytest.mark.parametrize(("calendar", "start", "work", "expected"), VECTORS)
def test_the_vectors_of_the_specification(calendar: WorkCalendar, start: str, work: float, expected: str) -> None:
    """Each vector is due when the specification says, in UTC, and working back from there finds its start again."""
    begin = at(calendar.zone, start)
    due = calendar.due(begin, hours(work))
    assert due == datetime.fromisoformat(expected)
    assert due.tzinfo is UTC
    assert calendar.worked(begin, due) == hours(work)
    assert calendar.due(due, -hours(work)) == calendar.next_open(begin)


def test_a_pause_moves_the_due_time_by_its_working_hours() -> None:
    """Vector 8: eight hours paused from Thursday 16:00 to Monday 10:00 are used up on Monday at closing, not on Tuesday."""
    calendar = WorkCalendar(BERLIN, OFFICE)
    pause = (at(BERLIN, "2026-05-07T16:00"), at(BERLIN, "2026-05-11T10:00"))
    assert calendar.due(at(BERLIN, "2026-05-07T15:00"), hours(8), [pause]) == at(BERLIN, "2026-05-11T17:00")


class TestOpeningHours:
    """What is open, and what is not."""

    @pytest.mark.parametrize(
        ("wall", "is_open"),
        [("08:59:59.999999", False), ("09:00", True), ("11:59:59.999999", True), ("12:00", False), ("13:00", True), ("17:00", False)],
    )
    def test_intervals_are_half_open(self, wall: str, is_open: bool) -> None:
        """The opening second is open, the closing one is not (R3)."""
        assert WorkCalendar(BERLIN, SPLIT).is_open(at(BERLIN, f"2026-05-04T{wall}")) is is_open

    def test_the_zone_of_the_question_does_not_matter(self) -> None:
        """09:00 in Berlin is open whichever zone the instant is written in."""
        calendar = WorkCalendar(BERLIN, OFFICE)
        moment = at(BERLIN, "2026-05-04T09:00")
        assert all(calendar.is_open(moment.astimezone(zone)) for zone in (UTC, ZoneInfo("Asia/Tokyo"), timezone(hours(-3))))

    def test_the_missing_hour_of_spring_is_not_there(self) -> None:
        """Hours that lie wholly in the gap do not exist on that date; hours around it are shorter."""
        gap = WorkCalendar(BERLIN, {6: [("02:00", "03:00")]})
        assert gap.opening_hours(date(2026, 3, 29)) == []
        assert gap.next_open(at(BERLIN, "2026-03-29T01:00")) == at(BERLIN, "2026-04-05T02:00")
        around = WorkCalendar(BERLIN, {6: [("01:30", "03:30")]})
        assert around.worked(at(BERLIN, "2026-03-29T00:00"), at(BERLIN, "2026-03-29T12:00")) == hours(1)

    def test_a_wall_time_inside_the_gap_counts_as_the_hour_after(self) -> None:
        """02:30 does not exist on that night: whoever says it means the instant that reads 03:30."""
        calendar = WorkCalendar(BERLIN, {6: [("03:00", "04:00")]})
        assert calendar.next_open(at(BERLIN, "2026-03-29T02:30")) == at(BERLIN, "2026-03-29T03:30")

    def test_the_doubled_hour_of_autumn_is_open_twice(self) -> None:
        """An interval with its ends inside the doubled hour becomes two stretches with a closed one between."""
        calendar = WorkCalendar(BERLIN, {6: [("02:15", "02:45")]})
        first = (at(BERLIN, "2026-10-25T02:15"), at(BERLIN, "2026-10-25T02:45"))
        second = (at(BERLIN, "2026-10-25T02:15", fold=1), at(BERLIN, "2026-10-25T02:45", fold=1))
        assert calendar.opening_hours(date(2026, 10, 25)) == [first, second]
        assert not calendar.is_open(first[1])
        assert calendar.next_open(first[1]) == second[0]
        assert calendar.due(first[0], hours(0.75)) == at(BERLIN, "2026-10-25T02:30", fold=1)

    @pytest.mark.parametrize(
        ("pair", "stretches"),
        [
            (("01:00", "02:30"), [("23:00", "00:30"), ("01:00", "01:30")]),
            (("02:30", "04:00"), [("00:30", "01:00"), ("01:30", "03:00")]),
            (("01:00", "03:00"), [("23:00", "02:00")]),
            (("03:00", "04:00"), [("02:00", "03:00")]),
        ],
    )
    def test_a_boundary_inside_the_doubled_hour_is_met_twice(self, pair: tuple[str, str], stretches: list[tuple[str, str]]) -> None:
        """Wall-clock hours decide on both passes of the hour, so a boundary inside it opens or closes twice."""
        calendar = WorkCalendar(BERLIN, {6: [pair]})
        found = calendar.opening_hours(date(2026, 10, 25))
        assert [(f"{start:%H:%M}", f"{end:%H:%M}") for start, end in found] == stretches

    def test_a_zone_that_skips_a_date_has_no_hours_on_it(self) -> None:
        """Samoa went from Thursday 29 to Saturday 31 December 2011; Friday's hours never came."""
        calendar = WorkCalendar("Pacific/Apia", ALWAYS)
        assert calendar.opening_hours(date(2011, 12, 30)) == []
        assert calendar.worked(at("Pacific/Apia", "2011-12-29T00:00"), at("Pacific/Apia", "2012-01-01T00:00")) == hours(48)
        office = WorkCalendar("Pacific/Apia", OFFICE)
        assert office.due(at("Pacific/Apia", "2011-12-29T16:00"), hours(2)) == at("Pacific/Apia", "2012-01-02T10:00")
        assert office.working_day_later(at("Pacific/Apia", "2011-12-29T10:00")) == at("Pacific/Apia", "2012-01-02T10:00")

    def test_a_zone_that_repeats_a_date_has_its_hours_twice(self) -> None:
        """Kwajalein lived through the last day of September 1969 twice."""
        calendar = WorkCalendar("Pacific/Kwajalein", {1: [("09:00", "17:00")]})
        assert sum((end - start for start, end in calendar.opening_hours(date(1969, 9, 30))), timedelta()) == hours(16)

    def test_hours_over_midnight_belong_to_the_day_they_start_on(self) -> None:
        """Friday's night runs into Saturday; a holiday on Saturday leaves it, a holiday on Friday removes all of it."""
        night = {4: [("22:00", "06:00")]}
        saturday, friday = date(2026, 5, 9), date(2026, 5, 8)
        two_in_the_morning = at(BERLIN, "2026-05-09T02:00")
        assert WorkCalendar(BERLIN, night).is_open(two_in_the_morning)
        assert WorkCalendar(BERLIN, night, [saturday]).is_open(two_in_the_morning)
        assert WorkCalendar(BERLIN, night, (), {saturday: []}).is_open(two_in_the_morning)
        assert not WorkCalendar(BERLIN, night, [friday]).is_open(two_in_the_morning)
        assert not WorkCalendar(BERLIN, night, (), {friday: [("09:00", "12:00")]}).is_open(two_in_the_morning)
        assert WorkCalendar(BERLIN, night).opening_hours(saturday) == []

    def test_sunday_night_runs_into_monday(self) -> None:
        """The week is a ring."""
        assert WorkCalendar(BERLIN, {6: [("22:00", "06:00")]}).is_open(at(BERLIN, "2026-05-11T05:59"))

    def test_closing_at_midnight_is_written_either_way(self) -> None:
        """Until "24:00" and until "00:00" are the same evening."""
        assert WorkCalendar(BERLIN, {0: [("18:00", "00:00")]}) == WorkCalendar(BERLIN, {0: [("18:00", "24:00")]})

    def test_an_override_replaces_and_a_holiday_beats_it(self) -> None:
        """Christmas Eve closes at noon; once declared a holiday it does not open at all."""
        eve, noon = date(2026, 12, 24), at(BERLIN, "2026-12-24T11:00")
        assert WorkCalendar(BERLIN, OFFICE, (), {eve: [("10:00", "12:00")]}).worked(at(BERLIN, "2026-12-24T00:00"), at(BERLIN, "2026-12-25T00:00")) == hours(2)
        assert not WorkCalendar(BERLIN, OFFICE, [eve], {eve: [("10:00", "12:00")]}).is_open(noon)
        assert WorkCalendar(BERLIN, OFFICE, (), {date(2026, 12, 26): [("09:00", "10:00")]}).is_open(at(BERLIN, "2026-12-26T09:30"))

    @pytest.mark.parametrize(
        "pairs",
        [
            [("09:00", "13:00"), ("12:00", "17:00")],
            [("12:00", "17:00"), ("09:00", "12:00")],
            [("09:00", "17:00"), ("10:00", "11:00")],
            [("09:00", "17:00"), ("09:00", "17:00")],
        ],
    )
    def test_overlapping_intervals_merge(self, pairs: list[tuple[str, str]]) -> None:
        """However the eight hours are written, they are eight hours and one stretch."""
        calendar = WorkCalendar(BERLIN, {0: pairs})
        monday = at(BERLIN, "2026-05-04T00:00")
        assert calendar.segments(monday, monday + timedelta(days=1)) == [(at(BERLIN, "2026-05-04T09:00"), at(BERLIN, "2026-05-04T17:00"))]
        assert calendar == WorkCalendar(BERLIN, {0: [("09:00", "17:00")]})

    def test_a_night_merges_with_the_early_shift_it_runs_into(self) -> None:
        """Monday's night until 06:00 and Tuesday's early shift from 05:00 do not count the hour twice."""
        calendar = WorkCalendar(BERLIN, {0: [("22:00", "06:00")], 1: [("05:00", "08:00")]})
        assert calendar.worked(at(BERLIN, "2026-05-04T00:00"), at(BERLIN, "2026-05-06T00:00")) == hours(10)

    def test_round_the_clock_is_one_stretch(self) -> None:
        """A year of 24 hours a day has no seams, in the year or at its ends."""
        calendar = WorkCalendar(BERLIN, ALWAYS)
        start, end = at(BERLIN, "2025-06-01T12:00"), at(BERLIN, "2027-06-01T12:00")
        assert calendar.segments(start, end) == [(start, end)]
        assert calendar.segments(end, start) == calendar.segments(start, start) == calendar.segments(start + MINUTE, start) == []


class TestDue:
    """Where work ends."""

    calendar = WorkCalendar(BERLIN, OFFICE)
    friday, monday = at(BERLIN, "2026-05-08T16:00"), at(BERLIN, "2026-05-11T09:00")

    def test_exactly_at_closing_stays_at_closing(self) -> None:
        """One hour from Friday 16:00 is Friday 17:00; one microsecond more is Monday."""
        assert self.calendar.due(self.friday, hours(1)) == at(BERLIN, "2026-05-08T17:00")
        assert self.calendar.due(self.friday, hours(1) + timedelta(microseconds=1)) == self.monday + timedelta(microseconds=1)

    def test_backwards_exactly_at_opening_stays_at_opening(self) -> None:
        """One hour back from Monday 10:00 is Monday 09:00; one microsecond more is Friday."""
        ten = self.monday + hours(1)
        assert self.calendar.due(ten, hours(-1)) == self.monday
        assert self.calendar.due(ten, hours(-1) - timedelta(microseconds=1)) == at(BERLIN, "2026-05-08T17:00") - timedelta(microseconds=1)

    def test_no_work_is_due_at_once(self) -> None:
        """Zero work gives the start, open or not, paused or not, and even without any hours."""
        saturday = at(BERLIN, "2026-05-09T12:00")
        assert self.calendar.due(saturday, timedelta()) == saturday
        assert self.calendar.due(saturday, timedelta(), [(self.friday, None)]) == saturday
        assert WorkCalendar(BERLIN, {}).due(saturday, timedelta()) == saturday

    def test_microseconds_count(self) -> None:
        """An instant of half a microsecond's neighbour is not rounded away."""
        start = self.monday + timedelta(microseconds=7)
        assert self.calendar.due(start, timedelta(microseconds=5)) == self.monday + timedelta(microseconds=12)
        assert self.calendar.worked(start, start + timedelta(microseconds=3)) == timedelta(microseconds=3)

    @pytest.mark.parametrize(
        ("pauses", "expected"),
        [
            ([], "2026-05-11T17:00"),
            ([("2026-05-11T12:00", "2026-05-11T13:00")], "2026-05-12T10:00"),
            ([("2026-05-11T12:00", "2026-05-11T12:00")], "2026-05-11T17:00"),
            ([("2026-05-11T12:30", "2026-05-11T13:00"), ("2026-05-11T12:00", "2026-05-11T12:45")], "2026-05-12T10:00"),
            ([("2026-05-09T00:00", "2026-05-11T10:00")], "2026-05-12T10:00"),
            ([("2026-05-11T18:00", "2026-05-12T09:00")], "2026-05-11T17:00"),
            ([("2026-05-11T17:00", None)], "2026-05-11T17:00"),
            ([("2026-05-11T16:59", None)], None),
            ([("2026-05-01T09:00", None)], None),
            ([("2026-05-01T09:00", "2026-05-08T09:00")], "2026-05-11T17:00"),
            ([("2026-05-11T10:00", None), ("2026-05-11T09:30", "2026-05-11T12:00")], None),
            ([("2026-05-11T12:00", "2026-05-11T12:00:00.000001")], "2026-05-12T09:00:00.000001"),
        ],
    )
    def test_pauses(self, pauses: list[tuple[str, str | None]], expected: str | None) -> None:
        """Eight hours from Monday 09:00: pauses count in working time, once, in any order; one without an end leaves no due time."""
        given = [(at(BERLIN, start), at(BERLIN, end) if end else None) for start, end in pauses]
        due = at(BERLIN, expected) if expected else None
        assert self.calendar.due(self.monday, hours(8), given) == due
        assert self.calendar.due(self.monday, hours(8), reversed(given)) == due

    def test_pauses_count_backwards_too(self) -> None:
        """Two hours back from Monday 11:00 with half an hour's pause reach into Friday; what is after the start does not matter."""
        eleven = self.monday + hours(2)
        pause = (self.monday + hours(1), self.monday + hours(1.5))
        assert self.calendar.due(eleven, hours(-2), [pause]) == at(BERLIN, "2026-05-08T16:30")
        assert self.calendar.due(eleven, hours(-2), [(eleven, None)]) == self.monday
        assert self.calendar.due(eleven, hours(-1), [(self.monday + hours(1), None)]) == self.monday

    def test_a_pause_that_ends_before_it_starts_is_refused(self) -> None:
        """The right way round it counts, the wrong way round it is a mistake."""
        with pytest.raises(ValueError, match="ends before it starts"):
            self.calendar.due(self.monday, hours(1), [(self.monday, self.friday)])

    def test_worked_is_signed(self) -> None:
        """Time worked between two instants in the wrong order is negative."""
        assert self.calendar.worked(self.friday, self.monday + hours(1)) == hours(2)
        assert self.calendar.worked(self.monday + hours(1), self.friday) == hours(-2)
        assert self.calendar.worked(self.friday, self.friday) == timedelta()

    def test_a_week_has_forty_hours_for_a_century(self) -> None:
        """Long spans are sums of the same weeks, through every change of the clock."""
        calendar = WorkCalendar(BERLIN, OFFICE)
        start = at(BERLIN, "1990-01-01T00:00")
        end = at(BERLIN, "2089-12-26T00:00")
        weeks = (end.date() - start.date()).days // 7
        assert calendar.worked(start, end) == hours(40) * weeks
        assert calendar.due(start, hours(40) * weeks) == at(BERLIN, "2089-12-23T17:00")


class TestNoWorkingTime:
    """A calendar that never opens says so instead of running on."""

    monday = at(BERLIN, "2026-05-04T09:00")

    @pytest.mark.parametrize("calendar", [WorkCalendar(BERLIN, {}), WorkCalendar(BERLIN, {0: []}), WorkCalendar(BERLIN, {}, (), {date(2028, 6, 1): OFFICE[0]})])
    def test_two_years_without_hours(self, calendar: WorkCalendar) -> None:
        """Questions that need an open instant are refused, those that only count are answered."""
        for question in (
            lambda: calendar.next_open(self.monday),
            lambda: calendar.due(self.monday, hours(1)),
            lambda: calendar.due(self.monday, hours(-1)),
            lambda: calendar.working_day_later(self.monday),
        ):
            with pytest.raises(NoWorkingTime, match="no opening hours within two years"):
                question()
        assert calendar.worked(self.monday, self.monday + timedelta(days=700)) == timedelta()
        assert not calendar.is_open(self.monday)
        assert not calendar.has_working_time(self.monday, within_days=700)

    def test_hours_within_two_years_are_found(self) -> None:
        """One open morning 23 months ahead is enough for its own hours, and not for more."""
        calendar = WorkCalendar(BERLIN, {}, (), {date(2028, 4, 3): [("09:00", "12:00")]})
        assert calendar.next_open(self.monday) == at(BERLIN, "2028-04-03T09:00")
        assert calendar.due(self.monday, hours(3)) == at(BERLIN, "2028-04-03T12:00")
        with pytest.raises(NoWorkingTime):
            calendar.due(self.monday, hours(3.1))

    def test_still_paused_without_hours_has_no_due_time(self) -> None:
        """A pause without end comes before the search for hours."""
        assert WorkCalendar(BERLIN, {}).due(self.monday, hours(1), [(self.monday, None)]) is None

    def test_has_working_time_looks_as_far_as_asked(self) -> None:
        """Closed until 3 June: 30 days from 4 May see nothing, 31 see the opening."""
        calendar = WorkCalendar(BERLIN, OFFICE, [date(2026, 5, 4) + timedelta(days=ahead) for ahead in range(30)])
        assert not calendar.has_working_time(self.monday)
        assert calendar.has_working_time(self.monday, within_days=31)

    def test_the_ends_of_time_are_closed(self) -> None:
        """The first and last instant of Python's calendar are answered, not crashed on."""
        calendar = WorkCalendar(BERLIN, ALWAYS)
        assert not calendar.is_open(datetime.max.replace(tzinfo=UTC))
        assert not calendar.is_open(datetime.min.replace(tzinfo=UTC))
        with pytest.raises(NoWorkingTime):
            calendar.next_open(datetime.max.replace(tzinfo=UTC))


class TestWorkingDayLater:
    """The same local time on the next date that has opening hours."""

    @pytest.mark.parametrize(
        ("start", "days", "expected"),
        [
            ("2026-05-04T10:30", 1, "2026-05-05T10:30"),
            ("2026-05-08T10:30", 1, "2026-05-11T10:30"),
            ("2026-05-09T03:00", 1, "2026-05-11T03:00"),
            ("2026-05-04T18:00", 1, "2026-05-05T17:00"),
            ("2026-05-04T17:00", 1, "2026-05-05T17:00"),
            ("2026-05-04T10:30", 5, "2026-05-11T10:30"),
            ("2026-12-23T16:00", 1, "2026-12-24T12:00"),
            ("2026-12-24T10:00", 1, "2026-12-28T10:00"),
            ("2026-12-23T16:00", 2, "2026-12-28T16:00"),
            ("2026-10-23T10:30", 1, "2026-10-26T10:30"),
        ],
    )
    def test_in_the_office(self, start: str, days: int, expected: str) -> None:
        """Weekends and holidays do not count, a time past the close becomes the close."""
        calendar = WorkCalendar(BERLIN, SPLIT, [date(2026, 12, 25)], CHRISTMAS)
        later = calendar.working_day_later(at(BERLIN, start), days)
        assert later == at(BERLIN, expected)
        assert later.tzinfo is UTC

    def test_over_midnight_the_close_is_on_the_next_date(self) -> None:
        """Nights close at 06:00 of the following morning, so 23:30 is never past it."""
        assert WorkCalendar(BERLIN, NIGHTS).working_day_later(at(BERLIN, "2026-05-04T23:30")) == at(BERLIN, "2026-05-05T23:30")

    def test_a_local_time_the_date_skips_or_has_twice(self) -> None:
        """02:30 on the short night means the hour after, on the long night the first of the two."""
        calendar = WorkCalendar(BERLIN, ALWAYS)
        assert calendar.working_day_later(at(BERLIN, "2026-03-28T02:30")) == at(BERLIN, "2026-03-29T03:30")
        assert calendar.working_day_later(at(BERLIN, "2026-10-24T02:30")) == at(BERLIN, "2026-10-25T02:30", fold=0)

    def test_less_than_a_day_is_refused(self) -> None:
        """One is the least."""
        with pytest.raises(ValueError, match="at least one day"):
            WorkCalendar(BERLIN, OFFICE).working_day_later(at(BERLIN, "2026-05-04T10:30"), 0)


class TestRefusals:
    """What a calendar does not accept."""

    @pytest.mark.parametrize("zone", ["", "Europe", "Europe/Nowhere", "../Berlin", "/etc/passwd", "x" * 500, "Europe\0Berlin", "é", None, 1])
    def test_unknown_zones(self, zone: str) -> None:
        """Any wrong name is one kind of refusal."""
        with pytest.raises(ValueError, match="not a time zone"):
            WorkCalendar(zone, OFFICE)

    @pytest.mark.parametrize("key", [-1, 7, "0", None, 0.5, True, "monday"])
    def test_keys_other_than_weekdays(self, key: int) -> None:
        """A day is a number from 0 to 6."""
        with pytest.raises(ValueError, match="Weekdays are 0"):
            WorkCalendar(BERLIN, {key: [("09:00", "17:00")]})

    @pytest.mark.parametrize(
        "pair",
        [
            ("9:00", "17:00"), ("09:00", "17"), ("24:00", "06:00"), ("09:00", "24:01"), ("09:60", "17:00"), ("09:00", "25:00"), ("09:00:00", "17:00"), ("", ""),
            ("09:00", ""), (" 09:00", "17:00"), ("09:00\n", "17:00"), ("-1:00", "17:00"), ("٠٩:٠٠", "17:00"), ("09:00", None), (9, 17), ("09:00",),
            ("09:00", "12:00", "17:00"), "09:00", None, ("09:00", "09:00"), ("00:00", "00:00"),
        ],
    )  # fmt: skip
    def test_times(self, pair: tuple[str, str]) -> None:
        """Times are HH:MM, 24:00 only closes, and opening differs from closing; on weekdays and on dates alike."""
        assert WorkCalendar(BERLIN, {0: [("00:00", "24:00")]})
        for build in (lambda: WorkCalendar(BERLIN, {0: [pair]}), lambda: WorkCalendar(BERLIN, {}, (), {date(2026, 5, 4): [pair]})):
            with pytest.raises(ValueError, match=r"hours are|written 'HH:MM'|the same time"):
                build()

    @pytest.mark.parametrize("pairs", [None, 5, "09:00", {"09:00": "17:00"}])
    def test_hours_that_are_no_list(self, pairs: list[tuple[str, str]]) -> None:
        """A day's hours are a list of pairs."""
        with pytest.raises(ValueError, match="Opening hours are"):
            WorkCalendar(BERLIN, {0: pairs})

    @pytest.mark.parametrize("day", ["2026-12-25", datetime(2026, 12, 25, tzinfo=UTC), None, 5])
    def test_holidays_that_are_no_dates(self, day: date) -> None:
        """A date with a time would never match and is refused instead of ignored, as holiday and as override."""
        for build in (lambda: WorkCalendar(BERLIN, OFFICE, [day]), lambda: WorkCalendar(BERLIN, OFFICE, (), {day: []})):
            with pytest.raises(ValueError, match="date without time"):
                build()

    def test_naive_datetimes(self) -> None:
        """An instant without a zone is a guess; every method refuses it, wherever it stands."""
        calendar, naive, aware = WorkCalendar(BERLIN, OFFICE), datetime(2026, 5, 4, 10), datetime(2026, 5, 4, 10, tzinfo=UTC)  # noqa: DTZ001 - the subject
        for question in (
            lambda: calendar.is_open(naive),
            lambda: calendar.next_open(naive),
            lambda: calendar.worked(naive, aware),
            lambda: calendar.worked(aware, naive),
            lambda: calendar.due(naive, hours(1)),
            lambda: calendar.due(naive, timedelta()),
            lambda: calendar.due(aware, timedelta(), [(naive, None)]),
            lambda: calendar.due(aware, hours(1), [(aware, naive)]),
            lambda: calendar.segments(naive, aware),
            lambda: calendar.working_day_later(naive),
            lambda: calendar.has_working_time(naive),
            lambda: calendar.is_open(date(2026, 5, 4)),  # type: ignore[arg-type]  # a date is no instant
        ):
            with pytest.raises(ValueError, match="An instant needs"):
                question()


class TestValue:
    """A calendar is a value."""

    def test_equal_hours_are_equal_calendars(self) -> None:
        """Spelling does not matter, hours and zone do."""
        calendar = WorkCalendar(BERLIN, OFFICE, [date(2026, 12, 25)])
        same = WorkCalendar(BERLIN, {**OFFICE, 5: []}, {date(2026, 12, 25)}, {date(2026, 12, 25): [("09:00", "10:00")]})
        assert calendar == same
        assert hash(calendar) == hash(same)
        assert calendar != WorkCalendar("Europe/Paris", OFFICE, [date(2026, 12, 25)])
        assert calendar != WorkCalendar(BERLIN, OFFICE)
        assert calendar != BERLIN
        assert repr(calendar) == "<WorkCalendar Europe/Berlin, 40 h a week, 1 special dates>"

    def test_later_changes_of_what_it_was_built_from_do_not_reach_it(self) -> None:
        """The lists given are read once."""
        week, holidays = {0: [("09:00", "17:00")]}, [date(2026, 5, 11)]
        calendar = WorkCalendar(BERLIN, week, holidays)
        week[0].clear()
        holidays.append(date(2026, 5, 4))
        assert calendar.is_open(at(BERLIN, "2026-05-04T10:00"))

    def test_what_it_remembers_is_bounded(self) -> None:
        """A look through centuries does not stay in memory, and answers stay the same afterwards."""
        calendar = WorkCalendar(BERLIN, OFFICE)
        monday = at(BERLIN, "2026-05-04T09:00")
        before = calendar.due(monday, hours(12))
        calendar.worked(at(BERLIN, "1900-01-01T00:00"), at(BERLIN, "2100-01-01T00:00"))
        assert len(calendar._blocks) <= 256
        assert calendar.due(monday, hours(12)) == before

    def test_threads_may_share_it(self) -> None:
        """Eight threads asking a fresh calendar at once agree."""
        calendar, answers = WorkCalendar(BERLIN, SPLIT), []
        threads = [Thread(target=lambda: answers.append(calendar.due(at(BERLIN, "2000-01-03T09:00"), hours(50_000)))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(answers)) == 1
        assert len(answers) == 8

    def test_it_needs_nothing_but_the_standard_library(self) -> None:
        """Other programs import it from an interpreter without any package, even without the portal's own."""
        code = "print(sorted(name for name in sys.modules if name.startswith('portal.') and name.count('.') == 1))"
        script = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r}); import portal.people.calendar; {code}"
        done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "['portal.people']"
