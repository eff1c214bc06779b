"""The shipped catalogue comes into the tables once; what a company made of it stays."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.content import catalogue as content
from portal.desk.catalogue import Synced, shipped_targets, sync_catalogue
from portal.desk.models import PromiseVersion, Service
from portal.kernel import clock
from portal.kernel.db import db
from portal.kernel.policy import SYSTEM
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Department

pytestmark = pytest.mark.postgres


def sync(**options: Any) -> Synced:
    """One run in a unit of work."""
    with unit_of_work():
        return sync_catalogue(actor=SYSTEM, now=clock.now(), **options)


def test_nothing_comes_without_departments(context: Flask) -> None:
    """An empty company gets nothing unless it asks for the departments, too."""
    assert sync() == Synced((), (), content.DEPARTMENT_ORDER)
    assert db.session.scalar(sa.select(sa.func.count(Service.id))) == 0


def test_seven_departments_and_56_services_come_when_asked_for(context: Flask) -> None:
    """With their value lines, forms and first promises; the second run changes nothing."""
    first = sync(create_departments=True)
    assert first.departments == content.DEPARTMENT_ORDER
    assert len(first.services) == 56
    assert db.session.scalar(sa.select(Department.value_line).where(Department.key == "facilities"))
    versions = db.session.execute(sa.select(PromiseVersion.version, sa.func.count()).group_by(PromiseVersion.version)).all()
    assert [tuple(row) for row in versions] == [(1, 56)]
    assert sync(create_departments=True) == sync() == Synced((), (), ())


def test_what_the_company_changed_stays(world: Any, context: Flask) -> None:
    """A renamed, retired and differently promised service is left alone, a deleted one comes back."""
    with unit_of_work():
        repair = db.session.get_one(Service, world.services["repair"])
        repair.name, repair.is_active, repair.fields = "Anything broken", False, []
    assert sync() == Synced((), (), ())
    db.session.expire_all()
    repair = db.session.get_one(Service, world.services["repair"])
    assert (repair.name, repair.is_active, repair.fields) == ("Anything broken", False, [])


def test_what_is_shipped_arrives_whole(world: Any, context: Flask) -> None:
    """Words, fields, confidentiality and the date by which it is needed."""
    rows = {row.key: row for row in db.session.scalars(sa.select(Service))}
    shipped = {service.key: service for department in content.load() for service in department.services}
    assert rows.keys() == shipped.keys()
    for key, service in shipped.items():
        row = rows[key]
        assert (row.name, row.question, row.example, row.call_note) == (service.name, service.question, service.example, service.call_note)
        assert row.is_confidential is service.confidential
        assert (row.due_field or "") == service.due_field
        assert [field["key"] for field in row.fields] == [field.key for field in service.fields]
    feels = next(field for field in rows["heating"].fields if field["key"] == "feels")
    assert feels["required"] is True
    assert "Too cold" in feels["options"]


@pytest.mark.parametrize(
    ("key", "priority", "first", "resolution", "always"),
    [
        ("repair", "normal", 4, 40, False),
        ("repair", "high", 2, 20, False),
        ("repair", "low", 8, 80, False),
        ("repair", "urgent", 0.5, 4, True),
        ("emergency", "low", 0.25, 4, True),
        ("it-broken", "normal", 4, 24, False),
        ("concern", "high", 2, None, False),
    ],
)
def test_one_promise_becomes_four(world: Any, context: Flask, key: str, priority: str, first: float, resolution: float | None, always: bool) -> None:
    """Hours of working time by priority; the next answer is promised as fast as the first."""
    query = sa.select(PromiseVersion.targets).where(PromiseVersion.service_id == world.services[key])
    row = db.session.scalars(query).one()[priority]
    seconds = timedelta(hours=first).total_seconds()
    assert (row["first_response"], row["next_response"], row["round_the_clock"]) == (seconds, seconds, always)
    assert row["resolution"] == (None if resolution is None else resolution * 3600)


def test_targets_are_whole_seconds() -> None:
    """Clocks count in seconds."""
    for department in content.load():
        for service in department.services:
            for row in shipped_targets(service).values():
                assert all(isinstance(value, int | None) for value in row.values())
