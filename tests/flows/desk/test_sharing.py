"""Sharing work out: by turn, by least work, past people who are away, and back to the queue."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.desk.actions.assigning import claim
from portal.desk.actions.moving import transfer
from portal.desk.actions.sharing import decide, return_due, share_out
from portal.desk.models import Request, SharingWatch
from portal.desk.turns import Sharing, Way
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Absence, Person
from tests.flows.desk.test_actions_races import WAYS, race
from tests.support.desk import DeskUser
from tests.support.story import STORY

TODAY = STORY.date()
PAGE = "/services/facilities/sharing"


@pytest.fixture
def share(desk: DeskUser) -> Any:
    """Let a department share out in a way."""

    def choose(way: Way, department: str = "facilities", **values: Any) -> None:
        with unit_of_work():
            decide(desk.world.departments[department].id, Sharing(way, **values), actor=desk.actor("priya"), now=STORY)

    return choose


def away(desk: DeskUser, who: str, first: date = TODAY, days: int = 5) -> None:
    """Somebody is away from a day on."""
    with unit_of_work():
        db.session.add(Absence(person_id=desk.world.people[who].id, first_day=first, last_day=first + timedelta(days=days), created_at=STORY))


def owner(desk: DeskUser, request_id: int) -> str | None:
    """Who has a request, by first name."""
    db.session.expire_all()
    return db.session.scalar(sa.select(Person.given_name).join(Request, Request.assignee_id == Person.id).where(Request.id == request_id))


def filed(desk: DeskUser, run_jobs: Any, **values: Any) -> str | None:
    """Who gets what is filed now."""
    number = desk.file(**values).id
    run_jobs()
    return owner(desk, number)


@pytest.mark.postgres
def test_by_turn_past_whoever_is_away(desk: DeskUser, share: Any, run_jobs: Any) -> None:
    """One after the other; each is told, and it is noted why."""
    share(Way.TURN)
    assert Counter(filed(desk, run_jobs) for _ in range(6)) == {"Jonas": 2, "Kim": 2, "Ola": 2}
    away(desk, "kim")
    assert Counter(filed(desk, run_jobs) for _ in range(4)) == {"Jonas": 2, "Ola": 2}
    number = desk.file().id
    run_jobs()
    assert desk.activities(number).count("desk.request.assigned") == 1


def test_by_hand_it_stays_in_the_queue(desk: DeskUser, share: Any, run_jobs: Any) -> None:
    """As it does while nobody chose anything."""
    assert filed(desk, run_jobs) is None
    share(Way.HAND)
    assert filed(desk, run_jobs) is None


@pytest.mark.postgres
def test_the_least_open_requests(desk: DeskUser, share: Any, run_jobs: Any) -> None:
    """Who has little gets more, up to their cap."""
    with unit_of_work():
        for key in ("radiator", "chairs"):
            db.session.get_one(Request, desk.world.requests[key]).assignee_id = desk.world.kim.id
    with unit_of_work():
        db.session.execute(sa.update(Request).where(Request.assignee_id == desk.world.ola.id).values(assignee_id=desk.world.jonas.id))
    share(Way.LEAST, shares={desk.world.ola.id: (1, 1)})
    assert filed(desk, run_jobs) == "Ola"
    assert filed(desk, run_jobs) != "Ola"


def test_confidential_requests_go_to_those_named(desk: DeskUser, share: Any, run_jobs: Any) -> None:
    """Only Kim is named; while Kim is away it stays in the queue."""
    share(Way.TURN)
    assert {filed(desk, run_jobs, service="badge-key", confidential=True) for _ in range(3)} == {"Kim"}
    away(desk, "kim")
    assert filed(desk, run_jobs, service="badge-key", confidential=True) is None


def test_leavers_and_the_requester_are_left_out(desk: DeskUser, share: Any, run_jobs: Any) -> None:
    """Nobody answers themselves by turn."""
    share(Way.TURN)
    with unit_of_work():
        db.session.get_one(Person, desk.world.kim.id).end_date = STORY.date() - timedelta(days=1)
    assert {filed(desk, run_jobs, who="ola") for _ in range(3)} == {"Jonas"}


def test_a_service_has_its_own_way(desk: DeskUser, share: Any, run_jobs: Any) -> None:
    """Repairs by hand, everything else by turn."""
    share(Way.TURN, services={desk.world.services["repair"]: Way.HAND})
    assert filed(desk, run_jobs) is None
    assert filed(desk, run_jobs, service="parking") is not None


def test_what_is_handed_over_is_shared_out_there(desk: DeskUser, share: Any, run_jobs: Any) -> None:
    """IT gives it to Ada."""
    share(Way.TURN, "it")
    target = next(number for key, number in desk.world.services.items() if key == "hardware-fault") if "hardware-fault" in desk.world.services else None
    target = target or db.session.scalar(sa.text("SELECT id FROM services WHERE department_id = :it ORDER BY id LIMIT 1"), {"it": desk.world.it.id})
    desk.act(transfer, "radiator", service_id=target, reason="A computer heats the room.", who="kim")
    run_jobs()
    assert owner(desk, desk.world.requests["radiator"]) == "Ada"


def test_somebody_faster_keeps_it(desk: DeskUser, share: Any, run_jobs: Any) -> None:
    """Kim took it before the job ran."""
    share(Way.TURN)
    number = desk.file().id
    desk.act(claim, number, who="kim")
    run_jobs()
    assert owner(desk, number) == "Kim"


@pytest.mark.postgres
def test_it_comes_back_from_whoever_is_away(desk: DeskUser, share: Any, run_jobs: Any) -> None:
    """Unanswered, away for long enough: the team sees it again, once."""
    share(Way.TURN, away_days=2)
    request = desk.file()
    run_jobs()
    had = owner(desk, request.id)
    assert had is not None
    away(desk, had.lower(), STORY.date())
    with unit_of_work():
        assert return_due(now=STORY) == 0
    with unit_of_work():
        assert return_due(now=STORY + timedelta(days=2)) == 1
    assert owner(desk, request.id) is None
    assert db.session.get(SharingWatch, request.id) is None


def test_it_comes_back_after_an_idle_day_only_when_chosen(desk: DeskUser, share: Any, run_jobs: Any) -> None:
    """Off by default; what was answered stays."""
    share(Way.TURN, away_days=5)
    kept = desk.file().id
    run_jobs()
    share(Way.TURN, returns_idle=True)
    idle = desk.file().id
    run_jobs()
    share(Way.TURN, away_days=5)
    with unit_of_work():
        return_due(now=STORY + timedelta(days=2))
    assert owner(desk, kept) is not None
    assert owner(desk, idle) is not None
    share(Way.TURN, returns_idle=True)
    with unit_of_work():
        assert return_due(now=STORY + timedelta(days=4)) == 2
    assert owner(desk, idle) is None


@pytest.mark.postgres
def test_sixteen_at_once_are_spread_evenly(app: Any, desk: DeskUser, share: Any) -> None:
    """Three people: five, five and six."""
    share(Way.TURN)
    numbers = [desk.file().id for _ in range(WAYS)]
    outcome = race(app, lambda place: share_out(db.session.get_one(Request, numbers[place]), now=STORY))
    assert sorted(outcome.values()) == [5, 5, 6]


def test_a_lead_chooses_and_sees_who_is_next(world: Any, sign_in: Any, query_count: Any) -> None:
    """Fulfillers do not; a wrong number is said beside the field."""
    assert sign_in(world.jonas).get(PAGE).status == 403
    page = sign_in(world.priya).get("/services/facilities").follow("Sharing work out")
    again = page.submit(which="way", way="turn", **{f"weight_{world.kim.id}": 40})
    assert again.status == 422
    assert "A number from 1 to 10." in again
    saved = again.submit(which="way", way="turn", returns_idle=True, **{f"weight_{world.kim.id}": 2})
    assert "Next would be Jonas." in saved
    assert saved.form("way").values["way"] == ["turn"]
    assert saved.form("way").values[f"weight_{world.kim.id}"] == ["2"]
    with query_count() as statements:
        saved.visitor.get(PAGE)
    assert statements.count <= 11, statements


def test_the_lead_reads_that_nobody_is_here(desk: DeskUser, share: Any, sign_in: Any) -> None:
    """All three are away."""
    share(Way.TURN)
    for who in ("jonas", "kim", "ola"):
        away(desk, who)
    assert "Nobody is here who could get the next request." in sign_in(desk.world.priya).get(PAGE)
