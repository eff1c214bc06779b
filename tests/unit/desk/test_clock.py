"""The clocks of a request, rule by rule: Mara asks Facilities, Jonas answers, and the calendar decides what is late."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portal.desk.clock import ClockState, Event, compliance, explain, fraction, replay, warn_instants
from portal.people.calendar import NoWorkingTime, WorkCalendar

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = WorkCalendar("Europe/Berlin", {day: [("09:00", "17:00")] for day in range(5)})
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


TARGETS = {"first_response": hours(4), "next_response": hours(4), "resolution": hours(24)}


def at(text: str) -> datetime:
    """A time in Berlin in the week of Monday 4 May 2026: "Tue 10:00", or in the week after: "Tue+1 10:00"."""
    day, clock = text.split()
    name, _, weeks = day.partition("+")
    monday = datetime.fromisoformat(f"2026-05-04T{clock}").replace(tzinfo=BERLIN)
    return monday + timedelta(days=DAYS.index(name) + 7 * int(weeks or 0))


def log(*lines: str | tuple[str, Mapping[str, object]]) -> list[Event]:
    """Events written as "Mon 09:00 reply fulfiller"; whose they are may be left out where it is plain."""
    plain = {"opened": "requester", "requester_message": "requester", "reopened": "requester", "retargeted": "system", "cancelled": "requester"}
    events = []
    for line in lines:
        text, data = (line, {}) if isinstance(line, str) else line
        day, clock, kind, *by = text.split()
        events.append(Event(at(f"{day} {clock}"), kind, by[0] if by else plain.get(kind, "fulfiller"), data))
    return events


def told(state: ClockState) -> tuple[str, datetime | None, datetime | None]:
    return state.status, state.due, state.stopped_at


OPEN = "Mon 09:00 opened"


class TestBeforeAndAtTheStart:
    """R1 to R3: when a clock starts and what it says before anything happens."""

    def test_nothing_has_started(self) -> None:
        """Without an opening, or before it, the four clocks are there and not started."""
        for events in ([], log("Tue 09:00 opened"), log("Mon 08:00 reply", "Mon 08:30 requester_message")):
            states = replay(events, TARGETS, OFFICE, at("Mon 12:00"))
            assert dict(states) == dict.fromkeys(("first_response", "next_response", "resolution", "promise"), ClockState())
        assert ClockState() == ClockState(None, "not_started", None, timedelta(), timedelta(), ())

    def test_opening_starts_two_clocks(self) -> None:
        """First response and resolution run from receipt; next response and promise wait for their reason."""
        states = replay(log(OPEN), TARGETS, OFFICE, at("Mon 11:00"))
        assert states["first_response"] == ClockState(at("Mon 13:00"), "running", None, hours(2), timedelta(), ())
        assert states["resolution"] == ClockState(at("Wed 17:00"), "running", None, hours(2), timedelta(), ())
        assert states["next_response"] == states["promise"] == ClockState()

    def test_out_of_hours_adds_no_work(self) -> None:
        """Filed on Saturday, the four hours are Monday's; at closing on Friday they are Monday's too."""
        for opened in ("Sat 10:00", "Fri 17:00", "Sun 23:59"):
            state = replay(log(f"{opened} opened"), TARGETS, OFFICE, at("Mon+1 10:00"))["first_response"]
            assert (state.due, state.status, state.worked) == (at("Mon+1 13:00"), "running", hours(1))

    def test_due_at_closing_is_today(self) -> None:
        """Vector 10: one hour from Friday 16:00 is Friday 17:00, and an answer at that instant is in time."""
        targets = {"first_response": hours(1)}
        assert replay(log("Fri 16:00 opened"), targets, OFFICE, at("Fri 16:30"))["first_response"].due == at("Fri 17:00")
        assert told(replay(log("Fri 16:00 opened", "Fri 17:00 reply"), targets, OFFICE, at("Sat 09:00"))["first_response"])[0] == "met"
        assert told(replay(log("Fri 16:00 opened", "Mon+1 09:00 reply"), targets, OFFICE, at("Mon+1 10:00"))["first_response"])[0] == "missed"

    def test_open_and_past_due_is_missed_now(self) -> None:
        """At its due time a clock still runs, a microsecond later it is missed, though nobody stopped it (R20)."""
        assert replay(log(OPEN), TARGETS, OFFICE, at("Mon 13:00"))["first_response"].status == "running"
        late = replay(log(OPEN), TARGETS, OFFICE, at("Mon 13:00") + timedelta(microseconds=1))["first_response"]
        assert told(late) == ("missed", at("Mon 13:00"), None)

    def test_a_clock_without_target_is_not_started(self) -> None:
        """A service with promise dates only has no resolution clock; the others are unaffected."""
        for targets in ({"first_response": hours(4)}, {"first_response": hours(4), "resolution": None}):
            states = replay(log(OPEN, "Mon 10:00 reply", "Mon 11:00 requester_message", "Mon 12:00 paused"), targets, OFFICE, at("Mon 14:00"))
            assert states["resolution"] == states["next_response"] == ClockState()
            assert states["first_response"].status == "met"

    def test_order_of_the_log_does_not_matter(self) -> None:
        """Events are read by their time; those after now have not happened."""
        events = log(OPEN, "Mon 10:00 reply", "Mon 11:00 requester_message", "Tue 09:00 resolved")
        for now in ("Mon 10:30", "Mon 12:00", "Tue 10:00"):
            assert replay(reversed(events), TARGETS, OFFICE, at(now)) == replay(events, TARGETS, OFFICE, at(now))
        assert replay(events, TARGETS, OFFICE, at("Mon 12:00"))["resolution"].status == "running"


class TestFirstResponse:
    """R4: the first substantive public message of the serving side."""

    def test_a_reply_stops_it(self) -> None:
        """In time it is met, late it is missed, and the time worked is kept."""
        met = replay(log(OPEN, "Mon 12:00 reply", "Mon 15:00 reply"), TARGETS, OFFICE, at("Tue 12:00"))["first_response"]
        assert met == ClockState(at("Mon 13:00"), "met", at("Mon 12:00"), hours(3), timedelta(), ())
        missed = replay(log(OPEN, "Tue 10:00 reply"), TARGETS, OFFICE, at("Tue 12:00"))["first_response"]
        assert missed == ClockState(at("Mon 13:00"), "missed", at("Tue 10:00"), hours(9), timedelta(), ())

    @pytest.mark.parametrize("line", ["acknowledgement", "acknowledgement system", "note", "requester_message", "reply requester", "reply system", "paused"])
    def test_what_does_not_stop_it(self, line: str) -> None:
        """Acknowledgements, private notes, machines and the requester are no answer."""
        state = replay(log(OPEN, f"Mon 10:00 {line}"), TARGETS, OFFICE, at("Mon 11:00"))["first_response"]
        assert told(state) == ("running", at("Mon 13:00"), None)

    def test_it_never_pauses(self) -> None:
        """R8: nobody has asked the requester anything yet; only the resolution stands."""
        states = replay(log(OPEN, "Mon 10:00 paused", "Mon 12:00 resumed"), TARGETS, OFFICE, at("Mon 12:30"))
        assert states["first_response"] == ClockState(at("Mon 13:00"), "running", None, hours(3.5), timedelta(), ())
        assert (states["resolution"].due, states["resolution"].paused) == (at("Thu 11:00"), hours(2))

    def test_a_resolution_by_the_serving_side_answers(self) -> None:
        """Resolving or refusing with text is a response."""
        state = replay(log(OPEN, "Mon 12:00 resolved"), TARGETS, OFFICE, at("Mon 14:00"))["first_response"]
        assert told(state) == ("met", at("Mon 13:00"), at("Mon 12:00"))

    @pytest.mark.parametrize(("when", "status"), [("Mon 12:00", "cancelled"), ("Mon 14:00", "missed")])
    def test_solved_by_the_requester_before_any_answer(self, when: str, status: str) -> None:
        """Nobody answered and nobody needs to any more: cancelled, unless it was late by then."""
        state = replay(log(OPEN, f"{when} resolved requester"), TARGETS, OFFICE, at("Tue 09:00"))["first_response"]
        assert told(state) == (status, at("Mon 13:00"), at(when))

    def test_solved_by_the_requester_and_reopened(self) -> None:
        """The answer is owed again, without the time in which the request was closed; an answer then stops it."""
        events = log(OPEN, "Mon 10:00 resolved requester", ("Wed 10:00 reopened", {"reason": "other"}))
        assert told(replay(events, TARGETS, OFFICE, at("Wed 11:00"))["first_response"]) == ("running", at("Wed 13:00"), None)
        answered = [*events, *log("Wed 12:00 reply")]
        assert told(replay(answered, TARGETS, OFFICE, at("Wed 14:00"))["first_response"]) == ("met", at("Wed 13:00"), at("Wed 12:00"))

    def test_reopening_does_not_touch_an_answer(self) -> None:
        """R12 withdraws the verdict of the resolution only."""
        events = log(OPEN, "Mon 10:00 reply", "Mon 11:00 resolved", ("Tue 09:00 reopened", {"reason": "not_solved"}))
        assert told(replay(events, TARGETS, OFFICE, at("Tue 10:00"))["first_response"]) == ("met", at("Mon 13:00"), at("Mon 10:00"))


class TestNextResponse:
    """R6: the oldest unanswered message after the first response."""

    def test_not_before_the_first_response(self) -> None:
        """Two clocks never fight: messages before the first answer belong to the first response."""
        events = log(OPEN, "Mon 10:00 requester_message", "Mon 11:00 acknowledgement")
        assert replay(events, TARGETS, OFFICE, at("Mon 12:00"))["next_response"] == ClockState()
        answered = [*events, *log("Mon 11:30 reply")]
        assert replay(answered, TARGETS, OFFICE, at("Mon 12:00"))["next_response"] == ClockState()

    def test_it_counts_from_the_oldest_unanswered_message(self) -> None:
        """A second message does not restart it; an acknowledgement or a note does not stop it."""
        events = log(OPEN, "Mon 10:00 reply", "Mon 11:00 requester_message", "Mon 14:00 requester_message", "Mon 14:30 acknowledgement", "Mon 14:40 note")
        assert told(replay(events, TARGETS, OFFICE, at("Mon 14:50"))["next_response"]) == ("running", at("Mon 15:00"), None)
        assert replay(events, TARGETS, OFFICE, at("Mon 16:00"))["next_response"].status == "missed"

    def test_cycles(self) -> None:
        """Each message after an answer is a new cycle; the latest is shown, the earlier ones are kept in order."""
        events = log(OPEN, "Mon 10:00 reply", "Mon 11:00 requester_message", "Mon 12:00 reply", "Mon 13:00 requester_message", "Tue 15:00 reply")
        events += log("Wed 09:00 requester_message")
        state = replay(events, TARGETS, OFFICE, at("Wed 10:00"))["next_response"]
        assert told(state) == ("running", at("Wed 13:00"), None)
        assert [told(cycle) for cycle in state.cycles] == [
            ("met", at("Mon 15:00"), at("Mon 12:00")),
            ("missed", at("Mon 17:00"), at("Tue 15:00")),
        ]
        assert all(cycle.cycles == () for cycle in state.cycles)

    def test_a_resolution_stops_it(self) -> None:
        """Resolving answers what was asked."""
        events = log(OPEN, "Mon 10:00 reply", "Mon 11:00 requester_message", "Mon 12:00 resolved")
        assert told(replay(events, TARGETS, OFFICE, at("Mon 14:00"))["next_response"]) == ("met", at("Mon 15:00"), at("Mon 12:00"))

    def test_a_resolution_is_a_first_response_too(self) -> None:
        """After it, a message waits for an answer as after any other."""
        events = log(OPEN, "Mon 10:00 resolved", "Mon 11:00 requester_message")
        assert told(replay(events, TARGETS, OFFICE, at("Mon 12:00"))["next_response"]) == ("running", at("Mon 15:00"), None)

    def test_a_pause_while_it_runs(self) -> None:
        """Waiting for a supplier stands the answer that is owed, as it stands the resolution; a message ends it."""
        events = log(OPEN, "Mon 10:00 reply", "Mon 11:00 requester_message", "Mon 12:00 paused")
        assert told(replay(events, TARGETS, OFFICE, at("Mon 14:00"))["next_response"]) == ("paused", None, None)
        resumed = [*events, *log("Mon 14:00 requester_message")]
        state = replay(resumed, TARGETS, OFFICE, at("Mon 16:00"))["next_response"]
        assert (state.status, state.due, state.worked, state.paused) == ("running", at("Mon 17:00"), hours(3), hours(2))


class TestPauses:
    """R8: what a pause does to the resolution and what ends it."""

    def test_vector_8(self) -> None:
        """Eight hours from Thursday 15:00, paused from Thursday 16:00 to Monday 10:00, are used up on Monday at closing."""
        events = log("Thu 15:00 opened", "Thu 16:00 paused", "Mon+1 10:00 resumed")
        state = replay(events, {"resolution": hours(8)}, OFFICE, at("Mon+1 12:00"))["resolution"]
        assert state == ClockState(at("Mon+1 17:00"), "running", None, hours(3), hours(10), ())

    def test_while_paused_there_is_no_due_time(self) -> None:
        """It stands: worked time stops, paused time grows, and no day is near enough to make it late."""
        state = replay(log(OPEN, "Mon 12:00 paused"), TARGETS, OFFICE, at("Fri+3 12:00"))["resolution"]
        assert (state.status, state.due, state.worked) == ("paused", None, hours(3))
        assert state.paused == OFFICE.worked(at("Mon 12:00"), at("Fri+3 12:00"))

    @pytest.mark.parametrize(("line", "ends"), [("resumed", True), ("requester_message", True), ("reply", False), ("note", False), ("acknowledgement", False)])
    def test_what_ends_it(self, line: str, ends: bool) -> None:
        """A message of the requester or the staff's own release; a further reply leaves it."""
        state = replay(log(OPEN, "Mon 12:00 paused", f"Mon 14:00 {line}"), TARGETS, OFFICE, at("Mon 15:00"))["resolution"]
        assert (state.status, state.paused) == (("running", hours(2)) if ends else ("paused", hours(3)))

    def test_late_before_the_pause_stays_late(self) -> None:
        """A pause does not hide a promise that was already missed."""
        state = replay(log(OPEN, "Thu 09:30 paused"), TARGETS, OFFICE, at("Thu 10:00"))["resolution"]
        assert told(state) == ("missed", at("Wed 17:00"), None)

    def test_pausing_twice_is_pausing_once(self) -> None:
        """The first pause counts, and steps that make no sense are ignored."""
        once = log(OPEN, "Mon 12:00 paused", "Mon 14:00 resumed")
        twice = log("Mon 09:30 resumed", OPEN, "Mon 12:00 paused", "Mon 13:00 paused", "Mon 14:00 resumed", "Mon 14:30 resumed", "Mon 15:00 reopened")
        assert replay(once, TARGETS, OFFICE, at("Tue 10:00")) == replay(twice, TARGETS, OFFICE, at("Tue 10:00"))

    def test_resolving_out_of_a_pause(self) -> None:
        """The hold is not lost when a paused request is resolved at once."""
        state = replay(log(OPEN, "Mon 12:00 paused", "Tue 12:00 resolved"), TARGETS, OFFICE, at("Fri 12:00"))["resolution"]
        assert state == ClockState(at("Thu 17:00"), "met", at("Tue 12:00"), hours(3), hours(8), ())


class TestResolution:
    """R12: resolving stops provisionally, reopening goes on."""

    def test_met_and_missed(self) -> None:
        """Resolved at the due time is in time."""
        assert told(replay(log(OPEN, "Wed 17:00 resolved"), TARGETS, OFFICE, at("Fri 12:00"))["resolution"]) == ("met", at("Wed 17:00"), at("Wed 17:00"))
        assert told(replay(log(OPEN, "Thu 09:00 resolved"), TARGETS, OFFICE, at("Fri 12:00"))["resolution"]) == ("missed", at("Wed 17:00"), at("Thu 09:00"))
        twice = replay(log(OPEN, "Wed 12:00 resolved", "Thu 12:00 resolved"), TARGETS, OFFICE, at("Fri 12:00"))["resolution"]
        assert twice.stopped_at == at("Wed 12:00")

    @pytest.mark.parametrize(
        ("resolved", "reopened", "reason", "paused", "due"),
        [
            ("Tue 10:00", "Tue 15:00", "not_solved", 0, "Wed 17:00"),
            ("Tue 10:00", "Wed 10:00", "not_solved", 0, "Wed 17:00"),
            ("Tue 10:00", "Fri 10:00", "not_solved", 16, "Fri 17:00"),
            ("Fri 16:00", "Tue+1 10:00", "not_solved", 2, "Wed 17:00"),
            ("Tue 18:00", "Fri 10:00", "not_solved", 9, "Wed 17:00"),
            ("Tue 10:00", "Tue 15:00", "other", 5, "Thu 14:00"),
            ("Tue 10:00", "Fri 10:00", "other", 24, "Mon+1 17:00"),
            ("Tue 10:00", "Tue 10:00", "other", 0, "Wed 17:00"),
        ],
    )
    def test_reopened(self, resolved: str, reopened: str, reason: str, paused: float, due: str) -> None:
        """Not solved: the first working day of the interval ran and the rest stood. Anything else: all of it stood."""
        events = log(OPEN, f"{resolved} resolved", (f"{reopened} reopened", {"reason": reason}))
        state = replay(events, TARGETS, OFFICE, at(reopened))["resolution"]
        assert (state.due, state.paused, state.stopped_at) == (at(due), hours(paused), None)
        assert state.status == ("running" if at(reopened) <= at(due) else "missed")
        assert state.worked == OFFICE.worked(at("Mon 09:00"), at(reopened)) - hours(paused)

    def test_a_reopening_without_a_reason_is_another_one(self) -> None:
        """No word about it costs the serving side nothing; an unknown word is a mistake."""
        state = replay(log(OPEN, "Tue 10:00 resolved", "Fri 10:00 reopened"), TARGETS, OFFICE, at("Fri 10:00"))["resolution"]
        assert state.paused == hours(24)
        with pytest.raises(ValueError, match="not_solved"):
            replay(log(OPEN, "Tue 10:00 resolved", ("Fri 10:00 reopened", {"reason": "whatever"})), TARGETS, OFFICE, at("Fri 10:00"))

    def test_the_earlier_verdict_is_withdrawn_until_the_final_stop(self) -> None:
        """Met on Tuesday, reopened as not solved, resolved late in the end: missed."""
        events = log(OPEN, "Tue 10:00 resolved", ("Wed 10:00 reopened", {"reason": "not_solved"}), "Thu 12:00 resolved")
        assert [replay(events, TARGETS, OFFICE, at(now))["resolution"].status for now in ("Tue 11:00", "Wed 11:00", "Thu 10:00", "Fri 10:00")] == [
            "met",
            "running",
            "missed",
            "missed",
        ]

    def test_closing_early_never_buys_time(self) -> None:
        """Resolved a minute before it was due and reopened two hours later, it is late."""
        events = log(OPEN, "Wed 16:59 resolved", ("Thu 11:00 reopened", {"reason": "not_solved"}))
        assert replay(events, TARGETS, OFFICE, at("Thu 11:00"))["resolution"].status == "missed"


class TestRetargeting:
    """R11: the same clock continues with another target."""

    @staticmethod
    def change(when: str, **targets: float) -> list[Event]:
        return log((f"{when} retargeted", {"targets": {name: hours(number) for name, number in targets.items()}}))

    def test_vector_9(self) -> None:
        """24 hours become 4 after 6 worked: not two hours ago, but a quarter of the new target from now."""
        events = log(OPEN) + self.change("Mon 15:00", resolution=4)
        state = replay(events, TARGETS, OFFICE, at("Mon 15:00"))["resolution"]
        assert told(state) == ("running", at("Mon 16:00"), None)
        assert state.worked == hours(6)

    @pytest.mark.parametrize(
        ("when", "target", "due"),
        [
            ("Mon 10:00", 8, "Mon 17:00"),
            ("Mon 15:00", 16, "Tue 17:00"),
            ("Wed 16:00", 23, "Wed 17:00"),
            ("Thu 10:00", 4, "Wed 17:00"),
            ("Mon 15:00", 40, "Fri 17:00"),
            ("Wed 11:00", 40, "Wed 17:00"),  # 18 of 24 hours: exactly 75 %
            ("Wed 10:59", 40, "Fri 17:00"),
            ("Thu 10:00", 40, "Wed 17:00"),
            ("Mon 15:00", 24, "Wed 17:00"),
        ],
    )
    def test_tightening_and_loosening(self, when: str, target: float, due: str) -> None:
        """Tighter: retroactive, a quarter left, never later than before. Looser: unless 75 % is used or it is late."""
        events = log(OPEN) + self.change(when, resolution=target)
        assert replay(events, TARGETS, OFFICE, at(when))["resolution"].due == at(due)

    def test_pauses_are_kept(self) -> None:
        """Paused for two hours before, the new due time has them too; paused afterwards, the quarter that was left moves along."""
        events = log(OPEN, "Mon 10:00 paused", "Mon 12:00 resumed") + self.change("Mon 13:00", resolution=8)
        assert replay(events, TARGETS, OFFICE, at("Mon 13:00"))["resolution"].due == at("Tue 11:00")
        raised = log(OPEN) + self.change("Mon 15:00", resolution=4) + log("Mon 15:30 paused", "Mon 16:30 resumed")
        assert replay(raised, TARGETS, OFFICE, at("Mon 16:45"))["resolution"].due == at("Mon 17:00")

    def test_the_event_decides_not_the_reading(self) -> None:
        """What was used when the target changed counts, however late the log is read."""
        events = log(OPEN) + self.change("Mon 15:00", resolution=40)
        for now in ("Mon 15:00", "Fri 12:00", "Fri+1 12:00"):
            assert replay(events, TARGETS, OFFICE, at(now))["resolution"].due == at("Fri 17:00")

    def test_only_the_named_clocks_change(self) -> None:
        """A new first response leaves the resolution; the next response takes its target from then on, in its running cycle too."""
        events = log(OPEN) + self.change("Mon 10:00", first_response=2)
        states = replay(events, TARGETS, OFFICE, at("Mon 10:30"))
        assert (states["first_response"].due, states["resolution"].due) == (at("Mon 11:00"), at("Wed 17:00"))
        talk = log(OPEN, "Mon 09:30 reply", "Mon 10:00 requester_message") + self.change("Mon 10:30", next_response=2)
        assert replay(talk, TARGETS, OFFICE, at("Mon 11:00"))["next_response"].due == at("Mon 12:00")
        more = talk + log("Mon 11:00 reply", "Tue 10:00 requester_message")
        assert replay(more, TARGETS, OFFICE, at("Tue 11:00"))["next_response"].due == at("Tue 12:00")

    def test_a_verdict_given_stays(self) -> None:
        """An answered first response and a resolved request keep their due; reopened, the new target counts."""
        events = log(OPEN, "Mon 12:00 reply", "Tue 09:00 resolved") + self.change("Tue 10:00", first_response=1, resolution=6)
        states = replay(events, TARGETS, OFFICE, at("Tue 12:00"))
        assert told(states["first_response"]) == ("met", at("Mon 13:00"), at("Mon 12:00"))
        assert told(states["resolution"]) == ("met", at("Wed 17:00"), at("Tue 09:00"))
        again = replay(events + log("Wed 09:00 reopened"), TARGETS, OFFICE, at("Wed 09:00"))["resolution"]
        assert told(again) == ("running", at("Wed 10:30"), None)

    def test_a_clock_gets_or_loses_its_target(self) -> None:
        """One that had none starts from the opening with at least a quarter left; one that loses it is not started, unless used to 75 %."""
        given = log(OPEN) + self.change("Mon 15:00", resolution=4)
        assert replay(given, {}, OFFICE, at("Mon 15:00"))["resolution"].due == at("Mon 16:00")
        taken = log(("Mon 15:00 retargeted", {"targets": {"resolution": None}}))
        assert replay(log(OPEN) + taken, TARGETS, OFFICE, at("Mon 16:00"))["resolution"] == ClockState()
        late = log(("Thu 15:00 retargeted", {"targets": {"resolution": None}}))
        assert replay(log(OPEN) + late, TARGETS, OFFICE, at("Thu 16:00"))["resolution"].status == "missed"

    def test_a_log_that_came_from_a_table(self) -> None:
        """Seconds and ISO text are read like durations and instants."""
        events = log(OPEN, ("Mon 15:00 retargeted", {"targets": {"resolution": 4 * 3600}}), ("Mon 15:00 promised", {"date": at("Tue 12:00").isoformat()}))
        states = replay(events, TARGETS, OFFICE, at("Mon 15:00"))
        assert (states["resolution"].due, states["promise"].due) == (at("Mon 16:00"), at("Tue 12:00"))

    @pytest.mark.parametrize("targets", [None, {"resolution": "4 h"}, {"resolution": hours(-1)}, 5])
    def test_what_is_no_target(self, targets: object) -> None:
        """Durations of zero or more, by the name of a clock."""
        with pytest.raises(ValueError, match=r"target|Targets"):
            replay(log(OPEN, ("Mon 10:00 retargeted", {"targets": targets})), TARGETS, OFFICE, at("Mon 11:00"))


class TestPromise:
    """R7: the date a person gave."""

    @staticmethod
    def promise(when: str, until: str, by: str = "fulfiller") -> list[Event]:
        return log((f"{when} promised {by}", {"date": at(until)}))

    def test_it_is_due_at_its_date(self) -> None:
        """Not in working hours, not paused: the date itself."""
        events = log(OPEN, "Mon 10:00 reply") + self.promise("Mon 10:00", "Wed 12:00") + log("Mon 11:00 paused")
        state = replay(events, TARGETS, OFFICE, at("Tue 10:00"))["promise"]
        assert state == ClockState(at("Wed 12:00"), "running", None, hours(8), timedelta(), ())

    @pytest.mark.parametrize("line", ["reply", "resolved", "resolved requester"])
    @pytest.mark.parametrize(("when", "status"), [("Wed 12:00", "met"), ("Wed 12:01", "missed")])
    def test_the_next_reply_or_the_resolution_stops_it(self, line: str, when: str, status: str) -> None:
        """At the date is kept, after it is not."""
        events = self.promise("Mon 10:00", "Wed 12:00") + log(OPEN, f"{when} {line}")
        assert told(replay(events, TARGETS, OFFICE, at("Fri 10:00"))["promise"]) == (status, at("Wed 12:00"), at(when))

    def test_nobody_came(self) -> None:
        """Past its date it is missed though nothing happened; notes and acknowledgements keep nothing."""
        events = log(OPEN, "Tue 10:00 note", "Tue 11:00 acknowledgement", "Tue 12:00 requester_message") + self.promise("Mon 10:00", "Wed 12:00")
        assert told(replay(events, TARGETS, OFFICE, at("Wed 12:01"))["promise"]) == ("missed", at("Wed 12:00"), None)

    def test_the_reply_that_carries_it_does_not_keep_it(self) -> None:
        """Reply and date are written at the same instant, in either order."""
        for lines in (log("Mon 10:00 reply") + self.promise("Mon 10:00", "Wed 12:00"), self.promise("Mon 10:00", "Wed 12:00") + log("Mon 10:00 reply")):
            assert replay(log(OPEN) + lines, TARGETS, OFFICE, at("Mon 11:00"))["promise"].status == "running"

    @pytest.mark.parametrize(
        ("renewed", "by", "status"), [("Wed 11:00", "fulfiller", "met"), ("Wed 13:00", "fulfiller", "missed"), ("Wed 11:00", "system", "cancelled")]
    )
    def test_a_new_date(self, renewed: str, by: str, status: str) -> None:
        """Given in time it is the update that was promised; late it was missed; set by the system it counts for nothing."""
        events = log(OPEN) + self.promise("Mon 10:00", "Wed 12:00") + self.promise(renewed, "Fri 12:00", by)
        state = replay(events, TARGETS, OFFICE, at("Wed 14:00"))["promise"]
        assert told(state) == ("running", at("Fri 12:00"), None)
        assert [told(cycle) for cycle in state.cycles] == [(status, at("Wed 12:00"), at(renewed))]

    def test_reply_and_new_date_together(self) -> None:
        """In either order the old promise is kept once and the new one runs."""
        start = log(OPEN) + self.promise("Mon 10:00", "Wed 12:00")
        renewal = [log("Tue 10:00 reply"), self.promise("Tue 10:00", "Fri 12:00")]
        for lines in (renewal[0] + renewal[1], renewal[1] + renewal[0]):
            state = replay(start + lines, TARGETS, OFFICE, at("Tue 11:00"))["promise"]
            assert (state.status, [cycle.status for cycle in state.cycles]) == ("running", ["met"])

    def test_two_dates_at_once(self) -> None:
        """The second of two dates of the same instant replaces the first; nothing was kept by it."""
        state = replay(log(OPEN) + self.promise("Mon 10:00", "Wed 12:00") + self.promise("Mon 10:00", "Thu 12:00"), TARGETS, OFFICE, at("Mon 11:00"))["promise"]
        assert (state.due, state.cycles) == (at("Thu 12:00"), ())

    @pytest.mark.parametrize(
        ("given", "due"),
        [("2026-05-06", "Wed 17:00"), (date(2026, 5, 6), "Wed 17:00"), ("2026-05-09", "Sun 00:00"), ("2026-05-06T10:00:00+00:00", "Wed 12:00")],
    )
    def test_a_date_means_its_close(self, given: object, due: str) -> None:
        """By Wednesday is until Wednesday's close, or midnight where a date has no hours."""
        events = log(OPEN, ("Mon 10:00 promised", {"date": given}))
        assert replay(events, TARGETS, OFFICE, at("Mon 11:00"))["promise"].due == at(due)

    @pytest.mark.parametrize("given", [None, "", "soon", "2026-05-06T10:00:00", datetime(2026, 5, 6, 10), 5])  # noqa: DTZ001 - a naive one is refused
    def test_what_is_no_date(self, given: object) -> None:
        """A promise without a zone or a date is refused."""
        with pytest.raises(ValueError, match=r"promise needs|isoformat"):
            replay(log(OPEN, ("Mon 10:00 promised", {"date": given})), TARGETS, OFFICE, at("Mon 11:00"))


class TestCancelling:
    """R13, R19: out of the denominator, but never out of the record."""

    def test_running_clocks_are_cancelled_and_verdicts_stay(self) -> None:
        """Met stays met, running and paused ones are cancelled, later events change nothing."""
        events = log(OPEN, "Mon 10:00 reply", ("Mon 10:00 promised", {"date": at("Wed 12:00")}), "Mon 11:00 requester_message", "Mon 12:00 paused")
        events += log("Mon 13:00 cancelled", "Mon 14:00 reply", "Mon 15:00 reopened", "Mon 16:00 requester_message")
        states = replay(events, TARGETS, OFFICE, at("Fri+1 10:00"))
        assert {name: state.status for name, state in states.items()} == {
            "first_response": "met",
            "next_response": "cancelled",
            "resolution": "cancelled",
            "promise": "cancelled",
        }
        assert (states["resolution"].stopped_at, states["resolution"].worked, states["resolution"].paused) == (at("Mon 13:00"), hours(3), hours(1))

    def test_late_stays_late(self) -> None:
        """Cancelling does not erase a due time that had passed; resolved before, it keeps its verdict."""
        assert told(replay(log(OPEN, "Mon 14:00 cancelled"), TARGETS, OFFICE, at("Tue 09:00"))["first_response"]) == (
            "missed",
            at("Mon 13:00"),
            at("Mon 14:00"),
        )
        assert replay(log(OPEN, "Mon 11:00 resolved", "Mon 14:00 cancelled"), TARGETS, OFFICE, at("Tue 09:00"))["resolution"].status == "met"


class TestRefusals:
    """What is no log."""

    def test_unknown_words_and_naive_times(self) -> None:
        """A word outside the list or a time without a zone is refused where it is written."""
        for kind, by in (("opend", "requester"), ("reply", "agent"), ("", "")):
            with pytest.raises(ValueError, match="No event of a clock"):
                Event(at("Mon 09:00"), kind, by, {})
        with pytest.raises(ValueError, match="zone"):
            Event(datetime(2026, 5, 4, 9), "reply", "fulfiller", {})  # noqa: DTZ001 - the subject
        with pytest.raises(ValueError, match="zone"):
            replay([], TARGETS, OFFICE, datetime(2026, 5, 4, 9))  # noqa: DTZ001 - the subject

    def test_a_calendar_that_never_opens(self) -> None:
        """There is no due time to tell, and nothing falls back to round the clock."""
        with pytest.raises(NoWorkingTime):
            replay(log(OPEN), TARGETS, WorkCalendar("Europe/Berlin", {}), at("Mon 10:00"))

    def test_it_needs_nothing_but_the_standard_library(self) -> None:
        """Other programs import it from an interpreter without any package."""
        script = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r}); from portal.desk.clock import replay; print(replay.__name__)"
        done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "replay"


class TestMeasuring:
    """R17 and R20: warnings and the count."""

    def test_warnings_are_shares_of_the_working_time(self) -> None:
        """Eight hours from Monday 13:00 with a two-hour pause warn at 50, 75, 90 and 100 %; the past ones are told too."""
        events = log("Mon 13:00 opened", "Mon 14:00 paused", "Mon 16:00 resumed")
        state = replay(events, {"resolution": hours(8)}, OFFICE, at("Mon 16:00"))["resolution"]
        assert fraction(state) == pytest.approx(1 / 8)
        assert warn_instants(state, hours(8), OFFICE, (0, 10, 50, 75, 90, 100)) == [
            (0, at("Mon 13:00")),
            (10, at("Mon 13:48")),
            (50, at("Tue 11:00")),
            (75, at("Tue 13:00")),
            (90, at("Tue 14:12")),
            (100, at("Tue 15:00")),
        ]

    def test_no_warnings_for_what_stands_or_has_stopped(self) -> None:
        """Paused, met and not started clocks have none; one that runs late has its last at the due time."""
        stopped = replay(log(OPEN, "Mon 10:00 reply", "Mon 11:00 paused"), TARGETS, OFFICE, at("Mon 12:00"))
        assert all(warn_instants(state, hours(4), OFFICE) == [] for state in stopped.values())
        late = replay(log(OPEN), TARGETS, OFFICE, at("Mon 15:00"))["first_response"]
        assert warn_instants(late, hours(4), OFFICE)[-1] == (100, at("Mon 13:00"))
        assert fraction(late) == pytest.approx(1.5)

    def test_warnings_after_a_late_re_target_end_at_its_due_time(self) -> None:
        """The shares are of the seven hours that are allowed, not of the four that were asked for."""
        events = log(OPEN, ("Mon 15:00 retargeted", {"targets": {"resolution": hours(4)}}))
        state = replay(events, TARGETS, OFFICE, at("Mon 15:00"))["resolution"]
        assert warn_instants(state, hours(4), OFFICE, (50, 100)) == [(50, at("Mon 12:30")), (100, at("Mon 16:00"))]

    def test_a_stored_row_is_enough(self) -> None:
        """A state with a due time and no history uses the target given."""
        row = ClockState(at("Tue 11:00"), "running", None, hours(2), timedelta(), ())
        assert warn_instants(row, hours(8), OFFICE, (50, 100)) == [(50, at("Mon 15:00")), (100, at("Tue 11:00"))]
        assert fraction(row, hours(8)) == pytest.approx(0.25)
        assert fraction(row) == 0.0
        assert warn_instants(row, None, OFFICE) == []

    def test_a_promise_warns_in_working_time_up_to_its_date(self) -> None:
        """Promised on Monday 09:00 for Tuesday 17:00: half of the sixteen hours are over on Tuesday morning."""
        state = replay(log(OPEN, ("Mon 09:00 promised", {"date": at("Tue 17:00")})), TARGETS, OFFICE, at("Mon 11:00"))["promise"]
        assert warn_instants(state, None, OFFICE, (50, 100)) == [(50, at("Tue 09:00")), (100, at("Tue 17:00"))]
        assert fraction(state) == pytest.approx(1 / 8)

    def test_compliance_counts_by_due_date(self) -> None:
        """Leaving things open cannot improve the number: open and past due counts as missed, cancelled counts apart."""
        events = log(OPEN, "Mon 10:00 reply", "Mon 11:00 requester_message", "Mon 12:00 reply", "Tue 11:00 requester_message")
        states = replay(events, TARGETS, OFFICE, at("Fri 10:00"))
        cancelled = replay(log(OPEN, "Mon 10:00 cancelled"), TARGETS, OFFICE, at("Fri 10:00"))
        week = compliance([*states.values(), *cancelled.values()], at("Mon 00:00"), at("Sat 00:00"))
        assert (week.met, week.missed, week.cancelled) == (2, 2, 2)
        assert week.rate == 0.5
        monday = compliance(states.values(), at("Mon 00:00"), at("Tue 00:00"))
        assert (monday.met, monday.missed) == (2, 0)
        assert compliance([], at("Mon 00:00"), at("Tue 00:00")).rate is None


class TestExplaining:
    """R22: every clock can print its life."""

    def test_a_resolution_with_everything(self) -> None:
        """Running, paused with its reason, out of hours, raised late, resolved, reopened: in order and without gaps."""
        events = log(OPEN, ("Mon 10:00 paused", {"reason": "question"}), "Mon 12:00 requester_message")
        events += log(("Tue 11:00 retargeted", {"targets": {"resolution": hours(8)}, "reason": "priority"}), "Tue 12:00 resolved")
        segments = [segment for segment in explain(events, TARGETS, OFFICE, at("Fri 12:00")) if segment.clock == "resolution"]
        assert [(segment.kind, segment.start, segment.end, segment.work) for segment in segments] == [
            ("running", at("Mon 09:00"), at("Mon 10:00"), hours(1)),
            ("paused", at("Mon 10:00"), at("Mon 12:00"), hours(2)),
            ("running", at("Mon 12:00"), at("Mon 17:00"), hours(5)),
            ("out_of_hours", at("Mon 17:00"), at("Tue 09:00"), timedelta()),
            ("running", at("Tue 09:00"), at("Tue 11:00"), hours(2)),
            ("retargeted", at("Tue 11:00"), at("Tue 11:00"), timedelta()),
            ("running", at("Tue 11:00"), at("Tue 12:00"), hours(1)),
            ("verdict", at("Tue 12:00"), at("Tue 12:00"), timedelta()),
        ]
        assert segments[1].params == {"reason": "question", "cause": "paused", "by": "fulfiller"}
        assert segments[5].params == {"reason": "priority", "by": "system", "target": hours(8), "before": hours(24), "after": hours(10), "rule": "raised_late"}
        verdict = replay(events, TARGETS, OFFICE, at("Fri 12:00"))["resolution"]
        assert segments[7].params == {
            "status": "met",
            "due": verdict.due,
            "stopped_at": at("Tue 12:00"),
            "target": hours(10),
            "worked": hours(9),
            "paused": hours(2),
        }

    def test_the_rules_of_a_re_target(self) -> None:
        """The panel can say why the due time is what it is."""
        rules = {
            ("Mon 10:00", 8): "retroactive",
            ("Mon 15:00", 4): "raised_late",
            ("Thu 10:00", 4): "kept",
            ("Mon 15:00", 40): "retroactive",
            ("Thu 10:00", 40): "kept",
        }
        for (when, target), rule in rules.items():
            events = log(OPEN, (f"{when} retargeted", {"targets": {"resolution": hours(target)}}))
            assert [segment.params["rule"] for segment in explain(events, TARGETS, OFFICE, at("Fri 12:00")) if segment.kind == "retargeted"] == [rule]

    def test_a_reopened_interval(self) -> None:
        """The first working day runs, the rest is a pause whose cause is the reopening."""
        events = log(OPEN, "Mon 16:00 resolved", ("Thu 10:00 reopened", {"reason": "not_solved"}))
        pauses = [segment for segment in explain(events, TARGETS, OFFICE, at("Thu 11:00")) if segment.kind == "paused"]
        assert [(pause.start, pause.end, pause.params) for pause in pauses] == [
            (at("Tue 16:00"), at("Thu 10:00"), {"reason": "not_solved", "cause": "reopened", "by": "requester"})
        ]

    def test_cycles_and_clocks_that_are_not_there(self) -> None:
        """Recurring clocks are numbered by cycle; clocks without a target or a start have no segments."""
        events = log(OPEN, "Mon 10:00 reply", "Mon 11:00 requester_message", "Mon 12:00 reply", "Mon 13:00 requester_message")
        segments = explain(events, {"next_response": hours(4)}, OFFICE, at("Mon 14:00"))
        assert [(segment.clock, segment.cycle, segment.kind) for segment in segments] == [
            ("next_response", 0, "running"),
            ("next_response", 0, "verdict"),
            ("next_response", 1, "running"),
            ("next_response", 1, "verdict"),
        ]
        assert explain([], TARGETS, OFFICE, at("Mon 14:00")) == []

    def test_still_paused(self) -> None:
        """An open pause reaches to now and has no due time to tell."""
        segments = explain(log(OPEN, "Mon 10:00 paused"), {"resolution": hours(24)}, OFFICE, at("Tue 10:00"))
        assert [(segment.kind, segment.end) for segment in segments] == [
            ("running", at("Mon 10:00")),
            ("paused", at("Tue 10:00")),
            ("verdict", at("Tue 10:00")),
        ]
        assert (segments[-1].params["status"], segments[-1].params["due"]) == ("paused", None)


def test_results_are_utc() -> None:
    """Whatever zone the log is written in, every instant that comes out is UTC."""
    events = log(OPEN, "Mon 10:00 reply", ("Mon 10:00 promised", {"date": at("Wed 12:00")}), "Mon 12:00 resolved")
    states = replay(events, TARGETS, OFFICE, at("Tue 10:00"))
    moments = [moment for state in states.values() for moment in (state.due, state.stopped_at, state.started_at) if moment is not None]
    assert len(moments) == 9
    assert all(moment.tzinfo is UTC for moment in moments)
