"""While somebody fills in a form: others near them asked for the same, without a name; and what the form costs."""

from typing import Any

import pytest

from tests.support.desk import DeskUser

WORDS = "colleagues near you have asked for the same"


def seen(desk: DeskUser, sign_in: Any, who: str = "mara") -> Any:
    """The form for repairs, as somebody sees it."""
    return sign_in(desk.world.people[who]).get("/need/parking")


@pytest.mark.postgres
def test_two_others_at_the_same_place_are_worth_a_word(desk: DeskUser, sign_in: Any) -> None:
    """One alone would say who it is; those of another place and what is confidential do not count."""
    mill = desk.world.locations["mill_road"].id
    desk.file(who="tom", service="parking", location_id=mill)
    desk.file(who="mara", service="parking", location_id=mill)
    desk.file(who="lars", service="parking", location_id=desk.world.locations["harbour"].id)
    desk.file(who="tom", service="parking", location_id=mill)
    assert WORDS not in seen(desk, sign_in), "who asked twice is still one colleague"
    desk.file(who="nils", service="parking", location_id=mill)
    page = seen(desk, sign_in)
    assert f"2 {WORDS}" in page
    assert "Tom" not in page
    assert WORDS not in seen(desk, sign_in, "lars")


@pytest.mark.parametrize("who", ["mara", "jonas"])
def test_the_form_costs_twelve_statements(world: Any, sign_in: Any, query_count: Any, who: str) -> None:
    """Whatever the service asks."""
    visitor = sign_in(world.people[who])
    for key in ("repair", "parking", "pay-question", "badge-key"):
        visitor.get(f"/need/{key}")
        with query_count() as statements:
            assert visitor.get(f"/need/{key}").status == 200
        assert statements.count <= 12, (key, statements)
