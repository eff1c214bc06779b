"""The tools of the queue in a real browser: the menu of views, the drawer, everything that matches, rest and undo; with script and without."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.support.browser import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]
QUEUE = "/queue/facilities"


def test_keys_open_the_views_and_lay_to_rest(open_page: Open, world: Any) -> None:
    """V opens the menu and Esc closes it; X and Z ask until when what is marked should rest, and it is back after Undo."""
    jonas = open_page(QUEUE, who=world.jonas)
    jonas.wait_for_load_state("networkidle")
    jonas.keyboard.press("v")
    expect(jonas.get_by_role("link", name="Change, share and sort views")).to_be_visible()
    assert not axe(jonas)
    jonas.keyboard.press("Escape")
    expect(jonas.get_by_role("link", name="Change, share and sort views")).to_be_hidden()
    jonas.locator(f"input[name=id][value='{world.requests['chairs']}']").check()
    jonas.keyboard.press("z")
    jonas.get_by_role("heading", name="Let one request rest").wait_for()
    assert not axe(jonas)
    jonas.get_by_label("Why it may rest").fill("The firm comes next week.")
    jonas.get_by_role("button", name="Let it rest").click()
    expect(jonas.get_by_text("One request rests.").first).to_be_visible()
    expect(jonas.locator(f"input[name=id][value='{world.requests['chairs']}']")).to_have_count(0)
    jonas.get_by_role("button", name="Undo").click()
    expect(jonas.locator(f"input[name=id][value='{world.requests['chairs']}']")).to_have_count(1)


def test_the_drawer_opens_in_its_place(open_page: Open, world: Any) -> None:
    """Without leaving the queue; what is chosen there stands as a chip that can be taken away."""
    jonas = open_page(QUEUE, who=world.jonas)
    jonas.wait_for_load_state("networkidle")
    jonas.get_by_role("link", name="More filters").click()
    jonas.get_by_label("Due", exact=True).select_option("late")
    assert jonas.url.endswith(QUEUE)
    assert not axe(jonas)
    jonas.locator(".drawer").get_by_role("button", name="Show").click()
    jonas.wait_for_url("**/queue/facilities?due=late")
    jonas.get_by_role("link", name="Remove the filter Due").click()
    jonas.wait_for_url(f"**{QUEUE}")


def test_views_and_the_way_back_work_without_script(open_page: Open, world: Any) -> None:
    """Save what is filtered, open it from the menu, act on it, take it back: links and forms do all of it."""
    jonas = open_page(f"{QUEUE}?view=unassigned", who=world.jonas, script=False)
    jonas.get_by_role("link", name="More filters").click()
    jonas.get_by_label("Due", exact=True).select_option("today")
    jonas.get_by_role("button", name="Show").click()
    jonas.get_by_role("link", name="Save this view").click()
    jonas.get_by_label("Name").fill("Nobody has it yet")
    jonas.get_by_role("button", name="Save").click()
    expect(jonas.get_by_text("Nobody has it yet").first).to_be_visible()
    box = f"input[name=id][value='{world.requests['radiator']}']"
    jonas.locator(box).check()
    jonas.get_by_role("button", name="Assign").click()
    jonas.get_by_label("Who should have it").select_option(label="Kim Moreau")
    jonas.get_by_role("button", name="Assign it").click()
    expect(jonas.locator(box)).to_have_count(0)
    jonas.get_by_role("button", name="Undo").click()
    expect(jonas.locator(box)).to_have_count(1)
    assert "saved=" in jonas.url
