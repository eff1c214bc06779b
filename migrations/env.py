"""How Alembic runs here: on the portal's own engine, one transaction per migration, the same on both databases.

Reached through Flask-Migrate, `portal upgrade` or the tests; in each case an application context is there. A caller may
hand over a connection in ``config.attributes["connection"]``.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context
from sqlalchemy.engine import Connection

from portal.kernel.db import Base, UTCDateTime, db, writing

PLAIN = {"idle_in_transaction_session_timeout": "0", "statement_timeout": "0", "lock_timeout": "10s"}
"""PostgreSQL: a migration may take long, but must not queue the whole portal behind a lock it waits for."""


def render_item(kind: str, item: Any, _autogen: Any) -> str | bool:
    """Write our own column types as SQLAlchemy's, so that an old migration never depends on today's code."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, sa.Enum):
        return f"sa.String({item.length})"
    return False


def compare_type(_context: Any, _inspected: Any, _column: Any, inspected_type: Any, metadata_type: Any) -> bool | None:
    """Enums are text of their length; everything else is compared as Alembic does."""
    if isinstance(metadata_type, sa.Enum):
        return getattr(inspected_type, "length", None) != metadata_type.length
    return None


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Tables of the full-text search are made by hand and unknown to the models."""
    return not (kind == "table" and name is not None and (name.startswith("search_") or name == "sqlite_sequence"))


def run(connection: Connection) -> None:
    """Run what was asked for on ``connection``."""
    sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=sqlite,
        # SQLite can roll DDL back; the driver's own transaction handling, which could not, is switched off in kernel.db.
        transactional_ddl=True,
        transaction_per_migration=True,
        compare_type=compare_type,
        compare_server_default=False,
        render_item=render_item,
        include_name=include_name,
        process_revision_directives=skip_empty,
    )
    with context.begin_transaction():
        context.run_migrations()


def skip_empty(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Write no file when nothing changed."""
    options = context.config.cmd_opts
    if getattr(options, "autogenerate", False) and directives and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def prepare(connection: Connection) -> None:
    """Settings of a connection that changes tables."""
    if connection.dialect.name == "postgresql":
        for name, value in PLAIN.items():
            connection.execute(sa.text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value})
        connection.commit()


def main() -> None:
    """Take the turn of a writer and run."""
    given = context.config.attributes.get("connection")
    mark = writing.set(True)
    try:
        if given is not None:
            run(given)
            return
        with db.engine.connect() as connection:
            prepare(connection)
            foreign_keys(connection, on=False)
            try:
                run(connection)
            finally:
                foreign_keys(connection, on=True)
                connection.invalidate()
    finally:
        writing.reset(mark)


def foreign_keys(connection: Connection, *, on: bool) -> None:
    """Switch SQLite's enforcement: a table that is rebuilt is dropped first, which would take its children along."""
    if connection.dialect.name != "sqlite":
        return
    raw = connection.connection.driver_connection
    if raw is not None:
        raw.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")
        if on and (broken := raw.execute("PRAGMA foreign_key_check").fetchall()):
            raise RuntimeError(f"the migration left rows that point nowhere: {broken[:5]}")


main()
