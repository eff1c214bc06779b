"""The end and the return: did it work, not any more, again, and silence."""

from datetime import timedelta
from typing import Any

import pytest

from portal.desk.actions.conversation import Reply, reply
from portal.desk.actions.deciding import ask_again, cancel, confirm
from portal.desk.actions.sweeping import follow_up
from portal.desk.rules import Answer, ReplyKind
from portal.kernel import clock as kernel_clock
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.unit_of_work import unit_of_work
from tests.support.desk import DeskUser
from tests.support.story import STORY

DAY = timedelta(days=1)


def test_yes_closes(desk: DeskUser) -> None:
    """The last word is the requester's; a second click says nothing new."""
    desk.act(confirm, "bulbs", answer=Answer.YES, note="Bright again.", who="mara")
    row = desk.find("bulbs")
    assert (row.status, row.outcome, row.closed_at, row.awaits_answer, row.follow_up_at) == ("closed", "yes", STORY, False, None)
    assert desk.messages("bulbs")[-1].body == "Bright again."
    desk.act(confirm, "bulbs", answer=Answer.YES, who="mara")
    assert desk.activities("bulbs").count("desk.request.confirmed") == 1
    assert len(desk.messages("bulbs")) == 4


@pytest.mark.parametrize(("answer", "reason", "outcome"), [(Answer.NO, "not_solved", "no"), (Answer.PARTLY, "other", "partly")])
def test_no_and_partly_bring_it_back(desk: DeskUser, answer: Answer, reason: str, outcome: str) -> None:
    """R12: the same clock goes on, the verdict is withdrawn, and an answer is promised."""
    due = desk.clocks("bulbs")["resolution", 0].due
    desk.act(confirm, "bulbs", answer=answer, note="It flickers again.", who="mara")
    row = desk.find("bulbs")
    assert (row.status, row.is_open, row.outcome, row.reopen_count, row.resolved_at) == ("working", True, outcome, 1, None)
    assert row.first_resolved_at is not None
    clocks = desk.clocks("bulbs")
    assert clocks["resolution", 0].status == "running"
    assert clocks["resolution", 0].due is not None
    assert due is not None
    # Not solved within the first working day of the interval: that time counts, so nothing is won by closing early.
    assert (clocks["resolution", 0].due == due) is (reason == "not_solved")
    assert ("next_response", 0) in clocks
    assert desk.log("bulbs")[-2:] == ["reopened", "requester_message"]
    assert desk.activities("bulbs")[-1] == "desk.request.reopened"


def test_a_workaround_can_be_judged_while_the_request_is_open(desk: DeskUser) -> None:
    """Yes is kept and all goes on; no asks for a reply."""
    desk.act(reply, "radiator", Reply("A heater for now.", kind=ReplyKind.WORKAROUND), who="jonas")
    desk.act(confirm, "radiator", answer=Answer.NO, who="mara", now=STORY + timedelta(hours=1))
    row = desk.find("radiator")
    assert (row.status, row.outcome, row.awaits_answer, row.reopen_count) == ("working", "no", False, 0)
    assert desk.clocks("radiator")["next_response", 0].status == "running"
    with pytest.raises(Conflict, match="Nobody has said yet"):
        desk.act(confirm, "radiator", answer=Answer.YES, who="mara")


def test_after_ten_working_days_it_does_not_come_back(desk: DeskUser) -> None:
    """The window closes at the same local time ten working days later; a new request follows."""
    last = STORY - DAY + timedelta(days=14)  # resolved on Monday the 23rd at 10:00 Berlin
    with pytest.raises(Conflict, match="too long ago"):
        desk.act(confirm, "bulbs", answer=Answer.NO, who="mara", now=last + timedelta(minutes=1))
    desk.act(confirm, "bulbs", answer=Answer.NO, who="mara", now=last)
    assert desk.find("bulbs").status == "working"


def test_asking_again_goes_on_within_the_window_and_follows_after_it(desk: DeskUser) -> None:
    """The one who asks is led to the right request; the new one names the old one and starts its own clocks."""
    same = desk.act(ask_again, "bulbs", note="Now the third lamp.", who="mara")
    assert (same.id, desk.find("bulbs").status, desk.messages("bulbs")[-1].body) == (desk.world.requests["bulbs"], "working", "Now the third lamp.")
    later = STORY + 40 * DAY
    new = desk.act(ask_again, "key", note="It is locked again.", who="mara", now=later)
    row = desk.find(new.id)
    assert (row.follows_id, row.title, row.status, row.received_at) == (desk.world.requests["key"], "Key card for the photo store", "new", later)
    assert desk.messages(new.id)[0].body == "It is locked again."
    assert desk.find("key").status == "closed"
    with pytest.raises(Conflict, match="still open"):
        desk.act(ask_again, "radiator", note="Hello?", who="mara")
    with pytest.raises(Refusal) as refused:
        desk.act(ask_again, "key", note=" ", who="mara")
    assert refused.value.field == "note"


def test_what_was_cancelled_is_asked_anew(desk: DeskUser) -> None:
    """Cancelled clocks never run again."""
    new = desk.act(ask_again, "projector", note="Now we do need it.", who="nils")
    assert desk.find(new.id).follows_id == desk.world.requests["projector"]


def test_cancelling_ends_the_clocks_and_keeps_what_was_late(desk: DeskUser) -> None:
    """R13, R19: a late first answer stays late; the rest is outside of the count."""
    desk.act(cancel, "late", reason="Found it.", who="tom")
    row = desk.find("late")
    assert (row.status, row.is_open, row.closed_at, row.next_due_at) == ("cancelled", False, STORY, None)
    assert {name: clock.status for (name, _), clock in desk.clocks("late").items()} == {"first_response": "missed", "resolution": "missed"}
    assert desk.breaches("late") == {("first_response", 0), ("resolution", 0)}
    desk.act(cancel, "radiator", who="mara")
    assert {clock.status for clock in desk.clocks("radiator").values()} == {"cancelled"}
    for key in ("radiator", "bulbs"):
        with pytest.raises(Conflict):
            desk.act(cancel, key, who="mara")


def sweep(days: float) -> None:
    """Follow up as of so many days after the story's moment."""
    with unit_of_work():
        follow_up(now=kernel_clock.now() + timedelta(days=days))


def test_silence_is_asked_about_once_and_then_lets_it_rest(desk: DeskUser) -> None:
    """Three working days after the resolution the question, after five the request is closed; clocks take no notice."""
    before = {key: (row.status, row.due, row.stopped_at) for key, row in desk.clocks("bulbs").items()}
    sweep(1)
    assert "desk.request.follow_up" not in desk.activities("bulbs")
    sweep(2.01)
    sweep(2.02)
    assert desk.activities("bulbs").count("desk.request.follow_up") == 1
    assert desk.find("bulbs").status == "resolved"
    sweep(6.01)
    row = desk.find("bulbs")
    assert (row.status, row.awaits_answer, row.follow_up_at, row.outcome) == ("closed", False, None, None)
    assert desk.activities("bulbs")[-1] == "desk.request.closed"
    assert {key: (row.status, row.due, row.stopped_at) for key, row in desk.clocks("bulbs").items()} == before


def test_a_sweep_that_slept_for_weeks_closes_without_asking(desk: DeskUser) -> None:
    """Nobody is asked about what is long over; who comes back within the window still can."""
    sweep(9)
    assert desk.find("bulbs").status == "closed"
    assert "desk.request.follow_up" not in desk.activities("bulbs")
    desk.act(confirm, "bulbs", answer=Answer.NO, who="mara", now=STORY + 9 * DAY)
    assert desk.find("bulbs").status == "working"


def test_one_question_a_day_is_enough(desk: DeskUser, app: Any, run_jobs: Any, clock: Any) -> None:
    """Two requests of Mara are due for the question; the second waits for another day."""
    second = desk.file()
    desk.act(reply, second.id, Reply("Closed and tight.", kind=ReplyKind.FIX), who="jonas", now=STORY - DAY)
    clock.advance(days=2, hours=2)
    run_jobs(periodic=True)
    with app.app_context():
        asked = [key for key in ("bulbs", second.id) if "desk.request.follow_up" in desk.activities(key)]
    clock.advance(seconds=31)
    run_jobs(periodic=True)
    with app.app_context():
        still = [key for key in ("bulbs", second.id) if "desk.request.follow_up" in desk.activities(key)]
    assert len(asked) == 1
    assert still == asked
