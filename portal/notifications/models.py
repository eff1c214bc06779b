"""One ledger of everything a person is told, and how they want to be told."""

from datetime import datetime, time
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Identified


class Notice(Identified):
    """That somebody was told something; the same thing is never told twice (unique key)."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("person_id", "kind", "subject_kind", "subject_id", "key"),
        Index("ix_notices_person_id_id", "person_id", "id"),
        Index("ix_notices_unread", "person_id", "is_read", "id"),
        Index("ix_notices_bundle", "person_id", "subject_kind", "subject_id", "mail_state"),
    )

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    kind: Mapped[str] = mapped_column(String(60))
    subject_kind: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(80))
    text: Mapped[str] = mapped_column(String(300))
    params: Mapped[dict[str, Any]]
    why: Mapped[str] = mapped_column(String(60))
    path: Mapped[str] = mapped_column(String(300))
    excerpt: Mapped[str] = mapped_column(String(2000), default="")
    is_private: Mapped[bool] = mapped_column(default=False)
    is_read: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    mail_state: Mapped[str] = mapped_column(String(12), default="none")


class MailTurn(Base):
    """When a person last got a mail about a thing: never more than one within five minutes."""

    __tablename__ = "mail_turns"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(60), primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True)
    mailed_at: Mapped[datetime]


class Preference(Base):
    """Which channel a person wants for a kind of notice: ``mail`` is now, digest or off; the portal always shows it."""

    __tablename__ = "notice_preferences"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(60), primary_key=True)
    mail: Mapped[str] = mapped_column(String(10))


class QuietHours(Base):
    """Local times between which a person gets no mail."""

    __tablename__ = "quiet_hours"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    start: Mapped[time]
    end: Mapped[time]
