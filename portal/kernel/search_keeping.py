"""Keeping full text true to the rows: renewed with every commit, merged a little at a time, checked, and filled anew when need be.

PostgreSQL does the renewing in triggers at the end of a transaction. On SQLite triggers note what changed in ``<name>_stale`` and keep the
document as it was there, because FTS5 needs the old words to forget them and is not let into triggers while ``trusted_schema`` is off;
what they noted is taken up here before the transaction ends. For an index ``search_things`` there are:

``search_things``        the index itself        ``search_things_texts``   a view: id, title, body, note, scope, answers (JSON)
``search_things_stale``  SQLite: the notes       ``search_things_words``   PostgreSQL: a function from id to tsvector
``search_things_known``  SQLite: its vocabulary
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.engine import Connection

from portal.kernel import search
from portal.kernel.db import db, is_sqlite
from portal.kernel.search import fold, words_of
from portal.kernel.unit_of_work import unit_of_work

AT_ONCE = 1000
"""Documents that are renewed with one commit; more of them only come from outside, and a job takes them up."""
BATCH = 2000
PAGES, STEPS = 200, 40
"""Pages that are merged in one transaction, and such steps in one run: each holds up writers for some milliseconds."""

log = structlog.get_logger(__name__)


def setup(app: Flask) -> None:
    """Let every commit on SQLite renew the documents of what it changed."""
    with app.app_context():
        if is_sqlite() and not event.contains(db.engine, "commit", _on_commit):
            event.listen(db.engine, "commit", _on_commit)


def _on_commit(connection: Connection) -> None:
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        for known in search.known():
            _renew(raw, known.name)


def _renew(raw: sqlite3.Connection, name: str) -> None:
    """Renew noted documents. A search that fails must not take along what people write: the notes stay, and the next commit tries again."""
    try:
        if raw.execute(f"SELECT 1 FROM {name}_stale LIMIT 1").fetchone() is None:  # noqa: S608 - our own names
            return
        raw.execute("SAVEPOINT search")
        renew(raw, name)
        raw.execute("RELEASE search")
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error):
            return  # the migration that makes it has not run yet
        if not raw.in_transaction:
            raise
        raw.execute("ROLLBACK TO search")
        raw.execute("RELEASE search")
        log.exception("search documents were not renewed", index=name)


def renew(raw: sqlite3.Connection, name: str) -> int:
    """Replace the documents that were noted as changed, the newest first; how many. SQLite only."""
    stale = raw.execute(f"SELECT * FROM {name}_stale ORDER BY id DESC LIMIT ?", (AT_ONCE,)).fetchall()  # noqa: S608 - our own names
    for old in reversed(stale):
        # One after the other: FTS5 writes out what it has whenever numbers go back.
        if old[1] is not None:
            _write(raw, name, [old], forget=True)
        _write(raw, name, raw.execute(f"SELECT * FROM {name}_texts WHERE id = ?", old[:1]).fetchall())  # noqa: S608 - our own names
        raw.execute(f"DELETE FROM {name}_stale WHERE id = ?", old[:1])  # noqa: S608 - our own names
    return len(stale)


def _write(raw: sqlite3.Connection, name: str, rows: Sequence[tuple[Any, ...]], *, forget: bool = False) -> None:
    """A document is forgotten with the very words it was written with: whoever changes how they are made fills the index anew."""
    columns, values = (f"{name}, rowid", "'delete', ?") if forget else ("rowid", "?")
    documents = [(number, fold(title), fold(f"{body} {told(answers)}"), fold(note), scope) for number, title, body, note, scope, answers in rows]
    raw.executemany(f"INSERT INTO {name} ({columns}, title, body, note, scope) VALUES ({values}, ?, ?, ?, ?)", documents)  # noqa: S608 - our own names


def told(answers: str | None) -> str:
    """The texts among the answers of a form, from their JSON."""
    try:
        return " ".join(texts_in(json.loads(answers or "{}")))
    except ValueError:
        return ""


def texts_in(answers: Any) -> list[str]:
    """The texts in a value made of dicts and lists, at any depth."""
    waiting, found = [answers], []
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    return found


def _raw() -> sqlite3.Connection:
    raw = db.session.connection().connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        raise TypeError("this is done on SQLite only")
    return raw


# -- merging ------------------------------------------------------------------------------------------------------------


def tidy() -> None:
    """Merge what commits have written, in short transactions, and take up what the last commits left; opens its own units of work."""
    for known in search.known() if is_sqlite() else ():
        for _ in range(STEPS):
            with unit_of_work():
                if not _merge(_raw(), known.name):
                    break


def _merge(raw: sqlite3.Connection, name: str) -> bool:
    """One step; whether it found something to do. FTS5 counts one change for the command itself."""
    before = raw.total_changes
    raw.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('merge', ?)", (PAGES,))  # noqa: S608 - our own names
    return raw.total_changes - before >= 2


# -- filling ------------------------------------------------------------------------------------------------------------


def refill(name: str) -> Iterator[int]:
    """Write every document anew, a batch in each unit of work; yields the number of the last row. The portal may go on meanwhile."""
    rows = sa.table(name.removeprefix("search_"), sa.column("id", sa.Integer))
    with unit_of_work():
        _forget_all(name)
    last = 0
    while True:
        with unit_of_work() as session:
            numbers = list(session.scalars(sa.select(rows.c.id).where(rows.c.id > last).order_by(rows.c.id).limit(BATCH)))
            if not numbers:
                return
            _fill(name, rows, last, numbers[-1])
        last = numbers[-1]
        yield last


def take_in(name: str, first: int, last: int) -> None:
    """Write the documents of new rows at once instead of one by one with the commit. No older row may have a number among or above theirs.

    Part of the caller's unit of work. PostgreSQL's triggers do it by themselves.
    """
    if is_sqlite():
        _raw().execute(f"DELETE FROM {name}_stale WHERE id BETWEEN ? AND ?", (first, last))  # noqa: S608 - our own names
        _fill(name, None, first - 1, last)


def _forget_all(name: str) -> None:
    if is_sqlite():
        raw = _raw()
        raw.execute(f"INSERT INTO {name} ({name}) VALUES ('delete-all')")  # noqa: S608 - our own names
        raw.execute(f"DELETE FROM {name}_stale")  # noqa: S608 - our own names


def _fill(name: str, rows: Any, after: int, upto: int) -> None:
    if is_sqlite():
        raw = _raw()
        _write(raw, name, raw.execute(f"SELECT * FROM {name}_texts WHERE id > ? AND id <= ? ORDER BY id", (after, upto)).fetchall())  # noqa: S608 - our own names
        return
    table = _table(name)
    fresh = sa.select(rows.c.id, _words(name, rows.c.id), sa.literal(0)).where(rows.c.id > after, rows.c.id <= upto)
    insert = pg_insert(table).from_select(["id", "words", "renewed"], fresh)
    db.session.execute(insert.on_conflict_do_update(index_elements=["id"], set_={"words": insert.excluded.words}))


def _table(name: str) -> Any:
    return sa.table(name, sa.column("id", sa.Integer), sa.column("words", TSVECTOR), sa.column("renewed", sa.BigInteger))


def _words(name: str, number: Any) -> Any:
    return getattr(sa.func, f"{name}_words")(number)


# -- checking -----------------------------------------------------------------------------------------------------------


def astray(name: str, numbers: Sequence[int]) -> list[int]:
    """Which of these rows the index does not find by their own words and scopes, or knows other words of."""
    if not is_sqlite():
        table = _table(name)
        agrees = sa.exists().where(table.c.id == sa.column("number"), table.c.words == _words(name, sa.column("number")))
        given = sa.select(sa.func.unnest(sa.cast(list(numbers), sa.ARRAY(sa.Integer))).label("number")).subquery()
        return list(db.session.scalars(sa.select(given.c.number).where(~agrees.correlate(given))))
    raw = _raw()
    texts = [row for number in numbers for row in raw.execute(f"SELECT * FROM {name}_texts WHERE id = ?", (number,))]  # noqa: S608 - our own names
    found = f"SELECT 1 FROM {name} WHERE {name} MATCH ? AND rowid = ?"  # noqa: S608 - our own names
    return [row[0] for row in texts if raw.execute(found, (_itself(row), row[0])).fetchone() is None]


def _itself(row: tuple[Any, ...]) -> str:
    """The query that finds a document by how its texts begin."""
    _, title, body, note, scope, _ = row
    starts = [(part, " ".join(words_of(text)[:12])) for part, text in (("title", title), ("body", body), ("note", note))]
    return " AND ".join([*(f'{part} : "{start}"' for part, start in starts if start), *(f'scope : "{token}"' for token in scope.split())])


def waiting(name: str) -> int:
    """How many documents wait to be renewed; more than a few only after something wrote past the portal."""
    return int(_raw().execute(f"SELECT count(*) FROM {name}_stale").fetchone()[0]) if is_sqlite() else 0  # noqa: S608 - our own names


def triggers(name: str) -> int:
    """How many triggers keep the index; a table that is rebuilt loses its own without a word."""
    if is_sqlite():
        return int(_raw().execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND sql LIKE ?", (f"%{name}_stale%",)).fetchone()[0])
    query = sa.text("SELECT count(*) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.proname = :name AND t.tgenabled <> 'D'")
    return int(db.session.scalar(query, {"name": f"{name}_renew"}) or 0)
