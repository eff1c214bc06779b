"""Ada guards her account with an app: the code at the door, lost phones, and a role that waits for it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.contracts.people import SecondFactorChanged
from portal.kernel import clock as portal_clock
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.errors import NotFound
from portal.kernel.unit_of_work import unit_of_work
from portal.people import totp
from portal.people.actions import accounts, second_factor
from portal.people.models import RecoveryCode, SecondFactor
from tests.flows.people.test_races import at_once
from tests.flows.people.test_signing_in import is_in, knock
from tests.support.client import Page, Visitor
from tests.support.world import PASSWORD

HOME = "/account/second-factor"
WRONG = "That code does not fit"


def seed(page: Page) -> bytes:
    """What the app reads off the page."""
    from base64 import b32decode

    found = re.search(r"<code[^>]*>([A-Z2-7 ]{39})</code>", page.text if "<code" in page.text else page.source)
    assert found, "the seed stands on the page"
    return b32decode(found[1].replace(" ", ""))


def shown(key: bytes, ahead: int = 0) -> str:
    """What the app shows now."""
    return totp.code(key, totp.step_at(portal_clock.now()) + ahead)


def send(visitor: Visitor, page: Page, what: str, code: str) -> Page:
    """Press one of the two buttons under the code."""
    held = {name: values[-1] for name, values in page.form("code").values.items() if values}
    return visitor.post(f"{HOME}/{what}", held | {"code": code})


def set_up(visitor: Visitor) -> tuple[bytes, list[str]]:
    """From the account page to the codes."""
    page = visitor.get(HOME).submit("second-factor/begin")
    key = seed(page)
    done = page.submit("code", code=shown(key))
    codes = re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){3}", done.source)
    assert len(codes) == 10
    return key, codes


def test_ada_sets_it_up_and_comes_in_with_a_code(
    world: Any, app: Flask, sign_in: Callable[[Any], Visitor], visitor: Visitor, clock: Any, run_jobs: Any, outbox: Any
) -> None:
    """Her other devices are signed out; the password alone leads to the code, a used code opens nothing, the next one does."""
    here, elsewhere = sign_in(world.ada), sign_in(world.ada)
    key, _codes = set_up(here)
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    asked = knock(visitor, world.ada.email)
    assert ("And now the code" in asked, is_in(visitor)) == (True, False)
    used = asked.submit("code", code=shown(key))
    assert (used.status, WRONG in used) == (422, True)
    clock.advance(seconds=30)
    used.submit("code", code=f"{shown(key)[:3]} {shown(key)[3:]}")
    assert is_in(visitor)
    run_jobs()
    assert "Your second factor is on" in [mail.subject for mail in outbox(to=world.ada.email)]
    with app.app_context():
        row = db.session.scalars(sa.select(Activity).where(Activity.event == SecondFactorChanged.event)).one()
        assert (row.actor_id, row.subject_id) == (world.ada.id, world.ada.id)


def test_nothing_leads_past_the_code(world: Any, app: Flask, sign_in: Callable[[Any], Visitor], visitor: Visitor) -> None:
    """Not a page, not a sign-in link, not a new password by link."""
    set_up(sign_in(world.ada))
    knock(visitor, world.ada.email)
    assert visitor.get("/people", follow_redirects=False).status in (302, 303)
    for purpose in ("sign-in", "password"):
        with app.app_context(), unit_of_work():
            link = accounts.make_link(world.ada.id, purpose, portal_clock.now())  # type: ignore[arg-type]  # one of the purposes
        other = Visitor(app)
        page = other.get(link)
        landed = page.submit("password", password="kohlrabi spoon telescope") if purpose == "password" else page.submit("")
        assert ("And now the code" in landed, is_in(other)) == (True, False)


def test_the_page_of_the_code_is_for_whoever_showed_a_password(world: Any, visitor: Visitor, sign_in: Callable[[Any], Visitor], clock: Any) -> None:
    """A stranger lands at the door, and so does who took longer than ten minutes."""
    assert "/sign-in" in visitor.get("/sign-in/code").address
    key, _codes = set_up(sign_in(world.ada))
    asked = knock(visitor, world.ada.email)
    clock.advance(minutes=11)
    assert asked.submit("code", code=shown(key)).address.endswith("/sign-in")
    assert not is_in(visitor)


def test_a_recovery_code_opens_once(world: Any, app: Flask, sign_in: Callable[[Any], Visitor]) -> None:
    """Typed with or without its dashes."""
    _key, codes = set_up(sign_in(world.ada))
    for typed, opens in ((codes[0].replace("-", "").upper(), True), (codes[0], False), (codes[1], True)):
        browser = Visitor(app)
        knock(browser, world.ada.email).submit("code", code=typed)
        assert is_in(browser) is opens
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).where(RecoveryCode.used_at.is_not(None))) == 2


def test_codes_cannot_be_guessed(world: Any, visitor: Visitor, sign_in: Callable[[Any], Visitor], clock: Any, run_jobs: Any, outbox: Any) -> None:
    """After five the right one is refused as well, for a while; ten in a row are told to Ada, because her password is known."""
    key, _codes = set_up(sign_in(world.ada))
    clock.advance(seconds=31)
    page = knock(visitor, world.ada.email)
    for _number in range(5):
        page = page.submit("code", code="000000")
    assert page.submit("code", code=shown(key)).status == 422
    for _number in range(12):
        clock.advance(minutes=9)
        page = knock(visitor, world.ada.email).submit("code", code="000000")
    run_jobs()
    assert "Somebody knows your password" in [mail.subject for mail in outbox(to=world.ada.email)]


@pytest.mark.postgres
def test_sixteen_with_the_same_code_and_one_comes_in(world: Any, app: Flask, sign_in: Callable[[Any], Visitor], clock: Any) -> None:
    """A code is spent by one statement."""
    key, codes = set_up(sign_in(world.ada))
    clock.advance(seconds=31)
    for typed in (shown(key), codes[0]):

        def once(_place: int, typed: str = typed) -> bool:
            with unit_of_work():
                return second_factor.is_right(world.ada.id, typed, portal_clock.now())

        assert sum(map(bool, at_once(app, once, 8))) == 1


def test_switching_off_and_new_codes_need_a_code(world: Any, app: Flask, sign_in: Callable[[Any], Visitor], clock: Any) -> None:
    """An open browser is not enough."""
    here = sign_in(world.ada)
    key, old = set_up(here)
    page = here.get(HOME)
    assert WRONG in send(here, page, "off", "123456")
    assert WRONG in send(here, page, "codes", "123456")
    clock.advance(seconds=31)
    assert old[0] not in send(here, page, "codes", shown(key)).source
    browser = Visitor(app)
    knock(browser, world.ada.email).submit("code", code=old[1])
    assert not is_in(browser)
    clock.advance(seconds=31)
    assert "is off" in send(here, here.get(HOME), "off", shown(key))
    knock(browser, world.ada.email)
    assert is_in(browser)


def test_an_old_sign_in_shows_its_password_first(world: Any, sign_in: Callable[[Any], Visitor], clock: Any) -> None:
    """After a quarter of an hour; the session gets a new token, and a wrong password changes nothing."""
    here = sign_in(world.mara)
    clock.advance(minutes=20)
    form = here.get(HOME).form("second-factor/begin")
    page = here.post(form.action, {"csrf_token": form.values["csrf_token"][0]}, headers={"Referer": f"{here.base}{HOME}"})
    assert "Your password once more" in page
    page = page.submit("password", password="not hers at all, really")
    assert (page.status, "not your current password" in page) == (422, True)
    page = page.submit("password", password=PASSWORD)
    assert (page.address.endswith(HOME), is_in(here)) == (True, True)
    assert "let it look at this picture" in page.submit("second-factor/begin")


def test_roles_are_given_after_a_fresh_sign_in(world: Any, sign_in: Callable[[Any], Visitor], clock: Any) -> None:
    """An administrator's open browser gives nobody a role at noon."""
    here = sign_in(world.ada)
    page = here.get(f"/administration/people/{world.tom.staff_number}")
    clock.advance(minutes=20)
    assert "Your password once more" in page.submit("roles", role="auditor")
    assert "auditor" not in here.get(f"/administration/people/{world.tom.staff_number}").text.casefold().split("give the role")[0].split("role", 1)[-1][:60]


def test_a_lost_phone_takes_a_day(world: Any, app: Flask, sign_in: Callable[[Any], Visitor], clock: Any, run_jobs: Any, outbox: Any) -> None:
    """Elena is told at once; she can keep it, and if she says nothing it goes after 24 hours."""
    elena, ada = sign_in(world.elena), sign_in(world.ada)
    set_up(elena)
    path = f"/administration/people/{world.elena.staff_number}"
    assert "goes in 24 hours" in ada.get(path).submit("second-factor/off")
    run_jobs()
    assert "is to be taken away" in outbox(to=world.elena.email)[-1].subject
    assert "stays" in elena.get(HOME).submit("second-factor/keep")
    clock.advance(hours=25)
    run_jobs()
    assert "Has a second factor" in sign_in(world.ada).get(path)
    sign_in(world.ada).get(path).submit("second-factor/off")
    clock.advance(hours=25)
    with app.app_context(), unit_of_work():
        second_factor.remove_due(portal_clock.now())
    assert "Has a second factor" not in sign_in(world.ada).get(path)


def test_nobody_takes_their_own_away_as_an_administrator(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Nor does an employee take anybody's, nor HR an administrator's."""
    ada = sign_in(world.ada)
    set_up(ada)
    page = ada.get(f"/administration/people/{world.ada.staff_number}")
    assert "Another administrator" in page.submit("second-factor/off")
    token = ada.get(HOME).form("code").values["csrf_token"][0]
    for who in (world.mara, world.elena):
        browser = sign_in(who)
        token = browser.get("/account/password").form("current").values["csrf_token"][0]
        assert browser.post(f"/administration/people/{world.ada.staff_number}/second-factor/off", {"csrf_token": token}).status in (403, 404)


def test_the_operator_takes_it_away_at_once(world: Any, app: Flask, sign_in: Callable[[Any], Visitor]) -> None:
    """For the one administrator whose phone is gone; a name nobody has is refused."""
    set_up(sign_in(world.ada))
    with app.app_context():
        with unit_of_work():
            assert second_factor.remove_at_once(world.ada.staff_number, portal_clock.now()) == world.ada.name
        with pytest.raises(NotFound):
            second_factor.remove_at_once(world.ada.staff_number, portal_clock.now())


def test_a_role_waits_for_its_second_factor(world: Any, app: Flask, sign_in: Callable[[Any], Visitor], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the portal asks for one, Ada sees what everybody sees until hers is set up; Mara is asked nothing."""
    import dataclasses

    monkeypatch.setitem(app.extensions, "settings", dataclasses.replace(app.extensions["settings"], second_factor="required"))
    ada, mara = sign_in(world.ada), sign_in(world.mara)
    assert (ada.get("/administration/people").status, "Your role waits" in ada.get("/people")) == (403, True)
    assert "Your role waits" not in mara.get("/people")
    set_up(ada)
    assert (ada.get("/administration/people").status, "Your role waits" in ada.get("/people")) == (200, False)


def test_a_seed_is_nowhere_in_the_database(world: Any, app: Flask, sign_in: Callable[[Any], Visitor]) -> None:
    """Nor is a recovery code: who reads the tables comes in nowhere."""
    key, codes = set_up(sign_in(world.ada))
    with app.app_context():
        factor = db.session.scalars(sa.select(SecondFactor)).one()
        kept = " ".join(db.session.scalars(sa.select(RecoveryCode.digest)))
        assert key.hex() not in factor.nonce
        assert not any(code in kept or code.replace("-", "") in kept for code in codes)
