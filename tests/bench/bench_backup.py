"""How long people wait to save something while a backup is made, against the same without one, in the same run (SQLite).

Run by hand: ``make bench``, or ``bench_backup.py --megabytes 700``. A process of its own makes the backup, as `portal backup` does
beside a portal that runs. Beside ours stand the ways that were not taken: VACUUM INTO, and the backup interface in small steps.
"""

import argparse
import json
import os
import platform
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

WRITERS = 4
PAUSE = 0.01
"""Seconds between two changes of one writer."""
PATIENCE = 20.0
"""Seconds after which a way that does not end is given up."""
VACUUM = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=5).execute('VACUUM INTO ?', (sys.argv[2],))"
STEPS = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=5).backup(sqlite3.connect(sys.argv[2]), pages=200, sleep=0.001)"
ONE_STEP = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=5).backup(sqlite3.connect(sys.argv[2]), pages=-1)"


class Writers:
    """People who save something every hundredth of a second, through the portal's own unit of work."""

    def __init__(self, app: Any) -> None:
        self.app, self.waits, self.stop = app, list[float](), threading.Event()
        self.threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        for thread in self.threads:
            thread.start()

    def _write(self, number: int) -> None:
        from portal.kernel import clock
        from portal.kernel.db import db
        from portal.kernel.observe import Observation
        from portal.kernel.unit_of_work import run

        def change() -> None:
            row = {"kind": "bench", "person_id": number, "subject_kind": "bench", "subject_id": number, "at": clock.now()}
            db.session.execute(sa.insert(Observation).values(**row))

        with self.app.app_context():
            while not self.stop.is_set():
                begun = time.perf_counter()
                run(change)
                self.waits.append((time.perf_counter() - begun) * 1000)
                time.sleep(PAUSE)
            db.session.remove()

    def end(self) -> dict[str, float]:
        """Stop; the waits in milliseconds."""
        self.stop.set()
        for thread in self.threads:
            thread.join()
        waits = sorted(self.waits)
        return {"p50": statistics.median(waits), "p99": waits[int(len(waits) * 0.99)], "worst": waits[-1], "writes": len(waits)}


def during(app: Any, work: Callable[[], bool]) -> dict[str, Any]:
    """The waits of people while ``work`` is done, how long it took, and whether it ended."""
    writers, begun = Writers(app), time.perf_counter()
    ended = work()
    seconds = time.perf_counter() - begun
    return {**{name: round(value, 1) for name, value in writers.end().items()}, "seconds": round(seconds, 1), "ended": ended}


def process(*arguments: str) -> Callable[[], bool]:
    """Work that a process of its own does; false when it did not end in time."""

    def work() -> bool:
        try:
            return subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, timeout=PATIENCE * 10, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    return work


def patient(*arguments: str) -> Callable[[], bool]:
    """Like ``process``, given up after twenty seconds."""

    def work() -> bool:
        try:
            return subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, timeout=PATIENCE, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    return work


def quiet(seconds: float) -> Callable[[], bool]:
    """No backup at all."""

    def work() -> bool:
        time.sleep(seconds)
        return True

    return work


def fill(file: Path, megabytes: int) -> None:
    """Make the database as large as that of a company with a history."""
    with closing(sqlite3.connect(file)) as connection:
        query = "INSERT INTO activity (at, event, actor_kind, subject_kind, subject_id, data, channel) VALUES (datetime('now'), 'bench', 'system', 'bench', ?, ?, 'portal')"
        for batch in range(megabytes):
            rows = ((batch, json.dumps({"words": os.urandom(300).hex()})) for _ in range(1350))
            connection.executemany(query, rows)
            connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def measure(folder: Path, megabytes: int) -> dict[str, Any]:
    """Every way on the same database, one after the other."""
    from portal.kernel.settings import load
    from portal.starting import quiet_app

    instance = folder / "i"
    subprocess.run([sys.executable, "-m", "portal", "--instance", str(instance), "demo", "--no-serve"], stdout=subprocess.DEVNULL, check=True)
    fill(instance / "portal.db", megabytes)
    app = quiet_app(load({}, instance=instance, worker=False))
    live, found = str(instance / "portal.db"), dict[str, Any]()
    found["without"] = during(app, quiet(5))
    found["portal backup"] = during(app, process("-m", "portal", "--instance", str(instance), "backup", "--to", str(folder / "made.tar")))
    found["snapshot in one step"] = during(app, process("-c", ONE_STEP, live, str(folder / "one.db")))
    found["VACUUM INTO"] = during(app, process("-c", VACUUM, live, str(folder / "vacuum.db")))
    found["in small steps"] = during(app, patient("-c", STEPS, live, str(folder / "steps.db")))
    size, archive = (instance / "portal.db").stat().st_size, (folder / "made.tar").stat().st_size
    base = found["without"]["p99"]
    return {
        "bench": "backup",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "database_mb": round(size / 1e6),
        "archive_mb": round(archive / 1e6),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "p99_ratio": {name: round(values["p99"] / base, 1) for name, values in found.items()},
        **found,
    }


def main() -> None:
    """A table for people, a line of JSON for machines."""
    wish = argparse.ArgumentParser()
    wish.add_argument("--megabytes", type=int, default=300)
    with tempfile.TemporaryDirectory() as name:
        found = measure(Path(name), wish.parse_args().megabytes)
    print(f"Database {found['database_mb']} MB, archive {found['archive_mb']} MB, {WRITERS} writers. Milliseconds a change takes:")
    for way in ("without", "portal backup", "snapshot in one step", "VACUUM INTO", "in small steps"):
        row = found[way]
        end = f"{row['seconds']} s" if row["ended"] else f"not ended after {row['seconds']} s"
        print(f"  {way:<22} p50 {row['p50']:>7} p99 {row['p99']:>7} worst {row['worst']:>7}   {end}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
