"""Sentences for status, promise and clock, in every state."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel

from portal.desk import words
from portal.desk.happenings import Happening, Line, folded, line_of
from portal.desk.opening import hours_sentence, place_of
from portal.desk.queries.catalogue import promise_words
from portal.desk.rules import Impact, Priority, Status
from portal.kernel.messages import say
from portal.people.calendar import WorkCalendar

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
THURSDAY = datetime(2026, 11, 26, 11, tzinfo=UTC)
TODAY_14 = datetime(2026, 11, 24, 13, tzinfo=UTC)
READER = words.Reader(NOW, "Europe/Berlin")
OFFICE = WorkCalendar("Europe/Berlin", {day: [("08:00", "18:00")] for day in range(5)})
SHIFTS = WorkCalendar("Europe/Berlin", {0: [("09:00", "12:00"), ("13:00", "17:00")], 5: [("10:00", "14:00")]})
ALWAYS = WorkCalendar("UTC", {day: [("00:00", "24:00")] for day in range(7)})


@pytest.fixture(autouse=True)
def _language() -> Any:
    app = Flask("words")
    Babel(app)
    with app.test_request_context():
        yield


def standing(status: Status, **more: Any) -> words.Standing:
    """How something stands for Mara."""
    return words.Standing(status, requester="Mara", **more)


@pytest.mark.parametrize(
    ("given", "kind", "word"),
    [
        (standing(Status.NEW), "new", "Not started yet"),
        (standing(Status.NEW, mine=False), "new", "New"),
        (standing(Status.WORKING), "work", "Working on it"),
        (standing(Status.PLANNED), "work", "Planned"),
        (standing(Status.WORKING, is_relieved=True), "work", "Works for now"),
        (standing(Status.WORKING, is_relieved=True, awaits_answer=True), "you", "Did it work?"),
        (standing(Status.WAITING_REQUESTER), "you", "Waiting for you"),
        (standing(Status.WAITING_REQUESTER, mine=False), "wait", "Waiting for Mara"),
        (standing(Status.WAITING_OTHER, waits_for="Klimo"), "wait", "Waiting for Klimo"),
        (standing(Status.WAITING_OTHER), "wait", "Waiting for others"),
        (standing(Status.RESOLVED, awaits_answer=True), "you", "Did it work?"),
        (standing(Status.RESOLVED, mine=False), "done", "Did it work?"),
        (standing(Status.CLOSED), "done", "Solved"),
        (standing(Status.CANCELLED), "done", "No longer needed"),
    ],
)
def test_the_status_is_a_shape_and_a_word(given: words.Standing, kind: str, word: str) -> None:
    """Both sides read their own words."""
    found, said = words.status_word(given)
    assert (found, str(said)) == (kind, word)


def fact(name: str = "first_response", due: datetime | None = TODAY_14, target: int = 4, **more: Any) -> words.ClockFact:
    """A clock of so many hours."""
    return words.ClockFact(name, due, timedelta(hours=target), **more)


PAUSED = fact("resolution", None, 10, used=timedelta(hours=4), paused=timedelta(hours=9), is_paused=True)


@pytest.mark.parametrize(
    ("given", "kind", "percent", "asker", "staff"),
    [
        (fact(), "ok", 0, "First answer by 14:00 today", "4 h to first answer"),
        (fact(due=datetime(2026, 11, 24, 9, 30, tzinfo=UTC)), "soon", 88, "First answer by 10:30 today", "30 min to first answer"),
        (fact(due=datetime(2026, 11, 24, 8, 25, tzinfo=UTC)), "late", 100, "Late by 35 min", "Late by 35 min"),
        (fact("next_response"), "ok", 0, "Answer to you by 14:00 today", "4 h to answer"),
        (fact("promise", THURSDAY, 30), "ok", 27, "Next step by Thu 12:00", "2 days 6 h to next step"),
        (fact("resolution", THURSDAY, 30), "ok", 27, "Done by Thu 12:00", "2 days 6 h left"),
        (fact("resolution", None, ended_at=TODAY_14), "done", 100, "Solved today 14:00", "Solved today 14:00"),
        (fact("resolution", None), "done", 100, "A date follows with the next answer", "No date yet"),
        (PAUSED, "pause", 40, "Paused until you answer", "Paused 1 day 1 h"),
    ],
)
def test_a_clock_is_a_bar_and_words_for_each_side(given: words.ClockFact, kind: str, percent: int, asker: str, staff: str) -> None:
    """Requesters read a day and a time, the serving side working time."""
    bar = words.bar(given, OFFICE, NOW)
    waiting = standing(Status.WAITING_REQUESTER if given.is_paused else Status.WORKING)
    assert (bar.kind, bar.percent) == (kind, percent)
    assert str(words.requester_clock(given, bar, READER, waiting)) == asker
    assert str(words.staff_clock(given, bar, READER)) == staff


def test_a_day_has_eight_working_hours_or_twenty_four() -> None:
    """A day of a promise, not of the opening hours."""
    assert words.day_hours(OFFICE, NOW) == 8
    assert words.day_hours(ALWAYS, NOW) == 24
    assert words.working_time(timedelta(hours=11)) == "1 day 3 h"
    said = [str(words.within(timedelta(hours=n))) for n in (1, 4, 8, 40)]
    assert said == ["1 working hour", "4 working hours", "1 day of working time", "5 days of working time"]
    assert str(words.within(timedelta(minutes=30), 24)) == "30 min"


def story(status: Status = Status.WORKING, **more: Any) -> words.Story:
    """Mara's radiator, told at some point."""
    values: dict[str, Any] = {"owner": "Jonas", "lead": "Priya Raman", "asked_at": NOW, "first_due": TODAY_14, "end_due": THURSDAY}
    about = {key: more.pop(key) for key in ("waits_for", "outcome", "awaits_answer") if key in more}
    return words.Story(standing(status, **about), "Facilities", READER, **(values | more))


STEP = {"step": "The part arrives.", "step_at": TODAY_14, "answered_at": NOW}


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (story(Status.NEW, owner=""), "Facilities has it. Somebody answers by 14:00 today."),
        (story(Status.NEW), "Facilities has it. Jonas answers by 14:00 today."),
        (story(answered_at=NOW), "Jonas is on it. It will be done by Thu 12:00."),
        (story(**STEP), "Jonas is on it."),
        (story(answered_at=NOW, reply_due=TODAY_14), "Jonas is on it and answers you by 14:00 today."),
        (story(answered_at=NOW, relieved_at=NOW), "You have something that works for now. Jonas does the rest by Thu 12:00."),
        (story(relieved_at=NOW, **STEP), "You have something that works for now. Next: The part arrives, by 14:00 today."),
        (story(answered_at=NOW, end_due=None), "Jonas is on it."),
        (story(Status.WAITING_REQUESTER), "Jonas needs an answer from you. The clock is paused until then."),
        (story(Status.WAITING_OTHER, waits_for="Klimo"), "Jonas is waiting for Klimo. The clock is paused until then."),
        (story(late_since=datetime(2026, 11, 23, 13, tzinfo=UTC)), "We said yesterday 14:00, and that has passed. We are sorry, Mara."),
        (story(Status.RESOLVED, resolved_at=NOW), "Jonas says it is done. Does it work for you?"),
        (story(Status.CLOSED, outcome="yes"), "Solved, and you said that it works."),
        (story(Status.CLOSED), "Solved. Nobody said otherwise for five working days, so it is closed."),
        (story(Status.CANCELLED), "This is no longer needed. Facilities has stopped."),
    ],
)
def test_one_sentence_says_where_it_stands(told: words.Story, sentence: str) -> None:
    """A person first, then a date."""
    assert str(words.headline(told)) == sentence


def test_the_line_below_has_the_next_step_or_the_lead() -> None:
    """Or nothing where the first sentence says it all."""
    late = {"late_since": NOW - timedelta(hours=1), "late_by": timedelta(minutes=35)}
    assert str(words.next_line(story(**STEP))) == "Next step: The part arrives, by 14:00 today."
    assert str(words.next_line(story(**late))) == "Late by 35 min. Priya Raman leads Facilities and knows about it."
    assert str(words.next_line(story(**late, **STEP))) == "Late by 35 min. Next step: The part arrives, by 14:00 today."
    assert str(words.next_line(story(**late, lead=""))) == "Late by 35 min."
    assert words.next_line(story(Status.NEW)) is None
    assert words.next_line(story(relieved_at=NOW, **STEP)) is None


def stops(told: words.Story) -> list[tuple[str, str, str]]:
    """Name, time and state of each stop."""
    return [(str(stop.name), str(stop.when), stop.state) for stop in words.rail(told)]


def test_the_rail_has_one_next_stop() -> None:
    """What comes after it is later."""
    assert stops(story(Status.NEW)) == [("Asked", "today 10:00", "done"), ("Answered", "by 14:00 today", "next"), ("Done", "by Thu 12:00", "later")]
    assert [stop[2] for stop in stops(story(**STEP))] == ["done", "done", "next", "later"]
    assert [stop[0] for stop in stops(story(answered_at=NOW, relieved_at=NOW))] == ["Asked", "Answered", "Working again", "Done"]
    assert stops(story(Status.CANCELLED)) == [("Asked", "today 10:00", "done")]


def test_a_late_stop_shows_what_was_promised_and_says_sorry() -> None:
    """Before and after it was reached."""
    before = words.rail(story(Status.NEW, first_due=NOW - timedelta(hours=1)))[1]
    assert (before.state, str(before.when), str(before.apology)) == ("late", "was due today 9:00", "We are late, and we are sorry.")
    after = words.rail(story(first_due=NOW - timedelta(hours=1), answered_at=NOW))[1]
    assert (after.state, str(after.note), str(after.apology)) == ("done", "promised 9:00", "We were late, and we are sorry.")


def test_a_date_of_ones_own_goes_before_the_promise_after_relief() -> None:
    """One that lies behind the promise does not hide it."""
    last = words.rail(story(answered_at=NOW, relieved_at=NOW, step="The valve", step_at=TODAY_14))[-1]
    assert (str(last.when), last.state) == ("by 14:00 today", "next")
    late = words.rail(story(answered_at=NOW, step="The valve", step_at=THURSDAY + timedelta(days=1)))[-1]
    assert str(late.when) == "promised Thu 12:00"


def test_every_impact_priority_and_end_has_words() -> None:
    """No number, no internal term."""
    assert str(words.impact_word("stopped")) == "Work has stopped, or someone could get hurt"
    assert len({str(words.impact_word(impact)) for impact in Impact}) == 3
    assert len({str(words.priority_word(priority)) for priority in Priority}) == 4
    assert (str(words.end_word("repair")), str(words.end_word("pay-question"))) == ("Repaired", "Done")


@pytest.mark.parametrize(
    ("calendar", "sentence"),
    [
        (OFFICE, "Mon to Fri, 8:00 to 18:00"),
        (ALWAYS, "day and night, also on weekends and holidays"),
        (SHIFTS, "Mon, 9:00 to 12:00 and 13:00 to 17:00; Sat, 10:00 to 14:00"),
        (WorkCalendar("Europe/Berlin", {day: [("08:00", "18:00")] for day in range(5)}, [NOW.date()]), "Mon to Fri, 8:00 to 18:00"),
    ],
)
def test_opening_hours_are_said_as_people_say_them(calendar: WorkCalendar, sentence: str) -> None:
    """A holiday does not pass for the rule."""
    assert str(hours_sentence(calendar, NOW, "en")) == sentence


def test_a_zone_is_a_city() -> None:
    """Not a path."""
    assert place_of("America/New_York") == "New York"


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        ({"first_response": 14400, "resolution": 144000}, "Answer within 4 h, done in 5 days"),
        ({"first_response": 28800, "resolution": None}, "Answer within 1 day, then a date"),
        ({"first_response": 900, "resolution": 14400, "round_the_clock": True}, "Answer within 15 min, day and night"),
        ({}, "Nothing is promised yet"),
    ],
)
def test_a_promise_fits_into_a_line(targets: dict[str, Any], sentence: str) -> None:
    """Days are working days of eight hours."""
    assert str(promise_words(targets)) == sentence


def happened(event: str, **data: Any) -> str | None:
    """The line of an event, as Mara reads it."""
    found = line_of(Happening(NOW, f"desk.request.{event}", data, "Jonas", you=False, names={1: "Nils"}, reader=READER))
    return str(found.text) if found else None


@pytest.mark.parametrize(
    ("event", "data", "sentence"),
    [
        ("claimed", {}, "Jonas has it now"),
        ("assigned", {"person_id": 1}, "Nils has it now"),
        ("assigned", {"person_id": None}, "Back with the whole team"),
        ("transferred", {"reason": "It is the screen."}, "Jonas handed it over: It is the screen."),
        ("replied", {"next_step": "Valve ordered.", "next_step_at": THURSDAY.isoformat()}, "Planned: Valve ordered, by Thu 12:00"),
        ("replied", {"next_step": "", "next_step_at": None}, None),
        ("paused", {"reason": "supplier", "waits_for": "Klimo"}, "The clock is paused: waiting for Klimo"),
        ("confirmed", {"answer": "no"}, "Jonas said: it does not work yet"),
        ("cancelled", {"reason": "Found it."}, "No longer needed: Found it"),
        ("closed", {"reason": "silent"}, "Closed after five quiet working days"),
        ("closed", {"reason": "confirmed"}, None),
        ("joined", {"person_id": 1}, "Nils follows it"),
        ("noted", {}, None),
        ("filed", {}, None),
    ],
)
def test_what_happened_is_one_grey_line_or_none(event: str, data: dict[str, Any], sentence: str | None) -> None:
    """Notes of the team have no line at all."""
    assert happened(event, **data) == sentence


def test_four_lines_in_a_row_fold_to_two() -> None:
    """The newest stay."""
    run = [Line(NOW, "check", say("x")) for _ in range(5)]
    assert [len(part) for part in folded(run)] == [3, 2]
    assert [len(part) for part in folded(run[:3])] == [0, 3]
