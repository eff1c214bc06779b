"""Sixteen at once: who answers first stops the others, drafts of one person end in one row, and nobody writes twice."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.conversation import Reply, add_note, reply
from portal.desk.actions.drafts import drop_draft, save_draft
from portal.desk.actions.presence import write_here
from portal.desk.models import Draft, Mention, Message, Presence, Request
from portal.kernel.db import db
from portal.kernel.jobs import Job
from tests.flows.desk.test_actions_races import WAYS, race
from tests.support.desk import DeskUser
from tests.support.story import STORY

pytestmark = pytest.mark.postgres


def loaded(desk: DeskUser, key: str) -> Request:
    """The request as a route would have loaded it in this unit of work."""
    return db.session.get_one(Request, desk.world.requests[key])


def test_one_person_answers_and_the_others_read_it_first(app: Flask, desk: DeskUser) -> None:
    """All had the same page open. One is first; whoever else sends is stopped, and no two people have answered."""
    actors = [desk.actor(key) for key in ("jonas", "kim", "ola", "priya")]
    seen = db.session.scalar(sa.select(sa.func.max(Message.id)).where(Message.request_id == desk.world.requests["radiator"])) or 0
    said = Reply("I bring a heater.", "I change the valve", STORY + timedelta(days=2), seen_message_id=seen)

    def send(place: int) -> str:
        reply(loaded(desk, "radiator"), said, actor=actors[place % 4], now=STORY)
        return "sent"

    outcomes = race(app, send)
    authors = set(db.session.scalars(sa.select(Message.author_id).where(Message.request_id == desk.world.requests["radiator"], Message.id > seen)))
    assert outcomes == {"sent": 4, "Conflict": 12}
    assert len(authors) == 1


def test_sixteen_windows_keep_one_draft(app: Flask, desk: DeskUser) -> None:
    """Whatever the order: one row that was kept sixteen times, with the words of a window beside those of the last."""
    jonas, form = desk.actor("jonas"), f"work.{desk.world.requests['radiator']}"

    def keep(place: int) -> str:
        return str(save_draft(form, {"body": [f"Window {place}"]}, base=0, actor=jonas, now=STORY).revision > 0)

    assert race(app, keep) == {"True": WAYS}
    row = db.session.scalars(sa.select(Draft).where(Draft.form == form)).one()
    assert row.revision == WAYS
    assert row.other is not None
    assert row.other["body"] != row.fields["body"]


def test_keeping_and_forgetting_at_once_is_no_error(app: Flask, desk: DeskUser) -> None:
    """Half keep, half forget: at most one row is left."""
    jonas, form = desk.actor("jonas"), f"note.{desk.world.requests['radiator']}"

    def work(place: int) -> str:
        if place % 2:
            drop_draft(form, actor=jonas)
        else:
            save_draft(form, {"note": [f"Window {place}"]}, base=place, actor=jonas, now=STORY)
        return "done"

    assert race(app, work) == {"done": WAYS}
    assert (db.session.scalar(sa.select(sa.func.count()).select_from(Draft)) or 0) <= 1


def test_sixteen_keys_at_once_are_one_row_each(app: Flask, desk: DeskUser) -> None:
    """Four people, four windows each."""
    actors = [desk.actor(key) for key in ("jonas", "kim", "ola", "priya")]

    def say(place: int) -> str:
        write_here(loaded(desk, "radiator"), note=bool(place % 8 > 3), actor=actors[place % 4], now=STORY)
        return "said"

    assert race(app, say) == {"said": WAYS}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Presence)) == 4


def test_a_colleague_named_in_sixteen_notes_is_told_of_each(app: Flask, desk: DeskUser) -> None:
    """Notes are never lost, and each has its own notice to make."""
    jonas = desk.actor("jonas")

    def note(place: int) -> str:
        add_note(loaded(desk, "radiator"), body=f"@Kim Moreau, {place}", names=True, actor=jonas, now=STORY)
        return "kept"

    assert race(app, note) == {"kept": WAYS}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Mention)) == WAYS
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.name == "desk.tell_named")) == WAYS
