"""Talk among those who answer: who is named in a note, and who has a request open to write."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base


class Mention(Base):
    """Somebody named in a team note; ``written`` is how the note says it, "@" included, shown with their present name."""

    __tablename__ = "message_mentions"
    __table_args__ = (Index("ix_message_mentions_request_id", "request_id"),)

    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True, index=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    written: Mapped[str] = mapped_column(String(200))


class Presence(Base):
    """Somebody writes about a request: ``what`` is reply or note, ``at`` when they last typed."""

    __tablename__ = "presences"

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    what: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(index=True)
