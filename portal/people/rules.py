"""Rules of people as pure functions: names, value lines, trees, delays at the door, words for devices."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

VALUE_WORDS = 10
"""A value line says in at most ten words what a department does for others."""
FREE_TRIES = 5
MINUTES = (1, 2, 4, 8, 15)
"""Delay after the fifth, sixth, seventh ... wrong password; the last one stays."""
NEEDS_NEW_PASSWORD = 100
"""So many wrong passwords in a row, and only a link by mail opens the door (NIST SP 800-63B-4, 3.2.2)."""
NOTICE_AFTER = 10
ADDRESS_TRIES = 30
"""Wrong passwords a minute from one address."""

_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


def folded(text: str) -> str:
    """Text for comparing and searching: small letters without accents, single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def initials(name: str) -> str:
    """Two letters for the disc beside a name."""
    words = [word for word in name.split() if word[:1].isalpha()]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper() if words else "?"


def sort_name(name: str) -> str:
    """How a name is sorted: the last word first, accents aside ("okafor mara")."""
    words = folded(name).split()
    return " ".join([*words[-1:], *words[:-1]])[:160]


def search_text(*parts: str) -> str:
    """The words of a person's page, each once and each after a space, so that a prefix is found by " word"."""
    words = re.split(r"[\s,;/()]+", folded(" ".join(part for part in parts if part))) if parts else []
    return " " + " ".join(dict.fromkeys(w for w in words if w))


def email_key(text: str) -> str | None:
    """An address as it is stored and compared: folded, or None when there is none."""
    return text.strip().casefold() or None


def is_address(text: str) -> bool:
    """True for what can be a mail address: one @, no spaces, a dot or name on the right."""
    return len(text) <= 254 and re.fullmatch(r"[^\s@<>\"(),;:\\\[\]]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,180}[A-Za-z0-9])?", text) is not None


def words_in(text: str) -> int:
    """Words of a value line."""
    return len(text.split())


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Names of the time zones this machine knows."""
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """True for a time zone name that can be used."""
    try:
        return bool(name) and len(name) <= 64 and ZoneInfo(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def today_in(zone: str, now: datetime) -> date:
    """The local date in ``zone``; UTC where the zone is unknown."""
    return now.astimezone(ZoneInfo(zone if is_zone(zone) else "UTC")).date()


def has_left(*, is_active: bool, end_date: date | None, today: date) -> bool:
    """True when somebody's last day is over or they were deactivated."""
    return not is_active or (end_date is not None and end_date < today)


def delay(failures: int) -> timedelta | None:
    """How long the door stays shut after so many wrong passwords in a row; None while tries are free."""
    if failures < FREE_TRIES:
        return None
    return timedelta(minutes=MINUTES[min(failures - FREE_TRIES, len(MINUTES) - 1)])


def closes_cycle(child: int, parent: int | None, parents: Mapping[int, int | None]) -> bool:
    """True when hanging ``child`` below ``parent`` would make it its own ancestor."""
    seen: set[int] = set()
    while parent is not None and parent not in seen:
        if parent == child:
            return True
        seen.add(parent)
        parent = parents.get(parent)
    return False


def cyclic(links: Mapping[str, str | None]) -> set[str]:
    """The keys that lie on a circle of ``links`` (staff number to the manager's staff number); linear time."""
    state: dict[str, int] = {}
    found: set[str] = set()
    for start in links:
        path: list[str] = []
        at: str | None = start
        while at is not None and at in links and at not in state:
            state[at] = 1
            path.append(at)
            at = links[at]
        if at is not None and state.get(at) == 1:
            found.update(path[path.index(at) :])
        for key in path:
            state[key] = 2
    return found


def below(roots: Iterable[int], parents: Mapping[int, int | None]) -> set[int]:
    """``roots`` and everything that hangs below them."""
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        if parent is not None:
            children.setdefault(parent, []).append(child)
    found, open_ = set(), list(roots)
    while open_:
        at = open_.pop()
        if at not in found:
            found.add(at)
            open_ += children.get(at, ())
    return found


_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


def device_words(agent: str) -> str:
    """A browser as its owner would call it ("Firefox on Linux"); "A browser" when it does not say."""
    browser = next((word for mark, word in _BROWSERS if mark in agent), "")
    system = next((word for mark, word in _SYSTEMS if mark in agent), "")
    return " on ".join(word for word in (browser or "A browser", system) if word)


def address_block(address: str) -> str:
    """The address that tries are counted by: an IPv4 address whole, of IPv6 the first 64 bits."""
    import ipaddress

    try:
        known = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return "unknown"
    mapped = getattr(known, "ipv4_mapped", None)
    if mapped is not None or known.version == 4:
        return str(mapped or known)
    return str(ipaddress.ip_network((int(known) >> 64 << 64, 64)))
