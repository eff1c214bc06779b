"""Filters and orders of a queue: whom it comes from, how old, when due, what rests, whose words; every order turns its pages without a gap."""

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.filing import Filing, file_request
from portal.desk.models import Request
from portal.desk.queries.queue_conditions import SORTS, Times, Wanted
from portal.kernel.clock import now as right_now
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from tests.support.story import STORY

pytestmark = pytest.mark.postgres
QUEUE = "/queue/facilities"
DAY = timedelta(days=1)


def shown(page: Any) -> list[str]:
    """Numbers of the rows from top to bottom."""
    return re.findall(r'name="id"\s+value="(\d+)"', page.source)


@pytest.fixture
def numbers(world: Any) -> dict[str, str]:
    """The numbers of the requests of the story, as text."""
    return {key: str(number) for key, number in world.requests.items()}


def change(app: Flask, number: str, **values: Any) -> None:
    """Set columns of a request behind everybody's back."""
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Request).where(Request.id == int(number)).values(**values))


def many(world: Any, app: Flask, number: int) -> None:
    """File a few more requests to Facilities."""
    with app.app_context(), unit_of_work():
        for place in range(number):
            filing = Filing(world.services["repair"], f"Door {place} squeaks", "It does.", world.nils.id)
            file_request(filing, actor=world.actor("nils"), now=right_now())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("due=late", {"cold"}),
        ("due=today", {"cold", "for-mara", "radiator"}),
        ("requester=Sam", {"heating", "cold"}),
        ("requester=mara+oka", {"for-mara", "radiator"}),
        ("requester=%25", set()),
        ("requester=nobody+of+this+name", set()),
        ("snoozed=yes", {"chairs"}),
        ("view=mine&snoozed=yes", set()),
        ("snoozed=no", {"cold", "for-mara", "radiator", "heating", "move"}),
        ("view=snoozed", {"chairs"}),
        ("taken=no", {"cold", "for-mara", "radiator", "heating", "move"}),
        ("taken=yes", set()),
        ("due=soon&older=x&of=-1&snoozed=maybe", {"cold", "for-mara", "radiator", "heating", "move"}),
        ("assignee=me", {"heating", "cold"}),
        ("q=radiators+cold+nothing", set()),
    ],
)
def test_filters_say_what_they_show(world: Any, sign_in: Any, app: Flask, numbers: dict[str, str], query: str, expected: set[str]) -> None:
    """Also together with a tab; what does not fit is left out. The chairs rest here."""
    change(app, numbers["chairs"], snoozed_until=STORY + DAY)
    page = sign_in(world.jonas).get(f"{QUEUE}?{query}")
    assert page.status == 200
    assert set(shown(page)) == {numbers[key] for key in expected}


@pytest.mark.parametrize("typed", ["%C2%B2", "%E2%91%A3", "%D9%A3", "9" * 60])
def test_a_figure_that_is_no_number_is_searched_for_as_a_word(world: Any, sign_in: Any, typed: str) -> None:
    """A raised two or a four in a circle counts as a digit and is no number: the queue and its file answer all the same."""
    jonas = sign_in(world.jonas)
    for path in (QUEUE, f"{QUEUE}/requests.csv"):
        answer = jonas.get(f"{path}?q={typed}")
        assert answer.status == 200
        assert answer.source


def test_whom_it_comes_from_and_how_old(world: Any, sign_in: Any, app: Flask, numbers: dict[str, str]) -> None:
    """Days of the calendar since it was asked; the department is the one it was asked from."""
    jonas = sign_in(world.jonas)
    with app.app_context():
        of = {
            str(number): (department, at)
            for number, department, at in db.session.execute(sa.select(Request.id, Request.from_department_id, Request.created_at))
        }
    here = shown(jonas.get(QUEUE))
    sales = of[numbers["radiator"]][0]
    assert set(shown(jonas.get(f"{QUEUE}?of={sales}"))) == {number for number in here if of[number][0] == sales}
    for days in (1, 3, 30):
        old = {number for number in here if of[number][1] < STORY - days * DAY}
        assert set(shown(jonas.get(f"{QUEUE}?older={days}"))) == old, days
    assert "Older than: 3 days" in jonas.get(f"{QUEUE}?older=3")


def test_a_requester_is_named_by_staff_number_or_words(world: Any, sign_in: Any, numbers: dict[str, str]) -> None:
    """What the suggestions fill in is exact; part of a word in the middle is nobody."""
    jonas = sign_in(world.jonas)
    exact = jonas.get(f"{QUEUE}?requester=Anything+({world.mara.staff_number})")
    assert set(shown(exact)) == {numbers["for-mara"], numbers["radiator"]}
    assert shown(jonas.get(f"{QUEUE}?requester=kafor")) == []


def test_words_are_found_in_what_was_said_and_in_the_oldest_open_request(world: Any, sign_in: Any, app: Flask, numbers: dict[str, str]) -> None:
    """Not only in titles, and however many newer ones have the word; notes of the team are found by the team."""
    jonas = sign_in(world.jonas)
    with app.app_context():
        text = db.session.scalar(sa.text("SELECT body FROM messages WHERE request_id = :n ORDER BY id").bindparams(n=int(numbers["radiator"])))
    word = max(re.findall(r"[A-Za-z]{5,}", text), key=len)
    assert numbers["radiator"] in shown(jonas.get(f"{QUEUE}?q={word}"))
    many(world, app, 3)
    assert len(shown(jonas.get(f"{QUEUE}?q=squeaks"))) == 3
    assert "Search: " in jonas.get(f"{QUEUE}?q=nowhere")


def test_words_and_filters_tell_a_lead_nothing_of_what_is_confidential(world: Any, sign_in: Any, numbers: dict[str, str]) -> None:
    """Priya sees number, state and due of the badge; by no filter does she learn who asked, for what, from where."""
    priya, badge = sign_in(world.priya), numbers["badge"]
    assert badge in shown(priya.get(QUEUE))
    for query in (
        "requester=Tom",
        "of=5",
        f"service={world.services['badge-key']}",
        "priority=normal",
        "snoozed=no",
        "older=1",
        "taken=no",
        "q=door",
        "assignee=nobody",
    ):
        found = shown(priya.get(f"{QUEUE}?{query}"))
        assert badge not in found or query == "older=1", query
    assert badge in shown(priya.get(f"{QUEUE}?status=new"))


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("view", ["next", "snoozed", "unassigned"])
def test_every_order_turns_its_pages_there_and_back(world: Any, sign_in: Any, app: Flask, sort: str, view: str) -> None:
    """Nobody is shown twice and nobody is left out, also where many have the same instant or none."""
    many(world, app, 28)
    with app.app_context(), unit_of_work():
        here = Request.title.like("Door %")
        db.session.execute(sa.update(Request).where(here, Request.id % 3 == 0).values(next_due_at=None))
        db.session.execute(sa.update(Request).where(here, Request.id % 3 == 1).values(updated_at=STORY - DAY, next_due_at=STORY + DAY))
        if view == "snoozed":
            db.session.execute(sa.update(Request).where(here).values(snoozed_until=STORY + DAY))
    jonas = sign_in(world.jonas)
    page = jonas.get(f"{QUEUE}?view={view}&sort={sort}")
    first, seen = shown(page), list(shown(page))
    while any(link.text == "Next 25" for link in page.links):
        page = page.follow("Next 25")
        seen += shown(page)
    assert len(seen) == len(set(seen)) == {"next": 34, "snoozed": 28, "unassigned": 30}[view]
    if sort in ("newest", "oldest"):
        assert seen == sorted(seen, key=int, reverse=sort == "newest")
    while any(link.text == "Back" for link in page.links):
        page = page.follow("Back")
    assert shown(page) == first


def test_the_longest_without_news_comes_first(world: Any, sign_in: Any, app: Flask, numbers: dict[str, str]) -> None:
    """By the last change that somebody on either side could see."""
    change(app, numbers["move"], updated_at=STORY - 90 * DAY)
    assert shown(sign_in(world.jonas).get(f"{QUEUE}?sort=quiet"))[0] == numbers["move"]


def test_what_is_over_has_a_newest_and_an_oldest_order(world: Any, sign_in: Any) -> None:
    """The other orders are of open requests and are not offered there."""
    page = sign_in(world.jonas).get(f"{QUEUE}?status=closed&sort=quiet")
    offered = {link.text for link in page.links}
    assert {"Newest", "Oldest"} <= offered
    assert not {"Longest without news", "Due first"} & offered


def test_the_drawer_is_a_part_with_script_and_a_page_without(world: Any, sign_in: Any, numbers: dict[str, str]) -> None:
    """Both lead to the same address, which has no empty names in it."""
    jonas = sign_in(world.jonas)
    part = jonas.fragment(f"{QUEUE}/filters?status=new")
    assert "<html" not in part.source
    page = jonas.get(f"{QUEUE}?view=unassigned").follow("More filters")
    assert page.heading == "More filters"
    found = page.visitor.submit(page, next(f for f in page.forms if "older" in f.names), due="today")
    assert sorted(found.address.split("?")[1].split("&")) == ["due=today", "view=unassigned"]
    assert set(shown(found)) == {numbers["for-mara"], numbers["radiator"]}
    assert jonas.get(f"{QUEUE}?due=&older=&view=mine").address == f"{QUEUE}?view=mine"
    assert jonas.get(f"{QUEUE}?due=").status == 200


def test_days_and_weeks_are_those_of_the_reader() -> None:
    """A week ends on Sunday night; on a Sunday that is tonight. Clock changes move neither midnight."""
    tuesday = Times.of(STORY, "Europe/Berlin")
    assert (tuesday.day_ends.isoformat(), tuesday.week_ends.isoformat()) == ("2026-11-24T23:00:00+00:00", "2026-11-29T23:00:00+00:00")
    sunday = Times.of(STORY.replace(month=10, day=25), "Europe/Berlin")
    assert sunday.day_ends == sunday.week_ends
    assert sunday.week_ends.isoformat() == "2026-10-25T23:00:00+00:00"
    assert Times.of(STORY.replace(hour=23), "Europe/Berlin").day_ends.isoformat() == "2026-11-25T23:00:00+00:00"
    assert Wanted(sort="quiet", view="follow-up").order == "next"
    assert Wanted(sort="quiet", status="closed").order == "newest"
    assert Wanted(sort="oldest", text="4711").order == "oldest"
