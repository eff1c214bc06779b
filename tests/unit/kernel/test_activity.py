"""Activity: one row per change, and what others do about it hangs on that row in the same transaction."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from flask import Flask, g

from portal.kernel import activity, jobs
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.health import Heartbeat
from portal.kernel.policy import SYSTEM, Actor
from portal.kernel.unit_of_work import unit_of_work

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MARA = Actor(person_id=7, name="Mara", kind="person")


@dataclass(frozen=True)
class ShedPainted:
    """Somebody painted a shed."""

    event: ClassVar[str] = "shed.painted"
    shed_id: int
    colour: str
    coats: int = 1


@pytest.fixture(autouse=True)
def _own_reactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "_by_event", defaultdict(list))
    monkeypatch.setattr(activity, "_by_name", {})


def paint(colour: str = "red", *, fail: bool = False, **options: Any) -> None:
    with unit_of_work():
        activity.record(ShedPainted(3, colour), actor=MARA, subject=("shed", 3), at=NOW, **options)
        if fail:
            raise LookupError


@pytest.mark.postgres
def test_a_row_says_who_did_what_to_which_thing(context: Flask) -> None:
    """With everything the event is about, so that nobody has to look it up later."""
    paint(changes={"colour": ["grey", "red"]})
    row = db.session.scalars(sa.select(Activity)).one()
    assert (row.event, row.actor_kind, row.actor_id, row.subject_kind, row.subject_id) == ("shed.painted", "person", 7, "shed", 3)
    assert (row.data, row.changes) == ({"shed_id": 3, "colour": "red", "coats": 1}, {"colour": ["grey", "red"]})
    assert (row.at, row.channel, row.request_ref) == (NOW, "portal", None)


def test_on_a_page_the_row_knows_the_request(app: Flask) -> None:
    """The reference number of the page leads from the log to the change."""
    with app.test_request_context("/"):
        g.request_ref = "abc"
        paint()
        row = db.session.scalars(sa.select(Activity)).one()
        assert (row.channel, row.request_ref) == ("web", "abc")


@pytest.mark.postgres
def test_reactions_run_after_the_commit_each_in_its_own_unit(context: Flask) -> None:
    """One that fails takes nothing away from another."""
    heard: list[Any] = []

    @activity.on(ShedPainted)
    def tell(event: ShedPainted, entry: Activity) -> None:
        heard.append((event, entry.id))

    @activity.on(ShedPainted)
    def stumble(event: ShedPainted, entry: Activity) -> None:
        db.session.add(Heartbeat(name="half", at=NOW))
        db.session.flush()
        raise LookupError

    paint()
    assert heard == []
    jobs.run_due(context)
    assert heard == [(ShedPainted(3, "red"), db.session.scalar(sa.select(Activity.id)))]
    assert db.session.scalar(sa.select(jobs.Job.last_error)) == "LookupError: "
    assert db.session.scalars(sa.select(Heartbeat)).all() == []


@pytest.mark.postgres
def test_a_change_that_is_rolled_back_has_no_row_and_no_reaction(context: Flask) -> None:
    """Nothing is told about what did not happen."""
    heard: list[Any] = []
    activity.on(ShedPainted)(lambda event, entry: heard.append(event))
    with pytest.raises(LookupError):
        paint(fail=True)
    assert jobs.run_due(context) == 0
    assert (heard, db.session.scalars(sa.select(Activity)).all()) == ([], [])


def test_history_that_is_loaded_makes_no_noise(context: Flask) -> None:
    """An import of last year's events mails nobody."""
    activity.on(ShedPainted)(lambda event, entry: None)
    paint(quiet=True)
    assert jobs.run_due(context) == 0


def test_setting_up_twice_reacts_once(context: Flask) -> None:
    """The same function registered again is the same reaction."""
    heard: list[Any] = []

    def tell(event: ShedPainted, entry: Activity) -> None:
        heard.append(event)

    activity.on(ShedPainted)(tell)
    activity.on(ShedPainted)(tell)
    paint()
    jobs.run_due(context)
    assert len(heard) == 1


def test_a_row_of_an_older_or_newer_version_can_still_be_reacted_to(context: Flask) -> None:
    """Fields that no longer exist are left out, new ones have their defaults; a reaction that is gone is nothing to do."""
    heard: list[Any] = []

    def tell(event: ShedPainted, entry: Activity) -> None:
        heard.append(event)

    activity.on(ShedPainted)(tell)
    paint()
    with unit_of_work():
        db.session.execute(sa.update(Activity).values(data={"shed_id": 3, "colour": "red", "brush": "old"}))
        jobs.enqueue("kernel.react", activity_id=db.session.scalar(sa.select(Activity.id)), hook="feature.that.is.gone")
    assert jobs.run_due(context) == 2
    assert heard == [ShedPainted(3, "red")]
    assert db.session.scalars(sa.select(jobs.Job)).all() == []


def test_the_timeline_of_a_thing_is_its_newest_rows_oldest_first(context: Flask) -> None:
    """And of nothing else."""
    for colour in ("red", "green", "blue"):
        paint(colour)
    with unit_of_work():
        activity.record(ShedPainted(4, "black"), actor=SYSTEM, subject=("shed", 4), at=NOW)
    assert [row.data["colour"] for row in activity.of(("shed", 3), limit=2)] == ["green", "blue"]
