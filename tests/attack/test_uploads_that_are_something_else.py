"""A picture was a page, a name was a path, a drawing carried script, a few bytes claimed a huge picture.

Published case class: files (Zammad and Indico uploads, Chatwoot CVE-2026-63765, osTicket CVE-2026-22200, Open eClass
CVE-2026-24673, Moodle CVE-2020-25630, RT CVE-2022-25802: the type that a sender claims).
"""

import io
import unicodedata
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import Client

from portal.desk.models import Attachment
from portal.kernel import files
from portal.kernel.content_host import create_content_app
from portal.kernel.db import db
from portal.kernel.files import StoredFile
from tests.support.client import Page, Visitor
from tests.support.doors import visitors
from tests.support.payloads import NAMES, POLYGLOT, REFUSED, File


def send(visitor: Visitor, world: Any, file: File) -> Page:
    """Write a message with this file."""
    address = f"/requests/{world.requests['radiator']}"
    form = visitor.get(address).form("body")
    data: dict[str, Any] = {name: list(held) for name, held in form.values.items()} | {"body": "See the file."}
    return visitor.post(form.action, data | {"photo": (io.BytesIO(file.content), file.name)}, follow_redirects=False)


def kept(app: Flask) -> list[tuple[str, str, int]]:
    """Name, content hash and file id of every attachment."""
    with app.app_context():
        query = sa.select(Attachment.name, StoredFile.digest, StoredFile.id).join(StoredFile, StoredFile.id == Attachment.file_id).order_by(Attachment.id)
        found = [tuple(row) for row in db.session.execute(query)]
        db.session.remove()
    return found


@pytest.mark.parametrize("file", REFUSED, ids=lambda file: f"{file.name} is {file.why}")
def test_what_it_is_not_is_refused_in_words(app: Flask, world: Any, file: File) -> None:
    """Beside its field, with the text still there; nothing is kept."""
    mara = visitors(app, world, ("mara",))["mara"]
    answer = send(mara, world, file)
    assert answer.status in (413, 415, 422), answer
    assert "See the file." in answer.source
    assert kept(app) == []


def test_a_picture_is_kept_as_a_clean_drawing_of_itself(app: Flask, world: Any) -> None:
    """What hid behind or inside of it is gone, and it leaves as a download from another host, in a sandbox."""
    mara = visitors(app, world, ("mara",))["mara"]
    assert send(mara, world, POLYGLOT).status == 303
    ((_, digest, _),) = kept(app)
    with app.app_context(), files.open_content(files.store_root(app.extensions["settings"]), digest) as content:
        stored = content.read()
    assert stored.startswith(b"\x89PNG")
    assert b"script" not in stored
    with app.app_context():
        number = db.session.scalar(sa.select(Attachment.id))
        db.session.remove()
    address = mara.get(f"/requests/{world.requests['radiator']}/attachments/{number}", follow_redirects=False).headers["Location"]
    answer = Client(create_content_app(app.extensions["settings"], str(app.secret_key))).get("/" + address.split("/", 3)[3], buffered=True)
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "Set-Cookie" not in answer.headers


def test_a_name_is_only_a_label(app: Flask, world: Any) -> None:
    """Paths, line breaks, turned letters, reserved names, 300 characters: one line without a path, and a header of one line."""
    mara = visitors(app, world, ("mara",))["mara"]
    content, wrong = Client(create_content_app(app.extensions["settings"], str(app.secret_key))), []
    for number, name in enumerate(NAMES):
        answer = send(mara, world, File(name, f"text {number}".encode(), "a name"))
        # The test client does not escape a quote in a name, so that one arrives cut.
        if answer.status != 303 and '"' not in name:
            wrong.append(f"{name[:40]!r} answers {answer.status}")
    labels = kept(app)
    for label, _, number in labels:
        odd = [c for c in label if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") or c in '/\\<>:"|?*']
        if odd or not 0 < len(label) <= files.NAME_LIMIT or label.startswith(".") or not label.lower().endswith(".txt"):
            wrong.append(f"kept as {label[:60]!r}")
        with app.test_request_context(base_url="http://127.0.0.1:8000"):
            address = files.url(db.session.get_one(StoredFile, number), name=label)
            db.session.remove()
        given = content.get("/" + address.split("/", 3)[3], buffered=True)
        if given.status_code != 200 or any(c in given.headers["Content-Disposition"] for c in "\r\n\0/\\"):
            wrong.append(f"{label!r} leaves as {given.status_code} {given.headers.get('Content-Disposition')!r}")
    assert len(labels) > 30
    assert wrong == []
    page = mara.get(f"/requests/{world.requests['radiator']}")
    assert "<script>alert(1)" not in page.source


def test_more_files_or_bytes_than_we_take(app: Flask, world: Any) -> None:
    """A hundred small files, or one above the limit, are refused in words and nothing is kept of them."""
    mara = visitors(app, world, ("mara",))["mara"]
    address = f"/requests/{world.requests['radiator']}"
    form = mara.get(address).form("body")
    data: dict[str, Any] = {name: list(held) for name, held in form.values.items()} | {"body": "x"}
    many = [(io.BytesIO(f"text {number}".encode()), f"{number}.txt") for number in range(100)]
    answer = mara.post(form.action, data | {"photo": many}, follow_redirects=False)
    assert answer.status in (303, 413, 422), answer
    assert len(kept(app)) <= 20
    limit = app.config["MAX_CONTENT_LENGTH"]
    claimed = {"CONTENT_LENGTH": str(limit + 1), "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    answer = mara.client.post(form.action, base_url=mara.base, headers={"Sec-Fetch-Site": "same-origin"}, environ_overrides=claimed)
    assert answer.status_code == 413
    assert "limit" in answer.get_data(as_text=True)


def test_a_note_about_a_file_is_bound_to_its_owner(app: Flask, world: Any) -> None:
    """FreeScout CVE-2026-41192: replaying somebody else's upload note brings nothing."""
    mara, sam = (visitors(app, world, (who,))[who] for who in ("mara", "sam"))
    page = mara.get("/need/repair")
    form = page.form("title")
    data: dict[str, Any] = {name: list(held) for name, held in form.values.items()} | {"title": ""}
    answer = mara.post("/need/repair", data | {"q_photo": (io.BytesIO(b"mine"), "mine.txt")})
    assert answer.status == 422
    note = answer.form("title").values["kept_file"]
    form = sam.get(f"/requests/{world.requests['cold']}").form("body")
    data = {name: list(held) for name, held in form.values.items()} | {"body": "x", "kept_file": [*note, "forged", note[0][:-3] + "AAA"]}
    assert sam.post(form.action, data, follow_redirects=False).status == 303
    assert kept(app) == []
