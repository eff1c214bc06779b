"""Who has it: claimed once, given to colleagues who may see it, and back."""

import pytest

from portal.desk.actions.assigning import assign, claim
from portal.desk.actions.deciding import cancel
from portal.kernel.errors import Conflict, Refusal
from tests.support.desk import DeskUser


def test_the_first_gets_it_and_the_other_sees_who(desk: DeskUser) -> None:
    """Claiming what one has already is no conflict."""
    desk.act(claim, "radiator", who="jonas")
    assert desk.find("radiator").assignee_id == desk.world.jonas.id
    with pytest.raises(Conflict) as lost:
        desk.act(claim, "radiator", who="kim")
    assert str(lost.value.message) == "Jonas Lindqvist took it a moment before you."
    version = desk.find("radiator").version
    desk.act(claim, "radiator", who="jonas")
    assert desk.find("radiator").version == version
    assert desk.activities("radiator").count("desk.request.claimed") == 1


def test_what_is_over_cannot_be_claimed(desk: DeskUser) -> None:
    """The requester cancelled while the page was open."""
    desk.act(cancel, "radiator", who="mara")
    with pytest.raises(Conflict, match="no longer open"):
        desk.act(claim, "radiator", who="kim")


def test_it_goes_to_a_colleague_and_back_to_the_queue(desk: DeskUser) -> None:
    """Each change is noted with who had it before; the same again is no change."""
    kim = desk.world.kim.id
    desk.act(assign, "radiator", kim, who="jonas")
    desk.act(assign, "radiator", kim, who="jonas")
    desk.act(assign, "radiator", None, who="priya")
    assert desk.find("radiator").assignee_id is None
    assert desk.activities("radiator").count("desk.request.assigned") == 2


def test_only_those_who_see_it_can_have_it(desk: DeskUser) -> None:
    """Not Leo; the lead may; of a confidential request only those named."""
    for key, who in (("radiator", "leo"), ("radiator", "bruno"), ("badge", "jonas"), ("badge", "priya")):
        with pytest.raises(Refusal) as refused:
            desk.act(assign, key, desk.world.people[who].id, who="kim")
        assert refused.value.field == "person"
    desk.act(assign, "radiator", desk.world.priya.id, who="kim")
    desk.act(assign, "badge", desk.world.kim.id, who="kim")


def test_nothing_is_assigned_that_is_over(desk: DeskUser) -> None:
    """Resolved requests stay with who solved them."""
    with pytest.raises(Conflict):
        desk.act(assign, "bulbs", desk.world.jonas.id, who="priya")
