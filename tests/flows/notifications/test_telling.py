"""Jonas answers Mara: she hears of it once, in the portal and by one mail, when it suits her."""

from datetime import date, time
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock as kernel_clock
from portal.kernel import health
from portal.kernel.db import db
from portal.kernel.messages import say
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications import actions, kinds
from portal.notifications.models import Notice, Preference, QuietHours
from portal.notifications.rules import MailState, Mode
from portal.people.models import Absence, Person
from tests.flows.notifications.conftest import RADIATOR, Tell


def ledger(app: Flask) -> list[tuple[int, str]]:
    """(person, mail state) of every notice."""
    with app.app_context():
        rows = [(row.person_id, row.mail_state) for row in db.session.execute(sa.select(Notice.person_id, Notice.mail_state).order_by(Notice.id))]
        db.session.remove()
    return rows


def keep(app: Flask, row: Any) -> None:
    """Store a row."""
    with app.app_context(), unit_of_work():
        db.session.add(row)


@pytest.mark.postgres
def test_one_mail_says_what_happened_and_why(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """The mail has the topic as subject, the words, the promise, the link, the reason, and joins the thread."""
    assert tell([world.mara]) == 1
    run_jobs()
    (mail,) = news(to=world.mara.email)
    assert mail.subject == "4127 Radiator in Studio 2 stays cold"
    for words in ("Jonas answered: heater by today 13:00.", "> Until then stay close", "Repaired by: Thu 12:00", "http://127.0.0.1:8000/story/4127"):
        assert words in mail.text
    assert "Why did I get this? You asked for this." in mail.text
    assert "http://127.0.0.1:8000/notifications/preferences" in mail.text
    assert "<strong>Jonas answered: heater by today 13:00.</strong>" in mail.html
    assert mail.in_reply_to == mail.references[0]
    assert mail.references[0].startswith("<thread.story-thing.4127.")
    assert mail.headers["Reply-To"] == "hearth@localhost"


@pytest.mark.postgres
def test_nobody_is_told_the_same_thing_twice(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """The second telling reaches only who was not told before; leavers are never told."""
    assert tell([world.mara, world.mara, world.bruno]) == 1
    assert tell([world.mara, world.tom]) == 1
    run_jobs()
    tell([world.mara, world.tom])
    run_jobs()
    assert [mail.to for mail in news()] == [world.mara.email, world.tom.email]
    assert len(ledger(app)) == 2


@pytest.mark.postgres
def test_never_more_than_one_mail_about_a_thing_in_five_minutes(world: Any, tell: Tell, run_jobs: Any, news: Any, clock: Any) -> None:
    """Three answers in a row are two mails, the second with two answers in it."""
    tell([world.mara], "message-1")
    run_jobs()
    clock.advance(minutes=1)
    tell([world.mara], "message-2", text=say("Second answer."))
    run_jobs()
    clock.advance(minutes=1)
    tell([world.mara], "message-3", text=say("Third answer."))
    run_jobs()
    assert len(news()) == 1
    clock.advance(minutes=3)
    run_jobs()
    first, second = news()
    assert "Second answer." in second.text
    assert "Third answer." in second.text
    assert second.references == [*first.references, first.message_id]
    assert second.in_reply_to == first.message_id
    assert second.message_id != first.message_id


def test_another_thing_does_not_wait(world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """The five minutes are per thing."""
    tell([world.mara])
    run_jobs()
    tell([world.mara], subject=("story.thing", 4128), topic="4128 Second screen")
    run_jobs()
    assert [mail.subject for mail in news()] == ["4127 Radiator in Studio 2 stays cold", "4128 Second screen"]


def test_people_choose_how_they_are_told(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """Mara wants no mail, Tom a digest, Lars has no address: all three find it in the portal."""
    keep(app, Preference(person_id=world.mara.id, kind="story.answered", mail=Mode.OFF))
    keep(app, Preference(person_id=world.tom.id, kind="story.answered", mail=Mode.DIGEST))
    assert tell([world.mara, world.tom, world.lars]) == 3
    run_jobs()
    assert news() == []
    assert dict(ledger(app)) == {world.mara.id: MailState.NONE, world.tom.id: MailState.DIGEST, world.lars.id: MailState.NONE}


@pytest.mark.postgres
def test_the_digest_comes_at_eight_once(app: Flask, world: Any, tell: Tell, hour_passes: Any, news: Any) -> None:
    """It is ten in Berlin and four in New York: Hana reads hers at her eight today, Tom his tomorrow morning."""
    for person in (world.tom, world.hana):
        keep(app, Preference(person_id=person.id, kind="story.answered", mail=Mode.DIGEST))
    tell([world.tom, world.hana])
    tell([world.tom], "message-2", text=say("Second answer."))

    def mails_after(hours: int) -> list[tuple[str, str]]:
        hour_passes(hours)
        return [(mail.to, mail.subject) for mail in news()]

    assert mails_after(3) == []
    assert mails_after(1) == [(world.hana.email, "One thing for your day")]
    assert len(mails_after(17)) == 1  # seven in the morning in Berlin
    assert mails_after(1)[1:] == [(world.tom.email, "2 things for your day")]
    assert len(mails_after(30)) == 2
    digest = news(to=world.tom.email)[0]
    assert digest.text.count("4127 Radiator in Studio 2 stays cold") == 1
    assert "Second answer." in digest.text


def test_the_absent_are_not_chased(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any, hour_passes: Any) -> None:
    """Mara is away until Wednesday; on Thursday at eight she gets one mail with everything."""
    now = kernel_clock.now()
    keep(app, Absence(person_id=world.mara.id, first_day=date(2026, 11, 24), last_day=date(2026, 11, 25), created_at=now))
    tell([world.mara])
    tell([world.mara], "late-1", kind="story.late", bundle="hour", text=say("Nearly late."))
    run_jobs()
    hour_passes(45)
    assert news() == []
    hour_passes(1)
    (mail,) = news()
    assert mail.subject == "2 things for your day"
    assert "you were away" in mail.text


def test_warnings_come_together_once_an_hour(world: Any, tell: Tell, run_jobs: Any, news: Any, clock: Any) -> None:
    """Two warnings of one moment are one mail, those of the next hour another."""
    for number in (1, 2):
        tell([world.jonas], kind="story.late", bundle="hour", subject=("story.thing", number), topic=f"{number} Something", why="yours")
    run_jobs()
    assert news() == []
    clock.advance(minutes=2)
    run_jobs()
    (mail,) = news()
    assert mail.subject == "2 things need a look"
    clock.advance(minutes=3)
    tell([world.jonas], kind="story.late", bundle="hour", subject=("story.thing", 3), topic="3 Something", why="yours")
    clock.advance(minutes=10)
    run_jobs()
    assert len(news()) == 1
    clock.advance(minutes=50)
    run_jobs()
    assert [mail.subject for mail in news()] == ["2 things need a look", "One thing needs a look"]


def test_quiet_hours_hold_mail_back(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any, clock: Any) -> None:
    """It is ten in Berlin and Mara's mail rests until noon."""
    keep(app, QuietHours(person_id=world.mara.id, start=time(9), end=time(12)))
    tell([world.mara])
    run_jobs()
    assert news() == []
    clock.advance(hours=2)
    run_jobs()
    assert len(news()) == 1


def test_a_private_thing_keeps_its_words_out_of_mail(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """No title, no excerpt, no promise: only that there is news, and where."""
    tell([world.mara], private=True, text=say("Elena answered."))
    run_jobs()
    (mail,) = news()
    assert mail.subject == "News on something confidential"
    whole = mail.text + mail.html
    assert "http://127.0.0.1:8000/story/4127" in whole
    for words in ("Radiator", "heater", "Elena", "Repaired"):
        assert words not in whole


def test_whoever_may_no_longer_see_it_gets_no_mail(world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """Rights are asked when the mail is written, not when it was asked for."""
    kinds.subject("story.thing", lambda actor, ids: ids if actor.person_id == world.jonas.id else [])
    tell([world.mara, world.jonas])
    run_jobs()
    assert [mail.to for mail in news()] == [world.jonas.email]


def test_what_was_read_meanwhile_is_not_mailed(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """Opening the page of the thing counts as reading; the mail stays unwritten."""
    tell([world.mara])
    with app.app_context():
        actions.seen(world.actor("mara"), RADIATOR, kernel_clock.now())
    run_jobs()
    assert news() == []


def test_somebody_who_left_before_the_mail_gets_none(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """The job asks again who works here."""
    tell([world.mara])
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Person).where(Person.id == world.mara.id).values(is_active=False))
    run_jobs()
    assert news() == []
    assert ledger(app) == [(world.mara.id, MailState.NONE)]


def test_a_sentence_that_cannot_be_said_fails_at_the_sender(world: Any, tell: Tell) -> None:
    """Missing parts, unknown kinds and reasons, and addresses elsewhere never reach the ledger."""
    for mistake in (
        {"text": say("%(name)s came.")},
        {"kind": "story.unknown"},
        {"why": "because"},
        {"path": "https://evil.example"},
        {"path": "//evil.example"},
    ):
        with pytest.raises((LookupError, ValueError)):
            tell([world.mara], **mistake)


@pytest.mark.postgres
def test_a_whole_company_is_told_in_batches(app: Flask, world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """Twelve hundred people: everybody once, in few jobs and few statements."""
    now = kernel_clock.now()
    rows = [
        {
            "staff_number": f"X-{n}",
            "name": f"Person {n}",
            "sort_name": f"person {n}",
            "email": None if n % 40 else f"p{n}@marlow.example",
            "created_at": now,
            "updated_at": now,
        }
        for n in range(1200)
    ]
    with app.app_context(), unit_of_work():
        ids = list(db.session.scalars(sa.insert(Person).returning(Person.id), rows))
    people = [type("Anybody", (), {"id": number}) for number in ids]
    assert tell(people) == 1200
    assert tell(people) == 0
    run_jobs()
    assert len(news()) == 30


def test_a_mail_that_never_came_is_found(app: Flask, world: Any, tell: Tell, clock: Any) -> None:
    """Two days without a worker are a line in the check of everything; a fresh notice is not."""
    tell([world.mara])
    with app.app_context():
        assert health.broken()["Nobody waits for a mail longer than two days"] == []
    clock.advance(days=2, minutes=1)
    with app.app_context():
        (line,) = health.broken()["Nobody waits for a mail longer than two days"]
    assert f"for person {world.mara.id} waits since 2026-11-24 09:00 UTC" in line
