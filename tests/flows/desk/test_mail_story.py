"""A mail opens a request, the answer goes out, and the answer to it comes back onto the same request; machines change nothing."""

import email
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.conversation import Reply, reply
from portal.desk.models import Attachment, Request
from portal.kernel import clock as kernel_clock
from portal.kernel import mail_message, return_address
from portal.kernel.db import db
from portal.kernel.incoming import store
from portal.kernel.mail import Mail, envelope_sender
from portal.kernel.mail_message import Letter, Voice
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications.models import DeadAddress
from portal.people.models import Department
from tests.support.desk import DeskUser

DESK = "facilities@localhost"


class Mailbox:
    """Mara's mail program: it sends, reads what comes as it stands on the wire, and answers like any other."""

    def __init__(self, app: Flask, desk: DeskUser, run_jobs: Any, outbox: Any) -> None:
        self.app, self.desk, self.run_jobs, self.outbox = app, desk, run_jobs, outbox
        self.address, self.number = desk.world.people["mara"].email, 0

    def send(self, raw: str, *to: str) -> Any:
        """Hand a mail over; what became of it."""
        with self.app.app_context(), unit_of_work():
            number, _ = store.keep(raw.encode(), via="listener", now=kernel_clock.now(), envelope_to=list(to))
        self.run_jobs()
        db.session.remove()
        return db.session.get_one(store.IncomingMail, number)

    def write(self, to: str, subject: str, text: str, *headers: str) -> Any:
        """A plain mail of Mara's."""
        self.number += 1
        lines = [f"From: Mara <{self.address}>", f"To: {to}", f"Subject: {subject}", f"Message-ID: <mara.{self.number}@marlow.example>", *headers]
        return self.send("\n".join([*lines, "", text, ""]), to)

    def newest(self) -> tuple[Mail, EmailMessage]:
        """The newest mail to Mara, as a row and as a parsed message."""
        row = self.outbox(to=self.address)[-1]
        names = (
            "message_id",
            "to",
            "to_name",
            "subject",
            "text",
            "html",
            "created_at",
            "in_reply_to",
            "references",
            "headers",
            "voice",
            "from_name",
            "from_address",
        )
        letter = Letter(**{name: getattr(row, name) for name in names}, token=return_address.token(row.id))
        parsed = email.message_from_bytes(mail_message.compose(letter, self.app.extensions["settings"]).as_bytes(), policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return row, parsed

    def answer(self, to: EmailMessage, text: str, file: str = "") -> Any:
        """Answer as mail programs do: to Reply-To, with In-Reply-To and References, the old text below."""
        body = to.get_body(("plain",))
        quoted = "\n".join(f"> {line}" for line in str(body.get_content() if body else "").splitlines())
        headers = [f"In-Reply-To: {to['Message-ID']}", f"References: {to['References']} {to['Message-ID']}", 'Content-Type: multipart/mixed; boundary="b"']
        part = f'--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="{file}"\n\none,two\n' if file else ""
        words = f"--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n\nOn Tue, 24 Nov 2026 at 10:00, Jonas wrote:\n{quoted}\n{part}--b--"
        return self.write(str(to["Reply-To"]), f"Re: {to['Subject']}".replace("Re: Re:", "Re:"), words, *headers)


@pytest.fixture
def mailbox(app: Flask, desk: DeskUser, run_jobs: Any, outbox: Any) -> Mailbox:
    """Facilities has an address at our own domain."""
    with unit_of_work():
        db.session.execute(sa.update(Department).where(Department.key == "facilities").values(email=DESK))
    return Mailbox(app, desk, run_jobs, outbox)


@pytest.mark.postgres
def test_the_whole_way(app: Flask, desk: DeskUser, mailbox: Mailbox, clock: Any, run_jobs: Any) -> None:
    """Opened, receipt, answer, answer with a file, out of office, and two that come back."""
    opened = mailbox.write(DESK, "The radiator is cold", "It has been cold since Monday.")
    assert opened.decision is store.Decision.OPENED
    number = opened.subject_id or 0
    row, receipt = mailbox.newest()
    assert receipt["Subject"] == f"[R-{number}] The radiator is cold"
    assert (receipt["Auto-Submitted"], receipt["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert receipt["In-Reply-To"] == "<mara.1@marlow.example>"
    assert envelope_sender(row.id, row.voice, app.extensions["settings"]) == ""

    clock.advance(minutes=30)
    desk.act(reply, number, Reply("Which room is it?"), who="jonas")
    run_jobs()
    row, answer = mailbox.newest()
    assert "Auto-Submitted" not in answer
    assert answer["X-Auto-Response-Suppress"] == "OOF"
    assert answer["From"].addresses[0].display_name.startswith(desk.world.people["jonas"].name)
    assert answer["From"].addresses[0].addr_spec == DESK
    assert answer["Subject"] == f"Re: [R-{number}] The radiator is cold"
    assert answer["In-Reply-To"] == receipt["Message-ID"]
    assert "<mara.1@marlow.example>" in answer["References"]
    assert answer["References"].split()[0] == receipt["References"].split()[0]
    assert envelope_sender(row.id, row.voice, app.extensions["settings"]).startswith("b+")

    came = mailbox.answer(answer, "Studio 2, a list is enclosed.", "rooms.csv")
    assert (came.decision, came.subject_id) == (store.Decision.APPENDED, number)
    said = desk.messages(number)[-1]
    assert (said.body, said.author_id) == ("Studio 2, a list is enclosed.", desk.world.people["mara"].id)
    assert db.session.scalars(sa.select(Attachment.name).where(Attachment.request_id == number)).all() == ["rooms.csv"]

    before = (len(desk.messages(number)), _requests(), len(mailbox.outbox()))
    away = mailbox.write(str(answer["Reply-To"]), f"Automatic reply: {answer['Subject']}", "I am away.", "Auto-Submitted: auto-replied")
    assert away.decision is store.Decision.IGNORED
    clock.advance(minutes=30)
    run_jobs()
    assert (len(desk.messages(number)), _requests(), len(mailbox.outbox())) == before

    for words in ("First.", "Second."):
        clock.advance(minutes=30)
        desk.act(reply, number, Reply(words), who="jonas")
        run_jobs()
        row, _ = mailbox.newest()
        to = envelope_sender(row.id, Voice.PERSON, app.extensions["settings"])
        report = mailbox.send(_dsn(to, mailbox.address, words), to)
        assert report.decision is store.Decision.IGNORED
    assert db.session.get(DeadAddress, desk.world.people["mara"].id) is not None
    assert _requests() == before[1], "a report opens nothing"
    sent = len(mailbox.outbox(to=mailbox.address))
    clock.advance(minutes=30)
    desk.act(reply, number, Reply("Third."), who="jonas")
    run_jobs()
    assert len(mailbox.outbox(to=mailbox.address)) == sent


def _requests() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Request)) or 0


def _dsn(to: str, recipient: str, words: str) -> str:
    head = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: Undelivered Mail Returned to Sender\n"
    kind = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n"
    status = (
        f"Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822;{recipient}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 unknown"
    )
    return (
        f"{head}To: {to}\n{kind}\n--b\nContent-Type: text/plain\n\nNot delivered. {words}\n\n--b\nContent-Type: message/delivery-status\n\n{status}\n\n--b--\n"
    )
