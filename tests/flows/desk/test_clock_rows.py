"""The stored clocks are a cache: after any sequence of real actions they are what the log says, and rebuilding changes nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.desk import clocks, health
from portal.desk.actions.assigning import assign, claim
from portal.desk.actions.conversation import Reply, add_message, add_note, no_reply_needed, reply, undo_no_reply_needed
from portal.desk.actions.deciding import ask_again, cancel, confirm
from portal.desk.actions.moving import pause, plan, resume, set_priority, transfer
from portal.desk.actions.sweeping import follow_up, warn_due
from portal.desk.models import Breach, Clock, ClockEvent, Request
from portal.desk.rules import Answer, Priority, ReplyKind, WaitFor
from portal.kernel.db import db
from portal.kernel.errors import PortalError
from portal.kernel.policy import Actor
from portal.kernel.unit_of_work import unit_of_work
from tests.support.desk import DeskUser, replayed, stored
from tests.support.story import STORY

Step = Callable[[Request, Actor, Actor, datetime], Any]
SOON = timedelta(hours=30)


def _ordered(now: datetime) -> Reply:
    return Reply("Ordered.", "It comes", now + SOON, wait_for=WaitFor.OTHER, wait_name="A firm")


STEPS: dict[str, Step] = {
    "asks": lambda r, mara, jonas, now: add_message(r, body="And now?", actor=mara, now=now),
    "step": lambda r, mara, jonas, now: reply(r, Reply("I come.", "I come", now + SOON), actor=jonas, now=now),
    "ack": lambda r, mara, jonas, now: reply(r, Reply("We have it."), actor=jonas, now=now),
    "question": lambda r, mara, jonas, now: reply(r, Reply("Which?", wait_for=WaitFor.REQUESTER), actor=jonas, now=now),
    "supplier": lambda r, mara, jonas, now: reply(
        r, Reply("Ordered.", "It comes", now + SOON, wait_for=WaitFor.OTHER, wait_name="A firm"), actor=jonas, now=now
    ),
    "relief": lambda r, mara, jonas, now: reply(r, Reply("A heater.", kind=ReplyKind.WORKAROUND), actor=jonas, now=now),
    "fix": lambda r, mara, jonas, now: reply(r, Reply("Done.", kind=ReplyKind.FIX), actor=jonas, now=now),
    "note": lambda r, mara, jonas, now: add_note(r, body="Store B.", actor=jonas, now=now),
    "claim": lambda r, mara, jonas, now: claim(r, actor=jonas, now=now),
    "back": lambda r, mara, jonas, now: assign(r, None, actor=jonas, now=now),
    "pause": lambda r, mara, jonas, now: pause(r, waits_for=WaitFor.OTHER, wait_name="A firm", actor=jonas, now=now),
    "resume": lambda r, mara, jonas, now: resume(r, actor=mara, now=now),
    "plan": lambda r, mara, jonas, now: plan(r, planned=True, actor=jonas, now=now),
    "urgent": lambda r, mara, jonas, now: set_priority(r, Priority.URGENT, actor=jonas, now=now),
    "low": lambda r, mara, jonas, now: set_priority(r, Priority.LOW, reason="It can wait.", actor=jonas, now=now),
    "yes": lambda r, mara, jonas, now: confirm(r, answer=Answer.YES, actor=mara, now=now),
    "partly": lambda r, mara, jonas, now: confirm(r, answer=Answer.PARTLY, note="One side.", actor=mara, now=now),
    "no": lambda r, mara, jonas, now: confirm(r, answer=Answer.NO, actor=mara, now=now),
    "again": lambda r, mara, jonas, now: ask_again(r, note="Once more.", actor=mara, now=now),
    "thanks": lambda r, mara, jonas, now: no_reply_needed(r, actor=jonas, now=now),
    "not thanks": lambda r, mara, jonas, now: undo_no_reply_needed(r, actor=mara, now=now),
    "cancel": lambda r, mara, jonas, now: cancel(r, actor=mara, now=now),
    "warn": lambda r, mara, jonas, now: warn_due(now=now),
    "follow up": lambda r, mara, jonas, now: follow_up(now=now),
}
RARE = {"cancel", "again"}
some = st.sampled_from([name for name in STEPS for _ in range(1 if name in RARE else 3)] + ["hand over"])
lengths = st.sampled_from(
    [timedelta(), timedelta(seconds=1), timedelta(minutes=7), timedelta(hours=1), timedelta(hours=5), timedelta(days=1), timedelta(days=6)]
)
plays = st.lists(st.tuples(some, lengths), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(play=plays, impact=st.sampled_from(["nuisance", "slower", "stopped"]))
def test_whatever_happens_the_rows_are_what_the_log_says(desk: DeskUser, play: list[tuple[str, timedelta]], impact: str) -> None:
    """Random lives of a request, each act through the real actions; refused acts leave nothing behind."""
    now = STORY
    request_id = desk.file(impact=impact, now=now).id
    mara, jonas = desk.actor("mara"), desk.actor("jonas")
    steps = STEPS | {"hand over": lambda r, _m, j, at: transfer(r, service_id=_other(desk, r), reason="Theirs.", actor=j, now=at)}
    for name, length in play:
        now += length
        _one(steps[name], request_id, mara, jonas, now)
        request = desk.find(request_id)
        seen = stored(request)
        assert [row[: len(COLUMNS)] for row in seen[1:]] == replayed(request)
        _rebuild(request_id, now)
        assert stored(desk.find(request_id)) == seen
    assert health.stale_clocks() == []
    assert health.without_clock() == health.status_and_open_differ() == []


COLUMNS = ("name", "cycle", "department", "status", "due", "stopped_at", "target", "worked", "paused")


def _other(desk: DeskUser, request: Request) -> int:
    there: dict[str, int] = desk.world.services
    return there["it-question"] if request.service_id != there["it-question"] else there["heating"]


def _one(step: Step, request_id: int, mara: Actor, jonas: Actor, now: datetime) -> None:
    db.session.remove()
    try:
        with unit_of_work():
            step(db.session.get_one(Request, request_id), mara, jonas, now)
    except PortalError:
        db.session.remove()


def _rebuild(request_id: int, now: datetime) -> None:
    db.session.remove()
    with unit_of_work():
        db.session.execute(sa.delete(Clock).where(Clock.request_id == request_id))
        clocks.refresh(db.session.get_one(Request, request_id), now)


def test_the_world_is_sound(desk: DeskUser) -> None:
    """All truths of the doctor hold for every request of the world once the sweep has run."""
    with unit_of_work():
        warn_due(now=STORY)
    assert health.stale_clocks() == health.missing_breaches() == health.without_clock() == health.status_and_open_differ() == []


@pytest.mark.parametrize(
    ("spoil", "truth", "words"),
    [
        (sa.update(Clock).values(worked_seconds=7).where(Clock.name == "first_response"), health.stale_clocks, "differs in worked_seconds"),
        (sa.delete(Clock).where(Clock.name == "resolution"), health.stale_clocks, "differs in all of it"),
        (sa.delete(ClockEvent).where(ClockEvent.kind != "opened"), health.stale_clocks, "is not in the log"),
        (sa.delete(Breach), health.missing_breaches, "was late and nobody noted it"),
        (sa.delete(Clock), health.without_clock, "has no clock"),
        (sa.update(Request).values(is_open=False), health.status_and_open_differ, "against its status"),
    ],
    ids=["a changed row", "a lost row", "a lost event", "a lost breach", "no clock at all", "a wrong flag"],
)
def test_the_doctor_finds_what_is_broken(desk: DeskUser, spoil: Any, truth: Callable[[], list[str]], words: str) -> None:
    """Each truth has its line, with the number of the request."""
    with unit_of_work():
        warn_due(now=STORY)
        db.session.execute(spoil)
    assert any(line.startswith("request ") and words in line for line in truth())


def test_hours_are_kept_for_life(desk: DeskUser) -> None:
    """R18: a new version of the calendar or the promise changes nothing for a running clock."""
    from portal.desk.models import PromiseVersion
    from portal.people import calendars

    before = stored(desk.find("radiator"))
    with unit_of_work():
        hours = {str(day): [["06:00", "07:00"]] for day in range(5)}
        calendars.add_version(desk.world.calendars["facilities"].id, 2, zone="Europe/Berlin", hours=hours, now=STORY)
        old = db.session.scalars(sa.select(PromiseVersion).where(PromiseVersion.service_id == desk.world.services["repair"])).one()
        tight = {priority: row | {"first_response": 60} for priority, row in old.targets.items()}
        db.session.add(PromiseVersion(service_id=old.service_id, version=2, targets=tight, created_at=STORY, created_by=None))
    _rebuild(desk.world.requests["radiator"], STORY)
    assert stored(desk.find("radiator")) == before
    fresh = desk.find(desk.file().id)
    assert fresh.calendar_version_id != desk.find("radiator").calendar_version_id
    assert desk.clocks(fresh.id)["first_response", 0].target_seconds == 60
