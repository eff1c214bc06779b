"""Every page for every kind of person, in a real browser: nothing for axe to find, nothing to scroll sideways, no complaint in the console.

The addresses come from the URL map (tests/support/doors.py), so a new page joins by itself. Every kind of page is looked at, and
again wherever somebody sees a part on it that nobody saw before; each is loaded once and then turned dark and narrow where it stands.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from tests.support import databases
from tests.support.browser import DESKTOP, PHONE, LiveServer, Watch, axe, sideways
from tests.support.client import Visitor
from tests.support.doors import Door, doors, plant
from tests.support.live import world_instance
from tests.support.signing_in import signed_in
from tests.support.stages import COMPANY, Stage, build_world, close, make_settings
from tests.support.story import STORY

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PERSONAS = ("", "mara", "jonas", "priya", "camille", "elena", "ada", "vera")
"""Nobody, who asks, who answers, leads of both sides, HR, administrator, auditor."""
ELSEWHERE = (
    "/nowhere",
    "/administration/jobs",
    "/administration/restored",
    "/search?q=zzzz",
    "/search?q=heating",
    "/requests/search?q=heating",
    "/requests/search?q=zzzz&state=open",
    "/requests?view=done",
    "/need?q=laptop",
    "/queue/facilities?q=zzzz",
)
"""Pages that addresses alone do not name: those that are not there, or not yours, and lists without a line."""
COLOUR = ("color-contrast", "link-in-text-block")
ROOM = ("target-size", "scrollable-region-focusable", "aria-hidden-focus", "region", "heading-order", "page-has-heading-one", "color-contrast")
"""What can differ in the dark, and on a phone, from what the page is at the desk."""
NARROW = {"width": 360, "height": 740}
PARTS = re.compile(r"<([a-z][a-z0-9]*)\b([^>]*)>")
CLASSES = re.compile(r"\bclass=\"([^\"]*)\"")


@dataclass
class Tour:
    """A running portal and what is to be seen of it: by persona, the cookie and the addresses."""

    server: LiveServer
    cookies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    stops: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def tour(stage_of: Callable[[str], Stage], shared_folder: Path, worker_name: str) -> Iterator[Tour]:
    """The company with a word in every hidden place, a row behind every address, and the pages that differ."""
    stage = stage_of(databases.SQLITE)
    build_world(stage)
    instance = world_instance(shared_folder / f"{worker_name}-every-page", stage.templates.database)
    found = Tour(LiveServer(instance, {f"HEARTH_{name.upper()}": value for name, value in COMPANY.items()}))
    _explore(found, stage.worlds["world"])
    found.server.start()
    yield found
    assert found.server.stop() == 0, found.server.log.read_text(errors="replace")[-4000:]


def _explore(tour: Tour, world: Any) -> None:
    from portal.app import create_app

    server, parts, kinds = tour.server, set[tuple[str, str]](), set[str]()
    with time_machine.travel(STORY, tick=True):
        app = create_app(make_settings(server.instance, "", base_url=server.address, port=server.port))
        canaries = plant(app, world)
        paths = [*_samples(doors(app, canaries)), *((path, path) for path in ELSEWHERE)]
        for who in PERSONAS:
            visitor = signed_in(app, world.people[who].id, server.address) if who else Visitor(app, server.address)
            cookie = visitor.client.get_cookie(app.config["SESSION_COOKIE_NAME"], domain="127.0.0.1")
            tour.cookies[who] = [{"name": cookie.key, "value": cookie.value, "url": server.address}] if who and cookie else []
            for kind, path in paths:
                answer = visitor.client.get(path, base_url=server.address, buffered=True)
                shape = _shape(answer.get_data(as_text=True)) if answer.mimetype == "text/html" and not answer.location else frozenset()
                if shape and (kind not in kinds or not shape <= parts):
                    parts |= shape
                    kinds.add(kind)
                    tour.stops.append((who, path))
    close(app)


def _samples(found: list[Door]) -> list[tuple[str, str]]:
    """Kind and address: every request, and two samples of all other kinds of pages."""
    paths, count = list[tuple[str, str]](), Counter[str]()
    for door in found:
        count[door.endpoint] += 1
        if door.endpoint == "desk.request_page" or count[door.endpoint] <= 2:
            paths.append((door.endpoint, door.path))
    return paths


def _shape(source: str) -> frozenset[tuple[str, str]]:
    """Which parts a page is made of; nothing for a part of a page."""
    if not source.lstrip().startswith("<!DOCTYPE html>"):
        return frozenset()
    return frozenset((tag, named[1] if (named := CLASSES.search(rest)) else "") for tag, rest in PARTS.findall(source))


def test_nothing_is_wrong_with_any_page(tour: Tour, chromium: "Browser") -> None:
    """Light and dark at the desk, and on a phone: for each persona, every page that differs from those before."""
    wrong: list[str] = []
    for who in PERSONAS:
        context = chromium.new_context(base_url=tour.server.address, viewport=DESKTOP, reduced_motion="reduce", timezone_id="Europe/Berlin")
        context.add_cookies(tour.cookies[who])
        page, watch = context.new_page(), Watch(tour.server.address, (tour.server.content,))
        watch.attach(page)
        for path in (path for reader, path in tour.stops if reader == who):
            page.goto(path)
            wrong += [f"{who or 'nobody'} at {path}, {fault}" for fault in _faults(page)]
        wrong += [f"{who or 'nobody'}: {complaint}" for complaint in watch.complaints]
        context.close()
    assert len(tour.stops) > 60, f"the tour has lost its pages: {len(tour.stops)}"
    assert not wrong, f"{len(wrong)} faults:\n" + "\n".join(wrong)


def _faults(page: "Page") -> Iterator[str]:
    """What is wrong with a page in each of its looks; leaves the page light and wide, as the next one is to come."""
    yield from (f"light: {fault}" for fault in axe(page))
    page.emulate_media(color_scheme="dark")
    yield from (f"dark: {fault}" for fault in axe(page, only=COLOUR))
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    yield from (f"phone: {fault}" for fault in axe(page, only=ROOM))
    for size in (PHONE, NARROW):
        page.set_viewport_size(size)
        if over := sideways(page):
            yield f"{size['width']} px: scrolls sideways by {over} px"
    page.set_viewport_size(DESKTOP)
