"""Figures kept as work is done equal figures counted anew."""

import random
from collections import Counter
from contextlib import suppress
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk import figure_keeping as keeping
from portal.desk import figure_packing as packing
from portal.desk import health
from portal.desk.actions.conversation import Reply, reply
from portal.desk.actions.deciding import cancel, confirm
from portal.desk.actions.moving import set_priority, transfer
from portal.desk.figure_periods import Span
from portal.desk.figures import Key
from portal.desk.models import FigureChange, FigureCount, Priority, Request
from portal.desk.rules import Answer, ReplyKind
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Forbidden, Refusal
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Department
from tests.flows.desk.test_actions_races import WAYS, race
from tests.support.desk import DeskUser
from tests.support.story import STORY

pytestmark = pytest.mark.postgres


def measures() -> dict[str, int]:
    """How often each measure counts now."""
    found: dict[str, int] = {}
    for key, n in keeping.kept().items():
        found[key.measure] = found.get(key.measure, 0) + n
    return found


def counted() -> Counter[Key]:
    """What clocks and events say now, of every department."""
    span = Span(date(2024, 1, 1), date(2028, 12, 31))
    found: Counter[Key] = Counter()
    for own in db.session.scalars(sa.select(Department.id)):
        found.update(packing.counted_by_facts(own, span))
    return found


def test_filing_counts_what_came_in_and_no_verdict(desk: DeskUser) -> None:
    """With whoever asked, when the job has seen it; nothing is kept or late yet."""
    with unit_of_work():
        packing.rebuild()
    before = measures()
    desk.file(now=STORY)
    assert measures() == before
    with unit_of_work():
        assert packing.settle() == 1
    after = measures()
    assert after.pop("opened") == before.pop("opened") + 1
    assert after == before


def test_solving_counts_and_reopening_takes_it_back(desk: DeskUser) -> None:
    """R12: the verdict and the working time go; the first response stays."""
    with unit_of_work():
        packing.rebuild()
    before = measures()
    number = desk.file(now=STORY).id
    desk.act(reply, number, Reply("A new lock is in.", kind=ReplyKind.FIX), who="jonas", now=STORY + timedelta(hours=1))
    solved = measures()
    assert solved["resolution_time"] == before.get("resolution_time", 0) + 1
    desk.act(confirm, number, answer=Answer.NO, note="It stands open again.", who="mara", now=STORY + timedelta(hours=2))
    again = measures()
    assert again.get("resolution_time", 0) == before.get("resolution_time", 0)
    assert again["first_response_time"] == solved["first_response_time"]


@pytest.mark.parametrize("seed", range(6))
def test_any_story_leaves_what_counting_anew_finds(desk: DeskUser, seed: int) -> None:
    """Steps in any order, refused ones too; folded now and then."""
    with unit_of_work():
        packing.rebuild()
    dice, now = random.Random(seed), STORY
    numbers: list[int] = []
    for _ in range(25):
        now += timedelta(minutes=dice.randint(5, 600))
        with suppress(Refusal, Conflict, Forbidden):
            step(desk, dice, numbers, now)
        if dice.random() < 0.2:
            with unit_of_work():
                packing.fold()
    assert keeping.kept() == counted()
    with unit_of_work():
        while packing.settle():
            pass
    assert keeping.kept() == counted()
    before = keeping.kept()
    with unit_of_work():
        while packing.fold():
            pass
    assert keeping.kept() == before
    with unit_of_work():
        packing.rebuild()
    assert keeping.kept() == before


def test_the_doctor_names_what_is_not_counted(desk: DeskUser) -> None:
    """A day whose counts went away is named until they are counted anew."""
    number = desk.file(now=STORY).id
    desk.act(reply, number, Reply("A new lock is in.", kind=ReplyKind.FIX), who="jonas", now=STORY + timedelta(hours=1))
    own = desk.find(number).department_id
    with unit_of_work():
        packing.rebuild()
    assert health.uncounted() == []
    with unit_of_work():
        for table in (FigureCount, FigureChange):
            db.session.execute(sa.delete(table))
    assert f"department {own}: 2026-11-24 is not counted as its clocks say: run `portal rebuild-figures`" in health.uncounted()
    with unit_of_work():
        packing.rebuild()
    assert health.uncounted() == []


def step(desk: DeskUser, dice: random.Random, numbers: list[int], now: datetime) -> None:
    """One thing somebody does."""
    if not numbers or dice.random() < 0.2:
        numbers.append(desk.file(now=now).id)
        return
    number = dice.choice(numbers)
    kind = dice.choice(["fix", "fix", "workaround", "no", "yes", "cancel", "move", "priority"])
    if kind in ("fix", "workaround"):
        desk.act(reply, number, Reply("Done, have a look.", kind=ReplyKind(kind)), who="jonas", now=now)
    elif kind in ("no", "yes"):
        desk.act(confirm, number, answer=Answer(kind), note="See.", who="mara", now=now)
    elif kind == "cancel":
        desk.act(cancel, number, who="mara", now=now)
    elif kind == "move":
        desk.act(transfer, number, service_id=desk.world.services["meeting-room-tech"], reason="A screen.", who="jonas", now=now)
    else:
        desk.act(set_priority, number, dice.choice(list(Priority)), reason="It grew.", who="jonas", now=now)


def test_sixteen_at_once_solve_fold_and_count_anew(desk: DeskUser, app: Flask) -> None:
    """Half of them solve requests of one day and service, the others fold and rebuild: nothing is lost and nothing counts twice."""
    numbers = [desk.file(title=f"Door {place} does not close", now=STORY).id for place in range(WAYS)]
    jonas = desk.actor("jonas")

    def work(place: int) -> str:
        if place % 4 == 1:
            packing.fold(2)
        elif place % 8 == 3:
            packing.rebuild()
        else:
            reply(db.session.get_one(Request, numbers[place]), Reply("A new lock is in.", kind=ReplyKind.FIX), actor=jonas, now=STORY + timedelta(hours=1))
        return "done"

    assert race(app, work) == {"done": WAYS}
    db.session.remove()
    assert keeping.kept() == counted()
