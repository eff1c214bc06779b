"""Read and check the shipped catalogue; source: portal/content/catalogue/*.toml and policies.toml."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

DEPARTMENT_ORDER = ("it", "people", "facilities", "finance", "legal", "marketing", "security")
SLUG = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
VALUE_LINE_WORDS = 10
DAY_KEYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class ContentError(ValueError):
    """A shipped file that cannot be used; the text names the file, the place and what is expected."""


class FieldType(StrEnum):
    """The twelve kinds of form field."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    CHOICE = "choice"
    CHOICES = "choices"
    YES_NO = "yes_no"
    PERSON = "person"
    DEPARTMENT = "department"
    LOCATION = "location"
    FILE = "file"


CHOOSING = frozenset({FieldType.CHOICE, FieldType.CHOICES})
LIMITED = frozenset({FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME})
WRITTEN = frozenset({FieldType.TEXT, FieldType.LONG_TEXT})
DATED = frozenset({FieldType.DATE, FieldType.DATETIME})


@dataclass(frozen=True, slots=True)
class FieldContent:
    """One question of a form. ``min``/``max`` are the value of a number, or days from today for a date."""

    key: str
    label: str
    type: FieldType
    required: bool = False
    help: str = ""
    placeholder: str = ""
    options: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """Working time to the first answer and to the end; ``resolution`` None: a date is agreed instead."""

    first_response: timedelta
    resolution: timedelta | None
    round_the_clock: bool


@dataclass(frozen=True, slots=True)
class ServiceContent:
    """One thing a department does for others. ``promise`` is None when the priority matrix holds."""

    key: str
    name: str
    question: str
    hint: str
    example: str
    outcome: str
    keywords: tuple[str, ...]
    icon: str
    fields: tuple[FieldContent, ...]
    promise: Promise | None
    due_field: str = ""
    confidential: bool = False
    approval: bool = False
    fan_out: bool = False
    also_tells: tuple[str, ...] = ()
    call_first: bool = False
    call_note: str = ""
    takes_mail: bool = False

    @property
    def round_the_clock(self) -> bool:
        """True when nights and weekends count."""
        return self.promise is not None and self.promise.round_the_clock


@dataclass(frozen=True, slots=True)
class DepartmentContent:
    """A serving department with what it does for others in at most ten words; ``mail`` is the local part of its address."""

    key: str
    name: str
    value_line: str
    mail: str
    icon: str
    services: tuple[ServiceContent, ...]


@dataclass(frozen=True, slots=True)
class PriorityContent:
    """A row of the matrix; ``impact`` is the answer of the form that leads to it, ``attainment`` the aim in percent."""

    key: str
    name: str
    impact: str
    promise: Promise
    attainment: int


@dataclass(frozen=True, slots=True)
class Presets:
    """Numbers a new company starts with; days are working days. ``hours`` has 0 for Monday."""

    warn_percent: tuple[int, ...]
    nudge_days: tuple[int, ...]
    no_reply_days: int
    close_days: int
    reopen_days: int
    idle_return_days: int
    approval_hours: int
    approval_hours_money_and_law: int
    default_resolution_days: int
    prevention_days: int
    did_it_work_days: int
    exception_days: int
    hours: Mapping[int, tuple[tuple[str, str], ...]]


@cache
def load() -> tuple[DepartmentContent, ...]:
    """The seven departments with their 56 services, in the order they are shown; raises ContentError."""
    departments = tuple(_department(key, read_toml(f"catalogue/{key}.toml")) for key in DEPARTMENT_ORDER)
    _only_once("service", (service.key for department in departments for service in department.services))
    return departments


@cache
def priorities() -> tuple[PriorityContent, ...]:
    """The four rows of the matrix, most urgent first."""
    rows: dict[str, dict[str, Any]] = read_toml("policies.toml")["priorities"]
    return tuple(_priority(key, row) for key, row in rows.items())


@cache
def presets() -> Presets:
    """The numbers a new company starts with."""
    raw: dict[str, Any] = read_toml("policies.toml")["presets"]
    hours = {DAY_KEYS.index(day): tuple((start, end) for start, end in spans) for day, spans in raw["hours"].items()}
    lists: dict[str, Any] = {key: tuple(raw[key]) for key in ("warn_percent", "nudge_days")}
    return Presets(**{**raw, **lists, "hours": hours})


def promises(service: ServiceContent) -> Mapping[str, Promise]:
    """What the service promises for each priority key; the rule stands at the top of policies.toml."""
    matrix = {row.key: row.promise for row in priorities()}
    own = service.promise
    if own is None:
        return matrix
    if own.round_the_clock:
        return dict.fromkeys(matrix, own)
    high = _scaled(own, 0.5)
    return {"urgent": _stricter(matrix["urgent"], high), "high": high, "normal": own, "low": _scaled(own, 2)}


def read_toml(name: str) -> dict[str, Any]:
    """A file of this package, parsed; works from a checkout and from a wheel."""
    return tomllib.loads(files("portal.content").joinpath(name).read_text(encoding="utf-8"))


def _scaled(promise: Promise, factor: float) -> Promise:
    resolution = None if promise.resolution is None else promise.resolution * factor
    return Promise(promise.first_response * factor, resolution, promise.round_the_clock)


def _stricter(urgent: Promise, high: Promise) -> Promise:
    """The urgent row, never looser than high, and without resolution where the service has none."""
    resolution = None
    if urgent.resolution is not None and high.resolution is not None:
        resolution = min(urgent.resolution, high.resolution)
    return Promise(min(urgent.first_response, high.first_response), resolution, urgent.round_the_clock)


def _department(key: str, raw: dict[str, Any]) -> DepartmentContent:
    place = f"catalogue/{key}.toml"
    _expect(raw["key"] == key, place, f"the key must be {key!r}")
    _expect(len(raw["value_line"].split()) <= VALUE_LINE_WORDS, place, "the value line has more than ten words")
    services = tuple(_service(place, item) for item in raw["services"])
    return DepartmentContent(key, raw["name"], raw["value_line"], raw["mail"], raw["icon"], services)


def _service(place: str, raw: dict[str, Any]) -> ServiceContent:
    place = f"{place}, service {raw['key']}"
    _expect(SLUG.fullmatch(raw["key"]) is not None, place, "the key is a slug of small letters")
    fields = tuple(_field(place, item) for item in raw["fields"])
    _only_once(f"field of {raw['key']}", (field.key for field in fields))
    promise = _promise(place, raw)
    service = ServiceContent(promise=promise, fields=fields, **_service_words(raw))
    _check_due(place, service)
    _expect(bool(service.call_note) == service.call_first, place, "call_first and call_note come together")
    return service


def _service_words(raw: dict[str, Any]) -> dict[str, Any]:
    """Everything that is copied as it stands, lists made into tuples."""
    derived = {"fields", "matrix", "first_response", "resolution", "round_the_clock"}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items() if key not in derived}


def _promise(place: str, raw: dict[str, Any]) -> Promise | None:
    if raw.get("matrix", False):
        _expect("first_response" not in raw and "resolution" not in raw, place, "a matrix service has no numbers of its own")
        return None
    resolution = timedelta(hours=raw["resolution"]) if "resolution" in raw else None
    return Promise(timedelta(hours=raw["first_response"]), resolution, raw.get("round_the_clock", False))


def _check_due(place: str, service: ServiceContent) -> None:
    if not service.due_field:
        return
    dated = {field.key for field in service.fields if field.type in DATED and field.required}
    _expect(service.due_field in dated, place, "due_field names a required date of the form")
    _expect(service.promise is not None and service.promise.resolution is None, place, "a due_field replaces the resolution hours")


def _field(place: str, raw: dict[str, Any]) -> FieldContent:
    place = f"{place}, field {raw['key']}"
    _expect(SLUG.fullmatch(raw["key"]) is not None, place, "the key is a slug of small letters")
    kind = FieldType(raw["type"])
    field = FieldContent(**{**raw, "type": kind, "options": tuple(raw.get("options", ()))})
    _expect((len(field.options) >= 2) == (kind in CHOOSING), place, "options belong to choices, two at least")
    _expect(kind in LIMITED or (field.min is None and field.max is None), place, "only numbers and dates have limits")
    _expect((field.max_length is not None) == (kind in WRITTEN), place, "written text has a max_length, nothing else has")
    _expect(field.min is None or field.max is None or field.min <= field.max, place, "min is at most max")
    return field


def _priority(key: str, raw: dict[str, Any]) -> PriorityContent:
    promise = Promise(timedelta(hours=raw["first_response"]), timedelta(hours=raw["resolution"]), raw["round_the_clock"])
    return PriorityContent(key, raw["name"], raw["impact"], promise, raw["attainment"])


def _only_once(what: str, keys: Iterator[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        _expect(key not in seen, what, f"{key!r} appears twice")
        seen.add(key)


def _expect(condition: bool, place: str, text: str) -> None:
    if not condition:
        raise ContentError(f"{place}: {text}")
