"""A double click counts once: whoever sends the same form again is led to the first result."""

from collections import Counter
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import submissions
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from tests.support.client import FROM_PAGE, Visitor
from tests.support.racing import at_once
from tests.support.signing_in import signed_in

FILES = "/board/?to=/board/twice&kind=multipart/form-data"


@pytest.mark.postgres
def test_the_second_click_leads_to_the_first_result(reader: Visitor, on_board: Callable[[], list[str]]) -> None:
    """One row, and both see it; the view did not run again (a second row of that name would have failed)."""
    page = reader.get("/board/")
    first, second = page.submit("/board/pin", text="hello"), page.submit("/board/pin", text="hello")
    assert (first.status, second.status) == (200, 200)
    assert first.address == second.address == "/board/pinned/hello"
    assert on_board() == ["hello"]


@pytest.mark.postgres
def test_other_words_are_another_message(reader: Visitor, on_board: Callable[[], list[str]]) -> None:
    """Back, edited and sent: the browser kept the key, the person meant something new."""
    page = reader.get("/board/")
    for text in ("one", "two"):
        assert page.submit("/board/pin", text=text).status == 200
    page.submit("/board/pin", text="three", more="with more")
    assert on_board() == ["one", "three", "two"]


@pytest.mark.postgres
def test_what_failed_may_be_sent_again(reader: Visitor, on_board: Callable[[], list[str]]) -> None:
    """A refusal does not use the key up."""
    page = reader.get("/board/?to=/board/raise/conflict")
    assert [page.submit("/board/raise/conflict", text="hello").status for _ in range(2)] == [409, 409]
    form = reader.get("/board/").form("/board/pin")
    kept = page.form("/board/raise/conflict").values["_key"]
    assert reader.post("/board/pin", form.values | {"_key": kept, "text": ["hello"]}).status == 200
    assert on_board() == ["hello"]


def test_the_key_stays_with_the_form_that_comes_back(reader: Visitor) -> None:
    """A form with mistakes is the same submission once it is mended; a new page has a new key."""
    page = reader.get("/board/?to=/board/mistaken")
    again = page.submit("/board/mistaken", text="hello")
    key = page.form("/board/mistaken").values["_key"]
    assert again.status == 422
    assert again.form("/board/pin").values["_key"] == key
    assert reader.get("/board/").form("/board/pin").values["_key"] != key


def test_a_key_is_worth_nothing_to_somebody_else_or_elsewhere(board: Flask, world: Any, on_board: Callable[[], list[str]]) -> None:
    """It neither blocks another person nor tells them where the first was led."""
    mara, jonas = signed_in(board, world.mara.id), signed_in(board, world.jonas.id)
    page = mara.get("/board/")
    key = page.form("/board/pin").values["_key"]
    assert page.submit("/board/pin", text="from Mara").status == 200
    theirs = jonas.get("/board/").form("/board/pin").values
    assert jonas.post("/board/pin", theirs | {"_key": key, "text": ["from Jonas"]}).address == "/board/pinned/from Jonas"
    assert mara.post("/board/private-pin", page.form("/board/pin").values | {"text": ["elsewhere"]}).status == 200
    assert on_board() == ["elsewhere", "from Jonas", "from Mara"]


@pytest.mark.parametrize("key", [None, "", "short", "x" * 65])
def test_without_a_proper_key_every_submission_counts(reader: Visitor, on_board: Callable[[], list[str]], key: str | None) -> None:
    """A program that sends none is trusted to know what it does; nothing breaks."""
    values = {name: held for name, held in reader.get("/board/").form("/board/pin").values.items() if name != "_key"}
    values |= {} if key is None else {"_key": [key]}
    for text in ("one", "two"):
        assert reader.post("/board/pin", values | {"text": [text]}).status == 200
    assert on_board() == ["one", "two"]


def test_another_file_is_another_submission(reader: Visitor) -> None:
    """Even with the same name and size; the same file again is the double click."""
    page = reader.get(FILES)
    form = page.form("/board/twice")
    form.names.add("file")
    for content, expected in ((b"plan A", "one"), (b"plan A", "one"), (b"plan B", "two")):
        answer = reader.submit(page, form, text=expected, file=(BytesIO(content), "plan.txt"))
        assert (answer.status, answer.address) == (200, f"/board/pinned/{expected}")


@pytest.mark.postgres
def test_sixteen_at_once_are_one(board: Flask, reader: Visitor, on_board: Callable[[], list[str]]) -> None:
    """Whoever comes while the first is under way waits for it and is led to its result."""
    values = reader.get("/board/").form("/board/pin").values | {"text": ["hello"]}
    cookie = reader.client.get_cookie("portal", domain="127.0.0.1")
    assert cookie is not None

    def click(_: int) -> tuple[int, str]:
        client = board.test_client()
        client.set_cookie("portal", cookie.value, domain="127.0.0.1")
        answer = client.post("/board/pin", data=values, headers=FROM_PAGE, base_url="http://127.0.0.1:8000")
        return answer.status_code, answer.headers.get("Location", "")

    assert Counter(at_once(16, click)) == Counter({(303, "/board/pinned/hello"): 16})
    assert on_board() == ["hello"]


def test_keys_are_forgotten_after_two_days(board: Flask, reader: Visitor, clock: Any) -> None:
    """The table does not grow for ever, and what is kept says nothing about the content."""
    reader.get("/board/").submit("/board/pin", text="hello")
    with board.app_context():
        rows = db.session.scalars(sa.select(submissions.Submission)).all()
        assert [(len(row.digest), row.location) for row in rows] == [(64, "/board/pinned/hello")]
        for days, left in ((1, 1), (1.5, 0)):
            clock.advance(days=days)
            with unit_of_work():
                submissions.forget()
            assert db.session.scalar(sa.select(sa.func.count()).select_from(submissions.Submission)) == left
        db.session.remove()
