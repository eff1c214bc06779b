"""Facilities works round the clock from today; open requests may follow, and what was promised and kept before stays kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.desk.actions import services
from portal.desk.actions.conversation import Reply, reply
from portal.desk.models import Request
from portal.desk.queries import dry_run
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people import calendars
from portal.people.models import CalendarVersion
from tests.support.desk import DeskUser

EVENING = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ALWAYS = {str(day): [["00:00", "24:00"]] for day in range(7)}


def _newer_hours(request: Request) -> int:
    with unit_of_work():
        old = db.session.get_one(CalendarVersion, request.calendar_version_id)
        return calendars.add_version(old.calendar_id, old.version + 1, zone=old.zone, hours=ALWAYS, now=MORNING).id


def _follow(department_id: int, version_id: int, now: datetime) -> None:
    with unit_of_work():
        services.apply_hours(version_id, department_id, 0, now=now)


def test_a_kept_answer_stays_kept(desk: DeskUser) -> None:
    """Answered in time by the hours of the day: counting the night afterwards would make it late, so it keeps its hours (R13, R18)."""
    number = desk.file("mara", now=EVENING).id
    answered = Reply("I come today.", "I look at the door", MORNING + timedelta(hours=5))
    desk.act(reply, number, answered, who="jonas", now=MORNING)
    before = desk.find(number)
    kept, hours, department = desk.clocks(number)["first_response", 0].due, before.calendar_version_id, before.department_id
    _follow(department, _newer_hours(before), MORNING + timedelta(hours=1))
    assert (desk.clocks(number)["first_response", 0].status, desk.clocks(number)["first_response", 0].due) == ("met", kept)
    assert (desk.find(number).calendar_version_id, desk.breaches(number)) == (hours, set())


def test_what_runs_follows_as_the_dry_run_said(desk: DeskUser) -> None:
    """Nobody answered yet: the due time comes nearer, and as many move and become late as was shown before."""
    number = desk.file("mara", now=EVENING).id
    before = desk.find(number)
    old_due, department, version = desk.clocks(number)["resolution", 0].due, before.department_id, _newer_hours(before)
    shown = dry_run.for_department(department, version, MORNING)
    dues = {row.id: row.next_due_at for row in db.session.scalars(sa.select(Request).where(Request.department_id == department, Request.is_open))}
    _follow(department, version, MORNING)
    db.session.expire_all()
    moved = [row.id for row in db.session.scalars(sa.select(Request).where(Request.id.in_(dues))) if row.next_due_at != dues[row.id]]
    assert desk.clocks(number)["resolution", 0].due < old_due
    assert desk.find(number).calendar_version_id == version
    assert number in moved
    assert len(moved) <= shown.moved <= shown.open


def test_the_page_says_that_it_keeps_older_hours(desk: DeskUser, sign_in: Any) -> None:
    """Only from the day newer ones exist, and only until it follows them (R18)."""
    words, address = "These are the hours of the day it was asked", f"/requests/{desk.world.requests['radiator']}"
    mara = sign_in(desk.world.mara)
    assert words not in mara.get(address)
    before = desk.find("radiator")
    department, version = before.department_id, _newer_hours(before)
    assert words in mara.get(address)
    _follow(department, version, MORNING + timedelta(hours=1))
    assert words not in mara.get(address)
