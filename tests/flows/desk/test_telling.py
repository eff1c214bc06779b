"""Who hears what about a request: both sides, never whoever did it, and nothing about what is confidential but that there is news."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.assigning import assign, claim
from portal.desk.actions.conversation import Reply, add_message, add_note, add_participant, reply
from portal.desk.actions.deciding import cancel, confirm
from portal.desk.actions.moving import transfer
from portal.desk.rules import Answer, ReplyKind
from portal.kernel.db import db
from portal.notifications.models import Notice
from tests.support.desk import DeskUser
from tests.support.story import STORY

HOUR = timedelta(hours=1)
Jobs = Callable[..., int]


class Ledger:
    """What was told, in words, by person."""

    def __init__(self, desk: DeskUser, run_jobs: Jobs) -> None:
        self.desk, self.run_jobs, self.seen = desk, run_jobs, 0

    def news(self) -> dict[str, list[tuple[str, str]]]:
        """Run the jobs; (kind, why) of what each person was told since the last look."""
        self.run_jobs()
        db.session.remove()
        names = {who.id: key for key, who in self.desk.world.people.items()}
        found: dict[str, list[tuple[str, str]]] = {}
        for notice in db.session.scalars(sa.select(Notice).where(Notice.id > self.seen).order_by(Notice.id)):
            found.setdefault(names[notice.person_id], []).append((notice.kind.removeprefix("desk."), notice.why))
            self.seen = notice.id
        return found

    def last(self, who: str) -> Notice:
        """The newest notice of somebody."""
        query = sa.select(Notice).where(Notice.person_id == self.desk.world.people[who].id).order_by(Notice.id.desc())
        return db.session.scalars(query.limit(1)).one()


@pytest.fixture
def ledger(desk: DeskUser, run_jobs: Jobs) -> Ledger:
    """An empty page of the ledger."""
    return Ledger(desk, run_jobs)


STEP = Reply("I bring you a heater.", "I change the valve", STORY + timedelta(days=2))


def test_filing_gives_a_receipt_with_the_promise_and_news_to_those_on_duty(desk: DeskUser, ledger: Ledger, outbox: Any) -> None:
    """Mara gets it by mail with both dates; Facilities sees what is new; Sam may follow."""
    request = desk.file(follower_ids=[desk.world.sam.id], customer_notices=True, customer_impact="Visitors wait")
    assert ledger.news() == {
        "mara": [("filed", "asked")],
        "sam": [("joined", "follows")],
        "jonas": [("new", "serves")],
        "kim": [("new", "serves")],
        "ola": [("new", "serves")],
    }
    mail = outbox(to=desk.world.mara.email)[-1]
    assert "Facilities has it. Jonas or a colleague answers by today 14:00." in mail.text
    assert "First answer by: today 14:00" in mail.text
    assert "Solved by: Mon 10:00" in mail.text
    assert f"http://127.0.0.1:8000/requests/{request.id}" in mail.text
    assert mail.subject == f"[R-{request.id}] The door does not close"
    assert "a customer would notice" in ledger.last("jonas").text


@pytest.mark.parametrize(
    ("service", "words"),
    [("invoice-question", "Finance has it. Ruth answers by tomorrow 10:00."), ("access-review", "Security has it. You have an answer by today 18:00.")],
)
def test_the_receipt_names_whoever_answers(desk: DeskUser, ledger: Ledger, outbox: Any, service: str, words: str) -> None:
    """One person by name; where nobody is on duty the department and the time."""
    desk.file(service=service)
    ledger.news()
    assert words in outbox(to=desk.world.mara.email)[-1].text


def test_somebody_who_files_for_another_hears_too(desk: DeskUser, ledger: Ledger) -> None:
    """Unless it is confidential: then it is the other one's alone."""
    desk.file("mara", by="camille")
    told = ledger.news()
    assert (told["mara"], told["camille"]) == ([("filed", "asked")], [("filed", "filed")])
    desk.file("tom", "pay-question", by="aisha")
    told = ledger.news()
    assert told == {"tom": [("filed", "asked")], "elena": [("new", "serves")]}


def test_the_conversation_reaches_the_other_side(desk: DeskUser, ledger: Ledger, outbox: Any) -> None:
    """Replies go to the requester's side, messages to whoever has it; notes to nobody; nobody hears of their own words."""
    desk.act(claim, "for-mara", who="jonas")
    assert ledger.news() == {}
    desk.act(reply, "for-mara", STEP, who="jonas")
    assert ledger.news() == {"mara": [("replied", "asked")], "camille": [("replied", "filed")], "sam": [("replied", "follows")]}
    assert "Jonas answered. Next: I change the valve, by Thu 10:00." in outbox(to=desk.world.mara.email)[-1].text
    assert "I bring you a heater." in outbox(to=desk.world.mara.email)[-1].text
    desk.act(add_message, "for-mara", body="The left shelf.", who="sam")
    assert ledger.news() == {"jonas": [("written", "yours")], "mara": [("written", "asked")], "camille": [("written", "filed")]}
    desk.act(add_note, "for-mara", body="He means the right one.", who="kim")
    assert ledger.news() == {}


def test_the_end_and_the_return(desk: DeskUser, ledger: Ledger) -> None:
    """Solved with the question; no brings it back to whoever solved it; cancelled reaches whoever works on it."""
    desk.act(reply, "radiator", Reply("The valve is new.", kind=ReplyKind.FIX), who="jonas")
    assert ledger.news() == {"mara": [("resolved", "asked")]}
    assert "Did it work?" in ledger.last("mara").text
    desk.act(confirm, "radiator", answer=Answer.NO, who="mara", now=STORY + HOUR)
    assert ledger.news() == {"jonas": [("reopened", "yours")]}
    desk.act(reply, "radiator", Reply("A heater for now.", kind=ReplyKind.WORKAROUND), who="jonas", now=STORY + 2 * HOUR)
    ledger.news()
    desk.act(confirm, "radiator", answer=Answer.PARTLY, who="mara", now=STORY + 3 * HOUR)
    assert ledger.news() == {"jonas": [("reopened", "yours")]}
    desk.act(cancel, "radiator", reason="We moved out.", who="mara", now=STORY + 4 * HOUR)
    assert ledger.news() == {"jonas": [("cancelled", "yours")]}


def test_who_gets_it_hears_of_it(desk: DeskUser, ledger: Ledger) -> None:
    """Given by a colleague, handed over to another department, followed from now on."""
    desk.act(assign, "radiator", desk.world.kim.id, who="jonas")
    assert ledger.news() == {"kim": [("assigned", "yours")]}
    desk.act(assign, "radiator", desk.world.jonas.id, who="jonas")
    assert ledger.news() == {}
    desk.act(transfer, "radiator", service_id=desk.world.services["it-question"], reason="It is the thermostat's app.", who="jonas")
    assert ledger.news() == {"mara": [("transferred", "asked")], "ada": [("transferred", "serves")]}
    desk.act(add_participant, "radiator", person_id=desk.world.nils.id, who="mara")
    assert ledger.news() == {"nils": [("joined", "follows")]}


def test_of_what_is_confidential_no_word_leaves_the_page(desk: DeskUser, app: Flask, ledger: Ledger, outbox: Any) -> None:
    """Neither title nor words, in no notice and no mail; and only those who may see it are told at all."""
    request = desk.file("tom", "pay-question", title="October pay", description="A secret sum.")
    desk.act(reply, request.id, Reply("Sum explained in full.", "I send a secret list", STORY + HOUR), who="elena")
    desk.act(add_message, request.id, body="A secret answer.", who="tom")
    desk.act(reply, request.id, Reply("Solved in secret.", kind=ReplyKind.FIX), who="elena", now=STORY + HOUR)
    assert set(ledger.news()) == {"tom", "elena"}
    kept = [[n.topic, n.excerpt, n.text, str(n.params), str(n.facts)] for n in db.session.scalars(sa.select(Notice).where(Notice.subject_id == request.id))]
    written = [mail.subject + mail.text + (mail.html or "") for mail in outbox()]
    assert len(kept) >= 4
    assert len(written) >= 2
    for words in ("October", "secret", "Sum explained"):
        assert words not in str(kept)
        assert not [text for text in written if words in text]


def test_a_reaction_that_runs_twice_tells_once(desk: DeskUser, app: Flask, run_jobs: Jobs) -> None:
    """Jobs come at least once; the ledger's key decides."""
    from portal.kernel import jobs
    from portal.kernel.activity import Activity
    from portal.kernel.unit_of_work import unit_of_work

    request = desk.file()
    run_jobs()
    db.session.remove()
    told = sa.select(sa.func.count(Notice.id)).where(Notice.subject_id == request.id)
    before = db.session.scalar(told)
    entry = db.session.scalars(sa.select(Activity.id).where(Activity.subject_id == request.id, Activity.event == "desk.request.filed")).one()
    db.session.remove()
    with unit_of_work():
        jobs.enqueue("kernel.react", activity_id=entry, hook="portal.desk.reactions.tell_of_filing")
    run_jobs()
    db.session.remove()
    assert before
    assert db.session.scalar(told) == before
