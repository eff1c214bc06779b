"""What is said about a request, with files, and what is typed and not sent yet."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.desk.rules import MessageKind
from portal.kernel.db import Base, Identified, enum_type


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


class Draft(Base):
    """What somebody has typed and not sent yet, by form.

    ``revision`` counts the times it was kept; ``other`` is what another window of theirs had typed when this one took its place.
    """

    __tablename__ = "drafts"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    form: Mapped[str] = mapped_column(String(80), primary_key=True)
    fields: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime] = mapped_column(index=True)
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    other: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
