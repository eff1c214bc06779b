"""Whom the clock waits for, who may end the wait, and what somebody reads about their own request."""

from typing import Any

import sqlalchemy as sa

from portal.desk.models import ClockEvent, Request
from portal.kernel.db import db
from tests.support.desk import DeskUser


def address(world: Any, key: str) -> str:
    """The page of a request."""
    return f"/requests/{world.requests[key]}"


def paused_for(app: Any, number: int) -> list[tuple[str, str]]:
    """(reason, whom) of every wait of a request."""
    with app.app_context():
        logged = db.session.scalars(sa.select(ClockEvent.data).where(ClockEvent.request_id == number, ClockEvent.kind == "paused").order_by(ClockEvent.id))
        return [(data["reason"], data["waits_for"]) for data in logged]


def asks(world: Any) -> str:
    """The request whose clock waits for an answer of Mara."""
    return address(world, "expenses")


def test_the_requester_says_that_they_have_answered(world: Any, sign_in: Any) -> None:
    """R8: one button, no words; the clock runs and the button is gone."""
    page = sign_in(world.mara).get(asks(world))
    assert "You are waiting for me?" in page
    after = page.submit("/answered")
    assert "Said. The clock runs again." in after
    assert "You are waiting for me?" not in after
    assert page.visitor.post(f"{asks(world)}/answered", {"csrf_token": page.form("/answered").values["csrf_token"][0]}).status == 409


def test_nobody_else_says_so_for_them(world: Any, sign_in: Any) -> None:
    """Not the lead who reads along, not the fulfiller; for a stranger it is not there."""
    token = "csrf_token"
    for who, status in (("camille", 403), ("ruth", 403), ("leo", 404)):
        visitor = sign_in(world.people[who])
        value = next(form.values[token][0] for form in visitor.get("/requests").forms if token in form.values)
        assert visitor.post(f"{asks(world)}/answered", {token: value}).status == status, who
    with visitor.app.app_context():
        assert db.session.get_one(Request, world.requests["expenses"]).status == "waiting_requester"


def test_the_reply_says_who_somebody_else_is(app: Any, world: Any, sign_in: Any) -> None:
    """The short list of R8 stands in the composer, and what was chosen is kept."""
    jonas = sign_in(world.jonas)
    for wait, reason in (("other", "supplier"), ("approval", "approval"), ("other_department", "other_department")):
        page = jonas.get(f"{address(world, 'radiator')}?view=work")
        sent = page.submit(
            "work/reply", body="The firm has to come.", next_step=f"They call, {reason}", next_step_at="2026-11-26T12:00", wait_for=wait, wait_name="Iris"
        )
        assert sent.status == 200
    assert paused_for(app, world.requests["radiator"]) == [(reason, "Iris") for reason in ("supplier", "approval", "other_department")]


def test_a_fulfiller_who_asked_reads_right_words(desk: DeskUser, sign_in: Any) -> None:
    """Jonas asks his own department: what he adds is no answer, and nobody has read anything."""
    number = desk.file(who="jonas").id
    page = sign_in(desk.world.jonas).get(f"/requests/{number}?view=work")
    sent = page.submit("work/reply", body="It is the left one.")
    assert "It is your own request" in sent
    again = sent.visitor.get(f"/requests/{number}?view=work")
    assert "Their own words" in again
    assert "Read, not answered yet" not in again


def test_a_lead_without_a_queue_is_told_kindly(world: Any, sign_in: Any) -> None:
    """Nils leads Sales, which answers nobody; a stranger to queues is refused as before."""
    nils = sign_in(world.nils)
    assert "Your department answers no requests yet" in nils.get("/queue")
    refused = nils.get("/queue/sales")
    assert (refused.status, "answers no requests yet" in refused) == (403, True)
    assert sign_in(world.mara).get("/queue").status in (403, 404)
