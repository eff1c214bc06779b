"""A link led away, a header chose the host of a mail, a page came without its guards, a cookie travelled too far.

Published case classes: open redirects (Superset CVE-2021-28125, Flask-AppBuilder CVE-2021-32805, Werkzeug CVE-2020-28724, RT
CVE-2022-25803), host headers (Indico CVE-2021-30185, Frappe CVE-2026-47194), missing headers and loose cookies.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from tests.attack.test_functions_without_a_check import token_of
from tests.support.client import FROM_PAGE, Visitor
from tests.support.doors import visitors
from tests.support.payloads import HOSTS, REDIRECTS
from tests.support.stages import close, make_settings
from tests.support.world import PASSWORD

OURS = "http://127.0.0.1:8000"
GUARDS = {
    "Content-Security-Policy": r"default-src 'none'; script-src 'self'; style-src 'self'; (?!.*unsafe)(?!.*http).*form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin|no-referrer",
    "Permissions-Policy": r".*camera=\(\).*microphone=\(\).*",
}


def is_ours(address: str) -> bool:
    """True for an address a browser would look for at this portal."""
    read = address.replace("\\", "/").translate({9: None, 10: None, 13: None}).strip()
    parts = urlsplit(read)
    return (not parts.scheme and not parts.netloc and read.startswith("/")) or f"{parts.scheme}://{parts.netloc}" == OURS


# -- where a visit ends -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", REDIRECTS)
def test_the_door_leads_only_into_the_house(app: Flask, world: Any, target: str) -> None:
    """Whatever stands behind ``next``, in the address or in the field, the way ends here."""
    stranger = Visitor(app)
    page = stranger.get("/sign-in", query_string={"next": target})
    form = page.form("password")
    data = {name: list(held) for name, held in form.values.items()} | {"name": world.mara.email, "password": PASSWORD, "next": target}
    answer = stranger.post("/sign-in", data, follow_redirects=False)
    assert answer.status == 303, answer
    assert is_ours(answer.headers["Location"]), answer.headers["Location"]
    mara = visitors(app, world, ("mara",))["mara"]
    answer = mara.post("/account/theme", {"csrf_token": token_of(mara), "theme": "dark", "next": target}, follow_redirects=False)
    assert is_ours(answer.headers["Location"]), answer.headers["Location"]


def test_a_good_next_is_followed(app: Flask, world: Any) -> None:
    """Success beside refusal."""
    stranger = Visitor(app)
    page = stranger.get("/requests?show=done")
    assert (page.path, page.form("password").values["next"]) == ("/sign-in", ["/requests?show=done"])
    assert page.submit("password", name=world.mara.email, password=PASSWORD).address == "/requests?show=done"


def test_other_redirects_stay_inside(app: Flask, world: Any) -> None:
    """Referrers, "back" fields and odd paths: nothing names another host."""
    mara, jonas = (visitors(app, world, (who,))[who] for who in ("mara", "jonas"))
    for path in ("//evil.example/people", "/people/", "//people", "/people//", "/%2f%2fevil.example", "/\\\\evil.example", "/static/../people", "/./people"):
        answer = mara.client.open("/", environ_overrides={"PATH_INFO": path}, base_url=OURS)
        assert is_ours(answer.headers.get("Location", "/")), path
    for target in REDIRECTS[::3]:
        clean = re.sub(r"[\r\n\x00-\x1f]|[^\x00-\xff]", "", target)[:2000]
        answer = Visitor(app).client.post("/account/theme", base_url=OURS, headers={**FROM_PAGE, "Referer": clean})
        assert is_ours(answer.headers.get("Location", "/")), target
        answer = jonas.post(f"/queue/facilities/take/{world.requests['radiator']}", {"csrf_token": token_of(jonas), "back": target}, follow_redirects=False)
        assert is_ours(answer.headers.get("Location", "/")), target


# -- whose name it is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", HOSTS)
def test_an_unknown_host_is_refused(app: Flask, world: Any, host: str) -> None:
    """Nothing answers to a name that is not ours, and the answer names nobody."""
    answer = Visitor(app).client.get("/sign-in", base_url=OURS, headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.get_data(as_text=True)


def test_links_in_mail_carry_the_configured_address(app: Flask, world: Any, run_jobs: Any, outbox: Any) -> None:
    """Forwarded headers of somebody clever change no link: it would hand them the key."""
    stranger = Visitor(app)
    form = stranger.get("/sign-in/link").form("purpose")
    data = {name: list(held) for name, held in form.values.items()} | {"name": world.mara.email, "purpose": "password"}
    spoofed = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Server": "evil.example",
        "X-Host": "evil.example",
        "X-Original-Host": "evil.example",
        "Forwarded": "host=evil.example;proto=https",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "//evil.example",
        "X-Original-URL": "/administration/health",
        "X-Rewrite-URL": "/administration/health",
    }
    assert stranger.post("/sign-in/link", data, headers=spoofed).status == 200
    run_jobs()
    (letter,) = outbox(to="mara.okafor")
    assert "evil" not in f"{letter.text}{letter.html}"
    assert f"{OURS}/link/password/" in letter.text
    assert stranger.client.get("/sign-in", base_url=OURS, headers=spoofed).status_code == 200


def test_a_header_cannot_choose_another_address(app: Flask, world: Any) -> None:
    """Rewriting headers that some servers obey open no page."""
    mara = visitors(app, world, ("mara",))["mara"]
    for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Script-Name"):
        page = mara.client.get("/people", base_url=OURS, headers={name: "/administration/health"})
        assert b"<h1" in page.data
        assert "/administration/health" not in page.get_data(as_text=True)
    assert mara.client.get("/administration/health", base_url=OURS, headers={"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"}).status_code == 403


# -- guards on every answer ---------------------------------------------------------------------------------------------


def test_every_status_carries_every_guard(app: Flask, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages, redirects, refusals, fragments, files of the program and our own faults."""
    mara, stranger = visitors(app, world, ("mara",))["mara"], Visitor(app)
    token = token_of(mara)
    app.testing = False
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    try:
        answers = {
            200: mara.client.get("/requests", base_url=OURS),
            303: stranger.client.get("/requests", base_url=OURS),
            400: stranger.client.get("/", base_url=OURS, headers={"Host": "evil.example"}),
            401: stranger.client.get("/people/suggest", base_url=OURS, headers={"HX-Request": "true"}),
            403: mara.client.get("/administration/health", base_url=OURS),
            404: mara.client.get("/nowhere", base_url=OURS),
            405: mara.client.get("/account/theme", base_url=OURS),
            410: mara.client.get("/sign-in/continue", base_url=OURS),
            413: mara.client.post("/need/repair", base_url=OURS, data={"csrf_token": token, "title": "x" * 600_000}, headers=FROM_PAGE),
            422: mara.client.post("/need/repair", base_url=OURS, data={"csrf_token": token}, headers=FROM_PAGE),
            500: _broken(app, mara, monkeypatch),
        }
    finally:
        app.testing = True
    static = re.search(r'href="(/static/[^"]+\.css)"', answers[200].get_data(as_text=True))
    assert static is not None
    assert {status: answer.status_code for status, answer in answers.items()} == {status: status for status in answers}
    for answer in (*answers.values(), stranger.client.get(static[1], base_url=OURS, buffered=True)):
        for name, pattern in GUARDS.items():
            assert re.fullmatch(pattern + ".*", answer.headers.get(name, "-")), (answer.status, name, answer.headers.get(name))
        assert "Server" not in answer.headers or "Werkzeug" not in answer.headers["Server"]
        assert "X-Powered-By" not in answer.headers
    assert "Traceback" not in answers[500].get_data(as_text=True)
    assert "secret sauce" not in answers[500].get_data(as_text=True)


def _broken(app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> Any:
    from portal.kernel import policy

    @policy.public
    def fails(**_: Any) -> str:
        raise ZeroDivisionError("the secret sauce")

    monkeypatch.setitem(app.view_functions, "people.departments_list", fails)
    return visitor.client.get("/departments", base_url=OURS)


def test_the_cookie_stays_at_home(app: Flask, world: Any) -> None:
    """Not for script, not for other sites, not for other hosts; on plain loopback without Secure, or Safari would drop it."""
    stranger = Visitor(app)
    stranger.get("/sign-in").submit("password", name=world.mara.email, password=PASSWORD)
    answer = Visitor(app).client.get("/sign-in", base_url=OURS)
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_behind_https_the_cookie_is_bound_to_its_host(tmp_path: Path) -> None:
    """The name says so, and the browser holds us to it; the guard for https is there, too."""
    from portal.app import create_app

    app = create_app(make_settings(tmp_path, f"sqlite:///{tmp_path}/x.db", base_url="https://hearth.marlow.example"))
    try:
        app.testing = True
        assert app.config["SESSION_COOKIE_NAME"].startswith("__Host-")
        assert app.config["SESSION_COOKIE_SECURE"]
        assert not app.config.get("SESSION_COOKIE_DOMAIN")
        answer = app.test_client().get("/livez", base_url="https://hearth.marlow.example")
        assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    finally:
        close(app)


def test_a_session_gets_a_new_name_at_the_door_and_an_old_cookie_opens_nothing(app: Flask, world: Any) -> None:
    """Fixation and replay: what was planted before sign-in is worthless after, what was copied is worthless after sign-out."""
    stranger = Visitor(app)
    planted = stranger.get("/sign-in").headers["Set-Cookie"].split(";")[0]
    page = stranger.get("/sign-in").submit("password", name=world.mara.email, password=PASSWORD)
    name = app.config["SESSION_COOKIE_NAME"]
    held = stranger.client.get_cookie(name, domain="127.0.0.1")
    assert held is not None
    thief = app.test_client(use_cookies=False)
    assert thief.get("/requests", base_url=OURS, headers={"Cookie": planted}).status_code == 303
    assert thief.get("/requests", base_url=OURS, headers={"Cookie": f"{name}={held.value}"}).status_code == 200
    stranger.submit(page, next(form for form in page.forms if form.action == "/sign-out"))
    assert thief.get("/requests", base_url=OURS, headers={"Cookie": f"{name}={held.value}"}).status_code == 303
    for forged in (f"{name}=x", f"{name}={held.value[:-4]}AAAA", f"{name}=eyJfdXNlcl9pZCI6IjEifQ.aaaaaa.bbbbbb", f"{name}=", f"{name}={'a' * 5000}"):
        assert thief.get("/requests", base_url=OURS, headers={"Cookie": forged}).status_code == 303
