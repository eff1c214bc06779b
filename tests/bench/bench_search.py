"""How long search takes over a million requests with three million messages, by word and by reader.

Run by hand: ``python -m tests.bench.bench_search [--requests N] [--database sqlite|postgres] [--folder DIR]``. It builds the little company,
fills it in bulk, fills the index, and prints one JSON line per case and a table. What it made is removed, unless a folder is named: that one
is kept and measured again the next time.
"""

import argparse
import itertools
import json
import os
import pickle
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

ROUNDS = 30
COMMON, MIDDLE, RARE = "request", "radiator", "wichmann"
OPEN, CLOSED = (True, "working", False, "2026-11-20 08:00:00+00:00"), (False, "closed", False, "2026-11-20 08:00:00+00:00", None)
DUE = datetime(2026, 11, 10, 8, tzinfo=UTC)
PEOPLE, VOCABULARY = 10_000, 40_000
CASES = {
    "rare word": RARE,
    "common word": COMMON,
    "two words": f"{COMMON} {MIDDLE}",
    "prefix, middle": MIDDLE[:5],
    "prefix, common": COMMON[:4],
    "phrase": f'"{COMMON} please"',
    "nothing": "zzzzzz",
}
READERS = {"vera": "auditor: everything", "kim": "fulfiller: a twentieth", "mara": "employee: her own hundred"}


def vocabulary() -> tuple[list[str], list[float]]:
    """Made-up words by falling frequency (Zipf), and the sums of their weights."""
    random.seed(7)
    words = dict.fromkeys([COMMON, "please", "thank", "room", "door"])
    while len(words) < VOCABULARY:
        syllables = "".join(random.choice("bcdfghklmnprstvw") + random.choice("aeiou") for _ in range(random.randint(2, 4)))
        words[syllables + random.choice(["", "n", "r", "s", "t", "x", "é"])] = None
    found = list(words)
    found[60], found[VOCABULARY - 500] = MIDDLE, RARE
    return found, list(itertools.accumulate(1 / (place + 5) for place in range(VOCABULARY)))


class Text:
    """Texts cut out of a long random one."""

    def __init__(self) -> None:
        words, sums = vocabulary()
        self.pool = random.choices(words, cum_weights=sums, k=2_000_000)

    def __call__(self, least: int, most: int) -> str:
        start = random.randrange(len(self.pool) - most)
        return " ".join(self.pool[start : start + random.randint(least, most)])


def rows(number: int, ids: dict[str, Any], text: Text, every: int) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """A request and its three messages; every twentieth is confidential, one of ``every`` open, every third has a note."""
    places, services = list(ids["departments"].values()), ids["services"]
    for key in range(ids["first"], ids["first"] + number):
        person = ids["mara"] if key % 10_000 == 0 else random.choice(ids["people"])
        service, department = random.choice(services)
        due = (DUE + timedelta(minutes=random.randrange(40_000))).strftime("%Y-%m-%d %H:%M:%S.%f")
        state = (*OPEN, due) if key % every == 7 else CLOSED
        request = (key, text(4, 9), person, person, random.choice(places), department, service, key % 20 == 0, *state)
        kinds = ("description", "reply", "note" if key % 3 == 0 else "message")
        yield request, [(1_000_000 + key * 3 + place, key, person, kind, text(12, 60)) for place, kind in enumerate(kinds)]


REQUEST = "id, title, requester_id, filed_by_id, from_department_id, department_id, service_id, is_confidential, is_open, status, awaits_answer, answered_at, next_due_at"
MESSAGE = "id, request_id, author_id, kind, body"


def fill(number: int, ids: dict[str, Any], every: int = 100) -> None:
    """Copy an existing request and message with other words; triggers are set aside as for any bulk load."""
    from portal.kernel.db import db, is_sqlite

    table = {name: [column["name"] for column in sa.inspect(db.engine).get_columns(name)] for name in ("requests", "messages")}
    parts = [
        (name, given, ", ".join(column for column in table[name] if column not in given.split(", ")), ids[name])
        for name, given in (("requests", REQUEST), ("messages", MESSAGE))
    ]
    with db.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        made = rows(number, ids, Text(), every)
        while batch := list(itertools.islice(made, 50_000)):
            both = [request for request, _ in batch], [message for _, messages in batch for message in messages]
            for part, given in zip(parts, both, strict=True):
                (_put if is_sqlite() else _copy)(raw, *part, given)


def _put(raw: Any, name: str, given: str, rest: str, copied: int, made: list[tuple[Any, ...]]) -> None:
    """SQLite: row by row."""
    raw.execute("BEGIN")
    marks = ", ".join("?" for _ in given.split(", "))
    raw.executemany(f"INSERT INTO {name} ({given}, {rest}) SELECT {marks}, {rest} FROM {name} WHERE id = {copied}", made)
    raw.execute("COMMIT")


def _copy(raw: Any, name: str, given: str, rest: str, copied: int, made: list[tuple[Any, ...]]) -> None:
    """PostgreSQL: into a table of their own, and from there with the other columns beside them; foreign keys are not looked at."""
    raw.rollback()
    raw.execute("SET LOCAL session_replication_role = replica")
    raw.execute(f"CREATE TEMP TABLE made ON COMMIT DROP AS SELECT {given} FROM {name} LIMIT 0")
    with raw.cursor().copy("COPY made FROM STDIN") as copy:
        for row in made:
            copy.write_row(row)
    raw.execute(
        f"INSERT INTO {name} ({given}, {rest}) SELECT made.*, {', '.join(f'o.{part}' for part in rest.split(', '))} FROM made, {name} o WHERE o.id = {copied}"
    )
    raw.commit()


AT_ONCE = """
INSERT INTO search_requests
SELECT r.id, setweight(to_tsvector('simple', r.title), 'A') || setweight(to_tsvector('simple', coalesce(m.open, '')), 'B')
       || setweight(to_tsvector('simple', coalesce(m.note, '')), 'D') || array_to_tsvector(ARRAY['=p' || r.requester_id] || CASE WHEN r.is_confidential
       THEN ARRAY['=n' || r.service_id] ELSE ARRAY['=f' || r.filed_by_id, '=d' || r.department_id, '=o' || r.from_department_id, '=oo'] END), 0
FROM requests r JOIN (
    SELECT request_id, string_agg(body, ' ') FILTER (WHERE kind <> 'note') AS open, string_agg(body, ' ') FILTER (WHERE kind = 'note') AS note
    FROM messages GROUP BY request_id
) m ON m.request_id = r.id
"""
"""What ten minutes of `portal reindex` make, in two: the words of this file hold nothing that would have to be folded, accents aside."""


def index() -> None:
    """Fill the index; SQLite as `portal reindex` does."""
    from portal.kernel import search_keeping
    from portal.kernel.db import db, is_sqlite

    if is_sqlite():
        for _ in search_keeping.refill("search_requests"):
            pass
        search_keeping.tidy()
        return
    with db.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
        made = connection.exec_driver_sql("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_search_requests_words'").scalar_one()
        connection.exec_driver_sql("DROP INDEX ix_search_requests_words")
        connection.exec_driver_sql("TRUNCATE search_requests")
        connection.exec_driver_sql(AT_ONCE)
        connection.exec_driver_sql(made)


@contextmanager
def without_triggers() -> Iterator[None]:
    """Bulk loads set them aside; the index is filled afterwards."""
    from portal.kernel.db import db, is_sqlite

    with db.engine.connect() as connection:
        if is_sqlite():
            raw: Any = connection.connection.driver_connection
            kept = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in kept:
                raw.execute(f"DROP TRIGGER {name}")
        else:
            for table in ("requests", "messages"):
                connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            connection.commit()
    yield
    with db.engine.connect() as connection:
        if is_sqlite():
            for _, statement in kept:
                connection.connection.driver_connection.execute(statement)  # type: ignore[union-attr]
        else:
            for table in ("requests", "messages"):
                connection.execute(sa.text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
            connection.commit()


def prepare(number: int) -> Any:
    """The little company and ``number`` requests beside its own; prints how long each part took."""
    from portal.desk.models import Message, Request, Service
    from portal.kernel.db import db
    from portal.kernel.unit_of_work import unit_of_work
    from portal.people.models import Person
    from tests.support.migrating import upgrade
    from tests.support.world import build

    upgrade()
    world = build()
    with unit_of_work() as session:
        copied = session.get_one(Person, world.mara.id)
        columns = {c.name: getattr(copied, c.name) for c in Person.__table__.columns if c.name not in ("id", "staff_number", "email", "name")}
        session.execute(sa.insert(Person), [columns | {"staff_number": f"X-{n}", "email": None, "name": f"Person {n}"} for n in range(PEOPLE)])
    first = (db.session.scalar(sa.select(sa.func.max(Request.id))) or 0) + 1
    ids = {
        "first": max(first, 1000),
        "people": list(db.session.scalars(sa.select(Person.id).where(Person.staff_number.like("X-%")))),
        "services": [tuple(row) for row in db.session.execute(sa.select(Service.id, Service.department_id))],
        "departments": {key: place.id for key, place in world.departments.items()},
        "mara": world.mara.id,
        "requests": world.requests["key"],
        "messages": db.session.scalar(sa.select(Message.id).where(Message.request_id == world.requests["key"]).limit(1)),
    }
    db.session.remove()
    start = time.monotonic()
    with without_triggers():
        fill(number, ids)
    report(part="load", seconds=round(time.monotonic() - start, 1), requests=number, messages=number * 3)
    start = time.monotonic()
    index()
    report(part="index", seconds=round(time.monotonic() - start, 1))
    analyse()
    return world


def analyse() -> None:
    """What a night would have done."""
    from portal.kernel.db import db

    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("ANALYZE" if connection.dialect.name == "sqlite" else "VACUUM ANALYZE")


def measure(work: Callable[[], Any], rounds: int = ROUNDS) -> dict[str, float]:
    """Milliseconds on the wall and on the processor (of this process) after one call to warm up."""
    work()
    wall, used = [], []
    for _ in range(rounds):
        start, begun = time.perf_counter(), time.process_time()
        work()
        wall.append((time.perf_counter() - start) * 1000)
        used.append((time.process_time() - begun) * 1000)
    return {"p50": round(statistics.median(wall), 2), "p95": round(sorted(wall)[int(rounds * 0.95)], 2), "cpu": round(statistics.median(used), 2)}


def report(**values: Any) -> None:
    """One JSON line."""
    print(json.dumps(values), flush=True)


def run(app: Any, world: Any) -> None:
    """Each word for each reader: the query alone, and the whole page and overlay."""
    from portal.desk.queries.search import Wanted, find
    from portal.kernel.db import db
    from tests.support.signing_in import signed_in

    table = []
    for who, label in READERS.items():
        visitor = signed_in(app, world.people[who].id)
        for case, text in CASES.items():
            with app.app_context():
                actor = world.actor(who)

                def ask(text: str = text, actor: Any = actor) -> Any:
                    found = find(actor, Wanted(text))
                    db.session.rollback()
                    return found

                number, query = len(ask().hits), measure(ask)
            closest = query
            with app.app_context():
                closest = measure(lambda text=text, actor=actor: (find(actor, Wanted(text, best=True)), db.session.rollback()), 10)  # type: ignore[misc]
            page = measure(lambda text=text, v=visitor: v.client.get("/search", query_string={"q": text}, base_url=v.base), 10)  # type: ignore[misc]
            report(reader=who, case=case, hits=number, query=query, closest=closest, page=page)
            table.append((label, case, number, query, closest, page))
    print(f"\n{'reader':<28}{'case':<18}{'hits':>5}{'query p50':>11}{'p95':>8}{'cpu':>8}{'closest':>9}{'page p50':>10}{'p95':>8}{'cpu':>8}")
    for label, case, number, query, closest, page in table:
        figures = f"{query['p50']:>11}{query['p95']:>8}{query['cpu']:>8}{closest['p50']:>9}{page['p50']:>10}{page['p95']:>8}{page['cpu']:>8}"
        print(f"{label:<28}{case:<18}{number:>5}{figures}")


def writing(app: Any, world: Any, requests: int) -> None:
    """What keeping the index costs those who write: replies on old and new requests, the worst of them included."""
    from portal.desk.models import Message, MessageKind
    from portal.kernel import clock, search_keeping
    from portal.kernel.unit_of_work import unit_of_work

    with app.app_context():
        text, spent = Text(), []
        for turn in range(1000):
            start = time.perf_counter()
            with unit_of_work() as session:
                number = random.randrange(1000, 1000 + requests)
                kind = MessageKind.REPLY
                session.add(Message(request_id=number, author_id=world.mara.id, kind=kind, body=text(20, 60), created_at=clock.now()))
            spent.append((time.perf_counter() - start) * 1000)
            if turn % 100 == 99:
                began = time.perf_counter()
                search_keeping.tidy()
                report(part="tidy", milliseconds=round((time.perf_counter() - began) * 1000, 1))
        ordered = sorted(spent)
        report(part="reply with index", p50=round(ordered[500], 2), p95=round(ordered[950], 2), p99=round(ordered[990], 2), most=round(ordered[-1], 2))


def main() -> None:
    """Build, measure, remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--folder", type=Path, default=None)
    wanted = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    from tests.support.migrating import upgrade

    folder = wanted.folder or Path(tempfile.mkdtemp(prefix="hearth-search-"))
    try:
        with database(wanted.database, folder) as url:
            app = opened(folder, url)
            known = folder / "world.pickle"
            with app.app_context():
                if known.exists():
                    upgrade()
                else:
                    known.write_bytes(pickle.dumps(prepare(wanted.requests)))
            world = pickle.loads(known.read_bytes())
            run(app, world)
            if not wanted.folder:
                writing(app, world, wanted.requests)
            size = sum(file.stat().st_size for file in folder.rglob("*.db"))
            report(part="size", megabytes=round(size / 1_000_000))
    finally:
        if not wanted.folder:
            shutil.rmtree(folder, ignore_errors=True)


def opened(folder: Path, url: str) -> Any:
    """The portal over this database."""
    from portal.app import create_app
    from tests.support.stages import make_settings

    return create_app(make_settings(folder / "instance", url, log_level="ERROR"))


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """An address of an empty database; a PostgreSQL server lives as long as the block."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'portal.db'}"
        return
    from tests.support.databases import Postgres, Server

    server = Server(folder / "pg")
    folder.chmod(0o755)
    is_new = not server.folder.exists()
    if is_new:
        server.folder.mkdir()
        server.start()
    else:
        server.resume()
    try:
        found = Postgres(server.folder / "data", "bench")
        if is_new:
            found.empty()
        yield found.url
    finally:
        server.pause()


if __name__ == "__main__":
    sys.exit(main())
