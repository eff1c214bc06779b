"""People files: what they say, and how that differs from what is known. Pure: values in, a plan out, nothing written.

Persons are matched by staff number and by nothing else.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.kernel.errors import Refusal
from portal.kernel.forms import clean_line
from portal.kernel.messages import Message, say
from portal.people import rules
from portal.people.import_cells import COLUMNS, EXAMPLE, LARGEST, MOST_ROWS, NEEDED, Known, Row, World, values_of

__all__ = [
    "COLUMNS",
    "EXAMPLE",
    "LARGEST",
    "MOST_ROWS",
    "Change",
    "Known",
    "Plan",
    "Refused",
    "Row",
    "World",
    "diff",
    "parse",
    "refused_rows",
    "unknown_columns",
]


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
            values, reason = values_of(row, world)
        if reason is not None:
            plan.refused.append(Refused(row.line, row.staff_number[:80], reason))
        else:
            believed.append((row, values))
    believed = _with_managers(believed, world, plan)
    moving = _moving(believed, world)
    for row, values in believed:
        _place(row, values, world, plan, moving)
    _note_departments(plan, world)
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
    reason = _address_problem(row, values, world, moving) or _gone_problem(known, values, world) or _guard_problem(known, values, world)
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


def _guard_problem(known: Known | None, values: dict[str, Any], world: World) -> Message | None:
    """Whoever changes an address can come in as that person; so nobody does it to those who may do more than they."""
    if known is not None and known.protected and _has_gone(values, known, world):
        return say("Administrators and service accounts leave by hand, under People and groups.")
    if known is None or known.staff_number not in world.guarded:
        return None
    moves = "email" in values and values["email"] != known.values.get("email")
    if moves or _has_gone(values, known, world):
        return say("This person holds roles that you do not hold. An administrator changes their address or last day.")
    return None


def _moving(believed: list[tuple[Row, dict[str, Any]]], world: World) -> set[str]:
    """Who gives up their address in this file, so that somebody else may have it."""
    return {row.staff_number for row, values in believed if (known := world.people.get(row.staff_number)) and values.get("email") != known.values.get("email")}


def _address_problem(row: Row, values: dict[str, Any], world: World, moving: Collection[str]) -> Message | None:
    address = values.get("email")
    owner = world.owners.get(address) if address else None
    if owner is None or owner == row.staff_number or owner in moving:
        return None
    return say("The address %(value)s belongs to the staff number %(owner)s.", value=address, owner=owner)


def _note_departments(plan: Plan, world: World) -> None:
    """The paths that must be made, parents first, each once."""
    wanted = {change.values["department"] for change in [*plan.added, *plan.changed] if isinstance(change.values.get("department"), tuple)}
    paths = {path[:depth] for path in wanted for depth in range(1, len(path) + 1)}
    plan.departments = sorted((p for p in paths if rules.folded(p[-1]) not in world.departments), key=lambda path: (len(path), path))


def _leaving(rows: Sequence[Row], world: World, plan: Plan) -> None:
    """Whoever works here and is not in the file; administrators and service accounts never leave by a file."""
    named = {row.staff_number for row in rows}
    for number, known in world.people.items():
        if known.is_active and number not in named:
            stays = known.protected or number in world.guarded
            (plan.kept if stays else plan.leaving).append(known)


def refused_rows(refused: Iterable[Refused]) -> Iterator[list[str | int]]:
    """The refused lines as rows of a CSV file with its header."""
    yield ["line", "staff_number", "reason"]
    for one in refused:
        yield [one.line, one.staff_number, str(one.reason)]
