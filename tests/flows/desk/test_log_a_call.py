"""A call somebody took becomes a request of whoever rang."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from portal.desk.models import Message, Request
from portal.kernel.db import db

CALL = "/queue/facilities/call"


@pytest.fixture
def newest(app):
    """The newest request."""

    def find() -> Request:
        with app.app_context():
            return db.session.scalars(sa.select(Request).order_by(Request.id.desc()).limit(1)).one()

    return find


def told(world, **changes):
    """What Jonas writes down."""
    values = {"caller": "Hana Sato (MC-0500)", "service_id": world.services["repair"], "title": "Gate 3 does not open", "received_at": "2026-11-24T08:30"}
    return values | changes


def test_the_clock_starts_when_they_called(world, sign_in, newest) -> None:
    """Both times are kept: when they called, and when it was written down."""
    page = sign_in(world.jonas).get("/queue/facilities").follow("Log a call")
    filed = page.submit("/call", description="Trucks wait outside.", impact="stopped", place="Gate 3", **told(world))
    row = newest()
    assert filed.path == f"/requests/{row.id}"
    assert f"Written down as {row.id}." in filed
    assert (row.channel, row.requester_id, row.filed_by_id) == ("phone", world.hana.id, world.jonas.id)
    assert row.received_at == datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
    assert row.created_at == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert "Called today 8:30 , written down today 10:00 ." in filed
    assert "Jonas wrote this on their behalf" in filed
    assert "Gate 3" in sign_in(world.hana).get(f"/requests/{row.id}")


def test_a_double_click_writes_it_down_once(world, sign_in, newest, app) -> None:
    """The second one leads to the first."""
    page = sign_in(world.jonas).get(CALL)
    first, second = page.submit("/call", **told(world)), page.submit("/call", **told(world))
    assert first.path == second.path
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).where(Request.title == "Gate 3 does not open")) == 1
        assert db.session.scalar(sa.select(sa.func.count()).where(Message.request_id == newest().id)) == 1


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"caller": ""}, "Who called? Choose a name from the list."),
        ({"caller": "Nobody Atall"}, "We found nobody called Nobody Atall."),
        ({"service_id": ""}, "Choose what it is about."),
        ({"title": " "}, "Say it in one line"),
        ({"title": "x" * 121}, "longer than 120 characters"),
        ({"received_at": "2026-11-24T11:00"}, "This call is still to come."),
        ({"received_at": "2026-11-22T10:00"}, "A call can be logged for 24 hours."),
        ({"received_at": "yesterday"}, "Write a day and a time"),
        ({"impact": "panic"}, ""),
        ({"description": "y" * 20_001}, "longer than 20000 characters"),
    ],
)
def test_what_needs_another_look_comes_back(world, sign_in, newest, changes, complaint) -> None:
    """With a sentence beside the field; nothing is lost and nothing is filed."""
    before = newest().id
    again = sign_in(world.jonas).get(CALL).submit("/call", **told(world, place="Gate 3") | changes)
    assert again.status == 422
    assert complaint in again
    assert 'value="Gate 3"' in again.source
    assert newest().id == before


def test_a_service_of_another_department_is_no_choice(world, sign_in, newest) -> None:
    """Facilities writes down what is asked of Facilities."""
    before = newest().id
    assert sign_in(world.jonas).get(CALL).submit("/call", **told(world, service_id=world.services["it-broken"])).status == 422
    assert newest().id == before


def test_what_is_confidential_is_gone_for_the_writer(world, sign_in, newest) -> None:
    """Jonas is not named for keys: he is back in the queue and does not see it again."""
    filed = sign_in(world.jonas).get(CALL).submit("/call", confidential=True, **told(world, service_id=world.services["badge-key"], title="A door"))
    assert filed.path == "/queue/facilities"
    assert sign_in(world.jonas).get(f"/requests/{newest().id}").status == 404
    assert sign_in(world.kim).get(f"/requests/{newest().id}").status == 200


def test_others_have_no_such_form(world, sign_in, newest) -> None:
    """Other departments and requesters are refused."""
    before = newest().id
    token = None
    for who in (world.ruth, world.mara):
        visitor = sign_in(who)
        token = next(form.values["csrf_token"] for form in visitor.get("/requests").forms if "csrf_token" in form.values)
        assert visitor.get(CALL).status == 403
        assert visitor.post(CALL, told(world) | {"csrf_token": token}).status == 403
    assert newest().id == before
