"""Mail to Mara comes back: twice for good, and what she is told stays in the portal until her address works."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.contracts.notifications import AddressDied, MailTriedAgain
from portal.kernel import clock as kernel_clock
from portal.kernel import mail, return_address
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.errors import Refusal
from portal.kernel.incoming import store
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications import bounces, jobs
from portal.notifications.models import DeadAddress, MailFailure, Notice
from portal.notifications.rules import MailState
from portal.people.models import Person
from tests.flows.notifications.conftest import Tell
from tests.support.racing import at_once

DSN = """\
Return-Path: <>
From: MAILER-DAEMON@mx.marlow.example
To: {to}
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Your mail could not be delivered. This is report {number}.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.marlow.example

Final-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} as the system says

--b
Content-Type: text/rfc822-headers

From: Desk <hearth@localhost>
Message-ID: {message_id}
{echo}
--b--
"""


class Post:
    """Sends mail to people and lets it come back."""

    def __init__(self, app: Flask, tell: Tell, run_jobs: Any, news: Any, clock: Any) -> None:
        self.app, self.tell, self.run_jobs, self.news, self.clock, self.number = app, tell, run_jobs, news, clock, 0

    def mail_to(self, person: Any) -> Any:
        """Tell somebody something new and give the mail that it became."""
        self.number += 1
        self.clock.advance(minutes=6)
        self.tell([person], f"message-{self.number}")
        self.run_jobs()
        return self.news(to=person.email)[-1]

    def back(self, sent: Any, status: str = "5.1.1", *, action: str = "failed", signed: bool = True, echo: bool = False) -> str:
        """Take in the report about a mail; the reason that was written down."""
        self.number += 1
        with self.app.app_context():
            to = return_address.make(sent.id, "localhost") if signed else "hearth@localhost"
            header = f"X-Hearth-Mail: {return_address.token(sent.id)}\n" if echo else ""
        values = {"number": self.number, "recipient": sent.to, "action": action, "status": status, "message_id": sent.message_id}
        raw = DSN.format(to=to, echo=header, **values).encode()
        with self.app.app_context(), unit_of_work():
            store.keep(raw, via="listener", now=kernel_clock.now(), envelope_from="", envelope_to=[to])
        self.run_jobs()
        return self.one(sa.select(store.IncomingMail.reason).order_by(store.IncomingMail.id.desc()).limit(1))

    def one(self, query: Any) -> Any:
        """One value from the database."""
        with self.app.app_context():
            found = db.session.scalar(query)
            db.session.remove()
        return found

    def kinds(self) -> list[str]:
        """What kinds of failures are written down."""
        with self.app.app_context():
            found = [kind.value for kind in db.session.scalars(sa.select(MailFailure.kind).order_by(MailFailure.id))]
            db.session.remove()
        return found

    def dead(self, person: Any) -> bool:
        """True while a person's mail stays in the portal."""
        return self.one(sa.select(DeadAddress.person_id).where(DeadAddress.person_id == person.id)) is not None

    def told(self, kind: str) -> set[int]:
        """Who was told something of a kind."""
        with self.app.app_context():
            found = set(db.session.scalars(sa.select(Notice.person_id).where(Notice.kind == kind)))
            db.session.remove()
        return found


@pytest.fixture
def post(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any, clock: Any) -> Post:
    """The post room."""
    return Post(app, tell, run_jobs, news, clock)


def twice(post: Post, person: Any) -> None:
    """Two mails to somebody come back for good."""
    for _ in range(2):
        post.back(post.mail_to(person))


@pytest.mark.postgres
def test_two_that_come_back_for_good_keep_mail_in_the_portal(app: Flask, world: Any, post: Post, run_jobs: Any) -> None:
    """One is no reason; after the second Mara finds everything in her inbox, HR and administrators hear of it, and the record says so."""
    reason = post.back(post.mail_to(world.mara))
    assert reason == f"A mail server says that a mail to {world.mara.email} could not be delivered (5.1.1)."
    assert not post.dead(world.mara)
    post.back(post.mail_to(world.mara))
    assert post.dead(world.mara)
    assert post.told("mail.dead") >= {world.mara.id, world.ada.id}
    assert post.told("mail.dead").isdisjoint({world.jonas.id, world.leo.id, world.tom.id})
    before = len(post.news(to=world.mara.email))
    post.clock.advance(hours=1)
    post.tell([world.mara], "after")
    run_jobs()
    assert len(post.news(to=world.mara.email)) == before
    assert post.one(sa.select(Notice.mail_state).where(Notice.person_id == world.mara.id, Notice.key == "after")) is MailState.NONE
    assert post.one(sa.select(Activity.id).where(Activity.event == AddressDied.event)) is not None


@pytest.mark.postgres
def test_a_report_without_our_token_proves_nothing(world: Any, post: Post) -> None:
    """Ids can be read in headers; with the token of another mail it is that mail that came back."""
    sent = post.mail_to(world.mara)
    assert "nothing in it proves" in post.back(sent, signed=False)
    assert post.kinds() == []
    post.back(sent, signed=False, echo=True)
    assert post.kinds() == ["hard"], "our header in the returned mail is as good as the address"


def test_the_same_report_twice_counts_once(world: Any, post: Post) -> None:
    """One mail fails once, however many servers say so."""
    sent = post.mail_to(world.mara)
    for _ in range(3):
        post.back(sent)
    assert (post.kinds(), post.dead(world.mara)) == (["hard"], False)


@pytest.mark.parametrize(("status", "kind"), [("4.2.2", "soft"), ("4.4.7", "soft"), ("5.7.1", "policy"), ("5.2.2", "other"), ("5.3.4", "other")])
def test_what_is_not_about_the_address_never_counts(world: Any, post: Post, status: str, kind: str) -> None:
    """A full mailbox, a slow server, somebody's rules: written down, and nobody's address is blamed."""
    for _ in range(3):
        post.back(post.mail_to(world.mara), status)
    assert (post.kinds(), post.dead(world.mara)) == ([kind] * 3, False)
    assert bool(post.told("mail.refused")) == (kind == "policy")
    assert post.told("mail.refused") <= {world.ada.id}


def test_a_delay_is_no_failure(world: Any, post: Post) -> None:
    """The server still tries."""
    assert post.back(post.mail_to(world.mara), "4.4.7", action="delayed") == "It reports a delay or a delivery, not a failure."
    assert post.kinds() == []


def test_what_came_back_long_ago_is_forgotten(world: Any, post: Post) -> None:
    """Two in fourteen days, not two in a year."""
    post.back(post.mail_to(world.mara))
    post.clock.advance(days=15)
    post.back(post.mail_to(world.mara))
    assert not post.dead(world.mara)


@pytest.mark.postgres
def test_another_address_takes_mail_again_by_itself(app: Flask, world: Any, post: Post, run_jobs: Any) -> None:
    """HR corrects it; a report about an old mail changes nothing any more."""
    late = post.mail_to(world.mara)
    twice(post, world.mara)
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Person).where(Person.id == world.mara.id).values(email="mara.new@marlow.example"))
    post.clock.advance(hours=1)
    post.tell([world.mara], "after")
    run_jobs()
    assert len(post.news(to="mara.new@marlow.example")) == 1
    post.back(late)
    post.clock.advance(hours=1)
    post.tell([world.mara], "later")
    run_jobs()
    assert len(post.news(to="mara.new@marlow.example")) == 2


def test_trying_again(world: Any, post: Post, sign_in: Any) -> None:
    """Ada sees it under Mail and on the page of Mara's mail; one press, and a second press from another window says so."""
    twice(post, world.mara)
    ada = sign_in(world.ada)
    page, other = ada.get("/administration/mail?show=came-back"), ada.get(f"/notifications/mail/{world.mara.id}")
    assert world.mara.name in page.text
    assert "takes no mail" in other.text
    assert "5.1.1" in other.text
    done = other.submit("/try-again")
    assert "From the next notice on mail goes out again." in done.text
    assert "takes no mail" not in done.text
    assert "somebody was faster" in page.submit("/try-again").text
    assert post.one(sa.select(Activity.id).where(Activity.event == MailTriedAgain.event)) is not None
    post.back(post.mail_to(world.mara))
    assert not post.dead(world.mara), "it counts from one again"
    post.back(post.mail_to(world.mara))
    assert post.dead(world.mara)


def test_who_sees_that_mail_comes_back(world: Any, post: Post, sign_in: Any) -> None:
    """Mara on her profile and beside her choices; HR and administrators; nobody else."""
    twice(post, world.mara)
    profile = f"/people/{world.mara.staff_number}"
    for who in (world.mara, world.ada):
        browser = sign_in(who)
        assert "Mail comes back" in browser.get(profile).text
        assert browser.get(f"/notifications/mail/{world.mara.id}").status == 200
    assert "Mail to you comes back" in sign_in(world.mara).get("/notifications/preferences").text
    jonas = sign_in(world.jonas)
    assert "Mail comes back" not in jonas.get(profile).text
    assert jonas.get(f"/notifications/mail/{world.mara.id}").status == 404
    assert jonas.get(f"/notifications/mail/{world.jonas.id}").status == 200


def test_a_server_that_refuses_at_once_says_the_same(app: Flask, world: Any, post: Post) -> None:
    """Without a report, in the conversation."""
    for _ in range(2):
        sent = post.mail_to(world.mara)
        with app.app_context(), unit_of_work():
            bounces.refused(mail.Refused(sent.id, world.mara.id, sent.to, "550 5.1.1 nobody of that name here"), kernel_clock.now())
    assert post.kinds() == ["hard", "hard"]
    assert post.dead(world.mara)


def test_what_is_old_goes_and_the_dead_stay_dead(app: Flask, world: Any, post: Post, clock: Any) -> None:
    """The list of a year is enough; Mara's address does not come to life by that."""
    twice(post, world.mara)
    clock.advance(days=401)
    with app.app_context(), unit_of_work():
        jobs.forget()
    assert (post.kinds(), post.dead(world.mara)) == ([], True)


def test_the_portal_writes_to_none_of_its_own_addresses(app: Flask, world: Any, post: Post, run_jobs: Any) -> None:
    """Somebody who was given the portal's mailbox as their address finds everything in the portal."""
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Person).where(Person.id == world.mara.id).values(email="hearth@localhost"))
    post.tell([world.mara], "message-1")
    run_jobs()
    assert post.news() == []
    with app.app_context(), unit_of_work():
        for own in ("hearth@localhost", "Reply+abc@localhost", "b+x@localhost"):
            with pytest.raises(Refusal):
                mail.queue(to=own, subject="x", text="x", now=kernel_clock.now())


@pytest.mark.postgres
def test_sixteen_reports_at_once_switch_once(app: Flask, world: Any, post: Post) -> None:
    """Each is counted after the one before; who can mend it hears it once."""
    mails = [post.mail_to(world.mara) for _ in range(16)]
    now = kernel_clock.now()

    def report(place: int) -> None:
        with app.app_context():
            with unit_of_work():
                bounces.failed(mails[place].id, world.mara.id, mails[place].to, "5.1.1", "nobody", now + timedelta(seconds=place))
            db.session.remove()

    at_once(16, report)
    assert len(post.kinds()) == 16
    assert post.dead(world.mara)
    assert post.one(sa.select(sa.func.count()).select_from(Activity).where(Activity.event == AddressDied.event)) == 1
    assert post.one(sa.select(sa.func.count()).select_from(Notice).where(Notice.kind == "mail.dead", Notice.person_id == world.ada.id)) == 1
