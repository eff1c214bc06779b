"""What home itself reads: who is greeted, and the people and pages that search finds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from portal.kernel.db import db
from portal.kernel.policy import Actor
from portal.kernel.shell import MenuGroup
from portal.people.models import Person
from portal.people.queries import persons
from portal.people.rules import folded, today_in


@dataclass(frozen=True)
class Greeted:
    """Whoever opened the start page."""

    first_name: str
    start_date: date | None


def greeted(actor: Actor) -> Greeted:
    """The first name of the actor and since when they are here; the row was read when the actor was built."""
    person = db.session.get(Person, actor.person_id)
    return Greeted(person.first_name, person.start_date) if person else Greeted(actor.name, None)


@dataclass(frozen=True)
class Found:
    """A colleague that search found."""

    staff_number: str
    name: str
    department: str


def people(actor: Actor, text: str, limit: int, now: datetime) -> list[Found]:
    """Colleagues whose words begin like the words of ``text``, at most ``limit``."""
    page = persons.directory(actor, text=text, today=today_in(actor.zone, now), limit=limit)
    return [Found(row.staff_number, row.name, row.department or row.title) for row in page.items]


def pages(groups: Iterable[MenuGroup], text: str, limit: int) -> list[tuple[str, str, str]]:
    """(label, icon, address) of menu entries whose words begin like the words of ``text``."""
    wanted = folded(text).split()
    found = [
        (item.label, item.icon, item.url)
        for group in groups
        for item in group.items
        if all(any(word.startswith(w) for word in folded(item.label).split()) for w in wanted)
    ]
    return found[:limit]
