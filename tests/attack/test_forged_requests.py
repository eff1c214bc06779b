"""Another site sent the form, or a link did the work.

Published case class: cross-site request forgery (FreeScout CVE-2026-41194 and Frappe CVE-2026-63654: changes by GET, listmonk
CVE-2025-58430, Ghost CVE-2026-29784, Moodle CVE-2024-43434).
"""

import re
from typing import Any

import pytest
from flask import Flask

from tests.attack.test_functions_without_a_check import token_of
from tests.support.client import Visitor
from tests.support.doors import Canaries, doors, visitors

OURS = "http://127.0.0.1:8000"
ASKED = "?q=a&view=mine&show=all&sort=age&at=x&first=2&all=1&answer=yes&reply=1&since=0&ids=1,2&weeks=12&measure=late&title=x&saved=1&for=password&next=/"
FORGED: dict[str, dict[str, Any]] = {
    "another site": {"headers": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}},
    "a sister site": {"headers": {"Sec-Fetch-Site": "same-site", "Origin": "http://other.127.0.0.1:8000"}},
    "another origin": {"headers": {"Origin": "https://evil.example"}},
    "a hidden origin": {"headers": {"Origin": "null"}},
    "another port": {"headers": {"Origin": "http://127.0.0.1:9000"}},
    "no token": {"headers": {"Sec-Fetch-Site": "same-origin", "Origin": OURS}, "token": None},
    "no token and nothing said": {"headers": {}, "token": None},
    "a wrong token": {"headers": {"Sec-Fetch-Site": "same-origin"}, "token": "IjEi.aaaa.bbbb"},
    "a plain text body": {"headers": {"Origin": "https://evil.example", "Content-Type": "text/plain"}, "token": None},
    "JSON": {"headers": {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}, "token": None},
}


@pytest.mark.parametrize("how", FORGED)
def test_every_change_is_refused_from(app: Flask, canaries: Canaries, dump: Any, how: str) -> None:
    """As the administrator, at every address that changes something, the sign-in included: 403 and nothing done."""
    ada = visitors(app, canaries.world, ("ada",))["ada"]
    headers, token = FORGED[how]["headers"], FORGED[how].get("token", token_of(ada))
    before, let_in, seen = dump(), [], set()
    for door in doors(app, canaries, unsafe=True):
        if door.endpoint in seen:
            continue
        seen.add(door.endpoint)
        body: Any = {"csrf_token": token} if token else "{}" if "Content-Type" in headers else {"x": "y"}
        answer = ada.client.post(door.path, base_url=OURS, data=body, headers=headers)
        if answer.status_code != 403:
            let_in.append(f"{door}: {answer.status_code}")
    assert let_in == []
    assert before.changes() == {}


def test_the_token_of_somebody_else_is_no_token(app: Flask, world: Any, dump: Any) -> None:
    """Mara's token in Ada's browser."""
    people = visitors(app, world, ("ada", "mara"))
    before = dump()
    answer = people["ada"].post("/account/profile/edit", {"csrf_token": token_of(people["mara"]), "pronouns": "x"}, follow_redirects=False)
    assert answer.status == 403
    assert before.changes() == {}


def test_a_link_never_does_the_work(app: Flask, canaries: Canaries, dump: Any) -> None:
    """GET with a method hidden in field or header changes nothing, at every address."""
    ada = visitors(app, canaries.world, ("ada",))["ada"]
    token, before = token_of(ada), dump()
    hidden = {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "DELETE", "X-Method-Override": "PUT"}
    answers = set()
    for door in doors(app, canaries, unsafe=True):
        answer = ada.client.get(door.path, base_url=OURS, headers=hidden, query_string={"_method": "POST", "csrf_token": token})
        answers.add(answer.status_code)
    assert answers <= {200, 303, 403, 404, 405, 409, 410}
    assert before.changes() == {}


@pytest.mark.parametrize("who", ["jonas", "ada"])
def test_reading_everything_changes_nothing(app: Flask, canaries: Canaries, dump: Any, who: str) -> None:
    """FreeScout CVE-2026-41194, Frappe CVE-2026-63654: a thousand visits between two people, plain and with what filters, parts and forms read.

    Only that somebody looked is noted, and that they saw the news.
    """
    visitor = visitors(app, canaries.world, (who,))[who]
    before, visits = dump(), 0
    for door in doors(app, canaries):
        for asked in ("", ASKED, "?_method=POST&delete=1&read=1&confirm=yes&what=claim"):
            visitor.get(f"{door.path}{asked}", follow_redirects=False)
            visits += 1
    assert visits > 450
    changed = before.changes()
    # A notice about a request counts as read once its page was seen: that is looking, too.
    notices = changed.pop("notices", [])
    # That a list was taken as a file stays on record with its length, which is known only when it is over.
    taken = changed.pop("activity", [])
    assert all("exported" in str(row) for row in taken)
    assert changed == {}
    assert len({re.sub(r"True|False", "", str(row)) for row in notices}) * 2 == len(notices)


def test_methods_nobody_needs_are_not_there(world: Any, sign_in: Any) -> None:
    """TRACE would give a cookie back to script; nothing answers to it."""
    mara: Visitor = sign_in(world.mara)
    for method in ("TRACE", "TRACK", "CONNECT", "PROPFIND", "PUT", "DELETE", "PATCH"):
        answer = mara.client.open("/requests", method=method, base_url=OURS, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code in (403, 405, 501), method
