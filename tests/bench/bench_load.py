"""What each kind of work costs as a company grows: CPU milliseconds of the server and all its children, jobs included, beside the least.

Run by hand: ``make bench``, or ``python -m tests.bench.bench_load [--sizes 1000,100000] [--people N] [--folder DIR]``. Companies are made by
`portal demo --people --requests`; a folder that is named is kept and measured again the next time. Prints a line of JSON for each figure and a
table: cost at every size, the exponent of its growth, and the ratio to Flask with plain SQL over the same rows in the same run. Then
eight people file at once, as fast as they can and with half a second between, and start-up and memory (PSS) are taken.
"""

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.bench import bench_pages
from tests.bench.bench_pages import Client, answered, cookie_of, cpu_of, filled, signed_in

PORT = bench_pages.PORT
ROUNDS, EACH, QUIET = 8, 20, 20.0
"""Rounds of so many requests; a round of writing ends when the jobs it left are done, or after so many seconds."""
WRITERS, SECONDS, PAUSE = 8, 20, 0.5
RARE, COMMON = "quagga", "please"
GOALS = {"queue": 9.6, "request": 6, "create": 10, "reply": 8, "search rare": 10, "search common": 10, "figures": 15}
GROWTH = {name: 0.3 if name.startswith("search") else 0.1 for name in GOALS}
LEAST = {"queue": "queue", "request": "request"}
"""Pages that the floor has, too."""


def say(**facts: Any) -> None:
    """One line of JSON."""
    print(json.dumps(facts), flush=True)


@contextmanager
def serving(instance: Path, *, worker: bool = True) -> Iterator["subprocess.Popen[bytes]"]:
    """`portal serve` until the block ends."""
    command = [sys.executable, "-m", "portal", "--instance", str(instance), "serve", "--port", str(PORT)]
    environment = os.environ | {"HEARTH_WORKER": "true" if worker else "false", "HEARTH_LOG_LEVEL": "ERROR"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as server:
        try:
            answered(server, "/sign-in", PORT)
            yield server
        finally:
            server.terminate()
            server.wait(60)


class Company:
    """A company of one size, and who works in it."""

    def __init__(self, instance: Path) -> None:
        from portal.app import create_app
        from portal.kernel.settings import load

        self.instance = instance
        self.app = create_app(load({}, instance=instance, worker=False, log_level="ERROR"))
        with self.app.app_context():
            self._look()
        self.jonas, self.mara = signed_in(self.app, "Jonas Lindqvist"), signed_in(self.app, "Mara Okafor")
        self.filing = filled(self.mara.get("/need/repair").form("title"), title="The tap drips", description="In the kitchen, since this morning.")
        self.answering = filled(self.jonas.get(f"/requests/{self.request}").form("body"), body="We look at it today.", what="reply")

    def _look(self) -> None:
        from portal.desk.models import Message, Request
        from portal.kernel.db import db
        from portal.people.models import Department, Person

        self.facilities = db.session.scalar(sa.select(Department.id).where(Department.key == "facilities"))
        here = (Request.department_id == self.facilities, Request.is_open == sa.true(), Request.is_confidential == sa.false())
        fresh = Request.message_count < 8  # not one that an earlier run answered hundreds of times
        self.request = db.session.scalar(sa.select(Request.id).where(*here, fresh).order_by(Request.next_due_at).offset(2).limit(1))
        self.counts = {table.__tablename__: db.session.scalar(sa.select(sa.func.count()).select_from(table)) for table in (Person, Request, Message)}
        self.counts["open in the queue"] = db.session.scalar(sa.select(sa.func.count()).select_from(Request).where(*here))
        db.session.remove()

    def settled(self) -> None:
        """Wait until no job is due."""
        from portal.kernel import clock
        from portal.kernel.db import db
        from portal.kernel.jobs import Job, State

        due = sa.select(Job.id).where(Job.state.in_([State.QUEUED, State.RUNNING]), Job.run_at <= clock.now()).limit(1)
        deadline = time.monotonic() + QUIET
        with self.app.app_context():
            while db.session.scalar(due) is not None and time.monotonic() < deadline:
                db.session.rollback()
                time.sleep(0.05)
            db.session.remove()


def cost(pid: int, ask: Callable[[], Any], after: Callable[[], Any] = lambda: None) -> float:
    """CPU milliseconds of each request: the median of rounds."""
    for _ in range(20):
        ask()
    after()
    rounds = []
    for _ in range(ROUNDS):
        before = cpu_of(pid)
        for _ in range(EACH):
            ask()
        after()
        rounds.append((cpu_of(pid) - before) / EACH)
    return statistics.median(rounds)


def works(company: Company) -> Iterator[tuple[str, Callable[[], Any], Callable[[], Any]]]:
    """Name, one go, and what to wait for after a round."""
    jonas, mara, request = Client(PORT, cookie_of(company.jonas)), Client(PORT, cookie_of(company.mara)), company.request
    for _ in range(3):
        mara.post("/need/repair", company.filing | {"title": f"A {RARE} stands in the yard"})

    def nothing() -> None:
        """Reading leaves no job."""

    yield "queue", lambda: jonas.get("/queue/facilities"), nothing
    yield "request", lambda: jonas.get(f"/requests/{request}"), nothing
    yield "search rare", lambda: jonas.get(f"/search?q={RARE}"), nothing
    yield "search common", lambda: jonas.get(f"/search?q={COMMON}"), nothing
    yield "figures", lambda: jonas.get("/queue/facilities/figures"), nothing
    yield "create", lambda: mara.post("/need/repair", company.filing), company.settled
    yield "reply", lambda: jonas.post(f"/requests/{request}/work/reply", company.answering), company.settled


def costs(company: Company) -> dict[str, dict[str, float]]:
    """Cost of every work with jobs and without, and of the floor."""
    found: dict[str, dict[str, float]] = {"with jobs": {}, "without jobs": {}, "least": {}}
    for name, worker in (("without jobs", False), ("with jobs", True)):
        with serving(company.instance, worker=worker) as server:
            time.sleep(2)
            for what, ask, after in works(company):
                if worker and what not in ("create", "reply"):
                    continue  # reading leaves no job, and what the worker does meanwhile is not the page's
                found[name][what] = cost(server.pid, ask, after if worker else lambda: None)
    database = str(company.instance / "portal.db")
    with bench_pages.running("-m", "tests.bench.floor", database, str(PORT + 5), str(company.facilities), str(company.request)) as floor:
        answered(floor, "/queue", PORT + 5)
        bare = Client(PORT + 5)
        found["least"] = {name: cost(floor.pid, lambda name=name: bare.get(f"/{name}")) for name in LEAST}  # type: ignore[misc]  # this name
    return found


# -- eight at once ------------------------------------------------------------------------------------------------------


def eight_at_once(company: Company, pause: float = 0.0) -> dict[str, Any]:
    """Eight people file one after the other with a pause in seconds between: milliseconds as they see them, and what went wrong."""
    visitors = [signed_in(company.app, ("Mara Okafor", "Jonas Lindqvist")[place % 2]) for place in range(WRITERS)]
    forms = [filled(visitor.get("/need/repair").form("title"), title="The tap drips", description="In the kitchen.") for visitor in visitors]
    waits, failed, end = list[float](), list[str](), time.monotonic() + SECONDS

    def file(visitor: Any, form: dict[str, Any]) -> None:
        client = Client(PORT, cookie_of(visitor))
        while time.monotonic() < end:
            begun = time.perf_counter()
            try:
                client.post("/need/repair", form)
            except (AssertionError, OSError) as error:
                failed.append(str(error)[:200])
            waits.append((time.perf_counter() - begun) * 1000)
            time.sleep(pause)

    threads = [threading.Thread(target=file, args=pair) for pair in zip(visitors, forms, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = sorted(waits)
    places = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    found = {name: round(ordered[int(len(ordered) * share)], 1) for name, share in places.items()}
    return found | {
        "worst": round(ordered[-1], 1),
        "filed": len(ordered),
        "per_second": round(len(ordered) / SECONDS, 1),
        "failed": len(failed),
        "why": failed[:2],
    }


# -- start and memory ---------------------------------------------------------------------------------------------------


def pss(pid: int) -> float:
    """Megabytes of a process and its children, what they share counted once."""
    own = next(line for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(own.split()[1]) / 1024 + sum(pss(int(child)) for child in children)


def start_and_memory(company: Company) -> dict[str, Any]:
    """Seconds to the first page, and megabytes when nothing was asked yet and after everything was asked, eight at once included."""
    begun = time.monotonic()
    with serving(company.instance) as server:
        found: dict[str, Any] = {"restart_seconds": round(time.monotonic() - begun, 2), "restart_cpu_seconds": round(cpu_of(server.pid) / 1000, 2)}
        time.sleep(3)
        found["idle_mb"] = round(pss(server.pid))
        for _, ask, after in works(company):
            for _ in range(20):
                ask()
            after()
        found["eight_at_once"] = eight_at_once(company)
        company.settled()
        found["eight_with_pauses"] = eight_at_once(company, PAUSE)
        company.settled()
        time.sleep(2)
        found["after_mb"] = round(pss(server.pid))
    return found


# -- the run ------------------------------------------------------------------------------------------------------------


def made(folder: Path, requests: int, people: int) -> Path:
    """An instance of that size; made when it is not there or not whole."""
    instance = folder / f"{requests}"
    command = [sys.executable, "-m", "portal", "--instance", str(instance), "demo", "--no-serve", "--people", str(people), "--requests", str(requests)]
    begun = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    say(part="made", requests=requests, seconds=round(time.monotonic() - begun), megabytes=round((instance / "portal.db").stat().st_size / 1e6))
    return instance


def run(folder: Path, sizes: list[int], people: int) -> None:
    """Every size, then the table."""
    found: dict[int, dict[str, dict[str, float]]] = {}
    for size in sizes:
        company = Company(made(folder, size, people))
        say(part="company", size=size, **company.counts)
        found[size] = costs(company)
        say(part="costs", size=size, **{name: {what: round(value, 2) for what, value in part.items()} for name, part in found[size].items()})
        say(part="start and memory", size=size, **start_and_memory(company))
    table(found, sizes)


def table(found: dict[int, dict[str, dict[str, float]]], sizes: list[int]) -> None:
    """Cost at each size, growth, ratio to the least, and the goals of the specification."""
    print(f"{'cpu ms per request':<28}" + "".join(f"{size:>12,}" for size in sizes) + f"{'exponent':>10}{'goal':>6}{'x least':>9}{'goal':>7}")
    for kind in ("without jobs", "with jobs", "least"):
        for what, last in found[sizes[-1]][kind].items():
            values = [found[size][kind][what] for size in sizes]
            growth = math.log(values[-1] / values[0]) / math.log(sizes[-1] / sizes[0]) if len(sizes) > 1 and min(values) > 0 else 0.0
            least = found[sizes[-1]]["least"][LEAST.get(what, "queue" if "s" in what[:1] or what == "figures" else "request")]
            marks = f"{GROWTH[what]:>6}{last / least:>9.1f}{GOALS[what]:>7}" if kind != "least" else ""
            print(f"{what + ', ' + kind:<28}" + "".join(f"{value:>12.2f}" for value in values) + f"{growth:>10.3f}" + marks)


def main() -> None:
    """Build, measure, remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,100000")
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=None)
    wanted = parser.parse_args()
    say(machine=platform.machine(), cores=os.cpu_count(), python=platform.python_version(), load=round(os.getloadavg()[0], 1))
    folder = wanted.folder or Path(tempfile.mkdtemp(prefix="hearth-load-"))
    try:
        run(folder, [int(size) for size in wanted.sizes.split(",")], wanted.people)
    finally:
        if not wanted.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.chdir(Path(__file__).resolve().parents[2])
    main()
