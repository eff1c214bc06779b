"""What may happen to a request and when: every status against every rule, replies that count and replies that do not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from portal.desk import rules
from portal.desk.rules import Impact, Priority, ReplyFact, ReplyKind, Status, WaitFor
from portal.kernel.messages import Message

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
THURSDAY = datetime(2026, 11, 26, 11, 0, tzinfo=UTC)

N, W, P, R, O, D, C, X = tuple(Status)  # noqa: E741 - one letter per status, in their order
OPEN, ALL = {N, W, P, R, O}, set(Status)

ALLOWED: dict[str, tuple[Callable[[Status], Message | None], set[Status]]] = {
    "reply": (rules.can_reply, OPEN),
    "write": (rules.can_write, OPEN | {D}),
    "resolve": (rules.can_resolve, OPEN),
    "change": (rules.can_change, OPEN),
    "resume": (rules.can_resume, {R, O}),
    "cancel": (rules.can_cancel, OPEN),
    "edit before an answer": (lambda status: rules.can_edit(status, is_answered=False), OPEN),
    "edit after an answer": (lambda status: rules.can_edit(status, is_answered=True), set()),
    "confirm when asked": (lambda status: rules.can_confirm(status, awaits_answer=True), ALL - {X}),
    "confirm unasked": (lambda status: rules.can_confirm(status, awaits_answer=False), {D, C}),
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("what", ALLOWED)
def test_each_status_allows_what_it_allows(what: str, status: Status) -> None:
    """The whole table; every refusal is a sentence for a person."""
    rule, allowed = ALLOWED[what]
    problem = rule(status)
    assert (problem is None) is (status in allowed)
    if problem is not None:
        assert problem.text.endswith(".")
        assert len(problem.text) > 20


def test_open_paused_and_done_are_what_they_say() -> None:
    """Waiting is open, resolved is not."""
    assert set(rules.OPEN) == OPEN
    assert set(rules.PAUSED) == {R, O}
    assert set(rules.DONE) == {D, C}


def test_the_impact_decides_the_priority() -> None:
    """The three answers of the form; high is given by people who serve."""
    assert [rules.priority_for(impact) for impact in Impact] == [Priority.LOW, Priority.NORMAL, Priority.URGENT]
    with pytest.raises(ValueError, match="annoying"):
        rules.priority_for("annoying")


def test_looser_means_more_time_for_us() -> None:
    """From urgent to low each step is looser, backwards none is."""
    order = [Priority.URGENT, Priority.HIGH, Priority.NORMAL, Priority.LOW]
    for place, old in enumerate(order):
        assert [rules.is_looser(old, new) for new in order] == [later > place for later in range(4)]


COUNTS = {
    "a fix": ReplyFact(ReplyKind.FIX, "Done."),
    "a workaround": ReplyFact(ReplyKind.WORKAROUND, "Here is a heater."),
    "a question": ReplyFact(ReplyKind.STEP, "Which room?", asks=True),
    "a next step with its date": ReplyFact(ReplyKind.STEP, "I see to it.", "I change the valve", THURSDAY),
    "a link to an article": ReplyFact(ReplyKind.STEP, "See /articles/bleeding-a-radiator for how."),
    "a link to an article of this portal": ReplyFact(ReplyKind.STEP, "Read https://hearth.example/articles/radiators first."),
    "a fix from a template": ReplyFact(ReplyKind.FIX, "Done.", is_template=True),
}
DOES_NOT = {
    "thanks": ReplyFact(ReplyKind.STEP, "Thanks, we look into it."),
    "a step without a date": ReplyFact(ReplyKind.STEP, "Soon.", "I change the valve"),
    "a date without a step": ReplyFact(ReplyKind.STEP, "Soon.", "", THURSDAY),
    "what was promised before": ReplyFact(ReplyKind.STEP, "As I said.", "I change the valve", THURSDAY, step_is_new=False),
    "an acknowledgement template": ReplyFact(ReplyKind.STEP, "We have it.", "We look", THURSDAY, is_template=True),
    "a question mark alone": ReplyFact(ReplyKind.STEP, "Really?"),
    "the word articles": ReplyFact(ReplyKind.STEP, "Our particles/articles/ are many."),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_reply_that_brings_something_stops_the_clock(name: str) -> None:
    """R4: it resolves, relieves, asks, links an article, or names a step and its date."""
    assert rules.is_substantive(COUNTS[name])


@pytest.mark.parametrize("name", DOES_NOT)
def test_a_reply_that_brings_nothing_does_not(name: str) -> None:
    """It may be sent, and is kept as an acknowledgement."""
    assert not rules.is_substantive(DOES_NOT[name])


@pytest.mark.parametrize(
    ("step", "at", "field"),
    [
        ("", None, None),
        ("I bring a heater", THURSDAY, None),
        ("I bring a heater", None, "next_step_at"),
        ("", THURSDAY, "next_step"),
        ("I bring a heater", NOW, "next_step_at"),
        ("I bring a heater", NOW - timedelta(minutes=1), "next_step_at"),
        ("I bring a heater", NOW + timedelta(seconds=1), None),
        ("I bring a heater", NOW + timedelta(days=366), None),
        ("I bring a heater", NOW + timedelta(days=366, seconds=1), "next_step_at"),
    ],
)
def test_a_step_and_its_date_come_together(step: str, at: datetime | None, field: str | None) -> None:
    """The complaint stands beside the field that needs another look."""
    problem = rules.next_step_problem(step, at, NOW)
    assert (problem and problem[0]) == field


@pytest.mark.parametrize(
    ("status", "whom", "asked", "name", "field"),
    [
        (W, WaitFor.REQUESTER, True, "", None),
        (W, WaitFor.REQUESTER, False, "", "waits_for"),
        (W, WaitFor.OTHER, False, "Stuhl and Tisch", None),
        (W, WaitFor.OTHER, True, "  ", "wait_name"),
        (W, WaitFor.NOBODY, True, "", "waits_for"),
        (R, WaitFor.OTHER, False, "The supplier", None),
        (D, WaitFor.REQUESTER, True, "", ""),
    ],
)
def test_the_clock_waits_for_somebody_only(status: Status, whom: WaitFor, asked: bool, name: str, field: str | None) -> None:
    """R8: an open question to the requester, or a name."""
    problem = rules.can_pause(status, whom, asked_after_last_word=asked, name=name)
    assert (problem[0] if problem else None) == field


@pytest.mark.parametrize(
    ("back", "fine"),
    [(timedelta(), True), (timedelta(hours=24), True), (timedelta(hours=24, seconds=1), False), (timedelta(seconds=-1), False), (timedelta(minutes=5), True)],
)
def test_a_call_is_logged_within_a_day(back: timedelta, fine: bool) -> None:
    """R1: at most 24 hours back, never in the future."""
    assert (rules.call_problem(NOW - back, NOW) is None) is fine


def test_targets_leave_out_what_is_not_promised() -> None:
    """A service that agrees a date has no target for the end."""
    table = {"normal": {"first_response": 3600, "next_response": 3600, "resolution": None, "round_the_clock": True}}
    assert rules.targets_of(table, "normal") == {"first_response": 3600, "next_response": 3600}
    assert rules.runs_round_the_clock(table, "normal")
