"""The outbox: written with the change, handed over once, tried again sensibly, kept when there is no server."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from flask import Flask, g
from flask_babel import Babel
from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader, StrictUndefined

from portal.kernel import jobs, mail, mail_ids, outbound, return_address
from portal.kernel.db import db
from portal.kernel.errors import Refusal
from portal.kernel.health import Unwell
from portal.kernel.mail import Mail, State
from portal.kernel.mail_message import Voice
from portal.kernel.policy import Actor
from portal.kernel.settings import Settings
from portal.kernel.unit_of_work import unit_of_work
from tests.support.net import free_ports

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Server:
    """A mail server of the test, with the temper a test wants."""

    temper: str = "fine"
    url: str = ""
    taken: list[tuple[str, list[str], bytes]] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - the library's name
        """Accept the recipient or not."""
        if self.temper == "unknown":
            return "550 5.1.1 nobody of that name here"
        if self.temper == "greylisting":
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Take the message or not."""
        if self.temper == "refusing":
            return "554 5.7.1 looks like spam"
        if self.temper == "full":
            return "452 4.3.1 disk full"
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        if self.temper == "dropping":
            server.transport.abort()
        return "250 Ok 010001982f0e7d5a-1b2c3d4e-0000" if self.temper == "renaming" else "250 taken"


@pytest.fixture
def server(context: Flask) -> Iterator[Server]:
    """A mail server on this machine, and the portal told to use it."""
    stub = Server()
    controller = Controller(stub, hostname="127.0.0.1", port=free_ports(1))
    controller.start()
    stub.url = f"smtp://127.0.0.1:{controller.port}"
    with use(context, stub.url):
        yield stub
    controller.stop(no_assert=True)


class use:  # noqa: N801 - reads as a verb
    """Point the portal at another mail server for a block."""

    def __init__(self, app: Flask, url: str) -> None:
        self.app, self.url = app, url

    def __enter__(self) -> None:
        self.before: Settings = self.app.extensions["settings"]
        self.app.extensions["settings"] = replace(self.before, smtp_url=self.url)

    def __exit__(self, *_: object) -> None:
        self.app.extensions["settings"] = self.before


def queued(**changes: Any) -> Mail:
    values: dict[str, Any] = {"to": "mara@marlow.example", "name": "Mara Klein", "subject": "Radiator stays cold", "text": "Jonas is on it.\n", "now": NOW}
    with unit_of_work():
        return mail.queue(**(values | changes))


def row(mail_id: int) -> Mail:
    db.session.rollback()
    return db.session.scalars(sa.select(Mail).where(Mail.id == mail_id), execution_options={"populate_existing": True}).one()


def work(app: Flask, clock: Any, **time: float) -> None:
    """Let time pass, then what is due."""
    clock.advance(**time)
    jobs.run_due(app, periodic=True)


@pytest.fixture(autouse=True)
def _story_time(clock: Any) -> None:
    if clock is not None:
        clock.set(NOW)


@pytest.mark.postgres
def test_a_mail_reaches_the_server_once_with_its_lasting_id(context: Flask, server: Server, clock: Any) -> None:
    """Mara gets one mail, from the portal's address, under the id that was written with the change."""
    mine = queued(message_id=mail_ids.lasting_id("request", 4127, "opened"), html="<p>Jonas is on it.</p>", references=["<a@b.example>"], person_id=7)
    assert server.taken == []
    work(context, clock)
    work(context, clock, minutes=30)
    [(sender, recipients, wire)] = server.taken
    assert (return_address.read(sender), recipients) == (mine.id, ["mara@marlow.example"])
    parsed = message_from_bytes(wire)
    assert parsed["Message-ID"] == mail_ids.lasting_id("request", 4127, "opened")
    assert parsed["Message-ID"].startswith("<request.4127.opened.")
    assert return_address.opened(parsed["X-Hearth-Mail"]) == mine.id
    assert parsed["References"] == "<a@b.example>"
    found = row(mine.id)
    assert (found.state, found.tries, found.sent_at, found.next_try_at, found.last_error) == (State.SENT, 1, NOW, None, None)


def test_what_the_server_calls_it_instead_is_kept_beside_our_id(context: Flask, server: Server, clock: Any) -> None:
    """Some relays rename every message; whoever answers names their id."""
    plain, renamed = queued(), queued(to="tom@marlow.example")
    work(context, clock)
    assert row(plain.id).relay_id is None
    server.temper = "renaming"
    with unit_of_work():
        db.session.execute(sa.update(Mail).where(Mail.id == renamed.id).values(state=State.QUEUED, next_try_at=NOW))
        mail._hand_out(renamed.id)
    work(context, clock, minutes=1)
    assert row(renamed.id).relay_id == "<010001982f0e7d5a-1b2c3d4e-0000@amazonses.com>"


@pytest.mark.parametrize(("mailbox", "kept"), [("it@marlow.example", "it@marlow.example"), ("not an address", None), (None, None)])
def test_a_writer_without_a_usable_address_still_writes(context: Flask, mailbox: str | None, kept: str | None) -> None:
    """What a department typed as its address keeps no mail back."""
    mine = queued(writer=("Mara Klein, IT", mailbox))
    assert (mine.from_name, mine.from_address) == ("Mara Klein, IT", kept)


def test_nobody_can_answer_a_receipt(context: Flask, server: Server, clock: Any) -> None:
    """Its envelope has no sender, and it says that a machine answers; a mailbox that may use no other address keeps its own."""
    queued(voice=Voice.RECEIPT)
    work(context, clock)
    assert server.taken[0][0] in ("", "<>")
    assert message_from_bytes(server.taken[0][2])["Auto-Submitted"] == "auto-replied"
    settings = replace(context.extensions["settings"], mail_plain=True)
    assert mail.envelope_sender(7, Voice.RECEIPT, settings) == mail.envelope_sender(7, Voice.PERSON, settings) == "hearth@localhost"


def test_a_final_no_is_told_once_in_the_same_transaction(context: Flask, server: Server, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words of the server; a mail that is only late is nobody's news."""
    heard: list[mail.Refused] = []
    monkeypatch.setattr(mail, "_watchers", [lambda refusal, _now: heard.append(refusal)])
    server.temper = "greylisting"
    mine = queued(person_id=7)
    work(context, clock)
    assert heard == []
    server.temper = "unknown"
    work(context, clock, minutes=1)
    work(context, clock, minutes=30)
    assert heard == [mail.Refused(mine.id, 7, "mara@marlow.example", "550 5.1.1 nobody of that name here")]


def test_without_a_server_mail_is_kept_to_be_read(context: Flask, clock: Any) -> None:
    """The embedded default loses nothing and complains about nothing; later it can be sent after all."""
    mine = queued()
    work(context, clock)
    assert (row(mine.id).state, row(mine.id).sent_at) == (State.KEPT, None)
    assert mail._mail_flows() == "flowing"


def test_a_change_that_is_rolled_back_sends_nothing(context: Flask, server: Server, clock: Any) -> None:
    """The mail is part of the change."""

    def change() -> None:
        mail.queue(to="mara@marlow.example", subject="x", text="x", now=NOW)
        raise LookupError

    with pytest.raises(LookupError), unit_of_work():
        change()
    work(context, clock)
    assert server.taken == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Mail)) == 0


@pytest.mark.postgres
def test_the_same_id_twice_is_one_mail(context: Flask, server: Server, clock: Any) -> None:
    """A reaction that runs again after a crash tells nobody twice."""
    first = queued(message_id="<request.1@localhost>")
    work(context, clock)
    second = queued(message_id="<request.1@localhost>", subject="Again")
    work(context, clock)
    assert first.id == second.id
    assert len(server.taken) == 1


def test_an_impossible_address_is_refused_before_anything_is_written(context: Flask) -> None:
    """Not a mail that fails for two days."""
    with pytest.raises(Refusal):
        queued(to="mara@marlow.example\r\nBcc: leo@marlow.example")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Mail)) == 0


@pytest.mark.parametrize("temper", ["unknown", "refusing"])
def test_a_final_no_stops_that_mail_with_the_servers_words(context: Flask, server: Server, clock: Any, temper: str) -> None:
    """550 and 554 are not tried again until an administrator says so."""
    server.temper = temper
    mine = queued()
    work(context, clock)
    work(context, clock, days=2)
    found = row(mine.id)
    assert (found.state, found.tries, found.next_try_at) == (State.FAILED, 1, None)
    assert found.last_error is not None
    assert found.last_error.startswith("55")
    server.temper = "fine"
    with unit_of_work():
        assert mail.retry(mine.id, NOW + timedelta(days=2))
        assert not mail.retry(mine.id, NOW + timedelta(days=2))
    work(context, clock)
    assert row(mine.id).state is State.SENT


@pytest.mark.parametrize("temper", ["greylisting", "full"])
def test_a_passing_no_is_tried_again(context: Flask, server: Server, clock: Any, temper: str) -> None:
    """451 and 452 wait half a minute, then it arrives."""
    server.temper = temper
    mine = queued()
    work(context, clock)
    assert row(mine.id).state is State.QUEUED
    server.temper = "fine"
    work(context, clock, seconds=20)
    assert server.taken == []
    work(context, clock, seconds=40)
    assert (row(mine.id).state, row(mine.id).tries, len(server.taken)) == (State.SENT, 2, 1)


def test_a_server_that_is_away_is_tried_for_two_days_and_nothing_is_lost(context: Flask, clock: Any) -> None:
    """The tries get rarer; after the last one the mail is marked, with the reason."""
    with use(context, f"smtp://127.0.0.1:{free_ports(1)}"):
        mine = queued()
        work(context, clock)
        assert (row(mine.id).state, row(mine.id).tries) == (State.QUEUED, 1)
        for _ in range(8):
            work(context, clock, hours=2.5)
        assert (row(mine.id).state, row(mine.id).tries) == (State.QUEUED, 9)
        for _ in range(30):
            work(context, clock, hours=2.5)
        found = row(mine.id)
        assert (found.state, found.tries) == (State.FAILED, mail.TRIES)
        assert found.last_error


def test_a_connection_lost_after_the_message_gives_one_copy_more_under_the_same_id(context: Flask, server: Server, clock: Any) -> None:
    """Nobody can know whether it was taken; the receiver recognises the copy."""
    server.temper = "dropping"
    mine = queued()
    work(context, clock)
    assert row(mine.id).state is State.QUEUED
    server.temper = "fine"
    work(context, clock, minutes=1)
    assert row(mine.id).state is State.SENT
    assert len({message_from_bytes(wire)["Message-ID"] for _, _, wire in server.taken}) == 1
    assert len(server.taken) == 2


def test_a_worker_that_died_while_sending_is_replaced_after_its_lease(context: Flask, server: Server, clock: Any) -> None:
    """The row says "sending"; nobody touches it for ten minutes, then it is sent under the same id, and the late worker changes nothing."""
    mine = queued()
    with unit_of_work():
        dead = mail._claim(mine.id, NOW)
    assert dead is not None
    work(context, clock, minutes=9)
    assert server.taken == []
    work(context, clock, minutes=2)
    assert len(server.taken) == 1
    with unit_of_work():
        mail._settle(dead, mail.Outcome(State.FAILED, "late"), NOW + timedelta(hours=1))
    assert (row(mine.id).state, row(mine.id).tries, row(mine.id).last_error) == (State.SENT, 2, None)


@pytest.mark.postgres
@pytest.mark.real_clock
def test_of_sixteen_workers_one_sends(app: Flask) -> None:
    """The row decides who may talk to the server."""
    with app.app_context():
        mine = queued()
    start, claims = threading.Barrier(16), []

    def take() -> None:
        with app.app_context():
            start.wait()
            with unit_of_work():
                claims.append(mail._claim(mine.id, NOW))
            db.session.remove()

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([claim for claim in claims if claim is not None]) == 1
    assert len(claims) == 16


def test_a_mail_that_cannot_be_written_does_not_stop_the_others(context: Flask, server: Server, clock: Any) -> None:
    """A damaged row waits with its reason; the next mail goes out."""
    broken, fine = queued(), queued(to="tom@marlow.example")
    with unit_of_work():
        db.session.execute(sa.update(Mail).where(Mail.id == broken.id).values(message_id="nonsense"))
    work(context, clock)
    assert (row(broken.id).state, row(fine.id).state) == (State.QUEUED, State.SENT)
    assert "not a Message-ID" in str(row(broken.id).last_error)


@pytest.mark.parametrize(("tries", "seconds"), [(1, 30), (2, 60), (5, 480), (9, 7200), (30, 7200)])
def test_the_wait_doubles_up_to_two_hours(tries: int, seconds: int) -> None:
    """A little scattered, so that a thousand mails do not come back in one moment."""
    assert 0.9 * seconds <= mail.wait(tries).total_seconds() <= 1.1 * seconds


@pytest.mark.postgres
def test_words_go_after_thirty_days_and_the_fact_stays(context: Flask, clock: Any) -> None:
    """What waits to be sent keeps its words."""
    old, waiting = queued(html="<p>x</p>"), queued(now=NOW + timedelta(days=60))
    work(context, clock)
    mail.forget()
    assert row(old.id).text
    clock.advance(days=31)
    mail.forget()
    assert (row(old.id).text, row(old.id).html, row(old.id).subject) == ("", None, "Radiator stays cold")
    assert row(waiting.id).text
    with unit_of_work():
        assert not mail.retry(old.id, NOW)


def test_health_tells_when_mail_piles_up(context: Flask, clock: Any) -> None:
    """An hour is a lot."""
    queued()
    assert mail._mail_flows() == "flowing"
    clock.advance(minutes=61)
    with pytest.raises(Unwell, match="waits since"):
        mail._mail_flows()


@pytest.mark.real_clock
def test_a_server_that_accepts_and_says_nothing_is_left_in_time() -> None:
    """The conversation ends at the time-out, as a delay."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(outbound.Delayed, match="timed out"),
        outbound.smtp(f"smtp://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2),
    ):
        pass


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:1", "smtps://127.0.0.1:1", "smtp://name:pass%20word@127.0.0.1:1"])
def test_a_server_that_cannot_be_reached_is_a_delay(url: str) -> None:
    """Never an error that stops a job, and no password in the words."""
    with pytest.raises(outbound.Delayed) as delayed, outbound.smtp(url):
        pass
    assert "pass" not in str(delayed.value)


# -- templates -------------------------------------------------------------------------------------------------------

PARTS = {
    "desk/mail/opened/subject.txt": '{{ _("%(title)s: asked", title=title) }}\n',
    "desk/mail/opened/body.txt": '{% extends "_layout/mail.txt" %}{% block content %}{{ title }}\n{{ link("show", number=4127) }}{% endblock %}',
    "desk/mail/opened/body.html": (
        '{% extends "_layout/mail.html" %}{% from "_layout/mail.parts.html" import button, facts, quote %}'
        '{% block preview %}{{ title }}{% endblock %}{% block content %}<p>{{ title }}</p>{{ button("Open it", link("show", number=4127)) }}'
        '{{ facts([("By", "Thu 12:00")]) }}{{ quote("Mara", title) }}{% endblock %}'
    ),
}


@pytest.fixture
def writer(settings: Settings) -> Flask:
    """A small application with one page and one mail."""
    app = Flask("small")
    app.secret_key = "a-key-for-tests-only-0123456789abcdef"
    app.extensions["settings"] = replace(settings, base_url="https://hearth.marlow.example")
    app.jinja_loader = ChoiceLoader([DictLoader(PARTS), FileSystemLoader(ROOT / "templates")])  # type: ignore[assignment]  # Flask types it as its own
    app.jinja_env.undefined = StrictUndefined
    app.add_url_rule("/requests/<int:number>", "show", str)
    Babel(app)
    return app


def test_a_mail_is_written_from_its_three_templates(writer: Flask) -> None:
    """Subject on one line, text with a whole address, HTML escaped, and no style sheet, script or picture from anywhere."""
    with writer.app_context():
        subject, text, html = mail.render_mail("desk/opened", title="Radiator <b>cold</b>\r\nBcc: leo")
    assert subject == "Radiator <b>cold</b> Bcc: leo: asked"
    assert "https://hearth.marlow.example/requests/4127" in text
    assert "Radiator <b>cold</b>" in text
    assert 'href="https://hearth.marlow.example/requests/4127"' in html
    assert "Radiator &lt;b&gt;cold&lt;/b&gt;" in html
    assert "<b>" not in html
    assert not any(word in html for word in ("<script", "<img", "<link", "@import", "url(", "http://"))


@pytest.mark.parametrize("host", ["evil.example", "hearth.marlow.example.evil.example"])
def test_links_never_follow_the_host_of_a_request(writer: Flask, host: str) -> None:
    """Indico and Frappe sent reset links to the attacker's host."""
    seen = []

    @writer.get("/forgot")
    def forgot() -> str:
        g.actor = Actor(person_id=7, kind="person", zone="Asia/Tokyo")
        seen.append(mail.render_mail("desk/opened", title="x"))
        assert g.actor.zone == "Asia/Tokyo"
        return "sent"

    assert writer.test_client().get("/forgot", base_url=f"http://{host}", headers={"X-Forwarded-Host": host}).status_code == 200
    assert not any("evil" in part for part in seen[0])


def test_the_reader_decides_language_and_zone(writer: Flask) -> None:
    """Whoever caused the mail, its times are those of the one who reads it."""
    writer.jinja_env.globals["zone"] = lambda: g.actor.zone
    with writer.app_context():
        PARTS["desk/mail/zone/subject.txt"] = PARTS["desk/mail/zone/body.txt"] = PARTS["desk/mail/zone/body.html"] = "{{ zone() }} {{ language }}"
        assert mail.render_mail("desk/zone", zone="Europe/Berlin", locale="de")[0] == "Europe/Berlin de"
        assert "actor" not in g
