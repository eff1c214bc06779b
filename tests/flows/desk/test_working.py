"""Working on a request: the page, replies and notes, taking, handing over, judging anew, waiting, and what is refused."""

import io
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from portal.desk.actions.conversation import Reply, add_message, reply
from portal.desk.actions.deciding import cancel
from portal.desk.models import CannedReply, Message, MessageKind, Request, Status
from portal.kernel.clock import now as right_now
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work

ACTIONS = ("assign", "hand-over", "priority", "wait", "followers")
BUTTONS = ("claim", "resume", "plan", "no-reply-needed")


@pytest.fixture
def page_of(world, sign_in):
    """The page of a request as somebody sees it."""

    def open_page(who, key, query=""):
        return sign_in(world.people[who]).get(f"/requests/{world.requests[key]}{query}")

    return open_page


@pytest.fixture
def row_of(app, world):
    """The row of a request as it is in the database."""

    def find(key) -> Request:
        with app.app_context():
            return db.session.get_one(Request, world.requests[key])

    return find


@pytest.fixture
def talk_of(app, world):
    """(kind, body) of the conversation."""

    def find(key):
        query = sa.select(Message.kind, Message.body).where(Message.request_id == world.requests[key]).order_by(Message.id)
        with app.app_context():
            return [(kind.value, body) for kind, body in db.session.execute(query)]

    return find


@pytest.fixture
def act(app, world):
    """Somebody does something while a page is open."""

    def do(work, key, who, *args, **values):
        with app.app_context(), unit_of_work():
            row = db.session.get_one(Request, world.requests[key])
            return work(row, *args, actor=world.actor(who), now=right_now(), **values) and None

    return do


def token_of(page) -> str:
    """The token against forged requests, from any form of a page."""
    return next(form.values["csrf_token"][0] for form in page.forms if "csrf_token" in form.values)


def test_jonas_sees_everything_in_one_place(world, page_of, sign_in, query_count) -> None:
    """The words, the customer, the promises, who asks, what is related; in nine statements."""
    jonas = sign_in(world.jonas)
    address = f"/requests/{world.requests['radiator']}"
    jonas.get(address)
    with query_count() as statements:
        page = jonas.get(address)
    assert statements.count <= 9, statements
    for words in (
        "Radiator in Studio 2 stays cold",
        "customer notices",
        "Studio 2, first floor",
        "Would a customer notice?",
        "Heron product photos go live on Monday.",
    ):
        assert words in page, words
    for words in (
        "First answer",
        "4 h left",
        "What lets Mara work today?",
        "3 requests to us before this one.",
        "3 of 6",
        "This reply will not stop the clock.",
    ):
        assert words in page, words
    assert page.link(str(world.requests["for-mara"])).href == f"/requests/{world.requests['for-mara']}"
    assert page.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("key", ["heating", "chairs", "move", "bulbs", "key", "cold"])
def test_every_state_has_its_page(page_of, key) -> None:
    """Working, waiting, planned, solved, closed, opened again."""
    page = page_of("jonas", key)
    assert page.status == 200
    assert "About this request" in page.source


def test_notes_and_events_stand_in_the_line_of_time(page_of) -> None:
    """The note of Ola is marked as the team's; the requester's page does not have it."""
    page = page_of("kim", "bulbs")
    assert "Team note, Mara cannot see this" in page
    assert "Bulbs are in store B" in page
    assert "store B" not in page_of("mara", "bulbs").source


def test_a_first_time_is_said(page_of) -> None:
    """Sam asks Facilities for the second time, Camille for the first."""
    assert "First time Camille asks us." in page_of("jonas", "move")


def test_an_answer_with_a_step_and_a_date_stops_the_clock(world, page_of, row_of, talk_of) -> None:
    """The request becomes the writer's, the step and its date stand in the queue."""
    page = page_of("jonas", "radiator")
    sent = page.submit("work/reply", body="I bring a heater now.", next_step="I change the valve", next_step_at="2026-11-26T12:00", kind="workaround")
    assert "Sent to Mara." in sent
    row = row_of("radiator")
    assert row.answered_at is not None
    assert row.relieved_at is not None
    assert (row.next_step, row.next_step_at, row.assignee_id) == ("I change the valve", datetime(2026, 11, 26, 11, tzinfo=UTC), world.jonas.id)
    assert talk_of("radiator")[-1] == ("reply", "I bring a heater now.")
    assert "Mara can work again." in sent
    assert "This reply will not stop the clock." not in sent


def test_thanks_are_sent_and_the_clock_goes_on(page_of, row_of, talk_of) -> None:
    """Without script too: it is taken, and the page says what it did not do. The filled-in date alone promises nothing."""
    page = page_of("jonas", "radiator")
    assert page.form("work/reply").values["next_step_at"] == ["2026-11-30T10:00"]
    sent = page.submit("work/reply", body="Thanks Mara, we will look into it.")
    assert "Mara knows that you read it. The clock goes on" in sent
    assert row_of("radiator").answered_at is None
    assert row_of("radiator").next_step_at is None
    assert talk_of("radiator")[-1][0] == MessageKind.ACKNOWLEDGEMENT.value


def test_a_prepared_reply_comes_into_the_form(world, page_of, row_of, app) -> None:
    """By a link; unchanged thanks do not stop the clock, whatever they are called."""
    page = page_of("jonas", "radiator").follow("Heating: we have it")
    assert "Thanks, we have received your request" in page.form("work/reply").values["body"][0]
    assert page.form("work/reply").values["canned_id"] == [str(prepared(app, "Heating: we have it"))]
    page.submit("work/reply", next_step="We look", next_step_at="2026-11-24T15:00")
    assert row_of("radiator").answered_at is None
    library = page_of("jonas", "radiator").follow("More replies")
    used = library.follow("Use it")
    assert used.path == f"/requests/{world.requests['radiator']}"
    assert page_of("jonas", "radiator", "?reply=999999999999").status == 200


def prepared(app, name) -> int:
    """The id of a prepared reply."""
    with app.app_context():
        return db.session.scalars(sa.select(CannedReply.id).where(CannedReply.name == name)).one()


def test_the_fix_asks_whether_it_worked(page_of, row_of) -> None:
    """And nothing more can be sent but a note."""
    sent = page_of("jonas", "radiator").submit("work/reply", body="The valve is new, it is warm.", kind="fix")
    assert row_of("radiator").status is Status.RESOLVED
    assert "Did it work?" in sent
    assert "Keep the note" in sent
    note = sent.submit("work/reply", note="Order a spare valve.")
    assert "The note is kept. Mara cannot see it." in note


def test_a_question_lets_the_clock_wait(page_of, row_of) -> None:
    """For Mara, or for a supplier with a name; without the name it needs another look."""
    page = page_of("jonas", "radiator")
    again = page.submit("work/reply", body="The firm has to come.", next_step="They call", next_step_at="2026-11-25T12:00", wait_for="other")
    assert again.status == 422
    assert "Who are you waiting for?" in again
    assert "The firm has to come." in again.source
    sent = again.submit("work/reply", wait_name="Klimo")
    assert "Waiting for Klimo" in sent
    assert row_of("radiator").status is Status.WAITING_OTHER
    going = sent.submit("work/resume")
    assert "Working on it" in going


def test_a_note_stays_with_the_team(page_of, row_of, talk_of) -> None:
    """It moves no clock, and what stands in the other fields does not matter."""
    sent = page_of("kim", "radiator").submit("work/reply", what="note", note="Two heaters are in store B.", next_step="", next_step_at="nonsense is fine?")
    assert sent.status == 422
    sent = page_of("kim", "radiator").submit("work/reply", what="note", note="Two heaters are in store B.")
    assert "The note is kept." in sent
    assert talk_of("radiator")[-1] == ("note", "Two heaters are in store B.")
    assert row_of("radiator").acknowledged_at is None


def test_kim_answered_meanwhile_and_nothing_is_lost(page_of, act, talk_of) -> None:
    """Jonas reads that first; his words are still there, and sending again is his decision."""
    page = page_of("jonas", "radiator")
    act(reply, "radiator", "kim", Reply("I am on my way.", "I look at it", datetime(2026, 11, 24, 12, tzinfo=UTC)))
    late = page.submit("work/reply", body="I come at three.", next_step="I come", next_step_at="2026-11-24T15:00")
    assert late.status == 409
    assert "Read that first: your text is still here." in late
    assert "I am on my way." in late
    assert late.form("work/reply").values["body"] == ["I come at three."]
    assert late.form("work/reply").values["next_step"] == ["I come"]
    sent = late.submit("work/reply")
    assert "Sent to Mara." in sent
    assert [body for _, body in talk_of("radiator")][-2:] == ["I am on my way.", "I come at three."]


def test_a_file_comes_with_a_reply(page_of, talk_of) -> None:
    """A photo is kept; something that is no photo is named, and the words come back."""
    pixel = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000") + b"not a picture"
    page = page_of("jonas", "radiator")
    again = page.submit("work/reply", body="See the photo.", photo=(io.BytesIO(pixel), "valve.png"))
    assert again.status == 422
    assert "See the photo." in again.source
    sent = again.submit("work/reply", body="See the list.", photo=(io.BytesIO(b"a,b\n1,2\n"), "list.csv"))
    assert sent.status == 200
    assert "list.csv" in sent


def test_two_take_it_and_one_has_it(world, page_of, row_of) -> None:
    """The other sees who; a double click of the first is no conflict."""
    first, second = page_of("jonas", "radiator"), page_of("kim", "radiator")
    assert first.submit("work/claim").status == 200
    lost = second.submit("work/claim")
    assert lost.status == 409
    assert "Jonas Lindqvist took it a moment before you." in lost
    assert first.submit("work/claim").status == 200
    assert row_of("radiator").assignee_id == world.jonas.id


def test_it_is_given_to_a_colleague(world, page_of, row_of) -> None:
    """Whoever serves the department can have it, and nobody else is offered."""
    page = page_of("jonas", "radiator").follow("Assign")
    form = page.form("work/assign")
    assert str(world.kim.id) in form.choices["person"]
    assert str(world.leo.id) not in form.choices["person"]
    page.submit("work/assign", person=world.kim.id)
    assert row_of("radiator").assignee_id == world.kim.id
    refused = page.visitor.post(f"/requests/{world.requests['radiator']}/work/assign", {"csrf_token": form.values["csrf_token"], "person": world.leo.id})
    assert refused.status == 422
    page_of("jonas", "radiator").follow("Assign").submit("work/assign", person="")
    assert row_of("radiator").assignee_id is None


def test_it_is_handed_over_with_a_reason(world, page_of, row_of) -> None:
    """Then it is no longer theirs to see; without a reason it stays."""
    page = page_of("jonas", "radiator").follow("Hand over")
    again = page.submit("hand-over", service_id=world.services["it-broken"])
    assert again.status == 422
    assert "Say why in a few words" in again
    assert again.submit("hand-over", service_id="").status == 422
    done = again.submit("hand-over", service_id=world.services["it-broken"], reason="It is the sensor's cable.")
    assert done.path == "/queue/facilities"
    assert "is handed over" in done
    assert row_of("radiator").department_id == world.it.id
    assert page_of("jonas", "radiator").status == 404
    assert "Jonas handed it over: It is the sensor" in page_of("ada", "radiator")


def test_it_is_judged_anew(page_of, row_of) -> None:
    """More time needs a reason, less does not."""
    page = page_of("jonas", "radiator").follow("Judge anew")
    assert page.submit("priority", priority="low").status == 422
    urgent = page.submit("priority", priority="urgent")
    assert "work has stopped" in urgent
    assert row_of("radiator").priority.value == "urgent"
    calm = urgent.follow("Judge anew").submit("priority", priority="normal", reason="A heater is there.")
    assert "A heater is there." in calm


def test_it_waits_only_with_a_reason_to_wait(page_of, row_of) -> None:
    """For the requester only while a question is open; for others with their name."""
    page = page_of("jonas", "radiator").follow("Wait for somebody")
    again = page.submit("work/wait", waits_for="requester")
    assert again.status == 422
    assert "Ask your question first." in again
    assert again.submit("work/wait", waits_for="other").status == 422
    assert "Waiting for Klimo" in again.submit("work/wait", waits_for="other", wait_name="Klimo")
    assert row_of("radiator").status is Status.WAITING_OTHER


def test_it_is_planned_and_begun(page_of, row_of) -> None:
    """One button each; the second click of the same says so."""
    page = page_of("jonas", "radiator")
    planned = page.submit(button="Say that it is planned", which="Say that it is planned")
    assert row_of("radiator").status is Status.PLANNED
    assert page.submit(button="Say that it is planned", which="Say that it is planned").status in (200, 409)
    planned.submit("Say that work has begun")
    assert row_of("radiator").status is Status.WORKING


def test_thanks_need_no_reply(page_of, act, row_of) -> None:
    """The button is there only when somebody wrote last."""
    assert "no reply needed" not in page_of("jonas", "heating")
    act(add_message, "heating", "sam", body="Thank you so much.")
    page = page_of("jonas", "heating")
    done = page.submit("no-reply-needed")
    assert "Taken as thanks that need no reply" in done
    assert page.submit("no-reply-needed").status in (200, 409)


def test_somebody_follows_it(world, page_of) -> None:
    """By name or staff number; a name nobody has needs another look."""
    page = page_of("jonas", "radiator").follow("Let somebody follow it")
    assert page.submit("followers", person="Nobody Atall").status == 422
    assert "Following: Nils Brandt" in page.submit("followers", person="Nils Brandt (MC-0800)")


def test_what_was_cancelled_meanwhile_says_so(page_of, act) -> None:
    """Replying, taking, assigning: a page says what happened, and the words are given back."""
    page = page_of("jonas", "radiator")
    assign = page.follow("Assign")
    act(cancel, "radiator", "mara", reason="It is warm again.")
    late = page.submit("work/reply", body="I come now.")
    assert late.status == 409
    assert "This request was cancelled" in late
    assert "I come now." in late.source
    assert page.submit("work/claim").status == 409
    assert assign.submit("work/assign").status == 409


def test_long_words_and_wrong_bytes_come_back(page_of, row_of) -> None:
    """Nothing is cut, nothing runs, nothing is lost."""
    page = page_of("jonas", "radiator")
    again = page.submit("work/reply", body="x" * 20_001)
    assert again.status == 422
    assert "x" * 20_001 in again.source
    assert page.submit("work/reply", body="   ").status == 422
    assert page.submit("work/reply", body="Hello", next_step="y" * 301).status == 422
    wrong = page.submit("work/reply", body="Hello", next_step="We come", next_step_at="tomorrow")
    assert wrong.status == 422
    assert "Write a day and a time" in wrong
    past = page.submit("work/reply", body="Hello", next_step="We come", next_step_at="2026-11-20T10:00")
    assert past.status == 422
    sent = page.submit("work/reply", body="<script>alert(1)</script>\x00 \u202etxt", next_step="We <b>come</b>", next_step_at="2026-11-25T10:00")
    assert sent.status == 200
    assert "<script>alert" not in sent.source
    assert "<b>come" not in sent.source
    assert row_of("radiator").next_step == "We <b>come</b>"


@pytest.mark.parametrize("what", ["what", "kind", "wait_for"])
def test_made_up_choices_are_refused(page_of, row_of, what) -> None:
    """What no page offers needs another look."""
    page = page_of("jonas", "radiator")
    form = page.form("work/reply")
    data = dict(form.values) | {"body": "Hello", what: "nonsense"}
    assert page.visitor.post(form.action, data).status == 422
    assert row_of("radiator").message_count == 1


@pytest.mark.parametrize(
    ("who", "key", "status"),
    [("ruth", "radiator", 404), ("mara", "radiator", 403), ("jonas", "badge", 404), ("priya", "badge", 404), ("ada", "concern", 404), ("leo", "radiator", 404)],
)
def test_others_do_not_work_on_it(world, sign_in, row_of, who, key, status) -> None:
    """Other departments and what is confidential: not found. The requester may look, not do. Leads know bare facts only."""
    visitor = sign_in(world.people[who])
    token = token_of(visitor.get("/requests"))
    number = world.requests[key]
    for name in ACTIONS:
        assert visitor.get(f"/requests/{number}/work/{name}").status in (status, 403), name
    for name in (*ACTIONS, *BUTTONS, "reply"):
        assert visitor.post(f"/requests/{number}/work/{name}", {"csrf_token": token, "body": "Hello"}).status in (status, 403), name
    assert row_of(key).message_count == 1


def test_numbers_there_are_none_of(world, sign_in) -> None:
    """Also numbers larger than any key."""
    jonas = sign_in(world.jonas)
    token = token_of(jonas.get("/queue/facilities"))
    for number in (0, 999_999, 10**12, 10**30):
        assert jonas.get(f"/requests/{number}/work/assign").status == 404
        assert jonas.post(f"/requests/{number}/work/claim", {"csrf_token": token}).status == 404


def test_the_lead_sees_the_bare_page_alone(page_of) -> None:
    """Priya leads Facilities and is not named for badges."""
    page = page_of("priya", "badge")
    assert page.status == 200
    assert "A door" not in page.source
    assert "work/reply" not in page.source
    assert page_of("kim", "badge").status == 200
