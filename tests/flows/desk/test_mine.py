"""My requests and those of my department: tabs, search, pages; what waits for me on home and in the menu."""

from typing import Any

import pytest

from portal.desk.actions.filing import Filing, file_request
from portal.kernel import clock
from portal.kernel.unit_of_work import unit_of_work


def titles(page: Any) -> list[str]:
    """The titles of the rows, in order."""
    return [link.text for link in page.links if link.href.startswith("/requests/") and link.text]


def test_open_requests_stand_with_state_and_promise(world, sign_in, query_count) -> None:
    """A day and a time, never a countdown; late and paused in words."""
    mara = sign_in(world.mara)
    with query_count() as sql:
        page = mara.get("/requests")
    assert sql.count <= 8, sql
    assert titles(page) == ["Radiator in Studio 2 stays cold", "Shelf in the photo store", "Tone in our meetings", "Train to Leipzig"]
    assert "First answer by 14:00 today" in page
    assert "Late by 1 h" in page
    assert "Waiting for you" in page
    assert "Paused until you answer" in page


def test_waiting_for_me_is_what_asks_me_something(world, sign_in) -> None:
    """A question of Ruth's, and "did it work?" of Kim's."""
    assert titles(sign_in(world.mara).get("/requests?show=waiting")) == ["Two lamps flicker in Studio 1", "Train to Leipzig"]


def test_done_and_followed_have_their_tabs(world, sign_in) -> None:
    """What is over, and what others let me read."""
    assert titles(sign_in(world.mara).get("/requests?show=done")) == ["Key card for the photo store", "Two lamps flicker in Studio 1"]
    assert titles(sign_in(world.aisha).get("/requests?show=followed")) == ["My pay for October"]
    assert titles(sign_in(world.camille).get("/requests?show=followed")) == ["Shelf in the photo store"]
    assert "Nobody is waiting for you" in sign_in(world.camille).get("/requests?show=waiting")


def test_hana_does_not_see_what_she_asked_confidentially_for_lars(world, sign_in) -> None:
    """It is his alone now."""
    assert titles(sign_in(world.hana).get("/requests?show=followed")) == []


@pytest.mark.parametrize(
    ("words", "found"), [("rad stu", ["Radiator in Studio 2 stays cold"]), ("17", ["Radiator in Studio 2 stays cold"]), ("%", []), ("adiator", [])]
)
def test_search_by_number_and_beginnings_of_words(words: str, found: list[str], world, sign_in) -> None:
    """Signs that mean something to a database mean nothing here."""
    assert titles(sign_in(world.mara).get("/requests", query_string={"q": words})) == found


def test_no_hit_offers_to_take_the_words_away(world, sign_in) -> None:
    """Not an empty table."""
    page = sign_in(world.mara).get("/requests?q=zeppelin")
    assert "No request fits these words." in page
    assert page.follow("zeppelin").path == "/requests"


@pytest.mark.postgres
def test_many_requests_come_in_pages_there_and_back(world, sign_in, app) -> None:
    """Keyset: nothing twice, nothing lost."""
    with app.test_request_context(), unit_of_work():
        for number in range(45):
            filing = Filing(world.services["cleaning"], f"Spill number {number}", "", world.nils.id, answers={})
            file_request(filing, actor=world.actor("nils"), now=clock.now())
    nils, seen, page = sign_in(world.nils), [], None
    page = nils.get("/requests")
    first = titles(page)
    while True:
        seen += titles(page)
        if not any(link.text == "Next 20" for link in page.links):
            break
        page = page.follow("Next 20")
    assert len(seen) == len(set(seen)) == 46
    back = page.follow("Back").follow("Back")
    assert titles(back) == first


@pytest.mark.parametrize("address", ["?at=nonsense", "?at=" + "x" * 3000, "?show=everything", "?q=" + "x" * 3000, "?q=%00%E2%80%AE"])
def test_an_odd_address_shows_the_list(address: str, world, sign_in) -> None:
    """What does not fit is left out."""
    assert sign_in(world.mara).get(f"/requests{address}").status == 200


def test_the_lead_reads_what_their_people_asked_for(world, sign_in) -> None:
    """Without the confidential ones; others are told whose page it is."""
    page = sign_in(world.camille).get("/departments/marketing/requests")
    assert "Radiator in Studio 2 stays cold" in titles(page)
    assert "Tone in our meetings" not in titles(page)
    assert sign_in(world.mara).get("/departments/marketing/requests").status == 403
    assert "The requests of a whole department are for its lead." in sign_in(world.leo).get("/departments/marketing/requests")


def test_auditors_read_them_too(world, sign_in) -> None:
    """Read only, as everywhere."""
    assert "Radiator in Studio 2 stays cold" in titles(sign_in(world.vera).get("/departments/marketing/requests"))


def test_home_says_what_waits_and_takes_the_answer(world, sign_in, query_count) -> None:
    """A yes on home comes back to home, and one thing less is waiting."""
    mara = sign_in(world.mara)
    page = mara.get("/")
    assert "Two things are waiting for you." in page
    assert "Did it work? Two lamps flicker in Studio 1" in page
    assert "Ruth in Finance needs an answer from you" in page
    after = page.submit("It works")
    assert after.path == "/"
    assert "One thing is waiting for you." in after
    assert "Radiator in Studio 2 stays cold" in titles(after)


def test_the_menu_counts_what_needs_me(world, sign_in) -> None:
    """Two for Mara, none for Leo."""
    assert "My requests 2 need you" in sign_in(world.mara).get("/need")
    assert "need you" not in sign_in(world.leo).get("/need").text.split("I need")[0]
