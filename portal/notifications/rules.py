"""When somebody is told by mail: pure functions over wall-clock times; now and zone are parameters."""

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
