"""A password, a link or a session stood in a log file, in a report of the doctor, or on a page of settings.

Published case class: secrets in logs (OWASP ASVS 16.2.5; Chatwoot, Frappe and many others logged reset links and passwords). A whole story
is played with secrets that can be recognised, everything is logged that can be, and then every line is read.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask

from portal.kernel import clock as portal_clock
from portal.kernel import log, reply_address
from portal.kernel.db import db
from portal.kernel.incoming import store
from portal.kernel.unit_of_work import unit_of_work
from portal.people.actions import accounts
from portal.people.models import Department
from tests.attack.test_functions_without_a_check import token_of
from tests.flows.people.test_second_factor import set_up, shown
from tests.flows.people.test_signing_in import knock
from tests.support.client import Visitor
from tests.support.doors import visitors
from tests.support.signing_in import new_session
from tests.support.stages import unplug_logs
from tests.support.world import PASSWORD

TYPED = "walrus-under-a-bicycle-7731"
"""A password that was typed wrong."""
NEW = "kohlrabi spoon telescope"
SMTP, IMAP, DATABASE = "SmtpCanary44Pass", "ImapCanary55Pass", "DataCanary66Pass"
BODY = "a word of Mara's about her radiator 9182"


@pytest.fixture
def lines(app: Flask, tmp_path: Path) -> Iterator[Path]:
    """Everything is logged, libraries included, into a folder of the test."""
    settings = app.extensions["settings"]
    log.setup(replace(settings, instance=tmp_path, log_level="DEBUG"))
    for name in ("werkzeug", "sqlalchemy.engine"):
        logging.getLogger(name).setLevel(logging.INFO)
    yield tmp_path
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    unplug_logs()


def story(app: Flask, world: Any, clock: Any, run_jobs: Any) -> dict[str, str]:
    """People come in rightly and wrongly, use links and codes, write, answer by mail, and meet a fault; the secrets they used."""
    said = {"typed password": TYPED, "right password": PASSWORD, "new password": NEW, "what somebody wrote": BODY}
    stranger = Visitor(app)
    knock(stranger, world.mara.email, TYPED)
    knock(stranger, TYPED, TYPED)  # into the wrong field, as happens
    with app.app_context():
        with unit_of_work():
            link = accounts.make_link(world.mara.id, "password", portal_clock.now())
            db.session.execute(sa.update(Department).where(Department.key == "facilities").values(email="facilities@localhost"))
            answer = reply_address.make("desk.request", world.requests["radiator"], world.mara.id)
        db.session.remove()
    said["link"], said["answer address"] = link.rpartition("/")[2], answer.partition("@")[0].removeprefix("reply+")
    page = Visitor(app).get("/" + link.split("/", 3)[3])
    page.submit("password", password=NEW)
    ada = visitors(app, world, ("ada",))["ada"]
    key, codes = set_up(ada)
    said |= {"code": shown(key), "recovery code": codes[0], "session": new_session(app, world.sam.id)}
    clock.advance(seconds=31)
    knock(Visitor(app), world.ada.email).submit("code", code=codes[0])
    mara = visitors(app, world, ("mara",))["mara"]
    said["form token"] = token_of(mara)
    mara.get(f"/requests/{world.requests['radiator']}").submit("messages", body=BODY)
    mara.get(f"/people/suggest?q={said['link']}&token={said['link']}")
    with app.app_context():
        with unit_of_work():
            raw = f"From: {world.mara.email}\r\nTo: {answer}\r\nSubject: Re\r\n\r\n{BODY}\r\n[ref:{said['answer address']}]\r\n".encode()
            store.keep(raw, via="listener", now=portal_clock.now(), envelope_to=[answer])
        db.session.remove()
    run_jobs()
    return said


def broken(app: Flask, world: Any, said: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours with everything in reach, and one of the database."""
    mara = visitors(app, world, ("mara",))["mara"]
    form = mara.get("/account/profile/edit").form("pronouns")
    data: dict[str, Any] = {name: list(held) for name, held in form.values.items()} | {"ask_me_about": BODY}

    def fails(*_: Any, **__: Any) -> Any:
        password, held = said["right password"], [said["link"]]
        raise RuntimeError(f"it broke at https://hearth:{SMTP}@relay.example with {held[0]}{password[:0]}")

    app.testing = False
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    try:
        monkeypatch.setattr("portal.people.actions.persons.edit_profile", fails)
        answer = mara.post("/account/profile/edit", data, headers={"Authorization": f"Bearer {said['session']}"})
        assert answer.status == 500
        assert not [name for name, text in said.items() if text in answer.source and name not in ("form token", "what somebody wrote")]
    finally:
        app.testing = True


def test_no_line_of_any_log_holds_a_secret(app: Flask, world: Any, clock: Any, run_jobs: Any, lines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chatwoot and Frappe logged reset links: passwords typed right and wrong, links, codes, sessions, answer addresses and words stay out."""
    said = story(app, world, clock, run_jobs)
    broken(app, world, said, monkeypatch)
    written = "".join(path.read_text(encoding="utf-8") for path in lines.rglob("*.log*"))
    assert "portal.kernel" in written, "something was logged"
    assert "it broke at" in written, "the fault was, too"
    secret = {name: text for name, text in said.items() if name != "what somebody wrote"}
    assert [name for name, text in secret.items() if text in written] == []
    assert SMTP not in written
    assert BODY not in "".join(line for line in written.splitlines() if "sqlalchemy.engine" not in line)


def test_no_report_and_no_page_of_settings_holds_one(app: Flask, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redash CVE-2021-41192 read the other way round: the page of settings, the health page and the doctor say that a secret is there, never which."""
    from portal.cli import portal

    held = app.extensions["settings"]
    told = replace(held, smtp_url=f"smtp://desk:{SMTP}@127.0.0.1:1", mail_in_imap=f"imap://desk:{IMAP}@127.0.0.1:1/INBOX")
    monkeypatch.setitem(app.extensions, "settings", told)
    ada = visitors(app, world, ("ada",))["ada"]
    pages = [
        ada.get(address).source for address in ("/administration/settings", "/administration/health?everything=1", "/administration/mail/check", "/readyz")
    ]
    assert any("smtp" in page for page in pages)
    instance = held.instance / "other"
    instance.mkdir(exist_ok=True)
    settings = {"HEARTH_SMTP_URL": told.smtp_url, "HEARTH_MAIL_IN_IMAP": told.mail_in_imap, "HEARTH_SECRET_KEY": f"{DATABASE}-0123456789-abcdefghij"}
    try:
        done = CliRunner().invoke(portal, ["--instance", str(instance), "doctor"], env=settings)
    finally:
        unplug_logs()
    pages.append(done.output)
    assert [secret for secret in (SMTP, IMAP, DATABASE, str(app.secret_key)) for page in pages if secret in page] == []
