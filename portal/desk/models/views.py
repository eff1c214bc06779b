"""How people look at a queue: views they keep, the one they begin with, and what they may take back for a little while."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Identified


class SavedView(Identified):
    """Filters and an order of one queue under a name, for its maker or for everybody who answers there.

    ``filters`` holds what the address of the queue would say; ``folded`` is the name without case, unique per maker and queue.
    """

    __tablename__ = "saved_views"
    __table_args__ = (
        Index("uq_saved_views_name", "department_id", "owner_id", "folded", unique=True),
        Index("ix_saved_views_owner_id", "owner_id"),
    )

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    name: Mapped[str] = mapped_column(String(60))
    folded: Mapped[str] = mapped_column(String(120))
    is_shared: Mapped[bool] = mapped_column(default=False)
    filters: Mapped[dict[str, Any]]
    position: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class QueueDefault(Base):
    """The view somebody's queue opens with; none: what next."""

    __tablename__ = "queue_defaults"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    view_id: Mapped[int] = mapped_column(ForeignKey("saved_views.id"), index=True)


class QueueUndo(Identified):
    """What somebody did with several requests and may take back until ``expires_at``.

    ``items`` lists, for each request, its number, its version right after, and what stood there before.
    """

    __tablename__ = "queue_undos"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    way: Mapped[str] = mapped_column(String(12))
    items: Mapped[list[Any]]
    done_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
