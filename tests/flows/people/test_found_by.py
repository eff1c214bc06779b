"""The words people are found by follow their name, address, title and department, whoever changes them."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock
from portal.kernel.db import db
from portal.kernel.unit_of_work import run, unit_of_work
from portal.people.actions import searching
from portal.people.actions.departments import DepartmentFacts, edit_department
from portal.people.actions.persons import Facts, edit_person
from portal.people.models import Department, Person

pytestmark = pytest.mark.postgres


def people(sign_in: Any, who: Any, text: str) -> set[str]:
    """Staff numbers of the people the one search box finds."""
    page = sign_in(who).get(f"/search?q={text}")
    return {link.href.rpartition("/")[2] for link in page.links if link.href.startswith("/people/MC-")} - {who.staff_number}


@pytest.fixture
def indexed(world: Any, app: Flask) -> Any:
    """The world after `portal reindex`."""
    with app.app_context():
        assert list(searching.refill()) == [max(who.id for who in world.people.values())]
        db.session.remove()
    return world


def test_somebody_is_found_by_name_address_title_and_department(indexed: Any, sign_in: Any) -> None:
    """The start of any word, whatever case and accents, and words of different kinds together."""
    jonas, mail = indexed.jonas, indexed.jonas.email
    for text in ("jonas", "LIND", "lindqvíst", mail, mail[:9], "technician", "facilities jonas", "lindqvist+technician"):
        assert jonas.staff_number in people(sign_in, indexed.tom, text), text
    assert people(sign_in, indexed.tom, "jonas+payroll") == set()


def test_who_left_is_found_by_nobody_who_searches(indexed: Any, sign_in: Any) -> None:
    """Not by name, not by department; administrators see them in the list of people they keep."""
    for who in (indexed.tom, indexed.iris):
        assert indexed.bruno.staff_number not in people(sign_in, who, "bruno")


def test_a_department_with_another_name_takes_its_people_along(indexed: Any, app: Flask, sign_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, in batches; the old name finds only whose title says so."""
    monkeypatch.setattr(searching, "BATCH", 2)
    here = people(sign_in, indexed.tom, "facilities")
    assert len(here) > 1
    with app.app_context():

        def rename() -> None:
            department = db.session.get_one(Department, indexed.facilities.id)
            edit_department(department, DepartmentFacts(name="Haus und Hof"), actor=indexed.actor("iris"), now=clock.now())

        run(rename)
        db.session.remove()
    assert people(sign_in, indexed.tom, "haus+hof") == here
    assert people(sign_in, indexed.tom, "facilities") < here


def test_somebody_who_moves_is_found_where_they_are_now(indexed: Any, app: Flask, sign_in: Any) -> None:
    """A change by those who keep the list counts at once."""
    with app.app_context():

        def move() -> None:
            person = db.session.get_one(Person, indexed.jonas.id)
            facts = Facts(staff_number=person.staff_number, name=person.name, email="jl@marlow.example", department_id=indexed.it.id)
            edit_person(person, facts, actor=indexed.actor("iris"), now=clock.now())

        run(move)
        db.session.remove()
    assert indexed.jonas.staff_number in people(sign_in, indexed.tom, "jl@marlow")
    assert indexed.jonas.staff_number not in people(sign_in, indexed.tom, "facilities")


def test_reindexing_mends_whatever_was_written_past_the_portal(indexed: Any, app: Flask, sign_in: Any) -> None:
    """The words are made anew from the rows, of everybody."""
    with app.app_context():
        with unit_of_work() as session:
            session.execute(sa.update(Person).values(search_text=" nothing"))
        assert people(sign_in, indexed.tom, "jonas") == set()
        list(searching.refill())
        db.session.remove()
    assert indexed.jonas.staff_number in people(sign_in, indexed.tom, "jonas")


def test_one_search_finds_requests_people_and_services(indexed: Any, sign_in: Any) -> None:
    """In groups with a heading each, as links in the order of reading, without a script."""
    page = sign_in(indexed.mara).get("/search?q=radiator")
    targets = [link.href for link in page.links]
    service = next(place for place, target in enumerate(targets) if target.startswith("/need/"))
    assert service < targets.index(f"/requests/{indexed.requests['radiator']}")
    assert indexed.jonas.staff_number in people(sign_in, indexed.mara, "jonas")
