"""The answer, or how long it took, told whether somebody works here.

Published case class: enumeration and timing (GLPI CVE-2024-43416, HumHub CVE-2024-52043, RT CVE-2021-38562, Flask-AppBuilder
CVE-2021-29621 and CVE-2022-21659: the first repair was not enough).
"""

import math
import re
import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel.db import db
from portal.kernel.jobs import Job
from portal.kernel.unit_of_work import unit_of_work
from portal.people import passwords
from portal.people.models import Credential
from tests.flows.people.test_second_factor import set_up
from tests.support.client import Page, Visitor
from tests.support.doors import visitors

KNOWN, UNKNOWN, LEFT = "mara.okafor@marlow.example", "mara.nobody@marlow.example", "bruno.adler@marlow.example"
ROUNDS = 24


@pytest.fixture
def slow_hash(app: Flask, world: Any) -> Iterator[None]:
    """Hashing that takes a few milliseconds, so that leaving it out would show."""
    passwords.use_cost_for_tests(passwords.Cost(memory_kib=8192, rounds=1))
    stored = passwords.hasher().hash("tandem over the old bridge")
    with app.app_context():
        with unit_of_work():
            db.session.execute(sa.update(Credential).values(password=stored))
        db.session.remove()
    yield
    passwords.use_cost_for_tests(passwords.Cost(memory_kib=8, rounds=1))


def test_a_wrong_password_takes_as_long_as_a_wrong_name(app: Flask, world: Any, slow_hash: None) -> None:
    """Interleaved tries, medians compared generously: without the hash in vain the difference would be a multiple."""
    stranger = Visitor(app)
    form = stranger.get("/sign-in").form("password")
    taken: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    for number in range(ROUNDS * 2):
        name = (KNOWN, UNKNOWN)[number % 2]
        data = {key: list(held) for key, held in form.values.items()} | {"name": name, "password": f"wrong {number}"}
        began = time.perf_counter()
        assert stranger.post("/sign-in", data, follow_redirects=False).status == 422
        taken[name].append(time.perf_counter() - began)
    known, unknown = (statistics.median(sorted(taken[name])[: ROUNDS // 2]) for name in (KNOWN, UNKNOWN))
    assert abs(known - unknown) < max(0.3 * max(known, unknown), 0.004), (known, unknown)


def chance(one: list[float], other: list[float]) -> float:
    """How likely ranks as different as these are when nothing differs (Mann and Whitney, two-sided, by the normal curve)."""
    both = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranked = sum(place for place, (_value, which) in enumerate(both, 1) if which == 0)
    first, second = len(one), len(other)
    middle, spread = first * (first + second + 1) / 2, math.sqrt(first * second * (first + second + 1) / 12)
    return math.erfc(abs(ranked - middle) / spread / math.sqrt(2))


PAIRS = {"sign-in": (KNOWN, UNKNOWN), "sign-in of somebody who left": (KNOWN, LEFT), "link": (KNOWN, UNKNOWN), "second factor": (KNOWN, "ada")}


@pytest.mark.parametrize("door", PAIRS)
def test_ranks_tell_no_names(app: Flask, world: Any, slow_hash: None, door: str) -> None:
    """RT CVE-2021-38562, Flask-AppBuilder CVE-2022-21659: interleaved tries, the same bytes and status, and ranks that could be chance.

    One in a hundred fails by chance and a busy machine disturbs, so three rounds in a row must say the same.
    """
    if door == "second factor":
        set_up(visitors(app, world, ("ada",))["ada"])
    names = (PAIRS[door][0], world.ada.email if door == "second factor" else PAIRS[door][1])
    address, field = ("/sign-in/link", "purpose") if door == "link" else ("/sign-in", "password")
    stranger, chances = Visitor(app), []
    form = stranger.get(address).form(field)
    # Without the key of its submission, each is a try of its own.
    base: dict[str, Any] = {key: list(held) for key, held in form.values.items() if key != "_key"} | (
        {} if door == "link" else {"password": "wrong and long enough"}
    )
    for _round in range(3):
        taken: dict[str, list[float]] = {name: [] for name in names}
        answers = set()
        for number in range(ROUNDS * 2):
            name = names[(number + number // 2) % 2]
            began = time.perf_counter()
            page = stranger.post(address, base | {"name": name}, follow_redirects=False)
            taken[name].append(time.perf_counter() - began)
            answers.add((page.status, seen(page, name)))
        assert len(answers) == 1, [status for status, _text in answers]
        chances.append(chance(*taken.values()))
        if chances[-1] > 0.01:
            return
    raise AssertionError(f"the time tells the name: {chances}")


def test_the_rank_test_would_notice() -> None:
    """A difference of a tenth in noise of a twentieth is found; none is not."""
    noise = [math.sin(number * 12.9898) * 0.05 for number in range(ROUNDS * 2)]
    assert chance([1 + one for one in noise[:ROUNDS]], [1.1 + one for one in noise[ROUNDS:]]) < 0.001
    assert chance([1 + one for one in noise[::2]], [1 + one for one in noise[1::2]]) > 0.01


def seen(page: Page, name: str) -> str:
    """An answer without what differs anyway."""
    return (
        re.sub(r'name="(csrf_token|_key)" value="[^"]*"|X-CSRFToken": "[^"]*"', "", page.source).replace(name, "NAME").replace(name.replace("-", " "), "NAME")
    )


@pytest.mark.parametrize("purpose", ["sign-in", "password"])
def test_asking_for_a_link_tells_nothing(app: Flask, world: Any, purpose: str) -> None:
    """Known, unknown and gone: the same bytes, and the same work left for later."""
    pages, queued = [], []
    for name in (KNOWN, UNKNOWN, LEFT, "MC-0123", "MC-9999", "MC-0099"):
        page = Visitor(app).get("/sign-in/link").submit("purpose", name=name, purpose=purpose)
        pages.append((page.status, seen(page, name)))
        with app.app_context():
            queued.append(db.session.scalar(sa.select(sa.func.count()).select_from(Job)))
            db.session.remove()
    assert len(set(pages)) == 1
    assert len({after - before for before, after in zip([0, *queued], queued, strict=False)}) == 1


def test_people_who_left_and_people_who_never_were(app: Flask, world: Any) -> None:
    """Profile, absence and suggestions look the same for both."""
    mara = visitors(app, world, ("mara",))["mara"]
    for address in ("/people/{}", "/people/{}/absence", "/people/suggest?q={}"):
        gone, never = (mara.get(address.format(number)) for number in ("MC-0099", "MC-9999"))
        assert (gone.status, seen(gone, "MC-0099")) == (never.status, seen(never, "MC-9999"))


def test_made_up_links_look_alike(app: Flask, world: Any) -> None:
    """A used, a forged and an empty one; every kind of link."""
    pages = set()
    for purpose in ("sign-in", "password", "welcome"):
        for token in ("a" * 43, "0", "null", "[]", "%00", "../x", "A" * 300):
            page = Visitor(app).get(f"/link/{purpose}/{token}")
            pages.add(page.status)
            assert page.status in (404, 410)
    assert pages <= {404, 410}
