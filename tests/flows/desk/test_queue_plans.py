"""Counts of a queue read the index over what is open or asked about, never every request a department ever had."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.queries import queue_around as queue
from portal.desk.queries.queue_conditions import FOLLOW_UP, VIEWS, Times, in_order_of
from portal.kernel.clock import now as right_now
from portal.kernel.db import db, is_sqlite

EVERYTHING = "ix_requests_department_id_id"


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    """Inside the application."""
    with app.app_context():
        yield


@contextmanager
def sent() -> Iterator[list[tuple[str, Any]]]:
    """The statements sent meanwhile, each with its values."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        seen.append((statement, values))

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


def steps(look: Callable[[], Any]) -> list[str]:
    """How SQLite reads the table of requests for the one statement of ``look``; on PostgreSQL its statistics decide, so there is nothing to assert."""
    with sent() as statements:
        look()
    if not is_sqlite():
        pytest.skip("the plan is stable on SQLite only")
    ((statement, values),) = [pair for pair in statements if pair[0].lstrip().upper().startswith(("SELECT", "WITH"))]
    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    return [row[3] for row in plan if "requests" in row[3].split()]


def test_the_menu_reads_what_is_open_and_what_asks(world: Any, context: None) -> None:
    """For a fulfiller and for a lead: the queue's index, then that of the follow-ups."""
    for name in ("jonas", "priya"):
        actor = world.actor(name)
        plan = steps(lambda actor=actor: queue.served(actor))
        assert len(plan) == 2, plan
        assert "ix_requests_queue" in plan[0], plan
        assert "ix_requests_awaiting" in plan[1], plan


def around(world: Any, actor: Any) -> Any:
    """What stands around the queue of facilities."""
    now = right_now()
    return queue.around(actor, world.facilities.id, times=Times(now, now + timedelta(hours=8), now + timedelta(days=4)), today=now.date())


def test_one_walk_through_what_is_open_counts_every_tab(world: Any, context: None) -> None:
    """Follow-ups have an index of their own, and the newest number is one step at the end of one."""
    for name in ("jonas", "priya"):
        actor = world.actor(name)
        look = steps(lambda actor=actor: around(world, actor))
        assert len(look) == 3, look
        assert [step for step in look if EVERYTHING in step and "COVERING" not in step] == []
        assert sum("ix_requests_queue" in step for step in look) == 1, look
        assert sum("ix_requests_awaiting" in step for step in look) == 1, look
        assert all("SEARCH" in step for step in look), look


def test_a_very_long_queue_is_counted_tab_by_tab_with_the_same_result(world: Any, context: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each count then stops at its own cap; the second statement reads the indexes over what is open or asked about."""
    for name in ("jonas", "priya", "kim"):
        actor = world.actor(name)
        once = around(world, actor)
        with monkeypatch.context() as patch:
            patch.setattr(queue, "WALK", 0)
            with sent() as statements:
                assert around(world, actor) == once
            assert len([text for text, _ in statements if text.lstrip().upper().startswith(("SELECT", "WITH"))]) == 2
        if is_sqlite():
            text, values = statements[-1]
            plan = [row[3] for row in db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values) if "requests" in row[3].split()]
            assert len(plan) == len(VIEWS) + 2, plan
            assert not any(EVERYTHING in step for step in plan), plan


def test_news_begin_at_the_number_that_was_seen(world: Any, context: None) -> None:
    """What came before is not looked at again."""
    jonas, facilities = world.actor("jonas"), world.facilities.id
    plan = steps(lambda: queue.news(jonas, facilities, 10))
    assert any("id>?" in step or "rowid>?" in step for step in plan), plan
    assert all("SEARCH" in step for step in plan), plan


def test_the_order_is_that_of_the_index() -> None:
    """A tab of open requests by what is due, follow-ups by when we ask."""
    assert [column.key for column in in_order_of(FOLLOW_UP)] == ["follow_up_at", "id"]
    assert [column.key for column in in_order_of("late")] == ["next_due_at", "id"]
