"""Tokens: nothing empty, forged, foreign, old or used ever opens anything, and of many tries at once one succeeds."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import tokens
from portal.kernel.db import db
from portal.kernel.errors import Busy, Refusal
from portal.kernel.unit_of_work import run, unit_of_work

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MARA, JONAS = 7, 8


def invited(now: datetime = NOW) -> str:
    with unit_of_work():
        return tokens.issue("invitation", MARA, lifetime=DAY, now=now, data={"by": JONAS})


def test_a_token_is_long_random_and_stored_only_as_a_digest(context: Flask) -> None:
    """The plain text is 32 random bytes and appears in no row."""
    plain = invited()
    stored = db.session.scalars(sa.select(tokens.Token)).one()
    assert len(plain) == 43
    assert stored.digest == tokens.digest(plain)
    assert plain not in repr(vars(stored))


@pytest.mark.parametrize("nothing", ["", None, "0", "null", "x" * 5000])
def test_nothing_and_nonsense_never_match(nothing: str | None) -> None:
    """FreeScout once accepted an empty invitation hash."""
    plain, digest = tokens.new()
    assert tokens.matches(plain, digest)
    assert not tokens.matches(nothing, digest)
    assert not tokens.matches(nothing, nothing)
    assert not tokens.matches(plain, "")
    assert not tokens.matches(plain, None)


def test_spending_once_works_and_a_second_time_is_refused(context: Flask) -> None:
    """A link in a mail opens once."""
    plain = invited()
    with unit_of_work():
        token = tokens.spend(plain, "invitation", NOW)
    assert (token.owner_id, token.data, token.used_at) == (MARA, {"by": JONAS}, NOW)
    with pytest.raises(Refusal), unit_of_work():
        tokens.spend(plain, "invitation", NOW)


def test_every_refusal_reads_the_same(context: Flask) -> None:
    """Used, expired, for another purpose, unknown, empty or endless: the answer does not tell which."""
    used, plain = invited(), invited()
    with unit_of_work():
        tokens.spend(used, "invitation", NOW)
    tries = [
        (used, "invitation", NOW),
        (plain, "invitation", NOW + DAY),
        (plain, "reset", NOW),
        (tokens.new()[0], "invitation", NOW),
        ("", "invitation", NOW),
        ("é\x00" * 500, "invitation", NOW),
    ]
    answers = []
    for text, purpose, now in tries:
        with pytest.raises(Refusal) as refused, unit_of_work():
            tokens.spend(text, purpose, now)
        answers.append((refused.value.status, refused.value.message))
    assert answers == answers[:1] * len(tries)
    with unit_of_work():
        assert tokens.spend(plain, "invitation", NOW).owner_id == MARA


def test_looking_does_not_use_up(context: Flask) -> None:
    """The page behind an invitation may be loaded twice before it is sent."""
    plain = invited()
    for _ in range(2):
        assert (found := tokens.peek(plain, "invitation", NOW)) is not None
        assert found.owner_id == MARA
    assert tokens.peek(plain, "reset", NOW) is None
    assert tokens.peek(plain, "invitation", NOW + DAY) is None
    assert tokens.peek("", "invitation", NOW) is None


def test_taking_back_ends_only_the_open_ones_of_that_owner_and_purpose(context: Flask) -> None:
    """A new reset link makes the older one useless and leaves the invitation alone."""
    with unit_of_work():
        old = tokens.issue("reset", MARA, lifetime=DAY, now=NOW)
        foreign = tokens.issue("reset", JONAS, lifetime=DAY, now=NOW)
    invitation = invited()
    with unit_of_work():
        assert tokens.revoke(MARA, "reset") == 1
    assert tokens.peek(old, "reset", NOW) is None
    assert tokens.peek(foreign, "reset", NOW) is not None
    assert tokens.peek(invitation, "invitation", NOW) is not None


def test_links_that_ran_out_long_ago_are_forgotten(context: Flask, clock: Any) -> None:
    """Rows go 30 days after their end."""
    invited()
    clock.advance(days=30)
    with unit_of_work():
        tokens.forget()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(tokens.Token)) == 1
    clock.advance(days=2)
    with unit_of_work():
        tokens.forget()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(tokens.Token)) == 0


@pytest.mark.postgres
@pytest.mark.real_clock
def test_of_sixteen_at_once_exactly_one_succeeds(app: Flask) -> None:
    """A reset link clicked in sixteen tabs sets one password."""
    with app.app_context():
        plain = invited()
    start = threading.Barrier(16)
    results: list[str] = []

    def click() -> None:
        with app.app_context():
            start.wait()
            try:
                run(lambda: tokens.spend(plain, "invitation", NOW))
                results.append("spent")
            except Refusal:
                results.append("refused")
            except Busy:
                results.append("busy")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=click) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["refused"] * 15 + ["spent"]


def test_signed_values_come_back_and_only_for_their_purpose(context: Flask) -> None:
    """What was signed for one door opens no other, and not with another key."""
    text = tokens.sign("file", ["a", 1])
    minutes = timedelta(minutes=10)
    assert tokens.unsign("file", text, minutes) == ["a", 1]
    assert tokens.unsign("feed", text, minutes) is None
    assert tokens.unsign("file", text, minutes, secret="another-key-another-key-another-key") is None
    assert tokens.unsign("file", text[:-1] + ("A" if text[-1] != "A" else "B"), minutes) is None
    for nonsense in ("", ".", "..", "x", "\x00", "é.é.é"):
        assert tokens.unsign("file", nonsense, minutes) is None


def test_signed_values_run_out(context: Flask, clock: Any) -> None:
    """Ten minutes are ten minutes."""
    text = tokens.sign("file", "value")
    clock.advance(minutes=10)
    assert tokens.unsign("file", text, timedelta(minutes=10)) == "value"
    clock.advance(seconds=1)
    assert tokens.unsign("file", text, timedelta(minutes=10)) is None
