"""The database: one declarative base, UTC instants, enums by value, and an engine set up for SQLite or PostgreSQL."""

from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, ORMExecuteState, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

from portal.kernel.settings import Settings

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

writing: ContextVar[bool] = ContextVar("writing", default=False)
"""True inside a unit of work; decides between BEGIN and BEGIN IMMEDIATE on SQLite."""


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """An instant. Naive values are refused: a clock that guesses a zone is wrong twice a year."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """What paging by key asks for; a decorated type answers ``object`` otherwise."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values; SQLite keeps UTC without an offset."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a zone cannot be stored")
        moved = value.astimezone(UTC)
        return moved.replace(tzinfo=None) if dialect.name == "sqlite" else moved

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Instants come back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def enum_type(kind: type[StrEnum]) -> sa.Enum:
    """A column type that stores an enum's value as text; new members need no migration."""
    return sa.Enum(kind, values_callable=lambda members: [m.value for m in members], native_enum=False, length=40, create_constraint=False)


class Base(DeclarativeBase):
    """Base of every table; tables are named explicitly."""

    metadata = sa.MetaData(naming_convention=NAMES)
    type_annotation_map = {
        datetime: UTCDateTime(),
        date: sa.Date(),
        time: sa.Time(),
        dict[str, Any]: sa.JSON(),
        list[Any]: sa.JSON(),
        list[str]: sa.JSON(),
        list[int]: sa.JSON(),
    }


class PortalSession(FlaskSession):
    """Flask-SQLAlchemy's session, which otherwise ignores a bind given to it (tests bind a savepoint connection)."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        """The explicit bind when there is one, else the application's engine."""
        return self.bind if self.bind is not None else super().get_bind(*args, **kwargs)


@event.listens_for(PortalSession, "before_flush")
def _only_in_a_unit_of_work(session: Any, *_: Any) -> None:
    if not writing.get() and (session.new or session.dirty or session.deleted):
        raise RuntimeError("a read changes nothing: writing happens in a unit of work")


@event.listens_for(PortalSession, "do_orm_execute")
def _no_stray_statement(state: ORMExecuteState) -> None:
    if not writing.get() and (state.is_insert or state.is_update or state.is_delete):
        raise RuntimeError("a read changes nothing: writing happens in a unit of work")


db = SQLAlchemy(metadata=Base.metadata, session_options={"class_": PortalSession, "expire_on_commit": False})


def setup(app: Flask, settings: Settings) -> None:
    """Bind the application to its database."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings.database, settings.threads)
    db.init_app(app)
    with app.app_context():
        prepare(db.engine)


def engine_options(url: str, threads: int = 8) -> dict[str, Any]:
    """Pool and time-outs (seconds) for the database at ``url``; a page may need a second connection for what is noted beside it."""
    pool = {"hide_parameters": True, "pool_size": threads + 4, "max_overflow": threads + 8, "pool_timeout": 5}
    if url.startswith("sqlite"):
        return pool | {"connect_args": {"timeout": 5, "check_same_thread": False}}
    options = "-c jit=off -c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
    return pool | {"pool_pre_ping": True, "connect_args": {"options": options, "connect_timeout": 5}}


def prepare(engine: Engine) -> None:
    """Pragmas and explicit BEGIN for SQLite; nothing to do for PostgreSQL."""
    if engine.dialect.name == "sqlite" and not event.contains(engine, "begin", _begin):
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _begin)


def _on_connect(connection: Any, _entry: ConnectionPoolEntry) -> None:
    # The driver's own transaction handling hides BEGIN; savepoints and immediate writers need it explicit.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # NORMAL lost acknowledged rows in simulated power cuts
        "foreign_keys=ON",
        "busy_timeout=5000",
        "trusted_schema=OFF",
        "secure_delete=ON",
        "cache_size=-8000",  # kB; with the usual 2 MB a queue of a thousand requests is read from the file for every page
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing.get() else "BEGIN")


class Identified(Base):
    """A table with a numeric key."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True)


def is_sqlite() -> bool:
    """True when the application runs on the embedded database."""
    return bool(db.engine.dialect.name == "sqlite")
