"""A text, a list or a pattern kept the server busy for a minute, or a page grew without a limit.

Published case class: unbounded work (Discourse CVE-2025-68934 and CVE-2024-37299, Superset CVE-2026-23985, Werkzeug CVE-2023-25577 and
CVE-2023-46136, Authlib CVE-2025-61920). Every address that changes something joins from the URL map.
"""

import re
import time
from typing import Any

import pytest
from flask import Flask

from tests.attack.test_functions_without_a_check import token_of
from tests.attack.test_payloads_in_every_field import FORMS, SECONDS, places, typed_everywhere
from tests.support.client import FROM_PAGE, Visitor
from tests.support.doors import Canaries, doors, visitors

PATTERNS = ("a", "\n", "<", "[", "*", "> ", "\u0301", "&", "@", "a ", "`", "[a](b)")
FIELDS = ("body", "title", "name", "note", "reason", "text", "q", "fields", "ids", "person", "description", "address", "next_step", "waits_for", "words")
ENDING = {"people.sign_out", "people.end_everywhere", "people.end_device", "people.leave"}


def timed(visitor: Visitor, path: str, data: Any) -> tuple[int, float]:
    """Status and seconds of work; waiting for others on a busy machine is not counted."""
    began = time.process_time()
    page = visitor.post(path, data, follow_redirects=False)
    return page.status, time.process_time() - began


def test_a_megabyte_at_every_address_is_an_answer_within_a_second(app: Flask, canaries: Canaries) -> None:
    """Discourse CVE-2025-68934 (a draft that took a minute), Werkzeug CVE-2023-46136: 1 MB is 413, 130 kB in every known field is quick."""
    ada = visitors(app, canaries.world, ("ada",))["ada"]
    token, wrong, seen = token_of(ada), list[str](), set[str]()
    for door in doors(app, canaries, unsafe=True):
        if door.endpoint in seen | ENDING:
            continue
        pattern = PATTERNS[len(seen) % len(PATTERNS)]
        seen.add(door.endpoint)
        status, seconds = timed(ada, door.path, {"csrf_token": token, "body": pattern * (1_000_000 // len(pattern.encode()))})
        if status not in (413, 404) or seconds > SECONDS:
            wrong.append(f"{door} with 1 MB of {pattern!r}: {status} after {seconds:.2f} s")
        data = {"csrf_token": token} | dict.fromkeys(FIELDS, pattern * (130_000 // len(FIELDS) // len(pattern.encode())))
        status, seconds = timed(ada, door.path, data)
        if status >= 500 or seconds > SECONDS:
            wrong.append(f"{door} with 130 kB of {pattern!r}: {status} after {seconds:.2f} s")
    assert wrong == []
    assert len(seen) > 90


@pytest.mark.parametrize("form", FORMS)
def test_a_long_text_in_every_field_of_a_form_is_quick(app: Flask, world: Any, form: str) -> None:
    """Discourse CVE-2024-37299: what stands at the limit of a form, in all of its fields, comes back within a second with its reason."""
    who, address, field, _step = FORMS[form]
    visitor, address = visitors(app, world, (who,))[who], address.format(**places(world))
    page = visitor.get(address)
    for number in range(3):
        pattern = PATTERNS[(len(form) + 5 * number) % len(PATTERNS)]
        filled, data = typed_everywhere(page, field, "x")
        long = [name for name, value in data.items() if value == "x"]
        data |= dict.fromkeys(long, pattern * (180_000 // len(long) // len(pattern.encode())))
        status, seconds = timed(visitor, filled.action or address, data)
        assert status in (303, 404, 409, 413, 422), (pattern, status)
        assert seconds < SECONDS, pattern


def test_an_address_as_long_as_a_book_is_quick(app: Flask, canaries: Canaries) -> None:
    """Superset CVE-2026-23985 (patterns), Authlib CVE-2025-61920 (tokens): searches, cursors, ids and cookies of 20,000 characters."""
    jonas = visitors(app, canaries.world, ("jonas",))["jonas"]
    wrong, seen = list[str](), set[str]()
    for door in doors(app, canaries):
        if door.endpoint in seen:
            continue
        seen.add(door.endpoint)
        pattern = PATTERNS[len(seen) % len(PATTERNS)].replace("\n", "%0a").replace("&", "%26")
        text = (pattern * 20_000)[:20_000]
        began = time.process_time()
        page = jonas.get(f"{door.path}?q={text}&at={text[:9000]}&ids={'1,' * 2000}&next=/{text[:4000]}", follow_redirects=False)
        taken = time.process_time() - began
        if page.status >= 500 or taken > SECONDS:
            wrong.append(f"{door}: {page.status} after {taken:.2f} s")
    assert wrong == []


def test_a_stranger_holds_nobody_up(app: Flask, world: Any) -> None:
    """Discourse CVE-2025-68934: a form at the door that held the writers' lock for five seconds, against itself, stopped everybody else's work."""
    stranger, before = Visitor(app), time.perf_counter()
    form = stranger.get("/sign-in/link").form("purpose")
    for name in ("mara.okafor@marlow.example", "nobody@marlow.example", ""):
        data = {key: list(held) for key, held in form.values.items() if key != "_key"} | {"name": name}
        assert stranger.post("/sign-in/link", data).status in (200, 422)
    assert time.perf_counter() - before < 5


@pytest.mark.parametrize("number", [1000, 20_000])
def test_many_small_parts_are_refused(app: Flask, world: Any, number: int) -> None:
    """Werkzeug CVE-2023-25577: a form of very many parts, or of very many fields, is refused before it is read."""
    mara = visitors(app, world, ("mara",))["mara"]
    token = token_of(mara)
    parts = b"".join(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' for _ in range(number)) + b"--x--\r\n"
    began = time.process_time()
    answer = mara.client.post("/need/repair", base_url=mara.base, data=parts, content_type="multipart/form-data; boundary=x", headers=FROM_PAGE)
    assert answer.status_code in (403, 413, 422)
    fields = "&".join(f"f{place}=" for place in range(number)) + f"&csrf_token={token}"
    answer = mara.client.post("/need/repair", base_url=mara.base, data=fields, content_type="application/x-www-form-urlencoded", headers=FROM_PAGE)
    assert answer.status_code in (403, 413, 422)
    assert time.process_time() - began < 2 * SECONDS


def test_no_list_is_without_an_end(app: Flask, canaries: Canaries) -> None:
    """Chatwoot and others gave all rows for ``limit=1000000``: no parameter makes a page longer than it is."""
    visitor = visitors(app, canaries.world, ("ada",))["ada"]
    for address in ("/people", "/requests", "/administration/changes", "/administration/jobs", "/administration/mail", "/notifications", "/search"):
        asked = {"q": "a"} if address == "/search" else {}
        held = visitor.get(address, query_string=asked)
        more = dict.fromkeys(("limit", "per_page", "size", "count", "page_size", "n", "max", "page"), "1000000")
        page = visitor.get(address, query_string=more | asked)
        assert len(page.links) == len(held.links), address


def test_no_pattern_of_ours_repeats_a_repetition() -> None:
    """Superset CVE-2026-23985: a pattern such as ``(a+)+`` takes for ever on the right text; ours have none."""
    from tests.architecture.source import PORTAL

    nested = re.compile(r"\((?:\?:)?[^()|\\\[\]]*[+*]\)[+*]|\((?:\?:)?\[[^\]]+\][+*]\)[+*]")
    assert [
        f"{path}: {found[0]}"
        for path in PORTAL.rglob("*.py")
        for found in [nested.search(path.read_text(encoding="utf-8"))]
        if found and 'r"' in path.read_text()
    ] == []
