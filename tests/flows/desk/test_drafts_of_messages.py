"""A message to whoever has a request is kept like a form: offered back with its time, gone when sent, nobody else's to read."""

import pytest
import sqlalchemy as sa

from portal.desk.models import Draft
from portal.kernel.db import db

TYPED = "It hums louder since this morning"


@pytest.fixture
def address(world) -> str:
    """The page of Mara's radiator."""
    return f"/requests/{world.requests['radiator']}"


def drafts_in(app) -> list[tuple[int, str]]:
    """(person, form) of every draft there is."""
    with app.app_context():
        return [tuple(row) for row in db.session.execute(sa.select(Draft.person_id, Draft.form))]


def keep(visitor, address, body=TYPED, **headers):
    """What the script sends while somebody types, and the button without it."""
    form = visitor.get(address).form("/messages").values
    number = address.rpartition("/")[2]
    return visitor.post(f"/drafts/message.{number}", {"csrf_token": form["csrf_token"], "body": body}, headers=headers)


def test_what_was_typed_stands_in_the_box_again(world, sign_in, app, address, query_count) -> None:
    """With the time, and a way to start afresh; the page reads no statement more."""
    mara = sign_in(world.mara)
    assert keep(mara, address, **{"HX-Request": "true"}).status == 204
    with query_count() as statements:
        page = mara.get(address)
    assert statements.count <= 9, statements
    assert TYPED in page.form("/messages").values["body"][0]
    assert "This is what you typed today 10:00" in page
    assert "It was not sent yet" in page
    afresh = page.submit("Start afresh")
    assert afresh.path == address
    assert "It was not sent yet" not in afresh
    assert drafts_in(app) == []


def test_without_script_a_button_keeps_the_message(world, sign_in, app, address) -> None:
    """It leads back to the request and says so; nothing was sent."""
    mara = sign_in(world.mara)
    assert f'formaction="/drafts/message.{world.requests["radiator"]}"' in mara.get(address).source
    page = keep(mara, address)
    assert page.path == address
    assert "Kept as a draft. It waits for you here." in page
    assert TYPED in page.form("/messages").values["body"][0]
    assert drafts_in(app) == [(world.mara.id, f"message.{world.requests['radiator']}")]


def test_sending_takes_the_message_away_and_a_refusal_does_not(world, sign_in, app, address) -> None:
    """An empty one comes back with what is kept untouched; the one that is sent leaves no draft."""
    mara = sign_in(world.mara)
    keep(mara, address)
    page = mara.get(address).submit("/messages", body=" ")
    assert page.status == 422
    assert len(drafts_in(app)) == 1
    sent = page.submit("/messages", body=TYPED)
    assert "Sent." in sent
    assert "It was not sent yet" not in sent
    assert drafts_in(app) == []


def test_a_message_somebody_typed_is_nobody_elses(world, sign_in, address) -> None:
    """The fulfiller's page shows nothing of it, and a draft about a request one may not see shows nothing of that request."""
    keep(sign_in(world.mara), address)
    assert TYPED not in sign_in(world.jonas).get(address).source
    leo = sign_in(world.leo)
    token = next(form.values["csrf_token"] for form in leo.get("/requests").forms if "csrf_token" in form.values)
    number = world.requests["badge"]
    answer = leo.post(f"/drafts/message.{number}", {"csrf_token": token, "body": "Let me see"})
    assert answer.status == 404
    assert leo.get(f"/requests/{number}").status == 404
