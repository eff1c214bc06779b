"""The whole job with JavaScript switched off: every action is a link or a form first."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.world import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def come_in(page: "Page", who: Any) -> None:
    """Sign in through the form."""
    page.goto("/sign-in")
    page.get_by_label("Work e-mail or staff number").fill(who.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def ask(page: "Page", title: str) -> str:
    """Find the service by one's own words, read the promise, send; the number of the request comes back."""
    page.goto("/")
    page.get_by_role("searchbox").first.fill("something is broken")
    page.get_by_role("button", name="Find it").click()
    page.get_by_role("link", name="Something in the building is broken").first.click()
    assert page.get_by_text("Facilities answers within 4 working hours").is_visible()
    page.get_by_label("In one line").fill(title)
    page.get_by_label("What else should we know?").fill("The one by the window. The other one is fine.")
    page.get_by_role("button", name="Ask Facilities").click()
    page.wait_for_url(re.compile(r"/requests/\d+"))
    return re.findall(r"\d+", page.url)[-1]


def test_a_radiator_from_asking_to_confirmed(open_page: Callable[..., "Page"], world: Any) -> None:
    """Mara asks, Jonas takes it, answers with a step and a date, notes, solves it; Mara answers and says that it works."""
    mara = open_page("/sign-in", script=False)
    come_in(mara, world.mara)
    assert mara.get_by_role("heading", level=1).inner_text().startswith("Good ")
    number = ask(mara, "Radiator stays cold")
    assert mara.get_by_role("heading", name="Radiator stays cold").is_visible()
    assert mara.get_by_text(re.compile(r"answers by 1[45]:\d\d today")).first.is_visible()

    jonas = open_page("/sign-in", script=False)
    come_in(jonas, world.jonas)
    jonas.goto("/queue/facilities")
    jonas.get_by_role("button", name=f"Take it, {number}").click()
    jonas.get_by_role("link", name="Radiator stays cold").click()
    jonas.get_by_label("Reply to Mara").last.fill("Thanks Mara, the valve is stuck. I bring you a heater.")
    jonas.get_by_label("Next step").fill("I bring a heater")
    jonas.get_by_label("By when").fill("2026-11-24T13:30")
    assert jonas.get_by_label("Who, if somebody else").is_hidden(), "it is only asked when somebody else is waited for"
    jonas.get_by_role("button", name="Send").click()
    assert jonas.get_by_text("First answer").first.is_visible()
    jonas.get_by_text("Team note", exact=True).click()
    jonas.locator("#body").fill("Two heaters are free in store B.")
    jonas.get_by_role("button", name=re.compile("Send|Keep the note")).click()
    jonas.get_by_text("Team note, Mara cannot see this").wait_for()

    mara.goto(f"/requests/{number}")
    assert mara.get_by_text("I bring you a heater").is_visible()
    assert mara.get_by_text("store B").count() == 0
    mara.get_by_placeholder("Write to Jonas").fill("Fine, I am here all day.")
    mara.get_by_role("button", name="Send").click()
    assert mara.get_by_text("Fine, I am here all day.").is_visible()

    jonas.goto(f"/requests/{number}")
    jonas.locator("#body").fill("The new valve is in and the room is warm.")
    jonas.get_by_label("This is").select_option(label="The fix")
    jonas.get_by_role("button", name="Send").click()

    mara.goto("/")
    mara.get_by_role("button", name=re.compile("^It works.*Radiator stays cold")).click()
    mara.goto(f"/requests/{number}")
    assert mara.get_by_text("Solved, and you said that it works.").is_visible()
    jonas.goto("/queue/facilities")
    assert jonas.get_by_role("link", name="Radiator stays cold").count() == 0


def test_filters_tabs_and_several_at_once(open_page: Callable[..., "Page"], world: Any) -> None:
    """A filter is a small form, its cross a link; two ticked requests go to Ola together."""
    jonas = open_page("/queue/facilities", who=world.jonas, script=False)
    everything = jonas.locator("tr[data-row]").count()
    jonas.locator("details.filter summary", has_text="Customer notices").click()
    jonas.locator("details.filter[open]").get_by_label("Yes").check()
    jonas.locator("details.filter[open]").get_by_role("button", name="Show").click()
    assert 0 < jonas.locator("tr[data-row]").count() < everything
    jonas.get_by_role("link", name="Remove the filter Customer notices").click()
    assert jonas.locator("tr[data-row]").count() == everything
    jonas.get_by_role("searchbox", name="Search in this queue").fill("editors")
    jonas.keyboard.press("Enter")
    jonas.wait_for_url("**q=editors**")
    assert jonas.locator("tr[data-row]").count() == 1
    jonas.goto("/queue/facilities")
    assert jonas.get_by_role("button", name="Assign").is_hidden(), "the bar comes with the first tick"
    for title in ("shelf", "cold"):
        number = world.requests["for-mara" if title == "shelf" else "cold"]
        jonas.get_by_label(f"Select {number}").check()
    jonas.get_by_role("button", name="Assign").click()
    jonas.get_by_label(re.compile("Who|Name")).first.select_option(label="Ola Brandvold")
    jonas.get_by_role("button", name="Assign all 2").click()
    assert jonas.locator(f"tr[data-row]:has(input[value='{world.requests['cold']}'])").get_by_text("Ola Brandvold").count() == 1
    jonas.get_by_role("navigation", name="Views").get_by_role("link", name="Unassigned").click()
    assert jonas.get_by_label(f"Select {world.requests['cold']}").count() == 0


def test_paging_goes_on_and_back(open_page: Callable[..., "Page"], world: Any) -> None:
    """A long list has a way on and a way back, without a script."""
    mara = open_page("/people", who=world.mara, script=False)
    first = mara.locator(".row-item a.firm").all_inner_texts()
    assert len(first) >= 19
    ada = open_page("/administration/changes", who=world.ada, script=False)
    on = ada.get_by_role("navigation", name="Pages").get_by_role("link")
    seen = ada.locator("tbody tr").all_inner_texts()
    on.last.click()
    assert ada.locator("tbody tr").all_inner_texts() != seen
    ada.get_by_role("navigation", name="Pages").get_by_role("link").first.click()
    assert ada.locator("tbody tr").all_inner_texts() == seen


def test_what_was_typed_comes_back_and_can_be_kept(open_page: Callable[..., "Page"], world: Any) -> None:
    """An empty line is asked for again with everything else still there; a draft is kept with a button."""
    tom = open_page("/need/repair", who=world.tom, script=False)
    tom.get_by_label("What else should we know?").fill("It drips on the stairs.")
    tom.get_by_role("button", name="Ask Facilities").click()
    assert tom.get_by_text("One answer needs another look. Nothing is lost.").is_visible()
    assert tom.get_by_label("What else should we know?").input_value() == "It drips on the stairs."
    tom.get_by_label("In one line").fill("Water on the stairs")
    tom.get_by_role("button", name="Keep as draft").click()
    tom.goto("/need/repair")
    assert tom.get_by_label("In one line").input_value() == "Water on the stairs"
