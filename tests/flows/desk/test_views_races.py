"""Two people at once: the same view renamed, removed, chosen; the same name twice; the same request laid to rest and woken."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions import undoing
from portal.desk.actions import views as saving
from portal.desk.actions.assigning import assign, claim
from portal.desk.actions.conversation import add_message
from portal.desk.actions.snoozing import snooze, wake, wake_due
from portal.desk.models import QueueDefault, Request, SavedView
from portal.desk.queries import views as read
from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.kernel.unit_of_work import unit_of_work
from tests.support import racing
from tests.support.desk import DeskUser
from tests.support.story import STORY

pytestmark = pytest.mark.postgres
WAYS = 8
HOUR = timedelta(hours=1)


def race(app: Flask, work: Callable[[int], Any]) -> Counter[str]:
    """How often each outcome came of so many at once."""
    return racing.race(app, work, "/queue/facilities", WAYS)


@pytest.fixture
def jonas(desk: DeskUser) -> Actor:
    """Who acts."""
    return desk.actor("jonas")


def kept(desk: DeskUser, jonas: Actor, name: str = "Late", *, shared: bool = True) -> int:
    """A view of Jonas; its number."""
    db.session.remove()
    with unit_of_work():
        return saving.keep(desk.world.facilities.id, name, {"view": "next", "due": "late"}, shared=shared, actor=jonas, now=STORY).id


def found(number: int) -> SavedView:
    """The view as a route would have loaded it."""
    return db.session.get_one(SavedView, number)


def test_one_of_eight_equal_names_is_kept(app: Flask, desk: DeskUser, jonas: Actor) -> None:
    """The others read that there is one already."""
    here = desk.world.facilities.id
    outcomes = race(app, lambda _: saving.keep(here, "late ONES", {"view": "next"}, shared=False, actor=jonas, now=STORY).name)
    assert outcomes == {"late ONES": 1, "Refusal": 7}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SavedView)) == 1


def test_the_limit_holds_at_once(app: Flask, desk: DeskUser, jonas: Actor) -> None:
    """Twenty-eight are there, eight more come at the same moment, two of them fit."""
    here = desk.world.facilities.id
    for place in range(saving.MOST - 2):
        kept(desk, jonas, f"View {place}", shared=False)
    outcomes = race(app, lambda place: bool(saving.keep(here, f"More {place}", {"view": "next"}, shared=False, actor=jonas, now=STORY)))
    assert outcomes == {"True": 2, "Refusal": 6}


def test_one_renames_and_the_others_read_that_somebody_did(app: Flask, desk: DeskUser, jonas: Actor) -> None:
    """All saw the same version; one name stands, and it is whole."""
    number = kept(desk, jonas)

    def rename(place: int) -> str:
        saving.change(found(number), f"Name {place}", shared=True, version=1, actor=jonas, now=STORY)
        return "renamed"

    assert race(app, rename) == {"renamed": 1, "Conflict": 7}
    row = found(number)
    assert (row.version, row.folded) == (2, row.name.casefold())


def test_renaming_and_removing_at_once_leave_one_truth(app: Flask, desk: DeskUser, jonas: Actor) -> None:
    """It is removed once; whoever renames it afterwards reads that it is gone, and nothing comes back."""
    number = kept(desk, jonas)

    def work(place: int) -> str:
        view = found(number)
        if place % 2:
            saving.remove(view, actor=jonas, now=STORY)
            return "removed"
        saving.change(view, f"Name {place}", shared=True, version=1, actor=jonas, now=STORY)
        return "renamed"

    outcomes = race(app, _or_gone(work))
    assert outcomes["removed"] == 1
    assert outcomes["renamed"] <= 1
    assert sum(outcomes.values()) == WAYS
    assert db.session.get(SavedView, number) is None


def _or_gone(work: Callable[[int], str]) -> Callable[[int], str]:
    """A view that is gone when it is loaded is what a route answers with "not found"."""

    def attempt(place: int) -> str:
        try:
            return work(place)
        except sa.exc.NoResultFound:
            return "gone"

    return attempt


def test_nobody_opens_with_a_view_that_is_being_removed(app: Flask, desk: DeskUser) -> None:
    """Either it was chosen before and the choice goes with it, or whoever chooses reads that it is gone: never a choice of nothing."""
    jonas, others = desk.actor("jonas"), [desk.actor(key) for key in ("kim", "ola", "priya")]
    number, here = kept(desk, jonas), desk.world.facilities.id

    def work(place: int) -> str:
        view = found(number)
        if place == 0:
            saving.remove(view, actor=jonas, now=STORY)
            return "removed"
        saving.open_with(view, here, actor=others[place % 3])
        return "chosen"

    outcomes = race(app, _or_gone(work))
    assert outcomes["removed"] == 1
    assert db.session.scalars(sa.select(QueueDefault)).all() == []
    assert [view.name for view in read.of_queue(others[0], here)] == []


def test_eight_move_the_same_view_and_the_order_stays_whole(app: Flask, desk: DeskUser, jonas: Actor) -> None:
    """Each place is taken once."""
    numbers = [kept(desk, jonas, f"View {place}") for place in range(5)]
    race(app, lambda place: saving.move(found(numbers[place % 5]), 1 if place % 2 else -1))
    rows = db.session.scalars(sa.select(SavedView).order_by(SavedView.position)).all()
    assert sorted(row.id for row in rows) == sorted(numbers)
    assert len({row.position for row in rows}) == 5


def test_whoever_saw_it_as_it_was_lays_it_to_rest(app: Flask, desk: DeskUser, jonas: Actor) -> None:
    """Eight different ends: whoever saw the request as it was is written down, the others have a look first."""
    number, version = desk.world.requests["chairs"], desk.find("chairs").version

    def rest(place: int) -> str:
        snooze(db.session.get_one(Request, number), STORY + timedelta(minutes=10 + place), actor=jonas, now=STORY)
        return "rests"

    outcomes = race(app, rest)
    assert outcomes["rests"] >= 1
    assert outcomes["rests"] + outcomes["Conflict"] == WAYS
    assert desk.activities("chairs").count("desk.request.snoozed") == outcomes["rests"]
    assert desk.find("chairs").version == version + outcomes["rests"]


def test_it_wakes_once(app: Flask, desk: DeskUser, jonas: Actor) -> None:
    """The sweep, a hand and a colleague who takes it, all at the same moment: one row says that it woke."""
    desk.act(snooze, "radiator", STORY + HOUR, who="jonas", now=STORY)
    number, kim = desk.world.requests["radiator"], desk.actor("kim")

    def work(place: int) -> str:
        if place % 3 == 0:
            return f"swept {wake_due(now=STORY + HOUR)}"
        row = db.session.get_one(Request, number)
        if place % 3 == 1:
            wake(row, actor=jonas, now=STORY + HOUR)
            return "woken"
        claim(row, actor=kim, now=STORY + HOUR)
        return "taken"

    race(app, work)
    assert desk.find("radiator").snoozed_until is None
    assert desk.activities("radiator").count("desk.request.woken") == 1


def test_a_message_and_a_rest_at_once_never_leave_it_asleep_unheard(app: Flask, desk: DeskUser, jonas: Actor) -> None:
    """Either it was laid to rest first and the message woke it, or the message came first and the page from before rests nothing."""
    number, sam = desk.world.requests["heating"], desk.actor("sam")

    def work(place: int) -> str:
        row = db.session.get_one(Request, number)
        if place == 0:
            snooze(row, STORY + HOUR, reason="We look at it later.", actor=jonas, now=STORY)
            return "rests"
        if place == 1:
            add_message(row, body="It is warmer still.", actor=sam, now=STORY)
            return "written"
        return "looked"

    outcomes = race(app, work)
    assert outcomes["written"] == 1
    told = desk.activities("heating")
    if "desk.request.snoozed" in told and told.index("desk.request.snoozed") < told.index("desk.request.written"):
        assert desk.find("heating").snoozed_until is None
        assert "desk.request.woken" in told
    else:
        assert outcomes["Conflict"] + outcomes["rests"] == 1


def test_one_takes_it_back(app: Flask, desk: DeskUser, jonas: Actor) -> None:
    """Two clicks, or two windows: once, and the others read that it is done."""
    db.session.remove()
    with unit_of_work():
        row = db.session.get_one(Request, desk.world.requests["radiator"])
        assign(row, desk.world.kim.id, actor=jonas, now=STORY)
        number = undoing.remember(desk.world.facilities.id, "assign", [undoing.item("assign", row, None)], actor=jonas, now=STORY).id
    here = desk.world.facilities.id
    outcomes = race(app, lambda _: undoing.take_back(number, here, actor=jonas, now=STORY))
    assert outcomes == {"(1, 0)": 1, "Conflict": 7}
    assert desk.find("radiator").assignee_id is None
