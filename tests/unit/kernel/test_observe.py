"""What is noted on reading: seldom enough to cost nothing, always where it matters, never in the way of the page."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import observe
from portal.kernel.db import db
from portal.kernel.errors import Busy, DiskFull
from portal.kernel.observe import Observation
from portal.kernel.unit_of_work import unit_of_work

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "_lately", {})


def note(*, person: int = 7, subject: int = 3, at: datetime = NOW, every: int = 300) -> None:
    observe.note("desk.read", person_id=person, subject=("desk.request", subject), at=at, every=every)


def kept() -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(Observation)) or 0


@pytest.mark.postgres
def test_the_same_reading_is_noted_every_five_minutes(context: Flask) -> None:
    """Another reader or another thing is another reading."""
    note()
    note(at=NOW + timedelta(seconds=299))
    assert kept() == 1
    note(person=8)
    note(subject=4)
    note(at=NOW + timedelta(seconds=300))
    assert kept() == 4


def test_reading_what_is_confidential_is_noted_every_time(context: Flask) -> None:
    """Each look is a row."""
    for _ in range(3):
        note(every=0)
    assert kept() == 3


@contextmanager
def _away(error: Exception) -> Iterator[Any]:
    raise error
    yield


@pytest.mark.parametrize("error", [Busy(), DiskFull()])
def test_a_page_is_shown_although_nothing_can_be_noted(context: Flask, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Reading goes on with a full disk; the next reading is noted again."""
    with monkeypatch.context() as trouble:
        trouble.setattr(observe, "side_transaction", lambda: _away(error))
        note()
        observe.beside(("session", 1), lambda session: None, at=NOW)
    note()
    assert kept() == 1


def test_what_is_confidential_is_not_shown_when_it_cannot_be_noted(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """First the note, then the answer."""
    monkeypatch.setattr(observe, "side_transaction", lambda: _away(DiskFull()))
    with pytest.raises(DiskFull):
        note(every=0)


def test_memory_of_what_was_noted_is_bounded(context: Flask) -> None:
    """It is only there to save writes."""
    for number in range(20_100):
        observe.due(("x", number), NOW, 300)
    assert len(observe._lately) <= 20_001


@pytest.mark.postgres
def test_while_something_is_changed_the_note_belongs_to_the_change(context: Flask) -> None:
    """On SQLite two writers would wait for each other; and a change that is rolled back was no reading either."""

    def change(error: Exception | None) -> None:
        with unit_of_work():
            note(every=0)
            note(person=8 if error else 9)
            if error:
                raise error

    with pytest.raises(LookupError):
        change(LookupError())
    assert kept() == 0
    change(None)
    assert kept() == 2
