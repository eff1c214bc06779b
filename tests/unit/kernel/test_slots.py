"""Slots: features put things on each other's pages without knowing each other."""

from collections import defaultdict
from typing import Any

import pytest

from portal.kernel import slots
from portal.kernel.policy import ANONYMOUS, Actor


@pytest.fixture(autouse=True)
def _own_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_slots", defaultdict(dict))


def test_offers_stand_in_order_and_those_with_nothing_are_left_out() -> None:
    """By their number, then by name; whoever has nothing for this reader leaves no gap."""
    slots.register("home.main", "queue", lambda _: "queue", order=20)
    slots.register("home.main", "late", lambda _: "late", order=10)
    slots.register("home.main", "answers", lambda _: "answers", order=20)
    slots.register("home.main", "nothing", lambda _: None, order=1)
    assert slots.fill("home.main", ANONYMOUS) == ["late", "answers", "queue"]
    assert [name for name, _ in slots.offers("home.main")] == ["nothing", "late", "answers", "queue"]
    assert slots.fill("home.side", ANONYMOUS) == []


def test_the_same_name_replaces_an_earlier_offer() -> None:
    """Setting an application up twice shows nothing twice."""
    slots.register("menu", "home", lambda _: "old")
    slots.register("menu", "home", lambda _: "new")
    assert slots.fill("menu", ANONYMOUS) == ["new"]


def test_a_provider_hears_who_reads_and_what_the_page_is_about() -> None:
    """A profile tab needs to know whose profile it is."""
    mara = Actor(person_id=1, name="Mara")

    def provide(actor: Actor, **about: Any) -> str:
        return f"{actor.name} reads about {about['person_id']}"

    slots.register("profile.tabs", "requests", provide)
    assert slots.fill("profile.tabs", mara, person_id=7) == ["Mara reads about 7"]
