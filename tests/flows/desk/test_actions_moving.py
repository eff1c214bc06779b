"""Hand over, judge anew, wait, go on, plan: the requester's clock runs through all of it."""

from datetime import timedelta

import pytest

from portal.desk.actions.assigning import claim
from portal.desk.actions.conversation import Reply, add_message, reply
from portal.desk.actions.moving import pause, plan, resume, set_priority, transfer
from portal.desk.models import NamedFulfiller, Service
from portal.desk.rules import Priority, WaitFor
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.unit_of_work import unit_of_work
from tests.support.desk import DeskUser
from tests.support.story import STORY

HOUR = timedelta(hours=1)


def test_a_transfer_takes_the_clock_along(desk: DeskUser) -> None:
    """Same start, same hours, the targets of the new service; nobody has it there yet, and the reason is kept."""
    before = desk.find("heating")
    version, started = before.calendar_version_id, before.received_at
    desk.act(transfer, "heating", service_id=desk.world.services["it-question"], reason="The sensor is theirs.", who="jonas")
    row = desk.find("heating")
    assert (row.department_id, row.assignee_id, row.status, row.is_open) == (desk.world.it.id, None, "new", True)
    assert (row.calendar_version_id, row.received_at) == (version, started)
    assert desk.log("heating")[-1] == "retargeted"
    clocks = desk.clocks("heating")
    assert clocks["resolution", 0].department_id == desk.world.it.id
    assert clocks["first_response", 0].department_id == desk.world.facilities.id
    assert desk.activities("heating")[-1] == "desk.request.transferred"


def test_a_transfer_within_the_department_keeps_who_has_it(desk: DeskUser) -> None:
    """Only the service was wrong."""
    desk.act(transfer, "heating", service_id=desk.world.services["repair"], reason="The sensor is broken.", who="jonas")
    row = desk.find("heating")
    assert (row.assignee_id, row.status, row.service_id) == (desk.world.jonas.id, "working", desk.world.services["repair"])


def test_a_transfer_needs_a_reason_and_a_service_that_takes_it(desk: DeskUser) -> None:
    """Each refusal beside its field; nothing moved."""
    it = desk.world.services["it-question"]
    with unit_of_work():
        db.session.get_one(Service, desk.world.services["parking"]).is_active = False
    wrong = [
        ("radiator", it, " ", "reason"),
        ("radiator", it, "x" * 301, "reason"),
        ("radiator", 999_999, "Theirs.", "service_id"),
        ("radiator", desk.world.services["parking"], "Theirs.", "service_id"),
        ("radiator", desk.world.services["repair"], "Theirs.", "service_id"),
        ("badge", it, "Theirs.", "service_id"),
    ]
    for key, service, reason, field in wrong:
        with pytest.raises(Refusal) as refused:
            desk.act(transfer, key, service_id=service, reason=reason, who="kim")
        assert refused.value.field == field
    assert desk.find("radiator").department_id == desk.world.facilities.id
    with pytest.raises(Conflict):
        desk.act(transfer, "bulbs", service_id=it, reason="Theirs.", who="kim")


def test_what_goes_to_a_confidential_service_becomes_confidential(desk: DeskUser) -> None:
    """And stays so wherever it goes next; within the department only those named can go on having it."""
    desk.act(transfer, "radiator", service_id=desk.world.services["workplace-adjustment"], reason="It is about her back.", who="jonas")
    assert desk.find("radiator").is_confidential
    desk.act(transfer, "radiator", service_id=desk.world.services["badge-key"], reason="A key after all.", who="elena")
    assert desk.find("radiator").is_confidential
    with unit_of_work():
        db.session.add(NamedFulfiller(service_id=desk.world.services["repair"], person_id=desk.world.jonas.id))
    desk.act(claim, "badge", who="kim")
    desk.act(transfer, "badge", service_id=desk.world.services["repair"], reason="The door itself.", who="kim")
    assert desk.find("badge").assignee_id is None


def test_more_urgent_is_never_due_at_once(desk: DeskUser) -> None:
    """R11: the new target from the start, but a quarter of it is left; no reason needed for being faster."""
    desk.act(set_priority, "heating", Priority.URGENT, who="jonas", now=STORY)
    row = desk.find("heating")
    due = desk.clocks("heating")["resolution", 0].due
    assert row.priority == "urgent"
    assert due == STORY + HOUR
    assert desk.activities("heating")[-1] == "desk.request.prioritised"


def test_more_time_for_us_needs_a_reason_and_keeps_what_is_nearly_used_up(desk: DeskUser) -> None:
    """R11: loosening after 75 % or after the due time does not change the verdict."""
    with pytest.raises(Refusal) as refused:
        desk.act(set_priority, "radiator", Priority.LOW, who="jonas")
    assert refused.value.field == "reason"
    due = desk.clocks("radiator")["resolution", 0].due
    desk.act(set_priority, "radiator", Priority.LOW, reason="The shoot moved to May.", who="jonas")
    loose = desk.clocks("radiator")["resolution", 0].due
    assert loose is not None
    assert due is not None
    assert loose > due
    late = desk.clocks("late")["first_response", 0].due
    desk.act(set_priority, "late", Priority.LOW, reason="It can wait.", who="ada")
    assert desk.clocks("late")["first_response", 0].due == late
    version = desk.find("late").version
    desk.act(set_priority, "late", Priority.LOW, who="ada")
    assert desk.activities("late").count("desk.request.prioritised") == 1
    assert desk.find("late").version == version + 1


def test_the_clock_waits_only_while_a_question_is_open(desk: DeskUser) -> None:
    """R8: without a question to the requester, or after their answer, there is nothing to wait for."""
    with pytest.raises(Refusal) as refused:
        desk.act(pause, "heating", waits_for=WaitFor.REQUESTER, who="jonas")
    assert refused.value.field == "waits_for"
    desk.act(reply, "heating", Reply("Which window?", asks=True), who="jonas")
    desk.act(pause, "heating", waits_for=WaitFor.REQUESTER, who="jonas")
    assert desk.find("heating").status == "waiting_requester"
    desk.act(add_message, "heating", body="The left one.", who="sam", now=STORY + HOUR)
    with pytest.raises(Refusal):
        desk.act(pause, "heating", waits_for=WaitFor.REQUESTER, who="jonas", now=STORY + 2 * HOUR)


def test_a_wait_pauses_the_way_to_the_end_and_never_a_promise(desk: DeskUser) -> None:
    """Waiting for a supplier by name; the promised date stays; going on charges the rest."""
    due = desk.clocks("heating")["resolution", 0].due
    assert due is not None
    desk.act(pause, "heating", waits_for=WaitFor.OTHER, wait_name="Sensor works", who="jonas")
    clocks = desk.clocks("heating")
    assert (clocks["resolution", 0].status, clocks["promise", 0].status) == ("paused", "running")
    assert (desk.find("heating").next_clock, desk.find("heating").waits_for) == ("promise", "Sensor works")
    desk.act(resume, "heating", who="jonas", now=STORY + 2 * HOUR)
    assert desk.clocks("heating")["resolution", 0].due == due + 2 * HOUR
    with pytest.raises(Conflict, match="not waiting"):
        desk.act(resume, "heating", who="jonas")


def test_the_requester_can_say_that_the_answer_is_there(desk: DeskUser) -> None:
    """Their word that they have answered ends the wait, too."""
    desk.act(resume, "expenses", who="mara")
    assert desk.find("expenses").status == "working"
    assert desk.activities("expenses")[-1] == "desk.request.resumed"


def test_planned_work_is_open_work(desk: DeskUser) -> None:
    """The clocks take no notice; the same again is told so; a wait ends."""
    before = {key: (row.status, row.due) for key, row in desk.clocks("heating").items()}
    desk.act(plan, "heating", planned=True, who="jonas")
    assert (desk.find("heating").status, desk.find("heating").is_open) == ("planned", True)
    assert {key: (row.status, row.due) for key, row in desk.clocks("heating").items()} == before
    with pytest.raises(Conflict):
        desk.act(plan, "heating", planned=True, who="kim")
    desk.act(plan, "heating", planned=False, who="kim")
    assert desk.find("heating").status == "working"
    desk.act(plan, "chairs", planned=True, who="kim")
    assert (desk.find("chairs").status, desk.find("chairs").waits_for) == ("planned", "")
    assert desk.log("chairs")[-1] == "resumed"


def test_nobody_moves_what_is_over(desk: DeskUser) -> None:
    """Resolved, closed and cancelled requests stay where they are."""
    for key in ("bulbs", "key", "projector"):
        for action, values in ((set_priority, {"priority": Priority.HIGH}), (pause, {"waits_for": WaitFor.OTHER, "wait_name": "x"}), (plan, {"planned": True})):
            with pytest.raises(Conflict):
                desk.act(action, key, who="kim", **values)
