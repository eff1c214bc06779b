"""The laws every request log keeps, whatever happened in it (spec/desk.md section 1)."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from portal.desk.clock import NAMES, STATUSES, ClockState, Event, explain, fraction, replay, warn_instants
from portal.people.calendar import WorkCalendar

MONDAY = datetime(2026, 3, 23, 8, tzinfo=UTC)  # the clocks of Berlin change on the Sunday after
QUARTER = timedelta(minutes=15)
OFFICE = {day: [("09:00", "12:00"), ("13:00", "17:00")] for day in range(5)}
WEEKS = [OFFICE, {day: [("22:00", "06:00")] for day in range(7)}, {day: [("00:00", "24:00")] for day in range(7)}]
FAST = settings(max_examples=120, deadline=None, phases=set(Phase) - {Phase.explain})

calendars = st.sampled_from([WorkCalendar("Europe/Berlin", week) for week in WEEKS])
offsets = st.integers(0, 4 * 24 * 14).map(lambda quarters: QUARTER * quarters) | st.timedeltas(timedelta(), timedelta(days=14))
instants = offsets.map(lambda offset: MONDAY + offset)
durations = st.integers(1, 160).map(lambda quarters: QUARTER * quarters)
targets = st.fixed_dictionaries({"first_response": durations, "next_response": durations, "resolution": durations})


def event(kind: str, by: str, **data: st.SearchStrategy[object]) -> st.SearchStrategy[Event]:
    return st.builds(Event, instants, st.just(kind), st.just(by), st.fixed_dictionaries(data))


retargets = st.dictionaries(st.sampled_from(["first_response", "next_response", "resolution"]), durations)
steps = st.one_of(
    event("requester_message", "requester"),
    event("reply", "fulfiller"),
    event("paused", "fulfiller"),
    event("resumed", "fulfiller"),
    event("resolved", "fulfiller"),
    event("resolved", "requester"),
    event("reopened", "requester", reason=st.sampled_from(["not_solved", "other"])),
    event("promised", "fulfiller", date=instants),
    event("retargeted", "system", targets=retargets),
)
logs = st.lists(steps, max_size=12).map(lambda events: [Event(MONDAY, "opened", "requester", {}), *events])


@FAST
@given(logs, targets, calendars, instants)
def test_every_state_adds_up(events: list[Event], allowed: dict[str, timedelta], calendar: WorkCalendar, now: datetime) -> None:
    """Worked and paused are the open time since the start; the status follows from due, stop and now."""
    states = replay(events, allowed, calendar, now)
    assert tuple(states) == NAMES
    for state in (cycle for latest in states.values() for cycle in (*latest.cycles, latest)):
        assert state.status in STATUSES
        if state.status == "not_started":
            assert state == ClockState()
            continue
        end = state.stopped_at or now
        assert state.started_at is not None
        assert state.started_at <= end <= now
        assert state.worked + state.paused == calendar.worked(state.started_at, end)
        assert state.worked >= timedelta() <= state.paused
        assert (state.status == "missed") == (state.due is not None and end > state.due)
        assert (state.status == "paused") == (state.due is None) or state.due == now  # paused with nothing left
        assert state.stopped_at is not None or state.status in {"running", "paused", "missed"}
    for name, state in states.items():
        assert all(cycle.stopped_at is not None for cycle in state.cycles)
        assert name in {"next_response", "promise"} or state.cycles == ()


@FAST
@given(st.data(), logs, targets, calendars, instants)
def test_what_the_clocks_do_not_hear(data: st.DataObject, events: list[Event], allowed: dict[str, timedelta], calendar: WorkCalendar, now: datetime) -> None:
    """Notes and acknowledgements change nothing, nor does a pause that is resumed at the same instant, nor what is still to come."""
    before = replay(events, allowed, calendar, now)
    quiet = [Event(data.draw(instants), kind, "fulfiller", {}) for kind in data.draw(st.lists(st.sampled_from(["note", "acknowledgement"]), max_size=4))]
    assert replay(events + quiet, allowed, calendar, now) == before
    assert replay([event for event in events if event.at <= now], allowed, calendar, now) == before
    moment = data.draw(instants)
    assume(before["resolution"].status != "paused" and not any(event.kind == "paused" for event in events if event.at <= moment))
    blink = [Event(moment, "paused", "fulfiller", {}), Event(moment, "resumed", "fulfiller", {})]
    assert replay(events + blink, allowed, calendar, now) == before


@FAST
@given(st.data(), targets, calendars, instants)
def test_splitting_a_pause_changes_nothing(data: st.DataObject, allowed: dict[str, timedelta], calendar: WorkCalendar, now: datetime) -> None:
    """Paused once, or released and paused again at the same instant somewhere in between."""
    start, middle, end = sorted(data.draw(instants) for _ in range(3))
    opened = Event(MONDAY, "opened", "requester", {})
    whole = [opened, Event(start, "paused", "fulfiller", {}), Event(end, "resumed", "fulfiller", {})]
    split = [*whole[:2], Event(middle, "resumed", "fulfiller", {}), Event(middle, "paused", "fulfiller", {}), whole[2]]
    assert replay(split, allowed, calendar, now) == replay(whole, allowed, calendar, now)


@FAST
@given(st.data(), targets, calendars)
def test_a_pause_never_makes_a_due_earlier(data: st.DataObject, allowed: dict[str, timedelta], calendar: WorkCalendar) -> None:
    """It moves the resolution later or not at all, and the first response never."""
    pauses = sorted(data.draw(instants) for _ in range(4))
    kinds = ("paused", "resumed", "paused", "resumed")
    events = [Event(MONDAY, "opened", "requester", {})]
    now = pauses[-1]
    before = replay(events, allowed, calendar, now)
    after = replay([*events, *(Event(moment, kind, "fulfiller", {}) for moment, kind in zip(pauses, kinds, strict=True))], allowed, calendar, now)
    assert after["first_response"] == before["first_response"]
    due, unpaused = after["resolution"].due, before["resolution"].due
    assert due is not None
    assert unpaused is not None
    assert unpaused <= due == calendar.due(MONDAY, allowed["resolution"], [(pauses[0], pauses[1]), (pauses[2], pauses[3])])


@FAST
@given(logs, targets, instants, st.integers(0, 13))
def test_a_holiday_never_makes_a_due_earlier(events: list[Event], allowed: dict[str, timedelta], now: datetime, day: int) -> None:
    """One more day off moves the clocks later or not at all, as long as targets do not change by how much was used."""
    assume(not any(event.kind in {"retargeted", "reopened"} for event in events))
    usual, fewer = WorkCalendar("Europe/Berlin", OFFICE), WorkCalendar("Europe/Berlin", OFFICE, [date(2026, 3, 23) + timedelta(days=day)])
    for one, other in zip(replay(events, allowed, usual, now).values(), replay(events, allowed, fewer, now).values(), strict=True):
        assert one.due is None or other.due is None or one.due <= other.due


@FAST
@given(st.data(), logs, targets, calendars)
def test_tightening_is_never_later_and_leaves_a_quarter(
    data: st.DataObject, events: list[Event], allowed: dict[str, timedelta], calendar: WorkCalendar
) -> None:
    """R11 in its own words: max(retroactive due, now + 25 % of the new target), but not later than the old due."""
    when, target = data.draw(instants), data.draw(durations)
    events = [event for event in events if event.at <= when]
    before = replay(events, allowed, calendar, when)["resolution"]
    assume(before.status in {"running", "missed"} and before.stopped_at is None and before.target is not None and target < before.target)
    change = Event(when, "retargeted", "system", {"targets": {"resolution": target}})
    after = replay([*events, change], allowed, calendar, when)["resolution"]
    retro = calendar.due(MONDAY, target, before.pauses)
    assert retro is not None
    assert before.due is not None
    expected = min(before.due, max(retro, calendar.due(when, target / 4)))
    assert after.due == expected or calendar.worked(after.due or when, expected) == timedelta()  # a quarter used up at closing
    assert (after.started_at, after.worked, after.paused) == (before.started_at, before.worked, before.paused)


@FAST
@given(logs, targets, calendars, instants)
def test_explanations_tell_the_same_story(events: list[Event], allowed: dict[str, timedelta], calendar: WorkCalendar, now: datetime) -> None:
    """Segments follow each other without gap from start to end; their work is what the state says."""
    states = replay(events, allowed, calendar, now)
    segments = explain(events, allowed, calendar, now)
    for name, state in states.items():
        for cycle, told in enumerate((*state.cycles, state)):
            mine = [segment for segment in segments if (segment.clock, segment.cycle) == (name, cycle)]
            if told.status == "not_started":
                assert mine == []
                continue
            stretches = [segment for segment in mine if segment.kind in {"running", "paused", "out_of_hours"}]
            ends = [told.started_at, *(segment.end for segment in stretches)]
            assert [segment.start for segment in stretches] == ends[:-1]
            assert ends[-1] == (told.stopped_at or now)
            assert sum((segment.work for segment in stretches if segment.kind == "running"), timedelta()) == told.worked
            assert sum((segment.work for segment in stretches if segment.kind == "paused"), timedelta()) == told.paused
            assert mine[-1].params["status"] == told.status
            assert all(one.start <= other.start for one, other in pairwise(mine))


@FAST
@given(logs, targets, calendars, instants)
def test_warnings_come_in_order_and_end_at_the_due_time(events: list[Event], allowed: dict[str, timedelta], calendar: WorkCalendar, now: datetime) -> None:
    """What is behind was used before now, what is ahead comes after; the last is the due time."""
    for state in replay(events, allowed, calendar, now).values():
        warnings = warn_instants(state, None, calendar)
        moments = [moment for _, moment in warnings]
        assert moments == sorted(moments)
        assert not moments or moments[-1] == state.due
        share = fraction(state)
        assert all(moment <= now for percent, moment in warnings if percent < share * 100 - 0.01) or state.target == timedelta()
        assert all(moment >= now for percent, moment in warnings if percent > share * 100 + 0.01)
