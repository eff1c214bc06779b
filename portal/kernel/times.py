"""Instants, days and durations in words: "Thu 12:00", "today 14:00", "2 h 48". Pure: now, zone and language are parameters.

English uses the 24-hour clock and the day before the month; other languages use their own patterns, with a 24-hour clock.
Only the few words around the numbers go through gettext; with a language of its own (in mail) they follow the current context.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_skeleton, format_time

from portal.kernel.messages import Message, say, say_n

DAY_HOURS = 24.0
KEPT = 4096
"""Words of instants that are remembered: a list has the same days and times of day again and again, and Babel is slow."""


class Near(StrEnum):
    """How far a day is from today."""

    YESTERDAY = "yesterday"
    TODAY = "today"
    TOMORROW = "tomorrow"
    WEEK = "week"
    YEAR = "year"
    FAR = "far"


_BY_DISTANCE = {-1: Near.YESTERDAY, 0: Near.TODAY, 1: Near.TOMORROW}


def near(day: date, today: date) -> Near:
    """Yesterday, today, tomorrow, within six days, within half a year or the same year, or further."""
    distance = (day - today).days
    if distance in _BY_DISTANCE:
        return _BY_DISTANCE[distance]
    if abs(distance) < 7:
        return Near.WEEK
    return Near.YEAR if day.year == today.year or abs(distance) < 180 else Near.FAR


Zone = str | tzinfo
"""A zone by its name or as an object."""


def local(instant: datetime, zone: Zone) -> datetime:
    """The wall clock of ``zone`` at ``instant`` (aware)."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return instant.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)


def when(instant: datetime, now: datetime, zone: Zone, locale: str) -> str:
    """Short and exact enough: "today 14:00", "tomorrow 9:00", "Thu 12:00" within six days, else "24 Nov", with the year when far."""
    moment, today = local(instant, zone), local(now, zone).date()
    place = near(moment.date(), today)
    clock = _clock(moment, locale)
    if place is Near.TODAY:
        return str(say("today %(time)s", time=clock))
    if place is Near.TOMORROW:
        return str(say("tomorrow %(time)s", time=clock))
    if place is Near.YESTERDAY:
        return str(say("yesterday %(time)s", time=clock))
    if place is Near.WEEK:
        return f"{_weekday(moment.weekday(), locale)} {clock}"
    return _date(moment.date(), place, locale)


def weekday_time(instant: datetime, now: datetime, zone: Zone, locale: str) -> str:
    """Like :func:`when`, but never "yesterday" or "tomorrow": "Thu 12:00" within six days, else the date."""
    moment, today = local(instant, zone), local(now, zone).date()
    if abs((moment.date() - today).days) < 7:
        return f"{_weekday(moment.weekday(), locale)} {_clock(moment, locale)}"
    return when(instant, now, zone, locale)


def brief(instant: datetime, now: datetime, zone: Zone, locale: str) -> str:
    """The shortest that is exact: "12:00" for today, else as :func:`weekday_time`."""
    if local(instant, zone).date() == local(now, zone).date():
        return _clock(local(instant, zone), locale)
    return weekday_time(instant, now, zone, locale)


def day(value: date | datetime, now: datetime, zone: Zone, locale: str) -> str:
    """A day in words: "today", "tomorrow", "Thu 26 Nov", with the year when far. A datetime is taken in ``zone``."""
    return day_of(local(value, zone).date() if isinstance(value, datetime) else value, local(now, zone).date(), locale)


def day_of(on: date, today: date, locale: str) -> str:
    """Like :func:`day`, for days that are known already."""
    place = near(on, today)
    if place in _DAY_WORDS:
        return str(_DAY_WORDS[place])
    return _skeleton("MMMEd", on, locale) if place is not Near.FAR else _date(on, place, locale)


_DAY_WORDS: dict[Near, Message] = {Near.TODAY: say("today"), Near.TOMORROW: say("tomorrow"), Near.YESTERDAY: say("yesterday")}


def clock_time(value: datetime | time, now: datetime, zone: Zone, locale: str) -> str:
    """The time of day, such as "14:00"; an instant is taken in ``zone``, a plain time as it is. Takes ``now`` like its siblings."""
    return _clock(local(value, zone) if isinstance(value, datetime) else value, locale)


def exact(moment: datetime, locale: str) -> str:
    """The whole instant in the zone it is given in, for hovering: "Thursday 26 November 2026 at 12:00:00 CET"."""
    return _exact(moment.replace(tzinfo=None), moment.tzinfo, moment.fold, locale)


@lru_cache(maxsize=KEPT)
def _exact(wall: datetime, zone: tzinfo | None, fold: int, locale: str) -> str:
    language, moment = _locale(locale), wall.replace(tzinfo=zone, fold=fold)
    if language.language == "en":
        return f"{format_datetime(moment, _ENGLISH['full'], locale=language)} {moment.tzname()}"
    return str(format_datetime(moment, "full", locale=language))


def ago(instant: datetime, now: datetime, zone: Zone, locale: str) -> str:
    """How long ago: "just now", "5 min ago", "2 h ago" within half a day, then like :func:`when`."""
    passed = now - instant
    if passed < timedelta(minutes=1):
        return str(say("just now")) if passed > timedelta(minutes=-1) else when(instant, now, zone, locale)
    minutes = int(passed.total_seconds() // 60)
    if minutes < 60:
        return str(say("%(minutes)s min ago", minutes=minutes))
    if minutes < 12 * 60:
        return str(say("%(hours)s h ago", hours=minutes // 60))
    return when(instant, now, zone, locale)


def split(length: timedelta, hours_per_day: float = DAY_HOURS) -> tuple[int, int, int]:
    """Whole days, hours and minutes of a length, its sign left out; a day has ``hours_per_day`` hours."""
    minutes = int(abs(length).total_seconds() // 60)
    days, rest = divmod(minutes, max(1, round(hours_per_day * 60)))
    return days, rest // 60, rest % 60


def duration(length: timedelta, *, hours_per_day: float = DAY_HOURS) -> str:
    """A length in words, its sign left out: "35 min", "2 h 48", "3 h 02", "6 h", "1 day 3 h", "2 days".

    Working time is said in working days: pass their hours.
    """
    days, hours, minutes = split(length, hours_per_day)
    if days:
        words = str(say_n("%(num)s day", "%(num)s days", days))
        return str(say("%(days)s %(hours)s h", days=words, hours=hours)) if hours else words
    if hours:
        return str(say("%(hours)s h %(minutes)s", hours=hours, minutes=f"{minutes:02}")) if minutes else str(say("%(hours)s h", hours=hours))
    return str(say("%(minutes)s min", minutes=minutes))


_ENGLISH = {"clock": "H:mm", "MMMd": "d MMM", "MMMEd": "EEE d MMM", "yMMMd": "d MMM y", "full": "EEEE d MMMM y 'at' H:mm:ss"}
"""Bare English is American to Babel: month before day, and a clock of twelve hours. Our house style is neither."""


@cache
def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale("en")


@cache
def _weekday(number: int, locale: str) -> str:
    """The short name of a day of the week, Monday is 0."""
    return str(format_date(date(2001, 1, 1 + number), "EEE", locale=_locale(locale)))


def _clock(moment: datetime | time, locale: str) -> str:
    return _clock_at(moment.hour, moment.minute, locale)


@lru_cache(maxsize=KEPT)
def _clock_at(hour: int, minute: int, locale: str) -> str:
    moment = time(hour, minute)
    language = _locale(locale)
    twelve_hours = "a" in str(language.time_formats["short"])
    return str(format_time(moment, _ENGLISH["clock"] if twelve_hours or language.language == "en" else "short", locale=language))


def _date(on: date, place: Near, locale: str) -> str:
    return _skeleton("yMMMd" if place is Near.FAR else "MMMd", on, locale)


@lru_cache(maxsize=KEPT)
def _skeleton(skeleton: str, on: date, locale: str) -> str:
    language = _locale(locale)
    if language.language == "en":
        return str(format_date(on, _ENGLISH[skeleton], locale=language))
    return str(format_skeleton(skeleton, datetime(on.year, on.month, on.day, 12, tzinfo=UTC), locale=language))
