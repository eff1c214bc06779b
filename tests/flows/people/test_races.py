"""Sixteen at once: exactly one gets in by a link, and the counts at the door miss nobody. On both databases."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock, sessions
from portal.kernel.db import db
from portal.kernel.errors import PortalError
from portal.kernel.policy import Actor
from portal.kernel.unit_of_work import run, unit_of_work
from portal.people import passwords
from portal.people.actions import accounts, imports, persons, roles, throttling
from portal.people.models import ImportRun, Person, Role, RoleGrant, Throttle
from tests.support.client import Visitor
from tests.support.world import PASSWORD

pytestmark = pytest.mark.postgres
NEW = "kohlrabi spoon telescope"


def at_once(app: Flask, work: Callable[[int], Any], number: int = 16) -> list[Any]:
    """Run ``work`` in ``number`` threads that start together; results, with refusals as None."""
    barrier, results = threading.Barrier(number), [None] * number

    def one(place: int) -> None:
        with app.app_context():
            barrier.wait()
            try:
                results[place] = work(place)
            except PortalError:
                results[place] = None
            finally:
                db.session.remove()

    threads = [threading.Thread(target=one, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def fresh_link(app: Flask, person_id: int, purpose: accounts.Purpose) -> str:
    """A link that was just mailed."""
    with app.app_context():
        with unit_of_work():
            link = accounts.make_link(person_id, purpose, clock.now())
        db.session.remove()
    return link


@pytest.mark.parametrize("purpose", ["welcome", "password", "sign-in"])
def test_a_link_opens_the_door_once(world: Any, app: Flask, purpose: accounts.Purpose) -> None:
    """Through the real pages: sixteen browsers hold the same link open and press the button together."""
    path = fresh_link(app, world.lars.id, purpose).removeprefix("http://127.0.0.1:8000")
    visitors = [Visitor(app) for _ in range(16)]
    pages = [visitor.get(path) for visitor in visitors]
    values = {} if purpose == "sign-in" else {"password": NEW}
    at_once(app, lambda place: pages[place].submit("" if purpose == "sign-in" else "password", **values).status)
    inside = [visitor for visitor in visitors if visitor.get("/account/devices", follow_redirects=False).status == 200]
    assert len(inside) == 1
    with app.app_context():
        live = sa.select(sa.func.count()).where(sessions.PortalSession.person_id == world.lars.id, sessions.PortalSession.ended_at.is_(None))
        assert db.session.scalar(live) == 1


def test_every_try_is_counted(world: Any, app: Flask) -> None:
    """Sixteen wrong passwords at the same moment: five are looked at, the rest find the door shut."""
    now = clock.now()
    allowed = at_once(app, lambda _: run(lambda: accounts.begin_try(world.mara.email, "192.0.2.1", now)))
    assert sorted(map(bool, allowed)) == [False] * 11 + [True] * 5
    with app.app_context():
        assert db.session.scalar(sa.select(Throttle.failures).where(Throttle.key == throttling.account_key(world.mara.email))) == 5


def test_sixteen_with_the_right_password_all_come_in(world: Any, app: Flask) -> None:
    """One after the other or all at once: five tries are free and each success gives its try back; nobody sees an error."""
    passwords.use_cost_for_tests(passwords.Cost(memory_kib=8, rounds=1))
    visitors = [Visitor(app) for _ in range(5)]
    pages = [visitor.get("/sign-in") for visitor in visitors]
    answers = at_once(app, lambda place: pages[place].submit("password", name=world.mara.email, password=PASSWORD).status, 5)
    assert all(status in (200, 404) for status in answers), answers
    assert all(visitor.get("/account/devices", follow_redirects=False).status == 200 for visitor in visitors)


def test_a_role_is_given_once(world: Any, app: Flask) -> None:
    """Sixteen administrators press the same button."""

    def give(_: int) -> int:
        def unit() -> int:
            person = db.session.get_one(Person, world.tom.id)
            return roles.grant_role(person, Role.AUTHOR, actor=world.actor("ada"), today=date(2026, 11, 24), now=clock.now()).id

        return run(unit)

    assert len([result for result in at_once(app, give) if result]) == 1
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).where(RoleGrant.person_id == world.tom.id)) == 1


def test_two_administrators_cannot_end_each_other(world: Any, app: Flask) -> None:
    """One of them stays, however close they come."""
    with app.app_context(), unit_of_work():
        roles.grant_role(db.session.get_one(Person, world.tom.id), Role.ADMINISTRATOR, actor=world.actor("ada"), today=date(2026, 11, 24), now=clock.now())
    with app.app_context():
        actors: list[Actor] = [world.actor("ada"), world.actor("tom")]
        db.session.remove()

    def end(place: int) -> bool:
        victim = (world.tom, world.ada)[place].id
        run(lambda: persons.deactivate(db.session.get_one(Person, victim), actor=actors[place], now=clock.now()))
        return True

    assert len([done for done in at_once(app, end, 2) if done]) == 1
    with app.app_context():
        held = sa.select(sa.func.count()).select_from(RoleGrant).join(Person, Person.id == RoleGrant.person_id)
        assert db.session.scalar(held.where(RoleGrant.role == Role.ADMINISTRATOR, RoleGrant.ended_at.is_(None), Person.is_active.is_(True))) == 1


def test_an_import_is_confirmed_once(world: Any, app: Flask, tmp_path: Any) -> None:
    """Sixteen clicks, one run."""
    path = tmp_path / "people.csv"
    path.write_text("staff_number,name\nMC-5000,Ivy Chen\n", encoding="utf-8")
    with app.app_context():
        run_id = imports.import_file(path, confirm=False, now=clock.now()).run_id
        actor = world.actor("elena")
        db.session.remove()

    def confirm(_: int) -> bool:
        run(lambda: imports.confirm(db.session.get_one(ImportRun, run_id), actor=actor, now=clock.now()))
        return True

    assert len([done for done in at_once(app, confirm) if done]) == 1


def test_an_address_belongs_to_one_person(world: Any, app: Flask) -> None:
    """Sixteen colleagues with the same address are added at once; fifteen get a sentence, nobody a crash."""
    assert world

    def add(place: int) -> int:
        facts = persons.Facts(staff_number=f"MC-6{place:03d}", name="Ivy Chen", email="ivy@marlow.example")
        return run(lambda: persons.add_person(facts, actor=world.actor("elena"), now=clock.now()).id)

    results = at_once(app, add)
    assert len([result for result in results if result]) == 1


def test_sessions_end_while_others_begin(world: Any, app: Flask) -> None:
    """A password is changed while a thief signs in with the old one: afterwards no session from before is open."""
    with app.app_context():
        account = accounts.account_of(world.mara.id, clock.now(), accounts.settings())
        db.session.remove()
    assert account is not None
    stored, now = passwords.hasher().hash(NEW), clock.now()

    def work(place: int) -> bool:
        if place == 0:
            run(lambda: accounts.set_password(account, stored, actor=Actor(person_id=world.mara.id, kind="person"), now=now + timedelta(seconds=1)))
        else:
            run(lambda: accounts.forgive(f"nobody{place}", "192.0.2.1"))
        return True

    assert all(at_once(app, work))
