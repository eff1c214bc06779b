"""The door: who gets in, who does not, and that nobody outside can tell why."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock as portal_clock
from portal.kernel import sessions
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people import passwords
from portal.people.actors import reader_of
from portal.people.models import Credential, Person, Throttle
from tests.support.client import Page, Visitor
from tests.support.signing_in import new_session
from tests.support.world import PASSWORD
from tests.support.world import sign_in as sign_in_quickly

WRONG = "do not go together"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def knock(visitor: Visitor, name: str, password: str = PASSWORD) -> Page:
    """Fill the real form."""
    return visitor.get("/sign-in").submit("password", name=name, password=password)


def sign_out(visitor: Visitor) -> None:
    """Press the button in the menu (it stands in the sidebar and in the bar on phones)."""
    page = visitor.get("/people")
    visitor.submit(page, next(form for form in page.forms if form.action == "/sign-out"))


def is_in(visitor: Visitor) -> bool:
    """True when this browser is signed in."""
    return visitor.get("/account/devices", follow_redirects=False).status == 200


@pytest.mark.parametrize("name", ["mara.okafor@marlow.example", "  Mara.Okafor@MARLOW.example ", "MC-0123", "mc-0123"])
def test_mara_comes_in_by_address_or_staff_number(world: Any, visitor: Visitor, name: str) -> None:
    """Capitals and spaces around do not matter."""
    assert world
    knock(visitor, name)
    assert is_in(visitor)


def test_lars_has_no_mailbox_and_comes_in_all_the_same(world: Any, visitor: Visitor) -> None:
    """With his staff number."""
    knock(visitor, world.lars.staff_number)
    assert is_in(visitor)


def test_wrong_and_unknown_get_the_same_page(world: Any, visitor: Visitor) -> None:
    """Byte for byte, the one-time values aside; what was typed as name comes back, the password never."""
    assert world

    def page(name: str) -> str:
        answer = knock(visitor, name, "not this password at all")
        assert (answer.status, WRONG in answer) == (422, True)
        assert "not this password at all" not in answer.source
        return re.sub(r'name="(csrf_token|_key)" value="[^"]*"', "", answer.source).replace(name, "NAME")

    assert page("mara.okafor@marlow.example") == page("nobody.here@marlow.example") == page("MC-0123") == page("bruno.adler@marlow.example")


def test_whoever_left_stays_outside(world: Any, visitor: Visitor) -> None:
    """Bruno knows his old password; it opens nothing."""
    assert WRONG in knock(visitor, world.bruno.email)
    assert not is_in(visitor)


@pytest.mark.parametrize(("name", "password"), [("", ""), ("mara.okafor@marlow.example", ""), ("", PASSWORD), ("x" * 300, PASSWORD), ("a\x00b", "x" * 2000)])
def test_half_a_form_is_asked_for_the_rest(world: Any, visitor: Visitor, name: str, password: str) -> None:
    """And nobody is counted as having tried."""
    assert world
    assert knock(visitor, name, password).status == 422
    with visitor.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Throttle)) == 0


def test_the_door_waits_after_five_wrong_passwords(world: Any, visitor: Visitor, clock: Any) -> None:
    """During the delay the right password gets the same answer; afterwards it opens, and the count starts again."""
    for _ in range(5):
        knock(visitor, world.mara.email, "wrong wrong wrong wrong")
    assert WRONG in knock(visitor, world.mara.email)
    clock.advance(seconds=59)
    assert WRONG in knock(visitor, world.mara.email)
    clock.advance(seconds=2)
    knock(visitor, world.mara.email)
    assert is_in(visitor)
    with visitor.app.app_context():
        assert not db.session.scalar(sa.select(sa.func.count()).select_from(Throttle).where(Throttle.failures > 0, Throttle.key.like("account:%")))


def test_delays_double_up_to_fifteen_minutes(world: Any, visitor: Visitor, clock: Any) -> None:
    """One, two, four, eight, fifteen, fifteen; a try inside a delay does not make it longer."""
    for _ in range(5):
        knock(visitor, world.mara.email, "wrong wrong wrong wrong")
    for minutes in (1, 2, 4, 8, 15, 15):
        with visitor.app.app_context():
            row = db.session.scalars(sa.select(Throttle).where(Throttle.key.like("account:%"))).one()
            assert row.blocked_until is not None
            assert (row.blocked_until - row.updated_at).total_seconds() == minutes * 60
        clock.advance(minutes=minutes / 2)
        knock(visitor, world.mara.email, "wrong wrong wrong wrong")
        clock.advance(minutes=minutes / 2)
        knock(visitor, world.mara.email, "wrong wrong wrong wrong")


def test_one_person_under_attack_does_not_lock_out_another(world: Any, visitor: Visitor, app: Flask) -> None:
    """Tries are counted by account; Jonas comes in."""
    for _ in range(8):
        knock(visitor, world.mara.email, "wrong wrong wrong wrong")
    jonas = Visitor(app)
    knock(jonas, world.jonas.email)
    assert is_in(jonas)


def test_one_address_may_be_wrong_thirty_times_a_minute(world: Any, visitor: Visitor, clock: Any) -> None:
    """Trying one password on many names; a minute later the address is welcome again."""
    for number in range(30):
        knock(visitor, f"nobody{number}@marlow.example", "wrong wrong wrong wrong")
    assert WRONG in knock(visitor, world.mara.email)
    clock.advance(seconds=61)
    knock(visitor, world.mara.email)
    assert is_in(visitor)


def test_many_right_passwords_from_one_address_are_no_attack(world: Any, app: Flask) -> None:
    """A whole company behind one address at nine o'clock."""
    for _ in range(12):
        for who in (world.mara, world.jonas, world.kim):
            visitor = Visitor(app)
            knock(visitor, who.email)
            assert is_in(visitor)


def test_a_hundred_wrong_passwords_in_a_row_need_a_link(world: Any, visitor: Visitor, clock: Any) -> None:
    """After a hundred the password alone opens nothing any more (NIST ceiling)."""
    knock(visitor, world.mara.email, "wrong wrong wrong wrong")
    with visitor.app.app_context(), unit_of_work():
        db.session.execute(sa.update(Throttle).where(Throttle.key.like("account:%")).values(failures=100))
    clock.advance(days=1)
    assert WRONG in knock(visitor, world.mara.email)


def test_the_owner_hears_of_ten_wrong_passwords(
    world: Any, visitor: Visitor, clock: Any, run_jobs: Callable[..., int], outbox: Callable[..., list[Any]]
) -> None:
    """Once; and nothing is sent for a name nobody has."""
    for name in (world.mara.email, "nobody@marlow.example"):
        for _ in range(12):
            knock(visitor, name, "wrong wrong wrong wrong")
            clock.advance(minutes=16)
    run_jobs()
    mails = outbox()
    assert [mail.to for mail in mails] == [world.mara.email]
    assert "10 times" in mails[0].text


def test_sessions_are_rows_and_the_cookie_holds_no_id(world: Any, visitor: Visitor) -> None:
    """A new token at every sign-in, hashed in the row."""
    knock(visitor, world.mara.email)
    with visitor.client.session_transaction(base_url=visitor.base) as page_session:
        first = page_session["_user_id"]
    sign_out(visitor)
    knock(visitor, world.mara.email)
    with visitor.client.session_transaction(base_url=visitor.base) as page_session:
        second = page_session["_user_id"]
    assert first != second
    assert len(first) >= 43
    with visitor.app.app_context():
        assert first not in list(db.session.scalars(sa.select(sessions.PortalSession.digest)))


def test_signing_out_ends_the_session_on_the_server(world: Any, visitor: Visitor, app: Flask) -> None:
    """An old copy of the cookie opens nothing (Flask's own session would: listmonk CVE-2026-34828's cousin)."""
    knock(visitor, world.mara.email)
    with visitor.client.session_transaction(base_url=visitor.base) as page_session:
        kept = dict(page_session)
    sign_out(visitor)
    thief = Visitor(app)
    with thief.client.session_transaction(base_url=thief.base) as page_session:
        page_session.update(kept)
    assert not is_in(thief)


@pytest.mark.parametrize("change", [{"is_active": False}, {"end_date": "yesterday"}])
def test_a_leaver_is_out_at_the_next_request(world: Any, sign_in: Callable[[Any], Visitor], clock: Any, change: dict[str, Any]) -> None:
    """Deactivated, or the last day is over where they are."""
    from datetime import date

    visitor = sign_in(world.tom)
    assert is_in(visitor)
    values = {"end_date": date(2026, 11, 24)} if "end_date" in change else change
    with visitor.app.app_context(), unit_of_work():
        db.session.execute(sa.update(Person).where(Person.id == world.tom.id).values(**values))
    if "end_date" in change:
        assert is_in(visitor)
        clock.advance(hours=14, minutes=30)
    assert not is_in(visitor)


def test_sessions_idle_out_and_administrators_sooner(world: Any, app: Flask, clock: Any) -> None:
    """Seven days for Mara, an hour for Ada."""
    mara, ada = Visitor(app), Visitor(app)
    knock(mara, world.mara.email)
    knock(ada, world.ada.email)
    clock.advance(minutes=61)
    assert is_in(mara)
    assert not is_in(ada)
    clock.advance(days=7, minutes=10)
    assert not is_in(mara)


def test_using_the_portal_keeps_a_session_alive(world: Any, app: Flask, clock: Any) -> None:
    """Ada works all morning."""
    ada = Visitor(app)
    knock(ada, world.ada.email)
    for _ in range(4):
        clock.advance(minutes=50)
        assert is_in(ada)


def test_unknown_names_cost_the_same_work(world: Any, app: Flask, query_count: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """As many statements and one hash, whether the name exists, has no password, or left (GLPI CVE-2024-43416 and four others)."""
    hashed: list[str | None] = []
    real = passwords.Hasher.verify

    def verify(self: passwords.Hasher, password: str, stored: str | None) -> bool:
        hashed.append(stored)
        return real(self, password, stored)

    monkeypatch.setattr(passwords.Hasher, "verify", verify)
    with app.app_context(), unit_of_work():
        db.session.execute(sa.delete(Credential).where(Credential.person_id == world.lars.id))
    work = set()
    for name in (world.mara.email, "nobody@marlow.example", world.bruno.email, world.lars.staff_number):
        visitor = Visitor(app)
        page = visitor.get("/sign-in")
        for _ in range(2):
            hashed.clear()
            with query_count() as statements:
                page = page.submit("password", name=name, password="wrong wrong wrong wrong")
        work.add((statements.count, len(hashed)))
    assert len(work) == 1, work


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/nowhere", "/people\n//evil"])
def test_after_the_door_nobody_is_led_to_another_host(world: Any, visitor: Visitor, target: str) -> None:
    """What is no page of ours leads home."""
    page = visitor.get("/sign-in", query_string={"next": target})
    answer = visitor.client.post(
        "/sign-in",
        data={name: values[0] for name, values in page.form("password").values.items()} | {"name": world.mara.email, "password": PASSWORD, "next": target},
        base_url=visitor.base,
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_after_the_door_one_is_where_one_wanted_to_be(world: Any, visitor: Visitor) -> None:
    """The page asked for first."""
    page = visitor.get("/departments/facilities")
    assert "/sign-in" in page.address
    assert page.submit("password", name=world.mara.email, password=PASSWORD).path == "/departments/facilities"


def test_fragments_and_posts_without_a_session(world: Any, visitor: Visitor) -> None:
    """A part of a page answers 401, a page leads to the door."""
    assert world
    assert visitor.fragment("/people").status == 401
    assert visitor.get("/people", follow_redirects=False).status == 303


def test_old_hashes_are_renewed_at_the_door(world: Any, visitor: Visitor) -> None:
    """When the parameters change, nobody has to choose a new password."""
    passwords.use_cost_for_tests(passwords.Cost(memory_kib=16, rounds=1))
    knock(visitor, world.mara.email)
    assert is_in(visitor)
    with visitor.app.app_context():
        assert "m=16," in db.session.get_one(Credential, world.mara.id).password
    passwords.use_cost_for_tests(passwords.Cost(memory_kib=8, rounds=1))


def test_a_new_kind_of_device_is_told_to_its_owner(world: Any, app: Flask, run_jobs: Callable[..., int], outbox: Callable[..., list[Any]]) -> None:
    """Not the first one ever, and not one they used before."""
    for agent in (FIREFOX["User-Agent"], FIREFOX["User-Agent"], "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Safari/604.1"):
        visitor = Visitor(app)
        visitor.client.environ_base["HTTP_USER_AGENT"] = agent
        knock(visitor, world.mara.email)
    run_jobs()
    mails = outbox(to=world.mara.email)
    assert ["Safari on iPhone" in mail.text for mail in mails] == [True]


def test_demo_cards_exist_only_in_a_demo(world: Any, visitor: Visitor) -> None:
    """Elsewhere the address is not hidden, it is not there."""
    assert "Choose who to be" not in visitor.get("/sign-in")
    form = visitor.get("/sign-in").form("password").values
    answer = visitor.post(f"/sign-in/as/{world.mara.staff_number}", {"csrf_token": form["csrf_token"][0]})
    assert answer.status == 404
    assert not is_in(visitor)


def test_nobody_signs_in_over_a_line_that_can_be_read(world: Any, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http at another address than this machine's own: a page that says why, and no password is looked at."""
    open_line = dataclasses.replace(visitor.app.extensions["settings"], base_url="http://portal.marlow.example")
    page = visitor.get("/sign-in")
    monkeypatch.setitem(visitor.app.extensions, "settings", open_line)
    assert "not encrypted" in visitor.get("/sign-in")
    answer = page.submit("password", name=world.mara.email, password=PASSWORD)
    assert answer.status == 403
    monkeypatch.undo()
    assert not is_in(visitor)


def test_signed_in_people_are_led_past_the_door(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """The sign-in page leads home."""
    assert sign_in(world.mara).get("/sign-in", follow_redirects=False).headers["Location"] == "/"


def test_knowing_the_reader_takes_two_statements(world: Any, app: Flask, query_count: Callable[[], Any]) -> None:
    """Session with its person, and rights; at every request, so no more than that."""
    token = new_session(app, world.priya.id)
    with app.test_request_context("/"), query_count() as statements:
        reader = reader_of(token, portal_clock.now())
        assert reader is not None
        assert reader.actor.leads == {world.facilities.id, world.security.id}
        db.session.rollback()
    assert statements.count == 2, statements


def test_a_demo_offers_its_personas(world: Any, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """One click, those who have a card and nobody else; whoever left has none."""
    demo = dataclasses.replace(visitor.app.extensions["settings"], demo=True)
    monkeypatch.setitem(visitor.app.extensions, "settings", demo)
    page = visitor.get("/sign-in")
    assert "Welcome to the Marlow Cycles demo" in page
    offered = [form.action for form in page.forms if "/sign-in/as/" in form.action]
    assert f"/sign-in/as/{world.mara.staff_number}" in offered
    token = page.form("password").values["csrf_token"][0]
    for number in (world.bruno.staff_number, world.ada.staff_number, "MC-9999"):
        assert visitor.post(f"/sign-in/as/{number}", {"csrf_token": token}).status == 404
        assert not is_in(visitor)
    visitor.submit(page, next(form for form in page.forms if form.action == f"/sign-in/as/{world.mara.staff_number}"))
    assert "Mara Okafor" in visitor.get("/account/devices")


@pytest.mark.parametrize("through_form", [False, True])
def test_helpers_of_other_tests_sign_in(world: Any, app: Flask, through_form: bool) -> None:
    """By a session row, or through the real form."""
    visitor = Visitor(app)
    sign_in_quickly(visitor.client, world.mara, through_form=through_form)
    assert is_in(visitor)
