"""Instants as other desks write them: ISO, day or month first, months by name, seconds since 1970; with a zone, or on a given wall clock. Pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
_TIME = r"(?:[T ,]+(?:at |um )?(\d{1,2})[:.h](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?(?:\s*Uhr)?)?"
_ZONE = r"\s*(Z|[A-Z]{2,4}(?=$|[+-])|)?\s*(?:\(?(?:UTC|GMT)?([+-]\d{2}):?(\d{2})?\)?)?(?:\s*\([\w ]+\))?$"
_ISO = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}{_ZONE}")
_SHORT = re.compile(rf"(\d{{1,2}})([./-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}{_ZONE}")
_NAMED = re.compile(rf"(?:[A-Za-z]{{2,10}}\.?,? +)?(\d{{1,2}})(?:st|nd|rd|th|\.)?[ /-]+([^\W\d_]{{3,10}})\.?,?[ /-]+(\d{{4}}|\d{{2}}){_TIME}{_ZONE}")
_AMERICAN = re.compile(rf"(?:[A-Za-z]{{2,10}},? +)?([A-Za-z]{{3,10}})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}}){_TIME}{_ZONE}")
_SECONDS = re.compile(r"(\d{9,10})(?:\.\d+)?|(\d{12,13})")
_NAMES = {"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "BST": 1, "CET": 1, "WEST": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2, "EEST": 3}
_NAMES |= {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_MONTHS = {name: place % 12 + 1 for place, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])}
_MONTHS |= {"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12}


def order_in(texts: Iterable[str]) -> bool | None:
    """True when these dates write the day first, False when the month, None when they do not tell."""
    for text in texts:
        if (found := _SHORT.match(text.strip())) and found[2] in "/-":
            if int(found[1]) > 12:
                return True
            if int(found[3]) > 12:
                return False
    return None


@lru_cache(maxsize=4096)
def instant(text: str, zone: tzinfo, day_first: bool = True) -> datetime | None:
    """The instant (UTC) a cell names; ``zone`` is the wall clock of what names none. None for what is no date."""
    text = " ".join(text.split())
    if seconds := _SECONDS.fullmatch(text):
        return _plausible(lambda: datetime.fromtimestamp(int(seconds[1] or int(seconds[2]) // 1000), UTC))
    for pattern, parts in ((_ISO, _iso), (_SHORT, _short if day_first else _month_first), (_NAMED, _named), (_AMERICAN, _american)):
        if found := pattern.match(text):
            groups = found.groups()
            date, rest = parts(groups), groups[-7:]
            return _plausible(lambda: _made(date, rest, zone)) if date else None  # noqa: B023  it is called at once
    return None


Date = tuple[int, int, int]


def _iso(groups: tuple[str, ...]) -> Date:
    return int(groups[0]), int(groups[1]), int(groups[2])


def _short(groups: tuple[str, ...]) -> Date:
    return _year(groups[3]), int(groups[2]), int(groups[0])


def _month_first(groups: tuple[str, ...]) -> Date:
    # A dot is written where the day comes first, whatever the rest of the file does.
    return _short(groups) if groups[1] == "." else (_year(groups[3]), int(groups[0]), int(groups[2]))


def _named(groups: tuple[str, ...]) -> Date | None:
    month = _MONTHS.get(groups[1][:3].lower())
    return (_year(groups[2]), month, int(groups[0])) if month else None


def _american(groups: tuple[str, ...]) -> Date | None:
    month = _MONTHS.get(groups[0][:3].lower())
    return (int(groups[2]), month, int(groups[1])) if month else None


def _year(text: str) -> int:
    number = int(text)
    return number if number > 99 else 2000 + number if number < 80 else 1900 + number


def _made(date: Date, rest: tuple[str | None, ...], zone: tzinfo) -> datetime:
    hour, minute, second, half, name, offset, minutes = rest
    at = int(hour or 0)
    if half:
        at = at % 12 + (12 if half[0] in "pP" else 0)
    return datetime(*date, at, int(minute or 0), min(int(second or 0), 59), tzinfo=_zone(name, offset, minutes) or zone).astimezone(UTC)


def _zone(name: str | None, offset: str | None, minutes: str | None) -> tzinfo | None:
    if offset:
        ahead = timedelta(hours=int(offset), minutes=int(minutes or 0) * (-1 if offset[0] == "-" else 1))
        return timezone(ahead)
    if not name:
        return None
    if name not in _NAMES:
        raise ValueError(name)
    return timezone(timedelta(hours=_NAMES[name]))


def _plausible(made: "object") -> datetime | None:
    try:
        found = made()  # type: ignore[operator]  # a function without arguments
    except (ValueError, OverflowError, OSError):
        return None
    return found if isinstance(found, datetime) and found >= EARLIEST else None
