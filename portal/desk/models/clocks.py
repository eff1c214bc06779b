"""The event log and what follows from it. The log is the source; clock rows are a cache that can be rebuilt from it."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Identified

COMES_AND_GOES = ("opened", "resolved", "reopened", "cancelled")
"""Kinds of events that figures count by the day."""
PLACED = sa.text("day IS NOT NULL")
COMES_UNPLACED = sa.text("day IS NULL AND kind IN ('opened', 'resolved', 'reopened', 'cancelled')")
STOPPED = sa.text("stop_day IS NOT NULL")
STOPPED_UNPLACED = sa.text("stopped_at IS NOT NULL AND stop_day IS NULL")
RUNNING = sa.text("stopped_at IS NULL AND due IS NOT NULL")


class ClockEvent(Identified):
    """One thing that moves clocks; append-only, in the words of ``portal.desk.clock.Event``.

    ``day`` to ``customer_notices`` say where figures count it: with whom and as what the request was then. Only what comes and goes has them.
    """

    __tablename__ = "clock_events"
    __table_args__ = (
        Index("ix_clock_events_request_id_at", "request_id", "at", "id"),
        Index("ix_clock_events_figures", "department_id", "kind", "day", "id", sqlite_where=PLACED, postgresql_where=PLACED),
        Index("ix_clock_events_unplaced", "id", sqlite_where=COMES_UNPLACED, postgresql_where=COMES_UNPLACED),
    )

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(24))
    by: Mapped[str] = mapped_column(String(12))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    data: Mapped[dict[str, Any]]
    day: Mapped[date | None]
    department_id: Mapped[int | None]
    service_id: Mapped[int | None]
    priority: Mapped[str | None] = mapped_column(String(12))
    customer_notices: Mapped[bool | None]
    asked_from: Mapped[int | None]
    is_open_ended: Mapped[bool | None]


class Clock(Identified):
    """The state of one clock (and cycle) of a request as of its last event; a cache of the event log.

    ``service_id``, ``priority`` and ``customer_notices`` are what the request was when the cycle stopped: figures count it there, its
    verdict on ``due_day``, its working time and the time on the wall (buckets of ``portal.desk.figures``) on ``stop_day``.
    """

    __tablename__ = "clocks"
    __table_args__ = (
        UniqueConstraint("request_id", "name", "cycle"),
        Index("ix_clocks_due", "department_id", "due", sqlite_where=sa.text("due IS NOT NULL"), postgresql_where=sa.text("due IS NOT NULL")),
        Index("ix_clocks_running", "department_id", "due", sqlite_where=RUNNING, postgresql_where=RUNNING),
        Index("ix_clocks_stop_day", "department_id", "stop_day", "id", sqlite_where=STOPPED, postgresql_where=STOPPED),
        Index("ix_clocks_unplaced", "id", sqlite_where=STOPPED_UNPLACED, postgresql_where=STOPPED_UNPLACED),
    )

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    name: Mapped[str] = mapped_column(String(20))
    cycle: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(String(12))
    due: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    target_seconds: Mapped[int | None]
    worked_seconds: Mapped[int] = mapped_column(default=0)
    paused_seconds: Mapped[int] = mapped_column(default=0)
    next_alert_at: Mapped[datetime | None]
    next_threshold: Mapped[int | None]
    service_id: Mapped[int | None]
    priority: Mapped[str | None] = mapped_column(String(12))
    customer_notices: Mapped[bool | None]
    due_day: Mapped[date | None]
    stop_day: Mapped[date | None]
    time_bucket: Mapped[int | None]
    elapsed_bucket: Mapped[int | None]


class Breach(Identified):
    """That a due instant passed; written once per clock and cycle by whoever sees it first, never deleted (R13)."""

    __tablename__ = "breaches"
    __table_args__ = (UniqueConstraint("request_id", "clock", "cycle"),)

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    clock: Mapped[str] = mapped_column(String(20))
    cycle: Mapped[int] = mapped_column(default=0)
    due: Mapped[datetime]
    noted_at: Mapped[datetime]


class Alert(Base):
    """That a warning was given; idempotent on clock, cycle and threshold (R17), whatever the due instant was then."""

    __tablename__ = "alerts"

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), primary_key=True)
    clock: Mapped[str] = mapped_column(String(20), primary_key=True)
    cycle: Mapped[int] = mapped_column(primary_key=True)
    threshold: Mapped[int] = mapped_column(primary_key=True)
    due: Mapped[datetime]
    given_at: Mapped[datetime]
