"""A filter, an order, a cursor or the name of a table in an address became part of the query.

Published case class: SQL in filters and reports (Frappe Helpdesk CVE-2025-10655, Chatwoot CVE-2026-44706, LimeSurvey CVE-2026-50636, GLPI
CVE-2023-43813, listmonk CVE-2026-62361, Discourse CVE-2026-72731, osTicket CVE-2021-45811). Which parameters an address reads is watched
while it answers, so new ones join by themselves.
"""

import base64
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.datastructures import ImmutableMultiDict

from portal.desk.models import SavedView
from portal.kernel.db import db
from tests.attack.test_functions_without_a_check import token_of
from tests.support.client import Visitor
from tests.support.doors import Canaries, Door, doors, visitors

ASKED: set[str] = set()
PAIRS = (
    ("x%' OR '1'<'2", "x%' OR '2'<'1"),
    ("1 OR 1<2", "1 OR 2<1"),
    ("1) OR (1<2", "1) OR (2<1"),
    ("id,(CASE WHEN 1<2 THEN 1 ELSE -id END)", "id,(CASE WHEN 2<1 THEN 1 ELSE -id END)"),
    ("*/ OR 1<2 /*", "*/ OR 2<1 /*"),
)
"""Two texts of the same words that differ only in a condition: where they lead to different rows, the condition was worked out."""
WHO = {"ada": "administration people figures", "jonas": "queue requests need search replies services", "priya": "mail-in departments figures"}


class Watched(ImmutableMultiDict[str, str]):
    """The address's parameters; notes which ones are looked for."""

    def get(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        ASKED.add(str(key))
        return super().get(key, *args, **kwargs)

    def getlist(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        ASKED.add(str(key))
        return super().getlist(key, *args, **kwargs)

    def __contains__(self, key: object) -> bool:
        ASKED.add(str(key))
        return super().__contains__(key)


def parameters(visitor: Visitor, door: Door) -> list[str]:
    """The names an address looks for, seen while it answers."""
    ASKED.clear()
    visitor.get(f"{door.path}?first=1", follow_redirects=False)
    return sorted(name for name in ASKED if re.fullmatch(r"[a-z_]{1,30}", name))


def shown(visitor: Visitor, path: str, name: str, text: str) -> tuple[int, str]:
    """What an answer says, without the text that was asked for and without what is new each time."""
    page = visitor.get(path, query_string={name: text}, follow_redirects=False)
    words = page.text if page.is_html else page.response.get_data(as_text=True)
    return page.status, re.sub(r"('?)(1\1<\1?2|2\1<\1?1)'?", "N", words)


@pytest.fixture
def watched(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses tell which parameters they read."""
    monkeypatch.setattr(app.request_class, "parameter_storage_class", Watched)


@pytest.mark.parametrize("who", WHO)
def test_a_condition_in_a_parameter_is_never_worked_out(app: Flask, canaries: Canaries, watched: None, who: str) -> None:
    """Frappe Helpdesk CVE-2025-10655, Chatwoot CVE-2026-44706, GLPI CVE-2023-43813: a true and a false condition in every parameter give the same rows."""
    visitor, wrong, tried, seen = visitors(app, canaries.world, (who,))[who], list[str](), 0, set[str]()
    for door in doors(app, canaries):
        if door.endpoint in seen or door.path.split("/")[1].split(".")[0] not in WHO[who].split():
            continue
        seen.add(door.endpoint)
        for place, name in enumerate(parameters(visitor, door)):
            # Two pairs for each parameter, another two for the next: every pair meets every kind of parameter.
            for pair in (PAIRS[0], PAIRS[1 + place % (len(PAIRS) - 1)]):
                tried += 1
                answers = [shown(visitor, door.path, name, text) for text in pair]
                if answers[0] != answers[1] or answers[0][0] >= 500:
                    differs = sorted(set(answers[0][1].split()) ^ set(answers[1][1].split()))
                    wrong.append(f"{door.path}?{name}={pair[0]}: {answers[0][0]} and {answers[1][0]}, {differs[:8]}")
    assert wrong == []
    assert tried > 20


def test_an_export_reaches_no_other_table(app: Flask, world: Any) -> None:
    """listmonk CVE-2026-62361: the name of a table in an address is one of the page's own, or the page does not exist."""
    jonas = visitors(app, world, ("jonas",))["jonas"]
    for name in ("persons", "credentials", "promises; SELECT password FROM credentials", "../promises", "promises--", "sqlite_master", "\x00"):
        assert jonas.get("/queue/facilities/figures.csv", query_string={"table": name}).status == 404, name
    assert jonas.get("/queue/facilities/figures.csv?table=promises").status == 200
    for name in ("password", "digest", "credentials.password"):
        page = jonas.get("/queue/facilities/requests.csv", query_string={"columns": name, "fields": name, "sort": name})
        assert page.text == jonas.get("/queue/facilities/requests.csv").text


def test_a_cursor_of_somebody_clever_is_the_first_page(app: Flask, world: Any) -> None:
    """LimeSurvey CVE-2026-50636: a cursor is opaque but not signed, so whatever stands in it is checked for its kind."""
    jonas = visitors(app, world, ("jonas",))["jonas"]
    held = [link.href for link in jonas.get("/queue/facilities").links if "/requests/" in link.href]
    odd: list[Any] = [
        [False, "1 OR 1=1", "1 OR 1=1"],
        [False, "2026-11-24T10:00:00+00:00", "1; DROP TABLE requests"],
        [False, {"$gt": ""}, 1],
        [False, [1], [2]],
        [False, None, None],
        [False, 10**30, 10**30],
        [False, 1e400, 1],
        ["x"] * 400,
        {"back": 1},
        "text",
        5,
        [],
    ]
    for values in odd:
        cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
        page = jonas.get("/queue/facilities", query_string={"at": cursor})
        assert (page.status, [link.href for link in page.links if "/requests/" in link.href]) == (200, held), values


@pytest.mark.postgres
def test_a_saved_view_holds_only_what_filters_know(app: Flask, world: Any) -> None:
    """GLPI CVE-2023-43813: a saved search with other names and other texts keeps none of them, and opens as it was saved."""
    jonas = visitors(app, world, ("jonas",))["jonas"]
    hostile = {"sort": "password", "service": "1 OR 1=1", "status": "'; DROP TABLE requests --", "where": "1=1", "order_by": "title", "limit": "999999"}
    address = urlencode({"q": "x' OR '1'='1", **hostile})
    jonas.post(f"/queue/facilities/views?{address}", {"csrf_token": token_of(jonas), "name": "Everything", "back": address, **hostile})
    with app.app_context():
        (view,) = list(db.session.scalars(sa.select(SavedView)))
        number, kept = view.id, dict(view.filters)
        db.session.remove()
    assert set(kept) <= {"q", "view", "sort"}, kept
    assert kept["q"] == "x' OR '1'='1"
    assert kept.get("sort", "") not in hostile.values()
    page = jonas.get(f"/queue/facilities?saved={number}")
    assert page.status == 200
    assert not [link for link in page.links if re.fullmatch(r"/requests/\d+", link.href)]
    for text in ("1 OR 1=1", "-1", "9" * 30, "0x1"):
        assert jonas.get("/queue/facilities", query_string={"saved": text}).status in (200, 303, 404)


@pytest.mark.postgres
def test_what_is_searched_for_is_text(app: Flask, world: Any) -> None:
    """osTicket CVE-2021-45811, Discourse CVE-2026-72731: marks of the database and of its word search are words like others."""
    mara = visitors(app, world, ("mara",))["mara"]
    assert _found(mara, "zzzzzz") == set()
    for text in (
        "zzz' OR '1'='1",
        'zzz" OR "1"="1',
        "zzz OR radiator*)",
        "zzz:*|radiator",
        "zzz/*",
        "zzz NEAR(radiator)",
        "title:zzz",
        "-zzz zzz",
        "{title}: zzz",
        "^zzz",
        "zzz\\",
    ):
        page = mara.get("/requests/search", query_string={"q": text})
        assert page.status == 200, text
        assert _found(mara, text) <= _found(mara, "radiator"), text
    assert _found(mara, "zzz' OR '1'='1") == set()
    assert _found(mara, "%") == _found(mara, "_") == set()


def _found(visitor: Visitor, text: str) -> set[str]:
    page = visitor.get("/requests/search", query_string={"q": text})
    return {link.href for link in page.links if re.fullmatch(r"/requests/\d+", link.href.split("?")[0])}
