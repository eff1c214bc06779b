"""Sixteen people press at the same moment: exactly one gets it, on SQLite and on PostgreSQL."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.assigning import claim
from portal.desk.actions.conversation import Reply, add_message, reply
from portal.desk.actions.deciding import cancel, confirm
from portal.desk.actions.filing import Filing, file_request
from portal.desk.actions.sweeping import follow_up, warn_due
from portal.desk.models import Alert, Message, Request
from portal.desk.rules import Answer, ReplyKind
from portal.kernel import submissions
from portal.kernel.db import db
from portal.kernel.policy import Actor
from tests.support import racing
from tests.support.desk import DeskUser
from tests.support.story import STORY

pytestmark = pytest.mark.postgres
WAYS = 16


def race(app: Flask, work: Callable[[int], Any]) -> Counter[str]:
    """How often each outcome came of so many at once."""
    return racing.race(app, work, "/need/repair", WAYS)


@pytest.fixture
def servers(desk: DeskUser) -> list[Actor]:
    """Jonas, Kim, Ola and Priya, over and over."""
    four = [desk.actor(key) for key in ("jonas", "kim", "ola", "priya")]
    db.session.remove()
    return [four[number % 4] for number in range(WAYS)]


def loaded(request_id: int) -> Request:
    """The request as a route would have loaded it in this unit of work."""
    return db.session.get_one(Request, request_id)


def test_one_claims(app: Flask, desk: DeskUser, servers: list[Actor]) -> None:
    """One gets it; the same person again is no loser, everybody else sees who has it."""
    number = desk.world.requests["radiator"]
    outcomes = race(app, lambda place: claim(loaded(number), actor=servers[place], now=STORY).assignee_id)
    winner = desk.find("radiator").assignee_id
    assert outcomes == {str(winner): 4, "Conflict": 12}
    assert desk.activities("radiator").count("desk.request.claimed") == 1


def test_one_resolves(app: Flask, desk: DeskUser, servers: list[Actor]) -> None:
    """One resolution, one message, one verdict."""
    number = desk.world.requests["radiator"]

    def resolve(place: int) -> str:
        reply(loaded(number), Reply(f"Done by {place}.", kind=ReplyKind.FIX), actor=servers[place], now=STORY)
        return "resolved"

    assert race(app, resolve) == {"resolved": 1, "Conflict": 15}
    assert desk.log("radiator") == ["opened", "resolved"]
    assert (desk.find("radiator").message_count, len(desk.messages("radiator"))) == (2, 2)


def test_one_answer_to_did_it_work(app: Flask, desk: DeskUser) -> None:
    """Yes and no at the same moment: one of them counts."""
    number, mara = desk.world.requests["bulbs"], desk.actor("mara")
    answers = [Answer.YES, Answer.NO]

    def answer(place: int) -> str:
        confirm(loaded(number), answer=answers[place % 2], actor=mara, now=STORY)
        return "answered"

    outcomes = race(app, answer)
    row, told = desk.find("bulbs"), Counter(desk.activities("bulbs"))
    assert told["desk.request.reopened"] == row.reopen_count <= 1
    assert told["desk.request.confirmed"] <= 1
    assert 1 <= told["desk.request.confirmed"] + told["desk.request.reopened"] <= outcomes["answered"]
    assert outcomes["answered"] + outcomes["Conflict"] == WAYS


def test_a_message_is_never_lost(app: Flask, desk: DeskUser) -> None:
    """Sixteen messages at once are sixteen messages; the count and one open clock of the next answer say so."""
    number, mara = desk.world.requests["heating"], desk.actor("sam")
    before = desk.find("heating").message_count

    def write(place: int) -> str:
        add_message(loaded(number), body=f"Word {place}", actor=mara, now=STORY)
        return "written"

    assert race(app, write) == {"written": WAYS}
    assert desk.find("heating").message_count == before + WAYS
    assert [cycle for name, cycle in desk.clocks("heating") if name == "next_response"] == [0]


def test_resolving_and_cancelling_at_once_leaves_one_end(app: Flask, desk: DeskUser, servers: list[Actor]) -> None:
    """Whoever is first decides; the other is told."""
    number, mara = desk.world.requests["radiator"], desk.actor("mara")

    def end(place: int) -> str:
        if place % 2:
            cancel(loaded(number), actor=mara, now=STORY)
            return "cancelled"
        reply(loaded(number), Reply("Done.", kind=ReplyKind.FIX), actor=servers[place], now=STORY)
        return "resolved"

    outcomes = race(app, end)
    assert outcomes["Conflict"] == 15
    assert outcomes[desk.find("radiator").status.value] == 1


def test_a_double_submit_files_once(app: Flask, desk: DeskUser) -> None:
    """The same one-time key sixteen times: one request."""
    mara = desk.actor("mara")
    filing = Filing(desk.world.services["repair"], "The gate stands open", "Since noon.", desk.world.mara.id)
    before = db.session.scalar(sa.select(sa.func.count(Request.id)))
    db.session.remove()

    def submit(_place: int) -> str:
        if submissions.begin("one-and-the-same-key", STORY) is not None:
            return "led to the first"
        file_request(filing, actor=mara, now=STORY)
        return "filed"

    assert race(app, submit) == {"filed": 1, "led to the first": 15}
    assert db.session.scalar(sa.select(sa.func.count(Request.id))) == (before or 0) + 1


def test_sixteen_sweeps_warn_once(app: Flask, desk: DeskUser) -> None:
    """Each warning and each question is given by whichever sweep claims it first."""
    later = datetime(2026, 11, 26, 13, 0, tzinfo=STORY.tzinfo)

    def sweep(_place: int) -> str:
        warn_due(now=later)
        follow_up(now=later)
        return "swept"

    race(app, sweep)
    given = db.session.scalar(sa.select(sa.func.count()).select_from(Alert))
    warned = sum(desk.activities(number).count("desk.clock.warned") for number in desk.world.requests.values())
    assert given == warned > 5
    assert desk.activities("bulbs").count("desk.request.follow_up") == 1
    assert db.session.scalar(sa.select(sa.func.count(Message.id)).where(Message.body == "")) == 0
