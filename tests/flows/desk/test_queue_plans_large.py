"""A hundred thousand requests, of which three thousand are open: every order of a queue reads an index over the open ones, on both databases."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.models import Request
from portal.desk.queries import queue, queue_around
from portal.desk.queries.queue_conditions import SORTS, VIEWS, Times, Wanted, matching
from portal.kernel.db import db, is_sqlite
from tests.flows.desk.test_queue_plans import sent
from tests.support.story import STORY

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
NUMBER, OPEN_FROM = 100_000, 97_000
PAGES = [(view, sort) for view in VIEWS for sort in SORTS if view != "follow-up" or sort == "next"]


@pytest.fixture
def crowd(world: Any, app: Flask) -> Iterator[None]:
    """Copies of one request in the queue of Facilities: the newest three thousand are open, a tenth of them rests, some have no due instant."""
    own = {"id", "is_open", "status", "next_due_at", "updated_at", "snoozed_until", "assignee_id", "awaits_answer", "follow_up_at"}
    rest = ", ".join(column.name for column in Request.__table__.columns if column.name not in own)
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(sa.text(_quiet()))
        connection.execute(sa.text(_fill(rest)), {"n": NUMBER, "o": OPEN_FROM, "source": world.requests["radiator"], "jonas": world.jonas.id})
    with app.app_context():
        with db.engine.begin() as connection:
            connection.execute(sa.text("ANALYZE requests"))
        yield


def _quiet() -> str:
    """Search takes no notice of a bulk load."""
    if not is_sqlite():
        return "SET LOCAL session_replication_role = replica"
    names = db.session.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'requests'")).all()
    db.session.remove()
    with db.engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    return "SELECT 1"


def _fill(rest: str) -> str:
    day = (
        "datetime('2026-11-01', '+' || (x * 7 % 50000) || ' minutes') || '.000000'"
        if is_sqlite()
        else "timestamptz '2026-11-01' + (x * 7 % 50000) * interval '1 minute'"
    )
    yes, no = ("1", "0") if is_sqlite() else ("true", "false")
    return (
        "WITH RECURSIVE s(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM s WHERE x < :n) "
        f"INSERT INTO requests (id, is_open, status, next_due_at, updated_at, snoozed_until, assignee_id, awaits_answer, follow_up_at, {rest}) "
        f"SELECT 1000 + x, CASE WHEN x > :o THEN {yes} ELSE {no} END, CASE WHEN x > :o THEN 'working' ELSE 'closed' END, "
        f"CASE WHEN x > :o AND x % 9 > 0 THEN {day} END, {day}, CASE WHEN x > :o AND x % 10 = 0 THEN {day} END, "
        f"CASE WHEN x % 3 = 0 THEN CAST(:jonas AS integer) END, {no}, NULL, {rest} FROM s, requests WHERE requests.id = :source"
    )


def explained(statement: str, values: Any) -> str:
    """How the database goes about a statement, as text; on PostgreSQL with what it did."""
    connection = db.session.connection()
    if is_sqlite():
        return "\n".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
    found = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar()
    return json.dumps(found)


def walks_all(plan: str) -> bool:
    """Whether it reads the whole table of requests; an index that SQLite walks in its order is named as such."""
    if is_sqlite():
        return any(line.startswith("SCAN requests") for line in plan.splitlines())
    return '"Node Type": "Seq Scan"' in plan and '"Relation Name": "requests"' in plan.split('"Node Type": "Seq Scan"')[1][:400]


def blocks(plan: str) -> int:
    """Pages of the database that were looked at."""
    top = json.loads(plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


def test_every_order_reads_what_is_open(world: Any, crowd: None) -> None:
    """A page of each tab in each order, and the count of it: no walk over the whole table, and none over all a department ever had."""
    jonas, times = world.actor("jonas"), Times.of(STORY, "Europe/Berlin")
    for view, sort in PAGES:
        wanted = Wanted(view=view, sort=sort)
        with sent() as statements:
            queue.rows(jonas, world.facilities.id, wanted, times=times)
        ((statement, values),) = [pair for pair in statements if pair[0].lstrip().upper().startswith(("SELECT", "WITH"))]
        plan = explained(statement, values)
        assert "ix_requests_department_id_id" not in plan, (view, sort, plan)
        assert not walks_all(plan), (view, sort, plan)
        assert is_sqlite() or blocks(plan) < 500, (view, sort, blocks(plan))


def test_the_counts_and_the_sweep_are_as_cheap(world: Any, crowd: None) -> None:
    """What matches is counted over what is open, and what wakes up is found in an index of its own."""
    jonas, times = world.actor("jonas"), Times.of(STORY, "Europe/Berlin")
    wanted = Wanted(due="week", older_days=1, snoozed=False, sort="quiet")
    with sent() as statements:
        matched = matching(wanted, jonas, world.facilities.id, times)
        around = queue_around.around(jonas, world.facilities.id, times=times, today=STORY.date(), wanted=wanted, matched=matched)
    plans = [explained(*pair) for pair in statements if pair[0].lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(plans) == 2, "a very long queue is counted tab by tab after the walk"
    assert not any(walks_all(plan) for plan in plans), plans
    assert around.counts["snoozed"].number == NUMBER // 10 - OPEN_FROM // 10
    assert str(around.counts["next"]) == "1,000+"
    due = sa.select(Request.id, Request.snoozed_until).where(Request.snoozed_until <= STORY - timedelta(days=20)).order_by(Request.snoozed_until, Request.id)
    with sent() as statements:
        db.session.execute(due.limit(200)).all()
    assert "ix_requests_wake" in explained(*statements[0])
