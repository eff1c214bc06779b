"""Requests of an earlier desk: what a row of its export says, and what becomes of it here. Pure: values in, a plan or a refusal out."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from portal.desk.importing_columns import CLOSED, NEEDED, OPEN, STATES, WORDS, columns, plain
from portal.desk.importing_dates import instant
from portal.desk.rules import TITLE_LIMIT
from portal.kernel.errors import Refusal
from portal.kernel.forms import clean, clean_line
from portal.kernel.messages import Message, say

LARGEST = 100_000_000
"""Bytes of one file."""
MOST_ROWS = 250_000
SOURCE = "earlier desk"
_ADDRESS = re.compile(r"[^\s<>,;\"()]+@[^\s<>,;\"()]+\.[^\s<>,;\"()]+")
_SAME_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Options:
    """What whoever imports chose: where rows go that name no place, and what words of the file mean."""

    source: str = SOURCE
    department_id: int | None = None
    zone: str = "UTC"
    day_first: bool | None = None
    """None until somebody or the file said so; then the day is read first."""
    keep_open: bool = False
    on_behalf: bool = False
    departments: Mapping[str, int] = field(default_factory=dict)
    services: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @cached_property
    def clock(self) -> ZoneInfo:
        """The wall clock of what names no zone."""
        return ZoneInfo(self.zone)


@dataclass(frozen=True)
class Offer:
    """A service as far as an import needs it; ``can_open`` is false where nobody could see an open request or nothing is promised."""

    id: int
    department_id: int
    name: str
    is_confidential: bool
    is_active: bool
    can_open: bool
    promise_version_id: int | None


@dataclass(frozen=True)
class World:
    """What rows are compared with. Names are folded; a name that several people bear stands for 0."""

    addresses: Mapping[str, int]
    names: Mapping[str, int]
    people: Mapping[int, tuple[str, int | None, bool]]
    """Name, department, and whether they work here."""
    departments: Mapping[str, int]
    department_names: Mapping[int, str]
    offers: Mapping[int, Offer]
    services: Mapping[tuple[int, str], int]
    questions: Mapping[int, int]
    """The service of each department for what fits nowhere else."""
    allowed: frozenset[int] | None
    """Departments the importer may fill; None for all."""
    importer_id: int | None
    now: datetime


@dataclass(frozen=True)
class Row:
    """One line of the file."""

    line: int
    cells: Mapping[str, str]
    raw: Sequence[str] = ()
    """As it stands in the file."""

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")

    @property
    def number(self) -> str:
        """Its number at the earlier desk."""
        return _line(self["number"])[:80]


@dataclass(frozen=True)
class Taken:
    """A request as it will be."""

    line: int
    key: str
    words: str
    number: str
    title: str
    body: str
    requester_id: int
    asked_by: str
    service_id: int
    state: str
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class Refused:
    """A line that is not taken over, with the reason."""

    line: int
    number: str
    reason: Message


def rows(table: Iterable[tuple[int, Sequence[str]]]) -> Iterator[Row]:
    """The lines of a table under its header; Refusal for a header without what we need, or for too many rows."""
    reading = iter(table)
    found = known_columns(next(reading, (1, []))[1])
    places = list(found.items())
    for count, (line, cells) in enumerate(reading):
        if count >= MOST_ROWS:
            raise Refusal(say("The file has more than %(number)s rows. Split it.", number=f"{MOST_ROWS:,}"))
        width = len(cells)
        yield Row(line, {name: cells[place] for name, place in places if place < width}, cells)


def known_columns(header: Sequence[str]) -> dict[str, int]:
    """Places of the columns we know; Refusal when one is missing that we need."""
    found = columns(header)
    if missing := [name for name in NEEDED if name not in found]:
        listed = ", ".join(missing)
        raise Refusal(say("The first line must name the columns, and we miss: %(columns)s. Other names for the same are fine.", columns=listed))
    return found


def taken(row: Row, world: World, options: Options) -> Taken:
    """What becomes of a row; Refusal says why nothing does."""
    offer = _offer(row, world, options)
    created, state, closed = _life(row, world, options)
    requester, asked_by = _requester(row, world, options)
    if state == OPEN:
        _check_open(offer, world.people[requester][2])
    subject, title = _title(row)
    body = _body(row["description"])
    if title != subject:
        body = f"{subject}\n\n{body}".strip()
    number = row.number
    return Taken(
        row.line,
        _digest(16, "number", plain(options.source), number.casefold()) if number else _digest(16, "row", *row.raw),
        _digest(8, subject),
        number,
        title,
        body or subject,
        requester,
        asked_by,
        offer.id,
        state,
        created,
        closed,
    )


def _digest(size: int, *parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=size).hexdigest()


def _line(text: str) -> str:
    return _plain(text, clean_line)


def _plain(text: str, cleaned: Callable[[str], str]) -> str:
    # Nearly every cell is plain; cleaning all of 100,000 rows would cost half of the time.
    return text.strip() if text.isascii() and text.isprintable() and "  " not in text else cleaned(text)


def _body(text: str) -> str:
    return _plain(text, clean)


def _title(row: Row) -> tuple[str, str]:
    subject = _line(row["subject"]) or _line(row["description"])[:TITLE_LIMIT]
    if not subject:
        raise Refusal(say("There is no subject."))
    return subject, subject if len(subject) <= TITLE_LIMIT else subject[: TITLE_LIMIT - 1].rstrip() + "…"


# -- where it goes -------------------------------------------------------------------------------------------------------


def department_of(word: str, world: World, options: Options) -> int | None:
    """The department a word of the file stands for: chosen, known by name or key, else the one for all others."""
    key = folded(word)
    return options.departments.get(key) or (world.departments.get(key) if key else None) or options.department_id


def folded(text: str) -> str:
    """A name as it is compared: one line, small letters, the first 200 of them."""
    return _folded(text[:200])


@lru_cache(maxsize=20_000)
def _folded(text: str) -> str:
    return clean_line(text).casefold()


def _offer(row: Row, world: World, options: Options) -> Offer:
    wanted = folded(row["service"])
    chosen = options.services.get(wanted) if wanted else None
    fixed = world.offers.get(chosen or 0)
    department = fixed.department_id if fixed else department_of(row["department"], world, options)
    if department is None:
        raise Refusal(say("We do not know the department %(value)s. Choose one for rows like this.", value=clean_line(row["department"])[:60] or "–"))
    if world.allowed is not None and department not in world.allowed:
        raise Refusal(say("This goes to %(department)s, which you do not lead.", department=world.department_names.get(department, "")))
    number = (fixed and fixed.id) or world.services.get((department, wanted)) or world.questions.get(department)
    if number is None or number not in world.offers:
        raise Refusal(say("%(department)s offers no service where this could go.", department=world.department_names.get(department, "")))
    if world.offers[number].promise_version_id is None:
        raise Refusal(say("%(service)s promises nothing yet, so nothing can be filed there.", service=world.offers[number].name))
    return world.offers[number]


def _check_open(offer: Offer, is_here: bool) -> None:
    if not offer.is_active or not offer.can_open:
        raise Refusal(say("%(service)s cannot take an open request now: it is retired, or nobody is named for it.", service=offer.name))
    if not is_here:
        raise Refusal(say("Whoever asked has left, so nobody waits for this. Take it over as history."))


# -- how long it lived ---------------------------------------------------------------------------------------------------


def _life(row: Row, world: World, options: Options) -> tuple[datetime, str, datetime | None]:
    created = _instant(row, "created", options)
    if created is None:
        raise Refusal(say("There is no date on which it was asked."))
    closed = _instant(row, "closed", options)
    if created > world.now or (closed is not None and closed > world.now + _SAME_DAY):
        raise Refusal(say("Its date lies in the future."))
    closed = closed and _after(closed, created, row["closed"])
    state = state_of(row["status"], options, is_over=closed is not None)
    if state != OPEN:
        return created, state, min(closed or created, world.now)
    return (created, OPEN, None) if options.keep_open else (created, CLOSED, world.now)


def _after(closed: datetime, created: datetime, text: str) -> datetime:
    """The end; a day without a time may be the day it was asked. Refusal when it lies before the beginning."""
    if closed < created and (":" in text or closed + _SAME_DAY <= created):
        raise Refusal(say("It was closed before it was asked."))
    return max(closed, created)


def state_of(word: str, options: Options, *, is_over: bool) -> str:
    """Where a request stands by the word of the file; unknown words count as over when there is a date of the end."""
    key = plain(word)
    chosen = options.statuses.get(key)
    return chosen if chosen in STATES else WORDS.get(key) or (CLOSED if is_over else OPEN)


def _instant(row: Row, name: str, options: Options) -> datetime | None:
    text = row[name].strip()
    if not text or text in ("-", "–", "null", "NULL", "None"):
        return None
    found = instant(text[:80], options.clock, options.day_first is not False)
    if found is None:
        raise Refusal(say("%(value)s is no date. Write it like 2026-11-24 14:00.", value=clean_line(text)[:40]))
    return found


# -- who asked -----------------------------------------------------------------------------------------------------------


def _requester(row: Row, world: World, options: Options) -> tuple[int, str]:
    """Who asked, and their name in words where the importer stands in for them."""
    text, address = _line(row["requester"]), _line(row["requester_email"])
    found = _by_address(address, world) or _by_address(text, world) or _by_name(text, world)
    if found:
        return found, ""
    if options.on_behalf and world.importer_id is not None:
        return world.importer_id, (text or address)[:160] or "–"
    if not (text or address):
        raise Refusal(say("It does not say who asked."))
    if found == 0:
        raise Refusal(say("Several people are called %(value)s. An address would tell who it is.", value=text[:60]))
    raise Refusal(say("We do not know %(value)s, neither by address nor by name.", value=(text or address)[:60]))


def _by_address(text: str, world: World) -> int | None:
    place = _ADDRESS.search(text) if "@" in text else None
    return world.addresses.get(place[0].casefold()) if place else None


def _by_name(text: str, world: World) -> int | None:
    """By the whole name, also "Last, First" and with an address behind it; 0 when several bear it."""
    name = _ADDRESS.sub("", text).strip(" <>\"'()").casefold()
    if not name:
        return None
    last, comma, first = name.partition(",")
    found = world.names.get(name)
    return world.names.get(f"{first.strip()} {last.strip()}") if found is None and comma else found
