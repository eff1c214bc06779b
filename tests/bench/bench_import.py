"""How fast 100,000 requests of an earlier desk come in, and how much memory it takes.

Run by hand: ``python -m tests.bench.bench_import [--rows N] [--database sqlite|postgres] [--folder DIR]``. It builds the little company, writes a file,
looks at it and takes it over with `portal import-requests` in a process of its own, twice, and prints one JSON line each. What it made is removed.
"""

import argparse
import csv
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from tests.bench.bench_search import Text, database, report

FIRST = datetime(2015, 1, 1, 8, tzinfo=UTC)
RUN = "import resource, sys; from portal.cli import main; sys.argv[0] = 'portal'\ntry:\n    main()\nexcept SystemExit as end:\n    code = end.code\n"
RUN += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)\nsys.exit(code)"


def write(place: Path, rows: int, people: list[str]) -> None:
    """A file as a desk exports it: Zammad's columns, texts of 20 to 120 words, a hundredth without a known person."""
    text = Text()
    random.seed(11)
    with place.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["Number", "Title", "Customer", "Group", "State", "Created at", "Closed at", "Body"])
        for number in range(rows):
            created = FIRST + timedelta(minutes=number * 37, seconds=number % 60)
            who = "Somebody Unknown" if number % 100 == 7 else random.choice(people)
            closed = created + timedelta(hours=random.randint(1, 400))
            out.writerow(
                [
                    20_000_000 + number,
                    text(4, 9),
                    who,
                    "Facilities",
                    "closed",
                    f"{created:%Y-%m-%d %H:%M:%S} UTC",
                    f"{closed:%Y-%m-%d %H:%M:%S} UTC",
                    text(20, 120),
                ]
            )


def take(instance: Path, url: str, file: Path, *more: str) -> dict[str, object]:
    """Seconds and memory of the command, and what it said in its last line."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HEARTH_")},
        "HEARTH_DATABASE_URL": url,
        "HEARTH_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-c", RUN, "--instance", str(instance), "import-requests", str(file), "--source", "Zammad", *more]
    start = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    spent = time.monotonic() - start
    assert done.returncode in (0, 1), done.stderr[-2000:]
    assert done.stdout, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    return {"seconds": round(spent, 1), "rows_per_second": round(told["rows"] / spent), "peak_megabytes": int(done.stderr.splitlines()[-1]), **told}


def run(folder: Path, url: str, rows: int) -> None:
    """Build, write, take over, and once more."""
    from portal.app import create_app
    from portal.kernel.db import db
    from portal.people.models import Person
    from tests.support.migrating import upgrade
    from tests.support.stages import close, make_settings
    from tests.support.world import build

    instance = folder / "instance"
    app = create_app(make_settings(instance, url, log_level="ERROR"))
    with app.app_context():
        upgrade()
        build()
        people = list(db.session.scalars(sa.select(Person.name)))
        db.session.remove()
    close(app)
    file = folder / "old.csv"
    write(file, rows, people)
    report(part="file", megabytes=round(file.stat().st_size / 1e6, 1))
    report(part="dry run", **take(instance, url, file, "--dry-run"))
    report(part="first", **take(instance, url, file))
    report(part="again", **take(instance, url, file))


def main() -> None:
    """Build, measure, remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--folder", type=Path, default=None)
    wanted = parser.parse_args()
    print(json.dumps({"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}), flush=True)
    folder = Path(tempfile.mkdtemp(prefix="hearth-import-", dir=wanted.folder))
    try:
        with database(wanted.database, folder) as url:
            run(folder, url, wanted.rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
