"""How fast lists of 100,000 rows go out as files, and how much memory the server takes for it.

Run by hand: ``python -m tests.bench.bench_export [--rows N] [--database sqlite|postgres] [--folder DIR]``. It builds the little company, puts
open requests into one queue, starts `portal serve` as a process of its own, takes each list once and prints one JSON line per list.
What it made is removed.
"""

import argparse
import http.client
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.bench.bench_search import analyse, database, report, without_triggers

STEP = 5000
PART = 1 << 16
WARM = ("/", "/queue/facilities", "/requests", "/requests.csv")
"""Pages that any portal has shown before somebody takes a long list: what they load is not the list's doing."""
LISTS = {"queue": ("priya", "/queue/facilities/requests.csv"), "department": ("vera", "/departments/marketing/requests.csv"), "people": ("mara", "/people.csv")}


def fill(rows: int, world: Any) -> None:
    """Copies of one open request, due a minute apart, a twentieth confidential and a tenth without a due instant; and as many people."""
    from portal.desk.models import Clock, Request
    from portal.kernel.unit_of_work import unit_of_work
    from portal.people.models import Person

    with unit_of_work() as session:
        request, person = _values(session.get_one(Request, world.requests["radiator"])), _values(session.get_one(Person, world.mara.id))
        clock = _values(session.scalars(sa.select(Clock).where(Clock.request_id == world.requests["radiator"]).limit(1)).one())
    with without_triggers():
        for first in range(0, rows, STEP):
            places = range(first, min(first + STEP, rows))
            with unit_of_work() as session:
                session.execute(sa.insert(Request), [request | _request(place, request["next_due_at"]) for place in places])
                session.execute(sa.insert(Clock), [clock | {"request_id": 100_000 + place, "name": request["next_clock"]} for place in places])
                session.execute(sa.insert(Person), [person | _person(place) for place in places])
    analyse()


def _values(row: Any) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns if column.name != "id"}


def _request(place: int, due: Any) -> dict[str, Any]:
    moved = None if place % 10 == 0 else due + timedelta(minutes=place * 7919 % 100_000)
    return {"id": 100_000 + place, "title": f"Radiator {place} stays cold in the morning", "next_due_at": moved, "is_confidential": place % 20 == 1}


def _person(place: int) -> dict[str, Any]:
    return {"staff_number": f"X-{place}", "email": None, "name": f"Person {place}", "sort_name": f"person {place * 7919 % 100_000:06}"}


def take(address: str, path: str, cookie: str) -> dict[str, Any]:
    """Rows, bytes and seconds of a list, read in parts as a browser would."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=600)
    start = time.monotonic()
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    rows, size, begun, last = 0, 0, 0.0, b""
    while part := answer.read1(PART):
        begun = begun or time.monotonic() - start
        rows, size, last = rows + part.count(b"\r\n"), size + len(part), (last + part)[-200:]
    spent = time.monotonic() - start
    assert b"not complete" not in last, last
    return {
        "rows": rows - 1,
        "megabytes": round(size / 1e6, 1),
        "first_byte": round(begun, 3),
        "seconds": round(spent, 1),
        "rows_per_second": round(rows / spent),
    }


def peak(process_id: int) -> int:
    """Megabytes the process has held at most."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024


def run(folder: Path, url: str, rows: int) -> None:
    """Fill the database, then measure at a server of its own."""
    from portal.app import create_app
    from tests.support.browser import LiveServer
    from tests.support.migrating import upgrade
    from tests.support.signing_in import signed_in
    from tests.support.stages import COMPANY, close, make_settings
    from tests.support.world import build

    instance = folder / "instance"
    server = LiveServer(
        instance, {"HEARTH_DATABASE_URL": url, "HEARTH_WORKER": "no", **{f"HEARTH_{name.upper()}": value for name, value in COMPANY.items()}}, module="portal"
    )
    app = create_app(make_settings(instance, url, log_level="ERROR", base_url=server.address))
    with app.app_context():
        upgrade()
        world = build()
        start = time.monotonic()
        fill(rows, world)
        report(part="load", seconds=round(time.monotonic() - start, 1))
    cookies = {who: _cookie(app, signed_in(app, world.people[who].id, server.address)) for who, _ in LISTS.values()}
    close(app)
    server.start()
    assert server.process is not None
    try:
        report(part="server", peak_megabytes=peak(server.process.pid))
        for path in WARM:
            take(server.address, path, cookies["priya"])
        warm = peak(server.process.pid)
        report(part="after pages and a short file", peak_megabytes=warm)
        for name, (who, path) in LISTS.items():
            told = take(server.address, path, cookies[who])
            report(list=name, **told, peak_megabytes=peak(server.process.pid), above_warm=peak(server.process.pid) - warm)
    finally:
        server.stop()


def _cookie(app: Any, visitor: Any) -> str:
    found = visitor.client.get_cookie(app.config["SESSION_COOKIE_NAME"], domain="127.0.0.1")
    return f"{found.key}={found.value}"


def main() -> None:
    """Build, measure, remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--folder", type=Path, default=None)
    wanted = parser.parse_args()
    print(json.dumps({"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}), flush=True)
    folder = Path(tempfile.mkdtemp(prefix="hearth-export-", dir=wanted.folder))
    try:
        with database(wanted.database, folder) as url:
            run(folder, url, wanted.rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
