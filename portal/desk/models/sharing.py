"""How a department shares out what comes in: the way, who takes how much, whose turn it was, what may come back."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.desk.turns import Way
from portal.kernel.db import Base, Identified, enum_type

WHOLE = sa.text("service_id IS NULL")


class SharingRule(Identified):
    """The way of a department, or of one of its services, which goes before it.

    ``floor`` is the place in the round of whoever had the last turn; ``turn`` counts turns. ``away_days`` (None: never) and
    ``returns_idle`` say when an unanswered request goes back to the queue; they are read from the rule of the department.
    """

    __tablename__ = "sharing_rules"
    __table_args__ = (
        Index("uq_sharing_rules_whole", "department_id", unique=True, sqlite_where=WHOLE, postgresql_where=WHOLE),
        Index("ix_sharing_rules_department_id", "department_id"),
    )

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"), unique=True)
    way: Mapped[Way] = mapped_column(enum_type(Way))
    turn: Mapped[int] = mapped_column(default=0)
    floor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    away_days: Mapped[int | None]
    returns_idle: Mapped[bool] = mapped_column(default=False)


class SharingShare(Base):
    """How much of a department's work somebody takes: ``weight`` turns in a round, at most ``cap`` open requests (None: any number)."""

    __tablename__ = "sharing_shares"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    weight: Mapped[int] = mapped_column(default=1)
    cap: Mapped[int | None]


class SharingTurn(Base):
    """Where somebody stands in the round of a rule, and when they were last given something by it."""

    __tablename__ = "sharing_turns"

    rule_id: Mapped[int] = mapped_column(ForeignKey("sharing_rules.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    place: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    last_at: Mapped[datetime | None]


class SharingWatch(Base):
    """A request somebody was given and has not answered yet; looked at again at ``due_at``."""

    __tablename__ = "sharing_watches"

    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    since: Mapped[datetime]
    due_at: Mapped[datetime] = mapped_column(index=True)
