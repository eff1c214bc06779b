"""The start page: what waits, what stands, and that one broken part does not take the others down."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from jinja2 import ChoiceLoader, DictLoader

from portal.kernel import slots

Offer = Callable[..., None]
PART = {"story/part.html": "<p>{{ part.words }} for {{ actor.name }}</p>", "story/broken.html": "{{ part.words.missing.more }}"}


@pytest.fixture(autouse=True)
def offer(app: Flask) -> Iterator[Offer]:
    """Offer parts of the story's own beside the colleagues that search finds; afterwards the features' parts are back."""
    names = ("home.waiting", "home.main", "home.side", "home.chips", "search")
    before = {name: dict(slots._slots[name]) for name in names}
    loader = app.jinja_env.loader
    assert loader is not None
    app.jinja_env.loader = ChoiceLoader([loader, DictLoader(PART)])
    for name in names:
        slots._slots[name].clear()
    slots._slots["search"]["people"] = before["search"]["people"]
    yield lambda slot, found, order=100: slots.register(slot, f"story-{order}", lambda actor, **_: found(actor, **_) if callable(found) else found, order)
    app.jinja_env.loader = loader
    for name in names:
        slots._slots[name].clear()
        slots._slots[name].update(before[name])


def thing(title: str, hour: int, **more: Any) -> dict[str, Any]:
    """Something that waits since this hour."""
    return {"at": datetime(2026, 11, 24, hour, tzinfo=UTC), "icon": "mood-happy", "title": title, "text": "Jonas would like to know.", "url": "/people", **more}


def test_mara_knows_what_waits(world: Any, sign_in: Any, offer: Offer, query_count: Any) -> None:
    """The day, her name, the number in words, and the things oldest first, each with its answers."""
    answers = [{"text": "It helps", "url": "/answers", "kind": "primary", "post": True, "fields": {"answer": "yes"}}, {"text": "Look", "url": "/people"}]
    offer("home.waiting", [thing("Is the heater doing the job?", 8, actions=answers), thing("Ruth needs one number", 7)])
    mara = sign_in(world.mara)
    with query_count() as statements:
        page = mara.get("/")
    assert page.title == "Home, Hearth"
    assert page.heading == "Good morning, Mara. Two things are waiting for you."
    assert "Tuesday 24 November" in page.text
    assert page.text.index("Ruth needs one number") < page.text.index("Is the heater doing the job?")
    form = page.form("/answers")
    assert form.method == "post"
    assert form.values["answer"] == ["yes"]
    assert statements.count <= 8, statements


def test_a_calm_day_says_so(world: Any, sign_in: Any) -> None:
    """Nothing waits, nothing stands: what one can do here, and never an empty page."""
    page = sign_in(world.mara).get("/")
    assert page.heading == "Good morning, Mara. Nothing is waiting for you."
    for words in ("What you can do here", "See who does what", "Choose what you hear about"):
        assert words in page.text


def test_somebody_new_gets_a_good_start(world: Any, sign_in: Any, offer: Offer) -> None:
    """Tom is here since eleven days; a start stands above what else there is."""
    offer("home.main", {"template": "story/part.html", "title": "Your requests", "words": "None yet"})
    assert "A good start" in sign_in(world.tom).get("/").text
    assert "A good start" not in sign_in(world.mara).get("/").text


def test_parts_stand_in_their_columns(world: Any, sign_in: Any, offer: Offer) -> None:
    """A feature brings a template, a heading and a way to all of it."""
    offer("home.main", {"template": "story/part.html", "title": "Your requests", "more_url": "/all", "more_text": "All 31", "words": "Four"})
    offer("home.side", {"template": "story/part.html", "title": "Learning", "words": "<b>Lesson</b>"})
    offer("home.chips", [{"text": "Laptop or screen", "url": "/need/laptop", "icon": "device-laptop"}])
    page = sign_in(world.mara).get("/")
    assert "Four for Mara Okafor" in page.text
    assert "<b>Lesson</b> for Mara Okafor" in page.text
    assert page.link("All 31").href == "/all"
    assert page.link("Laptop or screen").href == "/need/laptop"


def broken(_actor: Any, **_: Any) -> Any:
    """A provider on a bad day."""
    raise RuntimeError("on purpose")


@pytest.mark.parametrize("slot", ["home.waiting", "home.main", "home.side", "home.chips"])
def test_a_broken_part_rests(slot: str, world: Any, sign_in: Any, offer: Offer) -> None:
    """The others are there, and nothing is said that is not known."""
    offer("home.main", {"template": "story/part.html", "title": "Your requests", "words": "Four"}, 10)
    offer("home.side", {"template": "story/part.html", "title": "Learning", "words": "Lesson"}, 10)
    offer(slot, broken, 20)
    page = sign_in(world.mara).get("/")
    assert page.status == 200
    assert ("This part is resting, the rest works." in page.text) is (slot != "home.chips")
    assert "Nothing is waiting for you." in page.text or slot == "home.waiting"
    assert "Four for Mara" in page.text
    assert "Lesson for Mara" in page.text


def test_a_part_that_cannot_be_drawn_rests_alone(world: Any, sign_in: Any, offer: Offer) -> None:
    """Its heading stays, so that its reader knows what is missing; its neighbour is drawn."""
    offer("home.main", {"template": "story/broken.html", "title": "Learning"}, 10)
    offer("home.main", {"template": "story/part.html", "title": "Your requests", "words": "Four"}, 20)
    page = sign_in(world.mara).get("/")
    assert "Learning This part is resting, the rest works. Your requests Four for Mara" in page.text


def test_what_waits_is_shown_although_another_cannot_say(world: Any, sign_in: Any, offer: Offer) -> None:
    """What is known is answered in place; how many things wait is not said."""
    offer("home.waiting", [thing("Ruth needs one number", 7)], 10)
    offer("home.waiting", broken, 20)
    page = sign_in(world.mara).get("/")
    assert page.heading == "Good morning, Mara."
    assert "Ruth needs one number" in page
    assert "This part is resting, the rest works." in page


def test_strangers_are_led_to_the_door(world: Any, visitor: Any) -> None:
    """Home and search are for people who signed in."""
    for path in ("/", "/search?q=radiator"):
        assert visitor.get(path, follow_redirects=False).headers["Location"].startswith("/sign-in")
    assert visitor.fragment("/search?q=radiator").status == 401


def hits(_actor: Any, *, query: str, limit: int) -> list[dict[str, Any]]:
    """What a desk would find."""
    found = [{"url": "/need/broken", "icon": "tool", "text": "Something in the building is broken", "note": "answers within 4 h"}] * limit
    return [
        {"key": "requests", "title": "My requests", "hits": [], "jump": "/people" if query == "4127" else None},
        {"key": "do", "title": "Do it", "hits": found, "all_url": "/need?q=radiator", "all_text": "All 12"},
    ]


def test_search_finds_in_groups(world: Any, sign_in: Any, offer: Offer) -> None:
    """Do it first; three in the overlay and ten on the page; people and pages beside; at the end a person."""
    offer("search", hits)
    mara = sign_in(world.mara)
    page, overlay = mara.get("/search?q=nils"), mara.fragment("/search?q=nils")
    assert page.title == "nils, search, Hearth"
    assert page.text.count("Something in the building is broken") == 10
    assert overlay.text.count("Something in the building is broken") == 3
    assert page.text.index("Do it") < page.text.index("Nils Brandt")
    assert "<html" not in overlay.source
    assert page.link("Nils Brandt").href.endswith(world.nils.staff_number)
    assert "People" in mara.get("/search?q=peo").text


def test_a_number_leads_to_the_request(world: Any, sign_in: Any, offer: Offer) -> None:
    """Enter jumps; the overlay only shows where it would lead."""
    offer("search", hits)
    mara = sign_in(world.mara)
    assert mara.get("/search?q=4127", follow_redirects=False).headers["Location"] == "/people"
    assert mara.fragment("/search?q=4127").status == 200


def test_a_jump_never_leaves_the_portal(world: Any, sign_in: Any, offer: Offer) -> None:
    """Whatever a provider says, the address is one of ours."""
    offer("search", lambda _actor, **_: [{"key": "requests", "title": "x", "hits": [], "jump": "https://evil.example/"}])
    assert sign_in(world.mara).get("/search?q=4127", follow_redirects=False).headers["Location"] == "/"


@pytest.mark.parametrize("text", ["%00", "%20%20", "a" * 5000, "%E2%80%AEabc", "<script>alert(1)</script>", "'; DROP TABLE persons; --", "%25%25%28x%29s"])
def test_search_takes_anything(text: str, world: Any, sign_in: Any, offer: Offer) -> None:
    """Long, empty, steering, markup: a page that says what to do."""
    page = sign_in(world.mara).get(f"/search?q={text}")
    assert page.status == 200
    assert "<script>alert" not in page.source


def test_search_that_fails_still_finds_people(world: Any, sign_in: Any, offer: Offer) -> None:
    """A provider on a bad day takes only itself away."""
    offer("search", broken)
    mara = sign_in(world.mara)
    assert "Nils Brandt" in mara.get("/search?q=nils").text
    assert "Search is resting, the rest works." in mara.get("/search?q=zzzz").text


def test_a_page_that_has_ridden_off_offers_to_tell_somebody(world: Any, sign_in: Any) -> None:
    """The way leads to the services that answer questions, and it opens."""
    mara = sign_in(world.mara)
    lost = mara.get("/no/such/page")
    assert lost.status == 404
    assert mara.get(lost.link("Tell us about a broken link").href).status == 200
