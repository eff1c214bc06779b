"""The guards on every request and every answer: where it comes from, which host it asks for, what the answer may do."""

from typing import Any

import pytest
from flask import Flask

from portal.app import create_app
from portal.kernel import security
from portal.kernel.security import local_path
from tests.support.client import Visitor
from tests.support.signing_in import signed_in
from tests.support.stages import close, make_settings, unplug_logs

HERE = "http://127.0.0.1:8000"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)


# -- where it comes from ---------------------------------------------------------------------------------------------


def send(visitor: Visitor, headers: dict[str, str], *, token: bool = True, path: str = "/board/pin", method: str = "POST") -> int:
    """Send the form with exactly these headers; the status."""
    values = dict(visitor.get("/board/").form("/board/pin").values) | {"text": [f"pin {id(headers)}"]}
    if not token:
        values.pop("csrf_token")
    return visitor.client.open(path, method=method, base_url=HERE, data=values, headers=headers).status_code


@pytest.mark.parametrize("site", ["same-origin", "none", None, "same-site", "cross-site", "nonsense", ""])
@pytest.mark.parametrize("origin", [HERE, None, "null", "https://evil.example", "http://localhost:8000", "http://127.0.0.1:9999", "https://127.0.0.1:8000"])
@pytest.mark.parametrize("token", [True, False])
def test_a_form_is_taken_only_from_our_own_page(reader: Visitor, site: str | None, origin: str | None, token: bool) -> None:
    """Fetch metadata decides where a browser sends it, else the origin; and without the token nothing is ever taken."""
    headers = {name: value for name, value in (("Sec-Fetch-Site", site), ("Origin", origin)) if value is not None}
    trusted = site in ("same-origin", "none") if site is not None else origin in (HERE, None)
    assert send(reader, headers, token=token) == (303 if trusted and token else 403)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_method_that_changes_is_guarded(reader: Visitor, method: str) -> None:
    """Known address or not."""
    for path in ("/board/pin", "/no/such/page", "/sign-in"):
        assert send(reader, {"Sec-Fetch-Site": "cross-site"}, path=path, method=method) == 403


def test_a_foreign_form_says_where_it_came_from_and_did_nothing(reader: Visitor) -> None:
    """The person reads that nothing happened."""
    page = reader.post("/board/pin", {"text": "hello"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (page.status, "This was sent from another page, so nothing was done." in page) == (403, True)


def test_a_form_that_was_open_too_long_gives_the_text_back(board: Flask, world: Any) -> None:
    """The token of an ended page session does not fit any more: the words are shown, and one click sends them from this page."""
    mara = signed_in(board, world.mara.id)
    values = mara.get("/board/").form("/board/pin").values | {"text": ["Radiator stays cold since Monday"], "csrf_token": ["old"]}
    stale = mara.post("/board/pin", values)
    assert (stale.status, "This form was open for so long" in stale) == (403, True)
    assert stale.submit("/board/pin").address == "/board/pinned/Radiator stays cold since Monday"


def test_somebody_elses_token_does_not_fit(board: Flask) -> None:
    """A token belongs to one browser."""
    mine, theirs = Visitor(board), Visitor(board)
    values = mine.get("/board/").form("/board/pin").values
    token = theirs.get("/board/").form("/board/pin").values["csrf_token"]
    assert mine.post("/board/pin", values | {"csrf_token": token, "text": ["x"]}).status == 403


def test_the_header_of_scripts_is_as_good_as_the_field(reader: Visitor) -> None:
    """htmx sends the token as a header."""
    values = dict(reader.get("/board/").form("/board/pin").values) | {"text": ["x"]}
    token = values.pop("csrf_token")[0]
    assert reader.post("/board/pin", values, headers={"X-CSRFToken": token}, follow_redirects=False).status == 303


# -- hosts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "localhost", "127.0.0.1:9999", "127.0.0.1"])
def test_this_machine_is_known_by_its_names(reader: Visitor, host: str) -> None:
    """Whatever the port: a proxy may stand in front."""
    assert reader.client.get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "localhost.evil.example", "10.0.0.1", "127.0.0.1@evil.example", " ", "é"]
)
@pytest.mark.parametrize("path", ["/", "/sign-in", "/no/such/page", "/board/pin"])
def test_any_other_name_is_refused(board: Flask, world: Any, host: str, path: str) -> None:
    """In plain words and with all headers, signed in or not; so no link can be steered by a header."""
    for visitor in (Visitor(board), signed_in(board, world.mara.id)):
        answer = visitor.client.get(path, headers={"Host": host.encode().decode("latin-1")})
        assert (answer.status_code, answer.mimetype) == (400, "text/plain")
        assert "evil" not in answer.get_data(as_text=True)
        assert answer.headers["Content-Security-Policy"] == POLICY


def test_forwarding_headers_count_for_nothing_without_a_proxy(reader: Visitor) -> None:
    """Links carry the configured address."""
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example", "X-Original-URL": "/admin"}
    answer = reader.client.get("/board/old-address", base_url=HERE, headers=headers)
    assert answer.headers["Location"] == "/board/only-get"
    assert "evil" not in str(answer.headers)


def test_behind_a_proxy_its_headers_count_and_no_others(app: Flask, tmp_path: Any) -> None:
    """The last hop says which host and scheme people used; a host we do not have is still refused."""
    base = "https://hearth.marlow.example"
    behind = create_app(make_settings(tmp_path, app.extensions["settings"].database, base_url=base, trusted_proxies=1))
    unplug_logs()
    try:
        client = behind.test_client()
        for hosts, status in (("hearth.marlow.example", 200), ("evil.example, hearth.marlow.example", 200), ("hearth.marlow.example, evil.example", 400)):
            headers = {"Host": "127.0.0.1:8000", "X-Forwarded-Host": hosts, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
            assert client.get("/sign-in", headers=headers).status_code == status, hosts
    finally:
        close(behind)


# -- answers ---------------------------------------------------------------------------------------------------------


def answers(visitor: Visitor) -> dict[str, Any]:
    """One answer of every kind."""
    large = {"environ_overrides": {"CONTENT_LENGTH": "99000000"}, "content_type": "multipart/form-data; boundary=x"}
    return {
        "page": visitor.get("/board/"),
        "redirect": visitor.get("/board/old-address", follow_redirects=False),
        "slash": visitor.get("/board", follow_redirects=False),
        "sign in": visitor.get("/board/private", follow_redirects=False),
        "not found": visitor.get("/no/such/page"),
        "method": visitor.submit(page := visitor.get("/board/?to=/board/only-get"), page.form("/board/only-get")),
        "foreign": visitor.post("/board/pin", {}, headers={"Sec-Fetch-Site": "cross-site"}),
        "too large": visitor.post("/board/pin", b"--x", **large),
        "fault": visitor.get("/board/broken"),
        "busy": visitor.get("/board/gone"),
        "host": visitor.get("/board/", headers={"Host": "evil.example"}),
        "options": visitor._open("OPTIONS", "/board/"),
        "head": visitor._open("HEAD", "/board/"),
        "health": visitor.get("/livez"),
        "static": fetched(visitor, _static(visitor.app, "css/hearth.css")),
        "no static": visitor.get(_static(visitor.app, "css/nothing.css")),
    }


def fetched(visitor: Visitor, path: str) -> Any:
    """A file of the program, handed back after it was read."""
    page = visitor.get(path)
    page.response.close()
    return page


def _static(app: Flask, name: str) -> str:
    with app.test_request_context():
        return str(app.url_for("static", filename=name, _external=False))


def test_every_answer_carries_every_header(reader: Visitor) -> None:
    """Whatever the status, whoever made it; and over plain http nothing promises https."""
    for kind, answer in answers(reader).items():
        found = {name: answer.headers.get(name) for name in security._HEADERS}
        assert found == security._HEADERS, kind
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert "Strict-Transport-Security" not in answer.headers, kind
        assert "Server" not in answer.headers, kind
        if kind != "static":
            assert answer.headers["Cache-Control"] == "no-store", kind
            assert "Cookie" in answer.headers["Vary"], kind


def test_files_of_the_program_are_kept_for_ever(reader: Visitor) -> None:
    """Their address names the release."""
    found = fetched(reader, _static(reader.app, "css/hearth.css"))
    assert (found.status, found.headers["Cache-Control"]) == (200, "max-age=315360000, public, immutable")


def test_a_view_may_say_how_long_its_answer_is_good(reader: Visitor) -> None:
    """And then it still varies on who asks."""
    found = reader.get("/board/made")
    assert (found.headers["Cache-Control"], found.headers["Vary"]) == ("private, max-age=60", "Cookie")


def test_the_policy_allows_nothing_inline() -> None:
    """No nonce, no unsafe, nobody else's host."""
    assert not any(word in POLICY for word in ("unsafe", "nonce", "http", "*", "data:"))
    assert POLICY == security._POLICY


# -- cookies ---------------------------------------------------------------------------------------------------------


def cookie_at(app: Flask, base: str) -> str:
    return str(Visitor(app, base).get("/sign-in").headers["Set-Cookie"])


def test_the_cookie_of_a_demo_on_this_machine(reader: Visitor) -> None:
    """No prefix and no Secure, because Safari would not send it; everything else."""
    name, *attributes = cookie_at(reader.app, HERE).split("; ")
    assert name.startswith("portal=")
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]


def test_behind_https_cookie_and_answers_insist_on_it(app: Flask, tmp_path: Any) -> None:
    """The host prefix, Secure, no domain; and a year of https, on files of the program too."""
    base = "https://hearth.marlow.example"
    behind = create_app(make_settings(tmp_path, app.extensions["settings"].database, base_url=base))
    unplug_logs()
    try:
        name, *attributes = cookie_at(behind, base).split("; ")
        assert name.startswith("__Host-portal=")
        assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]
        visitor = Visitor(behind, base)
        for path in ("/sign-in", "/no/such/page", _static(behind, "css/hearth.css")):
            assert fetched(visitor, path).headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    finally:
        close(behind)


def test_a_cookie_that_was_changed_is_nobody(board: Flask, world: Any) -> None:
    """Signed with another key, cut, or made up: the door, not an error."""
    mara = signed_in(board, world.mara.id)
    cookie = mara.client.get_cookie("portal", domain="127.0.0.1")
    assert cookie is not None
    for value in (cookie.value[:-2], cookie.value + "x", "eyJfdXNlcl9pZCI6IjEifQ.x.y", "x" * 5000, "", "\x00"):
        client = board.test_client()
        answer = client.get("/board/private", base_url=HERE, headers={"Cookie": f"portal={value}"})
        assert answer.status_code == 303, value
    assert mara.get("/board/private").status == 200


# -- redirects -------------------------------------------------------------------------------------------------------

FOREIGN = [
    None, "", " ", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example", "/\\/evil.example", "\\/evil.example",
    "https://evil.example", "https:evil.example", "https:/evil.example", "http:///evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example",
    "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "/board/\r\nSet-Cookie: x=1", "@evil.example", "/@evil.example",
    "/%2f%2fevil.example", "/%5cevil.example", "/board/..//evil.example", "/.//evil.example", "/no/such/page", "/sign-out-of-everything",
    "http://127.0.0.1:8000.evil.example/", "/board/\x00",
    "/" + "x" * 3000, "/board/?x=\u202e", "?next=/board/", "#top",
]  # fmt: skip
OURS = ["/board/", "/board/?x=1&y=%2F%2Fevil", "/board/pinned/hello%20you", "/board/#pins", "/"]


@pytest.mark.parametrize("target", FOREIGN)
def test_a_target_that_is_not_a_page_of_ours_is_not_followed(board: Flask, target: str | None) -> None:
    """The home page instead."""
    with board.test_request_context("/"):
        assert local_path(target, "/home") in ("/home", "/board/?x=\u202e")


@pytest.mark.parametrize("target", OURS)
def test_a_page_of_ours_is_followed(board: Flask, target: str) -> None:
    """With its query."""
    with board.test_request_context("/"):
        assert local_path(target, "/home") == target
