"""Administration: persons, roles, departments, locations, working hours."""

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.contracts.people import PersonChanged, PersonJoined, PersonLeft, RoleEnded, RoleGranted
from portal.kernel import clock as portal_clock
from portal.kernel import slots
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.errors import Forbidden, Refusal
from portal.kernel.unit_of_work import unit_of_work
from portal.people.actions import persons, roles
from portal.people.calendar import WorkCalendar
from portal.people.models import Calendar, Department, Fulfiller, Kind, Location, Person, Role, RoleGrant
from tests.flows.people.test_signing_in import is_in, knock
from tests.support.client import Visitor

PAGES = {
    "keep": [
        "/administration/people",
        "/administration/people/add",
        "/administration/people/MC-0123",
        "/administration/people/MC-0123/edit",
        "/administration/import",
    ],
    "administer": [
        "/administration/departments/add",
        "/administration/departments/facilities",
        "/administration/working-hours",
        "/administration/working-hours/add",
        "/administration/working-hours/1",
        "/administration/locations/add",
        "/administration/locations/1",
    ],
}


def token_of(visitor: Visitor) -> str:
    """The token against forged requests, for posts no page offers."""
    return visitor.get("/account/devices").form("devices/end").values["csrf_token"][0]


@pytest.mark.parametrize(("who", "open_"), [("ada", {"keep", "administer"}), ("elena", {"keep"}), ("priya", set()), ("mara", set()), ("vera", set())])
def test_who_opens_which_page(world: Any, sign_in: Callable[[Any], Visitor], who: str, open_: set[str]) -> None:
    """Administrators all, HR the persons, nobody else any."""
    visitor = sign_in(world.people[who])
    for kind, paths in PAGES.items():
        assert {visitor.get(path).status for path in paths} == {200 if kind in open_ else 403}
    menu = visitor.get("/people")
    assert ("People and groups" in menu, "Working hours" in menu) == ("keep" in open_, "administer" in open_)


@pytest.mark.parametrize(
    "path",
    [
        "/administration/people/add",
        "/administration/people/MC-0123/edit",
        "/administration/people/MC-0123/invite",
        "/administration/people/MC-0123/leave",
        "/administration/people/MC-0123/return",
        "/administration/people/MC-0123/sign-out",
        "/administration/people/MC-0123/roles",
        "/administration/roles/1/end",
        "/administration/departments/add",
        "/administration/departments/facilities",
        "/administration/locations/add",
        "/administration/locations/1",
        "/administration/working-hours/add",
        "/administration/working-hours/1",
        "/administration/import",
        "/administration/import/1/confirm",
        "/administration/import/1/discard",
    ],
)
def test_colleagues_change_none_of_it(world: Any, sign_in: Callable[[Any], Visitor], path: str) -> None:
    """Every door, as Mara and as a lead; nobody signed in is led to the sign-in."""
    for who in (world.mara, world.priya):
        visitor = sign_in(who)
        assert visitor.post(path, {"csrf_token": token_of(visitor)}).status == 403
    stranger = Visitor(visitor.app)
    token = stranger.get("/sign-in").form("password").values["csrf_token"][0]
    assert stranger.post(path, {"csrf_token": token}, follow_redirects=False).headers["Location"].startswith("/sign-in")


def test_elena_adds_a_new_colleague(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """Found in the directory at once; on record."""
    page = (
        sign_in(world.elena)
        .get("/administration/people/add")
        .submit(
            "staff_number",
            staff_number="MC-0777",
            name="  Zoë   Ångström ",
            email="Zoe@Marlow.example",
            department_id=world.sales.id,
            location_id=world.mill_road.id,
            manager="Nils Brandt (MC-0800)",
            start_date="2026-12-01",
        )
    )
    assert page.path == "/administration/people/MC-0777"
    assert "Zoë Ångström" in sign_in(world.mara).get("/people?q=angstrom")
    with app.app_context():
        row = db.session.scalars(sa.select(Person).where(Person.staff_number == "MC-0777")).one()
        assert (row.email, row.manager_id, row.start_date) == ("zoe@marlow.example", world.nils.id, date(2026, 12, 1))
        assert db.session.scalars(sa.select(Activity).where(Activity.event == PersonJoined.event)).one().actor_id == world.elena.id


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"staff_number": ""}, "staff number is needed"),
        ({"staff_number": "MC-0231"}, "Somebody else has this staff number"),
        ({"staff_number": "MC 1"}, "Letters, digits"),
        ({"staff_number": "x" * 41}, "longer than 40"),
        ({"name": "\x00 "}, "name is needed"),
        ({"email": "jonas.lindqvist@marlow.example"}, "Somebody else has this address"),
        ({"email": "a@b\r\nBcc: c@d.de"}, "does not look like"),
        ({"zone": "Mars"}, "time zone"),
        ({"manager": "Nobody"}, "nobody called"),
        ({"manager": "Mara Okafor"}, ""),
        ({"start_date": "2026-02-30"}, "First day"),
        ({"start_date": "2026-12-02", "end_date": "2026-12-01"}, "lies before"),
        ({"department_id": "99999"}, "Department"),
        ({"department_id": "1 OR 1=1"}, "Department"),
        ({"kind": "robot"}, "Kind"),
    ],
)
def test_what_cannot_be_stored_comes_back(world: Any, sign_in: Callable[[Any], Visitor], values: dict[str, str], sentence: str) -> None:
    """With the reason, and nothing changed."""
    page = sign_in(world.elena).get("/administration/people/MC-0123/edit")
    form = page.form("staff_number")
    data = {name: held[0] for name, held in form.values.items()} | {"title": "Kept"} | values
    answer = page.visitor.post(page.address, data)
    assert answer.status == 422
    assert sentence in answer
    assert answer.form("staff_number").values["title"] == ["Kept"]


def test_no_manager_of_their_own_manager(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Priya reports to Jonas, who reports to Priya: refused."""
    page = sign_in(world.ada).get("/administration/people/MC-0230/edit").submit("staff_number", manager="Jonas Lindqvist")
    assert (page.status, "their own manager" in page) == (422, True)


def test_a_change_is_recorded_with_before_and_after(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """And only what changed."""
    sign_in(world.elena).get("/administration/people/MC-0412/edit").submit("staff_number", title="Senior adviser")
    with app.app_context():
        row = db.session.scalars(sa.select(Activity).where(Activity.event == PersonChanged.event)).one()
    assert row.changes == {"title": ["Customer care adviser", "Senior adviser"]}


def test_somebody_leaves(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """Signed out everywhere, off the lists, roles ended, in one go; and may come back without them."""
    with app.app_context(), unit_of_work():
        roles.grant_role(db.session.get_one(Person, world.kim.id), Role.AUTHOR, actor=world.actor("ada"), today=date(2026, 11, 24), now=portal_clock.now())
    kim, ada = sign_in(world.kim), sign_in(world.ada)
    assert sign_in(world.elena).get("/administration/people/MC-0232").status == 403
    page = ada.get("/administration/people/MC-0232").follow("Has left").submit()
    assert not is_in(kim)
    assert sign_in(world.mara).get("/people/MC-0232").status == 404
    with app.app_context():
        assert db.session.scalar(sa.select(Fulfiller.person_id).where(Fulfiller.person_id == world.kim.id)) is None
        assert db.session.scalars(sa.select(RoleGrant).where(RoleGrant.person_id == world.kim.id)).one().ended_at is not None
        assert db.session.scalars(sa.select(Activity).where(Activity.event == PersonLeft.event)).one().subject_id == world.kim.id
    assert ada.post("/administration/people/MC-0232/leave", {"csrf_token": token_of(ada)}).status == 422
    page = page.submit("return")
    with app.app_context():
        assert world.actor("kim").fulfils == frozenset()
    assert page.status == 200


def test_the_last_day_ends_by_itself(world: Any, app: Flask, run_jobs: Callable[..., int], clock: Any) -> None:
    """Where the person is: Lars in New York six hours after Tom in Berlin."""
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Person).where(Person.id.in_([world.tom.id, world.lars.id])).values(end_date=date(2026, 11, 24)))

    def here() -> set[str]:
        with app.app_context():
            return {who for who in ("tom", "lars") if db.session.get_one(Person, world.people[who].id).is_active}

    for hours, left in ((0, {"tom", "lars"}), (15, {"lars"}), (6, set())):
        clock.advance(hours=hours)
        run_jobs(periodic=True)
        assert here() == left


def test_the_last_administrator_stays(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Neither leaving nor a role taken back locks the company out."""
    ada = sign_in(world.ada)
    page = ada.get("/administration/people/MC-0900")
    assert "only administrator" in page.follow("Has left").submit()
    grant = next(form for form in page.forms if "/administration/roles/" in form.action)
    assert "only administrator" in ada.submit(page, grant)
    assert ada.get("/administration/people").status == 200


def test_the_only_administrator_has_no_last_day(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """It would end the company's way in at midnight."""
    page = sign_in(world.ada).get("/administration/people/MC-0900/edit").submit("staff_number", end_date="2026-12-31")
    assert (page.status, "only administrator" in page) == (422, True)


def test_service_accounts_do_not_come_in(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, visitor: Visitor) -> None:
    """They get no invitation, and a password of theirs would open nothing."""
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Person).where(Person.id == world.lars.id).values(kind=Kind.SERVICE))
    elena = sign_in(world.elena)
    answer = elena.post("/administration/people/MC-0510/invite", {"csrf_token": token_of(elena)})
    assert (answer.status, "does not come in" in answer) == (422, True)
    knock(visitor, world.lars.staff_number)
    assert not is_in(visitor)


def test_a_role_is_given_and_taken_back(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, clock: Any) -> None:
    """It ends open sessions, counts at the next sign-in, runs out by itself, and both ends are on record."""
    ada, tom = sign_in(world.ada), sign_in(world.tom)
    page = ada.get("/administration/people/MC-0412").submit("until", role="hr", until="2026-11-30")
    assert page.status == 200
    assert not is_in(tom)
    with app.app_context():
        assert world.actor("tom").roles == {"hr"}
    assert (page.submit("until", role="hr").status, page.submit("until", role="editor").status) == (422, 200)
    clock.advance(days=7)
    with app.app_context():
        assert world.actor("tom").roles == {"editor"}
    ada = sign_in(world.ada)
    page = ada.get("/administration/people/MC-0412")
    for form in [form for form in page.forms if "/administration/roles/" in form.action]:
        assert ada.submit(page, form).status == 200
        assert ada.submit(page, form).status in (200, 422)
    with app.app_context():
        assert world.actor("tom").roles == frozenset()
        recorded = list(db.session.scalars(sa.select(Activity.event).where(Activity.event.in_([RoleGranted.event, RoleEnded.event])).order_by(Activity.id)))
    assert recorded == [RoleGranted.event, RoleGranted.event, RoleEnded.event, RoleEnded.event]


def test_elena_gives_only_what_she_holds(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """The form offers no more, and a forged one is refused (Frappe CVE-2026-29077: share a right you lack)."""
    elena = sign_in(world.elena)
    page = elena.get("/administration/people/MC-0412")
    form = page.form("department_id")
    assert form.choices["role"] == ["hr", "survey_owner"]
    for role in ("administrator", "auditor", "", "root"):
        assert elena.post(form.action, {"csrf_token": token_of(elena), "role": role}).status == 422
    with app.app_context():
        actor = world.actor("elena")
        for role in (Role.ADMINISTRATOR, Role.AUDITOR):
            with unit_of_work(), pytest.raises(Forbidden):
                roles.grant_role(db.session.get_one(Person, world.tom.id), role, actor=actor, today=date(2026, 11, 24), now=portal_clock.now())
        assert world.actor("tom").roles == frozenset()
    assert elena.post(f"/administration/roles/{2**70}/end", {"csrf_token": token_of(elena)}).status == 404


def test_hr_cannot_come_in_as_an_administrator(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """Whoever changes an address or hands over a link could come in as that person (Frappe CVE-2026-47765's kind of hole)."""
    elena = sign_in(world.elena)
    number = world.ada.staff_number
    for path in ("", "/edit", "/leave"):
        answer = elena.get(f"/administration/people/{number}{path}")
        assert (answer.status, "roles that you do not hold" in answer) == (403, True)
    for path in ("edit", "invite", "leave", "sign-out", "roles", "return"):
        data = {"csrf_token": token_of(elena), "staff_number": number, "name": "Ada", "email": world.elena.email, "role": "hr"}
        assert elena.post(f"/administration/people/{number}/{path}", data).status == 403
    text = f"staff_number,name,email\n{number},Ada Lind,elena.private@marlow.example\nMC-0412,Tom Becker,tom@marlow.example\n"
    page = elena.get("/administration/import").submit("file", file=(io.BytesIO(text.encode()), "people.csv"))
    assert "0 new, 1 changed, 0 unchanged, 0 leaving, 1 refused" in page
    assert "holds roles that you do not hold" in page
    with app.app_context():
        assert db.session.get_one(Person, world.ada.id).email == world.ada.email


def test_a_confirmed_import_asks_again_whether_it_may(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, run_jobs: Callable[..., int]) -> None:
    """Elena loses the role between the button and the worker: nothing is written."""
    elena = sign_in(world.elena)
    page = elena.get("/administration/import").submit("file", file=(io.BytesIO(b"staff_number,name\nMC-5555,New Person\n"), "people.csv"))
    page.submit("confirm")
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(RoleGrant).where(RoleGrant.person_id == world.elena.id).values(ended_at=portal_clock.now()))
    run_jobs()
    assert "Stopped before the end" in sign_in(world.ada).get(page.path)
    with app.app_context():
        assert db.session.scalar(sa.select(Person.id).where(Person.staff_number == "MC-5555")) is None


def test_a_role_cannot_end_before_it_begins(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Yesterday is over; who left gets none."""
    ada = sign_in(world.ada)
    assert "day is over" in ada.get("/administration/people/MC-0412").submit("until", role="hr", until="2026-11-23")
    answer = ada.post("/administration/people/MC-0099/roles", {"csrf_token": token_of(ada), "role": "hr", "department_id": ""})
    assert (answer.status, "has left" in answer) == (422, True)


def test_a_lost_laptop_is_signed_out(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """By HR, on the telephone."""
    nils = sign_in(world.nils)
    elena = sign_in(world.elena)
    page = elena.get("/administration/people/MC-0800")
    elena.submit(page, next(form for form in page.forms if form.action.endswith("/MC-0800/sign-out")))
    assert not is_in(nils)


def test_last_administrator_is_counted_by_who_is_here(world: Any, app: Flask) -> None:
    """Somebody who left, or whose role runs out, does not count."""
    with app.app_context(), unit_of_work():
        now, actor = portal_clock.now(), world.actor("ada")
        roles.grant_role(db.session.get_one(Person, world.tom.id), Role.ADMINISTRATOR, until=date(2027, 1, 1), actor=actor, today=date(2026, 11, 24), now=now)
        assert persons.holds_last_administrator(world.ada.id)
        roles.grant_role(db.session.get_one(Person, world.kim.id), Role.ADMINISTRATOR, actor=actor, today=date(2026, 11, 24), now=now)
        assert not persons.holds_last_administrator(world.ada.id)
        persons.deactivate(db.session.get_one(Person, world.kim.id), actor=actor, now=now)
        with pytest.raises(Refusal):
            persons.deactivate(db.session.get_one(Person, world.ada.id), actor=actor, now=now)


# -- departments, locations, hours -----------------------------------------------------------------------------------


def test_ada_adds_and_moves_departments(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """Keys come from the name and stay; no department hangs below itself."""
    ada = sign_in(world.ada)
    page = ada.get("/administration/departments/add").submit("parent_id", name="Größe & Form", parent_id=world.marketing.id, lead="Mara Okafor")
    assert page.path == "/departments/grosse-form"
    with app.app_context():
        assert world.actor("mara").leads == {db.session.scalar(sa.select(Department.id).where(Department.key == "grosse-form"))}
    page = ada.get("/administration/departments/marketing").submit("parent_id", parent_id=world.communications.id)
    assert (page.status, "below itself" in page) == (422, True)
    page = ada.get("/administration/departments/add").submit("parent_id", name="facilities")
    assert (page.status, "name already" in page) == (422, True)


def test_ada_changes_opening_hours_after_a_look(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """Looking writes nothing and shows what features say about it; saving makes a version."""
    ada, seen = sign_in(world.ada), []
    number = world.calendars["facilities"].id
    slots.register("calendar.preview", "test", lambda actor, **about: seen.append(about))
    try:
        page = ada.get(f"/administration/working-hours/{number}").submit(
            "day0", button="look", day4="8:00-12:00", overrides="2026-11-26 closed\n2026-11-27 10:00-11:30"
        )
    finally:
        slots.register("calendar.preview", "test", lambda actor, **about: None)
    assert "The next 14 days" in page
    assert "10:00 to 11:30" in page
    assert seen[0]["calendar_id"] == number
    assert isinstance(seen[0]["candidate"], WorkCalendar)
    saved = page.submit("day0", button="save")
    assert saved.path == "/administration/working-hours"
    form = ada.get(f"/administration/working-hours/{number}").form("day0")
    assert (form.values["day4"], form.values["seen_version"]) == (["8:00-12:00"], ["2"])
    assert form.values["overrides"][0].strip() == "2026-11-26\n2026-11-27 10:00-11:30"
    assert "changed these hours" in page.submit("day0", button="save", day4="")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"day0": "nine to five"}, "cannot read"),
        ({"day0": "9:00-9:00"}, "differ"),
        ({"day0": "25:00-26:00"}, "cannot read"),
        ({"zone": "Mars"}, "time zone"),
        ({"country": "XX"}, "public holidays of XX"),
        ({"country": "Germany"}, "Two letters"),
        ({"overrides": "tomorrow closed"}, "Line 1"),
        ({"overrides": "2026-12-24\n2026-99-01"}, "Line 2"),
        ({"overrides": "2026-12-24\n2026-12-25\n2026-12-24 9:00-12:00"}, "Line 3 has a day that stands above already."),
        ({"overrides": "1999-12-31"}, "Line 1: write a year from 2000 to 2100."),
        ({"overrides": "2101-01-01"}, "from 2000 to 2100"),
        ({f"day{n}": "" for n in range(7)}, "no working time"),
        ({"day0": "x" * 5000}, "longer than 200"),
    ],
)
def test_hours_that_cannot_be_read(world: Any, sign_in: Callable[[Any], Visitor], values: dict[str, str], sentence: str) -> None:
    """The sentence says how to write them; the page keeps what was typed."""
    number = world.calendars["facilities"].id
    for button in ("look", "save"):
        page = sign_in(world.ada).get(f"/administration/working-hours/{number}").submit("day0", button=button, **values)
        assert page.status == 422
        assert sentence in page
        assert all(page.form("day0").values[name][0].strip() == value for name, value in values.items())


def test_ada_adds_hours_and_a_location(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """A night shift in Maine."""
    ada = sign_in(world.ada)
    assert ada.get("/administration/working-hours/add").submit("day0", button="save", name="").status == 422
    ada.get("/administration/working-hours/add").submit("day0", button="save", name="Nights", day0="22:00-6:00", zone="America/New_York", country="us")
    ada.get("/administration/locations/add").submit("address", name="Canal Street", zone="America/New_York", country="us", subdivision="me")
    page = ada.get("/administration/working-hours")
    assert "Nights" in page
    assert "Canal Street" in page
    with app.app_context():
        assert db.session.scalar(sa.select(Calendar.id).where(Calendar.name == "Nights"))
        assert db.session.scalars(sa.select(Location).where(Location.name == "Canal Street")).one().subdivision == "ME"
    assert ada.get(f"/administration/locations/{2**70}").status == 404
    assert ada.get("/administration/working-hours/999").status == 404
