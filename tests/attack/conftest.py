"""What the attacks share."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel.db import db
from tests.support.doors import Canaries, plant

LOOKING = {"observations", "heartbeats"}
"""Tables in which reading leaves a trace on purpose."""


@pytest.fixture
def canaries(app: Flask, world: Any) -> Canaries:
    """The company with a row behind every address and a canary in every hidden place."""
    return plant(app, world)


class Dump:
    """Everything in the database, to be compared with what is there later."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.tables = self._read()

    def _read(self) -> dict[str, list[tuple[str, ...]]]:
        found = {}
        with self.app.app_context():
            for table in db.metadata.sorted_tables:
                if table.name in LOOKING:
                    continue
                columns = [column for column in table.columns if (table.name, column.name) != ("sessions", "seen_at")]
                found[table.name] = sorted(tuple(repr(value) for value in row) for row in db.session.execute(sa.select(*columns)))
            db.session.remove()
        return found

    def changes(self) -> dict[str, list[tuple[str, ...]]]:
        """Rows that are new, gone or different, by table."""
        now = self._read()
        differ = {name: sorted(set(now[name]) ^ set(rows)) for name, rows in self.tables.items() if now[name] != rows}
        return {name: rows[:6] for name, rows in differ.items()}


@pytest.fixture
def dump(app: Flask) -> Any:
    """``before = dump(); ...; assert before.changes() == {}``."""
    return lambda: Dump(app)
