"""Stored text was looked at in a real browser: no dialog, no report of the content policy, no request to anybody else.

Published case class: stored script (Zammad, listmonk, Indico CVE-2025-59035) and style sheets that read tokens (FreeScout
CVE-2026-40497). What a parser calls harmless a browser may still run, so a browser has the last word.
"""

from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from portal.desk.actions.conversation import Reply, add_message, add_note, reply
from portal.desk.models import CannedReply, Request, Service
from portal.kernel import clock
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications.models import Notice
from portal.people.models import Department, Location, Person
from tests.support.browser import LiveServer
from tests.support.payloads import MARK, MARKDOWN, SCRIPTS, TEMPLATES
from tests.support.stages import close, make_settings
from tests.support.story import STORY

pytestmark = pytest.mark.browser
PAYLOADS = [text.replace("\x00", "") for text in (*SCRIPTS, *MARKDOWN[:8], *TEMPLATES)]


@pytest.fixture(scope="module")
def poisoned(live_server: LiveServer, stage_of: Any) -> Any:
    """The live company with payloads in every kind of text there is."""
    from portal.app import create_app

    world = stage_of("sqlite").worlds["world"]
    with time_machine.travel(STORY, tick=True):
        app = create_app(make_settings(live_server.instance, "", base_url=live_server.address, port=live_server.port))
        with app.app_context():
            with unit_of_work():
                _poison(world)
            db.session.remove()
        close(app)
    return world


def _poison(world: Any) -> None:
    now, everything = clock.now(), "\n\n".join(PAYLOADS)
    for number, row in enumerate(db.session.scalars(sa.select(Request).order_by(Request.id))):
        row.title, row.place = PAYLOADS[number % len(PAYLOADS)], PAYLOADS[(number + 7) % len(PAYLOADS)][:120]
        row.next_step, row.waits_for = PAYLOADS[(number + 3) % len(PAYLOADS)], PAYLOADS[(number + 5) % len(PAYLOADS)][:120]
        row.customer_impact, row.customer_notices = PAYLOADS[(number + 9) % len(PAYLOADS)], True
    radiator = db.session.get_one(Request, world.requests["radiator"])
    add_message(radiator, body=everything, actor=world.actor("mara"), now=now)
    add_note(radiator, body=everything, actor=world.actor("jonas"), now=now)
    reply(radiator, Reply(everything, next_step=PAYLOADS[0], next_step_at=now.replace(day=26)), actor=world.actor("jonas"), now=now)
    for number, person in enumerate(db.session.scalars(sa.select(Person).order_by(Person.id))):
        person.title, person.ask_me_about = PAYLOADS[number][:120], PAYLOADS[number + 1]
        person.does_for_others, person.prefers, person.skills = PAYLOADS[number + 2][:160], PAYLOADS[number + 3][:160], PAYLOADS[number + 4]
        person.pronouns, person.phone = PAYLOADS[number][:40], PAYLOADS[number + 5][:60]
    sam = db.session.get_one(Person, world.sam.id)
    sam.name = sam.given_name = SCRIPTS[1][:80]
    for number, (department, service) in enumerate(zip(db.session.scalars(sa.select(Department)), db.session.scalars(sa.select(Service)), strict=False)):
        department.value_line, department.phone = PAYLOADS[number][:160], PAYLOADS[number + 6][:60]
        service.hint, service.outcome, service.name = PAYLOADS[number + 1], PAYLOADS[number + 2], PAYLOADS[number + 3][:120]
    db.session.execute(sa.update(Location).values(address=PAYLOADS[2]))
    db.session.execute(sa.update(CannedReply).values(body=everything, name=PAYLOADS[5][:80]))
    told = Notice(person_id=world.mara.id, kind="desk.replied", subject_kind="desk.request", subject_id=radiator.id, key="x", text=PAYLOADS[0])
    told.params, told.topic, told.facts, told.why, told.path, told.excerpt, told.created_at = {}, PAYLOADS[1], [], "asked", "/requests", PAYLOADS[3], now
    db.session.add(told)


PAGES = {
    "mara": "/ /requests /requests/{radiator} /requests/{radiator}/edit /need /need/repair /notifications /people /people/MC-0231 /departments/facilities /search?q=alert",
    "jonas": "/queue/facilities /requests/{radiator} /requests/{heating} /replies/facilities /organisation /requests/{radiator}/work/hand-over",
    "ada": "/administration/people /administration/changes /administration/mail /services/it /people/MC-0350",
}


@pytest.mark.parametrize("who", PAGES)
def test_a_browser_shows_text_and_does_nothing(poisoned: Any, open_page: Any, who: str) -> None:
    """As the requester, the fulfiller and the administrator; ``open_page`` fails on console errors and foreign requests."""
    page = open_page("/", who=poisoned.people[who])
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for address in PAGES[who].format(**poisoned.requests).split():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        assert page.locator("main h1, h1").count() == 1, address
        # Whatever waits for a pointer or the keyboard gets both.
        page.mouse.move(300, 300)
        page.keyboard.press("Tab")
    assert dialogs == []
    assert page.url.startswith(page.evaluate("location.origin"))


def test_the_words_are_there_to_read(poisoned: Any, open_page: Any) -> None:
    """The payload stands on the page as its author typed it: nothing was cut out, nothing ran."""
    page = open_page(f"/requests/{poisoned.requests['radiator']}", who=poisoned.mara)
    text = page.locator("main").inner_text()
    assert f"<script>alert('{MARK}')</script>" in text
    assert "{{7*7}}" in text
