"""What figures cost, as ratios to reading their cells with raw SQL in the same run, at 100,000 requests and, with ``--large``, at a million.

Run by hand: ``make bench``. One JSON line each: CPU milliseconds of the whole process (median), and the ratio to the floor.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DEPARTMENTS, SERVICES, YEARS = 20, 10, 3
ROUNDS = 30
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :requests)"
AGE = "(:days * 86400.0 * (:requests - i) / :requests)"
"""Seconds since a request came in: evenly over the years, the newest now."""
CAME = f"datetime(:now, '-' || CAST({AGE} AS INTEGER) || ' seconds')"
STILL_OPEN = f"((i / {DEPARTMENTS}) % 100 = 0)"


def cpu(work: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Median of CPU milliseconds."""
    work()
    seen = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        seen.append((time.process_time() - start) * 1000)
    return statistics.median(seen)


def tell(requests: int, what: str, ms: float, floor: float) -> None:
    """One line."""
    print(json.dumps({"requests": requests, "what": what, "cpu_ms": round(ms, 2), "floor_ms": round(floor, 3), "ratio": round(ms / floor, 1)}), flush=True)


def fill(requests: int) -> None:
    """Departments with services and one person each, and requests with their clocks and events, three quarters of them on time."""
    from portal.desk.figures import bucket
    from portal.kernel.db import db
    from portal.people import calendars

    connection = db.session.connection()
    version = calendars.default_version_id()
    values = {"requests": requests, "now": NOW.strftime("%Y-%m-%d %H:%M:%S"), "days": YEARS * 365, "version": version}
    indexes = list(
        connection.execute(
            sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('requests', 'clocks', 'clock_events')")
        )
    )
    triggers = list(connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")))
    for name, _ in triggers:
        connection.execute(sa.text(f"DROP TRIGGER {name}"))
    for name, _ in indexes:
        connection.execute(sa.text(f"DROP INDEX {name}"))
    seconds = [60 * (1 + step) ** 2 for step in range(64)]
    connection.execute(sa.text("CREATE TEMP TABLE lengths (k INTEGER PRIMARY KEY, s INTEGER, b INTEGER, e INTEGER)"))
    connection.execute(
        sa.text("INSERT INTO lengths VALUES (:k, :s, :b, :e)"), [{"k": k, "s": s, "b": bucket(s), "e": bucket(3 * s)} for k, s in enumerate(seconds)]
    )
    for statement in _statements():
        connection.execute(sa.text(statement), values)
    for _, sql in indexes:
        connection.execute(sa.text(sql))
    connection.execute(sa.text("ANALYZE"))


def _statements() -> list[str]:
    own, service = f"1 + i % {DEPARTMENTS}", f"1 + i % {DEPARTMENTS} + {DEPARTMENTS} * ((i / 7) % {SERVICES})"
    priority = "CASE WHEN i % 10 = 3 THEN 'urgent' WHEN i % 3 = 0 THEN 'low' ELSE 'normal' END"
    place = f"{own}, {service}, {priority}, i % 4 = 1"
    request = f"""INSERT INTO requests (id, title, requester_id, filed_by_id, from_department_id, department_id, service_id, status, priority, customer_notices,
        customer_impact, call_me, call_number, place, answers, is_confidential, is_open, waits_for, next_step, calendar_version_id, promise_version_id, next_due_at,
        message_count, created_at, updated_at, received_at, awaits_answer, reopen_count, channel, version)
        {NUMBERS} SELECT i, 'Request ' || i, 1, 1, 1 + (i / 3) % {DEPARTMENTS}, {own}, {service}, CASE WHEN {STILL_OPEN} THEN 'working' ELSE 'closed' END, {priority},
        i % 4 = 1, '', 0, '', '', '{{}}', 0, {STILL_OPEN}, '', '', :version, 1, CASE WHEN {STILL_OPEN} THEN datetime({CAME}, '+40 hours') END, 1, {CAME}, {CAME}, {CAME},
        0, 0, 'web', 1 FROM n"""
    clock = f"""INSERT INTO clocks (request_id, department_id, name, cycle, status, due, stopped_at, worked_seconds, paused_seconds, service_id, priority,
        customer_notices, due_day, stop_day, time_bucket, elapsed_bucket)
        {NUMBERS} SELECT i, {own}, '{{name}}', 0, CASE WHEN i % 4 = 2 THEN 'missed' ELSE 'met' END, datetime({CAME}, '+{{hours}} hours'),
        datetime({CAME}, '+' || (3 * s) || ' seconds'), s, s / 4, {service}, {priority}, i % 4 = 1, date({CAME}, '+{{hours}} hours'),
        date({CAME}, '+' || (3 * s) || ' seconds'), b, e FROM n JOIN lengths ON k = (i * 31 + {{salt}}) % 64 WHERE NOT {STILL_OPEN}"""
    running = f"""INSERT INTO clocks (request_id, department_id, name, cycle, status, due, worked_seconds, paused_seconds)
        {NUMBERS} SELECT i, {own}, 'resolution', 0, 'running', datetime({CAME}, '+40 hours'), 0, 0 FROM n WHERE {STILL_OPEN}"""
    event = f"""INSERT INTO clock_events (request_id, at, kind, by, data, department_id, service_id, priority, customer_notices, asked_from, is_open_ended, day)
        {NUMBERS} SELECT i, {CAME}, '{{kind}}', 'requester', '{{{{}}}}', {place}, 1 + (i / 3) % {DEPARTMENTS}, 0, date({CAME}) FROM n WHERE {{which}}"""
    return [
        request,
        clock.format(name="first_response", hours=4, salt=0),
        clock.format(name="resolution", hours=40, salt=17),
        running,
        event.format(kind="opened", which="1"),
        event.format(kind="resolved", which=f"NOT {STILL_OPEN}"),
    ]


def people() -> tuple[int, int]:
    """Departments, services, a lead of the first department and an administrator; the numbers of both."""
    from portal.desk.models import PromiseVersion, Service
    from portal.kernel.db import db
    from portal.people.models import Department, Person, Role, RoleGrant

    lead, admin = (Person(staff_number=f"B-{n}", name=f"Bea Bench {n}", sort_name=f"bench {n}", created_at=NOW, updated_at=NOW) for n in (1, 2))
    db.session.add_all([lead, admin])
    db.session.flush()
    db.session.add(RoleGrant(person_id=admin.id, role=Role.ADMINISTRATOR, granted_by=admin.id, granted_at=NOW))
    for number in range(1, DEPARTMENTS + 1):
        db.session.add(Department(id=number, key=f"d{number}", name=f"Department {number:02}", lead_id=lead.id if number == 1 else None))
    db.session.flush()
    for number in range(1, DEPARTMENTS * SERVICES + 1):
        own = 1 + (number - 1) % DEPARTMENTS
        db.session.add(Service(id=number, department_id=own, key=f"s{number}", name=f"Service {number}", question="What is it?", fields=[]))
    db.session.flush()
    db.session.add(PromiseVersion(id=1, service_id=1, version=1, targets={}, created_at=NOW))
    db.session.flush()
    return lead.id, admin.id


def measure(app: Any, requests: int, lead: int, admin: int) -> None:
    """Sums, pages, the start page's line, and the list behind a number."""
    import time_machine

    from portal.desk.figure_periods import before, last_weeks
    from portal.desk.queries import figures
    from portal.kernel.db import db
    from tests.support.signing_in import signed_in

    raw = sa.text("SELECT counts FROM figure_cells WHERE department_id = 1 AND grain = 'week' AND start > '2025-11-24'")
    with app.app_context():
        floor = cpu(lambda: [json.loads(row[0]) for row in db.session.execute(raw)], 60)
        tell(requests, "floor: a year of one department, its packed weeks", floor, floor)
        for weeks in (4, 12, 52):
            span = last_weeks(weeks, NOW.date())
            tell(requests, f"sums, {weeks} weeks", cpu(lambda s=span: figures.of_department(1, s, before(s), "UTC", NOW)), floor)  # type: ignore[misc]  # the span of this turn
        db.session.remove()
    with time_machine.travel(NOW, tick=False):
        visitors = {lead: signed_in(app, lead), admin: signed_in(app, admin)}
        for what, who, path in (
            ("page, 4 weeks", lead, "/queue/d1/figures"),
            ("page, 12 weeks", lead, "/queue/d1/figures?weeks=12"),
            ("page, a year", lead, "/queue/d1/figures?weeks=52"),
            ("all departments, a year", admin, "/figures?weeks=52"),
            ("rows, first page of a year", lead, "/queue/d1/figures/rows?measure=opened&weeks=52"),
            ("rows, late of a year", lead, "/queue/d1/figures/rows?measure=resolution_late&weeks=52"),
            ("the queue, for comparison", lead, "/queue/d1"),
            ("start page of the lead", lead, "/"),
        ):
            visitor = visitors[who]
            answer = visitor.client.get(path, base_url=visitor.base)
            assert answer.status_code == 200, (path, answer.status_code)
            tell(requests, what, cpu(lambda v=visitor, p=path: v.client.get(p, base_url=v.base)), floor)  # type: ignore[misc]  # those of this turn


def run(requests: int) -> None:
    """One size, in a database of its own."""
    from portal.app import create_app
    from portal.desk import figure_packing as packing
    from portal.desk.figure_rebuilding import steps
    from portal.kernel.settings import load
    from portal.kernel.unit_of_work import unit_of_work
    from portal.people import calendars
    from tests.support.migrating import upgrade

    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder:
        app = create_app(load({}, instance=Path(folder), worker=False, log_level="ERROR"))
        with app.app_context():
            upgrade()
            with unit_of_work():
                calendars.ensure_defaults(NOW)
                lead, admin = people()
                start = time.monotonic()
                fill(requests)
            built, start = time.monotonic() - start, time.process_time()
            months = sum(1 for _ in steps(NOW))
            anew = time.process_time() - start
            with unit_of_work():
                assert not packing.unpacked(NOW)
        print(json.dumps({"requests": requests, "what": "built", "s": round(built, 1), "count anew, cpu s": round(anew, 1), "months": months}), flush=True)
        measure(app, requests, lead, admin)


def main() -> None:
    """Print the figures and the machine they were taken on."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for requests in (100_000, 1_000_000) if "--large" in sys.argv else (100_000,):
        run(requests)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.chdir(Path(__file__).resolve().parents[2])
    main()
