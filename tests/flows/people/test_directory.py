"""Finding colleagues and departments."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.contracts.people import DepartmentChanged
from portal.kernel import clock, slots
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people import rules
from portal.people.models import Department, Fulfiller, Person
from tests.support.client import Visitor


def names(page: Any) -> list[str]:
    """The people listed on a page, in order."""
    return [link.text for link in page.links if link.href.startswith("/people/MC-")]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("mara", ["Mara Okafor"]),
        ("OKAF", ["Mara Okafor"]),
        ("invoices", ["Ruth Adeyemi"]),
        ("photo okafor", ["Mara Okafor"]),
        ("technician", ["Jonas Lindqvist", "Kim Moreau"]),
        ("MC-0700", ["Leo Fontaine"]),
        ("bruno", []),
        ("kafor", []),
        ("%", []),
        ("_ara", []),
        ("' OR 1=1 --", []),
        ("x" * 5000, []),
    ],
)
def test_people_are_found_by_the_start_of_any_word(world: Any, sign_in: Callable[[Any], Visitor], words: str, found: list[str]) -> None:
    """Name, title, topic or number; never somebody who left, and signs of SQL are only signs."""
    page = sign_in(world.tom).get("/people", query_string={"q": words})
    assert page.status == 200
    assert names(page) == found


def test_the_directory_is_sorted_and_paged_by_key(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, query_count: Callable[[], Any]) -> None:
    """A thousand more people: forty a page, each once, forth and back, with the same few statements."""
    now = clock.now()
    with app.app_context(), unit_of_work():
        rows = [
            {"staff_number": f"MC-X{n}", "name": f"Same Name{n % 7}", "given_name": "", "sort_name": rules.sort_name(f"Same Name{n % 7}")}
            | {"kind": "employee", "title": "", "place": "", "phone": "", "search_text": " same", "is_active": True, "created_at": now, "updated_at": now}
            for n in range(100)
        ]
        db.session.execute(sa.insert(Person), rows)
    tom, seen = sign_in(world.tom), []
    page = tom.get("/people")
    while True:
        seen += [link.href for link in page.links if link.href.startswith("/people/MC-")]
        following = [link for link in page.links if link.text == "Next"]
        if not following:
            break
        with query_count() as statements:
            page = tom.get(following[0].href)
        assert statements.count <= 8, statements
    assert len(seen) == len(set(seen)) == 100 + len([p for p in world.people if p != "bruno"])
    assert names(page.follow("Back"))


@pytest.mark.parametrize("cursor", ["x", "%00", "W10", "WzEsMiwzXQ", "eyJhIjoxfQ", "A" * 2000])
def test_a_made_up_place_in_the_list_is_its_beginning(world: Any, sign_in: Callable[[Any], Visitor], cursor: str) -> None:
    """Never an error."""
    page = sign_in(world.tom).get(f"/people?at={cursor}")
    assert (page.status, names(page)[0]) == (200, "Ruth Adeyemi")


def test_the_directory_is_narrowed_to_a_department(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Together with words; an unknown one is not found."""
    tom = sign_in(world.tom)
    assert names(tom.get("/people?department=facilities")) == ["Ola Brandvold", "Jonas Lindqvist", "Kim Moreau", "Priya Raman"]
    assert names(tom.get("/people?department=facilities&q=valves")) == ["Jonas Lindqvist"]
    assert tom.get("/people?department=nowhere").status == 404


def test_who_left_is_listed_for_hr_only(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """For everybody else the address shows who works here."""
    assert names(sign_in(world.elena).get("/people?left=y")) == ["Bruno Adler"]
    assert "Bruno Adler" not in names(sign_in(world.nils).get("/people?left=y"))
    assert sign_in(world.nils).get("/people/MC-0099").status == 404


def test_a_name_is_suggested_while_typing(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Ten option lines at most, with the staff number in brackets; nothing for nothing, and never who left."""
    tom = sign_in(world.tom)
    assert '<option value="Nils Brandt (MC-0800)">Sales</option>' in tom.fragment("/people/suggest?q=bran").source
    assert '<option value="Nils Brandt (MC-0800)">Sales</option>' in tom.fragment("/people/suggest?q=Nils Brandt (MC-0800)").source
    assert tom.fragment("/people/suggest?q=").source == ""
    assert tom.fragment("/people/suggest?q=bruno").source == ""
    assert tom.fragment("/people/suggest?q=m").source.count("<option") <= 10


def test_a_profile_shows_who_somebody_is(world: Any, sign_in: Callable[[Any], Visitor], query_count: Callable[[], Any]) -> None:
    """Department, manager, reports, local time; and what features add."""
    tom = sign_in(world.tom)
    slots.register("profile.tabs", "test", lambda actor, **about: {"text": "Requests", "url": f"/people/{about['staff_number']}"})
    try:
        with query_count() as statements:
            page = tom.get("/people/MC-0500")
    finally:
        slots.register("profile.tabs", "test", lambda actor, **about: None)
    assert statements.count <= 8, statements
    for words in ("Hana Sato", "Warehouse", "Iris Vogel", "2 people report to Hana", "4:00", "America/New_York", "Requests"):
        assert words in page
    assert "Edit my profile" not in page


@pytest.mark.parametrize("number", ["MC-9999", "x" * 300, "%00", "..%2F..", "MC-0123%27"])
def test_nobody_has_this_number(world: Any, sign_in: Callable[[Any], Visitor], number: str) -> None:
    """The page has ridden off."""
    assert sign_in(world.tom).get(f"/people/{number}").status == 404


# -- departments -----------------------------------------------------------------------------------------------------


def test_every_department_says_what_it_does_for_others(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """One line each."""
    page = sign_in(world.mara).get("/departments")
    assert "We keep you warm, dry and safe at work." in page
    assert [link.text for link in page.links if link.href.startswith("/departments/")] == sorted((d.name for d in world.departments.values()), key=str.casefold)


def test_a_department_shows_lead_hours_and_who_answers(world: Any, sign_in: Callable[[Any], Visitor], query_count: Callable[[], Any]) -> None:
    """Open now at ten in the morning; Christmas ahead."""
    mara = sign_in(world.mara)
    mara.get("/departments/facilities")
    with query_count() as statements:
        page = mara.get("/departments/facilities")
    assert statements.count <= 16, statements
    for words in ("Priya Raman", "Jonas Lindqvist", "Kim Moreau", "Ola Brandvold", "8:00 to 18:00", "Open now", "Includes Security", "Europe/Berlin"):
        assert words in page
    assert "Edit" not in [link.text for link in page.links]


def test_a_department_is_closed_at_night(world: Any, sign_in: Callable[[Any], Visitor], clock: Any) -> None:
    """And says so."""
    mara = sign_in(world.mara)
    clock.advance(hours=10)
    assert "Closed now" in mara.get("/departments/facilities")


def test_features_add_to_a_department(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """The desk puts its services there."""
    seen: list[Any] = []
    slots.register("department.main", "test", lambda actor, **about: seen.append((actor.person_id, about)))
    try:
        sign_in(world.mara).get("/departments/facilities")
    finally:
        slots.register("department.main", "test", lambda actor, **about: None)
    assert seen == [(world.mara.id, {"department_id": world.facilities.id, "key": "facilities"})]


def test_the_lead_words_the_value_line(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """Ten words are taken, eleven are counted and come back."""
    priya = sign_in(world.priya)
    page = priya.get("/departments/facilities/edit").submit("value_line", value_line="one two three four five six seven eight nine ten eleven")
    assert page.status == 422
    assert "That is 11 words" in page
    page = page.submit("value_line", value_line="We keep you warm, and we say when.", phone="112")
    assert page.path == "/departments/facilities"
    assert "We keep you warm, and we say when." in page
    with app.app_context():
        changes = [row.changes for row in db.session.scalars(sa.select(Activity).where(Activity.event == DepartmentChanged.event))]
    assert changes == [
        {"value_line": ["We keep you warm, dry and safe at work.", "We keep you warm, and we say when."], "phone": [None, "112"]},
    ]


@pytest.mark.parametrize("who", ["mara", "jonas", "elena", "nils", "vera"])
def test_nobody_else_words_it(world: Any, sign_in: Callable[[Any], Visitor], who: str) -> None:
    """Not its fulfillers, not another lead, not the lead of a part of it."""
    visitor = sign_in(world.people[who])
    token = visitor.get("/account/devices").form("devices/end").values["csrf_token"][0]
    assert visitor.get("/departments/facilities/edit").status == 403
    for path in ("/departments/facilities/edit", "/departments/facilities/people", f"/departments/facilities/people/{world.kim.id}"):
        assert visitor.post(path, {"csrf_token": token, "value_line": "Mine", "person": "Mara Okafor", "part": "fulfiller", "do": "remove"}).status == 403
    with visitor.app.app_context():
        assert db.session.get_one(Department, world.facilities.id).value_line == "We keep you warm, dry and safe at work."
        assert db.session.scalar(sa.select(sa.func.count()).where(Fulfiller.department_id == world.facilities.id)) == 3


def test_the_lead_names_who_answers_and_who_stands_in(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Rights count at the next request and end the same way."""
    priya = sign_in(world.priya)
    page = priya.get("/departments/facilities/edit").submit("person", button="fulfiller", person="Tom Becker (MC-0412)")
    with priya.app.app_context():
        assert world.facilities.id in world.actor("tom").fulfils
    page = page.submit("person", button="deputy", person="Tom Becker")
    with priya.app.app_context():
        assert world.actor("tom").leads == {world.facilities.id, world.security.id}
    for what in ("off", "on", "remove", "undeputise"):
        form = next(f for f in page.forms if f.action.endswith(f"/people/{world.tom.id}") and f.values["do"] == [what])
        page = priya.submit(page, form)
    with priya.app.app_context():
        tom = world.actor("tom")
        assert (tom.fulfils, tom.leads) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("name", "sentence"), [("", "Choose a colleague"), ("Bruno Adler", "nobody called"), ("Nobody", "nobody called"), ("x" * 300, "longer than 200")]
)
def test_only_colleagues_can_be_named(world: Any, sign_in: Callable[[Any], Visitor], name: str, sentence: str) -> None:
    """With the reason beside the field."""
    page = sign_in(world.priya).get("/departments/facilities/edit").submit("person", button="fulfiller", person=name)
    assert (page.status, sentence in page) == (422, True)


def test_two_of_the_same_name_must_be_told_apart(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """The staff number decides."""
    now = clock.now()
    with sign_in(world.priya).app.app_context(), unit_of_work():
        db.session.add(Person(staff_number="MC-0413", name="Tom Becker", sort_name="becker tom", search_text=" tom becker", created_at=now, updated_at=now))
    page = sign_in(world.priya).get("/departments/facilities/edit").submit("person", button="fulfiller", person="Tom Becker")
    assert "More than one person is called Tom Becker" in page
    assert page.submit("person", button="fulfiller", person="Tom Becker (MC-0413)").status == 200


def test_the_organisation_opens_department_by_department(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """People come when a department is opened; without script its page is linked."""
    mara = sign_in(world.mara)
    page = mara.get("/organisation")
    assert "Security" in page
    assert "Jonas Lindqvist" not in page
    part = mara.fragment("/organisation/facilities/people")
    assert "Jonas Lindqvist" in part
    assert "<html" not in part.source
    assert mara.get("/organisation/nowhere/people").status == 404
