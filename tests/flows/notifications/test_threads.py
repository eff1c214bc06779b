"""Mail about a thing hangs together in every mailbox, says who speaks, and machines are answered three times an hour at most."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock as kernel_clock
from portal.kernel import mail_ids, mail_thread
from portal.kernel.db import db
from portal.kernel.incoming import store
from portal.kernel.mail import Mail
from portal.kernel.mail_message import Voice
from portal.kernel.messages import say
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications import automatic, kinds
from portal.notifications.models import Notice
from portal.notifications.rules import MailState
from portal.people.models import Department, Person
from tests.flows.notifications.conftest import RADIATOR, Tell
from tests.support.racing import at_once


@pytest.fixture(autouse=True)
def _marked() -> Any:
    """Subjects about the story's thing begin with [T-4127]."""
    kinds.subject("story.thing", lambda _actor, ids: ids, mark="T")
    kinds.register("story.receipt", say("Receipts"), say("It arrived."), is_receipt=True)
    yield
    kinds._marks.pop("story.thing")
    kinds._kinds.pop("story.receipt")


def arrives(app: Flask, who: Any, message_id: str) -> None:
    """A mail of somebody about the radiator was taken in."""
    with app.app_context(), unit_of_work():
        raw = f"From: {who.email}\nMessage-ID: {message_id}\n\nIt is cold.\n".encode()
        number, _ = store.keep(raw, via="file", now=kernel_clock.now())
        values = {"decision": store.Decision.OPENED, "sender": who.email, "message_id": message_id, "subject_kind": RADIATOR[0], "subject_id": RADIATOR[1]}
        db.session.execute(sa.update(store.IncomingMail).where(store.IncomingMail.id == number).values(**values))


@pytest.mark.postgres
def test_a_person_speaks_in_their_name(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any, clock: Any) -> None:
    """Jonas's words come from Jonas, at the address of his department when it is ours; what the portal says comes from the portal."""
    with app.app_context(), unit_of_work():
        own = sa.select(Person.department_id).where(Person.id == world.jonas.id).scalar_subquery()
        db.session.execute(sa.update(Department).where(Department.id == own).values(email="facilities@localhost"))
    tell([world.mara])
    run_jobs()
    clock.advance(minutes=6)
    tell([world.mara], "message-2", author_id=world.jonas.id)
    run_jobs()
    status, words = news()
    assert (status.voice, status.from_name, status.subject) == (Voice.NOTICE, None, "[T-4127] Radiator in Studio 2 stays cold")
    assert (words.voice, words.from_address) == (Voice.PERSON, "facilities@localhost")
    assert words.from_name.startswith(world.jonas.name + ", ")
    assert words.subject == "Re: [T-4127] Radiator in Studio 2 stays cold"
    assert words.in_reply_to == status.message_id


@pytest.mark.postgres
def test_an_answer_to_their_mail_refers_to_it(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """Mara's program puts it below what she wrote."""
    arrives(app, world.mara, "<her.own.id@marlow.example>")
    tell([world.mara], author_id=world.jonas.id)
    run_jobs()
    (mail,) = news()
    assert mail.in_reply_to == "<her.own.id@marlow.example>"
    with app.app_context():
        assert mail.references == [mail_ids.root_id(*RADIATOR), "<her.own.id@marlow.example>"]
    assert mail.subject.startswith("Re: [T-4127] ")


def test_the_chain_stays_short(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any, clock: Any) -> None:
    """The root and the latest three, however long it goes on; an id of theirs that is none is left out."""
    arrives(app, world.mara, "<no id at all>")
    for number in range(7):
        tell([world.mara], f"message-{number}")
        run_jobs()
        clock.advance(minutes=6)
    sent = news()
    assert sent[-1].references == [sent[0].references[0], *(mail.message_id for mail in sent[3:6])]


def test_of_a_private_thing_nothing_is_in_the_headers(world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """Neither title nor writer; the number holds the thread together."""
    tell([world.mara], private=True, author_id=world.jonas.id)
    run_jobs()
    (mail,) = news()
    assert (mail.subject, mail.voice, mail.from_name) == ("[T-4127] News on something confidential", Voice.NOTICE, None)


@pytest.mark.parametrize("title", ["x" * 300, "Zürich\r\nBcc: leo@x.example", "=?utf-8?q?=0ABcc?=", "名前" * 120])
def test_no_title_breaks_a_subject(world: Any, tell: Tell, run_jobs: Any, news: Any, title: str) -> None:
    """One line, the number in front, cut with a mark."""
    tell([world.mara], topic=f"4127 {title}"[:200])
    run_jobs()
    (mail,) = news()
    assert mail.subject.startswith("[T-4127] ")
    assert len(mail.subject) <= 200
    assert "\n" not in mail.subject


@pytest.mark.postgres
def test_three_automatic_answers_an_hour(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any, clock: Any) -> None:
    """The fourth waits for the digest instead of being lost; after an hour there is room for one again."""
    arrives(app, world.mara, "<loop@marlow.example>")
    for number in range(4):
        tell([world.mara], f"receipt-{number}", kind="story.receipt", subject=(RADIATOR[0], RADIATOR[1]))
        run_jobs()
        arrives(app, world.mara, f"<loop.{number}@marlow.example>")
        clock.advance(minutes=6)
    assert [mail.voice for mail in news()] == [Voice.RECEIPT] * 3
    with app.app_context():
        assert db.session.scalar(sa.select(Notice.mail_state).where(Notice.key == "receipt-3")) is MailState.DIGEST
        db.session.remove()
    clock.advance(minutes=40)
    tell([world.mara], "receipt-4", kind="story.receipt")
    run_jobs()
    assert len(news()) == 4


@pytest.mark.postgres
def test_sixteen_at_once_take_three(app: Flask, world: Any) -> None:
    """The row of the address decides; the hour slides with the oldest."""
    now = kernel_clock.now()

    def take(_place: int) -> bool:
        with app.app_context(), unit_of_work():
            return automatic.take("Loop@Example.com", now)

    assert sorted(at_once(16, take)) == [False] * 13 + [True] * 3
    with app.app_context(), unit_of_work():
        assert automatic.take("other@example.com", now)
        assert not automatic.take("loop@example.com", now + timedelta(minutes=59))
        assert [automatic.take("loop@example.com", now + timedelta(minutes=61)) for _ in range(4)] == [True, True, True, False]


@pytest.mark.postgres
def test_ids_that_a_relay_made_up_lead_back_too(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """By the name the relay gave in its answer; they prove nothing, because such names may be guessed."""
    tell([world.mara])
    run_jobs()
    (mail,) = news()
    renamed = "<010001982f0e7d5a-1b2c3d4e-0000@eu-west-1.amazonses.com>"
    with app.app_context(), unit_of_work():
        given = mail_ids.relayed("Ok 010001982f0e7d5a-1b2c3d4e-0000")
        db.session.execute(sa.update(Mail).where(Mail.id == mail.id).values(relay_id=given))
    with app.app_context():
        root = mail_ids.root_id("desk.request", 5)
        known = mail_thread.known([mail.message_id, renamed, root, "<else@where.example>"])
        assert mail_thread.about([renamed, "<x@y.z>"]) == {renamed: RADIATOR}
        db.session.remove()
    assert (known[mail.message_id].person_id, known[mail.message_id].is_proof) == (world.mara.id, True)
    assert (known[renamed].subject_id, known[renamed].person_id, known[renamed].is_proof) == (RADIATOR[1], None, False)
    assert (known[root].subject_id, known[root].person_id) == (5, None)
    assert "<else@where.example>" not in known


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("2.0.0 Ok: queued as 4XyZ12abc", None),
        ("Ok 010001982f0e7d5a-1b2c3d4e-0000", "<010001982f0e7d5a-1b2c3d4e-0000@amazonses.com>"),
        ("2.6.0 <other.id@gateway.example> [InternalId=1] Queued mail for delivery", "<other.id@gateway.example>"),
        ("2.0.0 OK  1764061234 d2e1a72fcca58 - gsmtp", None),
        ("", None),
    ],
)
def test_what_a_relay_says(words: str, found: str | None) -> None:
    """Names of queues are no ids of mails."""
    assert mail_ids.relayed(words) == found
