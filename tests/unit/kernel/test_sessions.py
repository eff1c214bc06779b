"""Sessions: rows that can be ended, cookies that open nothing once they are."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, session

from portal.kernel import sessions
from portal.kernel.db import db
from portal.kernel.sessions import ABSOLUTE, ABSOLUTE_STRICT, FRESH, IDLE, IDLE_STRICT, PortalSession
from portal.kernel.unit_of_work import unit_of_work

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MARA, ADA = 7, 8


@pytest.fixture(autouse=True)
def _in_a_request(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield
        db.session.remove()


def start(person: int = MARA, *, at: datetime = NOW, strict: bool = False) -> str:
    with unit_of_work():
        return sessions.start(person, now=at, device="Firefox on Linux", address="127.0.0.1", strict=strict)


def end(*sessions_of: int, now: datetime = NOW) -> list[bool]:
    with unit_of_work():
        return [sessions.end(MARA, number, now) for number in sessions_of]


def number_of(token: str) -> int:
    found = sessions.find(token, NOW)
    assert found is not None
    return found.id


@pytest.mark.postgres
def test_a_token_finds_its_person_and_only_the_digest_is_kept() -> None:
    """Whoever reads the database cannot come in."""
    token = start()
    found = sessions.find(token, NOW)
    assert found is not None
    assert found.person_id == MARA
    row = db.session.scalars(sa.select(PortalSession)).one()
    assert token not in str([getattr(row, column.name) for column in row.__table__.columns])
    assert len(token) == 43


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 100_000, "\x00", "é" * 43, "None", "0"])
@pytest.mark.postgres
def test_what_is_no_token_finds_nobody(token: str) -> None:
    """However long or strange."""
    start()
    assert sessions.find(token, NOW) is None


def test_coming_in_forgets_whatever_the_page_session_held() -> None:
    """A prepared cookie is worth nothing after the door: everything in it is new."""
    session["csrf_token"], session["_user_id"] = "planted", "planted"
    start()
    assert dict(session) == {}


def test_every_coming_in_is_another_session() -> None:
    """Two devices, two rows, two tokens."""
    assert start() != start()
    assert len(sessions.live(MARA, NOW)) == 2


@pytest.mark.parametrize(("strict", "idle", "whole"), [(False, IDLE, ABSOLUTE), (True, IDLE_STRICT, ABSOLUTE_STRICT)])
def test_a_session_ends_by_itself(strict: bool, idle: timedelta, whole: timedelta) -> None:
    """When nobody used it for a while, and after its whole time however much it was used."""
    token = start(strict=strict)
    assert sessions.find(token, NOW + idle) is not None
    assert sessions.find(token, NOW + idle + timedelta(seconds=1)) is None
    with unit_of_work():
        db.session.execute(sa.update(PortalSession).values(seen_at=NOW + whole - timedelta(minutes=1)))
    assert sessions.find(token, NOW + whole - timedelta(seconds=1)) is not None
    assert sessions.find(token, NOW + whole) is None
    assert sessions.live(MARA, NOW + whole) == []


@pytest.mark.postgres
def test_an_ended_session_stays_ended() -> None:
    """The same cookie sent again opens nothing; ending it twice changes nothing."""
    token = start()
    number = number_of(token)
    assert end(number, number) == [True, False]
    assert sessions.find(token, NOW) is None
    assert sessions.live(MARA, NOW) == []


def test_nobody_ends_somebody_elses_session() -> None:
    """The number in the form belongs to the person who is signed in."""
    token = start(ADA)
    assert end(number_of(token)) == [False]
    assert sessions.find(token, NOW) is not None


@pytest.mark.postgres
def test_sign_out_everywhere_may_keep_the_one_in_use() -> None:
    """And touches nobody else."""
    tokens = [start() for _ in range(5)]
    other = start(ADA)
    with unit_of_work():
        assert sessions.end_all(MARA, NOW, but=number_of(tokens[0])) == 4
    assert [sessions.find(token, NOW) is not None for token in (*tokens, other)] == [True, False, False, False, False, True]
    with unit_of_work():
        assert sessions.end_all(MARA, NOW) == 1


def test_proof_of_who_one_is_gets_old() -> None:
    """Dangerous things ask again after a quarter of an hour."""
    found = sessions.find(start(), NOW)
    assert found is not None
    assert found.is_fresh(NOW + FRESH)
    assert not found.is_fresh(NOW + FRESH + timedelta(seconds=1))


def test_long_names_of_devices_fit(app: Flask) -> None:
    """A browser may call itself anything."""
    with unit_of_work():
        sessions.start(MARA, now=NOW, device="x" * 1000, address="y" * 1000)
    row = db.session.scalars(sa.select(PortalSession)).one()
    assert (len(row.device), len(row.address)) == (120, 60)


def test_old_sessions_are_forgotten(clock: Any) -> None:
    """Ninety days after their time."""
    start()
    for days, left in ((119, 1), (2, 0)):
        clock.advance(days=days)
        with unit_of_work():
            sessions.forget()
        assert db.session.scalar(sa.select(sa.func.count()).select_from(PortalSession)) == left
