"""Links by mail: invitation, new password, signing in once. They work once, for a while, and opening one changes nothing."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.contracts.people import Invited, PasswordChanged
from portal.kernel import clock as portal_clock
from portal.kernel import tokens
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.errors import Refusal
from portal.kernel.unit_of_work import unit_of_work
from portal.people.actions import accounts
from portal.people.models import Credential, Person, RoleGrant
from tests.flows.people.test_signing_in import is_in, knock
from tests.support.client import Page, Visitor
from tests.support.world import PASSWORD

NEW = "kohlrabi spoon telescope"


def ask(visitor: Visitor, name: str, purpose: str = "sign-in") -> Page:
    """Fill the form that sends a link."""
    return visitor.get("/sign-in/link").submit("purpose", name=name, purpose=purpose)


def link_in(mail: Any) -> str:
    """The address in a mail, as a path."""
    found = re.search(r"http://127\.0\.0\.1:8000(/link/\S+)", mail.text)
    assert found, mail.text
    assert found.group(1) in mail.html
    return found.group(1)


@pytest.fixture
def mailed(world: Any, visitor: Visitor, run_jobs: Callable[..., int], outbox: Callable[..., list[Any]]) -> Callable[[str], str]:
    """Ask for a link for Mara and return its path."""

    def send(purpose: str) -> str:
        ask(visitor, world.mara.email, purpose)
        run_jobs()
        return link_in(outbox(to=world.mara.email)[-1])

    return send


def test_mara_forgot_her_password(world: Any, app: Flask, mailed: Callable[[str], str], outbox: Callable[..., list[Any]], run_jobs: Callable[..., int]) -> None:
    """She asks, opens the link, chooses a new one, is in; everything else is signed out and she gets a note."""
    elsewhere, visitor = Visitor(app), Visitor(app)
    knock(elsewhere, world.mara.email)
    page = visitor.get(mailed("password"))
    assert page.path == "/sign-in/continue"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Choose a new password, Mara" in page
    page.submit("password", password=NEW)
    assert is_in(visitor)
    assert not is_in(elsewhere)
    run_jobs()
    assert outbox(to=world.mara.email)[-1].subject == "Your password was changed"
    knock(elsewhere, world.mara.email, PASSWORD)
    assert not is_in(elsewhere)
    knock(elsewhere, world.mara.email, NEW)
    assert is_in(elsewhere)


def test_a_sign_in_link_asks_before_it_acts(world: Any, app: Flask, mailed: Callable[[str], str]) -> None:
    """A mail scanner that opens every address spends nothing; the button does."""
    assert world
    path = mailed("sign-in")
    for _ in range(3):
        scanner = Visitor(app)
        assert "Sign in as Mara Okafor" in scanner.get(path)
        assert not is_in(scanner)
    visitor = Visitor(app)
    visitor.get(path).submit()
    assert is_in(visitor)
    second = Visitor(app)
    page = second.get(path)
    assert (page.status, page.heading) == (410, "This link has done its work")


def test_the_secret_leaves_the_address_bar(world: Any, app: Flask, mailed: Callable[[str], str]) -> None:
    """The first answer leads on at once, without telling any page where it came from."""
    assert world
    answer = Visitor(app).get(mailed("password"), follow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in/continue")
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_links_run_out(world: Any, app: Flask, mailed: Callable[[str], str], clock: Any) -> None:
    """Half an hour for signing in, a day for a password."""
    assert world
    once, password = mailed("sign-in"), mailed("password")
    clock.advance(minutes=31)
    assert Visitor(app).get(once).status == 410
    assert Visitor(app).get(password).status == 200
    clock.advance(hours=24)
    assert Visitor(app).get(password).status == 410


def test_a_newer_link_replaces_the_older_one(world: Any, app: Flask, mailed: Callable[[str], str]) -> None:
    """Only the latest mail counts."""
    assert world
    first, second = mailed("password"), mailed("password")
    assert Visitor(app).get(first).status == 410
    assert Visitor(app).get(second).status == 200


def test_a_new_password_takes_back_every_open_link(world: Any, app: Flask, mailed: Callable[[str], str]) -> None:
    """Whoever read the mailbox before has nothing left."""
    assert world
    once, password = mailed("sign-in"), mailed("password")
    Visitor(app).get(password).submit("password", password=NEW)
    assert Visitor(app).get(once).status == 410


@pytest.mark.parametrize("purpose", ["sign-in", "password"])
def test_asking_tells_nobody_who_works_here(world: Any, visitor: Visitor, run_jobs: Callable[..., int], outbox: Callable[..., list[Any]], purpose: str) -> None:
    """The same page for known, unknown, gone and mailbox-less; mail only to the one who can get it."""
    names = (world.mara.email, "nobody@marlow.example", world.bruno.email, world.lars.staff_number)
    pages = {re.sub(r'value="[^"]*"', "", ask(visitor, name, purpose).source) for name in names}
    assert len(pages) == 1
    run_jobs()
    assert [mail.to for mail in outbox()] == [world.mara.email]


def test_nobody_is_flooded_with_links(world: Any, visitor: Visitor, run_jobs: Callable[..., int], outbox: Callable[..., list[Any]]) -> None:
    """Five an hour, whoever asks."""
    for _ in range(9):
        ask(visitor, world.mara.email)
    run_jobs()
    assert len(outbox()) == 5


@pytest.mark.parametrize(
    "path",
    ["/link/password/", "/link/password/x", "/link/admin/x", "/link/password/" + "x" * 5000, "/link/sign-in/%00", "/link/password/None", "/link/welcome/0"],
)
def test_made_up_links_open_nothing(world: Any, visitor: Visitor, path: str) -> None:
    """Empty, wrong, endless, for another purpose."""
    assert world
    assert visitor.get(path).status in (404, 410)
    assert not is_in(visitor)


def test_a_link_of_one_kind_does_not_do_another(world: Any, app: Flask, mailed: Callable[[str], str]) -> None:
    """A sign-in link sets no password."""
    assert world
    path = mailed("sign-in")
    assert Visitor(app).get(path.replace("sign-in", "password")).status == 410
    assert Visitor(app).get(path).status == 200


def test_a_weak_password_is_refused_and_the_link_still_works(world: Any, app: Flask, mailed: Callable[[str], str]) -> None:
    """The reason stands beside the field; nothing typed is shown again."""
    assert world
    visitor = Visitor(app)
    page = visitor.get(mailed("password"))
    for weak in ("short", "passwordpassword", "MaraOkafor2026!!"):
        page = page.submit("password", password=weak)
        assert page.status == 422
        assert weak not in page.source
    page.submit("password", password=NEW)
    assert is_in(visitor)


def test_whoever_left_meanwhile_cannot_use_their_link(world: Any, app: Flask, mailed: Callable[[str], str]) -> None:
    """The mail was sent in the morning, the day ended."""
    path = mailed("sign-in")
    visitor = Visitor(app)
    page = visitor.get(path)
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Person).where(Person.id == world.mara.id).values(is_active=False))
    assert page.submit().status == 410
    assert not is_in(visitor)


def test_elena_invites_lars_who_has_no_mailbox(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """The link is shown once, to hand over; it is on record who made it."""
    with app.app_context(), unit_of_work():
        db.session.execute(sa.delete(Credential).where(Credential.person_id == world.lars.id))
    elena = sign_in(world.elena)
    page = elena.get(f"/administration/people/{world.lars.staff_number}").submit("invite")
    path = re.search(r"http://127\.0\.0\.1:8000(/link/welcome/\S+?)<", page.source)
    assert path
    assert "/link/welcome" not in elena.get(f"/administration/people/{world.lars.staff_number}").source
    lars = Visitor(app)
    welcome = lars.get(path.group(1))
    assert "Welcome to Marlow Cycles, Lars" in welcome
    welcome.submit("password", password=NEW)
    assert is_in(lars)
    with app.app_context():
        rows = {row.event: row.actor_id for row in db.session.scalars(sa.select(Activity).where(Activity.subject_id == world.lars.id))}
    assert (rows[Invited.event], rows[PasswordChanged.event]) == (world.elena.id, world.lars.id)


def test_an_invitation_goes_by_mail_where_there_is_a_mailbox(
    world: Any, sign_in: Callable[[Any], Visitor], run_jobs: Callable[..., int], outbox: Callable[..., list[Any]]
) -> None:
    """And the link is not shown to whoever invites."""
    page = sign_in(world.ada).get(f"/administration/people/{world.tom.staff_number}").submit("invite")
    assert "on its way" in page
    assert "/link/" not in page.source
    run_jobs()
    assert outbox(to=world.tom.email)[0].subject == "Welcome to Marlow Cycles, Tom: choose your password"


def test_an_address_changed_by_hr_ends_links_and_sessions(
    world: Any, app: Flask, sign_in: Callable[[Any], Visitor], mailed: Callable[[str], str], run_jobs: Callable[..., int], outbox: Callable[..., list[Any]]
) -> None:
    """And the old address is told about it."""
    path, mara = mailed("password"), sign_in(world.mara)
    page = sign_in(world.elena).get("/administration/people/MC-0123/edit").submit("staff_number", email="mara@new.example")
    assert page.status == 200
    assert Visitor(app).get(path).status == 410
    assert not is_in(mara)
    run_jobs()
    assert outbox(to=world.mara.email)[-1].subject == "Your address was changed"


def test_the_first_administrator_gets_a_link_for_fifteen_minutes(app: Flask, visitor: Visitor, clock: Any) -> None:
    """Printed on the console of an empty installation; run again it replaces the first one."""
    facts = {"staff_number": "MC-0001", "name": "Ada Lind", "email": "ada@marlow.example"}
    with app.app_context():
        with unit_of_work():
            first = accounts.first_administrator_link(**facts, now=portal_clock.now())
        with unit_of_work():
            second = accounts.first_administrator_link(**facts, now=portal_clock.now())
    path = second.removeprefix("http://127.0.0.1:8000")
    assert Visitor(app).get(first.removeprefix("http://127.0.0.1:8000")).status == 410
    clock.advance(minutes=14)
    visitor.get(path).submit("password", password=NEW)
    assert visitor.get("/administration/people").status == 200
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(RoleGrant)) == 1
        for again in (facts, facts | {"staff_number": "MC-0002"}):
            with pytest.raises(Refusal, match="administrator already"), unit_of_work():
                accounts.first_administrator_link(**again, now=portal_clock.now())


def test_tokens_are_stored_hashed(world: Any, app: Flask, mailed: Callable[[str], str]) -> None:
    """A copy of the database opens no door."""
    assert world
    plain = mailed("password").rsplit("/", 1)[1]
    with app.app_context():
        stored = list(db.session.scalars(sa.select(tokens.Token.digest)))
    assert tokens.digest(plain) in stored
    assert plain not in stored
