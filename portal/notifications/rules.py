"""When somebody is told by mail: pure functions over wall-clock times; now and zone are parameters."""

import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

REQUEST_GAP = timedelta(minutes=5)
"""Never two mails about the same thing to the same person within this time."""
HOUR_GAP = timedelta(hours=1)
"""Never two mails with warnings to the same person within this time."""
DIGEST_GAP = timedelta(hours=12)
"""A digest comes once a day, also when a clock or a zone changes."""
SETTLE = timedelta(minutes=2)
"""Warnings of one moment come from several jobs; the first waits this long for the others."""
DIGEST_AT = time(8)
"""Local time of the daily digest."""
DIGEST_END = time(20)
"""A digest that could not be sent by this local time waits for the next morning."""


AUTOMATIC = 3
"""Automatic answers that an address gets within an hour at most."""
DEAD_AFTER, DEAD_WITHIN = 2, timedelta(days=14)
"""Mails that must come back for good, within which time, until an address counts as dead."""


class FailureKind(StrEnum):
    """What a failure says: about the address, about a passing state, or about our sending."""

    HARD = "hard"
    SOFT = "soft"
    POLICY = "policy"
    OTHER = "other"


_HARD = {"5.1.1", "5.1.10", "5.2.1"}
"""Nobody has this address, or the mailbox is closed (RFC 3463; 5.1.10 is what Exchange says)."""


def failure_kind(status: str) -> FailureKind:
    """What an enhanced status code says. Only what is about the address itself counts against it; 5.7.x is our sending, never the person."""
    if status in _HARD:
        return FailureKind.HARD
    if status.startswith("5.7."):
        return FailureKind.POLICY
    return FailureKind.SOFT if status.startswith("4.") else FailureKind.OTHER


_STATUS = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\w)")


def status_in(words: str) -> str:
    """The enhanced status code in what a mail server said; empty when there is none."""
    found = _STATUS.search(words[:500])
    return found[1] if found else ""


class Mode(StrEnum):
    """How a person wants mail about a kind of notice."""

    NOW = "now"
    DIGEST = "digest"
    OFF = "off"


class Bundle(StrEnum):
    """What is put into one mail: everything about one thing, or every warning of an hour."""

    REQUEST = "request"
    HOUR = "hour"


class MailState(StrEnum):
    """Which mail a notice waits for; the first and the last are ends."""

    NONE = "none"
    DUE = "due"
    HOUR = "hour"
    DIGEST = "digest"
    DONE = "done"


def state_for(mode: Mode, bundle: Bundle, *, has_mail: bool) -> MailState:
    """What a new notice waits for."""
    if not has_mail or mode is Mode.OFF:
        return MailState.NONE
    if mode is Mode.DIGEST:
        return MailState.DIGEST
    return MailState.HOUR if bundle is Bundle.HOUR else MailState.DUE


def quiet_until(now: datetime, start: time, end: time, zone: str) -> datetime | None:
    """The instant at which quiet hours end (start included, end not, over midnight when end is earlier), or None outside of them."""
    local = now.astimezone(ZoneInfo(zone))
    moment, over_midnight = local.time(), end <= start
    inside = moment >= start or moment < end if over_midnight else start <= moment < end
    if not inside:
        return None
    ends_on = local.date() + timedelta(days=1 if over_midnight and moment >= start else 0)
    ends = datetime.combine(ends_on, end, ZoneInfo(zone)).astimezone(UTC)
    return ends if ends > now else None


def digest_due(now: datetime, zone: str) -> datetime | None:
    """The digest time of today in ``zone``, when it has come and the day is not over; what was told before it belongs into the digest."""
    local = now.astimezone(ZoneInfo(zone))
    if not DIGEST_AT <= local.time() < DIGEST_END:
        return None
    return datetime.combine(local.date(), DIGEST_AT, ZoneInfo(zone)).astimezone(UTC)


def is_away(now: datetime, zone: str, absences: list[tuple[date, date]]) -> bool:
    """True when today, where the person is, lies in one of the absences (both days included)."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return any(first <= today <= last for first, last in absences)
