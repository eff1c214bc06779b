"""Mara and Facilities talk: replies that count and replies that do not, questions, waiting, notes, thanks and who follows."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.desk.actions.conversation import Reply, add_message, add_note, add_participant, no_reply_needed, remove_participant, reply, undo_no_reply_needed
from portal.desk.actions.deciding import cancel
from portal.desk.models import CannedReply, ClockEvent, Participant
from portal.desk.rules import MessageKind, ReplyKind, WaitFor
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from tests.support.desk import DeskUser
from tests.support.story import STORY

HOUR = timedelta(hours=1)
STEP = Reply("I bring you a heater.", "I change the valve", STORY + timedelta(days=2))


def test_a_first_answer_stops_the_first_clock_and_promises_the_next_step(desk: DeskUser) -> None:
    """Jonas answers with a step and its date; an unassigned request becomes his."""
    message = desk.act(reply, "radiator", STEP, who="jonas", now=STORY + HOUR)
    row = desk.find("radiator")
    assert (message.kind, message.is_first_answer, message.next_step) == (MessageKind.REPLY, True, "I change the valve")
    assert (row.status, row.assignee_id, row.answered_at, row.acknowledged_at) == ("working", desk.world.jonas.id, STORY + HOUR, STORY + HOUR)
    assert (row.next_step, row.next_step_at) == ("I change the valve", STORY + timedelta(days=2))
    clocks = desk.clocks("radiator")
    assert (clocks["first_response", 0].status, clocks["first_response", 0].stopped_at) == ("met", STORY + HOUR)
    assert (clocks["promise", 0].status, clocks["promise", 0].due) == ("running", STORY + timedelta(days=2))
    assert desk.log("radiator") == ["opened", "reply", "promised"]
    assert desk.activities("radiator")[-1] == "desk.request.replied"


def test_an_acknowledgement_is_sent_and_stops_nothing(desk: DeskUser) -> None:
    """Thanks alone are kept as what they are; the clock runs on, and a later reply is the first answer."""
    first = desk.act(reply, "radiator", Reply("Thanks, we look into it."), who="jonas")
    row = desk.find("radiator")
    assert (first.kind, first.is_first_answer, row.answered_at, row.acknowledged_at) == (MessageKind.ACKNOWLEDGEMENT, False, None, STORY)
    assert desk.clocks("radiator")["first_response", 0].stopped_at is None
    second = desk.act(reply, "radiator", STEP, who="jonas", now=STORY + HOUR)
    assert second.is_first_answer
    assert desk.find("radiator").acknowledged_at == STORY


def test_a_template_flagged_as_acknowledgement_does_not_count_unless_it_was_rewritten(desk: DeskUser) -> None:
    """R4: choosing the template is not answering; own words with a step are."""
    canned = db.session.scalars(sa.select(CannedReply).where(CannedReply.name == "Heating: we have it")).one()
    as_it_stands = Reply(canned.body, "We look", STORY + HOUR, canned_id=canned.id)
    assert desk.act(reply, "radiator", as_it_stands, who="jonas").kind is MessageKind.ACKNOWLEDGEMENT
    with pytest.raises(Refusal, match="Ask your question first"):
        desk.act(reply, "radiator", Reply(canned.body, wait_for=WaitFor.REQUESTER, canned_id=canned.id), who="jonas")
    rewritten = Reply("I come at two and bring a heater.", "I bring a heater", STORY + 2 * HOUR, canned_id=canned.id)
    assert desk.act(reply, "radiator", rewritten, who="jonas").kind is MessageKind.REPLY


def test_a_prefilled_step_that_nobody_changed_does_not_count_again(desk: DeskUser) -> None:
    """The same promise once more is no news; a new date is."""
    desk.act(reply, "radiator", STEP, who="jonas")
    again = desk.act(reply, "radiator", Reply("As I said.", STEP.next_step, STEP.next_step_at), who="jonas", now=STORY + HOUR)
    assert again.kind is MessageKind.ACKNOWLEDGEMENT
    later = desk.act(reply, "radiator", Reply("The part is late.", STEP.next_step, STORY + timedelta(days=3)), who="jonas", now=STORY + 2 * HOUR)
    assert later.kind is MessageKind.REPLY
    assert [(cycle, row.status) for (name, cycle), row in sorted(desk.clocks("radiator").items()) if name == "promise"] == [(0, "met"), (1, "running")]


def test_a_question_pauses_and_the_answer_goes_on(desk: DeskUser) -> None:
    """R8: waiting for the requester needs a question; their message ends it and starts the clock of the next answer."""
    desk.act(reply, "radiator", Reply("Which of the two?", wait_for=WaitFor.REQUESTER), who="jonas")
    row = desk.find("radiator")
    assert (row.status, row.next_clock, row.next_due_at, row.is_open) == ("waiting_requester", "resolution", None, True)
    assert desk.clocks("radiator")["resolution", 0].status == "paused"
    desk.act(add_message, "radiator", body="The one by the window.", who="mara", now=STORY + HOUR)
    row = desk.find("radiator")
    assert (row.status, row.waits_for, row.next_clock) == ("working", "", "next_response")
    clocks = desk.clocks("radiator")
    assert clocks["resolution", 0].paused_seconds == 3600
    assert clocks["next_response", 0].status == "running"


def test_waiting_for_somebody_else_needs_a_name(desk: DeskUser) -> None:
    """A supplier is named, and the requester sees whom we wait for."""
    with pytest.raises(Refusal) as refused:
        desk.act(reply, "radiator", Reply("We wait.", "The part comes", STORY + 24 * HOUR, wait_for=WaitFor.OTHER), who="jonas")
    assert refused.value.field == "wait_name"
    waits = Reply("We wait.", "The part comes", STORY + 24 * HOUR, wait_for=WaitFor.OTHER, wait_name=" Valve works ")
    desk.act(reply, "radiator", waits, who="jonas")
    assert (desk.find("radiator").status, desk.find("radiator").waits_for) == ("waiting_other", "Valve works")


def test_a_reply_with_a_step_ends_the_wait(desk: DeskUser) -> None:
    """Whoever promises the next step themselves no longer waits."""
    desk.act(reply, "chairs", Reply("They came today.", "I carry them up", STORY + 24 * HOUR), who="kim")
    assert (desk.find("chairs").status, desk.find("chairs").waits_for) == ("working", "")
    assert desk.log("chairs")[-2:] == ["promised", "resumed"]


def test_a_workaround_relieves_and_asks_whether_it_is_enough(desk: DeskUser) -> None:
    """Relief is stamped once; the request stays open for the fix."""
    desk.act(reply, "radiator", Reply("A heater stands at your desk.", kind=ReplyKind.WORKAROUND), who="jonas")
    row = desk.find("radiator")
    assert (row.relieved_at, row.awaits_answer, row.status, row.resolved_at) == (STORY, True, "working", None)
    assert desk.clocks("radiator")["first_response", 0].status == "met"


def test_a_fix_resolves(desk: DeskUser) -> None:
    """It is also the first answer, stops every clock, and "did it work?" follows three working days later."""
    message = desk.act(reply, "radiator", Reply("The valve is new.", kind=ReplyKind.FIX), who="jonas")
    row = desk.find("radiator")
    assert (row.status, row.is_open, row.resolved_at, row.first_resolved_at, row.resolution_kind) == ("resolved", False, STORY, STORY, "fix")
    assert (row.awaits_answer, row.follow_up_at, row.next_clock, row.next_due_at, row.next_alert_at) == (True, STORY + timedelta(days=3), None, None, None)
    assert message.is_first_answer
    assert {clock.status for clock in desk.clocks("radiator").values()} == {"met"}
    assert desk.activities("radiator")[-1] == "desk.request.resolved"
    for again in (Reply("Once more.", kind=ReplyKind.FIX), Reply("One more word.")):
        with pytest.raises(Conflict):
            desk.act(reply, "radiator", again, who="kim")


BAD: list[tuple[Reply, str]] = [
    (Reply("  "), "body"),
    (Reply("Soon.", "I come"), "next_step_at"),
    (Reply("Soon.", "", STORY + HOUR), "next_step"),
    (Reply("Soon.", "I come", STORY - HOUR), "next_step_at"),
]


@pytest.mark.parametrize(("wrong", "field"), BAD)
def test_what_does_not_fit_is_refused_and_nothing_is_sent(desk: DeskUser, wrong: Reply, field: str) -> None:
    """The complaint stands beside its field; the same reply without the slip is taken."""
    with pytest.raises(Refusal) as refused:
        desk.act(reply, "radiator", wrong, who="jonas")
    assert refused.value.field == field
    assert (desk.find("radiator").version, len(desk.messages("radiator"))) == (1, 1)
    desk.act(reply, "radiator", STEP, who="jonas")


def test_a_colleague_who_answered_meanwhile_is_read_first(desk: DeskUser) -> None:
    """Kim saw the description only; Jonas was faster, and Kim is told so instead of saying it twice. Own messages do not count."""
    seen = desk.messages("radiator")[-1].id
    desk.act(reply, "radiator", STEP, who="jonas", now=STORY)
    with pytest.raises(Conflict, match="answered") as lost:
        desk.act(reply, "radiator", Reply("I come.", seen_message_id=seen), who="kim", now=STORY + timedelta(seconds=20))
    assert str(lost.value.message) == "Jonas answered 20 seconds ago. Read that first: your text is still here."
    desk.act(reply, "radiator", Reply("I forgot: before noon.", seen_message_id=seen), who="jonas")
    desk.act(add_message, "radiator", body="Thank you.", who="mara")
    with pytest.raises(Conflict, match="has written meanwhile"):
        desk.act(reply, "radiator", Reply("Done.", kind=ReplyKind.FIX, seen_message_id=desk.messages("radiator")[-2].id), who="jonas")


def test_notes_stay_inside_and_move_no_clock(desk: DeskUser) -> None:
    """A note is possible at any time, counts as no message, and changes nothing the requester sees."""
    before = {key: (row.status, row.due) for key, row in desk.clocks("radiator").items()}
    note = desk.act(add_note, "radiator", body="Same valve as in Studio 1.", who="kim", now=STORY + HOUR)
    assert note.kind is MessageKind.NOTE
    assert (desk.find("radiator").message_count, desk.find("radiator").answered_at) == (1, None)
    assert {key: (row.status, row.due) for key, row in desk.clocks("radiator").items()} == before
    desk.act(add_note, "key", body="He has the old one, too.", who="kim")
    with pytest.raises(Refusal):
        desk.act(add_note, "radiator", body=" ", who="kim")


def test_messages_end_where_the_request_ends(desk: DeskUser) -> None:
    """A resolved request still takes words (they start no clock); closed and cancelled ones say what to do instead."""
    desk.act(add_message, "bulbs", body="Thank you, Kim.", who="mara")
    assert ("next_response", 0) not in desk.clocks("bulbs")
    for key, words in (("key", "Ask again"), ("projector", "cancelled")):
        with pytest.raises(Conflict, match=words):
            desk.act(add_message, key, body="Hello?", who="mara")
    with pytest.raises(Refusal) as refused:
        desk.act(add_message, "radiator", body="\n ", who="mara")
    assert refused.value.field == "body"


def test_thanks_need_no_reply_and_the_requester_can_undo_that(desk: DeskUser) -> None:
    """R6: the clock of the next answer ends without counting; undone, a new one starts where they wrote."""
    with pytest.raises(Refusal, match="Answer once first"):
        desk.act(no_reply_needed, "radiator", who="jonas")
    desk.act(reply, "radiator", STEP, who="jonas")
    with pytest.raises(Conflict):
        desk.act(no_reply_needed, "radiator", who="jonas")
    desk.act(add_message, "radiator", body="Thank you.", who="mara", now=STORY + HOUR)
    thanked = desk.act(no_reply_needed, "radiator", who="jonas", now=STORY + 2 * HOUR)
    assert (thanked.body, thanked.needs_no_reply) == ("Thank you.", True)
    clocks = desk.clocks("radiator")
    assert clocks["next_response", 0].status == "cancelled"
    assert clocks["promise", 0].status == "running"
    desk.act(undo_no_reply_needed, "radiator", who="mara", now=STORY + 3 * HOUR)
    assert desk.clocks("radiator")["next_response", 1].status == "running"
    logged = sa.select(ClockEvent).where(ClockEvent.request_id == desk.find("radiator").id).order_by(ClockEvent.id.desc()).limit(1)
    assert db.session.scalars(logged).one().data == {"since": (STORY + HOUR).isoformat()}
    assert not desk.messages("radiator")[-1].needs_no_reply
    with pytest.raises(Conflict):
        desk.act(undo_no_reply_needed, "radiator", who="mara")


def test_who_follows(desk: DeskUser) -> None:
    """Once each; the requester follows anyway, strangers and leavers cannot."""
    nils = desk.world.nils.id
    assert desk.act(add_participant, "radiator", person_id=nils, who="mara") is True
    assert desk.act(add_participant, "radiator", person_id=nils, who="mara") is False
    assert desk.activities("radiator").count("desk.request.joined") == 1
    for wrong in (desk.world.mara.id, desk.world.bruno.id, 999_999):
        with pytest.raises(Refusal):
            desk.act(add_participant, "radiator", person_id=wrong, who="mara")
    assert desk.act(remove_participant, "radiator", person_id=nils, who="mara") is True
    assert desk.act(remove_participant, "radiator", person_id=nils, who="mara") is False
    assert db.session.get(Participant, (desk.world.requests["radiator"], nils)) is None


def test_nobody_answers_what_was_cancelled(desk: DeskUser) -> None:
    """The reply of somebody who had the page open says so."""
    desk.act(cancel, "radiator", who="mara")
    with pytest.raises(Conflict, match="cancelled"):
        desk.act(reply, "radiator", STEP, who="jonas")


def test_an_answer_costs_few_statements(desk: DeskUser, query_count: Any) -> None:
    """A reply with step and date, in the whole; the actor's two are in it, and one for the figures, as a first response counts."""
    desk.act(reply, "heating", Reply("One.", "I look again", STORY + HOUR), who="jonas")
    with query_count() as statements:
        desk.act(reply, "radiator", STEP, who="jonas")
    assert statements.count <= 18, statements
