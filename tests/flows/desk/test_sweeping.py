"""Time passes: clocks warn once per threshold, what is late is noted for good, and the right people hear of it."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.assigning import claim
from portal.desk.actions.conversation import Reply, reply
from portal.desk.actions.deciding import cancel
from portal.desk.actions.sweeping import warn_due
from portal.desk.models import Alert, Breach
from portal.desk.rules import ReplyKind, WaitFor
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications.models import Notice
from portal.people.models import Absence
from tests.support.desk import DeskUser
from tests.support.story import STORY

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
FIRST_DUE = STORY + 4 * HOUR


def sweep(now: datetime) -> int:
    """One batch."""
    db.session.remove()
    with unit_of_work():
        return warn_due(now=now)


@pytest.fixture
def quiet(desk: DeskUser) -> int:
    """A request of its own, after everything else in the world has had its warnings."""
    sweep(STORY)
    return desk.file("nils", now=STORY).id


def alerts(request_id: int, clock: str = "first_response") -> list[int]:
    """The warnings given so far, in per cent."""
    query = sa.select(Alert.threshold).where(Alert.request_id == request_id, Alert.clock == clock)
    return sorted(db.session.scalars(query))


def test_each_threshold_warns_once(desk: DeskUser, quiet: int) -> None:
    """50, 75, 90 per cent and the due time, each a moment after its instant; the due instant itself is still in time (R2)."""
    for minutes, given in ((120, []), (121, [50]), (180, [50]), (181, [50, 75]), (217, [50, 75, 90]), (240, [50, 75, 90])):
        sweep(STORY + timedelta(minutes=minutes))
        sweep(STORY + timedelta(minutes=minutes))
        assert alerts(quiet) == given, minutes
    assert desk.breaches(quiet) == set()
    sweep(FIRST_DUE + SECOND)
    assert alerts(quiet) == [50, 75, 90, 100]
    assert desk.breaches(quiet) == {("first_response", 0)}
    assert desk.activities(quiet).count("desk.clock.warned") == 4


def test_a_sweep_that_slept_for_a_day_says_it_once(desk: DeskUser, quiet: int) -> None:
    """One warning per clock, the strongest; nothing is lost and nothing repeated."""
    sweep(STORY + timedelta(days=1))
    sweep(STORY + timedelta(days=1))
    assert alerts(quiet) == [100]
    assert alerts(quiet, "resolution") == []
    assert desk.breaches(quiet) == {("first_response", 0)}
    sweep(STORY + timedelta(days=30))
    assert alerts(quiet, "resolution") == [100]


def test_a_late_answer_stays_late(desk: DeskUser, quiet: int) -> None:
    """R13: written once, by whoever sees it first; answered, resolved and tidied up it is still there."""
    sweep(FIRST_DUE + HOUR)
    noted = db.session.scalars(sa.select(Breach.noted_at).where(Breach.request_id == quiet)).one()
    desk.act(reply, quiet, Reply("Sorry. Done.", kind=ReplyKind.FIX), who="jonas", now=FIRST_DUE + 2 * HOUR)
    sweep(FIRST_DUE + 3 * HOUR)
    assert db.session.scalars(sa.select(Breach.noted_at).where(Breach.request_id == quiet)).one() == noted
    other = desk.file("nils", now=STORY).id
    desk.act(reply, other, Reply("Sorry. Done.", kind=ReplyKind.FIX), who="jonas", now=FIRST_DUE + SECOND)
    assert desk.breaches(other) == {("first_response", 0)}


def test_what_waits_or_is_over_warns_nobody(desk: DeskUser, quiet: int) -> None:
    """A paused clock runs out of nothing; it warns again when it goes on."""
    desk.act(reply, quiet, Reply("Which door?", wait_for=WaitFor.REQUESTER), who="jonas", now=STORY)
    sweep(STORY + timedelta(days=60))
    assert alerts(quiet, "resolution") == []
    cancelled = desk.file("nils", now=STORY).id
    desk.act(cancel, cancelled, who="nils", now=STORY)
    sweep(STORY + timedelta(days=60))
    assert alerts(cancelled) == []


def test_many_are_taken_in_batches(desk: DeskUser) -> None:
    """A sweep takes so many at a time and comes back for the rest."""
    total = 0
    later = STORY + timedelta(days=365)
    with unit_of_work():
        total = warn_due(now=later, limit=5)
    assert total == 5
    with unit_of_work():
        rest = warn_due(now=later, limit=500)
    assert rest > 5
    with unit_of_work():
        assert warn_due(now=later, limit=500) == 0


def told(kind: str, request_id: int) -> set[tuple[int, str]]:
    """(person, why) of everybody told about a request."""
    query = sa.select(Notice.person_id, Notice.why).where(Notice.kind == kind, Notice.subject_id == request_id)
    return {(person, why) for person, why in db.session.execute(query)}


@pytest.fixture
def jonas_has_it(desk: DeskUser, quiet: int, run_jobs: Callable[..., int]) -> int:
    """The request in Jonas's hands, everything before it told."""
    desk.act(claim, quiet, who="jonas", now=STORY)
    run_jobs()
    return quiet


@pytest.mark.parametrize(("minutes", "expected"), [(121, {"jonas"}), (181, {"jonas", "priya"}), (217, {"jonas", "priya"}), (241, {"jonas", "priya"})])
def test_warnings_climb(desk: DeskUser, app: Flask, jonas_has_it: int, run_jobs: Callable[..., int], minutes: int, expected: set[str]) -> None:
    """R17: whoever has it; the lead of the queue from 75 per cent; the head of the department from 90."""
    sweep(STORY + timedelta(minutes=minutes))
    run_jobs()
    with app.app_context():
        assert {person for person, _ in told("desk.warned", jonas_has_it)} == {desk.world.people[key].id for key in expected}


def test_the_head_is_the_next_lead_up(desk: DeskUser, app: Flask, run_jobs: Callable[..., int], quiet: int) -> None:
    """Security stands below Facilities: at 90 per cent Priya hears of what Vera's people let run."""
    request_id = desk.file("nils", "access-review", now=STORY).id
    run_jobs()
    sweep(STORY + timedelta(days=2))
    run_jobs()
    with app.app_context():
        assert told("desk.warned", request_id) == {(desk.world.vera.id, "leads"), (desk.world.priya.id, "leads")}


def away(desk: DeskUser, who: str, stands_in: str | None = None) -> None:
    """Somebody is away this week."""
    other = desk.world.people[stands_in].id if stands_in else None
    with unit_of_work():
        days = {"first_day": date(2026, 11, 23), "last_day": date(2026, 11, 27)}
        db.session.add(Absence(person_id=desk.world.people[who].id, stands_in_id=other, created_at=STORY, **days))


@pytest.mark.parametrize(
    ("absent", "expected"),
    [
        ([("jonas", "kim")], {"kim", "priya"}),
        ([("jonas", None)], {"kim", "ola", "priya"}),
        ([("jonas", "leo")], {"kim", "ola", "priya"}),
        ([("jonas", "kim"), ("kim", None)], {"ola", "priya"}),
        ([("priya", "ola")], {"jonas", "ola"}),
        ([("priya", None)], {"jonas"}),
    ],
    ids=["stands in", "nobody stands in", "somebody who would not see it", "who is away, too", "the lead's stand-in", "no lead at all"],
)
def test_absent_people_are_not_chased(
    desk: DeskUser, app: Flask, jonas_has_it: int, run_jobs: Callable[..., int], absent: list[tuple[str, str | None]], expected: set[str]
) -> None:
    """Whoever stands in hears instead; where nobody does, those on duty."""
    for who, other in absent:
        away(desk, who, other)
    sweep(STORY + timedelta(minutes=181))
    run_jobs()
    with app.app_context():
        assert {person for person, _ in told("desk.warned", jonas_has_it)} == {desk.world.people[key].id for key in expected}


def test_the_periodic_sweep_runs_by_itself(desk: DeskUser, app: Flask, run_jobs: Callable[..., int], clock: Any) -> None:
    """Every 30 seconds, whichever process gets there first."""
    run_jobs(periodic=True)
    clock.advance(days=3, minutes=1)
    run_jobs(periodic=True)
    with app.app_context():
        assert ("resolution", 0) in desk.breaches("heating")
        warned = sa.select(sa.func.count(Activity.id)).where(Activity.event == "desk.clock.warned")
        number = db.session.scalar(warned)
    clock.advance(seconds=30)
    run_jobs(periodic=True)
    with app.app_context():
        assert db.session.scalar(warned) == number
