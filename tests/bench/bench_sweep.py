"""What the sweep for clocks that ran out costs beside millions of clocks: when nothing is due, and when 500 are (SQLite).

Run by hand: ``make bench``, or ``python -m tests.bench.bench_sweep [--requests N]``. It makes the living demo company, copies a closed request
with its clocks as often as wanted and an open one, with its log, 500 times, and asks the sweep as its job does. Prints lines of JSON:
milliseconds, beside finding the same rows with plain SQL and marking them in one statement.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

DUE, FIRST, ROUNDS = 500, 1_000_000, 200
PART = 100_000
NUMBERS = "WITH RECURSIVE n (i) AS (SELECT :low UNION ALL SELECT i + 1 FROM n WHERE i < :high)"
FIND = "SELECT id, next_alert_at FROM requests WHERE is_open = 1 AND next_alert_at < ? ORDER BY next_alert_at, id LIMIT 500"
MARK = f"UPDATE requests SET next_alert_at = NULL WHERE id IN (SELECT id FROM ({FIND}))"


def say(**facts: Any) -> None:
    """One line of JSON."""
    print(json.dumps(facts), flush=True)


def copied(table: Any, source: int, low: int, high: int, **changed: str) -> None:
    """Rows of a request under other numbers; ``changed`` are SQL expressions."""
    from portal.kernel.db import db

    key = "id" if table.__tablename__ == "requests" else "request_id"
    names = [column.name for column in table.__table__.columns if column.name not in (key, "id")]
    values = ", ".join(changed.get(name, f"o.{name}") for name in names)
    query = (
        f"{NUMBERS} INSERT INTO {table.__tablename__} ({key}, {', '.join(names)}) SELECT n.i, {values} FROM n, {table.__tablename__} o WHERE o.{key} = :source"
    )
    db.session.execute(sa.text(query), {"low": low, "high": high, "source": source})


def fill(number: int) -> None:
    """Closed requests with their clocks, a hundredth of them open and due in a month."""
    from portal.desk.models import Clock, Request, Status
    from portal.kernel.db import db
    from portal.kernel.unit_of_work import unit_of_work

    closed = db.session.scalar(sa.select(Request.id).where(Request.status == Status.CLOSED, Request.id > 3500).limit(1)) or 0
    for low in range(FIRST, FIRST + number, PART):
        high = min(low + PART, FIRST + number) - 1
        with unit_of_work():
            open_now = "n.i % 100 = 0"
            far = f"CASE WHEN {open_now} THEN datetime('now', '+30 days') || '.000000' END"
            copied(Request, closed, low, high, is_open=f"({open_now})", status=f"CASE WHEN {open_now} THEN 'working' ELSE 'closed' END", next_alert_at=far)
            copied(Clock, closed, low, high)


def make_due(now: Any) -> int:
    """An open request with its log, copied until 500 are due; gives the number of the copied one."""
    from portal.desk.models import Clock, ClockEvent, Request
    from portal.kernel.db import db
    from portal.kernel.unit_of_work import unit_of_work

    source = (
        db.session.scalar(sa.select(Request.id).where(Request.is_open == sa.true(), Request.next_alert_at > now).order_by(Request.next_alert_at).limit(1)) or 0
    )
    with unit_of_work():
        for table in (Request, ClockEvent, Clock):
            copied(table, source, FIRST - DUE, FIRST - 1)
    return source


def timed(work: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Milliseconds on the wall (median) and of the processor (mean)."""
    work()
    seen, begun = [], time.process_time()
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        seen.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(seen), 3), round((time.process_time() - begun) / rounds * 1000, 3)


def measure() -> None:
    """Nothing due, then 500."""
    from portal.desk.actions.sweeping import warn_due
    from portal.desk.models import Breach, Request
    from portal.kernel import clock
    from portal.kernel.db import db
    from portal.kernel.unit_of_work import run

    while run(lambda: warn_due(now=clock.now())):
        pass  # what the demo left
    now = clock.now()
    raw: Any = db.session.connection().connection.driver_connection
    stamp = f"{now:%Y-%m-%d %H:%M:%S.%f}"
    wall, cpu = timed(lambda: raw.execute(FIND, (stamp,)).fetchall(), ROUNDS)
    say(what="nothing due, plain SQL", ms=wall, cpu_ms=cpu)
    db.session.rollback()
    wall, cpu = timed(lambda: run(lambda: warn_due(now=now)), ROUNDS)
    say(what="nothing due, sweep", ms=wall, cpu_ms=cpu, goal=1)
    source = make_due(now)
    late = (db.session.get_one(Request, source).next_alert_at or now) + timedelta(seconds=1)
    raw = db.session.connection().connection.driver_connection
    start = time.perf_counter()
    raw.execute("SAVEPOINT plain")
    raw.execute(MARK, (f"{late:%Y-%m-%d %H:%M:%S.%f}",))
    say(what=f"{DUE} due, found and marked with plain SQL", ms=round((time.perf_counter() - start) * 1000, 1))
    db.session.rollback()
    before, used, start, done = db.session.scalar(sa.select(sa.func.count()).select_from(Breach)) or 0, time.process_time(), time.perf_counter(), 0
    while found := run(lambda: warn_due(now=late)):
        done += found
    wall, cpu = time.perf_counter() - start, time.process_time() - used
    noted = (db.session.scalar(sa.select(sa.func.count()).select_from(Breach)) or 0) - before
    say(what=f"{done} due, sweep", ms=round(wall * 1000), cpu_ms=round(cpu * 1000), cpu_ms_each=round(cpu * 1000 / max(done, 1), 2), noted_late=noted, goal=100)


def main() -> None:
    """Build, measure, remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=None)
    wanted = parser.parse_args()
    say(machine=platform.machine(), cores=os.cpu_count(), python=platform.python_version(), load=round(os.getloadavg()[0], 1))
    folder = Path(tempfile.mkdtemp(prefix="hearth-sweep-", dir=wanted.folder))
    try:
        run_in(folder, wanted.requests)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_in(folder: Path, number: int) -> None:
    """Make the company, fill it, measure."""
    from portal.app import create_app
    from portal.kernel.settings import load
    from tests.bench.bench_search import without_triggers

    subprocess.run([sys.executable, "-m", "portal", "--instance", str(folder), "demo", "--no-serve"], stdout=subprocess.DEVNULL, check=True)
    app = create_app(load({}, instance=folder, worker=False, log_level="ERROR"))
    with app.app_context():
        begun = time.monotonic()
        with without_triggers():
            fill(number)
            say(part="made", requests=number, seconds=round(time.monotonic() - begun), megabytes=round((folder / "portal.db").stat().st_size / 1e6))
            measure()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.chdir(Path(__file__).resolve().parents[2])
    main()
