"""People files: what they say, and how that differs from what is known. Pure: values in, a plan out, nothing written.

A column that is left out is not touched. An empty cell empties the field, except those people keep themselves (SELF_KEPT).
Persons are matched by staff number and by nothing else.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from portal.kernel.errors import Refusal
from portal.kernel.forms import clean_line
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


@dataclass(frozen=True)
class Row:
    """One line of the file, cleaned but not yet believed."""

    line: int
    cells: Mapping[str, str]

    @property
    def staff_number(self) -> str:
        """Who the line is about."""
        return self.cells.get("staff_number", "")


@dataclass(frozen=True)
class Refused:
    """A line that is not taken over, with the reason."""

    line: int
    staff_number: str
    reason: Message


@dataclass(frozen=True)
class Change:
    """What becomes of one person: ``values`` to store, and of those that differ (before, after)."""

    line: int
    staff_number: str
    name: str
    values: Mapping[str, Any]
    differs: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    known_id: int | None = None


@dataclass
class Plan:
    """What a file would do."""

    added: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    unchanged: int = 0
    leaving: list[Known] = field(default_factory=list)
    kept: list[Known] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    departments: list[tuple[str, ...]] = field(default_factory=list)
    """Paths of departments that do not exist yet, parents first."""

    @property
    def total(self) -> int:
        """How many persons will be written."""
        return len(self.added) + len(self.changed) + len(self.leaving)


def parse(rows: Iterable[tuple[int, Sequence[str]]]) -> list[Row]:
    """The lines of a file under its header; Refusal for a header that misses or doubles columns, or for too many rows."""
    reading = iter(rows)
    header = _header(next(reading, (1, [])))
    found: list[Row] = []
    for line, cells in reading:
        if len(found) >= MOST_ROWS:
            raise Refusal(say("The file has more than %(number)d rows. Split it.", number=MOST_ROWS))
        found.append(Row(line, {name: _cell(cells[place]) if place < len(cells) else "" for place, name in header}))
    return found


def _cell(text: str) -> str:
    # Nearly every cell is plain; cleaning all of 50,000 rows would cost half of the time.
    return text.strip() if text.isascii() and text.isprintable() and "  " not in text else clean_line(text)


def _header(first: tuple[int, Sequence[str]]) -> list[tuple[int, str]]:
    names = [rules.folded(cell).replace(" ", "_") for cell in first[1]]
    known = [(place, name) for place, name in enumerate(names) if name in COLUMNS]
    doubled = [name for name, number in Counter(name for _, name in known).items() if number > 1]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        listed = ", ".join(missing)
        raise Refusal(say("The first line must name the columns, and we miss: %(columns)s. Download the template to see how.", columns=listed))
    if doubled:
        raise Refusal(say("The first line names these columns twice: %(columns)s.", columns=", ".join(doubled)))
    return known


def unknown_columns(first: Sequence[str]) -> list[str]:
    """Columns of the header that we do not know and leave alone."""
    return [cell.strip()[:60] for cell in first if cell.strip() and rules.folded(cell).replace(" ", "_") not in COLUMNS]


def diff(rows: Sequence[Row], world: World, *, leave_missing: bool) -> Plan:
    """Compare a file with what is known; linear in both."""
    plan = Plan()
    doubled = _doubled(rows)
    believed: list[tuple[Row, dict[str, Any]]] = []
    for row in rows:
        reason = doubled.get(row.line)
        values: dict[str, Any] = {}
        if reason is None:
            values, reason = _values(row, world, plan)
        if reason is not None:
            plan.refused.append(Refused(row.line, row.staff_number[:80], reason))
        else:
            believed.append((row, values))
    believed = _with_managers(believed, world, plan)
    moving = _moving(believed, world)
    for row, values in believed:
        _place(row, values, world, plan, moving)
    _note_departments(plan)
    if leave_missing:
        _leaving(rows, world, plan)
    plan.refused.sort(key=lambda refused: refused.line)
    return plan


def _doubled(rows: Sequence[Row]) -> dict[int, Message]:
    numbers = Counter(row.staff_number for row in rows if row.staff_number)
    addresses = Counter(row.cells.get("email", "").casefold() for row in rows if row.cells.get("email"))
    found: dict[int, Message] = {}
    for row in rows:
        if numbers[row.staff_number] > 1:
            found[row.line] = say("The staff number %(value)s stands in this file more than once.", value=row.staff_number[:40])
        elif addresses.get(row.cells.get("email", "").casefold(), 0) > 1:
            found[row.line] = say("The address %(value)s stands in this file more than once.", value=row.cells["email"][:254])
    return found


# -- one line --------------------------------------------------------------------------------------------------------


def _values(row: Row, world: World, plan: Plan) -> tuple[dict[str, Any], Message | None]:
    """The stored values a line asks for, or why it is refused."""
    try:
        return dict(_read(row, world, plan)), None
    except Refusal as refusal:
        return {}, refusal.message


def _read(row: Row, world: World, plan: Plan) -> Iterator[tuple[str, Any]]:
    _check_needed(row)
    known = world.people.get(row.staff_number)
    for name, text in row.cells.items():
        if len(text) > LIMITS.get(name, 400):
            raise Refusal(say("%(column)s is longer than %(limit)d characters.", column=name, limit=LIMITS.get(name, 400)))
        if name in ("staff_number", "manager") or (not text and name in SELF_KEPT and known is not None):
            continue
        yield name, _READERS[name](text, world, plan) if name in _READERS else text
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


def _email(text: str, _world: World, _plan: Plan) -> str | None:
    if text and not rules.is_address(text):
        raise Refusal(say("%(value)s does not look like a mail address.", value=text[:100]))
    return rules.email_key(text)


def _kind(text: str, _world: World, _plan: Plan) -> Kind:
    try:
        return Kind(text.casefold()) if text else Kind.EMPLOYEE
    except ValueError:
        raise Refusal(say("%(value)s is no kind of person; write employee, contractor or service.", value=text[:60])) from None


def _location(text: str, world: World, _plan: Plan) -> int | None:
    if not text:
        return None
    if (found := world.locations.get(rules.folded(text))) is None:
        raise Refusal(say("We do not know the location %(value)s. An administrator adds it under Working hours.", value=text))
    return found


def _zone(text: str, _world: World, _plan: Plan) -> str | None:
    if text and text not in rules.zones():
        raise Refusal(say("%(value)s is no time zone such as Europe/Berlin.", value=text[:64]))
    return text or None


def _language(text: str, world: World, _plan: Plan) -> str | None:
    if text and text not in world.languages:
        raise Refusal(say("We do not speak %(value)s. Known are: %(known)s.", value=text[:20], known=", ".join(sorted(world.languages))))
    return text or None


def _day(text: str, _world: World, _plan: Plan) -> date | None:
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


def _department(text: str, world: World, plan: Plan) -> int | tuple[str, ...] | None:
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


_READERS: Mapping[str, Any] = {
    "email": _email,
    "kind": _kind,
    "department": _department,
    "location": _location,
    "zone": _zone,
    "language": _language,
    "start_date": _day,
    "end_date": _day,
}


# -- managers, then the plan -----------------------------------------------------------------------------------------


def _with_managers(believed: list[tuple[Row, dict[str, Any]]], world: World, plan: Plan) -> list[tuple[Row, dict[str, Any]]]:
    """The lines whose manager exists and is nobody below them; a refused manager takes those with them who have no other record."""
    open_ = believed
    while True:
        here = {row.staff_number for row, _ in open_} | set(world.people)
        circles = rules.cyclic(_links(open_, world))
        kept = []
        for row, values in open_:
            reason = _manager_problem(row, here, circles)
            if reason is None:
                kept.append((row, values))
            else:
                plan.refused.append(Refused(row.line, row.staff_number, reason))
        if len(kept) == len(open_):
            break
        open_ = kept
    for row, values in open_:
        if "manager" in row.cells:
            values["manager"] = row.cells["manager"] or None
    return open_


def _links(believed: list[tuple[Row, dict[str, Any]]], world: World) -> dict[str, str | None]:
    links: dict[str, str | None] = {number: known.values.get("manager") for number, known in world.people.items()}
    links |= {row.staff_number: row.cells["manager"] or None for row, _ in believed if "manager" in row.cells}
    return links


def _manager_problem(row: Row, here: set[str], circles: set[str]) -> Message | None:
    manager = row.cells.get("manager")
    if not manager:
        return None
    if manager not in here:
        return say("The manager %(value)s is neither in this file nor known here.", value=manager[:40])
    if row.staff_number in circles:
        return say("The managers go round in a circle here: %(value)s would report to themselves in the end.", value=row.staff_number)
    return None


def _place(row: Row, values: dict[str, Any], world: World, plan: Plan, moving: Collection[str]) -> None:
    known = world.people.get(row.staff_number)
    reason = _address_problem(row, values, world, moving) or _gone_problem(known, values, world)
    if reason is not None:
        plan.refused.append(Refused(row.line, row.staff_number, reason))
        return
    if known is None:
        plan.added.append(Change(row.line, row.staff_number, str(values["name"]), values))
        return
    differs = {name: (known.values.get(name), after) for name, after in values.items() if known.values.get(name) != after}
    if known.is_active and _has_gone(values, known, world):
        differs["is_active"] = (True, False)
    if differs:
        plan.changed.append(Change(row.line, row.staff_number, str(values["name"]), values, differs, known.id))
    else:
        plan.unchanged += 1


def _has_gone(values: dict[str, Any], known: Known, world: World) -> bool:
    return rules.has_left(is_active=True, end_date=values.get("end_date", known.values.get("end_date")), today=world.today)


def _gone_problem(known: Known | None, values: dict[str, Any], world: World) -> Message | None:
    """A file never brings somebody back: whoever was shut out yesterday stays out, whatever last week's file says."""
    if known is None or known.is_active or _has_gone(values, known, world):
        return None
    return say("This person has left. Bring them back under People and groups first.")


def _moving(believed: list[tuple[Row, dict[str, Any]]], world: World) -> set[str]:
    """Who gives up their address in this file, so that somebody else may have it."""
    return {row.staff_number for row, values in believed if (known := world.people.get(row.staff_number)) and values.get("email") != known.values.get("email")}


def _address_problem(row: Row, values: dict[str, Any], world: World, moving: Collection[str]) -> Message | None:
    address = values.get("email")
    owner = world.owners.get(address) if address else None
    if owner is None or owner == row.staff_number or owner in moving:
        return None
    return say("The address %(value)s belongs to the staff number %(owner)s.", value=address, owner=owner)


def _note_departments(plan: Plan) -> None:
    """The paths that must be made, parents first, each once."""
    wanted = {change.values["department"] for change in [*plan.added, *plan.changed] if isinstance(change.values.get("department"), tuple)}
    paths = {path[:depth] for path in wanted for depth in range(1, len(path) + 1)}
    plan.departments = sorted(paths, key=lambda path: (len(path), path))


def _leaving(rows: Sequence[Row], world: World, plan: Plan) -> None:
    """Whoever works here and is not in the file; administrators and service accounts never leave by a file."""
    named = {row.staff_number for row in rows}
    for number, known in world.people.items():
        if known.is_active and number not in named:
            (plan.kept if known.protected else plan.leaving).append(known)


def refused_rows(refused: Iterable[Refused]) -> Iterator[list[str | int]]:
    """The refused lines as rows of a CSV file with its header."""
    yield ["line", "staff_number", "reason"]
    for one in refused:
        yield [one.line, one.staff_number, str(one.reason)]
