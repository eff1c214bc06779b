"""Tables of the request desk. The event log is the source; clock rows are a cache that can be rebuilt from it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.desk.rules import OPEN, PAUSED, MessageKind, Priority, Status
from portal.kernel.db import Base, Identified, enum_type

__all__ = [
    "OPEN",
    "PAUSED",
    "Alert",
    "Attachment",
    "Breach",
    "CannedReply",
    "Clock",
    "ClockEvent",
    "Draft",
    "Message",
    "MessageKind",
    "NamedFulfiller",
    "Participant",
    "Priority",
    "PromiseVersion",
    "Request",
    "Service",
    "Status",
]


class Service(Identified):
    """An entry of the catalogue: something a department does for others.

    ``fields`` are dicts in the words of ``portal.content.catalogue.FieldContent``; ``words`` what people type, separated by commas;
    ``call_note`` what to do before filling in the form, where a call comes first.
    """

    __tablename__ = "services"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    question: Mapped[str] = mapped_column(String(160))
    hint: Mapped[str] = mapped_column(String(300), default="")
    example: Mapped[str] = mapped_column(String(160), default="")
    call_note: Mapped[str] = mapped_column(String(300), default="")
    outcome: Mapped[str] = mapped_column(String(200), default="")
    words: Mapped[str] = mapped_column(Text, default="")
    icon: Mapped[str] = mapped_column(String(40), default="tool")
    is_confidential: Mapped[bool] = mapped_column(default=False)
    due_field: Mapped[str | None] = mapped_column(String(60))
    fields: Mapped[list[Any]]
    position: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)


class NamedFulfiller(Base):
    """Somebody named for one confidential service; nobody else of the department sees its requests."""

    __tablename__ = "named_fulfillers"

    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True, index=True)


class PromiseVersion(Identified):
    """What a service promises, by priority, as of some day; a running clock keeps its version.

    ``targets`` maps priority to {"first_response": seconds, "next_response": seconds, "resolution": seconds or null,
    "round_the_clock": bool}.
    """

    __tablename__ = "promise_versions"
    __table_args__ = (UniqueConstraint("service_id", "version"),)

    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"))
    version: Mapped[int]
    targets: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]


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
        Index("ix_requests_follow_up", "follow_up_at", sqlite_where=sa.text("awaits_answer = 1"), postgresql_where=sa.text("awaits_answer")),
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


class Participant(Base):
    """Somebody on the requester's side who follows a request."""

    __tablename__ = "participants"

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True, index=True)
    added_by: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    added_at: Mapped[datetime]


class Message(Identified):
    """One entry of the conversation; notes are for the serving side only.

    ``asks`` marks a reply with an open question (R8); ``needs_no_reply`` a requester's message the serving side called thanks (R6).
    """

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_request_id_id", "request_id", "id"),)

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    kind: Mapped[MessageKind] = mapped_column(enum_type(MessageKind))
    body: Mapped[str] = mapped_column(Text)
    next_step: Mapped[str] = mapped_column(String(300), default="")
    next_step_at: Mapped[datetime | None]
    is_first_answer: Mapped[bool] = mapped_column(default=False)
    asks: Mapped[bool] = mapped_column(default=False)
    needs_no_reply: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]


class Attachment(Identified):
    """A file that belongs to an entry of the conversation."""

    __tablename__ = "attachments"

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), index=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"))
    file_id: Mapped[int] = mapped_column(ForeignKey("files.id"))
    name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int]
    added_by: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    added_at: Mapped[datetime]


class ClockEvent(Identified):
    """One thing that moves clocks; append-only, in the words of ``portal.desk.clock.Event``."""

    __tablename__ = "clock_events"
    __table_args__ = (Index("ix_clock_events_request_id_at", "request_id", "at", "id"),)

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(24))
    by: Mapped[str] = mapped_column(String(12))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    data: Mapped[dict[str, Any]]


class Clock(Identified):
    """The state of one clock (and cycle) of a request as of its last event; a cache of the event log."""

    __tablename__ = "clocks"
    __table_args__ = (
        UniqueConstraint("request_id", "name", "cycle"),
        Index("ix_clocks_due", "department_id", "due", sqlite_where=sa.text("due IS NOT NULL"), postgresql_where=sa.text("due IS NOT NULL")),
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


class Draft(Base):
    """What somebody has typed and not sent yet, by form."""

    __tablename__ = "drafts"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    form: Mapped[str] = mapped_column(String(80), primary_key=True)
    fields: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]


class CannedReply(Identified):
    """A prepared reply of a department; ``is_acknowledgement`` ones never stop a clock (R4)."""

    __tablename__ = "canned_replies"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    body: Mapped[str] = mapped_column(Text)
    is_acknowledgement: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)
