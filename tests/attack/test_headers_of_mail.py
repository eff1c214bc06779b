"""A line break in a name became a header, and the mail went to somebody else.

Published case class: mail headers (FreeScout CVE-2025-48388; line breaks in addresses in Laravel's mailer). What people are called, what
departments and requests are called, and what files are called goes into headers; here all of it is hostile at once.
"""

import email
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.conversation import Reply, reply
from portal.kernel import mail_message
from portal.kernel.db import db
from portal.kernel.errors import PortalError
from portal.kernel.mail_message import Letter
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Department, Person
from tests.support.client import Visitor
from tests.support.desk import DeskUser
from tests.support.doors import visitors
from tests.support.story import STORY

LINES = {
    "CR LF": "Lamp\r\nBcc: evil@evil.example",
    "LF": "Lamp\nX-Injected: yes\nTo: evil@evil.example",
    "CR": "Lamp\rCc: evil@evil.example",
    "a whole mail": "Lamp\r\n\r\n<script>alert(1)</script>\r\n.\r\nMAIL FROM:<evil@evil.example>",
    "NUL": "Lamp\x00\r\nBcc: evil@evil.example",
    "5,000 characters": "Lamp " + "x" * 4995,
    "5,000 marks": "Lamp " + "\u0301" * 4995,
    "turned": "Lamp \u202eelpmaxe.live@live\u202c \u2066x\u2069",
    "line separators": "Lamp\u2028Bcc: evil@evil.example\u2029x\x85y\x0bz",
    "encoded": "=?utf-8?q?Lamp=0d=0aBcc:_evil@evil.example?=",
    "encoded in base64": "=?utf-8?b?TGFtcA0KQmNjOiBldmlsQGV2aWwuZXhhbXBsZQ==?=",
    "a second sender": 'Lamp" <evil@evil.example>, "x',
    "commas": "Lamp, evil@evil.example; other@evil.example",
    "folding": "Lamp\r\n Bcc: evil@evil.example",
    "not ASCII": "L\u00e4mpe, evil@evil.example <x@evil.example>",
    "brackets": "<evil@evil.example> (Lamp)",
}
OURS = {"from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted", "x-auto-response-suppress", "x-hearth-mail", "reply-to"}
OURS |= {"list-id", "list-unsubscribe", "list-unsubscribe-post", "mime-version", "content-type", "content-transfer-encoding"}


def on_the_wire(row: Any, app: Flask) -> EmailMessage:
    """A mail as another program reads it."""
    letter = Letter(**{name: getattr(row, name) for name in Letter.__dataclass_fields__ if name != "token"})
    parsed = email.message_from_bytes(mail_message.compose(letter, app.extensions["settings"]).as_bytes(), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


@pytest.mark.parametrize("kind", LINES)
def test_names_and_titles_add_no_header_and_no_recipient(app: Flask, world: Any, context: Flask, run_jobs: Any, outbox: Any, kind: str) -> None:
    """FreeScout CVE-2025-48388: people, departments and titles are called this, in rows that no form would take; every mail has one recipient."""
    text = LINES[kind]
    with unit_of_work():
        db.session.execute(
            sa.update(Person).where(Person.id.in_([world.mara.id, world.jonas.id])).values(name=text[:200], given_name=text[:60], title=text[:120])
        )
        db.session.execute(
            sa.update(Department).where(Department.key == "facilities").values(name=text[:120], value_line=text[:160], email="facilities@localhost")
        )
    desk = DeskUser(world)
    number = desk.file("mara", title=text[:120].replace("\x00", ""), description=text.replace("\x00", "")).id
    desk.act(
        reply,
        number,
        Reply(f"It is {text}".replace("\x00", ""), next_step=text[:100].replace("\x00", ""), next_step_at=STORY + timedelta(hours=5)),
        who="jonas",
    )
    run_jobs(periodic=True)
    letters = outbox()
    assert letters
    known = {who.email for who in world.people.values()}
    for row in letters:
        message = on_the_wire(row, app)
        assert [address.addr_spec for address in message["To"].addresses] == [row.to]
        assert row.to in known
        assert len(message["From"].addresses) == 1
        assert message["From"].addresses[0].domain == "localhost"
        assert {name.lower() for name in message} <= OURS
        assert len(message.get_all("To")) == len(message.get_all("From")) == len(message.get_all("Subject")) == 1
        assert not {c for c in str(message["Subject"]) if c in "\r\n\x00\u2028\u2029\u202e\u2066"}
        assert len(str(message["Subject"])) <= 300


@pytest.mark.parametrize("field", ["subject", "name", "to"])
@pytest.mark.parametrize("kind", LINES)
def test_no_mail_is_queued_with_two_lines(app: Flask, world: Any, context: Flask, field: str, kind: str) -> None:
    """Laravel: an address of two lines was two commands to the mail server. Whoever asks for such a mail is refused, or it is one line."""
    from portal.kernel import clock, mail

    given: dict[str, Any] = {"to": "mara.okafor@marlow.example", "name": "Mara", "subject": "Hello", "text": "Hello"} | {field: LINES[kind]}
    try:
        with unit_of_work():
            row = mail.queue(now=clock.now(), **given)
            message = on_the_wire(row, app)
    except (PortalError, ValueError):
        assert field == "to", "names and subjects are cleaned, not refused"
        return
    assert [address.addr_spec for address in message["To"].addresses] == ["mara.okafor@marlow.example"]
    assert {name.lower() for name in message} <= OURS


def test_forms_take_one_line(app: Flask, world: Any) -> None:
    """FreeScout CVE-2025-48388: where such a name would come from, it is one line already, or refused beside its field."""
    priya, ada = (visitors(app, world, (who,))[who] for who in ("priya", "ada"))
    for text in LINES.values():
        _send(priya, "/departments/facilities/edit", "value_line", {"value_line": text, "email": text})
        _send(ada, "/administration/people/MC-0123/edit", "staff_number", {"name": text, "given_name": text, "title": text, "email": text})
        _send(ada, "/administration/departments/facilities", "name", {"name": text})
    with app.app_context():
        kept = list(db.session.scalars(sa.select(Department.name))) + list(db.session.scalars(sa.select(Department.email).where(Department.email.is_not(None))))
        for person in db.session.execute(sa.select(Person.name, Person.given_name, Person.title, Person.email)):
            kept += [text for text in person if text]
        db.session.remove()
    assert [text for text in kept if any(c in text for c in "\r\n\x00\u2028\u2029\x85\x0b") or len(text) > 400] == []


def _send(visitor: Visitor, address: str, field: str, values: dict[str, Any]) -> None:
    page = visitor.get(address)
    form = next(one for one in page.forms if one.method == "post" and field in one.names)
    data = {name: list(held) for name, held in form.values.items()} | {name: text for name, text in values.items() if name in form.names}
    assert visitor.post(form.action or address, data).status in (200, 422)
