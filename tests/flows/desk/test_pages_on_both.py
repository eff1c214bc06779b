"""Pages whose statements are put together once, on both databases: each reader sees their own, whoever asked before."""

from typing import Any

import pytest

from portal.desk.queries.queue_conditions import VIEWS
from tests.support.doors import READERS

pytestmark = pytest.mark.postgres
SOME = ("radiator", "bulbs", "pay", "badge", "heating", "laptop", "for-lars")


def test_each_request_opens_for_its_readers_and_nobody_else(world: Any, sign_in: Any) -> None:
    """With and without owner, place, department and due instant; one statement serves people with the same rights in turn."""
    for who in ("jonas", "mara", "kim", "elena", "tom", "jonas"):
        visitor = sign_in(world.people[who])
        for key in SOME:
            page = visitor.get(f"/requests/{world.requests[key]}")
            may = who in READERS[key].split()
            assert page.status == (200 if may else 404) or "Confidential request" in page.text, (who, key, page.status)


def test_every_tab_of_a_queue_opens(world: Any, sign_in: Any) -> None:
    """Counts, rows and what the menu shows."""
    for who in ("jonas", "priya"):
        visitor = sign_in(world.people[who])
        for view in VIEWS:
            assert visitor.get(f"/queue/facilities?view={view}").status == 200, (who, view)


def test_lists_are_those_of_their_reader(world: Any, sign_in: Any) -> None:
    """One's own requests, not those of whoever asked for the page before."""
    for who in ("mara", "tom", "mara"):
        page = sign_in(world.people[who]).get("/requests")
        own = {key: number for key, number in world.requests.items() if f"/requests/{number}" in {link.href for link in page.links}}
        assert own
        assert all(who in READERS[key].split() for key in own), (who, own)
