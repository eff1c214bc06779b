"""Asking a department for something: the promise before sending, the form that keeps what was typed, and what is there afterwards."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa

from portal.desk.actions.conversation import Reply, reply
from portal.desk.models import Attachment, Message, Participant, Request
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work

NOBODY_NAMED = {"incident"}
"""Confidential services for which the little company has named nobody."""
RADIATOR = {"title": "Radiator in Studio 3 stays cold", "q_place": "", "description": "The one by the door.", "impact": "slower"}


def fill(world: Any, **more: Any) -> dict[str, Any]:
    """The answers Mara gives."""
    return RADIATOR | {"q_place": str(world.mill_road.id)} | more


def answer_as(app: Any, world: Any, who: str, number: int) -> None:
    """A colleague answers in another window."""
    with app.test_request_context(), unit_of_work():
        row = db.session.get_one(Request, number)
        says = Reply("I have a look at eleven.", "I look at the valve", datetime(2026, 11, 24, 12, tzinfo=UTC))
        reply(row, says, actor=world.actor(who), now=datetime(2026, 11, 24, 9, 5, tzinfo=UTC))


def newest(app: Any) -> Request:
    """The request that was filed last."""
    with app.app_context():
        return db.session.scalars(sa.select(Request).order_by(Request.id.desc()).limit(1)).one()


def test_mara_reads_the_promise_and_who_reads_her_words_before_she_sends_them(world, sign_in) -> None:
    """Tuesday 10:00: four working hours end at 14:00, in her own zone, and Jonas is on duty."""
    page = sign_in(world.mara).get("/need/repair")
    assert page.heading == "What is broken?"
    assert "Facilities answers within 4 working hours: by 14:00 today." in page
    assert "Repaired by Mon 10:00" in page
    assert "Open Mon to Fri, 8:00 to 18:00." in page
    assert "Jonas Lindqvist" in page
    assert "on duty today, with Kim and Ola" in page


def test_every_impact_shows_its_own_first_answer_without_script(world, sign_in) -> None:
    """The danger choice names the phone number first."""
    page = sign_in(world.mara).get("/need/repair")
    assert "First answer by 18:00 today" in page
    assert "Please also call +49 30 555 0100. We answer within 30 min, day or night." in page


def test_the_promise_alone_follows_another_impact(world, sign_in) -> None:
    """The fragment holds the card and no page around it."""
    part = sign_in(world.mara).fragment("/need/repair/promise?impact=stopped")
    assert part.status == 200
    assert "Call +49 30 555 0100 before you write." in part
    assert "Facilities answers within 30 min, day or night: by 10:30 today." in part
    assert "<html" not in part.source


def test_on_a_weekend_the_clock_starts_on_monday(world, sign_in, clock) -> None:
    """The page says so, and promises from there."""
    clock.set(datetime(2026, 11, 28, 11, tzinfo=UTC))
    page = sign_in(world.mara).get("/need/repair")
    assert "The clock starts Mon 8:00." in page
    assert "by Mon 12:00." in page


def test_hana_in_new_york_reads_her_own_hours(world, sign_in) -> None:
    """Facilities closes at 18:00 in Berlin; 14:00 there is 8:00 at the harbour."""
    page = sign_in(world.hana).get("/need/repair")
    assert "by 8:00 today." in page
    assert "These are hours in Berlin; the times above are yours." in page


@pytest.mark.postgres
def test_mara_files_and_is_led_to_her_request(world, sign_in, app, run_jobs, outbox) -> None:
    """One request, one first message, the promise on the page and in the mail."""
    mara = sign_in(world.mara)
    page = mara.get("/need/repair").submit("title", **fill(world, customer="Heron photos go live on Monday", followers="Nils Brandt"))
    assert page.status == 200
    assert page.heading == "Radiator in Studio 3 stays cold"
    assert "Facilities has it. Somebody answers by 14:00 today." in page
    assert "The one by the door." in page
    assert "Nils Brandt follows" in page
    row = newest(app)
    assert (row.requester_id, row.location_id, row.customer_notices, row.customer_impact) == (
        world.mara.id,
        world.mill_road.id,
        True,
        "Heron photos go live on Monday",
    )
    run_jobs()
    assert any("Radiator in Studio 3" in mail.subject for mail in outbox(world.mara.email))


def test_filing_takes_few_statements(world, sign_in, query_count) -> None:
    """A fixed number, whatever the catalogue holds."""
    mara = sign_in(world.mara)
    page = mara.get("/need/repair")
    with query_count() as sql:
        answer = mara.post("/need/repair", page.form("title").values | fill(world), follow_redirects=False)
    assert answer.status == 303
    assert sql.count <= 16, sql


def test_no_is_a_fine_answer_about_customers(world, sign_in, app) -> None:
    """An answer "No, only us" is a no; "Yes" alone is a yes without words."""
    mara = sign_in(world.mara)
    mara.get("/need/repair").submit("title", **fill(world, customer="No, only us"))
    assert (newest(app).customer_notices, newest(app).customer_impact) == (False, "")
    mara.get("/need/repair").submit("title", **fill(world, title="Another radiator", customer="Yes."))
    assert (newest(app).customer_notices, newest(app).customer_impact) == (True, "")


def test_what_needs_another_look_comes_back_with_everything_typed(world, sign_in, app) -> None:
    """Two sentences, in the order of the page, and a photo that need not be chosen again."""
    mara = sign_in(world.mara)
    before = newest(app).id
    photo = (BytesIO(b"a drawing in words"), "drawing.txt")
    page = mara.get("/need/repair").submit("title", **fill(world, q_place="", followers="Nobody Known", q_photo=photo))
    assert page.status == 422
    assert "Two answers need another look. Nothing is lost." in page
    assert "Where: Please choose a place." in page
    assert "We found nobody called Nobody Known" in page
    assert page.form("title").values["title"] == ["Radiator in Studio 3 stays cold"]
    assert "drawing.txt" in page
    assert newest(app).id == before
    done = page.submit("title", q_place=str(world.mill_road.id), followers="")
    assert done.heading == "Radiator in Studio 3 stays cold"
    assert "drawing.txt" in done


def test_a_kept_file_can_be_left_out(world, sign_in, app) -> None:
    """The tick beside its name is enough."""
    mara = sign_in(world.mara)
    page = mara.get("/need/repair").submit("title", **fill(world, q_place="", q_photo=(BytesIO(b"hello"), "hello.txt")))
    page.submit("title", q_place=str(world.mill_road.id), drop_file=page.form("title").values["kept_file"])
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Attachment).where(Attachment.request_id == newest(app).id)) == 0


def test_a_note_about_a_file_of_somebody_else_brings_nothing(world, sign_in, app) -> None:
    """The note is bound to the person it was given to."""
    given = sign_in(world.leo).get("/need/repair").submit("title", title="", q_photo=(BytesIO(b"secret"), "secret.txt"))
    mara = sign_in(world.mara)
    page = mara.get("/need/repair")
    stolen = page.form("title").values | fill(world) | {"kept_file": given.form("title").values["kept_file"]}
    assert mara.post("/need/repair", stolen).status == 200
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Attachment).where(Attachment.request_id == newest(app).id)) == 0


def test_a_program_is_no_photo(world, sign_in) -> None:
    """The reason stands beside the field, and the words stay."""
    page = sign_in(world.mara).get("/need/repair").submit("title", **fill(world, q_photo=(BytesIO(b"MZ"), "setup.exe")))
    assert page.status == 422
    assert "Radiator in Studio 3 stays cold" in page.form("title").values["title"]


def test_camille_asks_for_mara(world, sign_in, app) -> None:
    """It is Mara's request, and Camille sees it, too."""
    page = sign_in(world.camille).get("/need/repair").submit("title", **fill(world, on_behalf="Mara Okafor (MC-0123)"))
    assert page.status == 200
    row = newest(app)
    assert (row.requester_id, row.filed_by_id) == (world.mara.id, world.camille.id)
    assert "asked for them" in page


def test_what_hana_asks_confidentially_for_lars_is_his_alone_afterwards(world, sign_in, app) -> None:
    """She is told so, instead of meeting a page that has ridden off."""
    page = sign_in(world.hana).get("/need/pay-question").submit("title", title="Overtime of Lars", on_behalf="Lars Holt", **answers_of("pay-question", world))
    assert page.status == 200, page
    assert page.heading == "My requests"
    assert "from now on only the person it is for can read it" in page
    assert newest(app).requester_id == world.lars.id


def answers_of(key: str, world: Any) -> dict[str, Any]:
    """What the required questions of a service take."""
    from portal.content import catalogue

    service = next(s for d in catalogue.load() for s in d.services if s.key == key)
    values: dict[str, Any] = {"text": "words", "long_text": "words", "number": "2", "date": "2026-12-03", "yes_no": "yes"}
    values |= {"datetime": "2026-12-03T10:00", "person": "Nils Brandt", "location": str(world.mill_road.id), "department": str(world.finance.id)}
    found = {}
    for field in service.fields:
        if field.required:
            receipt = (BytesIO(b"words on paper"), "paper.txt")
            past = {"date": "2026-11-23", "datetime": "2026-11-23T10:00"} if field.max is not None and field.max <= 0 else {}
            found[f"q_{field.key}"] = receipt if field.type.value == "file" else field.options[0] if field.options else (values | past)[field.type.value]
    return found


def test_a_confidential_tick_hides_it_from_the_department(world, sign_in, app) -> None:
    """Kim is named for keys, Jonas is not."""
    page = sign_in(world.mara).get("/need/badge-key").submit("title", title="A key nobody should know of", confidential=True, **answers_of("badge-key", world))
    assert "confidential" in page
    number = newest(app).id
    assert sign_in(world.kim).get(f"/requests/{number}").status == 200
    assert sign_in(world.jonas).get(f"/requests/{number}").status == 404


def test_without_named_people_the_tick_is_refused_kindly(world, sign_in) -> None:
    """Nobody would read it, so it is not taken."""
    page = sign_in(world.mara).get("/need/repair").submit("title", **fill(world, confidential=True))
    assert page.status == 422
    assert "Nobody is named for confidential requests of this service yet." in page


def test_please_call_me_needs_a_number(world, sign_in) -> None:
    """And keeps the tick."""
    page = sign_in(world.mara).get("/need/repair").submit("title", **fill(world, call_me=True, call_number=""))
    assert page.status == 422
    assert "Under which number do we reach you?" in page


def test_open_requests_of_the_same_kind_are_offered_first(world, sign_in) -> None:
    """Her own only: Sam's radiator is nobody else's business."""
    page = sign_in(world.mara).get("/need/repair")
    assert "Radiator in Studio 2 stays cold" in page
    assert "Radiator in the editors' room" not in page


def test_a_double_click_makes_one_request(world, sign_in, app) -> None:
    """Both clicks lead to the same page."""
    mara = sign_in(world.mara)
    page = mara.get("/need/repair")
    data = page.form("title").values | fill(world)
    first, second = (mara.post("/need/repair", data) for _ in range(2))
    assert first.path == second.path == f"/requests/{newest(app).id}"


def test_back_and_other_words_is_a_second_request(world, sign_in, app) -> None:
    """The same form sent again with another title is not the double click."""
    mara = sign_in(world.mara)
    data = mara.get("/need/repair").form("title").values | fill(world)
    first = mara.post("/need/repair", data)
    second = mara.post("/need/repair", data | {"title": "And the window sticks"})
    assert second.path != first.path
    assert second.heading == "And the window sticks"


@pytest.mark.postgres
def test_every_service_opens_and_takes_its_own_answers(world, sign_in, app) -> None:
    """All 56 forms, each filed once, with each of the twelve types of question."""
    mara = sign_in(world.mara)
    for key in set(world.services) - NOBODY_NAMED:
        page = mara.get(f"/need/{key}")
        assert page.status == 200, key
        done = page.submit("title", title=f"Something from {key}", **answers_of(key, world))
        assert done.status == 200, (key, done)
        assert newest(app).title == f"Something from {key}"


def test_a_confidential_service_nobody_reads_takes_nothing(world, sign_in) -> None:
    """What would lie unread is not taken; the words stay and the way out is named."""
    page = sign_in(world.mara).get("/need/incident").submit("title", title="A door was forced", **answers_of("incident", world))
    assert page.status == 422
    assert "Nobody is named to read this yet, so it was not sent." in page


def test_a_service_that_is_no_longer_offered_is_not_found(world, sign_in) -> None:
    """Nor is one that never was."""
    assert sign_in(world.mara).get("/need/time-machine").status == 404


def test_words_can_be_changed_until_somebody_answered(world, sign_in, app) -> None:
    """Then the button is gone, and an open tab is told so without losing a word."""
    mara, number = sign_in(world.mara), world.requests["radiator"]
    page = mara.get(f"/requests/{number}").follow("Change the words")
    done = page.submit("title", title="Both radiators in Studio 2 stay cold")
    assert done.heading == "Both radiators in Studio 2 stay cold"
    assert "The words were changed" in done
    late = mara.get(f"/requests/{number}/edit")
    answer_as(app, world, "jonas", number)
    refused = late.submit("title", title="Three radiators stay cold")
    assert refused.status == 409
    assert "Somebody has answered meanwhile." in refused
    assert "Three radiators stay cold" in refused.source


def test_nobody_else_changes_the_words(world, sign_in) -> None:
    """Jonas reads it, Leo does not."""
    number = world.requests["radiator"]
    assert sign_in(world.jonas).get(f"/requests/{number}/edit").status == 403
    assert sign_in(world.leo).get(f"/requests/{number}/edit").status == 404


def test_followers_and_messages_are_rows_of_the_requesters_side(world, sign_in, app) -> None:
    """Who follows was added by Mara, and the description is hers."""
    sign_in(world.mara).get("/need/repair").submit("title", **fill(world, followers="Nils Brandt, MC-0350"))
    with app.app_context():
        number = newest(app).id
        rows = db.session.scalars(sa.select(Participant).where(Participant.request_id == number)).all()
        assert {row.person_id for row in rows} == {world.nils.id, world.sam.id}
        assert {row.added_by for row in rows} == {world.mara.id}
        assert db.session.scalars(sa.select(Message.author_id).where(Message.request_id == number)).all() == [world.mara.id]
