"""The portal was made to call somebody, or a name became a path.

Published case classes: server-side requests (Zammad CVE-2026-34719, GLPI CVE-2026-22247, Discourse CVE-2023-28111, Indico CVE-2026-25738,
Ghost CVE-2025-9862 and CVE-2026-70591, FlaskBB CVE-2026-46556, Moodle CVE-2022-45152, Redash CVE-2021-43780) and paths (Frappe
CVE-2026-42219, Zulip CVE-2026-26058, Moodle CVE-2022-35650, osTicket CVE-2026-22200).
"""

import io
import re
import socket
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.models import Attachment, Message
from portal.kernel import clock as portal_clock
from portal.kernel import mail_message, outbound, outbound_imap
from portal.kernel.db import db
from portal.kernel.errors import Refusal
from portal.kernel.incoming import store
from portal.kernel.settings import SettingsError
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Department
from tests.architecture.source import PORTAL
from tests.support.doors import visitors
from tests.support.payloads import NAMES
from tests.support.stages import make_settings

HOSTS = (
    "127.0.0.1", "127.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "192.0.0.8", "224.0.0.1",
    "localhost", "localhost.evil.example", "127.0.0.1.nip.io", "metadata.google.internal", "evil.example",
)  # fmt: skip
"""Ways to write an address inside, most of which mean this machine."""


class Calls:
    """Every connection and look-up that is tried while it stands."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    def connect(self, _socket: Any, address: Any) -> None:
        self.tried.append(f"connect {address}")
        raise OSError("nobody goes out here")

    def look_up(self, host: Any, *_: Any, **__: Any) -> Any:
        self.tried.append(f"look up {host}")
        raise OSError("nobody goes out here")


@pytest.fixture
def calls() -> Any:
    """What the portal tries to reach."""
    seen = Calls()
    with mock.patch.object(socket.socket, "connect", seen.connect), mock.patch.object(socket, "getaddrinfo", seen.look_up):
        yield seen


# -- calling somebody ---------------------------------------------------------------------------------------------------


def test_no_address_that_anybody_writes_is_ever_called(app: Flask, world: Any, run_jobs: Any, calls: Calls) -> None:
    """Ghost CVE-2025-9862 (previews), FlaskBB CVE-2026-46556 (pictures by address), Zammad CVE-2026-34719: 26 hosts in requests, profiles and replies."""
    mara, jonas = (visitors(app, world, (who,))[who] for who in ("mara", "jonas"))
    links = "\n".join(f"http://{host}/x ![p](https://{host}/x.png) <img src='//{host}/'> [a](ftp://{host}/)" for host in HOSTS)
    assert mara.get("/need/repair").submit("title", title="http://169.254.169.254/", description=links).status == 200
    assert jonas.get(f"/requests/{world.requests['heating']}").submit("work/reply", body=links[:4000]).status in (200, 422)
    assert mara.get("/account/profile/edit").submit("pronouns", ask_me_about=links[:300], skills="http://127.0.0.1/").status in (200, 422)
    for address in (f"/requests/{world.requests['heating']}", "/requests", "/people/MC-0123", "/notifications"):
        assert jonas.get(address).status == 200
    run_jobs(periodic=True)
    assert calls.tried == []


def test_a_mail_with_pictures_from_elsewhere_calls_nobody(app: Flask, world: Any, run_jobs: Any, calls: Calls) -> None:
    """Ghost CVE-2026-70591, Indico CVE-2026-25738: pictures, style sheets, external bodies and read receipts of a mail are never fetched or answered."""
    with app.app_context():
        with unit_of_work():
            db.session.execute(sa.update(Department).where(Department.key == "facilities").values(email="facilities@localhost"))
        for number, host in enumerate(HOSTS):
            html = f"<img src='http://{host}/a.png'><link rel=stylesheet href='//{host}/x.css'><iframe src='http://{host}/'></iframe><p>Lamp {number}"
            head = f"From: {world.mara.email}\r\nTo: facilities@localhost\r\nSubject: Lamp {number}\r\nDisposition-Notification-To: x@{host}\r\nContent-Type: "
            kind = "text/html" if number % 2 else f'message/external-body; access-type=URL; URL="http://{host}/"'
            with unit_of_work():
                store.keep(f"{head}{kind}\r\n\r\n{html}\r\n".encode(), via="listener", now=portal_clock.now(), envelope_to=["facilities@localhost"])
        db.session.remove()
    run_jobs(periodic=True)
    assert calls.tried == []


@pytest.mark.parametrize("host", [*(host.strip("[]") for host in HOSTS if host not in ("127.0.0.1", "localhost", "[::1]"))])
def test_a_password_goes_unencrypted_to_this_machine_only(host: str) -> None:
    """Discourse CVE-2023-28111: spellings that look like this machine are not it; three exact ones are."""
    assert not outbound.is_loopback(host)
    assert all(outbound.is_loopback(own) for own in ("127.0.0.1", "localhost", "::1"))


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("smtp_url", "http://169.254.169.254/"),
        ("smtp_url", "file:///etc/passwd"),
        ("smtp_url", "gopher://127.0.0.1:25/"),
        ("smtp_url", "smtp://"),
        ("mail_in_imap", "http://127.0.0.1/"),
        ("mail_in_imap", "file:///var/mail/x"),
        ("mail_in_imap", "imaps:///INBOX"),
        ("base_url", "javascript:alert(1)"),
        ("base_url", "file:///x"),
        ("database_url", "http://127.0.0.1/x"),
    ],
)
def test_a_server_is_named_in_one_way(tmp_path: Path, name: str, address: str) -> None:
    """GLPI CVE-2026-22247, Redash CVE-2021-43780: where the portal connects stands in its settings alone, and other schemes do not start it."""
    with pytest.raises(SettingsError, match=name):
        make_settings(tmp_path, **{"url": "", name: address} if name != "database_url" else {"url": address})


@pytest.mark.parametrize(
    "address",
    [
        "a@[127.0.0.1]",
        "a@[IPv6:::1]",
        "a@127.0.0.1:25",
        "a@evil.example/x",
        "a@evil.example,b@x",
        "a b@x.example",
        "a@x.example\r\nBcc: b@x",
        "@x.example",
        "a@",
        "a@-x.example",
        f"{'a' * 65}@x.example",
    ],
)
def test_mail_goes_to_names_of_hosts(address: str) -> None:
    """Moodle CVE-2022-45152: no address literal, no port, no path, no second recipient."""
    with pytest.raises(Refusal):
        mail_message.address(address)


def test_a_mail_server_that_leads_elsewhere_is_not_followed() -> None:
    """Indico CVE-2026-25738 (check, then use): there is no redirect in what we speak, every step has an end, and no other client is there."""
    assert max(outbound.TIMEOUT, outbound_imap.TIMEOUT) <= 20
    assert outbound_imap.DEADLINE <= 60
    clients = re.compile(r"^\s*(?:import|from) (?:requests|urllib\.request|http\.client|httpx|aiohttp|ftplib|telnetlib|xmlrpc)\b", re.MULTILINE)
    assert [path for path in PORTAL.rglob("*.py") if clients.search(path.read_text(encoding="utf-8"))] == []


# -- names that are paths -----------------------------------------------------------------------------------------------


def files_in(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_file_of_a_mail_is_stored_by_what_is_in_it(app: Flask, world: Any, run_jobs: Any) -> None:
    """Frappe CVE-2026-42219, Moodle CVE-2022-35650: 42 names out of a mail lead nowhere; what is written lies in the store under its digest."""
    instance = app.extensions["settings"].instance
    names = [name for name in NAMES if name.isprintable() and '"' not in name and "\\" not in name]
    parts = "".join(
        f'--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\ntext {number}\r\n' for number, name in enumerate(names)
    )
    with app.app_context():
        with unit_of_work():
            db.session.execute(sa.update(Department).where(Department.key == "facilities").values(email="facilities@localhost"))
        for start in range(0, len(names), 8):
            mine = "".join(f"--b{part}" for part in parts.split("--b")[1:][start : start + 8])
            head = f"From: {world.mara.email}\r\nTo: facilities@localhost\r\nSubject: Names {start}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            with unit_of_work():
                raw = f"{head}--b\r\nContent-Type: text/plain\r\n\r\nSee the files.\r\n{mine}--b--\r\n".encode()
                store.keep(raw, via="listener", now=portal_clock.now(), envelope_to=["facilities@localhost"])
        db.session.remove()
    before = files_in(instance)
    run_jobs()
    with app.app_context():
        labels = list(db.session.scalars(sa.select(Attachment.name)))
        db.session.remove()
    assert len(labels) >= 25
    assert [label for label in labels if any(c in label for c in '/\\\0\r\n<>:"|?*') or label.startswith(".")] == []
    assert [path for path in files_in(instance) - before if not path.startswith("files/") and not path.startswith("logs/") and "portal.db" not in path] == []


@pytest.mark.parametrize(
    "path",
    [
        "/static/../portal.db", "/static/%2e%2e/portal.db", "/static/x/..%2f..%2fsettings.toml", "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/../secret_key",
        "/static/7e5a0e227c/../../portal/app.py", "/static/x/%c0%ae%c0%ae/portal.db", "/static/x/..\\..\\portal.db", "/static/\x00", "/.git/config", "/portal.db",
        "/backup", "/backups/latest.tar", "/files/x", "/logs/portal.log", "/instance/portal.db", "/secret_key",
    ],
)  # fmt: skip
def test_no_address_reaches_a_file_of_the_server(app: Flask, world: Any, path: str) -> None:
    """Frappe CVE-2026-42219: a backup, the database, the key or the log has no address, for administrators neither."""
    ada = visitors(app, world, ("ada",))["ada"]
    answer = ada.client.open("/", environ_overrides={"PATH_INFO": path}, base_url=ada.base, buffered=True)
    assert answer.status_code in (303, 308, 400, 404), answer.status
    assert b"SQLite format" not in answer.data
    assert b"root:" not in answer.data


@pytest.mark.parametrize("door", ["/administration/import", "/requests/import"])
def test_an_import_reads_its_own_bytes_only(app: Flask, world: Any, run_jobs: Any, tmp_path: Path, door: str) -> None:
    """Zulip CVE-2026-26058, Moodle CVE-2022-35650: paths and addresses in the cells and in the name of a file are text."""
    secret = tmp_path / "secret.txt"
    secret.write_text("the-cat-is-in-the-cellar")
    ada = visitors(app, world, ("ada",))["ada"]
    places = (
        str(secret),
        f"file://{secret}",
        f"../../..{secret}",
        f"@{secret}",
        f"=FILE({secret})",
        f"<!ENTITY x SYSTEM '{secret}'>",
        f"|cat {secret}",
        "http://127.0.0.1/",
    )
    head = "staff_number,name,email,photo,attachment" if "administration" in door else "number,subject,requester,created,description,attachments"
    middle = ",x@marlow.example" if "administration" in door else ",Nils Brandt,2020-01-02,See"
    rows = [f'{900 + number},"{place}"{middle},"{place}","{place}"' for number, place in enumerate(places)]
    page = ada.get(door)
    data = {name: list(held) for name, held in page.form("file").values.items()}
    answer = ada.post(door, data | {"file": (io.BytesIO("\n".join([head, *rows]).encode()), f"../../{secret}")})
    assert answer.status in (200, 422)
    confirm = next((form for form in answer.forms if form.action.endswith("/confirm")), None)
    if confirm is not None:
        ada.submit(answer, confirm)
        run_jobs()
    with app.app_context():
        texts = " ".join(db.session.scalars(sa.select(Message.body)))
        stored = [row for table in db.metadata.sorted_tables for row in db.session.execute(sa.select(table)) if "the-cat-is-in" in repr(row)]
        db.session.remove()
    assert "the-cat-is-in" not in f"{texts}{answer.source}"
    assert stored == []
