"""The named little company of every flow: Marlow Cycles with twenty people, two locations, three sets of hours.

Mara asks; Jonas, Kim and Ola work in Facilities under Priya; Elena is head of People; Tom is new in Customer Care under Aisha;
Sam edits the newsletter; Hana runs the warehouse in New York; Ruth serves Finance; Leo is Legal and must not see what is not his;
Nils sells; Iris directs; Ada administers; Vera audits; Bruno left in October.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient

from portal.kernel import clock
from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.kernel.unit_of_work import unit_of_work
from portal.people import calendars, passwords, rules
from portal.people.models import Credential, Department, Deputy, Fulfiller, Location, Person, Role, RoleGrant

PASSWORD = "tandem over the old bridge"
"""What everybody in the little company signs in with."""
DOMAIN = "marlow.example"


@dataclass(frozen=True)
class Who:
    """One of the people, as plain values that outlive every session."""

    id: int
    key: str
    name: str
    email: str | None
    staff_number: str
    department: str

    @property
    def first_name(self) -> str:
        """How colleagues call them."""
        return self.name.split()[0]


@dataclass(frozen=True)
class Place:
    """A department, location or calendar: its id and name."""

    id: int
    name: str


@dataclass
class World:
    """Ids and names of what was built; rows are loaded fresh by whoever needs them."""

    now: datetime
    people: dict[str, Who] = field(default_factory=dict)
    departments: dict[str, Place] = field(default_factory=dict)
    locations: dict[str, Place] = field(default_factory=dict)
    calendars: dict[str, Place] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)
    requests: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        """``world.mara``, ``world.facilities``, ``world.mill_road``: a person, department or location by its key."""
        for kept in ("people", "departments", "locations"):
            if name in self.__dict__.get(kept, {}):
                return self.__dict__[kept][name]
        raise AttributeError(name)

    def actor(self, key: str, now: datetime | None = None) -> Actor:
        """Who acts, with the rights they have right now (needs an application context)."""
        from portal.people.actors import actor_of

        found = actor_of(self.people[key].id, now=now or clock.now())
        assert found is not None, f"{key} cannot act"
        return found


@dataclass(frozen=True)
class _P:
    number: str
    name: str
    department: str
    title: str
    location: str = "mill_road"
    manager: str = "iris"
    mail: bool = True
    start: date = date(2022, 3, 1)
    end: date | None = None
    ask: str = ""
    roles: tuple[Role, ...] = ()


CAST = {
    "iris": _P("MC-0001", "Iris Vogel", "management", "Managing director", manager=""),
    "mara": _P("MC-0123", "Mara Okafor", "marketing", "Content producer", manager="camille", ask="photo shoots, returns wording"),
    "camille": _P("MC-0120", "Camille Renard", "marketing", "Lead, Marketing"),
    "jonas": _P("MC-0231", "Jonas Lindqvist", "facilities", "Building technician", manager="priya", ask="valves, ladders"),
    "kim": _P("MC-0232", "Kim Moreau", "facilities", "Building technician", manager="priya"),
    "ola": _P("MC-0233", "Ola Brandvold", "facilities", "Caretaker", manager="priya"),
    "priya": _P("MC-0230", "Priya Raman", "facilities", "Lead, Facilities"),
    "elena": _P("MC-0300", "Elena Duarte", "people", "Head of People", roles=(Role.HR, Role.SURVEY_OWNER)),
    "tom": _P("MC-0412", "Tom Becker", "customer_care", "Customer care adviser", manager="aisha", start=date(2026, 11, 13)),
    "aisha": _P("MC-0400", "Aisha Nasser", "customer_care", "Lead, Customer Care", roles=(Role.AUTHOR,)),
    "sam": _P("MC-0350", "Sam Whitlock", "communications", "Editor of The Bell", roles=(Role.EDITOR,)),
    "hana": _P("MC-0500", "Hana Sato", "warehouse", "Lead, Warehouse", location="harbour"),
    "ruth": _P("MC-0600", "Ruth Adeyemi", "finance", "Lead, Finance", ask="invoices, budgets"),
    "leo": _P("MC-0700", "Leo Fontaine", "legal", "General counsel"),
    "nils": _P("MC-0800", "Nils Brandt", "sales", "Lead, Sales"),
    "ada": _P("MC-0900", "Ada Lind", "it", "Systems engineer", roles=(Role.ADMINISTRATOR,)),
    "vera": _P("MC-0950", "Vera Kolb", "security", "Auditor", roles=(Role.AUDITOR,)),
    "lars": _P("MC-0510", "Lars Holt", "warehouse", "Packer", location="harbour", manager="hana", mail=False),
    "goran": _P("MC-0505", "Goran Babic", "warehouse", "Shift lead", manager="hana"),
    "bruno": _P("MC-0099", "Bruno Adler", "sales", "Sales adviser", manager="nils", end=date(2026, 10, 30)),
}
DEPARTMENTS = {
    "management": ("Management", "", "iris", ""),
    "marketing": ("Marketing", "", "camille", "We help you say it so that people understand."),
    "communications": ("Communications", "marketing", "sam", "We tell everybody what happened and what is next."),
    "facilities": ("Facilities", "", "priya", "We keep you warm, dry and safe at work."),
    "it": ("IT", "", "ada", "We keep your tools working."),
    "people": ("People", "", "elena", "We look after everybody who works here."),
    "finance": ("Finance", "", "ruth", "We pay on time and explain the numbers."),
    "legal": ("Legal", "", "leo", "We find the way you can do it."),
    "customer_care": ("Customer Care", "", "aisha", "We keep riders riding."),
    "warehouse": ("Warehouse", "", "hana", "We send the right part, whole and today."),
    "sales": ("Sales", "", "nils", "We help shops sell bikes that fit."),
    "security": ("Security", "facilities", "vera", "We keep the doors and the people safe."),
}
FULFILLERS = {
    "facilities": ("jonas", "kim", "ola"),
    "finance": ("ruth",),
    "it": ("ada",),
    "people": ("elena",),
    "legal": ("leo",),
    "marketing": ("camille",),
}


def build() -> World:
    """Build the whole world in one unit of work at the current moment; what ``conftest`` keeps as a template."""
    world = build_world(clock.now())
    try:
        from tests.support.world_desk import add_desk
    except ModuleNotFoundError:
        return world
    add_desk(world, clock.now())
    return world


def build_world(now: datetime) -> World:
    """People, departments, locations, calendars and roles; needs an application context, opens its own unit of work."""
    passwords.use_cost_for_tests(passwords.Cost(memory_kib=8, rounds=1))
    world = World(now)
    with unit_of_work():
        _places(world, now)
        _people(world, now)
        _departments(world, now)
        _rights(world, now)
    return world


def _places(world: World, now: datetime) -> None:
    calendars.ensure_defaults(now)
    weekdays = {str(day): [["08:00", "18:00"]] for day in range(5)}
    calendars.create("Facilities", zone="Europe/Berlin", hours=weekdays, country="DE", subdivision="BE", now=now)
    for row in db.session.scalars(sa.select(calendars.Calendar)):
        world.calendars[{calendars.DEFAULT: "company", calendars.ROUND_THE_CLOCK: "always"}.get(row.name, "facilities")] = Place(row.id, row.name)
    mill = Location(name="Mill Road", zone="Europe/Berlin", country="DE", subdivision="BE", address="Mill Road 1, Berlin")
    harbour = Location(name="Harbour", zone="America/New_York", country="US", subdivision="NY", address="Pier 4, New York")
    db.session.add_all([mill, harbour])
    db.session.flush()
    world.locations |= {"mill_road": Place(mill.id, mill.name), "harbour": Place(harbour.id, harbour.name)}


def _people(world: World, now: datetime) -> None:
    stored = passwords.hasher().hash(PASSWORD)
    for key, p in CAST.items():
        row = Person(
            staff_number=p.number,
            name=p.name,
            given_name=p.name.split()[0],
            sort_name=rules.sort_name(p.name),
            email=f"{p.name.lower().replace(' ', '.')}@{DOMAIN}" if p.mail else None,
            title=p.title,
            location_id=world.locations[p.location].id,
            start_date=p.start,
            end_date=p.end,
            is_active=p.end is None,
            ask_me_about=p.ask,
            search_text=rules.search_text(p.name, p.title, p.ask, p.number),
            created_at=now,
            updated_at=now,
        )
        db.session.add(row)
        db.session.flush()
        db.session.add(Credential(person_id=row.id, password=stored, changed_at=now))
        world.people[key] = Who(row.id, key, p.name, row.email, p.number, p.department)
    for key, p in CAST.items():
        if p.manager:
            db.session.execute(sa.update(Person).where(Person.id == world.people[key].id).values(manager_id=world.people[p.manager].id))


def _departments(world: World, now: datetime) -> None:
    for key, (name, parent, lead, line) in DEPARTMENTS.items():
        row = Department(
            key=key.replace("_", "-"),
            name=name,
            parent_id=world.departments[parent].id if parent else None,
            lead_id=world.people[lead].id,
            value_line=line,
            calendar_id=world.calendars["facilities"].id if key == "facilities" else None,
            location_id=world.locations["harbour" if key == "warehouse" else "mill_road"].id,
        )
        db.session.add(row)
        db.session.flush()
        world.departments[key] = Place(row.id, name)
    for who in world.people.values():
        db.session.execute(sa.update(Person).where(Person.id == who.id).values(department_id=world.departments[who.department].id))
    db.session.add(Deputy(department_id=world.departments["warehouse"].id, person_id=world.people["goran"].id))
    for key, members in FULFILLERS.items():
        db.session.add_all(Fulfiller(department_id=world.departments[key].id, person_id=world.people[who].id, since=now) for who in members)
    db.session.flush()


def _rights(world: World, now: datetime) -> None:
    ada = world.people["ada"].id
    for key, p in CAST.items():
        for role in p.roles:
            db.session.add(RoleGrant(person_id=world.people[key].id, role=role, granted_by=ada, granted_at=now - timedelta(days=30)))
    db.session.flush()


def sign_in(client: FlaskClient, person: Who, *, through_form: bool = False, base: str = "http://127.0.0.1:8000") -> None:
    """Sign ``person`` in: quickly by a session row and cookie, or through the real form."""
    if through_form:
        _through_form(client, person, base)
        return
    from tests.support.signing_in import new_session

    token = new_session(client.application, person.id)
    with client.session_transaction(base_url=base) as page_session:
        page_session["_user_id"] = token
        page_session["_fresh"] = True


def _through_form(client: FlaskClient, person: Who, base: str) -> None:
    import re

    page = client.get("/sign-in", base_url=base).get_data(as_text=True)
    hidden = dict(re.findall(r'name="(csrf_token|[a-z_]*key)" value="([^"]+)"', page))
    answer = client.post(
        "/sign-in",
        data={**hidden, "name": person.email or person.staff_number, "password": PASSWORD},
        base_url=base,
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]
