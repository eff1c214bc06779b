"""Requests and those on the requester's side."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.desk.rules import Priority, Status
from portal.kernel.db import Base, Identified, enum_type

RESTING = sa.text("snoozed_until IS NOT NULL")


class Request(Identified):
    """One ask from a person to a department. Its number is its id."""

    __tablename__ = "requests"
    __table_args__ = (
        Index("ix_requests_queue", "department_id", "next_due_at", "id", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")),
        Index("ix_requests_mine_to_do", "assignee_id", "next_due_at", "id", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")),
        Index("ix_requests_alerts", "next_alert_at", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")),
        Index("ix_requests_department_id_id", "department_id", "id"),
        Index("ix_requests_requester_id_id", "requester_id", "id"),
        Index("ix_requests_filed_by_id_id", "filed_by_id", "id"),
        Index("ix_requests_service_id_requester_id", "service_id", "requester_id", "id"),
        Index("ix_requests_service_open", "service_id", "id", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")),
        Index("ix_requests_requester_open", "requester_id", "id", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")),
        Index("ix_requests_from_department_id_id", "from_department_id", "id"),
        Index(
            "ix_requests_awaiting",
            "department_id",
            "follow_up_at",
            "id",
            sqlite_where=sa.text("awaits_answer = 1"),
            postgresql_where=sa.text("awaits_answer"),
        ),
        Index("ix_requests_asks", "requester_id", "id", sqlite_where=sa.text("awaits_answer = 1"), postgresql_where=sa.text("awaits_answer")),
        Index("ix_requests_open_age", "department_id", "received_at", "id", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")),
        Index("ix_requests_follow_up", "follow_up_at", sqlite_where=sa.text("awaits_answer = 1"), postgresql_where=sa.text("awaits_answer")),
        Index("ix_requests_open_number", "department_id", "id", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")),
        Index("ix_requests_open_quiet", "department_id", "updated_at", "id", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")),
        Index("ix_requests_resting", "department_id", "snoozed_until", "id", sqlite_where=RESTING, postgresql_where=RESTING),
        Index("ix_requests_wake", "snoozed_until", sqlite_where=RESTING, postgresql_where=RESTING),
    )

    title: Mapped[str] = mapped_column(String(200))
    requester_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    filed_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    from_department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"))
    status: Mapped[Status] = mapped_column(enum_type(Status), default=Status.NEW)
    priority: Mapped[Priority] = mapped_column(enum_type(Priority), default=Priority.NORMAL)
    customer_notices: Mapped[bool] = mapped_column(default=False)
    customer_impact: Mapped[str] = mapped_column(String(300), default="")
    call_me: Mapped[bool] = mapped_column(default=False)
    call_number: Mapped[str] = mapped_column(String(60), default="")
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))
    place: Mapped[str] = mapped_column(String(120), default="")
    answers: Mapped[dict[str, Any]]
    is_confidential: Mapped[bool] = mapped_column(default=False)
    is_open: Mapped[bool] = mapped_column(default=True)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    waits_for: Mapped[str] = mapped_column(String(120), default="")
    next_step: Mapped[str] = mapped_column(String(300), default="")
    next_step_at: Mapped[datetime | None]
    calendar_version_id: Mapped[int] = mapped_column(ForeignKey("calendar_versions.id"))
    promise_version_id: Mapped[int] = mapped_column(ForeignKey("promise_versions.id"))
    next_clock: Mapped[str | None] = mapped_column(String(20))
    next_due_at: Mapped[datetime | None]
    next_alert_at: Mapped[datetime | None]
    message_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    received_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    relieved_at: Mapped[datetime | None]
    first_resolved_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    resolution_kind: Mapped[str | None] = mapped_column(String(20))
    outcome: Mapped[str | None] = mapped_column(String(20))
    awaits_answer: Mapped[bool] = mapped_column(default=False)
    follow_up_at: Mapped[datetime | None]
    reopen_count: Mapped[int] = mapped_column(default=0)
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("requests.id"))
    channel: Mapped[str] = mapped_column(String(12), default="web")
    version: Mapped[int] = mapped_column(default=1)
    snoozed_until: Mapped[datetime | None]


class Participant(Base):
    """Somebody on the requester's side who follows a request."""

    __tablename__ = "participants"

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True, index=True)
    added_by: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    added_at: Mapped[datetime]
