"""Requests of an earlier desk: the files they come from, and which request was which row."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Identified


class RequestImport(Identified):
    """One file of old requests: what was chosen for it, what it would do, how far it is.

    ``state`` is reading, preview, running, done, discarded, stopped or unreadable; ``position`` is the number of rows that are behind us.
    """

    __tablename__ = "request_imports"

    file_id: Mapped[int]
    file_name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20))
    options: Mapped[dict[str, Any]]
    preview: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    total: Mapped[int] = mapped_column(default=0)
    position: Mapped[int] = mapped_column(default=0)
    made: Mapped[int] = mapped_column(default=0)
    started_by: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class TakenRequest(Base):
    """That a request comes from an earlier desk. ``key`` says which row it was, so that none is taken twice; ``words`` stands for its subject.

    ``asked_by`` names whoever asked where nobody here is known by that name.
    """

    __tablename__ = "taken_requests"
    __table_args__ = (Index("ix_taken_requests_import_id", "import_id", "request_id"),)

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), primary_key=True, autoincrement=False)
    import_id: Mapped[int] = mapped_column(ForeignKey("request_imports.id"))
    key: Mapped[str] = mapped_column(String(32), unique=True)
    words: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(80))
    number: Mapped[str] = mapped_column(String(80), default="")
    asked_by: Mapped[str] = mapped_column(String(160), default="")
