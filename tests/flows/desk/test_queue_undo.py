"""Everything that matches at once, and taking back what was done with several, as far as nothing changed since."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions import assigning, snoozing, undoing
from portal.desk.actions.filing import Filing, file_request
from portal.desk.models import ClockEvent, QueueUndo, Request
from portal.desk.routes import bulk
from portal.desk.rules import Priority
from portal.kernel.activity import Activity
from portal.kernel.clock import now as right_now
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from tests.support.story import STORY

pytestmark = pytest.mark.postgres
QUEUE = "/queue/facilities"


@dataclass(frozen=True)
class Desk:
    """The database between two clicks; every look in a context of its own."""

    app: Flask
    world: Any

    def row(self, key: str) -> Request:
        """A request of the story as it is now."""
        with self.app.app_context():
            return db.session.get_one(Request, self.world.requests[key])

    def do(self, action: Any, key: str, *args: Any, who: str = "kim", **values: Any) -> None:
        """Somebody acts on a request meanwhile."""
        with self.app.app_context(), unit_of_work():
            action(db.session.get_one(Request, self.world.requests[key]), *args, actor=self.world.actor(who), now=right_now(), **values)

    def file(self, number: int, title: str = "Door {} squeaks") -> None:
        """A few more requests to Facilities."""
        with self.app.app_context(), unit_of_work():
            for place in range(number):
                filing = Filing(self.world.services["repair"], title.format(place), "It does.", self.world.nils.id)
                file_request(filing, actor=self.world.actor("nils"), now=right_now())

    def count(self, *where: Any) -> int:
        """How many requests fit."""
        with self.app.app_context():
            return db.session.scalar(sa.select(sa.func.count()).select_from(Request).where(*where)) or 0

    def noted(self, event: str) -> list[dict[str, Any]]:
        """The data of an event, the oldest first."""
        with self.app.app_context():
            return list(db.session.scalars(sa.select(Activity.data).where(Activity.event == event).order_by(Activity.id)))


@pytest.fixture
def desk(app: Flask, world: Any) -> Desk:
    """The story between two clicks."""
    return Desk(app, world)


def tick(page: Any, way: str, *ids: Any, **more: Any) -> Any:
    """Tick some rows and press a button of the bar below."""
    return page.visitor.submit(page, page.form("/bulk"), button=way, id=[str(number) for number in ids], **more)


def undo_of(page: Any) -> str:
    """The address of the offer on the queue."""
    return next(form.action for form in page.forms if "/undo/" in form.action)


DOORS = Request.title.like("Door %")


def test_all_that_match_are_assigned_and_no_other(world: Any, sign_in: Any, desk: Desk) -> None:
    """Thirty doors, one page of them ticked at most: the filter decides, and what does not match stays where it is."""
    desk.file(30)
    page = sign_in(world.jonas).get(f"{QUEUE}?q=squeaks")
    assert "All 30 that match" in page
    form = tick(page, "assign", all="yes")
    assert form.heading == "Give 30 requests to somebody"
    assert "And 22 more." in form
    after = form.submit("/bulk/assign", person=world.kim.id)
    assert "30 requests changed hands." in after
    assert after.address == f"{QUEUE}?q=squeaks"
    assert desk.count(DOORS, Request.assignee_id == world.kim.id) == 30
    assert desk.row("radiator").assignee_id is None


def test_what_comes_in_between_the_question_and_the_click_is_left_alone(world: Any, sign_in: Any, desk: Desk) -> None:
    """And so is what no longer matches by then."""
    desk.file(27)
    form = tick(sign_in(world.jonas).get(f"{QUEUE}?view=unassigned&q=squeaks"), "assign", all="yes")
    desk.file(2, "Door squeaks late {}")
    with desk.app.app_context(), unit_of_work():
        taken = db.session.scalar(sa.select(Request).where(DOORS).order_by(Request.id).limit(1))
        assert taken is not None
        assigning.claim(taken, actor=world.actor("ola"), now=right_now())
    after = form.submit("/bulk/assign", person=world.kim.id)
    assert "26 requests changed hands." in after
    assert desk.count(DOORS, Request.assignee_id == world.kim.id) == 26
    assert desk.count(DOORS, Request.assignee_id == world.ola.id) == 1
    assert desk.count(DOORS, Request.assignee_id.is_(None)) == 2


def test_so_many_at_once_are_the_most(world: Any, sign_in: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first in the order of the list, and the page says that there are others."""
    monkeypatch.setattr(bulk, "MANY", 20)
    desk.file(28)
    form = tick(sign_in(world.jonas).get(f"{QUEUE}?q=squeaks&sort=oldest"), "assign", all="yes")
    assert "20 at once are the most" in form
    form.submit("/bulk/assign", person=world.kim.id)
    assert desk.count(DOORS, Request.assignee_id == world.kim.id) == 20
    with desk.app.app_context():
        left = db.session.scalars(sa.select(Request.title).where(DOORS, Request.assignee_id.is_(None)).order_by(Request.id)).all()
    assert left == [f"Door {place} squeaks" for place in range(20, 28)]


def test_all_that_match_is_no_way_round_a_permission(world: Any, sign_in: Any, desk: Desk) -> None:
    """A lead ends nothing confidential that way, others come to no queue, and a view of somebody else is not there."""
    priya = sign_in(world.priya)
    token = priya.get(QUEUE).form("/bulk").values["csrf_token"]
    after = priya.post(f"{QUEUE}/bulk/end", {"csrf_token": token, "all": "yes", "upto": "99999", "back": "status=new", "reason": "The house is gone."})
    assert "It is confidential, so only those named for it do this." in after
    assert desk.row("badge").is_open
    assert not desk.row("radiator").is_open
    ruth = sign_in(world.ruth)
    token = next(form.values["csrf_token"] for form in ruth.get("/requests").forms if "csrf_token" in form.values)
    assert ruth.post(f"{QUEUE}/bulk/end", {"csrf_token": token, "all": "yes", "reason": "Gone."}).status == 403
    assert desk.row("heating").is_open
    assert priya.post(f"{QUEUE}/bulk/end", {"csrf_token": priya.get(QUEUE).form("/bulk").values["csrf_token"], "all": "yes", "back": "saved=77"}).status == 404


def test_a_bulk_assignment_is_taken_back(world: Any, sign_in: Any, desk: Desk) -> None:
    """Each goes back to whoever had it, with its own record; the offer is gone, and a second time there is nothing to take back."""
    jonas = sign_in(world.jonas)
    page = tick(jonas.get(QUEUE), "assign", world.requests["radiator"], world.requests["heating"]).submit("/bulk/assign", person=world.kim.id)
    assert desk.row("radiator").assignee_id == desk.row("heating").assignee_id == world.kim.id
    address = undo_of(page)
    after = page.submit("/undo/")
    assert "2 requests are as they were." in after
    assert "/undo/" not in after.source
    assert (desk.row("radiator").assignee_id, desk.row("heating").assignee_id) == (None, world.jonas.id)
    assert desk.noted("desk.queue.taken_back") == [{"department_id": world.facilities.id, "way": "assign", "done": 2, "left": 0}]
    assert [data["person_id"] for data in desk.noted("desk.request.assigned")][-2:] == [None, world.jonas.id]
    again = jonas.post(address, {"csrf_token": jonas.get(QUEUE).form("/bulk").values["csrf_token"]})
    assert (again.status, "This is taken back already." in again) == (409, True)


def test_what_changed_since_stays(world: Any, sign_in: Any, desk: Desk) -> None:
    """Ola took over one of them: that one is hers, the other goes back, and both is said."""
    jonas = sign_in(world.jonas)
    page = tick(jonas.get(QUEUE), "assign", world.requests["radiator"], world.requests["heating"]).submit("/bulk/assign", person=world.kim.id)
    desk.do(assigning.assign, "radiator", world.ola.id)
    after = page.submit("/undo/")
    assert "One request is as it was. One has changed since and stays." in after
    assert (desk.row("radiator").assignee_id, desk.row("heating").assignee_id) == (world.ola.id, world.jonas.id)


def test_a_bulk_priority_is_taken_back_with_its_clocks(world: Any, sign_in: Any, desk: Desk) -> None:
    """The judgement of before counts again, with the due time it had."""
    before = {key: (desk.row(key).priority, desk.row(key).next_due_at) for key in ("radiator", "for-mara")}
    jonas, ids = sign_in(world.jonas), [world.requests[key] for key in before]
    page = tick(jonas.get(QUEUE), "priority", *ids).submit("/bulk/priority", priority="low", reason="It can wait for the summer.")
    assert {desk.row(key).priority for key in before} == {Priority.LOW}
    assert "2 requests are as they were." in page.submit("/undo/")
    assert {key: (desk.row(key).priority, desk.row(key).next_due_at) for key in before} == before
    with desk.app.app_context():
        kinds = db.session.scalars(sa.select(ClockEvent.kind).where(ClockEvent.request_id == world.requests["radiator"]).order_by(ClockEvent.id)).all()
    assert kinds[-2:] == ["retargeted", "retargeted"]


def test_a_bulk_rest_is_taken_back_also_to_an_earlier_rest(world: Any, sign_in: Any, desk: Desk) -> None:
    """What was awake is awake, what rested until Thursday rests until Thursday; what woke up meanwhile is left alone."""
    desk.do(snoozing.snooze, "move", STORY + timedelta(hours=20), who="jonas")
    jonas = sign_in(world.jonas)
    ids = [world.requests[key] for key in ("move", "chairs", "heating")]
    form = tick(jonas.get(f"{QUEUE}?view=waiting"), "rest", world.requests["chairs"]).form("/bulk/rest")
    data = {name: held for name, held in form.values.items() if name != "id"} | {
        "id": ids,
        "until": "own",
        "own": "2026-12-03T09:00",
        "reason": "We move house.",
    }
    page = jonas.post(f"{QUEUE}/bulk/rest", data)
    assert "3 requests rest." in page
    desk.do(snoozing.wake, "heating")
    after = page.submit("/undo/")
    assert "2 requests are as they were. One has changed since and stays." in after
    assert desk.row("move").snoozed_until == STORY + timedelta(hours=20)
    assert desk.row("chairs").snoozed_until is None
    assert desk.row("heating").snoozed_until is None


@pytest.mark.parametrize(
    ("way", "said"),
    [("fix", {"body": "Done."}), ("end", {"reason": "Gone."}), ("reply", {"body": "We look."}), ("step", {"body": "We come.", "next_step": "We come"})],
)
def test_what_people_were_told_cannot_be_taken_back(world: Any, sign_in: Any, way: str, said: dict[str, str]) -> None:
    """The form says so, and no offer is made."""
    form = tick(sign_in(world.jonas).get(QUEUE), way, world.requests["radiator"])
    assert "This cannot be taken back: people read it at once." in form
    more = {"next_step_at": "2026-11-25T12:00"} if way == "step" else {}
    after = form.submit(f"/bulk/{way}", **said, **more)
    assert after.status == 200
    assert "/undo/" not in after.source


def test_the_offer_ends_after_ten_minutes(world: Any, sign_in: Any, desk: Desk, clock: Any) -> None:
    """Until then it stands over the queue on every look; afterwards a kept address says that it is too late."""
    jonas = sign_in(world.jonas)
    page = tick(jonas.get(QUEUE), "assign", world.requests["radiator"]).submit("/bulk/assign", person=world.kim.id)
    address = undo_of(page)
    clock.advance(minutes=9)
    assert undo_of(jonas.get(QUEUE)) == address
    clock.advance(minutes=2)
    late = jonas.get(QUEUE)
    assert "/undo/" not in late.source
    answer = jonas.post(address, {"csrf_token": late.form("/bulk").values["csrf_token"]})
    assert answer.status == 409
    assert "It is too late to take this back at once." in answer
    assert desk.row("radiator").assignee_id == world.kim.id


def test_nobody_takes_back_what_somebody_else_did(world: Any, sign_in: Any, desk: Desk) -> None:
    """Kim, who answers here, too, finds nothing under that number; Mara has no such door."""
    page = tick(sign_in(world.jonas).get(QUEUE), "assign", world.requests["radiator"]).submit("/bulk/assign", person=world.ola.id)
    address = undo_of(page)
    for who, status in (("kim", 404), ("mara", 403)):
        visitor = sign_in(world.people[who])
        token = next(form.values["csrf_token"] for form in visitor.get("/requests").forms if "csrf_token" in form.values)
        assert visitor.post(address, {"csrf_token": token}).status == status
    assert desk.row("radiator").assignee_id == world.ola.id


def test_offers_of_earlier_days_are_forgotten(world: Any, sign_in: Any, desk: Desk, clock: Any) -> None:
    """With the next one that is made; nothing else has to tidy up."""
    with desk.app.app_context(), unit_of_work():
        undoing.remember(world.facilities.id, "assign", [], actor=world.actor("jonas"), now=STORY - timedelta(days=3))
    tick(sign_in(world.jonas).get(QUEUE), "assign", world.requests["radiator"]).submit("/bulk/assign", person=world.kim.id)
    with desk.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(QueueUndo)) == 1
