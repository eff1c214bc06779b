"""Statements that are put together once: what decides about their shape is part of the key, what does not is a parameter."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.models import Request
from portal.desk.policy import requests_visible_to
from portal.kernel.policy import ANONYMOUS, Actor
from portal.kernel.prepared import ME, Parameter, like, once, read, shape_of
from portal.people.models import Person

ROW = Request(id=7, department_id=3, place="", assignee_id=None, is_open=True, next_due_at=datetime(2026, 11, 25, tzinfo=UTC))


def test_two_people_with_the_same_rights_share_a_statement_and_others_do_not() -> None:
    """Name, session and language make no difference; a queue, a role and a department do."""
    first = Actor(person_id=1, name="Mara", kind="person", department_id=2, session_id=5, locale="de", zone="Europe/Berlin")
    assert like(first) == like(Actor(person_id=9, name="Tom", kind="person", department_id=2))
    for other in (
        Actor(person_id=1, kind="person", department_id=3),
        Actor(person_id=1, kind="person", department_id=2, fulfils=frozenset({4})),
        Actor(person_id=1, kind="person", department_id=2, leads=frozenset({4})),
        Actor(person_id=1, kind="person", department_id=2, roles=frozenset({"auditor"})),
    ):
        assert like(first) != like(other)


def test_nobody_stays_nobody() -> None:
    """A statement for somebody anonymous finds nothing, whatever the parameter says."""
    assert like(ANONYMOUS).person_id is None
    assert str(requests_visible_to(like(ANONYMOUS))) == str(sa.false())


@pytest.mark.postgres
def test_a_statement_is_built_once_and_answers_each_reader(world: Any, app: Flask) -> None:
    """The second reader's own rows come from the first one's statement."""
    built = []

    @once
    def own(rights: Actor) -> Any:
        built.append(rights)
        return sa.select(Person.name).where(Person.id == rights.person_id)

    with app.app_context():
        for key in ("mara", "tom", "mara"):
            actor = Actor(person_id=world.people[key].id, kind="person")
            assert [row.name for row in read(own(like(actor)), {"me": actor.person_id})] == [world.people[key].name]
    assert len(built) == 1


def test_a_shape_knows_what_is_there() -> None:
    """Values become parameters, missing and empty ones None, and what is fixed stands as it is."""
    shape, values = shape_of(ROW, ("id", "department_id", "place", "assignee_id", "next_due_at"), ("is_open",))
    stand = shape.stand_in()
    assert values == {"row_id": 7, "row_department_id": 3, "row_next_due_at": ROW.next_due_at}
    assert (stand.place, stand.assignee_id, stand.is_open) == (None, None, True)
    assert isinstance(stand.id, Parameter)
    assert (stand.id.key, stand.next_due_at.type) == ("row_id", Request.__table__.c.next_due_at.type)
    assert shape == shape_of(ROW, ("id", "department_id", "place", "assignee_id", "next_due_at"), ("is_open",))[0]


def test_a_parameter_counts_as_given() -> None:
    """Code that asks whether there is a value goes on with it."""
    assert ME
    assert (ME or 0) is ME
