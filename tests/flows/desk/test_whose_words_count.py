"""Whose words move a clock: those of the requester end every wait, and nobody answers themselves."""

from datetime import timedelta

from portal.desk.actions.conversation import Reply, add_message, add_participant, no_reply_needed, reply, undo_no_reply_needed
from portal.desk.actions.deciding import confirm
from portal.desk.actions.moving import pause
from portal.desk.models import MessageKind
from portal.desk.rules import Answer, ReplyKind, Status, WaitFor
from tests.support.desk import DeskUser
from tests.support.story import STORY

HOUR = timedelta(hours=1)


def test_a_workaround_that_is_not_enough_ends_the_wait(desk: DeskUser) -> None:
    """Jonas waits for the supplier after a workaround; Mara says partly, so page and clock both go on (R8)."""
    waits = Reply("Use the heater until the valve is here.", kind=ReplyKind.WORKAROUND, wait_for=WaitFor.OTHER, wait_name="Valves Ltd")
    desk.act(reply, "radiator", waits, who="jonas", now=STORY + HOUR)
    assert desk.find("radiator").status is Status.WAITING_OTHER
    desk.act(confirm, "radiator", answer=Answer.PARTLY, note="It is too loud for calls.", who="mara", now=STORY + 2 * HOUR)
    found = desk.find("radiator")
    assert (found.status, found.waits_for, desk.clocks("radiator")["resolution", 0].status) == (Status.WORKING, "", "running")


def test_a_workaround_that_is_enough_leaves_the_wait(desk: DeskUser) -> None:
    """A yes needs no reply, so Jonas still waits for the valve, and the clock with him."""
    waits = Reply("Use the heater until the valve is here.", kind=ReplyKind.WORKAROUND, wait_for=WaitFor.OTHER, wait_name="Valves Ltd")
    desk.act(reply, "radiator", waits, who="jonas", now=STORY + HOUR)
    desk.act(confirm, "radiator", answer=Answer.YES, who="mara", now=STORY + 2 * HOUR)
    assert (desk.find("radiator").status, desk.clocks("radiator")["resolution", 0].status) == (Status.WAITING_OTHER, "paused")


def test_wanting_a_reply_after_all_ends_the_wait(desk: DeskUser) -> None:
    """Jonas took Mara's words for thanks and waits for the supplier; she wants a reply, so page and clock both go on (R6, R8)."""
    desk.act(reply, "radiator", Reply("I look at it.", "I look at the valve", STORY + 5 * HOUR), who="jonas", now=STORY + HOUR)
    desk.act(add_message, "radiator", body="Thanks, and the other one?", who="mara", now=STORY + HOUR * 1.2)
    desk.act(no_reply_needed, "radiator", who="jonas", now=STORY + HOUR * 1.4)
    desk.act(pause, "radiator", waits_for=WaitFor.OTHER, wait_name="Valves Ltd", who="jonas", now=STORY + HOUR * 1.6)
    desk.act(undo_no_reply_needed, "radiator", who="mara", now=STORY + 2 * HOUR)
    assert (desk.find("radiator").status, desk.clocks("radiator")["resolution", 0].status) == (Status.WORKING, "running")


def test_nobody_answers_themselves(desk: DeskUser) -> None:
    """Kim asks Kim's own department and replies to it: sent, but only Jonas' reply is the first answer (R4)."""
    number = desk.file("kim", now=STORY).id
    desk.act(reply, number, Reply("Also the lower hinge.", "I look at it", STORY + 5 * HOUR), who="kim", now=STORY + HOUR)
    assert desk.messages(number)[-1].kind is MessageKind.ACKNOWLEDGEMENT
    assert (desk.find(number).answered_at, desk.clocks(number)["first_response", 0].status) == (None, "running")
    desk.act(reply, number, Reply("I bring a new one.", "The new one is in", STORY + 6 * HOUR), who="jonas", now=STORY + HOUR * 1.5)
    assert (desk.find(number).answered_at, desk.clocks(number)["first_response", 0].status) == (STORY + HOUR * 1.5, "met")


def test_who_follows_on_the_other_side_does_not_answer(desk: DeskUser) -> None:
    """Mara lets Kim follow; what Kim says as somebody of her side stops no clock (R4)."""
    kim = desk.world.people["kim"].id
    desk.act(add_participant, "radiator", person_id=kim, who="mara", now=STORY)
    desk.act(reply, "radiator", Reply("Same here.", "We wait", STORY + 5 * HOUR), who="kim", now=STORY + HOUR)
    assert desk.clocks("radiator")["first_response", 0].status == "running"


def test_solving_ones_own_request_is_no_answer(desk: DeskUser) -> None:
    """Kim solves Kim's own request: it is solved, and its first answer counts neither as kept nor as late (R4, R20)."""
    number = desk.file("kim", now=STORY).id
    desk.act(reply, number, Reply("It was only the latch.", kind=ReplyKind.FIX), who="kim", now=STORY + HOUR)
    rows = desk.clocks(number)
    assert (desk.find(number).status, rows["first_response", 0].status, rows["resolution", 0].status) == (Status.RESOLVED, "cancelled", "met")
