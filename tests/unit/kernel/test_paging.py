"""Paging by key: every row once, forwards and back, and a cursor from anywhere else is only the first page."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.kernel import paging
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.jobs import Job, State
from portal.kernel.paging import Key
from portal.kernel.unit_of_work import unit_of_work

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
BY_TIME = [Key(Activity.at, "at", descending=True), Key(Activity.id, "id", descending=True)]
BY_NAME = [Key(Activity.event, "event"), Key(Activity.at, "at", descending=True), Key(Activity.id, "id")]
QUERY = sa.select(Activity.id, Activity.at, Activity.event)


def fill(rows: Sequence[tuple[str, int]]) -> None:
    """Rows with a name and a minute; many are alike."""
    blank = {"actor_kind": "system", "subject_kind": "shed", "subject_id": 1, "data": {}, "channel": "portal"}
    with unit_of_work():
        db.session.execute(sa.delete(Activity))
        if rows:
            db.session.execute(sa.insert(Activity), [blank | {"event": name, "at": NOW + timedelta(minutes=minute)} for name, minute in rows])


def page(keys: Sequence[Key], cursor: str | None, limit: int) -> paging.Page[int]:
    return paging.keyset(QUERY, keys, cursor, limit, lambda row: int(row.id))


def everything(keys: Sequence[Key]) -> list[int]:
    order = [key.column.desc() if key.descending else key.column.asc() for key in keys]
    return [row.id for row in db.session.execute(QUERY.order_by(*order))]


ROWS = st.lists(st.tuples(st.sampled_from(["a", "B", "ä", "zz", "ß"]), st.integers(0, 3)), max_size=17)


@pytest.mark.postgres
@pytest.mark.parametrize("keys", [BY_TIME, BY_NAME], ids=["time", "name"])
def test_forwards_and_back_every_row_is_seen_once(context: Flask, keys: list[Key]) -> None:
    """Whatever the rows, the order and the size of a page."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(ROWS, st.integers(1, 6))
    def walk(rows: list[tuple[str, int]], limit: int) -> None:
        fill(rows)
        expected, pages = everything(keys), [page(keys, None, limit)]
        assert pages[0].previous is None
        while pages[-1].next:
            pages.append(page(keys, pages[-1].next, limit))
        assert [number for found in pages for number in found.items] == expected
        assert all(len(found.items) == limit for found in pages[:-1])
        back = [pages[-1]]
        while back[-1].previous:
            back.append(page(keys, back[-1].previous, limit))
        assert [list(found.items) for found in reversed(back)] == [list(found.items) for found in pages]
        assert back[-1].previous is None

    walk()


@pytest.mark.postgres
def test_rows_that_come_and_go_between_two_pages_repeat_nothing(context: Flask) -> None:
    """New requests on top push nothing onto the next page again."""
    fill([("a", minute) for minute in range(10)])
    first = page(BY_TIME, None, 4)
    with unit_of_work():
        db.session.execute(sa.delete(Activity).where(Activity.id == first.items[-1]))
        db.session.add(
            Activity(event="new", at=NOW + timedelta(days=1), actor_kind="system", subject_kind="shed", subject_id=1, data={}, changes=None, channel="portal")
        )
    second = page(BY_TIME, first.next, 4)
    assert not set(first.items) & set(second.items)
    assert list(second.items) == everything(BY_TIME)[4:8]


def test_going_back_before_what_is_left_shows_the_first_page(context: Flask) -> None:
    """No empty page without a way on."""
    fill([("a", minute) for minute in range(10)])
    second = page(BY_TIME, page(BY_TIME, None, 4).next, 4)
    with unit_of_work():
        db.session.execute(sa.delete(Activity).where(Activity.at > NOW + timedelta(minutes=5)))
    found = page(BY_TIME, second.previous, 4)
    assert list(found.items) == everything(BY_TIME)[:4]
    assert found.next is not None


def test_a_page_costs_one_statement(context: Flask, query_count: Any) -> None:
    """The ten thousandth as much as the first."""
    fill([("a", minute) for minute in range(10)])
    with query_count() as statements:
        page(BY_TIME, page(BY_TIME, None, 4).next, 4)
    assert statements.count == 2, statements


def raw(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


BAD = [
    "",
    "nonsense",
    "%00",
    "ä",
    "=" * 20,
    "A" * 501,
    raw(),
    raw(False),
    raw(False, "2026-11-24T09:00:00+00:00"),
    raw(False, "2026-11-24T09:00:00", 1),
    raw(False, "2026-11-24T09:00:00+00:00", 1, 2),
    raw(False, "2026-11-24T09:00:00+00:00", None),
    raw(False, None, 1),
    raw(False, "2026-11-24T09:00:00+00:00", True),
    raw(False, "2026-11-24T09:00:00+00:00", "1"),
    raw(False, "2026-11-24T09:00:00+00:00", 1.5),
    raw(False, "2026-11-24T09:00:00+00:00", 2**80),
    raw(False, "2026-11-24T09:00:00+00:00", 2**31),
    raw(False, "0001-01-01T00:00:00+23:59", 1),
    raw(False, "'; DROP TABLE activity; --", 1),
    raw(False, {"$gt": ""}, 1),
    base64.urlsafe_b64encode(b'{"a": 1}').decode(),
    base64.urlsafe_b64encode(b"[" * 300).decode(),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    base64.urlsafe_b64encode(b"[false, NaN, 1]").decode(),
]


@pytest.mark.postgres
@pytest.mark.parametrize("cursor", BAD)
def test_a_cursor_we_did_not_make_is_the_first_page(context: Flask, cursor: str) -> None:
    """An address somebody shortened, guessed or attacked with never ends in an error."""
    fill([("a", minute) for minute in range(3)])
    assert page(BY_TIME, cursor, 2) == page(BY_TIME, None, 2)


@pytest.mark.postgres
@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_no_database_takes_is_no_cursor(context: Flask, text: str) -> None:
    """PostgreSQL knows neither NUL nor half characters."""
    fill([("a", 0)])
    assert page(BY_NAME, raw(False, text, "2026-11-24T09:00:00+00:00", 1), 2) == page(BY_NAME, None, 2)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_cursor_or_none(content: bytes) -> None:
    """Nothing raises."""
    paging.decode(base64.urlsafe_b64encode(content).decode(), BY_NAME)


def test_every_kind_of_column_comes_back_as_it_went(context: Flask) -> None:
    """Enums by value, days, instants in UTC, numbers and text."""
    keys = [Key(Job.state, "state"), Key(Job.run_at, "run_at"), Key(sa.cast(Job.run_at, sa.Date), "day"), Key(Job.id, "id")]
    values = [State.PARKED, NOW, NOW.date(), 7]
    assert paging.decode(paging.encode(values, back=True), keys) == (True, values)
    assert paging.decode(paging.encode(["no such state", *values[1:]]), keys) is None


@pytest.mark.postgres
def test_counts_stop_at_a_cap(context: Flask) -> None:
    """A badge says 1000+ instead of counting the table."""
    fill([("a", minute) for minute in range(12)])
    assert str(paging.capped(QUERY)) == "12"
    assert str(paging.capped(QUERY, cap=10)) == "10+"
    assert str(paging.Count(1000, capped=True)) == "1,000+"
    assert not paging.capped(QUERY.where(Activity.event == "none"))
