"""Two clicks at the same moment did a thing twice: a vote, a coupon, an import, a name.

Published case class: races (Frappe LMS: progress and coupons counted twice; solid_queue 589; listmonk: paused and started at once; FreeScout
3186). Claiming, resolving, answering, drafts, links, codes and mail have race tests with their features; here is what had none. Each has a
barrier and sixteen ways, on SQLite and on PostgreSQL, where check-then-act lets thirteen of sixteen through.
"""

from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.admin import actions as administration
from portal.desk.actions import importing as taking
from portal.desk.actions import views
from portal.desk.actions.conversation import FOLLOWER_LIMIT, add_participant
from portal.desk.actions.services import name_fulfiller
from portal.desk.importing import Options
from portal.desk.models import NamedFulfiller, Participant, Request, RequestImport, SavedView, Service
from portal.kernel import jobs
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from tests.flows.desk.test_actions_races import WAYS, loaded, race
from tests.support.desk import DeskUser
from tests.support.story import STORY

pytestmark = pytest.mark.postgres


@pytest.fixture
def desk(world: Any, context: Flask) -> DeskUser:
    """People of the world."""
    return DeskUser(world)


def number_of(query: Any) -> int:
    """How many rows."""
    return db.session.scalar(sa.select(sa.func.count()).select_from(query)) or 0


def old_file(desk: DeskUser) -> int:
    """A file of an earlier desk that was looked at."""
    text = "number,subject,requester,created\n" + "".join(f"{place},Lamp {place},Nils Brandt,2020-01-02\n" for place in range(5))
    db.session.remove()
    with unit_of_work():
        received = taking.receive(BytesIO(text.encode()), "old.csv")
        number = taking.begin(received, Options(department_id=desk.world.facilities.id), actor=desk.actor("ada"), now=STORY).id
    taking.look(number, now=STORY)
    db.session.remove()
    return number


def test_a_file_of_old_requests_is_confirmed_once(app: Flask, desk: DeskUser, run_jobs: Any) -> None:
    """listmonk (started twice): one of sixteen confirms, the worker makes five requests and no sixth."""
    number, before = old_file(desk), number_of(Request)
    outcomes = race(app, lambda _place: taking.confirm(db.session.get_one(RequestImport, number), now=STORY) or "confirmed")
    assert outcomes == {"confirmed": 1, "Conflict": WAYS - 1}
    run_jobs()
    db.session.remove()
    assert number_of(Request) == before + 5


def test_confirming_and_putting_away_at_once_is_one_of_both(app: Flask, desk: DeskUser, run_jobs: Any) -> None:
    """listmonk (paused and started at once): either it runs whole or nothing is written, never a bit of both."""
    number, before = old_file(desk), number_of(Request)

    def either(place: int) -> str:
        run = db.session.get_one(RequestImport, number)
        return (taking.confirm if place % 2 else taking.discard)(run, now=STORY) or ("confirmed" if place % 2 else "put away")

    outcomes = race(app, either)
    won = set(outcomes) - {"Conflict"}
    assert (len(won), outcomes["Conflict"]) == (1, WAYS - 1)
    run_jobs()
    db.session.remove()
    assert number_of(Request) - before == (5 if won == {"confirmed"} else 0)


def test_a_name_of_a_view_is_taken_once(app: Flask, desk: DeskUser) -> None:
    """FreeScout 3186: sixteen windows keep a view under one name, in capitals and small letters."""
    here, jonas = desk.world.facilities.id, desk.actor("jonas")
    db.session.remove()
    names = ("Late", "late", "LATE", "late ")
    outcomes = race(app, lambda place: bool(views.keep(here, names[place % 4], {"view": "next"}, shared=True, actor=jonas, now=STORY)))
    assert outcomes == {"True": 1, "Refusal": WAYS - 1}
    assert number_of(SavedView) == 1


def test_a_follower_is_added_once_and_the_limit_holds(app: Flask, desk: DeskUser) -> None:
    """Frappe LMS (counted twice): the same colleague sixteen times is one row and one entry; with room for one, one of sixteen fits."""
    mara, world = desk.actor("mara"), desk.world
    db.session.remove()
    outcomes = race(app, lambda _place: add_participant(loaded(world.requests["radiator"]), person_id=world.tom.id, actor=mara, now=STORY))
    assert outcomes == {"True": 1, "False": WAYS - 1}
    assert desk.activities("radiator").count("desk.participant.added") <= 1
    others = [who.id for key, who in world.people.items() if key not in ("mara", "tom", "bruno")]
    db.session.remove()
    room = FOLLOWER_LIMIT - 1
    race(app, lambda place: add_participant(loaded(world.requests["radiator"]), person_id=others[place], actor=mara, now=STORY))
    assert number_of(sa.select(Participant).where(Participant.request_id == world.requests["radiator"]).subquery()) <= room + 1


def test_somebody_is_named_for_a_service_once(app: Flask, desk: DeskUser) -> None:
    """Frappe LMS: sixteen leads name the same colleague; one row, one entry in the record."""
    priya, service, ola = desk.actor("priya"), desk.world.services["badge-key"], desk.world.people["ola"].id
    db.session.remove()
    outcomes = race(app, lambda _place: name_fulfiller(db.session.get_one(Service, service), ola, actor=priya, now=STORY))
    assert outcomes["True"] == 1
    assert number_of(sa.select(NamedFulfiller).where(NamedFulfiller.person_id == ola).subquery()) == 1


def test_a_parked_job_is_put_back_once(app: Flask, desk: DeskUser) -> None:
    """solid_queue 589: a job was finished and failed at once; of sixteen who retry or drop it, the row and the record agree on one."""
    ada = desk.actor("ada")
    with unit_of_work():
        parked = jobs.Job(name="kernel.nothing", args={}, run_at=STORY.replace(year=2030), created_at=STORY, state=jobs.State.PARKED)
        db.session.add(parked)
        db.session.flush()
        number = parked.id
    noted = number_of(Activity)

    def either(place: int) -> str:
        job = db.session.get(jobs.Job, number)
        if job is None:
            return "gone"
        (administration.retry_job if place % 2 else administration.drop_job)(job, actor=ada, now=STORY)
        return "retried" if place % 2 else "dropped"

    db.session.remove()
    outcomes = race(app, either)
    assert outcomes["retried"] + outcomes["dropped"] == 1, outcomes
    assert number_of(Activity) - noted <= 1
