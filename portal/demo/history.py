"""What the demo company asked at its earlier desk: three dozen requests to Facilities and IT from a file, two of them refused."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.desk.actions import importing
from portal.desk.importing import Options
from portal.desk.models import RequestImport
from portal.kernel.db import db
from portal.kernel.policy import SYSTEM
from portal.kernel.unit_of_work import run
from portal.people.models import Department, Person

ROWS = 36
ASKED = (
    ("facilities", "Coffee machine on the second floor leaks", "It drips from below since Monday. We have put a bowl under it."),
    ("facilities", "Blinds in the meeting room are stuck", "The left one does not go up any more."),
    ("facilities", "Draught at the window by the printer", "Somebody taped it last winter, and the tape is gone."),
    ("facilities", "Second bicycle stand at the back door", "Half of the bicycles lean at the wall by now."),
    ("facilities", "Lamp over the packing table flickers", "It hurts the eyes after an hour."),
    ("it", "Shared calendar shows yesterday", "New entries come a day late on every machine of our team."),
    ("it", "Screen stays black at the second desk", "Another cable makes no difference."),
    ("it", "Please a mailbox for spare parts", "spare.parts, for Hana and me. We answer in turns."),
    ("it", "Label printer prints half a label", "Since the new rolls. The old ones are used up."),
)


def bring_history(now: datetime) -> None:
    """Take the file over as an administrator would with the command; opens its own units of work."""
    file = io.BytesIO(_file(now).encode())
    received = importing.receive(file, "earlier-desk-2024.csv")
    options = Options(source="Zammad", department_id=_department("facilities"), zone="Europe/Berlin")
    run_id = run(lambda: importing.begin(received, options, actor=SYSTEM, now=now).id)
    importing.look(run_id, now=now)
    run(lambda: importing.confirm(db.session.get_one(RequestImport, run_id), now=now))
    importing.apply(run_id, now=now)


def _department(key: str) -> int | None:
    return db.session.scalar(sa.select(Department.id).where(Department.key == key))


def _file(now: datetime) -> str:
    people = list(db.session.scalars(sa.select(Person.email).where(Person.email.is_not(None), Person.is_active).order_by(Person.id).offset(60).limit(ROWS * 4)))
    db.session.rollback()
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(("Number", "Title", "Customer Email", "Group", "State", "Created at", "Closed at", "Body"))
    out.writerows(_rows(people, now))
    return text.getvalue()


def _rows(people: list[Any], now: datetime) -> Iterator[tuple[Any, ...]]:
    first = (now - timedelta(days=900)).replace(hour=8, minute=12, second=0, microsecond=0)
    for place in range(ROWS):
        department, title, body = ASKED[place * 4 % len(ASKED)]
        asked = first + timedelta(days=place * 11, minutes=place * 37 % 400)
        ended = asked + timedelta(days=place % 5 + 1, minutes=35)
        who = people[place * 3 % len(people)] if place % 18 else "former.colleague@example.com"
        yield (54_000 + place * 7, title, who, department, "closed" if place % 9 else "merged", f"{asked:%Y-%m-%d %H:%M}", f"{ended:%Y-%m-%d %H:%M}", body)
