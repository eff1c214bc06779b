"""I need something: services by department, search in one's own words, and the places that lead there."""

import pytest

from portal.desk.models import Service
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work


def hits(page: object) -> list[str]:
    """The addresses of the services on a page, in order."""
    return [link.href for link in page.links if link.href.startswith("/need/")]  # type: ignore[attr-defined]  # a page of tests.support.client


def test_every_service_stands_under_its_department_with_its_promise(world, sign_in, query_count) -> None:
    """Fifty-six of them, in one list statement."""
    mara = sign_in(world.mara)
    with query_count() as sql:
        page = mara.get("/need")
    assert page.heading == "What do you need?"
    assert len(hits(page)) == 56
    assert "We keep you warm, dry and safe at work." in page
    assert "Something in the building is broken Answer within 4 h, done in 5 days" in page
    assert "Emergency Answer within 15 min, day and night" in page
    assert "Event or catering Answer within 1 day, then a date" in page
    assert "or call +49 30 555 0100" in page
    assert sql.count <= 8, sql


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("radiator", "heating|repair"),
        ("I need a new laptop please", "equipment"),
        ("my key does not open the door", "badge-key"),
        ("RÉPAIR", "repair"),
        ("payslip", "pay-question"),
        ("invo", "invoice-question|customer-invoice"),
        ("phishing", "suspicious-mail"),
        ("non-disclosure", "nda"),
        ("password", "password"),
        ("moving desks", "move"),
    ],
)
def test_the_best_fit_comes_first(words: str, first: str, world, sign_in) -> None:
    """In the words people use, with and without accents, whole or begun."""
    found = hits(sign_in(world.mara).get("/need", query_string={"q": words}))
    assert found
    assert found[0].removeprefix("/need/") in first.split("|")


def test_words_that_fit_nothing_lead_on(world, sign_in) -> None:
    """The whole catalogue, a colleague, a number: never a dead end."""
    page = sign_in(world.mara).get("/need?q=zeppelin")
    assert "Nothing fits these words yet" in page
    assert len(hits(page)) == 56
    assert page.link("Ask a person").href == "/people?q=zeppelin"


@pytest.mark.parametrize("words", ["", "   ", "a the of", "%", "'; drop table services", "\u202eevil", "\x00", "x" * 5000, "<b>key</b>"])
def test_odd_words_are_only_words(words: str, world, sign_in) -> None:
    """They find something or nothing."""
    page = sign_in(world.mara).get("/need", query_string={"q": words})
    assert page.status == 200
    assert "<b>key</b>" not in page.source


def test_what_is_retired_is_not_offered(world, sign_in, app) -> None:
    """Not in the list, not in the search, not at its address; its lead still finds the address."""
    with app.app_context(), unit_of_work():
        db.session.get_one(Service, world.services["parking"]).is_active = False
    mara = sign_in(world.mara)
    assert "/need/parking" not in hits(mara.get("/need"))
    assert "/need/parking" not in hits(mara.get("/need?q=parking"))
    assert mara.get("/need/parking").status == 404


def test_the_page_of_a_department_lists_what_it_does(world, sign_in) -> None:
    """And leads to the forms."""
    page = sign_in(world.mara).get("/departments/facilities")
    assert "What you can ask for" in page
    assert "/need/repair" in hits(page)


def test_home_offers_a_few_services_and_all_of_them(world, sign_in) -> None:
    """Chips under the one search box."""
    page = sign_in(world.mara).get("/")
    assert "/need/repair" in hits(page)
    assert page.link("All 56 services").href == "/need"


def test_the_one_search_finds_services_and_requests_and_jumps_to_a_number(world, sign_in) -> None:
    """Do it comes first; a number that is not one's to see does not jump."""
    mara, number = sign_in(world.mara), world.requests["radiator"]
    page = mara.get("/search?q=radiator")
    assert "Do it" in page
    assert f"{number} Radiator in Studio 2 stays cold" in page
    assert mara.get(f"/search?q={number}").path == f"/requests/{number}"
    assert sign_in(world.leo).get(f"/search?q={number}").path == "/search"
