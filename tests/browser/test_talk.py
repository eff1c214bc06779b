"""Talking on a request in a browser: names while typing, drafts of two windows, two people who write at once; with script and without."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.support.browser import PHONE, axe, follow, sideways

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]


@pytest.fixture
def address(world: Any, request: pytest.FixtureRequest) -> str:
    """The page of a request of its own for each test, because what is typed is kept."""
    return f"/requests/{world.requests[request.param]}"


def about(key: str) -> pytest.MarkDecorator:
    """On the page of this request."""
    return pytest.mark.parametrize("address", [key], indirect=True)


def note_of(page: "Page") -> Any:
    """The box of the note, open."""
    page.wait_for_load_state("networkidle")
    page.locator("label").filter(has_text="Team note").first.click()
    return page.locator("#note")


def look(page: "Page") -> None:
    """What the page does on its own every twenty seconds."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@about("heating")
def test_names_are_offered_while_typing(open_page: Open, world: Any, address: str) -> None:
    """Arrows choose, Enter writes and sends nothing, Escape closes; the list is a list for a screen reader, also in the dark on a phone."""
    jonas = open_page(address, who=world.jonas, dark=True, viewport=PHONE)
    note = note_of(jonas)
    names = jonas.get_by_role("listbox", name="Name a colleague")
    note.press_sequentially("Ask @")
    expect(names.get_by_role("option")).not_to_have_count(0)
    note.press_sequentially("ki")
    expect(names.get_by_role("option")).to_have_text(["Kim Moreau"])
    expect(names.get_by_role("option", selected=True)).to_have_id(note.get_attribute("aria-activedescendant") or "")
    expect(jonas.get_by_text("Names that fit: 1.")).to_have_count(1)
    assert not axe(jonas)
    assert sideways(jonas) == 0
    note.press("Enter")
    expect(note).to_have_value("Ask @Kim Moreau ")
    expect(names).to_be_hidden()
    note.press_sequentially("or @ol")
    note.press("Escape")
    expect(names).to_be_hidden()
    note.press_sequentially("a")
    note.press("Tab")
    expect(note).to_have_value("Ask @Kim Moreau or @Ola Brandvold ")
    note.press_sequentially("mail kim@marlow")
    expect(names).to_be_hidden()


@about("chairs")
def test_a_name_is_chosen_with_the_list_beside_the_note(open_page: Open, world: Any, address: str) -> None:
    """It is written where the cursor stands; the note that is kept links to Kim."""
    jonas = open_page(address, who=world.jonas)
    note = note_of(jonas)
    note.fill("The key is with")
    jonas.get_by_role("combobox", name="Name a colleague").select_option("@Kim Moreau")
    expect(note).to_have_value("The key is with @Kim Moreau ")
    follow(jonas.get_by_role("button", name="Send"))
    expect(jonas.get_by_role("link", name="@Kim Moreau")).to_be_visible()
    assert not axe(jonas)


@about("radiator")
def test_two_people_write_at_once(open_page: Open, world: Any, address: str) -> None:
    """Each sees the other; what Kim sends stands above the words of Jonas, his sending is stopped once, and nothing is lost."""
    jonas, kim = open_page(address, who=world.jonas), open_page(address, who=world.kim)
    kim.wait_for_load_state("networkidle")
    with kim.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/work/around")):
        kim.locator("#body").press_sequentially("I am on my way.")
    look(jonas)
    expect(jonas.get_by_text("Kim is writing an answer")).to_be_visible()
    assert not axe(jonas)
    jonas.locator("#body").press_sequentially("I come at three.")
    follow(kim.get_by_role("button", name="Send"))
    look(jonas)
    expect(jonas.get_by_text("Kim Moreau wrote this meanwhile")).to_be_visible()
    expect(jonas.get_by_text("Kim is writing")).to_have_count(0)
    with jonas.expect_response(lambda answer: answer.status == 409):
        jonas.get_by_role("button", name="Send").click()
    expect(jonas.get_by_role("alert").get_by_text("I am on my way.")).to_be_visible()
    expect(jonas.locator("#body")).to_have_value("I come at three.")
    assert not axe(jonas)
    follow(jonas.get_by_role("button", name="Send anyway"))
    expect(jonas.get_by_text("I come at three.")).to_be_visible()


@about("move")
def test_a_page_out_of_sight_asks_nothing(open_page: Open, world: Any, address: str) -> None:
    """Hidden, it is silent; in view again, it asks at once and is told that nothing is new."""
    jonas = open_page(address, who=world.jonas)
    jonas.wait_for_load_state("networkidle")
    asked: list[str] = []
    jonas.on("request", lambda sent: asked.append(sent.url) if "/work/around" in sent.url else None)
    jonas.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    look(jonas)
    jonas.wait_for_timeout(300)
    assert asked == []
    jonas.evaluate("delete document.hidden")
    with jonas.expect_response(lambda answer: "/work/around" in answer.url) as heard:
        look(jonas)
    assert heard.value.status == 304


@about("cold")
def test_reply_and_note_are_kept_apart_and_two_windows_lose_nothing(open_page: Open, world: Any, address: str) -> None:
    """A note and a reply stand in their boxes after a reload; words of another window are said, shown and can be taken."""
    saved = re.compile(r"Draft saved at \d+:\d\d")
    left, right = open_page(address, who=world.jonas), open_page(address, who=world.jonas)
    right.wait_for_load_state("networkidle")
    left.wait_for_load_state("networkidle")
    left.locator("#body").press_sequentially("I bring a heater")
    expect(left.get_by_text(saved)).to_be_visible()
    note_of(left).press_sequentially("Two are in store B")
    left.locator("#note").blur()
    right.locator("#body").press_sequentially("I call the firm")
    expect(right.get_by_text("Another window of yours holds other words.")).to_be_visible()
    right.reload()
    right.wait_for_load_state("networkidle")
    right.locator("label").filter(has_text="Reply to").first.click()
    expect(right.locator("#body")).to_have_value("I call the firm")
    expect(right.locator("#note")).to_have_value("Two are in store B")
    expect(right.get_by_text("I bring a heater")).to_be_visible()
    assert not axe(right)
    follow(right.get_by_role("button", name="Use these words"))
    expect(right.locator("#body")).to_have_value("I bring a heater")
    follow(right.get_by_role("button", name="Forget them"))
    expect(right.get_by_text("In another window")).to_have_count(0)


@about("for-mara")
def test_all_of_it_without_script(open_page: Open, world: Any, address: str) -> None:
    """A name from the list, a name of nobody with the words kept, a draft by its button, and the stop before a second answer."""
    jonas = open_page(address, who=world.jonas, script=False)
    jonas.locator("label").filter(has_text="Team note").first.click()
    jonas.locator("#note").fill("@Nobody Atall may know")
    follow(jonas.get_by_role("button", name="Send"))
    expect(jonas.get_by_text("We found nobody called @Nobody.").first).to_be_visible()
    expect(jonas.locator("#note")).to_have_value("@Nobody Atall may know")
    jonas.locator("#note").fill("This is known")
    jonas.get_by_role("combobox", name="Name a colleague").select_option("@Kim Moreau")
    follow(jonas.get_by_role("button", name="Send"))
    expect(jonas.get_by_role("link", name="@Kim Moreau")).to_be_visible()
    jonas.locator("#body").fill("I come at three.")
    follow(jonas.get_by_role("button", name="Keep as draft"))
    expect(jonas.get_by_text("Kept as a draft. It waits for you here.")).to_be_visible()
    expect(jonas.locator("#body")).to_have_value("I come at three.")
    kim = open_page(address, who=world.kim, script=False)
    kim.locator("#body").fill("I am there already.")
    follow(kim.get_by_role("button", name="Send"))
    jonas.get_by_role("button", name="Send").click()
    expect(jonas.get_by_role("alert").get_by_text("I am there already.")).to_be_visible()
    follow(jonas.get_by_role("button", name="Send anyway"))
    expect(jonas.get_by_text("It was not sent yet")).to_have_count(0)


def test_a_call_that_is_done(open_page: Open, world: Any) -> None:
    """One line on a phone in the dark; the long form shows what solved it only when it was solved."""
    jonas = open_page("/queue/facilities/call", who=world.jonas, dark=True, viewport=PHONE)
    expect(jonas.get_by_label("What solved it")).to_be_hidden()
    jonas.get_by_label("Solved on the phone").check()
    expect(jonas.get_by_label("What solved it")).to_be_visible()
    assert not axe(jonas)
    assert sideways(jonas) == 0
    line = jonas.locator("form.call-done")
    line.get_by_label("Who called").fill("Hana Sato (MC-0500)")
    line.get_by_label("What you did").fill("Opened gate 3")
    line.get_by_label("What is it about").select_option(index=1)
    follow(line.get_by_role("button", name="Logged and done"))
    expect(jonas.get_by_text("Logged and done:")).to_be_visible()


@about("for-mara")
def test_the_key_of_the_note_leads_into_it(open_page: Open, world: Any, address: str) -> None:
    """What is typed after I is words, not keys of the page: K leads to no other request."""
    jonas = open_page(address, who=world.jonas)
    jonas.wait_for_selector("#note[aria-autocomplete]", state="attached")  # the scripts are there
    jonas.keyboard.press("i")
    expect(jonas.locator("#note")).to_be_focused()
    jonas.keyboard.type("Look, Kim")
    expect(jonas.locator("#note")).to_have_value("Look, Kim")
    assert jonas.url.endswith(address)
