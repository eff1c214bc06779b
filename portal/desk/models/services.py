"""What a department offers, what it promises, and its prepared replies."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Identified


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
    takes_mail: Mapped[bool] = mapped_column(default=False)


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


class CannedReply(Identified):
    """A prepared reply of a department; ``is_acknowledgement`` ones never stop a clock (R4)."""

    __tablename__ = "canned_replies"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    body: Mapped[str] = mapped_column(Text)
    is_acknowledgement: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)
