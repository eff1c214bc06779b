"""How much work the main pages take, as ratios to raw SQL in the same run, on a fresh demo company (SQLite).

Run by hand: ``make bench``. CPU milliseconds of the whole process are the steady figure; ratios travel between machines.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

ROUNDS = 60
PORT = 8741
QUEUE = """
SELECT r.id, r.title, r.status, r.next_clock, r.next_due_at, r.next_step, p.name, d.name FROM requests r
JOIN departments d ON d.id = r.from_department_id LEFT JOIN persons p ON p.id = r.assignee_id
WHERE r.department_id = :department AND r.is_open = 1 ORDER BY r.next_due_at, r.id LIMIT 25
"""
REQUEST = "SELECT m.id, m.body, m.created_at, p.name FROM messages m JOIN persons p ON p.id = m.author_id WHERE m.request_id = :request ORDER BY m.id"


def cpu(work: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, float]:
    """Median and 95th percentile of CPU milliseconds."""
    work()
    seen = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        seen.append((time.process_time() - start) * 1000)
    return statistics.median(seen), sorted(seen)[int(len(seen) * 0.95)]


def start_up(folder: Path) -> dict[str, float]:
    """Seconds from an empty folder to the first page with the company in it, and from a restart to the first page."""
    found = {}
    for name in ("empty folder to first page", "restart to first page"):
        start = time.monotonic()
        command = [sys.executable, "-m", "portal", "--instance", str(folder / "demo"), "demo", "--port", str(PORT)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            _first_page(server)
            found[name] = time.monotonic() - start
            server.terminate()
            server.wait(30)
    return found


def _first_page(server: "subprocess.Popen[bytes]") -> None:
    for _ in range(1200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/sign-in", timeout=30) as page:
                page.read()
                return
        except OSError:
            if server.poll() is not None:
                raise
            time.sleep(0.05)
    raise TimeoutError("the portal did not answer within a minute")


def pages(folder: Path) -> None:
    """Measure the pages of Jonas and Mara against the raw reading of their rows."""
    from portal.app import create_app
    from portal.kernel.db import db
    from portal.kernel.settings import load
    from portal.people.models import Department, Person
    from tests.support.signing_in import signed_in

    app = create_app(load({}, instance=folder / "demo", worker=False, log_level="ERROR"))
    with app.app_context():
        people = {row.name: row.id for row in db.session.execute(sa.select(Person.name, Person.id))}
        facilities = db.session.scalar(sa.select(Department.id).where(Department.key == "facilities"))
        raw_queue = cpu(lambda: db.session.execute(sa.text(QUEUE), {"department": facilities}).all())
        raw_request = cpu(lambda: db.session.execute(sa.text(REQUEST), {"request": 4127}).all())
        db.session.remove()
    jonas, mara = (signed_in(app, people[name]) for name in ("Jonas Lindqvist", "Mara Okafor"))
    print(f"{'page':<34}{'p50 cpu ms':>12}{'p95':>8}{'kB':>8}{'x raw SQL':>12}")
    for label, visitor, path, floor in (
        ("home (Mara)", mara, "/", raw_queue),
        ("new request (Mara)", mara, "/need/repair", raw_queue),
        ("request, requester (Mara)", mara, "/requests/4127", raw_request),
        ("my requests (Mara)", mara, "/requests", raw_queue),
        ("queue (Jonas)", jonas, "/queue/facilities", raw_queue),
        ("request, fulfiller (Jonas)", jonas, "/requests/4127", raw_request),
        ("directory (Jonas)", jonas, "/people", raw_queue),
    ):
        answer = visitor.client.get(path, base_url=visitor.base)
        assert answer.status_code == 200, (path, answer.status_code)
        size = len(answer.get_data()) / 1000
        middle, high = cpu(lambda v=visitor, p=path: v.client.get(p, base_url=v.base))  # type: ignore[misc]
        print(f"{label:<34}{middle:>12.1f}{high:>8.1f}{size:>8.1f}{middle / floor[0]:>12.0f}")
    print(f"raw SQL: queue {raw_queue[0]:.2f} ms, conversation {raw_request[0]:.2f} ms")


def main() -> None:
    """Print the figures and the machine they were taken on."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as name:
        folder = Path(name)
        for label, seconds in start_up(folder).items():
            print(f"{label:<34}{seconds:>10.1f} s")
        pages(folder)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.chdir(Path(__file__).resolve().parents[2])
    main()
