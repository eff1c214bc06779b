"""The directory as a file: what its page says, for everybody who sees it."""

import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Person
from portal.people.queries import persons
from tests.support.client import Visitor
from tests.support.payloads import FORMULAS

pytestmark = pytest.mark.postgres


def taken(visitor: Visitor, address: str) -> list[list[str]]:
    """The rows of the file, the head first."""
    answer = visitor.get(address).response
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def test_everybody_takes_the_directory_as_far_as_they_see_it(world: Any, sign_in: Any, app: Flask) -> None:
    """Search and department hold; addresses for mail are on no list, and who left is for keepers."""
    mara = sign_in(world.mara)
    rows = taken(mara, "/people.csv")
    assert rows[0][:2] == ["Staff number", "Name"]
    assert "MC-0123" in [row[0] for row in rows]
    assert not any("@" in cell for row in rows for cell in row)
    assert [row[1] for row in taken(mara, "/people.csv?q=technician")[1:]] == ["Jonas Lindqvist", "Kim Moreau"]
    assert {row[3] for row in taken(mara, "/people.csv?department=facilities")[1:]} == {"Facilities"}
    assert "Bruno" not in str(taken(mara, "/people.csv?left=y"))
    assert "Bruno" in str(taken(sign_in(world.ada), "/people.csv?left=y"))
    with app.app_context():
        first = db.session.execute(
            sa.select(Activity.actor_id, Activity.data).where(Activity.event == "people.directory.exported").order_by(Activity.id)
        ).first()
    assert first == (world.mara.id, {"rows": len(rows) - 1, "is_whole": True})


def test_nobody_without_signing_in(app: Flask, world: Any) -> None:
    """The door first."""
    assert Visitor(app).get("/people.csv", follow_redirects=False).status == 303


def test_formulas_in_a_profile_are_text(world: Any, sign_in: Any) -> None:
    """Whatever people say about themselves."""
    for text in FORMULAS:
        sign_in(world.mara).get("/account/profile/edit").submit("pronouns", ask_me_about=text)
        row = next(row for row in taken(sign_in(world.leo), "/people.csv") if row[0] == "MC-0123")
        assert text.strip()[:5] in row[6]
        assert not row[6].lstrip().startswith(("=", "+", "-", "@", "\uff1d")), row


def test_the_page_leads_to_the_file_with_its_filters(world: Any, sign_in: Any) -> None:
    """What is seen is what is taken."""
    link = next(link for link in sign_in(world.mara).get("/people?q=technician&department=facilities").links if link.text == "Export")
    assert link.href == "/people.csv?q=technician&department=facilities"


def test_long_names_in_any_script_do_not_hold_the_list_up(world: Any, app: Flask) -> None:
    """The place in the list is kept by name: the longest name there is still leads on."""
    with app.app_context(), unit_of_work():
        for place, person in enumerate(db.session.scalars(sa.select(Person).order_by(Person.id))):
            person.sort_name = "\U0001f6b2" * 157 + f"{place:03}"
    with app.app_context():
        actor, seen, cursor = world.actor("mara"), list[int](), None
        while True:
            page = persons.directory(actor, cursor=cursor, today=world.now.date(), limit=3)
            seen += [row.id for row in page.items]
            if page.next is None or len(seen) > 100:
                break
            cursor = page.next
    assert len(seen) == len(set(seen)) == len(world.people) - 1  # Bruno left
