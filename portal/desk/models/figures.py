"""Figures: counts by the day, changes still to be folded in, the same sums packed by week and month, and how many people there are."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Identified


class FigureCount(Base):
    """How often something counted on a day; ``bucket`` is one of working times (``portal.desk.figures``), or who asked."""

    __tablename__ = "figure_counts"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    measure: Mapped[str] = mapped_column(String(32), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), primary_key=True)
    priority: Mapped[str] = mapped_column(String(12), primary_key=True)
    customer_notices: Mapped[bool] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int]


class FigureChange(Identified):
    """What to add to a count. Only inserted by those who work, so that they never wait for each other; a job folds them."""

    __tablename__ = "figure_changes"
    __table_args__ = (Index("ix_figure_changes_department_id_day", "department_id", "day"),)

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    day: Mapped[date]
    measure: Mapped[str] = mapped_column(String(32))
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"))
    priority: Mapped[str] = mapped_column(String(12))
    customer_notices: Mapped[bool]
    bucket: Mapped[int]
    n: Mapped[int]


class FigureCell(Base):
    """The counts of a whole week or month that is over, packed as JSON; taken away when one of its days changes, and packed anew.

    ``grain`` is "week" for all services together, "week_parts" and "month_parts" for services, priorities and customers apart.
    """

    __tablename__ = "figure_cells"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), primary_key=True)
    grain: Mapped[str] = mapped_column(String(12), primary_key=True)
    start: Mapped[date] = mapped_column(primary_key=True)
    counts: Mapped[str] = mapped_column(Text)


class HeadCount(Base):
    """How many people a department has, counted now and then so that no page counts people."""

    __tablename__ = "head_counts"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), primary_key=True)
    people: Mapped[int]
    counted_at: Mapped[datetime]
