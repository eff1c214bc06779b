"""The edge: what changes, what does not, and what people read when something goes wrong."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel.db import db
from tests.flows.kernel.conftest import tries
from tests.support.client import FROM_PAGE, Visitor
from tests.support.signing_in import signed_in

ADDRESS = "http://127.0.0.1:8000"


def send(reader: Visitor, path: str, text: str = "hello", **kwargs: Any) -> Any:
    """Fill the form for ``path`` and send it."""
    return reader.get(f"/board/?to={path}").submit(path, text=text, **kwargs)


# -- what changes ----------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_a_form_that_worked_changes_something_and_leads_on(reader: Visitor, on_board: Callable[[], list[str]]) -> None:
    """303 to the result, the message once."""
    page = send(reader, "/board/pin")
    assert (page.status, page.path, page.text) == (200, "/board/pinned/hello", "hello Pinned.")
    assert on_board() == ["hello"]
    assert reader.get("/board/pinned/hello").text == "hello"


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("mistaken", 422),
        ("raise/refusal", 422),
        ("raise/conflict", 409),
        ("raise/busy", 503),
        ("raise/full", 507),
        ("raise/fast", 429),
        ("raise/large", 413),
        ("raise/type", 415),
        ("raise/fault", 500),
    ],
)
def test_whatever_goes_wrong_nothing_is_changed_and_nothing_is_told(reader: Visitor, on_board: Callable[[], list[str]], path: str, status: int) -> None:
    """No row, no activity, no job, and no "Pinned." on the next page."""
    assert send(reader, f"/board/{path}").status == status
    assert on_board() == []
    assert "Pinned" not in reader.get("/board/pinned/next").text


@pytest.mark.postgres
def test_looking_changes_nothing(reader: Visitor, on_board: Callable[[], list[str]]) -> None:
    """A view that writes on GET is a fault, not a feature."""
    assert reader.get("/board/by-looking").status == 500
    assert on_board() == []


def test_a_conflict_in_the_database_is_tried_again_with_everything_that_was_sent(reader: Visitor, on_board: Callable[[], list[str]]) -> None:
    """The upload is read from its beginning, and the message is told once."""
    page = reader.get("/board/?to=/board/twice&kind=multipart/form-data")
    form = page.form("/board/twice")
    form.names.add("file")
    answer = reader.submit(page, form, text="hello", file=(BytesIO(b"a plan"), "plan.txt"))
    assert (answer.status, answer.text) == (200, "hello Pinned.")
    assert tries == ["a plan", "a plan"]
    assert on_board() == ["hello"]


# -- who may ---------------------------------------------------------------------------------------------------------


def test_whoever_is_not_signed_in_is_led_to_the_door(reader: Visitor) -> None:
    """And back afterwards; a fragment answers 401, since nobody would see the door in it."""
    page = reader.get("/board/private?x=1", follow_redirects=False)
    assert page.status == 303
    assert page.headers["Location"] == "/sign-in?next=/board/private?x%3D1"
    assert reader.fragment("/board/private").status == 401


def test_a_form_sent_after_the_session_ended_leads_back_to_its_page(reader: Visitor) -> None:
    """Not to an address that only takes forms, and never to somebody else's page."""
    form = reader.get("/board/?to=/board/private-pin").form("/board/private-pin")
    data = form.values | {"text": ["hello"]}
    for before, after in ((f"{ADDRESS}/board/?to=x", "?next=/board/?to%3Dx"), ("https://evil.example/board/", ""), ("", "")):
        page = reader.post("/board/private-pin", data, headers={"Referer": before}, follow_redirects=False)
        assert (page.status, page.headers["Location"]) == (303, f"/sign-in{after}")


def test_visible_but_not_allowed_is_403_with_a_sentence(board: Flask, world: Any) -> None:
    """Ada may, Mara is told, and a stranger is led to the door."""
    ada, mara, stranger = signed_in(board, world.ada.id), signed_in(board, world.mara.id), Visitor(board)
    assert ada.get("/board/clean").text == "clean"
    refused = mara.get("/board/clean")
    assert (refused.status, "This is not yours to change. Nothing was changed." in refused) == (403, True)
    assert stranger.get("/board/clean", follow_redirects=False).status == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_route_that_declares_nothing_is_nobodys(reader: Visitor, method: str) -> None:
    """Start-up refuses it; should one slip in, it fails closed."""
    page = reader.get("/board/undeclared") if method == "GET" else send(reader, "/board/undeclared")
    assert page.status == 403
    assert "nobody declared me" not in page.source


def test_unknown_addresses_and_methods(reader: Visitor) -> None:
    """404 in our words; 405 names what is allowed."""
    page = reader.get("/no/such/page")
    assert (page.status, page.heading) == (404, "This page has ridden off")
    page = send(reader, "/board/only-get")
    assert (page.status, page.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert "not allowed for the requested URL" not in page.source


@pytest.mark.parametrize("path", ["/board/pinned/a%00b", "/board/pinned/%00", "/people/MC-0001%00"])
@pytest.mark.postgres
def test_nul_in_an_address_is_no_address(reader: Visitor, path: str) -> None:
    """PostgreSQL would raise."""
    assert reader.get(path).status == 404


def test_nul_in_a_filter_is_left_out(reader: Visitor) -> None:
    """However it is written."""
    for query in ("to=%00/board/pin", "to=/board/%00pin%00", "to=/board/%0%000pin"):
        assert reader.get(f"/board/?{query}").form("/board/pin").action == "/board/pin"


# -- what people read ------------------------------------------------------------------------------------------------


def test_a_fault_of_ours_shows_a_reference_and_nothing_else(reader: Visitor) -> None:
    """The log has the rest."""
    for page in (reader.get("/board/broken"), send(reader, "/board/raise/fault", "my own words")):
        assert page.status == 500
        assert "That is on us" in page
        assert re.search(r"\b[0-9a-f]{10}\b", page.text)
        assert not any(leak in page.source for leak in ("canary", "LookupError", "Traceback", "conftest", "site-packages", "werkzeug"))


def test_what_was_typed_comes_back_without_passwords(reader: Visitor) -> None:
    """On a fault to copy it, on a passing problem to send it again with one click and the same key."""
    words = "Radiator stays cold since Monday & <b>nobody</b> came"
    for name, again in (("busy", True), ("full", True), ("conflict", True), ("fast", True), ("refusal", True), ("fault", False)):
        shown = send(reader, f"/board/raise/{name}", words, more="more\nwords", old_password="canary-password")
        assert "Radiator stays cold since Monday &amp; &lt;b&gt;nobody&lt;/b&gt; came" in shown.source, name
        assert "canary-password" not in shown.source
        if again:
            form = shown.form(f"/board/raise/{name}")
            assert (form.values["text"], form.values["more"]) == ([words], ["more\nwords"])
            assert len(form.values["_key"]) == 1
        else:
            assert not [form for form in shown.forms if form.action.endswith(name)]


def test_sending_again_works_once_the_trouble_is_over(reader: Visitor, on_board: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of a busy database is a form that does the same thing."""
    page = reader.get("/board/?to=/board/twice")
    monkeypatch.setattr("portal.kernel.unit_of_work.TRIES", 1)
    busy = page.submit("/board/twice", text="hello")
    assert (busy.status, busy.headers["Retry-After"]) == (503, "5")
    assert on_board() == []
    done = busy.submit("/board/twice")
    assert (done.status, done.text) == (200, "hello Pinned.")
    assert on_board() == ["hello"]


def test_too_fast_says_when(reader: Visitor) -> None:
    """In seconds, as browsers and programs understand."""
    assert send(reader, "/board/raise/fast").headers["Retry-After"] == "30"


def test_a_database_that_does_not_answer_a_page_is_busy(reader: Visitor) -> None:
    """503 with a moment to wait, and nothing of the statement in it."""
    page = reader.get("/board/gone")
    assert (page.status, page.headers["Retry-After"]) == (503, "5")
    assert "canary" not in page.source


def test_a_page_of_an_error_that_fails_itself_is_plain_words(reader: Visitor, board: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a blank page, never a stack of our code."""
    monkeypatch.setattr("portal.kernel.web.render_template", lambda *_, **__: 1 / 0)
    page = reader.get("/board/broken")
    assert (page.status, page.response.mimetype) == (500, "text/plain")
    assert "Something went wrong on our side. Nothing was saved." in page
    assert reader.get("/no/such/page").status == 404


def test_the_pages_of_a_broken_database_ask_it_nothing(board: Flask, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody signed in when it went away still reads a page in our words."""
    mara = signed_in(board, world.mara.id)
    page = mara.get("/board/?to=/board/raise/busy")

    def gone(*_: Any, **__: Any) -> Any:
        raise sa.exc.OperationalError("SELECT", {}, Exception("database is locked"))

    monkeypatch.setattr("portal.kernel.slots.fill", gone)
    for path in ("busy", "full", "fault"):
        answer = page.submit("/board/raise/busy") if path == "busy" else send(mara, f"/board/raise/{path}")
        assert answer.is_html
        assert answer.status in (503, 507, 500)


# -- too much --------------------------------------------------------------------------------------------------------


def test_half_a_megabyte_of_words_comes_back(reader: Visitor) -> None:
    """What somebody wrote is not lost because something else went wrong."""
    words = "Radiator " * 50_000
    shown = send(reader, "/board/raise/conflict", "short", more=words)
    assert shown.status == 409
    assert shown.form("/board/raise/conflict").values["more"][0].strip() == words.strip()


def multipart(data: dict[str, list[str]]) -> tuple[bytes, str]:
    """A form as a browser encodes it when there are files in it."""
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{held[0]}\r\n' for name, held in data.items()]
    return "".join([*parts, "--x--\r\n"]).encode(), "multipart/form-data; boundary=x"


def urlencoded(data: dict[str, list[str]]) -> tuple[bytes, str]:
    """A form as a browser encodes it otherwise."""
    return urlencode(data, doseq=True).encode(), "application/x-www-form-urlencoded"


@pytest.mark.parametrize("encode", [multipart, urlencoded])
@pytest.mark.parametrize("who", ["stranger", "mara"])
@pytest.mark.parametrize("words", ["x" * 500_001, "ü" * 250_001, "x" * 3_000_000])
def test_more_words_than_that_are_refused_with_the_limit(
    board: Flask, world: Any, on_board: Callable[[], list[str]], encode: Callable[..., tuple[bytes, str]], who: str, words: str
) -> None:
    """A page that names the limit, whatever the form and whoever sent it."""
    visitor = Visitor(board) if who == "stranger" else signed_in(board, world.mara.id)
    page = visitor.get("/board/?to=/board/pin")
    body, kind = encode(page.form("/board/pin").values | {"text": [words]})
    answer = visitor.post("/board/pin", body, content_type=kind)
    assert (answer.status, answer.is_html) == (413, True)
    assert "the limit is 500 kB" in answer
    assert "Nothing was saved" in answer
    assert on_board() == []


@pytest.mark.parametrize("encode", [multipart, urlencoded])
def test_text_of_any_script_has_the_same_room(reader: Visitor, on_board: Callable[[], list[str]], encode: Callable[..., tuple[bytes, str]]) -> None:
    """What makes six bytes of one on the wire is not counted six times."""
    page = reader.get("/board/?to=/board/pin")
    body, kind = encode(page.form("/board/pin").values | {"text": ["ok"], "more": ["ü" * 240_000]})
    assert reader.post("/board/pin", body, content_type=kind).status == 200
    assert on_board() == ["ok"]


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/json"])
def test_a_body_beyond_all_measure_is_refused_with_its_limit(reader: Visitor, kind: str) -> None:
    """26 MB: the largest upload and what surrounds it. It is not even read."""
    answer = reader.post("/board/pin", b"--x", content_type=kind, environ_overrides={"CONTENT_LENGTH": "26000001"})
    assert (answer.status, "the limit is 26 MB" in answer) == (413, True)


def test_a_form_of_ten_thousand_fields_is_refused(reader: Visitor) -> None:
    """Nobody fills those in by hand."""
    body, kind = multipart({f"field{number}": ["x"] for number in range(10_000)})
    assert reader.post("/board/pin", body, content_type=kind).status == 413


def test_a_body_that_is_no_form_is_refused_quietly(reader: Visitor) -> None:
    """Broken multipart, JSON, nothing at all."""
    for kind, body in (
        ("multipart/form-data", b"nonsense"),
        ("application/json", b"{"),
        ("text/plain", b"\xff"),
        ("application/x-www-form-urlencoded", b"text=\xff&csrf_token=\xfe"),
    ):
        page = reader.post("/board/pin", body, content_type=kind)
        assert page.status == 403, kind
        assert page.is_html


def test_sessions_do_not_leak_between_requests(board: Flask, world: Any) -> None:
    """A thread that served Mara serves a stranger next."""
    assert signed_in(board, world.mara.id).get("/board/private").text == "private"
    assert Visitor(board).get("/board/private", follow_redirects=False).status == 303
    assert Visitor(board).client.post("/board/pin", headers=FROM_PAGE).status_code == 403
    with board.app_context():
        assert not db.session.registry.has() or not db.session.dirty
