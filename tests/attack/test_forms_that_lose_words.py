"""A form came back empty after a mistake, or said "failed" after it had saved.

Published case class: lost input (GLPI 4195: the file was dropped when the requester changed; Znuny 492; Frappe LMS, August 2026: an error
after the save was shown as a failure, people sent it again, and there were two).
"""

import io
import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.models import Message, Request
from portal.kernel.db import db
from tests.attack.test_payloads_in_every_field import FORMS, places
from tests.support.client import Form, Page
from tests.support.doors import visitors

SECRET = ("password", "new_password", "current", "repeat")


def number_of(app: Flask, table: Any) -> int:
    """How many rows."""
    with app.app_context():
        found = db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        db.session.remove()
    return found


def words_in(page: Page, form: Form) -> dict[str, str]:
    """A word of its own for every field of the form that takes text."""
    skipped = ("csrf_token", "_key", "version", "next", "back", "kept_file", "canned_id", "seen", "photo", *SECRET)
    named = [name for name in sorted(form.names) if name not in skipped and name not in form.choices and not name.startswith("q_photo")]
    return {name: f'Kept {number} & "so" <b>{name}</b>' for number, name in enumerate(named)}


@pytest.mark.parametrize("how", ["a mistake", "a form that was open too long"])
@pytest.mark.parametrize("form", [name for name in FORMS if name not in ("sign in", "link", "wait", "followers")])
def test_what_was_typed_comes_back(app: Flask, world: Any, form: str, how: str) -> None:
    """GLPI 4195, Znuny 492: every word stands on the page that says what is wrong, whichever way it went wrong."""
    who, address, field, _step = FORMS[form]
    visitor, address = visitors(app, world, (who,))[who], address.format(**places(world))
    page = visitor.get(address)
    filled = next(one for one in page.forms if one.method == "post" and field in one.names)
    typed = words_in(page, filled)
    data: dict[str, Any] = {name: list(held) for name, held in filled.values.items()} | typed
    if how == "a mistake":
        # Nothing that must be chosen is, and dates and numbers are words.
        data |= dict.fromkeys(filled.choices, "nothing of the kind")
    else:
        data["csrf_token"] = "IjEi.aaaa.bbbb"
    answer = visitor.post(filled.action or address, data, follow_redirects=False)
    if answer.status == 303:
        return  # it was all right as it stood
    assert answer.status in (400, 403, 404, 409, 422), answer
    if answer.status not in (403, 404):
        assert [name for name, word in typed.items() if not _stands(word, answer)] == []


def _stands(word: str, page: Page) -> bool:
    said = " ".join(value for form in page.forms for values in form.values.values() for value in values)
    return word in said or word in page.text


def test_a_file_and_a_name_stay_while_the_rest_is_mended(app: Flask, world: Any) -> None:
    """GLPI 4195: the photo is not dropped because a field was missing, and it is in the request afterwards."""
    mara = visitors(app, world, ("mara",))["mara"]
    form = mara.get("/need/repair").form("title")
    data: dict[str, Any] = {name: list(held) for name, held in form.values.items()} | {"title": "", "description": "It drips."}
    answer = mara.post("/need/repair", data | {"q_photo": (io.BytesIO(b"a list"), "list.txt")})
    assert (answer.status, "list.txt" in answer) == (422, True)
    done = answer.submit("title", title="A tap drips")
    assert (done.status, "list.txt" in done) == (200, True)


def test_sending_again_leads_to_what_was_saved(app: Flask, world: Any) -> None:
    """Frappe LMS, August 2026: the answer was lost, the same form is sent three times more; one request, and each time the way to it."""
    mara = visitors(app, world, ("mara",))["mara"]
    form = mara.get("/need/repair").form("title")
    data: dict[str, Any] = {name: list(held) for name, held in form.values.items()} | {"title": "A tap drips", "description": "In the kitchen."}
    data |= {name: next(c for c in form.choices[name] if c) for name in form.choices if name.startswith("q_") and not any(data.get(name, []))}
    before = number_of(app, Request)
    answers = [mara.post("/need/repair", data, follow_redirects=False) for _ in range(4)]
    assert {answer.status for answer in answers} == {303}, answers[0]
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert number_of(app, Request) == before + 1
    place = answers[0].headers["Location"]
    page = mara.get(place)
    message = page.form("messages")
    data = {name: list(held) for name, held in message.values.items()} | {"body": "And the other one."}
    said = number_of(app, Message)
    for _ in range(3):
        assert mara.post(message.action, data, follow_redirects=False).status == 303
    assert number_of(app, Message) == said + 1


def test_a_page_of_an_error_says_truly_whether_it_was_saved(app: Flask, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frappe LMS, August 2026: a fault of ours saves nothing, says so with a number, and what was typed can be sent once more."""
    mara = visitors(app, world, ("mara",))["mara"]
    form = mara.get(f"/requests/{world.requests['radiator']}").form("messages")
    data: dict[str, Any] = {name: list(held) for name, held in form.values.items()} | {"body": "Still cold today."}
    before = number_of(app, Message)

    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("after everything was written")

    app.testing = False
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    try:
        with monkeypatch.context() as broken:
            broken.setattr("portal.desk.actions.steps.activity.record", fails)
            answer = mara.post(form.action, data, follow_redirects=False)
        assert answer.status == 500
        assert re.search(r"\b[0-9a-f]{10}\b", answer.text), "a number to name"
        assert number_of(app, Message) == before
        assert mara.post(form.action, data, follow_redirects=False).status == 303
        assert number_of(app, Message) == before + 1
    finally:
        app.testing = True
