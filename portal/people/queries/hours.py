"""Working hours as people read them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.kernel.db import db
from portal.people import calendars
from portal.people.calendar import WorkCalendar
from portal.people.models import Calendar, CalendarVersion, Department, Location


@dataclass(frozen=True)
class DayHours:
    """One weekday with its intervals ("8:00", "18:00"); none means closed."""

    day: int
    spans: list[tuple[str, str]]


@dataclass(frozen=True)
class DayAhead:
    """One date of the preview: its hours, and why it differs from the week."""

    day: date
    spans: list[tuple[datetime, datetime]]
    note: str
    kind: str
    """"holiday", "override" or "" for an ordinary day."""


def week(version: CalendarVersion) -> list[DayHours]:
    """Monday to Sunday as one version has them."""
    return [DayHours(day, [(a.removeprefix("0"), b.removeprefix("0")) for a, b in version.hours.get(str(day), [])]) for day in range(7)]


def days_ahead(calendar: WorkCalendar, version: CalendarVersion, first: date, days: int = 14) -> list[DayAhead]:
    """The next days with their real hours, holidays by name; nothing is read from the database."""
    dates = [first + timedelta(days=n) for n in range(days)]
    names = calendars.holiday_names(version.country, version.subdivision, {day.year for day in dates})
    free, special = set(version.holidays), set(version.overrides)
    ahead = []
    for day in dates:
        iso = day.isoformat()
        kind = "holiday" if iso in free else "override" if iso in special else ""
        ahead.append(DayAhead(day, calendar.opening_hours(day), names.get(day, "") if kind == "holiday" else "", kind))
    return ahead


def version_of(version_id: int) -> CalendarVersion:
    """One version; raises NotFound."""
    return calendars.version(version_id)


@dataclass(frozen=True)
class CalendarRow:
    """A calendar in the list of administrators."""

    id: int
    name: str
    version: int
    zone: str
    country: str | None
    followed_by: int


def all_calendars() -> list[CalendarRow]:
    """Every calendar with its newest version and how many departments follow it; one statement."""
    newest = sa.select(sa.func.max(CalendarVersion.version)).where(CalendarVersion.calendar_id == Calendar.id).correlate(Calendar).scalar_subquery()
    followers = sa.select(sa.func.count()).select_from(Department).where(Department.calendar_id == Calendar.id).correlate(Calendar).scalar_subquery()
    query: sa.Select[Any] = (
        sa.select(Calendar.id, Calendar.name, CalendarVersion.version, CalendarVersion.zone, CalendarVersion.country, followers)
        .join(CalendarVersion, sa.and_(CalendarVersion.calendar_id == Calendar.id, CalendarVersion.version == newest))
        .order_by(Calendar.name)
    )
    return [CalendarRow(*row) for row in db.session.execute(query)]


def calendar_choices() -> list[tuple[int, str]]:
    """(id, name) of every calendar."""
    return [(number, name) for number, name in db.session.execute(sa.select(Calendar.id, Calendar.name).order_by(Calendar.name))]


def all_locations() -> list[Location]:
    """Every location by name."""
    return list(db.session.scalars(sa.select(Location).order_by(Location.name)))


def history(calendar_id: int, limit: int = 20) -> list[CalendarVersion]:
    """The versions of a calendar, the newest first."""
    query = sa.select(CalendarVersion).where(CalendarVersion.calendar_id == calendar_id)
    return list(db.session.scalars(query.order_by(CalendarVersion.version.desc()).limit(limit)))
