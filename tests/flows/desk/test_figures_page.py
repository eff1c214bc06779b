"""The figures of a department as its people see them."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from portal.desk.actions.conversation import Reply, reply
from portal.desk.queries import figures as read
from portal.desk.rules import ReplyKind
from portal.kernel.db import db
from tests.support.desk import DeskUser
from tests.support.story import STORY

pytestmark = pytest.mark.postgres
PAGE = "/queue/facilities/figures"
HOUR = timedelta(hours=1)


def solved(desk: DeskUser, count: int, after: timedelta) -> None:
    """Jonas solves requests so long after they came in."""
    for _ in range(count):
        number = desk.file(now=STORY).id
        desk.act(reply, number, Reply("A new lock is in.", kind=ReplyKind.FIX), who="jonas", now=STORY + after)


def whole(desk: DeskUser, later: timedelta) -> read.Line:
    """Facilities over four weeks, so long after the story began."""
    number, now = desk.world.departments["facilities"].id, STORY + later
    db.session.remove()
    line, _ = read.of_department(number, read.period(number, 4, now), now)
    return line


def test_what_was_solved_counts_when_it_was_due(desk: DeskUser) -> None:
    """Six solved within the hour are kept, once their day has come."""
    before = whole(desk, timedelta(days=21)).resolution
    solved(desk, 6, HOUR)
    after = whole(desk, timedelta(days=21)).resolution
    assert (after.due, after.late) == (before.due + 6, before.late)


def test_leaving_things_open_does_not_help(desk: DeskUser) -> None:
    """R20: what is open and past due is late now, before anybody answers."""
    before = whole(desk, timedelta(days=21))
    for _ in range(3):
        desk.file(now=STORY)
    after = whole(desk, timedelta(days=21))
    assert (after.first.due, after.first.late) == (before.first.due + 3, before.first.late + 3)
    assert (after.resolution.due, after.resolution.late) == (before.resolution.due + 3, before.resolution.late + 3)


def test_the_page_says_what_was_kept_in_each_service(desk: DeskUser, sign_in: Any) -> None:
    """A lead and a fulfiller read it, over four weeks or twelve; other periods are four."""
    solved(desk, 6, HOUR)
    with time_machine.travel(STORY + timedelta(days=21), tick=False):
        for who in ("jonas", "priya"):
            page = sign_in(desk.world.people[who]).get(PAGE)
            assert "% of " in page
            assert "All services" in page
            assert "Something in the building is broken" in page
        assert 'aria-current="page">12 weeks' in sign_in(desk.world.jonas).get(f"{PAGE}?weeks=12").source
        assert 'aria-current="page">4 weeks' in sign_in(desk.world.jonas).get(f"{PAGE}?weeks=999").source


def test_small_groups_are_not_broken_down(desk: DeskUser) -> None:
    """Four say nothing about a service; five do."""
    number, now = desk.world.departments["facilities"].id, STORY + timedelta(days=21)
    _, lines = read.of_department(number, read.period(number, 4, now), now)
    few = [line for line in lines if 0 < line.resolution.due < 5]
    assert few
    assert {line.resolution.percent for line in few} == {None}


def test_others_do_not_read_it(desk: DeskUser, sign_in: Any) -> None:
    """Neither who asks nor who answers elsewhere; no such department is no page."""
    assert sign_in(desk.world.mara).get(PAGE).status == 403
    assert sign_in(desk.world.people["ada"]).get(PAGE).status == 403
    assert sign_in(desk.world.jonas).get("/queue/nowhere/figures").status == 404


def test_the_page_costs_few_statements(desk: DeskUser, sign_in: Any, query_count: Any) -> None:
    """However many requests there are."""
    solved(desk, 6, HOUR)
    jonas = sign_in(desk.world.jonas)
    jonas.get(PAGE)
    with query_count() as statements:
        jonas.get(PAGE)
    assert statements.count <= 8, statements
