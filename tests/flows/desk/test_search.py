"""Requests are found by their words, by those who may read them and nobody else."""

from typing import Any

import pytest

from portal.desk.queries.search import Wanted, find
from portal.kernel.db import db

pytestmark = pytest.mark.postgres


@pytest.fixture
def found(world: Any, context: Any) -> Any:
    """``found("mara", "radiator")``: keys of the requests somebody finds, the newest first."""
    keys = {number: key for key, number in world.requests.items()}

    def look(who: str, text: str, **values: Any) -> list[str]:
        db.session.remove()
        return [keys.get(hit.row.id, str(hit.row.id)) for hit in find(world.actor(who), Wanted(text, **values)).hits]

    return look


def test_the_requester_finds_their_words(found: Any) -> None:
    """By title, description, what was answered, place, and whatever case or accent was typed."""
    assert found("mara", "radiator") == ["radiator"]
    assert found("mara", "STUDIO photos") == ["radiator"]
    assert found("mara", "studio") == ["radiator", "bulbs"]
    assert found("sam", "thermostat") == ["heating"]
    assert found("mara", '"second one was"') == ["expenses"]
    assert found("mara", '"one second was"') == []
    assert found("mara", "rádiatör") == ["radiator"]
    assert found("mara", "radi") == ["radiator"]
    assert found("mara", "nothing like it") == []


@pytest.mark.parametrize("who", ["mara", "jonas"])
@pytest.mark.parametrize("path", ["/search?q=radiator", "/requests/search?q=radiator", "/requests/search?q=radiator&order=best&state=open"])
def test_few_statements(who: str, path: str, world: Any, sign_in: Any, query_count: Any) -> None:
    """Eight at most, whoever looks, with filters and ranked."""
    browser = sign_in(world.people[who])
    browser.get(path)
    with query_count() as sql:
        assert browser.get(path).status == 200
    assert sql.count <= 8, sql
