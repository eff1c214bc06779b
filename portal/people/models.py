"""Tables of people and organisation. A staff number is the identity; an address never is."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Identified, enum_type
from portal.people.rules import initials


class Kind(StrEnum):
    """How somebody belongs to the company."""

    EMPLOYEE = "employee"
    CONTRACTOR = "contractor"
    SERVICE = "service"


class Role(StrEnum):
    """What somebody may do for the whole company or one department, beyond their own work."""

    ADMINISTRATOR = "administrator"
    HR = "hr"
    AUDITOR = "auditor"
    PRIVACY_OFFICER = "privacy_officer"
    EDITOR = "editor"
    APPROVER = "approver"
    AUTHOR = "author"
    SURVEY_OWNER = "survey_owner"


class Calendar(Identified):
    """A named set of working hours; what it says is in its versions."""

    __tablename__ = "calendars"

    name: Mapped[str] = mapped_column(String(120), unique=True)
    created_at: Mapped[datetime]


class CalendarVersion(Identified):
    """Working hours as they were valid from some day on; a running clock keeps its version.

    ``hours`` maps "0" (Monday) to "6" to lists of ["HH:MM", "HH:MM"]; ``holidays`` are ISO dates (of the country and
    added by hand); ``overrides`` map ISO dates to such lists.
    """

    __tablename__ = "calendar_versions"
    __table_args__ = (UniqueConstraint("calendar_id", "version"),)

    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendars.id"), index=True)
    version: Mapped[int]
    zone: Mapped[str] = mapped_column(String(64))
    hours: Mapped[dict[str, Any]]
    country: Mapped[str | None] = mapped_column(String(2))
    subdivision: Mapped[str | None] = mapped_column(String(10))
    holidays: Mapped[list[str]]
    overrides: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]


class Location(Identified):
    """A place where people work."""

    __tablename__ = "locations"

    name: Mapped[str] = mapped_column(String(120), unique=True)
    zone: Mapped[str] = mapped_column(String(64))
    country: Mapped[str | None] = mapped_column(String(2))
    subdivision: Mapped[str | None] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(300), default="")


class Department(Identified):
    """A part of the company; one that serves others owns services and has a queue."""

    __tablename__ = "departments"

    key: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id", use_alter=True), index=True)
    value_line: Mapped[str] = mapped_column(String(160), default="")
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(60))
    calendar_id: Mapped[int | None] = mapped_column(ForeignKey("calendars.id"))
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))


class Person(Identified):
    """Somebody who works here, or did; leavers are deactivated, never deleted by accident."""

    __tablename__ = "persons"
    __table_args__ = (
        Index("ix_persons_sort_name", "sort_name", "id"),
        Index("ix_persons_department_id_sort_name", "department_id", "is_active", "sort_name", "id"),
        Index("ix_persons_is_active_sort_name", "is_active", "sort_name", "id"),
    )

    staff_number: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(160))
    given_name: Mapped[str] = mapped_column(String(80), default="")
    sort_name: Mapped[str] = mapped_column(String(160))
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    kind: Mapped[Kind] = mapped_column(enum_type(Kind), default=Kind.EMPLOYEE)
    title: Mapped[str] = mapped_column(String(120), default="")
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"), index=True)
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))
    place: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str] = mapped_column(String(60), default="")
    zone: Mapped[str | None] = mapped_column(String(64))
    locale: Mapped[str | None] = mapped_column(String(10))
    theme: Mapped[str] = mapped_column(String(10), default="auto")
    keys_off: Mapped[bool] = mapped_column(default=False)
    start_date: Mapped[date | None]
    end_date: Mapped[date | None] = mapped_column(index=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    pronouns: Mapped[str] = mapped_column(String(40), default="")
    pronunciation: Mapped[str] = mapped_column(String(80), default="")
    ask_me_about: Mapped[str] = mapped_column(String(300), default="")
    does_for_others: Mapped[str] = mapped_column(String(160), default="")
    prefers: Mapped[str] = mapped_column(String(160), default="")
    skills: Mapped[str] = mapped_column(String(300), default="")
    search_text: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def initials(self) -> str:
        """Two letters for the disc beside the name."""
        return initials(self.name)

    @property
    def tint(self) -> int:
        """One of six tints, fixed per person."""
        return self.id % 6 + 1

    @property
    def first_name(self) -> str:
        """How colleagues call them."""
        return self.given_name or self.name.split(" ", maxsplit=1)[0]


class Deputy(Base):
    """Somebody who stands in for the lead of a department."""

    __tablename__ = "deputies"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True, index=True)


class Fulfiller(Base):
    """A named member of a serving department; answers its requests."""

    __tablename__ = "fulfillers"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True, index=True)
    on_duty: Mapped[bool] = mapped_column(default=True)
    since: Mapped[datetime]


class RoleGrant(Identified):
    """That somebody holds a role: for the company (no department) or one department, by whom and until when."""

    __tablename__ = "role_grants"
    __table_args__ = (Index("ix_role_grants_person_id", "person_id"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    role: Mapped[Role] = mapped_column(enum_type(Role))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    granted_at: Mapped[datetime]
    until: Mapped[date | None]
    ended_at: Mapped[datetime | None]


class Absence(Identified):
    """Days on which somebody is away, both ends included; the reason is nobody's business."""

    __tablename__ = "absences"
    __table_args__ = (Index("ix_absences_person_id_last_day", "person_id", "last_day"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    stands_in_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime]


class Credential(Base):
    """A person's local password, hashed with argon2id."""

    __tablename__ = "credentials"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    password: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime]


class SecondFactor(Base):
    """An authenticator app that somebody set up. Its seed follows from the instance's key and ``nonce`` and is stored nowhere."""

    __tablename__ = "second_factors"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64))
    last_step: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    removal_at: Mapped[datetime | None] = mapped_column(index=True)
    removal_by: Mapped[int | None]


class RecoveryCode(Identified):
    """One of ten codes for the day the phone is lost; each opens the door once."""

    __tablename__ = "recovery_codes"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[datetime | None]


class Throttle(Base):
    """Tries at the door, by account or by address; rows, so that a restart does not clear them."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    blocked_until: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(index=True)


class ImportRun(Identified):
    """One people file: what it would change, who confirmed it, how far it is."""

    __tablename__ = "import_runs"

    file_id: Mapped[int]
    file_name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20))
    preview: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    leave_missing: Mapped[bool] = mapped_column(default=False)
    started_by: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ImportRefusal(Identified):
    """One row of a people file that was refused, with the reason in words."""

    __tablename__ = "import_refusals"

    run_id: Mapped[int] = mapped_column(ForeignKey("import_runs.id"), index=True)
    line: Mapped[int]
    staff_number: Mapped[str] = mapped_column(String(80))
    reason: Mapped[dict[str, Any]]
