"""One ledger of everything a person is told, and how they want to be told."""

from datetime import datetime, time
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Identified, enum_type
from portal.notifications.rules import FailureKind, MailState, Mode

WAITS_FOR_DIGEST = literal_column("mail_state") == literal_column("'digest'")
WAITS_FOR_HOUR = literal_column("mail_state") == literal_column("'hour'")


class Notice(Identified):
    """That somebody was told something; the same thing is never told twice (unique key).

    ``text`` and ``plural`` are message ids; ``params`` and ``facts`` hold plain values and the marked ones of :mod:`portal.notifications.sentences`.
    """

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("person_id", "subject_kind", "subject_id", "kind", "key"),
        Index("ix_notices_person_id_id", "person_id", "id"),
        Index("ix_notices_unread", "person_id", "is_read", "id"),
        # Few rows wait for a mail at a time; SQLite takes a partial index only for a query that repeats its literal.
        Index("ix_notices_digest", "person_id", "created_at", sqlite_where=WAITS_FOR_DIGEST, postgresql_where=WAITS_FOR_DIGEST),
        Index("ix_notices_hour", "person_id", sqlite_where=WAITS_FOR_HOUR, postgresql_where=WAITS_FOR_HOUR),
    )

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    author_id: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(60))
    subject_kind: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(80))
    text: Mapped[str] = mapped_column(String(300))
    plural: Mapped[str | None] = mapped_column(String(300))
    params: Mapped[dict[str, Any]]
    topic: Mapped[str] = mapped_column(String(200), default="")
    facts: Mapped[list[Any]]
    why: Mapped[str] = mapped_column(String(60))
    path: Mapped[str] = mapped_column(String(300))
    excerpt: Mapped[str] = mapped_column(String(2000), default="")
    is_private: Mapped[bool] = mapped_column(default=False)
    is_read: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    mail_state: Mapped[MailState] = mapped_column(enum_type(MailState), default=MailState.NONE)


class MailTurn(Base):
    """When a person last got a mail about a thing, or a digest: never more than one within five minutes, an hour, half a day."""

    __tablename__ = "mail_turns"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(60), primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True)
    mailed_at: Mapped[datetime]


class Preference(Base):
    """How a person wants mail about a kind of notice; the inbox always shows it."""

    __tablename__ = "notice_preferences"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(60), primary_key=True)
    mail: Mapped[Mode] = mapped_column(enum_type(Mode))


class QuietHours(Base):
    """Local times between which a person gets no mail."""

    __tablename__ = "quiet_hours"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    start: Mapped[time]
    end: Mapped[time]


class MailFailure(Identified):
    """That a mail could not be delivered, by the word of a mail server; a mail fails once in each way, however many reports come."""

    __tablename__ = "mail_failures"
    __table_args__ = (UniqueConstraint("mail_id", "kind"), Index("ix_mail_failures_person_id_at", "person_id", "at"))

    person_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    mail_id: Mapped[int] = mapped_column(ForeignKey("mails.id"))
    address: Mapped[str] = mapped_column(String(320))
    status: Mapped[str] = mapped_column(String(20))
    kind: Mapped[FailureKind] = mapped_column(enum_type(FailureKind))
    words: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime]
    is_settled: Mapped[bool] = mapped_column(default=False)


class DeadAddress(Base):
    """That a person's address takes no mail: what they are told stays in the portal until they have another address or somebody tries again."""

    __tablename__ = "dead_addresses"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True, autoincrement=False)
    address: Mapped[str] = mapped_column(String(320))
    status: Mapped[str] = mapped_column(String(20))
    words: Mapped[str] = mapped_column(String(300))
    since: Mapped[datetime]


class AutomaticMail(Base):
    """When an address last got an answer that no person wrote, three times back: a loop of two machines ends at the fourth."""

    __tablename__ = "automatic_mails"

    address: Mapped[str] = mapped_column(String(320), primary_key=True)
    newest: Mapped[datetime]
    second: Mapped[datetime | None]
    third: Mapped[datetime | None]
