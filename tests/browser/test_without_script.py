"""The whole job with JavaScript switched off: every action is a link or a form first."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.support.browser import follow
from tests.support.world import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def come_in(page: "Page", who: Any) -> None:
    """Sign in through the form."""
    page.goto("/sign-in")
    page.get_by_label("Work e-mail or staff number").fill(who.email)
    page.get_by_label("Password").fill(PASSWORD)
    follow(page.get_by_role("button", name="Sign in", exact=True))


def ask(page: "Page", title: str) -> str:
    """Find the service by one's own words, read the promise, send; the number of the request comes back."""
    page.goto("/")
    page.get_by_role("searchbox").first.fill("something is broken")
    follow(page.get_by_role("button", name="Find it"))
    follow(page.get_by_role("link", name="Something in the building is broken").first)
    expect(page.get_by_text("Facilities answers within 4 working hours")).to_be_visible()
    page.get_by_label("In one line").fill(title)
    page.get_by_label("What else should we know?").fill("The one by the window. The other one is fine.")
    follow(page.get_by_role("button", name="Ask Facilities"))
    page.wait_for_url(re.compile(r"/requests/\d+"))
    return re.findall(r"\d+", page.url)[-1]


def test_a_radiator_from_asking_to_confirmed(open_page: Callable[..., "Page"], world: Any) -> None:
    """Mara asks, Jonas takes it, answers with a step and a date, notes, solves it; Mara answers and says that it works."""
    mara = open_page("/sign-in", script=False)
    come_in(mara, world.mara)
    assert mara.get_by_role("heading", level=1).inner_text().startswith("Good ")
    number = ask(mara, "Radiator stays cold")
    expect(mara.get_by_role("heading", name="Radiator stays cold")).to_be_visible()
    expect(mara.get_by_text(re.compile(r"answers by 1[45]:\d\d today")).first).to_be_visible()

    jonas = open_page("/sign-in", script=False)
    come_in(jonas, world.jonas)
    jonas.goto("/queue/facilities")
    follow(jonas.get_by_role("button", name=f"Take it, {number}"))
    follow(jonas.get_by_role("link", name="Radiator stays cold"))
    jonas.get_by_label("Reply to Mara").last.fill("Thanks Mara, the valve is stuck. I bring you a heater.")
    jonas.get_by_label("Next step").fill("I bring a heater")
    jonas.get_by_label("By when").fill("2026-11-24T13:30")
    expect(jonas.get_by_label("Who, if somebody else"), "it is only asked when somebody else is waited for").to_be_hidden()
    follow(jonas.get_by_role("button", name="Send"))
    expect(jonas.get_by_text("First answer").first).to_be_visible()
    jonas.get_by_text("Team note", exact=True).click()
    jonas.locator("#note").fill("Two heaters are free in store B.")
    follow(jonas.get_by_role("button", name=re.compile("Send|Keep the note")))
    jonas.get_by_text("Team note, Mara cannot see this").wait_for()

    mara.goto(f"/requests/{number}")
    expect(mara.get_by_text("I bring you a heater")).to_be_visible()
    expect(mara.get_by_text("store B")).to_have_count(0)
    mara.get_by_placeholder("Write to Jonas").fill("Fine, I am here all day.")
    follow(mara.get_by_role("button", name="Send"))
    expect(mara.get_by_text("Fine, I am here all day.")).to_be_visible()

    jonas.goto(f"/requests/{number}")
    jonas.locator("#body").fill("The new valve is in and the room is warm.")
    jonas.get_by_label("This is").select_option(label="The fix")
    follow(jonas.get_by_role("button", name="Send"))

    mara.goto("/")
    follow(mara.get_by_role("button", name=re.compile("^It works.*Radiator stays cold")))
    mara.goto(f"/requests/{number}")
    expect(mara.get_by_text("Solved, and you said that it works.")).to_be_visible()
    jonas.goto("/queue/facilities")
    expect(jonas.get_by_role("link", name="Radiator stays cold")).to_have_count(0)


def test_filters_tabs_and_several_at_once(open_page: Callable[..., "Page"], world: Any) -> None:
    """A filter is a small form, its cross a link; two ticked requests go to Ola together."""
    jonas = open_page("/queue/facilities", who=world.jonas, script=False)
    everything = jonas.locator("tr[data-row]").count()
    jonas.locator("details.filter summary", has_text="Customer notices").click()
    jonas.locator("details.filter[open]").get_by_label("Yes").check()
    follow(jonas.locator("details.filter[open]").get_by_role("button", name="Show"))
    assert 0 < jonas.locator("tr[data-row]").count() < everything
    follow(jonas.get_by_role("link", name="Remove the filter Customer notices"))
    expect(jonas.locator("tr[data-row]")).to_have_count(everything)
    jonas.get_by_role("searchbox", name="Search in this queue").fill("editors")
    jonas.keyboard.press("Enter")
    jonas.wait_for_url("**q=editors**")
    expect(jonas.locator("tr[data-row]")).to_have_count(1)
    jonas.goto("/queue/facilities")
    expect(jonas.get_by_role("button", name="Assign"), "the bar comes with the first tick").to_be_hidden()
    for title in ("shelf", "cold"):
        number = world.requests["for-mara" if title == "shelf" else "cold"]
        jonas.get_by_label(f"Select {number}").check()
    follow(jonas.get_by_role("button", name="Assign"))
    jonas.get_by_label(re.compile("Who|Name")).first.select_option(label="Ola Brandvold")
    follow(jonas.get_by_role("button", name="Assign all 2"))
    expect(jonas.locator(f"tr[data-row]:has(input[value='{world.requests['cold']}'])").get_by_text("Ola Brandvold")).to_have_count(1)
    follow(jonas.get_by_role("navigation", name="Views").get_by_role("link", name="Unassigned"))
    expect(jonas.get_by_label(f"Select {world.requests['cold']}")).to_have_count(0)


def test_paging_goes_on_and_back(open_page: Callable[..., "Page"], world: Any) -> None:
    """A long list has a way on and a way back, without a script."""
    mara = open_page("/people", who=world.mara, script=False)
    first = mara.locator(".row-item a.firm").all_inner_texts()
    assert len(first) >= 19
    ada = open_page("/administration/changes", who=world.ada, script=False)
    on = ada.get_by_role("navigation", name="Pages").get_by_role("link")
    seen = ada.locator("tbody tr").all_inner_texts()
    follow(on.last)
    assert ada.locator("tbody tr").all_inner_texts() != seen
    follow(ada.get_by_role("navigation", name="Pages").get_by_role("link").first)
    assert ada.locator("tbody tr").all_inner_texts() == seen


def test_what_was_typed_comes_back_and_can_be_kept(open_page: Callable[..., "Page"], world: Any) -> None:
    """An empty line is asked for again with everything else still there; a draft is kept with a button."""
    tom = open_page("/need/repair", who=world.tom, script=False)
    tom.get_by_label("What else should we know?").fill("It drips on the stairs.")
    follow(tom.get_by_role("button", name="Ask Facilities"))
    expect(tom.get_by_text("One answer needs another look. Nothing is lost.")).to_be_visible()
    expect(tom.get_by_label("What else should we know?")).to_have_value("It drips on the stairs.")
    tom.get_by_label("In one line").fill("Water on the stairs")
    follow(tom.get_by_role("button", name="Keep as draft"))
    tom.goto("/need/repair")
    expect(tom.get_by_label("In one line")).to_have_value("Water on the stairs")
