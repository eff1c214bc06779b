"""Until when a request may rest, as pure functions: presets in the reader's zone and the department's hours, and what is refused.

A request that rests leaves "What next" and "Mine" and comes back by itself. Nothing about its clocks changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from portal.desk.words import Reader
from portal.kernel.messages import Message, say
from portal.people.calendar import NoWorkingTime, WorkCalendar

EARLIEST = time(7, 0)
"""A morning begins at the opening of the department, though not before seven on the reader's clock."""
LONGEST = timedelta(days=183)
MONDAY, WEEK = 0, 7


class Preset(StrEnum):
    """The choices of the form."""

    TOMORROW = "tomorrow"
    MONDAY = "monday"
    WEEK = "week"
    OWN = "own"


@dataclass(frozen=True)
class Choice:
    """A preset with the instant it stands for."""

    preset: Preset
    at: datetime


def morning(day: date, zone: ZoneInfo, calendar: WorkCalendar) -> datetime | None:
    """The first working instant from the morning of ``day`` on: a closed day gives the next open one; None when nothing opens any more."""
    begins = datetime.combine(day, EARLIEST, zone).astimezone(UTC)
    try:
        return calendar.next_open(begins)
    except NoWorkingTime:
        return None


def presets(now: datetime, zone: str, calendar: WorkCalendar) -> list[Choice]:
    """Tomorrow morning, Monday morning and a week from now, as far as they differ: on a Sunday tomorrow is Monday."""
    where = ZoneInfo(zone)
    today = now.astimezone(where).date()
    days = {
        Preset.TOMORROW: today + timedelta(days=1),
        Preset.MONDAY: today + timedelta(days=(MONDAY - today.weekday() - 1) % WEEK + 1),
        Preset.WEEK: today + timedelta(days=WEEK),
    }
    found: list[Choice] = []
    for preset, day in days.items():
        at = morning(day, where, calendar)
        if at is not None and all(at != other.at for other in found):
            found.append(Choice(preset, at))
    return found


def rest_problem(until: datetime | None, due: datetime | None, reason: str, now: datetime) -> tuple[str, Message] | None:
    """(field, sentence) why it cannot rest until then, or nothing: beyond its due time only with a reason."""
    if until is None:
        return "own", say("Until when? Choose a day and a time.")
    if until <= now:
        return "own", say("This moment has passed. Choose a later one.")
    if until > now + LONGEST:
        return "own", say("That is more than half a year away. Plan a next step instead, then the requester knows, too.")
    if due is not None and due < until and not reason.strip():
        return "reason", say("It is due before that. Say why it may rest all the same: the clock goes on.")
    return None


WOKEN = {
    "time": say("It is back in the queue, its rest is over"),
    "written": say("It is back in the queue: the requester wrote"),
    "due": say("It is back in the queue: its time runs out"),
    "assigned": say("It is back in the queue: it changed hands"),
    "moved": say("It is back in the queue: it was handed over"),
    "over": say("Its rest is over, and so is the request"),
}
"""Why a rest ended, as the serving side reads it."""


def line(event: str, data: Mapping[str, object], who: str, reader: Reader) -> tuple[str, Message] | None:
    """Icon and words of a rest in the line of time of the serving side; nothing for any other event."""
    if event == "desk.request.woken":
        return "sun", WOKEN.get(str(data["why"]), say("%(name)s woke it", name=who))
    if event != "desk.request.snoozed":
        return None
    until, reason = reader.when(datetime.fromisoformat(str(data["until"]))), str(data.get("reason") or "").rstrip(" .")
    if reason:
        return "moon", say("%(name)s lets it rest until %(when)s: %(reason)s", name=who, when=until, reason=reason)
    return "moon", say("%(name)s lets it rest until %(when)s", name=who, when=until)
