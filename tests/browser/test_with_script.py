"""What script adds: keys, search overlay, drafts, previews, hints, dialogs, toasts; and that nothing is sent twice or lost."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.support.browser import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]


def current(page: "Page") -> str:
    """The number in the marked row of the queue."""
    return page.locator("tr.cur input[name=id]").get_attribute("value") or ""


def ready(page: "Page") -> "Page":
    """The page once its script has come."""
    page.wait_for_load_state("networkidle")
    return page


def ticked(page: "Page") -> int:
    """How many rows are ticked."""
    return page.locator("tr[data-row] input:checked").count()


# -- keys -------------------------------------------------------------------------------------------------------------


def test_the_queue_by_keyboard(open_page: Open, world: Any) -> None:
    """J K move, X and Shift X select, Esc clears, Enter opens; the words of the bar count along."""
    jonas = ready(open_page("/queue/facilities", who=world.jonas))
    jonas.keyboard.press("j")
    jonas.wait_for_selector("tr.cur")
    first = current(jonas)
    jonas.keyboard.press("j")
    assert current(jonas) != first
    jonas.keyboard.press("k")
    assert current(jonas) == first
    jonas.keyboard.press("x")
    assert ticked(jonas) == 1
    expect(jonas.get_by_text("1 selected")).to_be_visible()
    jonas.keyboard.press("j")
    jonas.keyboard.press("j")
    jonas.keyboard.press("Shift+X")
    assert ticked(jonas) == 3
    expect(jonas.get_by_text("3 selected")).to_be_visible()
    jonas.keyboard.press("Escape")
    assert ticked(jonas) == 0
    here = current(jonas)
    jonas.keyboard.press("Enter")
    jonas.wait_for_url(f"**/requests/{here}*")


def test_t_takes_the_marked_request(open_page: Open, world: Any) -> None:
    """And the page says so in a toast that a screen reader hears."""
    kim = ready(open_page("/queue/facilities?q=shelf", who=world.kim))
    kim.keyboard.press("j")
    kim.wait_for_selector("tr.cur")
    kim.keyboard.press("t")
    kim.wait_for_selector(".toast-line button.close")
    expect(kim.locator("[data-toasts][role=status]")).to_have_count(1)
    expect(kim.locator("tr[data-row]").get_by_text("Kim Moreau")).to_have_count(1)


def test_keys_lead_everywhere_and_are_listed(open_page: Open, world: Any) -> None:
    """G H goes home, G Q to the queue, ? lists what this page knows; keys do nothing in a field."""
    jonas = ready(open_page("/queue/facilities", who=world.jonas))
    jonas.keyboard.press("?")
    jonas.get_by_role("heading", name="Keys on this page").wait_for()
    expect(jonas.locator(".key-list").get_by_text("take it", exact=False).first).to_be_visible()
    assert not axe(jonas)
    jonas.keyboard.press("Escape")
    jonas.keyboard.press("f")
    jonas.wait_for_function("document.activeElement.type === 'search'")
    jonas.keyboard.type("j?gh")
    expect(jonas.get_by_role("searchbox", name="Search in this queue")).to_have_value("j?gh")
    jonas.keyboard.press("Escape")
    jonas.keyboard.press("g")
    jonas.keyboard.press("h")
    jonas.wait_for_function("location.pathname === '/'")
    ready(jonas)
    jonas.keyboard.press("g")
    jonas.keyboard.press("q")
    jonas.wait_for_url("**/queue/facilities")


def test_the_search_overlay_finds_and_opens(open_page: Open, world: Any) -> None:
    """Ctrl K or / opens it, results come while typing, arrows and Enter lead there, a number jumps to its request."""
    mara = ready(open_page("/requests", who=world.mara))
    mara.keyboard.press("Control+k")
    field = mara.locator("[data-palette] input[name=q]")
    field.wait_for()
    assert not axe(mara)
    field.fill("heating")
    mara.locator("#palette-results").get_by_text("Heating or cooling").wait_for()
    expect(mara.locator("#palette-results").get_by_text("None of these: ask a person")).to_be_visible()
    mara.keyboard.press("ArrowDown")
    mara.keyboard.press("Enter")
    mara.wait_for_url("**/need/heating")
    ready(mara).keyboard.press("/")
    field.wait_for()
    field.fill(str(world.requests["radiator"]))
    mara.keyboard.press("Enter")
    mara.wait_for_url(f"**/requests/{world.requests['radiator']}")


# -- forms ------------------------------------------------------------------------------------------------------------


def test_a_draft_is_kept_while_typing(open_page: Open, world: Any) -> None:
    """A moment after the last key the page says so, and the words are there again later."""
    elena = ready(open_page("/need/repair", who=world.elena))
    elena.get_by_label("In one line").type("The lamp hums")
    elena.get_by_text(re.compile(r"Draft saved at \d+:\d\d")).wait_for()
    elena.goto("/")
    elena.goto("/need/repair")
    expect(elena.get_by_label("In one line")).to_have_value("The lamp hums")
    expect(elena.get_by_text("It was not sent yet")).to_be_visible()


def test_a_message_is_kept_while_typing(open_page: Open, world: Any) -> None:
    """On the page of a request as in a form: said a moment later, there again later, gone when it is sent."""
    address = f"/requests/{world.requests['radiator']}"
    mara = ready(open_page(address, who=world.mara))
    box = mara.locator("#write textarea")
    box.press_sequentially("It hums louder")
    expect(mara.get_by_text(re.compile(r"Draft saved at \d+:\d\d"))).to_be_visible()
    mara.goto("/")
    ready(mara).goto(address)
    expect(box).to_have_value("It hums louder")
    expect(mara.get_by_text("It was not sent yet")).to_be_visible()
    mara.locator("#write").get_by_role("button", name="Send").click()
    expect(mara.get_by_text("Sent.", exact=True)).to_be_visible()
    expect(mara.get_by_text("It was not sent yet")).to_have_count(0)
    expect(box).to_have_value("")


def test_the_promise_follows_the_impact(open_page: Open, world: Any) -> None:
    """Choosing that work has stopped names the phone first and another time, without leaving the page; focus stays on the answer."""
    sam = ready(open_page("/need/repair", who=world.sam))
    before = sam.locator("#promise").inner_text()
    sam.get_by_label("Work has stopped, or someone could get hurt").check()
    sam.locator("#promise").get_by_text(re.compile("Call .* before you write")).wait_for()
    assert sam.locator("#promise").inner_text() != before
    assert sam.evaluate("document.activeElement.name") == "impact"


def test_the_hint_goes_with_a_step_and_a_date(open_page: Open, world: Any) -> None:
    """Both are needed for an answer that counts; and only "somebody else" asks for a name."""
    jonas = ready(open_page(f"/requests/{world.requests['radiator']}", who=world.jonas))
    hint = jonas.get_by_text("This reply will not stop the clock.")
    expect(hint).to_be_visible()
    jonas.get_by_label("By when").fill("")
    jonas.get_by_label("Next step").fill("I bring a heater")
    expect(hint).to_be_visible()
    jonas.get_by_label("By when").fill("2026-11-24T13:30")
    hint.wait_for(state="hidden")
    jonas.get_by_label("Next step").fill("")
    hint.wait_for()
    name = jonas.get_by_label("Who, if somebody else")
    expect(name).to_be_hidden()
    jonas.get_by_label("Then wait for").select_option("other")
    name.wait_for()
    jonas.get_by_text("Team note", exact=True).click()
    expect(jonas.get_by_label("Next step")).to_be_hidden()
    expect(jonas.get_by_text("Mara cannot see this").last).to_be_visible()


def test_answers_that_need_another_look(open_page: Open, world: Any) -> None:
    """The summary has the focus, its link leads to the field, and axe likes the page as it is then."""
    nils = open_page("/need/repair", who=world.nils)
    nils.get_by_label("What else should we know?").fill("x" * 300)
    nils.get_by_role("button", name="Ask Facilities").click()
    nils.wait_for_selector("#problems")
    nils.wait_for_function("document.activeElement.id === 'problems'")
    expect(nils.get_by_label("What else should we know?")).to_have_value("x" * 300)
    assert not axe(nils)
    nils.locator("#problems a").first.click()
    expect(nils.locator("[aria-invalid=true]").first).to_be_visible()


def test_a_double_click_asks_once(open_page: Open, world: Any) -> None:
    """Pressed twice: one request. The form one comes back to is ready again and names what was just asked."""
    leo = ready(open_page("/need/repair", who=world.leo))
    leo.get_by_label("In one line").fill("The blind is stuck")
    leo.get_by_role("button", name="Ask Facilities").dblclick()
    leo.wait_for_url(re.compile(r"/requests/\d+"))
    leo.go_back()
    leo.wait_for_url("**/need/repair")
    expect(leo.get_by_role("button", name="Ask Facilities")).not_to_have_attribute("aria-busy", re.compile(""))
    expect(leo.get_by_role("link", name="The blind is stuck")).to_be_visible()
    leo.goto("/requests")
    expect(leo.get_by_role("link", name="The blind is stuck")).to_have_count(1)


def test_without_a_line_the_words_stay(open_page: Open, world: Any) -> None:
    """A line on top says so and leaves when the connection is back."""
    aisha = ready(open_page("/need/cleaning", who=world.aisha))
    aisha.get_by_label("In one line").fill("Coffee on the carpet")
    aisha.get_by_text(re.compile(r"Draft saved at")).wait_for()
    aisha.context.set_offline(True)
    line = aisha.get_by_text("No connection at the moment")
    line.wait_for()
    expect(aisha.get_by_label("In one line")).to_have_value("Coffee on the carpet")
    aisha.context.set_offline(False)
    line.wait_for(state="hidden")


# -- parts ------------------------------------------------------------------------------------------------------------


def test_a_dialog_asks_before_anything_stops(open_page: Open, world: Any) -> None:
    """Keep it leaves everything and gives the focus back; yes stops it."""
    number = world.requests["expenses"]
    mara = ready(open_page(f"/requests/{number}", who=world.mara))
    opener = mara.get_by_role("link", name="I no longer need this")
    opener.click()
    dialog = mara.get_by_role("dialog", name="Do you no longer need this?")
    dialog.wait_for()
    assert not axe(mara)
    dialog.get_by_text("Keep it").click()
    dialog.wait_for(state="hidden")
    assert opener.evaluate("element => element === document.activeElement")
    opener.click()
    dialog.get_by_label(re.compile("Why")).fill("I found the other receipt.")
    dialog.get_by_role("button", name="Yes, stop it").click()
    mara.get_by_role("link", name="Ask again").first.wait_for()
    expect(mara.get_by_text("I found the other receipt").first).to_be_visible()


def test_a_toast_stays_while_it_is_read(open_page: Open, world: Any) -> None:
    """One at a time, with a cross; it goes by itself only when nobody points at it."""
    vera = open_page("/account/profile/edit", who=world.vera)
    vera.get_by_label("Skills").fill("first aid")
    vera.get_by_role("button", name="Save", exact=True).click()
    toast = vera.locator(".toast-line")
    toast.get_by_role("button", name="Close").wait_for()
    expect(toast).to_have_count(1)
    assert not axe(vera)
    toast.get_by_role("button", name="Close").click()
    expect(toast).to_have_count(0)


def test_the_chosen_look_comes_with_the_page(open_page: Open, world: Any) -> None:
    """Dark is chosen in the menu; every later page is dark from its first byte, also without script."""
    ruth = open_page("/", who=world.ruth)
    ruth.locator("details.account > summary").click()
    ruth.locator("details.account").get_by_role("button", name="Dark").click()
    ruth.wait_for_selector("html[data-bs-theme=dark]", state="attached")
    assert 'data-bs-theme="dark"' in ruth.request.get("/requests").text()
    assert ruth.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(26, 22, 19)"


def test_new_requests_are_offered_and_rows_stay_where_they_are(open_page: Open, world: Any) -> None:
    """Hana asks while Priya reads the queue: a quiet line says so, and only Show brings the row."""
    priya = open_page("/queue/facilities", who=world.priya)
    rows = priya.locator("tr[data-row]").count()
    hana = open_page("/need/repair", who=world.hana)
    hana.get_by_label("In one line").fill("Gate 3 does not open")
    hana.get_by_role("button", name="Ask Facilities").click()
    hana.wait_for_url(re.compile(r"/requests/\d+"))
    news = priya.locator("[hx-get*='/news']")
    address = news.get_attribute("hx-get") or ""
    priya.evaluate("address => htmx.ajax('GET', address, \"[hx-get*='/news']\")", address)
    priya.get_by_text(re.compile(r"\d+ new requests?\.")).wait_for()
    expect(priya.locator("tr[data-row]"), "nothing moves until somebody asks for it").to_have_count(rows)
    news.get_by_role("link", name="Show").click()
    priya.get_by_role("link", name="Gate 3 does not open").wait_for()


# -- files and other people -------------------------------------------------------------------------------------------


def test_a_file_comes_from_another_origin_as_a_download(open_page: Open, live_server: Any, world: Any) -> None:
    """What somebody uploaded never runs with the rights of the portal."""
    camille = open_page("/need/repair", who=world.camille)
    camille.get_by_label("In one line").fill("A crack in the wall")
    page = b"<!DOCTYPE html><script>document.title = 'mine'</script>"
    camille.locator("input[type=file]").first.set_input_files({"name": "crack.txt", "mimeType": "text/plain", "buffer": page})
    camille.get_by_role("button", name="Ask Facilities").click()
    camille.wait_for_url(re.compile(r"/requests/\d+"))
    link = camille.get_by_role("link", name="crack.txt")
    answer = camille.request.get(link.get_attribute("href") or "")
    assert answer.url.startswith(live_server.content)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.body() == page
    with camille.expect_download() as waiting:
        link.click()
    assert waiting.value.suggested_filename == "crack.txt"


def test_two_people_reach_for_the_same_request(open_page: Open, world: Any) -> None:
    """Both see it free; the second is told who has it."""
    kim, ola = (open_page(f"/requests/{world.requests['radiator']}", who=who) for who in (world.kim, world.ola))
    kim.get_by_role("button", name="Take it").click()
    kim.get_by_text("Kim has it now").wait_for()
    ola.get_by_role("button", name="Take it").click()
    ola.get_by_text(re.compile("Kim")).first.wait_for()
    ola.goto(f"/requests/{world.requests['radiator']}")
    expect(ola.get_by_text("Kim has it now")).to_be_visible()
