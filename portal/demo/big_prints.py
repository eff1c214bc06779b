"""Stories that ended, as prints: played once by the rules of the desk, then stamped for other people in other weeks.

A print fits a week when every calendar it met has the same hours there, day by day and second by second, as where it was played; then all
its times, clocks and figures are right after a shift by whole weeks. Where none fits, stories are played in that very week.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from portal.content import marlow
from portal.content.catalogue import FieldType
from portal.demo import tales, telling
from portal.demo.big_cast import ASKER, HOME, NAME, Theatre, stand_in
from portal.desk.models import Request, Status
from portal.people.calendar import WorkCalendar

WEEK = timedelta(days=7)
NUMBER = 7_000_000
"""A number no request has: what a print calls itself."""
MESSAGES = range(NUMBER * 100, NUMBER * 100 + 100)
DAY = re.compile(r"\d{4}-\d\d-\d\d")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d[\d:.]*(\+00:00)?")


@dataclass(frozen=True)
class Asker:
    """Somebody who asks."""

    id: int
    department_id: int
    first: str


@dataclass(frozen=True)
class Stamp:
    """What one copy of a print is: its number, who asks, and by how much it is shifted (whole weeks)."""

    number: int
    asker: Asker
    shift: timedelta


Edit = Callable[[Any, Stamp], Any]
Line = tuple[type, dict[str, Any], list[tuple[str, Edit]]]


@dataclass(frozen=True)
class Print:
    """A story as rows in which a stamp fills the gaps; ``end`` is its last instant, due ones and those of later visits included."""

    case: marlow.Case
    filed: datetime
    end: datetime
    is_over: bool
    calendars: tuple[WorkCalendar, ...]
    lines: list[Line]

    def rows(self, stamp: Stamp) -> Iterator[tuple[type, dict[str, Any]]]:
        """Table and row, each of its own."""
        for table, base, edits in self.lines:
            row = base.copy()
            for name, edit in edits:
                row[name] = edit(row[name], stamp)
            yield table, row

    def fits(self, shift: timedelta) -> bool:
        """Whether the weeks it lies in are the same after the shift, for all its calendars."""
        week, last = monday(self.filed - timedelta(days=1)), monday(self.end + timedelta(days=1))
        while week <= last:
            if any(hours(calendar, week) != hours(calendar, week + shift) for calendar in self.calendars):
                return False
            week += WEEK
        return True


def monday(instant: datetime) -> date:
    """The first day of its week, in UTC."""
    return instant.date() - timedelta(days=instant.weekday())


_hours: dict[tuple[int, date], tuple[WorkCalendar, tuple[Any, ...]]] = {}
"""By the calendar itself (kept beside, so that no other takes its place): comparing calendars costs more than comparing their weeks."""


def hours(calendar: WorkCalendar, week: date) -> tuple[Any, ...]:
    """The opening hours of a week as distances from midnight UTC of each day, so that a change of the clocks shows."""
    found = _hours.get((id(calendar), week))
    if found is None:
        days = (week + timedelta(days=place) for place in range(7))
        found = _hours[(id(calendar), week)] = (calendar, tuple(_distances(calendar, day) for day in days))
    return found[1]


def _distances(calendar: WorkCalendar, day: date) -> tuple[Any, ...]:
    midnight = datetime.combine(day, time.min, UTC)
    noon = (midnight + timedelta(hours=12)).astimezone(ZoneInfo(calendar.zone)).utcoffset()
    return (noon, *((start - midnight, end - midnight) for start, end in calendar.opening_hours(day)))


# -- making -------------------------------------------------------------------------------------------------------------


def played(scene: Theatre, case: marlow.Case, about: datetime, dice: random.Random) -> Print:
    """A case filed near an instant and told until now."""
    tale = _faceless(tales.filler(scene.stage, NUMBER, case, about, dice))
    own = tale.service.department_id
    version, targets = scene.promises[tale.service.id]
    promised, priority = telling.promise_of(tale, targets, version, scene.hours[own], scene.always)
    told = telling.Player(tale, scene.stage, promised, priority).play()
    rows = [(Request, told.request), *((table, row) for table, found in told.rows.items() for row in found)]
    end = max(moment for _, row in rows for moment in _moments(row))
    is_over = told.request["status"] == Status.CLOSED and end <= scene.stage.now
    return Print(case, tale.filed, end, is_over, (scene.hours[own][1], promised.calendar), [_line(table, row) for table, row in rows])


def _faceless(tale: tales.Tale) -> tales.Tale:
    persons = {field["key"] for field in tale.service.fields if field["type"] == FieldType.PERSON}
    answers = {key: ASKER if key in persons and value == tale.requester.id else value for key, value in tale.answers.items()}
    return replace(tale, requester=stand_in(tale.requester), answers=answers)


def _moments(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, str) and INSTANT.fullmatch(value):
        yield datetime.fromisoformat(value).replace(tzinfo=UTC)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _moments(part)


def _line(table: type, row: dict[str, Any]) -> Line:
    found = ((name, _edit(value)) for name, value in row.items())
    return table, row, [(name, edit) for name, edit in found if edit is not None]


def _edit(value: Any) -> Edit | None:
    """How a value changes from copy to copy; None for what stays."""
    if isinstance(value, dict | list):
        return _inside(value)
    if isinstance(value, date):
        return lambda was, stamp: was + stamp.shift
    if isinstance(value, str):
        return _edit_of_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _edit_of_number(value)
    return None


def _edit_of_number(value: int) -> Edit | None:
    if value in MESSAGES:
        place = value - MESSAGES.start
        return lambda _, stamp: stamp.number * 100 + place
    known: dict[int, Edit] = {NUMBER: lambda _, s: s.number, ASKER: lambda _, s: s.asker.id, HOME: lambda _, s: s.asker.department_id}
    return known.get(value)


def _edit_of_text(value: str) -> Edit | None:
    if NAME in value:
        return lambda was, stamp: was.replace(NAME, stamp.asker.first)
    if DAY.fullmatch(value):
        day = date.fromisoformat(value)
        return lambda _, stamp: (day + stamp.shift).isoformat()
    if INSTANT.fullmatch(value):
        moment = datetime.fromisoformat(value)
        return lambda _, stamp: (moment + stamp.shift).isoformat()
    return None


def _inside(value: Any) -> Edit | None:
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
    edits = [(key, edit) for key, part in pairs if (edit := _edit(part)) is not None]
    if not edits:
        return None

    def change(was: Any, stamp: Stamp) -> Any:
        copy = was.copy()
        for key, edit in edits:
            copy[key] = edit(copy[key], stamp)
        return copy

    return change
