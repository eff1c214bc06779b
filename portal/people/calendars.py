"""Work calendars as they are stored: versions, the calendar a department follows, and public holidays by country."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.pool import Pool

from portal.kernel.db import db
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.messages import say
from portal.kernel.settings import Settings
from portal.people.calendar import WorkCalendar
from portal.people.models import Calendar, CalendarVersion, Department

DEFAULT, ROUND_THE_CLOCK = "Company hours", "Round the clock"
"""Names of the two calendars every installation has."""
OFFICE = {str(day): [["09:00", "17:00"]] for day in range(5)}
ALWAYS = {str(day): [["00:00", "24:00"]] for day in range(7)}
YEARS_BACK, YEARS_AHEAD = 1, 5
LOOK_AHEAD = 30
"""Days within which a calendar must hold some working time."""

Intervals = Mapping[str, Any]


def build(zone: str, hours: Intervals, holidays: Collection[str] = (), overrides: Intervals | None = None) -> WorkCalendar:
    """The calendar that stored values describe; raises ValueError for values that describe none."""
    return WorkCalendar(
        zone,
        {int(day): [(a, b) for a, b in pairs] for day, pairs in hours.items()},
        [date.fromisoformat(day) for day in holidays],
        {date.fromisoformat(day): [(a, b) for a, b in pairs] for day, pairs in (overrides or {}).items()},
    )


_built: WeakKeyDictionary[Pool, dict[int, WorkCalendar]] = WeakKeyDictionary()
_KEPT = 256


def work_calendar(version_id: int) -> WorkCalendar:
    """The working hours of one version, built once per process; versions never change. Raises NotFound."""
    # Kept per connection pool: when another database takes the place of this one (restore, tests) the pool is a new one.
    built = _built.setdefault(db.engine.pool, {})
    found = built.get(version_id)
    if found is None:
        row = version(version_id)
        if len(built) >= _KEPT:
            built.clear()
        found = built[version_id] = build(row.zone, row.hours, row.holidays, row.overrides)
    return found


def version(version_id: int) -> CalendarVersion:
    """One version as it is stored; raises NotFound."""
    row = db.session.get(CalendarVersion, version_id)
    if row is None:
        raise NotFound()
    return row


def current_version(calendar_id: int) -> CalendarVersion:
    """The newest version of a calendar; raises NotFound."""
    query = sa.select(CalendarVersion).where(CalendarVersion.calendar_id == calendar_id)
    row = db.session.scalars(query.order_by(CalendarVersion.version.desc()).limit(1)).first()
    if row is None:
        raise NotFound()
    return row


def department_version(department_id: int) -> int:
    """The version a department follows today: its own calendar's, else its nearest ancestor's, else the company's. One statement; NotFound before set-up."""
    found = db.session.scalar(_newest(department_id))
    if found is None:
        raise NotFound()
    return found


def both_versions(department_id: int) -> tuple[int, int]:
    """The version a department follows today, and that of the calendar that never closes. One statement; NotFound before set-up."""
    own, always = db.session.execute(sa.select(_newest(department_id).scalar_subquery(), _named(ROUND_THE_CLOCK).scalar_subquery())).one()
    if own is None or always is None:
        raise NotFound()
    return own, always


def _newest(department_id: int) -> sa.Select[int]:
    up = sa.select(Department.id, Department.parent_id, Department.calendar_id, sa.literal(0).label("depth")).where(Department.id == department_id)
    chain = up.cte("chain", recursive=True)
    chain = chain.union_all(
        sa.select(Department.id, Department.parent_id, Department.calendar_id, chain.c.depth + 1)
        .join(chain, Department.id == chain.c.parent_id)
        .where(chain.c.depth < 50)
    )
    own = sa.select(chain.c.calendar_id, chain.c.depth).where(chain.c.calendar_id.is_not(None))
    near = own.union_all(sa.select(Calendar.id, sa.literal(100)).where(Calendar.name == DEFAULT)).subquery("near")
    newest = sa.select(CalendarVersion.id).join(near, near.c.calendar_id == CalendarVersion.calendar_id)
    return newest.order_by(near.c.depth, CalendarVersion.version.desc()).limit(1)


def default_version_id() -> int:
    """The newest version of the company's own hours; raises NotFound before set-up."""
    return _named_version(DEFAULT)


def round_the_clock_version() -> int:
    """The newest version of the calendar that never closes; raises NotFound before set-up."""
    return _named_version(ROUND_THE_CLOCK)


def _named_version(name: str) -> int:
    found = db.session.scalar(_named(name))
    if found is None:
        raise NotFound()
    return found


def _named(name: str) -> sa.Select[int]:
    query = sa.select(CalendarVersion.id).join(Calendar, Calendar.id == CalendarVersion.calendar_id).where(Calendar.name == name)
    return query.order_by(CalendarVersion.version.desc()).limit(1)


def public_holidays(country: str | None, subdivision: str | None, now: datetime) -> list[str]:
    """ISO dates of a country's public holidays from last year to five years ahead; empty without a country, Refusal for an unknown one."""
    if not country:
        return []
    return list(_holidays(country.upper(), (subdivision or "").upper() or None, now.year))


@lru_cache(maxsize=64)
def _holidays(country: str, subdivision: str | None, year: int) -> tuple[str, ...]:
    import holidays

    try:
        known = holidays.country_holidays(country, subdiv=subdivision, years=range(year - YEARS_BACK, year + YEARS_AHEAD + 1))
    except NotImplementedError:
        raise Refusal(
            say("We do not know the public holidays of %(place)s. Leave the country empty and add the days by hand.", place=country), field="country"
        ) from None
    return tuple(day.isoformat() for day in sorted(known))


def holiday_names(country: str | None, subdivision: str | None, years: Collection[int]) -> dict[date, str]:
    """Names of public holidays in English where there are any, for the preview of a calendar."""
    if not country:
        return {}
    import holidays

    try:
        return dict(holidays.country_holidays(country.upper(), subdiv=(subdivision or "").upper() or None, years=years, language="en_US"))
    except NotImplementedError:
        return {}


def check(calendar: WorkCalendar, now: datetime) -> None:
    """Raise Refusal for a calendar on which nothing would ever be due."""
    if not calendar.has_working_time(now, LOOK_AHEAD):
        raise Refusal(say("There is no working time in the next %(days)d days, so nothing would ever be due. Open at least one of them.", days=LOOK_AHEAD))


def ensure_defaults(now: datetime) -> None:
    """Create the company's hours (Monday to Friday, 9 to 17, its country's holidays) and the calendar that never closes, where missing."""
    settings: Settings = current_app.extensions["settings"]
    _ensure(DEFAULT, settings.zone, OFFICE, settings.country or None, now)
    _ensure(ROUND_THE_CLOCK, "UTC", ALWAYS, None, now)


def _ensure(name: str, zone: str, hours: Intervals, country: str | None, now: datetime) -> None:
    if db.session.scalar(sa.select(Calendar.id).where(Calendar.name == name)) is None:
        create(name, zone=zone, hours=hours, country=country, now=now)


def create(
    name: str,
    *,
    zone: str,
    hours: Intervals,
    now: datetime,
    country: str | None = None,
    subdivision: str | None = None,
    overrides: Intervals | None = None,
    by: int | None = None,
) -> CalendarVersion:
    """A new calendar with its first version; for set-up, import of demo data and :mod:`portal.people.actions.calendars`."""
    calendar = Calendar(name=name, created_at=now)
    db.session.add(calendar)
    db.session.flush()
    return add_version(calendar.id, 1, zone=zone, hours=hours, country=country, subdivision=subdivision, overrides=overrides, by=by, now=now)


def add_version(
    calendar_id: int,
    number: int,
    *,
    zone: str,
    hours: Intervals,
    now: datetime,
    country: str | None = None,
    subdivision: str | None = None,
    overrides: Intervals | None = None,
    by: int | None = None,
) -> CalendarVersion:
    """Write one version row; ValueError or Refusal when its values describe no calendar with working time."""
    days = public_holidays(country, subdivision, now)
    check(build(zone, hours, days, overrides), now)
    row = CalendarVersion(
        calendar_id=calendar_id,
        version=number,
        zone=zone,
        hours=dict(hours),
        country=country,
        subdivision=subdivision,
        holidays=days,
        overrides=dict(overrides or {}),
        created_at=now,
        created_by=by,
    )
    db.session.add(row)
    db.session.flush()
    return row
