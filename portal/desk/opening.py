"""Working hours in words: "Mon to Fri, 8:00 to 18:00". Pure."""

from collections import Counter
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

from babel.dates import get_day_names

from portal.kernel import times
from portal.kernel.messages import Message, say
from portal.people.calendar import WorkCalendar

Spans = tuple[tuple[time, time], ...]
WEEKS = 5
"""Weeks looked at, so that a holiday does not pass for the rule."""


@lru_cache(maxsize=256)
def usual_week(calendar: WorkCalendar, first: date) -> tuple[Spans, ...]:
    """Monday to Sunday as they usually are from ``first`` on, in the calendar's own zone."""
    start = first - timedelta(days=first.weekday())
    found = []
    for weekday in range(7):
        seen = Counter(_spans(calendar, start + timedelta(days=weekday + 7 * week)) for week in range(WEEKS))
        found.append(seen.most_common(1)[0][0])
    return tuple(found)


def _spans(calendar: WorkCalendar, day: date) -> Spans:
    zone = ZoneInfo(calendar.zone)
    return tuple((opens.astimezone(zone).time(), closes.astimezone(zone).time()) for opens, closes in calendar.opening_hours(day))


def hours_sentence(calendar: WorkCalendar, now: datetime, locale: str) -> Message:
    """When the clock runs: "Mon to Fri, 8:00 to 18:00"."""
    week = usual_week(calendar, now.astimezone(ZoneInfo(calendar.zone)).date())
    if all(spans == ((time(), time()),) for spans in week):
        return say("day and night, also on weekends and holidays")
    names = get_day_names("abbreviated", locale=locale.replace("-", "_"))
    groups = [(list(days), spans) for spans, days in groupby(range(7), key=lambda day: week[day]) if spans]
    if not groups:
        return say("by arrangement")
    return say("%(hours)s", hours="; ".join(_group(days, spans, names, locale) for days, spans in groups))


def _group(days: list[int], spans: Spans, names: object, locale: str) -> str:
    first, last = (str(names[day]) for day in (days[0], days[-1]))  # type: ignore[index]  # Babel's mapping of days is untyped
    which = first if len(days) == 1 else str(say("%(first)s to %(last)s", first=first, last=last))
    hours = str(say(" and ")).join(str(say("%(opens)s to %(closes)s", opens=_clock(opens, locale), closes=_close(closes, locale))) for opens, closes in spans)
    return str(say("%(days)s, %(hours)s", days=which, hours=hours))


def _clock(at: time, locale: str) -> str:
    return times.clock_time(at, datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")), "UTC", locale)


def _close(at: time, locale: str) -> str:
    return "24:00" if at == time() else _clock(at, locale)


def place_of(zone: str) -> str:
    """The city of a zone, as people say whose time it is: "New York"."""
    return zone.rpartition("/")[2].replace("_", " ")
