"""What people and organisation tell the rest of the portal."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class PersonJoined:
    """Somebody was added."""

    event: ClassVar[str] = "people.person.joined"
    person_id: int


@dataclass(frozen=True)
class PersonChanged:
    """Facts about somebody changed."""

    event: ClassVar[str] = "people.person.changed"
    person_id: int


@dataclass(frozen=True)
class PersonLeft:
    """Somebody's last day is over, or they were deactivated."""

    event: ClassVar[str] = "people.person.left"
    person_id: int


@dataclass(frozen=True)
class DepartmentChanged:
    """Name, lead, value line, calendar or members of a department changed."""

    event: ClassVar[str] = "people.department.changed"
    department_id: int


@dataclass(frozen=True)
class RoleGranted:
    """Somebody may do more."""

    event: ClassVar[str] = "people.role.granted"
    person_id: int
    role: str
    department_id: int | None


@dataclass(frozen=True)
class RoleEnded:
    """Somebody may no longer do so."""

    event: ClassVar[str] = "people.role.ended"
    person_id: int
    role: str
    department_id: int | None


@dataclass(frozen=True)
class CalendarChanged:
    """Working hours have a new version."""

    event: ClassVar[str] = "people.calendar.changed"
    calendar_id: int
    version_id: int


@dataclass(frozen=True)
class AbsencePlanned:
    """Somebody will be away."""

    event: ClassVar[str] = "people.absence.planned"
    person_id: int


@dataclass(frozen=True)
class AbsenceCancelled:
    """Somebody will be here after all."""

    event: ClassVar[str] = "people.absence.cancelled"
    person_id: int


@dataclass(frozen=True)
class LocationChanged:
    """A place where people work was added or changed."""

    event: ClassVar[str] = "people.location.changed"
    location_id: int


@dataclass(frozen=True)
class PeopleImported:
    """A people file was taken over."""

    event: ClassVar[str] = "people.import.finished"
    run_id: int
    added: int
    changed: int
    left: int
    refused: int


@dataclass(frozen=True)
class Invited:
    """Somebody was sent a link to choose a password."""

    event: ClassVar[str] = "people.account.invited"
    person_id: int


@dataclass(frozen=True)
class PasswordChanged:
    """Somebody has a new password; all their other sessions ended."""

    event: ClassVar[str] = "people.account.password"
    person_id: int


@dataclass(frozen=True)
class SecondFactorChanged:
    """Somebody's second factor was set up, taken away, or is to be taken away (``what``: "on", "off", "asked", "kept", "codes")."""

    event: ClassVar[str] = "people.account.second_factor"
    person_id: int
    what: str


@dataclass(frozen=True)
class SignedIn:
    """Somebody came in."""

    event: ClassVar[str] = "people.account.signed_in"
    person_id: int
    device: str


@dataclass(frozen=True)
class SignInFailed:
    """Somebody tried ten times in a row and did not get in."""

    event: ClassVar[str] = "people.account.failed"
    person_id: int
    failures: int


@dataclass(frozen=True)
class SessionsEnded:
    """Sessions of somebody were ended."""

    event: ClassVar[str] = "people.account.signed_out"
    person_id: int
    number: int


@dataclass(frozen=True)
class DirectoryExported:
    """Somebody took the directory as a file, and how many rows went out."""

    event: ClassVar[str] = "people.directory.exported"
    rows: int
    is_whole: bool
