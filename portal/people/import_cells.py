"""The cells of a people file: what each column may hold, and what is stored for it. Pure.

A column that is left out is not touched. An empty cell empties the field, except those people keep themselves (SELF_KEPT).
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from portal.kernel.errors import Refusal
from portal.kernel.messages import Message, say
from portal.people import rules
from portal.people.models import Kind

COLUMNS = (
    "staff_number",
    "name",
    "given_name",
    "email",
    "kind",
    "title",
    "department",
    "manager",
    "location",
    "zone",
    "language",
    "start_date",
    "end_date",
    "phone",
    "place",
)
NEEDED = ("staff_number", "name")
SELF_KEPT = frozenset({"phone", "place", "zone", "language", "given_name", "kind"})
LIMITS = {"staff_number": 40, "name": 160, "given_name": 80, "title": 120, "phone": 60, "place": 120, "email": 254, "department": 400, "location": 120}
LARGEST = 10_000_000
"""Bytes of a people file; 50,000 rows take about seven million."""
MOST_ROWS = 100_000
EXAMPLE = (
    (
        "MC-0001",
        "Iris Vogel",
        "Iris",
        "iris.vogel@example.com",
        "employee",
        "Managing director",
        "Management",
        "",
        "Mill Road",
        "",
        "",
        "2019-04-01",
        "",
        "",
        "",
    ),
    (
        "MC-0230",
        "Priya Raman",
        "Priya",
        "priya.raman@example.com",
        "employee",
        "Lead",
        "Operations / Facilities",
        "MC-0001",
        "Mill Road",
        "",
        "",
        "",
        "",
        "112",
        "",
    ),
    (
        "MC-0510",
        "Lars Holt",
        "",
        "",
        "contractor",
        "Packer",
        "Warehouse",
        "MC-0001",
        "Harbour",
        "America/New_York",
        "",
        "2026-01-07",
        "2026-12-31",
        "",
        "Dock 4",
    ),
)

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED = frozenset({"suggest"})


@dataclass(frozen=True)
class Known:
    """A person as the portal has them, in the words of the file."""

    id: int
    staff_number: str
    is_active: bool
    protected: bool
    values: Mapping[str, Any]
    """Columns to stored values: ids for department and location, a staff number for the manager, dates, text or None."""


@dataclass(frozen=True)
class World:
    """What a file is compared with."""

    people: Mapping[str, Known]
    departments: Mapping[str, int]
    """Key and folded name to id."""
    parents: Mapping[int, int | None]
    department_names: Mapping[int, str]
    locations: Mapping[str, int]
    owners: Mapping[str, str]
    """Addresses in use, to staff numbers."""
    languages: Collection[str]
    today: date
    guarded: Collection[str] = ()
    """Staff numbers whose address and last day whoever imports may not change."""


@dataclass(frozen=True)
class Row:
    """One line of the file, cleaned but not yet believed."""

    line: int
    cells: Mapping[str, str]

    @property
    def staff_number(self) -> str:
        """Who the line is about."""
        return self.cells.get("staff_number", "")


def values_of(row: Row, world: World) -> tuple[dict[str, Any], Message | None]:
    """The stored values a line asks for, or why it is refused."""
    try:
        return dict(_read(row, world)), None
    except Refusal as refusal:
        return {}, refusal.message


def _read(row: Row, world: World) -> Iterator[tuple[str, Any]]:
    _check_needed(row)
    known = world.people.get(row.staff_number)
    for name, text in row.cells.items():
        if len(text) > LIMITS.get(name, 400):
            raise Refusal(say("%(column)s is longer than %(limit)d characters.", column=name, limit=LIMITS.get(name, 400)))
        if name in ("staff_number", "manager") or (not text and name in SELF_KEPT and known is not None):
            continue
        yield name, _READERS[name](text, world) if name in _READERS else text
    _check_dates(row)


def _check_needed(row: Row) -> None:
    number = row.staff_number
    if not number:
        raise Refusal(say("There is no staff number."))
    if not _NUMBER.fullmatch(number) or number.lower() in _RESERVED:
        raise Refusal(say("The staff number %(value)s has other signs than letters, digits, dot, dash and underscore.", value=number[:40]))
    if not row.cells.get("name"):
        raise Refusal(say("There is no name."))


def _check_dates(row: Row) -> None:
    first, last = (_date(row.cells.get(name, "")) for name in ("start_date", "end_date"))
    if first and last and last < first:
        raise Refusal(say("The last day lies before the first one."))


def _email(text: str, _world: World) -> str | None:
    if text and not rules.is_address(text):
        raise Refusal(say("%(value)s does not look like a mail address.", value=text[:100]))
    return rules.email_key(text)


def _kind(text: str, _world: World) -> Kind:
    try:
        return Kind(text.casefold()) if text else Kind.EMPLOYEE
    except ValueError:
        raise Refusal(say("%(value)s is no kind of person; write employee, contractor or service.", value=text[:60])) from None


def _location(text: str, world: World) -> int | None:
    if not text:
        return None
    if (found := world.locations.get(rules.folded(text))) is None:
        raise Refusal(say("We do not know the location %(value)s. An administrator adds it under Working hours.", value=text))
    return found


def _zone(text: str, _world: World) -> str | None:
    if text and text not in rules.zones():
        raise Refusal(say("%(value)s is no time zone such as Europe/Berlin.", value=text[:64]))
    return text or None


def _language(text: str, world: World) -> str | None:
    if text and text not in world.languages:
        raise Refusal(say("We do not speak %(value)s. Known are: %(known)s.", value=text[:20], known=", ".join(sorted(world.languages))))
    return text or None


def _day(text: str, _world: World) -> date | None:
    return _date(text)


def _date(text: str) -> date | None:
    if not text:
        return None
    for pattern in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007  # a date has no zone
        except ValueError:
            continue
    raise Refusal(say("%(value)s is no date. Write it like 2026-11-24.", value=text[:40]))


def _department(text: str, world: World) -> int | tuple[str, ...] | None:
    """An id, or the path of a department that will be made."""
    if not text:
        return None
    if (by_key := world.departments.get(text)) is not None:
        return by_key
    path = tuple(part.strip() for part in text.split("/") if part.strip())
    if not path or any(len(part) > 120 for part in path) or len(path) > 10:
        raise Refusal(say("%(value)s is no path of departments such as Operations / Facilities.", value=text[:100]))
    found = world.departments.get(rules.folded(path[-1]))
    if found is None:
        return path
    above = world.parents.get(found)
    if len(path) > 1 and rules.folded(world.department_names.get(above or 0, "")) != rules.folded(path[-2]):
        raise Refusal(say("There is a department %(name)s already, and it does not belong to %(parent)s.", name=path[-1], parent=path[-2]))
    return found


_READERS: Mapping[str, Callable[[str, World], Any]] = {
    "email": _email,
    "kind": _kind,
    "department": _department,
    "location": _location,
    "zone": _zone,
    "language": _language,
    "start_date": _day,
    "end_date": _day,
}
