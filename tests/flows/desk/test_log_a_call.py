"""A call somebody took becomes a request of whoever rang."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from portal.desk.models import Clock, Message, Request
from portal.kernel.db import db
from portal.notifications.models import Notice

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


@pytest.fixture
def clocks_of(app):
    """(status, stopped at) of every clock of a request, by name."""

    def find(request_id):
        with app.app_context():
            rows = db.session.execute(sa.select(Clock.name, Clock.status, Clock.stopped_at).where(Clock.request_id == request_id))
            return {row.name: (row.status, row.stopped_at) for row in rows}

    return find


def test_what_was_solved_on_the_phone_is_filed_answered_and_solved(world, sign_in, newest, clocks_of) -> None:
    """One form; the call is the first answer and the end, whenever it is written down. Hana reads what it was, and says whether it works."""
    values = told(world, solved=True, fix="The sensor was dirty, we cleaned it.", cause="Dust of the new floor")
    filed = sign_in(world.jonas).get(CALL).submit("/call", **values)
    row, called = newest(), datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
    assert f"Written down as {row.id}, answered and solved when they called." in filed
    assert (row.status, row.assignee_id, row.is_open) == ("resolved", world.jonas.id, False)
    assert (row.received_at, row.answered_at, row.acknowledged_at, row.resolved_at) == (called, called, called, called)
    assert row.created_at == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert clocks_of(row.id) == {"first_response": ("met", called), "resolution": ("met", called)}
    hers = sign_in(world.hana).get(f"/requests/{row.id}")
    assert "The sensor was dirty, we cleaned it." in hers
    assert "It came from: Dust of the new floor" in hers
    assert "Does it work for you?" in hers


def test_who_called_is_asked_once_whether_it_works(world, sign_in, app, run_jobs) -> None:
    """No "we have it" about something that is solved; nobody in the queue hears of it."""
    sign_in(world.jonas).get(CALL).submit("/call", **told(world, solved=True, fix="It was locked."))
    run_jobs()
    with app.app_context():
        assert [tuple(row) for row in db.session.execute(sa.select(Notice.person_id, Notice.kind))] == [(world.hana.id, "desk.resolved")]


def test_solved_needs_words_and_the_words_need_no_tick(world, sign_in, newest, clocks_of) -> None:
    """A tick without words comes back with everything; words without the tick are not sent."""
    before = newest().id
    again = sign_in(world.jonas).get(CALL).submit("/call", **told(world, solved=True, fix=" ", cause="Dust"))
    assert again.status == 422
    assert "Say what solved it. A sentence is enough." in again
    assert again.form("/call").values["cause"] == ["Dust"]
    assert newest().id == before
    again.submit("/call", solved=False, fix="Never mind")
    assert newest().status == "new"
    assert clocks_of(newest().id)["first_response"][1] is None


def test_what_is_confidential_is_not_solved_by_others(world, sign_in, newest) -> None:
    """Jonas may write it down, and those named solve it; Kim, who is named, solves it on the phone."""
    before = newest().id
    values = told(world, solved=True, fix="Opened it.", confidential=True, service_id=world.services["badge-key"], title="A door")
    refused = sign_in(world.jonas).get(CALL).submit("/call", **values)
    assert refused.status == 422
    assert "only those named for it solve it" in refused
    assert newest().id == before
    assert sign_in(world.kim).get(CALL).submit("/call", **values).status == 200
    assert newest().status == "resolved"


def quick(world, **changes):
    """One line."""
    values = {"done-caller": "Hana Sato (MC-0500)", "done-title": "Opened gate 3 for a truck", "done-service_id": world.services["repair"]}
    return values | changes


def test_one_line_is_logged_and_done(world, sign_in, newest) -> None:
    """The form is back for the next one; the request says what was done, and both clocks ended as they began."""
    page = sign_in(world.jonas).get(CALL)
    after = page.submit("facilities/done", **quick(world))
    row = newest()
    assert f"Logged and done: {row.id}." in after
    assert after.path == CALL
    assert (row.title, row.status, row.channel, row.requester_id) == ("Opened gate 3 for a truck", "resolved", "phone", world.hana.id)
    assert row.resolved_at == row.answered_at == row.received_at == row.created_at
    page.submit("facilities/done", **quick(world))
    assert newest().id == row.id


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"done-caller": ""}, "Who called? Choose a name from the list."),
        ({"done-caller": "Nobody Atall"}, "We found nobody called Nobody Atall."),
        ({"done-title": " "}, "Say it in one line"),
        ({"done-service_id": ""}, "Choose what it is about."),
    ],
)
def test_one_line_that_needs_another_look(world, sign_in, newest, changes, complaint) -> None:
    """It comes back as it was typed; the long form below is untouched."""
    before = newest().id
    again = sign_in(world.jonas).get(CALL).submit("facilities/done", **quick(world) | changes)
    assert again.status == 422
    assert complaint in again
    assert newest().id == before
    assert again.form("facilities/done").values["done-title"] == [(quick(world) | changes)["done-title"].strip()]


def test_one_line_is_for_the_department(world, sign_in, newest) -> None:
    """Others are refused."""
    before = newest().id
    visitor = sign_in(world.mara)
    token = next(form.values["csrf_token"] for form in visitor.get("/requests").forms if "csrf_token" in form.values)
    assert visitor.post("/queue/facilities/done", quick(world) | {"csrf_token": token}).status == 403
    assert newest().id == before
