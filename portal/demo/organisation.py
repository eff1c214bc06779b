"""The people of Marlow Cycles: places, departments, working hours, 420 persons, who serves and who leads."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.content import marlow
from portal.kernel.db import db
from portal.people import calendars, rules
from portal.people.models import Absence, Department, Deputy, Fulfiller, Kind, Location, Person, Role, RoleGrant

SEED = 4127
ADDRESSES = {"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "ı": "i", "Ş": "S", "ş": "s"}


@dataclass(frozen=True)
class Member:
    """Somebody of the company as the stories need them."""

    id: int
    key: str
    name: str
    first: str
    department: str
    location: str
    place: str


@dataclass
class Cast:
    """Everybody and every place, by the keys of the shipped material."""

    members: dict[str, Member] = field(default_factory=dict)
    departments: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    locations: dict[str, int] = field(default_factory=dict)
    place_names: dict[str, str] = field(default_factory=dict)
    place_sites: dict[str, str] = field(default_factory=dict)
    fulfillers: dict[int, list[str]] = field(default_factory=dict)
    by_department: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def make_organisation(now: datetime) -> Cast:
    """Write the company into an empty database and return who is who; part of the caller's unit of work."""
    company, cast = marlow.company(), Cast()
    calendars.ensure_defaults(now)
    _places(company, cast)
    _departments(company, cast, now)
    people = list(_everybody(company))
    _persons(people, cast, now)
    _belonging(company, cast, now)
    _absences(cast, now)
    return cast


def _places(company: marlow.CompanyContent, cast: Cast) -> None:
    for location in company.locations:
        row = Location(name=location.name, zone=location.zone, country=location.country, subdivision=location.subdivision, address=location.city)
        db.session.add(row)
        db.session.flush()
        cast.locations[location.key] = row.id
        cast.place_names |= {place.key: place.name for place in location.places}
        cast.place_sites |= {place.key: location.key for place in location.places}


def _departments(company: marlow.CompanyContent, cast: Cast, now: datetime) -> None:
    sites = {location.key: location for location in company.locations}
    for shipped in company.departments:
        home = sites[max(shipped.spread, key=lambda key: shipped.spread[key])]
        hours = {str(day): [list(span) for span in spans] for day, spans in shipped.hours.items()}
        version = calendars.create(
            f"{shipped.name} hours", zone=home.zone, hours=hours, country=home.country, subdivision=home.subdivision, now=now - timedelta(days=500)
        )
        row = Department(key=shipped.key, name=shipped.name, value_line=shipped.value_line, phone=shipped.phone, calendar_id=version.calendar_id)
        row.email, row.location_id = f"{shipped.key}@{company.mail_domain}", cast.locations[home.key]
        db.session.add(row)
        db.session.flush()
        cast.departments[shipped.key], cast.names[shipped.key] = row.id, row.name
    for shipped in company.departments:
        if shipped.parent:
            _one(Department, cast.departments[shipped.key]).parent_id = cast.departments[shipped.parent]


def _one(table: Any, key: int) -> Any:
    row = db.session.get(table, key)
    if row is None:
        raise LookupError(f"{table.__name__} {key} is missing")
    return row


def _everybody(company: marlow.CompanyContent) -> Iterator[dict[str, Any]]:
    """The people with a story first, then enough others to fill every department at every place."""
    dice = random.Random(SEED)
    known = {(person.first, person.last) for person in company.people}
    names = [(first, last) for first in marlow.names().first for last in dice.sample(marlow.names().last, 3) if (first, last) not in known]
    dice.shuffle(names)
    left: dict[tuple[str, str], int] = {(d.key, site): count for d in company.departments for site, count in d.spread.items()}
    for person in company.people:
        left[person.department, person.location] -= 1
        yield {"key": person.key, "first": person.first, "last": person.last, "story": person, "department": person.department, "location": person.location}
    for (department, site), count in left.items():
        for _ in range(max(count, 0)):
            first, last = names.pop()
            yield {"key": f"{first}-{last}".lower(), "first": first, "last": last, "story": None, "department": department, "location": site}


def _persons(people: list[dict[str, Any]], cast: Cast, now: datetime) -> None:
    dice, used = random.Random(SEED), set[str]()
    places: Mapping[str, list[str]] = _places_by_site(cast)
    rows = [_row(number, facts, cast, places, dice, used, now) for number, facts in enumerate(people, 1)]
    db.session.execute(sa.insert(Person), rows)
    ids = {row.staff_number: row.id for row in db.session.execute(sa.select(Person.staff_number, Person.id))}
    for facts, row in zip(people, rows, strict=True):
        place = facts["story"].place if facts["story"] else dice.choice(places[facts["location"]])
        member = Member(ids[row["staff_number"]], facts["key"], row["name"], facts["first"], facts["department"], facts["location"], place)
        cast.members[member.key] = member
        cast.by_department[member.department].append(member.key)


def _places_by_site(cast: Cast) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for place, site in cast.place_sites.items():
        found[site].append(place)
    return found


def _row(number: int, facts: dict[str, Any], cast: Cast, places: Mapping[str, list[str]], dice: random.Random, used: set[str], now: datetime) -> dict[str, Any]:
    story: marlow.PersonOfDemo | None = facts["story"]
    material, department = marlow.names(), facts["department"]
    name = f"{facts['first']} {facts['last']}"
    title = story.title if story else dice.choices(*zip(*material.titles[department], strict=True))[0]
    ask = ", ".join(story.ask_me) if story else dice.choice(material.ask_me["anybody"] + material.ask_me.get(department, ()))
    desk, address = story.desk if story else "", _address(facts["first"], facts["last"], used)
    spot = cast.place_names[story.place if story else dice.choice(places[facts["location"]])]
    return {
        "staff_number": f"MC-{number:04d}",
        "name": name,
        "given_name": facts["first"],
        "sort_name": rules.sort_name(name),
        "email": address,
        "kind": Kind.EMPLOYEE,
        "title": title,
        "department_id": cast.departments[department],
        "location_id": cast.locations[facts["location"]],
        "place": f"{spot}, desk {desk}" if desk else spot,
        "phone": f"2{number % 1000:03d}",
        "start_date": (now - timedelta(days=int(story.days * 7 / 5) if story else dice.randint(20, 4000))).date(),
        "pronunciation": story.says if story else material.pronunciations.get(facts["first"], ""),
        "ask_me_about": ask,
        "does_for_others": story.for_others if story else dice.choice(material.for_others[department]),
        "prefers": story.prefers if story else "",
        "skills": "",
        "search_text": rules.search_text(name, title, ask, address, cast.names[department]),
        "theme": "auto",
        "keys_off": False,
        "is_active": True,
        "pronouns": "",
        "created_at": now - timedelta(days=500),
        "updated_at": now - timedelta(days=30),
    }


def _address(first: str, last: str, used: set[str]) -> str:
    address, number = address_of(first, last), 1
    while address in used:
        number += 1
        address = address_of(first, last, str(number))
    used.add(address)
    return address


def address_of(first: str, last: str, end: str = "") -> str:
    """The mail address of somebody; ``end`` tells those of one name apart."""
    plain = rules.folded("".join(ADDRESSES.get(c, c) for c in f"{first}.{last}"))
    base = "".join(c for c in plain.replace(" ", "") if c.isascii() and (c.isalnum() or c in ".-"))
    return f"{base}{end}@{marlow.company().mail_domain}"


def _belonging(company: marlow.CompanyContent, cast: Cast, now: datetime) -> None:
    """Who leads, deputises, serves, reports to whom and holds a role."""
    since = now - timedelta(days=480)
    managing = cast.members["iris-vogel"].id
    for shipped in company.departments:
        own, lead = cast.departments[shipped.key], cast.members[shipped.lead].id
        _one(Department, own).lead_id = lead
        db.session.add_all(Deputy(department_id=own, person_id=cast.members[key].id) for key in shipped.deputies)
        db.session.add_all(Fulfiller(department_id=own, person_id=cast.members[key].id, on_duty=True, since=since) for key in shipped.fulfillers)
        cast.fulfillers[own] = list(shipped.fulfillers)
        team = sa.update(Person).where(Person.department_id == own)
        db.session.execute(team.where(Person.id != lead).values(manager_id=lead))
        db.session.execute(team.where(Person.id == lead, Person.id != managing).values(manager_id=managing))
    db.session.execute(sa.update(Person).where(Person.id == managing).values(manager_id=None))
    for person in company.people:
        for role in person.roles:
            db.session.add(RoleGrant(person_id=cast.members[person.key].id, role=Role(role), granted_at=since))
    db.session.flush()


def _absences(cast: Cast, now: datetime) -> None:
    """Some people are away today, as in every company; never a persona."""
    dice, today = random.Random(SEED + 1), now.date()
    personas = {person.key for person in marlow.company().personas}
    serving = {key for keys in cast.fulfillers.values() for key in keys}
    for key in dice.sample(sorted(set(cast.members) - personas - serving), 19):
        first = today - timedelta(days=dice.randint(0, 6))
        row = Absence(person_id=cast.members[key].id, first_day=first, last_day=today + timedelta(days=dice.randint(0, 9)), created_at=now - timedelta(days=20))
        db.session.add(row)
    db.session.flush()
