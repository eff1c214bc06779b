"""A sentence waits in the ledger and is said in the reader's zone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask, g

from portal.kernel.messages import say, say_n
from portal.kernel.policy import Actor
from portal.notifications import sentences
from portal.notifications.queries import Told

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 26, 11, 0, tzinfo=UTC)


def told(message: object) -> Told:
    """The notice that keeps this message."""
    kept = sentences.kept(message)
    return Told(1, "k", ("s", 1), kept["say"], kept["plural"], kept["params"], "", [], "asked", "/", "", is_private=False, is_read=False, created_at=NOW)


def reader(zone: str) -> sentences.Reader:
    """Somebody in this zone, on the morning of the story."""
    return sentences.Reader(zone, "en", NOW)


def test_the_same_instant_is_another_hour_elsewhere(app: Flask) -> None:
    """Berlin reads noon, New York reads six in the morning."""
    notice = told(say("Jonas comes %(due)s.", due=NOON))
    with app.test_request_context("/"):
        assert sentences.as_text(notice, reader("Europe/Berlin")) == "Jonas comes Thu 12:00."
        assert sentences.as_text(notice, reader("America/New_York")) == "Jonas comes Thu 6:00."


def test_every_kind_of_part_survives_the_ledger(app: Flask) -> None:
    """Days, lengths, numbers, nothing, and a sentence inside a sentence."""
    inner = say("by %(day)s", day=date(2026, 11, 26))
    notice = told(say("%(what)s %(inner)s, %(long)s, %(n)s%(none)s", what="Fixed", inner=inner, long=timedelta(hours=2, minutes=48), n=3, none=None))
    with app.test_request_context("/"):
        assert sentences.as_text(notice, reader("Europe/Berlin")) == "Fixed by Thu 26 Nov, 2 h 48, 3"


def test_one_and_many(app: Flask) -> None:
    """The plural is chosen when it is read."""
    with app.test_request_context("/"):
        one, two = told(say_n("%(num)s answer", "%(num)s answers", 1)), told(say_n("%(num)s answer", "%(num)s answers", 2))
        assert sentences.as_text(one, reader("UTC")) == "1 answer"
        assert sentences.as_text(two, reader("UTC")) == "2 answers"


def test_a_page_escapes_what_people_typed_and_shows_the_exact_instant(app: Flask) -> None:
    """A name with markup stays text; the instant stands on hover."""
    notice = told(say("%(name)s comes %(due)s.", name="<b>Mara</b> 100 %", due=NOON))
    with app.test_request_context("/"):
        g.actor = Actor(person_id=1, kind="person", zone="Europe/Berlin")
        shown = str(sentences.as_html(notice))
    assert "&lt;b&gt;Mara&lt;/b&gt; 100 % comes <time" in shown
    assert 'datetime="2026-11-26T11:00:00+00:00"' in shown
    assert "Thu 12:00</time>." in shown


def test_what_no_reader_could_be_shown_is_refused_at_once() -> None:
    """A list or an instant without a zone fails at the sender."""
    with pytest.raises(TypeError):
        sentences.kept([1])
    with pytest.raises(ValueError, match="zone"):
        sentences.kept(datetime(2026, 11, 24))  # noqa: DTZ001  the missing zone is the point
