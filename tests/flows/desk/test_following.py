"""Following a request: its page in every state, the conversation, "did it work?", and the end."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa

from portal.desk.actions.conversation import Reply, add_note, no_reply_needed, reply
from portal.desk.models import Message, Participant, Request
from portal.desk.rules import ReplyKind, Status
from portal.kernel.db import db
from portal.kernel.observe import Observation
from portal.kernel.unit_of_work import unit_of_work

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def answer(app: Any, world: Any, who: str, number: int, says: Reply, minutes: int = 1) -> None:
    """A colleague of the serving side answers."""
    with app.test_request_context(), unit_of_work():
        reply(db.session.get_one(Request, number), says, actor=world.actor(who), now=NOW + timedelta(minutes=minutes))


def row_of(app: Any, number: int) -> Request:
    """The request as it is stored now."""
    with app.app_context():
        return db.session.get_one(Request, number)


def page_of(sign_in: Any, world: Any, who: str, key: str) -> Any:
    """The page of a request, as somebody sees it."""
    return sign_in(world.people[who]).get(f"/requests/{world.requests[key]}")


@pytest.mark.postgres
def test_just_asked_shows_who_has_it_and_by_when(world, sign_in) -> None:
    """One sentence, the rail, the clock, the people and what was filled in."""
    page = page_of(sign_in, world, "mara", "radiator")
    assert page.heading == "Radiator in Studio 2 stays cold"
    assert "Facilities, asked today 10:00" in page
    assert "Facilities has it. Somebody answers by 14:00 today." in page
    assert "Repaired by Mon 10:00" in page
    assert "Runs Mon to Fri, 8:00 to 18:00." in page
    assert "Heron product photos go live on Monday." in page


def test_an_answer_with_a_step_and_a_date_is_the_next_stop(world, sign_in, app) -> None:
    """Jonas names both, and the page says them in one line."""
    says = Reply("I look at the valve and bring a heater.", "I bring an oil heater", datetime(2026, 11, 24, 12, 30, tzinfo=UTC))
    answer(app, world, "jonas", world.requests["radiator"], says)
    page = page_of(sign_in, world, "mara", "radiator")
    assert "Jonas is on it." in page
    assert "Next step: I bring an oil heater, by 13:30 today." in page
    assert "First answer" in page
    assert "Planned: I bring an oil heater, by 13:30" in page
    assert "Jonas’s own date today 13:30" in page


@pytest.mark.postgres
def test_a_workaround_asks_whether_it_is_enough(world, sign_in, app) -> None:
    """Working again is a stop of its own, and a yes keeps the request open for the repair."""
    number = world.requests["radiator"]
    says = Reply("The heater stands beside your desk.", "I fit the new valve", datetime(2026, 11, 26, 11, tzinfo=UTC), kind=ReplyKind.WORKAROUND)
    answer(app, world, "jonas", number, says)
    page = page_of(sign_in, world, "mara", "radiator")
    assert "You have something that works for now. Next: I fit the new valve, by Thu 12:00." in page
    assert "Working again" in page
    assert "Repaired by Thu 12:00" in page
    assert "Did it work? Is it enough until Thu 12:00?" in page
    after = page.submit("Yes, it helps")
    assert "Good to hear. Thank you for saying so." in after
    assert "Did it work?" not in after
    assert row_of(app, number).is_open


def test_yes_closes_what_was_solved(world, sign_in, app) -> None:
    """And the page says it in the requester's words."""
    after = page_of(sign_in, world, "mara", "bulbs").submit("Yes, it works")
    assert "Solved, and you said that it works." in after
    assert row_of(app, world.requests["bulbs"]).status is Status.CLOSED


def test_no_brings_it_back_without_a_form(world, sign_in, app) -> None:
    """The same people, the same request."""
    after = page_of(sign_in, world, "mara", "bulbs").submit("Not really")
    assert "It is back on top of their list." in after
    assert "Open again" in after
    assert row_of(app, world.requests["bulbs"]).status is Status.WORKING


def test_partly_asks_for_one_line(world, sign_in, app) -> None:
    """Without it the question is asked again, kindly."""
    form = page_of(sign_in, world, "mara", "bulbs").follow("Partly")
    assert form.heading == "What is still missing?"
    empty = form.submit("note", note="")
    assert empty.status == 422
    assert "What is still missing? One line is enough." in empty
    after = empty.submit("note", note="The left lamp still flickers.")
    assert "The left lamp still flickers." in after
    assert row_of(app, world.requests["bulbs"]).status is Status.WORKING


def test_only_the_requesters_own_side_answers_whether_it_worked(world, sign_in) -> None:
    """Kim, who solved it, cannot say so for Mara; Leo does not know that it exists."""
    path = f"/requests/{world.requests['bulbs']}/answer"
    assert sign_in(world.kim).post(path, {"answer": "yes"}).status == 403
    leo = sign_in(world.leo)
    form = leo.get("/need/nda").form("title").values
    assert leo.post(path, {"csrf_token": form["csrf_token"], "answer": "yes"}).status == 404


def test_waiting_for_mara_says_whose_turn_it_is(world, sign_in, app) -> None:
    """Writing ends the pause."""
    page = page_of(sign_in, world, "mara", "expenses")
    assert "Ruth needs an answer from you. The clock is paused until then." in page
    after = page.submit("body", body="It was the one back.")
    assert "It was the one back." in after
    assert row_of(app, world.requests["expenses"]).status is Status.WORKING


def test_a_supplier_is_named(world, sign_in) -> None:
    """Who else is waited for is no secret."""
    assert "Kim is waiting for Stuhl and Tisch. The clock is paused until then." in page_of(sign_in, world, "nils", "chairs")


def test_late_apologises_once_and_names_the_lead(world, sign_in) -> None:
    """We said it, it passed, who knows about it."""
    page = page_of(sign_in, world, "mara", "concern")
    assert "We said yesterday 17:00, and that has passed. We are sorry, Mara." in page
    assert "Elena Duarte leads People and knows about it." in page


def test_team_notes_never_reach_the_requester(world, sign_in, app) -> None:
    """Not their words, not that there are any."""
    with app.test_request_context(), unit_of_work():
        add_note(db.session.get_one(Request, world.requests["radiator"]), body="She always sits by the window.", actor=world.actor("jonas"), now=NOW)
    page = page_of(sign_in, world, "mara", "radiator")
    assert "always sits" not in page.source
    assert "always sits" in page_of(sign_in, world, "jonas", "radiator").source


@pytest.mark.postgres
def test_a_message_with_a_file(world, sign_in) -> None:
    """Both stand in the conversation."""
    after = page_of(sign_in, world, "mara", "radiator").submit("body", body="Here is the valve.", photo=(BytesIO(b"a valve"), "valve.txt"))
    assert "Here is the valve." in after
    assert after.link("valve.txt").href.startswith(f"/requests/{world.requests['radiator']}/attachments/")


def test_an_empty_message_is_asked_for_words_and_keeps_its_file(world, sign_in) -> None:
    """422, the reason, and the file that came in already."""
    page = page_of(sign_in, world, "mara", "radiator").submit("body", body=" ", photo=(BytesIO(b"a valve"), "valve.txt"))
    assert page.status == 422
    assert "A few words are enough." in page
    assert "valve.txt" in page.submit("body", body="The valve.")


def test_thanks_can_be_taken_back(world, sign_in, app) -> None:
    """Elena took Tom's last message as thanks; he wants a reply."""
    number = world.requests["pay"]
    with app.test_request_context(), unit_of_work():
        no_reply_needed(db.session.get_one(Request, number), actor=world.actor("elena"), now=NOW)
    page = page_of(sign_in, world, "tom", "pay")
    assert "Taken as thanks." in page
    assert "A reply is wanted after all" in page.submit("I would like a reply")


def test_no_longer_needed_is_asked_once_and_done(world, sign_in, app) -> None:
    """The page without script; the reason stands in the line of events."""
    page = page_of(sign_in, world, "mara", "radiator").follow("I no longer need this")
    assert page.heading == "Do you no longer need this?"
    after = page.submit("Yes, stop it", reason="It warmed up by itself.")
    assert "This is no longer needed. Facilities has stopped." in after
    assert "No longer needed: It warmed up by itself" in after
    assert row_of(app, world.requests["radiator"]).status is Status.CANCELLED


def test_closed_meanwhile_gives_the_words_back(world, sign_in, app) -> None:
    """Two tabs: cancelled in one, written in the other."""
    mara = sign_in(world.mara)
    page = mara.get(f"/requests/{world.requests['radiator']}")
    mara.post(f"/requests/{world.requests['radiator']}/cancel", page.form("cancel").values)
    late = page.submit("body", body="It is still cold, by the way.")
    assert late.status == 409
    assert "This request was cancelled. Ask again with a new one." in late
    assert "It is still cold, by the way." in late.source


def test_ask_again_opens_the_same_one_within_ten_working_days(world, sign_in, app) -> None:
    """Closed on the 18th, asked again on the 24th."""
    page = page_of(sign_in, world, "mara", "key").follow("Ask again")
    after = page.submit("note", note="The card stopped working.")
    assert after.path == f"/requests/{world.requests['key']}"
    assert "The card stopped working." in after
    assert row_of(app, world.requests["key"]).is_open


def test_ask_again_later_makes_a_new_one_that_names_the_old(world, sign_in, app, clock) -> None:
    """In January it is a new request with a promise of its own."""
    clock.set(datetime(2027, 1, 12, 9, tzinfo=UTC))
    page = page_of(sign_in, world, "mara", "key").follow("Ask again")
    assert "It makes a new request that names this one" in page
    after = page.submit("note", note="The card stopped working.")
    assert after.path != f"/requests/{world.requests['key']}"
    assert "It follows an earlier one:" in after


def test_followers_come_and_go(world, sign_in, app) -> None:
    """Nils reads along, writes, and leaves by himself."""
    mara, number = sign_in(world.mara), world.requests["radiator"]
    after = mara.get(f"/requests/{number}/followers").submit("person", person="Nils Brandt (MC-0800)")
    assert "They follow it from now on." in after
    nils = sign_in(world.nils)
    page = nils.get(f"/requests/{number}")
    assert "Radiator in Studio 2 stays cold" in page
    assert "I no longer need this" not in page
    assert "Give them a warm room." in page.submit("body", body="Give them a warm room.")
    gone = nils.get(f"/requests/{number}").submit("Follow it no longer")
    assert gone.heading == "My requests"
    assert nils.get(f"/requests/{number}").status == 404
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Participant).where(Participant.request_id == number)) == 0


def test_a_follower_we_do_not_find_is_said_beside_the_field(world, sign_in) -> None:
    """422, and what was typed."""
    page = sign_in(world.mara).get(f"/requests/{world.requests['radiator']}/followers").submit("person", person="Nobody Known")
    assert page.status == 422
    assert "We found nobody called Nobody Known." in page
    assert page.form("person").values["person"] == ["Nobody Known"]


def test_every_clock_event_explains_itself(world, sign_in) -> None:
    """Running, standing at night, paused for the answer, and the sum."""
    page = sign_in(world.mara).get(f"/requests/{world.requests['expenses']}/clock")
    assert "To the first answer" in page
    assert "Stands outside of opening hours" in page
    assert "Paused: waiting for the requester" in page
    assert "Late:" in page or "Kept:" in page


def test_the_lead_of_the_requesters_department_reads_along(world, sign_in) -> None:
    """Camille leads Marketing: she sees it and changes nothing."""
    page = page_of(sign_in, world, "camille", "radiator")
    assert page.status == 200
    assert "You can read this request, but not change it." in page
    assert sign_in(world.camille).post(f"/requests/{world.requests['radiator']}/messages", {"body": "Hurry"}).status == 403


def test_a_confidential_request_is_a_bare_page_for_the_lead(world, sign_in) -> None:
    """Number, department, state and due; no title, no person."""
    page = page_of(sign_in, world, "priya", "badge")
    assert page.status == 200
    assert "This request is confidential." in page
    assert "Facilities" in page
    assert "A door I should not name" not in page.source
    assert "Tom" not in page.source
    assert page_of(sign_in, world, "jonas", "badge").status == 404


def test_reading_a_confidential_request_is_noted_each_time(world, sign_in, app) -> None:
    """Tom's own reading is not; Elena's is, twice for twice."""
    for who in ("tom", "aisha", "aisha"):
        page_of(sign_in, world, who, "pay")
    with app.app_context():
        readers = db.session.scalars(sa.select(Observation.person_id).where(Observation.kind == "desk.request.read")).all()
    assert readers == [world.aisha.id, world.aisha.id]


def test_a_fulfiller_who_asked_sees_the_requesters_page_with_a_way_to_work(world, sign_in, app) -> None:
    """Jonas asks his own department."""
    jonas = sign_in(world.jonas)
    jonas.get("/need/repair").submit("title", title="My own lamp", q_place=str(world.mill_road.id))
    with app.app_context():
        number = db.session.scalar(sa.select(sa.func.max(Request.id)))
    page = jonas.get(f"/requests/{number}")
    assert "How the clock works" in page
    assert page.link("Work on it").href.endswith("view=work")


@pytest.mark.parametrize(("who", "key"), [("mara", "radiator"), ("mara", "expenses"), ("mara", "bulbs"), ("nils", "chairs"), ("sam", "cold")])
def test_a_request_page_takes_nine_statements(who: str, key: str, world, sign_in, query_count) -> None:
    """Whatever happened to it."""
    visitor = sign_in(world.people[who])
    visitor.get("/requests")
    with query_count() as sql:
        page = visitor.get(f"/requests/{world.requests[key]}")
    assert page.status == 200
    assert sql.count <= 9, sql


def test_long_runs_of_events_fold(world, sign_in, app) -> None:
    """Ten hand-overs of the thread make one line to open."""
    mara, number = sign_in(world.mara), world.requests["radiator"]
    for name in ("Nils Brandt", "Leo Fontaine", "Ruth Adeyemi", "Sam Whitlock", "Tom Becker"):
        mara.get(f"/requests/{number}/followers").submit("person", person=name)
    page = mara.get(f"/requests/{number}")
    assert "3 more events" in page
    assert "Tom follows it" in page


def test_words_are_shown_as_words(world, sign_in, app) -> None:
    """Markup of a message is text or safe formatting, never code."""
    after = page_of(sign_in, world, "mara", "radiator").submit("body", body="**cold**\n\n<script>alert(1)</script>")
    assert "<script>alert" not in after.source
    assert "<strong>cold</strong>" in after.source
    with app.app_context():
        assert "<script>" in db.session.scalars(sa.select(Message.body).order_by(Message.id.desc())).first()
