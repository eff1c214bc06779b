"""Bad input at the requester's forms: a clear sentence that says what to do, and nothing lost."""

from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa

from portal.desk.models import Message, Request
from portal.kernel.db import db

STEERING = "\u202egnp.exe\u202c"


def filled(world: Any, **more: Any) -> dict[str, Any]:
    """A form that would be taken."""
    return {"title": "The gate sticks", "q_place": str(world.mill_road.id), "impact": "slower"} | more


def newest(app: Any) -> Request:
    """The request that was filed last."""
    with app.app_context():
        return db.session.scalars(sa.select(Request).order_by(Request.id.desc()).limit(1)).one()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("title", "", "Say it in one line"),
        ("title", " \u200b \x00 ", "Say it in one line"),
        ("title", "x" * 121, "This is longer than 120 characters."),
        ("description", "x" * 20_001, "This is longer than 20000 characters."),
        ("impact", "the end of the world", "Please choose one."),
        ("q_place", "999999", "We do not know this place."),
        ("q_place", "one or two", "We do not know this place."),
        ("q_place", "1; drop table", "We do not know this place."),
        ("q_thing", "A dragon", "Please choose one of the answers."),
        ("place", "x" * 121, "This is longer than 120 characters."),
        ("customer", "x" * 301, "This is longer than 300 characters."),
        ("followers", "x" * 1001, "This is longer than 1000 characters."),
        ("on_behalf", "Bruno Adler", "We found nobody called Bruno Adler."),
    ],
)
def test_one_field_that_does_not_fit(field: str, value: str, sentence: str, world, sign_in, app) -> None:
    """422, the reason beside the field, and the other words still there."""
    mara, before = sign_in(world.mara), newest(app).id
    hidden = mara.get("/need/repair").form("title").values
    page = mara.post("/need/repair", hidden | filled(world, place="Gate 2") | {field: value})
    assert page.status == 422
    assert sentence in page
    assert "Nothing is lost." in page
    if field != "place":
        assert page.form("title").values["place"] == ["Gate 2"]
    assert newest(app).id == before


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"q_on": "2026-11-24"}, "Today is too soon. The first free day is tomorrow."),
        ({"q_on": "24.12.2026"}, "Please write a day as year, month and day"),
        ({"q_on": "9999-99-99"}, "Please write a day as year, month and day"),
        ({"q_desks": "a few"}, "Please write a number, for example 2. A guess is fine."),
        ({"q_desks": "61"}, "A number from 1 to 60 fits here."),
        ({"q_desks": "1e400"}, "Please write a number, for example 2."),
        ({"q_notes": "x" * 1001}, "This is longer than 1000 characters."),
    ],
)
def test_a_question_of_a_service_says_what_would_fit(answers: dict[str, str], sentence: str, world, sign_in) -> None:
    """And gives back what was typed."""
    mara, place = sign_in(world.mara), str(world.mill_road.id)
    hidden = mara.get("/need/move").form("title").values
    good = {"title": "Move two desks", "impact": "slower", "q_from_place": place, "q_to_place": place, "q_on": "2026-11-26", "q_desks": "2"}
    page = mara.post("/need/move", hidden | good | answers)
    assert page.status == 422
    assert sentence in page
    (name, value), *_ = answers.items()
    assert page.form("title").values[name][0].strip() == value


def test_a_day_that_is_too_soon_offers_days_that_fit(world, sign_in, app) -> None:
    """One press fills the day in, keeps the rest and sends nothing yet."""
    mara, place, before = sign_in(world.mara), str(world.mill_road.id), newest(app).id
    typed = {"title": "Move two desks", "q_from_place": place, "q_to_place": place, "q_on": "2026-11-24", "q_desks": "2"}
    page = mara.get("/need/move").submit("title", **typed)
    assert page.status == 422
    again = page.submit("title", button="Thu 26 Nov")
    assert (again.status, newest(app).id) == (200, before)
    assert again.form("title").values["q_on"] == ["2026-11-26"]
    assert again.form("title").values["title"] == ["Move two desks"]
    assert again.submit("title").heading == "Move two desks"


def test_control_signs_and_steering_marks_are_left_out(world, sign_in, app) -> None:
    """A title cannot pretend to be another one."""
    page = sign_in(world.mara).get("/need/repair").submit("title", **filled(world, title=f"The\x00 gate {STEERING}\r\nsticks"))
    assert page.heading == "The gate gnp.exe sticks"
    assert newest(app).title == "The gate gnp.exe sticks"


def test_markup_is_text(world, sign_in) -> None:
    """In the heading, in the list, in the message."""
    mara = sign_in(world.mara)
    page = mara.get("/need/repair").submit("title", **filled(world, title="<script>alert(1)</script>", description="<img src=x onerror=alert(1)>"))
    assert "<script>alert" not in page.source
    assert "<img src=x" not in page.source
    assert page.heading == "<script>alert(1)</script>"
    assert "<script>alert" not in mara.get("/requests").source


def test_half_a_megabyte_of_text_is_refused_with_the_limit(world, sign_in) -> None:
    """Typed text above the limit cannot come back, and the page says how much can."""
    mara = sign_in(world.mara)
    hidden = mara.get("/need/repair").form("title").values
    page = mara.post("/need/repair", hidden | filled(world, description="x" * 600_000))
    assert page.status == 413
    assert "the limit is 500 kB" in page


def test_an_empty_file_is_said_beside_its_field(world, sign_in) -> None:
    """The words stay."""
    page = sign_in(world.mara).get("/need/repair").submit("title", **filled(world, q_photo=(BytesIO(b""), "empty.txt")))
    assert page.status == 422
    assert "This file is empty." in page
    assert page.form("title").values["title"] == ["The gate sticks"]


@pytest.mark.parametrize("number", ["0", "99999999", str(2**63), str(10**40), "-1", "abc", "1.5", "%00"])
@pytest.mark.parametrize("rest", ["", "/edit", "/cancel", "/clock", "/followers", "/again", "/answer", "/attachments/1"])
def test_numbers_nobody_has_are_not_found(number: str, rest: str, world, sign_in) -> None:
    """The same page as for what one may not see."""
    page = sign_in(world.mara).get(f"/requests/{number}{rest}")
    assert page.status == 404
    assert "This page has ridden off" in page


def test_somebody_elses_request_is_as_unknown_as_none(world, sign_in) -> None:
    """Leo gets 404 for reading and for every form, whether the number is taken or not."""
    leo = sign_in(world.leo)
    token = leo.get("/need/nda").form("title").values["csrf_token"]
    for number in (world.requests["radiator"], 4_000_000):
        assert leo.get(f"/requests/{number}").status == 404
        for action in ("messages", "edit", "cancel", "answer", "again", "followers", f"followers/{world.mara.id}/remove", "reply-wanted"):
            assert leo.post(f"/requests/{number}/{action}", {"csrf_token": token, "body": "x", "answer": "no"}).status == 404, action


def test_a_form_from_another_site_changes_nothing(world, sign_in, app) -> None:
    """No token, no request; the words come back to be sent again."""
    mara, before = sign_in(world.mara), newest(app).id
    page = mara.post("/need/repair", filled(world))
    assert page.status == 403
    assert newest(app).id == before


def test_an_unknown_answer_is_asked_again(world, sign_in) -> None:
    """Neither yes, partly nor no."""
    mara, number = sign_in(world.mara), world.requests["bulbs"]
    token = mara.get(f"/requests/{number}").form("body").values["csrf_token"]
    assert mara.post(f"/requests/{number}/answer", {"csrf_token": token, "answer": "maybe"}).status == 422


def test_answering_twice_is_told_kindly(world, sign_in) -> None:
    """The second tab is too late, and says why."""
    mara, number = sign_in(world.mara), world.requests["radiator"]
    token = mara.get(f"/requests/{number}").form("body").values["csrf_token"]
    page = mara.post(f"/requests/{number}/answer", {"csrf_token": token, "answer": "yes"})
    assert page.status == 409
    assert "Nobody has said yet that this is solved." in page


def test_a_double_click_sends_one_message(world, sign_in, app) -> None:
    """The same key and words count once."""
    mara, number = sign_in(world.mara), world.requests["radiator"]
    data = mara.get(f"/requests/{number}").form("body").values | {"body": "Still cold."}
    for _ in range(2):
        assert mara.post(f"/requests/{number}/messages", data).status == 200
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Message).where(Message.body == "Still cold.")) == 1


def test_followers_beyond_the_limit_are_counted_out(world, sign_in) -> None:
    """Twenty can follow; the sentence says so."""
    mara = sign_in(world.mara)
    numbers = ", ".join(who.staff_number for key, who in world.people.items() if key not in ("mara", "bruno"))
    page = mara.get("/need/repair").submit("title", **filled(world, followers=numbers))
    assert page.status == 200


def test_the_promise_of_an_odd_impact_is_the_usual_one(world, sign_in) -> None:
    """The address bar may say anything."""
    mara = sign_in(world.mara)
    for odd in ("?impact=%00", "?impact=" + "x" * 3000, "?impact=urgent&q_on=never", ""):
        part = mara.fragment(f"/need/repair/promise{odd}")
        assert part.status == 200
        assert "within 4 working hours" in part
