"""Figures in a browser: drawings under the strict policy, their tables, and all of it without script."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.support.browser import axe, follow

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]
PAGE = "/queue/facilities/figures?weeks=12"


def test_charts_are_drawn_from_their_tables(open_page: Open, world: Any) -> None:
    """Each drawing replaces its open table, obeys the content policy, and is named for who does not see it."""
    jonas = open_page(PAGE, who=world.jonas)
    jonas.wait_for_selector("[data-drawn]")
    drawn = jonas.locator("[data-drawn] .chart-drawing svg.main-svg").count()
    assert drawn >= 3
    assert jonas.locator("[data-drawn] details.chart-table[open]").count() == 0
    assert jonas.locator("[data-drawn] [role=img]").first.get_attribute("aria-label")
    assert jonas.evaluate("document.querySelectorAll('style').length") == 0
    assert not axe(jonas)
    jonas.locator("#weekly-moves summary", has_text="As a table").click()
    expect(jonas.locator("#weekly-moves table")).to_be_visible()
    assert not axe(jonas)


def test_a_bar_leads_to_its_requests(open_page: Open, world: Any) -> None:
    """As the number in the table does."""
    jonas = open_page(PAGE, who=world.jonas)
    jonas.wait_for_selector("#ages[data-drawn]")
    bar = jonas.locator("#ages .bars path").first
    bar.scroll_into_view_if_needed()
    place = next(box for box in (one.bounding_box() for one in jonas.locator("#ages .bars path").all()) if box and box["height"] > 4)
    jonas.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    jonas.wait_for_url("**/figures/rows?measure=open**")
    expect(jonas.get_by_role("heading", level=1)).to_contain_text("Requests that are open now")


def test_without_script_the_tables_stand_open(open_page: Open, world: Any) -> None:
    """Every number and every way to its requests is there."""
    jonas = open_page(PAGE, who=world.jonas, script=False)
    for key in ("weekly-promises", "weekly-moves", "weekly-answers", "ages"):
        expect(jonas.locator(f"#{key} table")).to_be_visible()
        expect(jonas.locator(f"#{key} .chart-drawing")).to_be_hidden()
    follow(jonas.locator("#ages table a").first)
    expect(jonas.get_by_role("heading", level=1)).to_contain_text("Requests that are open now")


def test_on_a_phone_parts_are_folded_and_nothing_scrolls_sideways(open_page: Open, world: Any) -> None:
    """One opens what one wants; at 360 pixels every number has its words beside it."""
    jonas = open_page(PAGE, who=world.jonas)
    jonas.set_viewport_size({"width": 360, "height": 740})
    jonas.reload()
    jonas.wait_for_selector("[data-drawn]")
    assert jonas.locator("details[data-folds][open]").count() == 0
    jonas.locator("#services summary").click()
    expect(jonas.locator("#services table")).to_be_visible()
    assert jonas.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not axe(jonas)
