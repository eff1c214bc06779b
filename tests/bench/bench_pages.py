"""How much work the main pages take on a company of a hundred thousand requests, as ratios to the least in the same run (SQLite).

Run by hand: ``make bench``, or ``python -m tests.bench.bench_pages [--requests N] [--folder DIR]``; a folder that is named is kept and measured
again the next time. Both servers are processes of their own and are asked over HTTP. CPU milliseconds of the whole process are the steady
figure, the second number is the quickest round of ten; ratios travel between machines. The first lines say how long a start takes.
"""

import argparse
import http.client
import os
import platform
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

ROUNDS, EACH = 10, 20
PORT = 8741
TICKS = os.sysconf("SC_CLK_TCK")
GOALS = {
    "queue (Jonas)": 9.6,
    "request, fulfiller (Jonas)": 6,
    "create (Mara)": 10,
    "reply (Jonas)": 8,
    "search, rare word (Jonas)": 10,
    "search, common (Jonas)": 10,
}
"""CPU milliseconds of the specification."""


def start_up(folder: Path) -> dict[str, float]:
    """Seconds from an empty folder to the first page with the company in it, and from a restart to the first page."""
    found = {}
    for name in ("empty folder to first page", "restart to first page"):
        start = time.monotonic()
        with running("-m", "portal", "--instance", str(folder / "demo"), "demo", "--port", str(PORT)) as server:
            answered(server, "/sign-in", PORT)
            found[name] = time.monotonic() - start
    return found


@contextmanager
def running(*command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of Python that ends with the block."""
    alone = os.environ | {"HEARTH_WORKER": "false"}  # what jobs do meanwhile is not the page's
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=alone) as server:
        try:
            yield server
        finally:
            server.terminate()
            server.wait(30)


def answered(server: "subprocess.Popen[bytes]", path: str, port: int) -> None:
    """Wait for the first page."""
    for _ in range(1200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as page:
                page.read()
                return
        except OSError:
            if server.poll() is not None:
                raise
            time.sleep(0.05)
    raise TimeoutError("the server did not answer within a minute")


# -- a company that has worked for years --------------------------------------------------------------------------------


def grow(app: Any, number: int) -> None:
    """Add requests beside those of the demo company, one in fifty open."""
    from portal.desk.models import Message, Service
    from portal.kernel.db import db
    from portal.people.models import Department, Person
    from tests.bench import bench_search

    with app.app_context():
        ids = {
            "first": 10_000,
            "people": list(db.session.scalars(sa.select(Person.id))),
            "services": [tuple(row) for row in db.session.execute(sa.select(Service.id, Service.department_id).where(Service.is_active == sa.true()))],
            "departments": {row.key: row.id for row in db.session.execute(sa.select(Department.key, Department.id))},
            "mara": db.session.scalar(sa.select(Person.id).where(Person.name == "Mara Okafor")),
            "requests": 4127,
            "messages": db.session.scalar(sa.select(sa.func.min(Message.id)).where(Message.request_id == 4127)),
        }
        db.session.remove()
        with bench_search.without_triggers():
            bench_search.fill(number, ids, 50)
        bench_search.index()
        bench_search.analyse()


# -- measuring ----------------------------------------------------------------------------------------------------------


def cpu_of(pid: int) -> float:
    """Milliseconds of the processor that a process and its children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if Path(f"/proc/{pid}/task/{pid}/children").exists() else []
    return (int(fields[11]) + int(fields[12])) / TICKS * 1000 + sum(cpu_of(int(child)) for child in children)


def measured(pid: int, ask: Callable[[], Any]) -> tuple[float, float]:
    """CPU milliseconds per request: the median round and the quickest."""
    for _ in range(20):
        ask()
    rounds = []
    for _ in range(ROUNDS):
        before = cpu_of(pid)
        for _ in range(EACH):
            ask()
        rounds.append((cpu_of(pid) - before) / EACH)
    return statistics.median(rounds), min(rounds)


class Client:
    """A browser that keeps its connection."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.connection, self.headers = http.client.HTTPConnection("127.0.0.1", port), {"Cookie": cookie}
        self.size = 0

    def get(self, path: str) -> None:
        """A page that answers 200."""
        self._send("GET", path, None, {}, 200)

    def post(self, path: str, fields: dict[str, Any]) -> None:
        """A form with a one-time key of its own that does its work."""
        body = urlencode(fields | {"_key": secrets.token_hex(16)}, doseq=True)
        self._send("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}, 303)

    def _send(self, method: str, path: str, body: str | None, more: dict[str, str], status: int) -> None:
        self.connection.request(method, path, body, self.headers | more)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == status, (path, answer.status, text[:2000].decode(errors="replace"))
        self.size = len(text)


def signed_in(app: Any, name: str) -> Any:
    """Somebody's browser inside this process."""
    from portal.kernel.db import db
    from portal.people.models import Person
    from tests.support.signing_in import signed_in as enter

    with app.app_context():
        number = db.session.scalar(sa.select(Person.id).where(Person.name == name))
        db.session.remove()
    return enter(app, number, f"http://127.0.0.1:{PORT}")


def cookie_of(visitor: Any) -> str:
    """Its cookie as it is now, for a browser outside."""
    return f"portal={visitor.client.get_cookie('portal', '127.0.0.1').value}"


def filled(form: Any, **typed: str) -> dict[str, Any]:
    """A form as the page gave it, with what was typed and a first choice where there is none."""
    chosen = {name: values[:1] for name, values in form.choices.items() if values and name not in ("followers", "confidential", "customer", "call_me")}
    return chosen | {name: held for name, held in form.values.items() if held and held != [""]} | typed


def pages(folder: Path) -> None:
    """Each page against the least that could be done for it."""
    from portal.app import create_app
    from portal.desk.models import Request
    from portal.kernel.db import db
    from portal.kernel.settings import load
    from portal.people.models import Department

    app = create_app(load({}, instance=folder / "demo", worker=False, log_level="ERROR"))
    with app.app_context():
        facilities = db.session.scalar(sa.select(Department.id).where(Department.key == "facilities"))
        here = (Request.department_id == facilities, Request.is_open == sa.true(), Request.is_confidential == sa.false(), Request.id > 10_000)
        request = db.session.scalar(sa.select(Request.id).where(*here).order_by(Request.next_due_at).offset(50).limit(1))
        print(f"{db.session.scalar(sa.select(sa.func.count()).select_from(Request)):,} requests, {facilities and _open(facilities)} open in the queue")
        db.session.remove()
    jonas, mara = signed_in(app, "Jonas Lindqvist"), signed_in(app, "Mara Okafor")
    filing = filled(mara.get("/need/repair").form("title"), title="The tap drips", description="In the kitchen, since this morning.")
    answering = filled(jonas.get(f"/requests/{request}").form("body"), body="We look at it today.", what="reply")
    database = str(folder / "demo" / "portal.db")
    with (
        running("-m", "portal", "--instance", str(folder / "demo"), "serve", "--port", str(PORT)) as server,
        running("-m", "tests.bench.floor", database, str(PORT + 5), str(facilities), str(request)) as floor,
    ):
        answered(server, "/sign-in", PORT)
        answered(floor, "/queue", PORT + 5)
        bare = Client(PORT + 5)
        least = {"queue": measured(floor.pid, lambda: bare.get("/queue"))[0], "request": measured(floor.pid, lambda: bare.get("/request"))[0]}
        print(f"least: queue {least['queue']:.2f}, request {least['request']:.2f} ms")
        print(f"{'page':<34}{'cpu ms':>9}{'quickest':>10}{'kB':>8}{'x least':>9}{'goal':>7}")
        at = {"J": Client(PORT, cookie_of(jonas)), "M": Client(PORT, cookie_of(mara))}
        for label, kind, work in (
            ("queue (Jonas)", "queue", lambda: at["J"].get("/queue/facilities")),
            ("request, fulfiller (Jonas)", "request", lambda: at["J"].get(f"/requests/{request}")),
            ("request, requester (Mara)", "request", lambda: at["M"].get("/requests/4127")),
            ("my requests (Mara)", "queue", lambda: at["M"].get("/requests")),
            ("home (Mara)", "queue", lambda: at["M"].get("/")),
            ("new request (Mara)", "request", lambda: at["M"].get("/need/repair")),
            ("directory (Jonas)", "queue", lambda: at["J"].get("/people")),
            ("search, rare word (Jonas)", "queue", lambda: at["J"].get("/search?q=wichmann")),
            ("search, common (Jonas)", "queue", lambda: at["J"].get("/search?q=request")),
            ("create (Mara)", "request", lambda: at["M"].post("/need/repair", filing)),
            ("reply (Jonas)", "request", lambda: at["J"].post(f"/requests/{request}/work/reply", answering)),
        ):
            middle, quick = measured(server.pid, work)
            size = at["J" if "Jonas" in label else "M"].size / 1000
            print(f"{label:<34}{middle:>9.1f}{quick:>10.1f}{size:>8.1f}{middle / least[kind]:>9.1f}{GOALS.get(label, ''):>7}", flush=True)


def _open(department_id: int) -> int:
    from portal.desk.models import Request
    from portal.kernel.db import db

    return int(db.session.scalar(sa.select(sa.func.count()).where(Request.department_id == department_id, Request.is_open == sa.true())) or 0)


def main() -> None:
    """Print the figures and the machine they were taken on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=None)
    wanted = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    folder = wanted.folder or Path(tempfile.mkdtemp(prefix="hearth-bench-"))
    try:
        if not (folder / "demo" / "portal.db").exists():
            _build(folder, wanted.requests)
        pages(folder)
    finally:
        if not wanted.folder:
            shutil.rmtree(folder, ignore_errors=True)


def _build(folder: Path, number: int) -> None:
    from portal.app import create_app
    from portal.kernel.settings import load

    for label, seconds in start_up(folder).items():
        print(f"{label:<34}{seconds:>10.1f} s")
    grow(create_app(load({}, instance=folder / "demo", worker=False, log_level="ERROR")), number)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.chdir(Path(__file__).resolve().parents[2])
    main()
