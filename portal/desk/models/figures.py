"""Figures by the day: counts that can be added, and changes to them that are still to be folded in."""

from datetime import date

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Identified


class FigureCount(Base):
    """How often something counted on a day; ``bucket`` is one of working times (``portal.desk.figures``), 0 for the rest."""

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
