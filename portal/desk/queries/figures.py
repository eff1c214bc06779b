"""What a department kept and how long it took, over some weeks and by service; read from counts, not from requests."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.desk import figures
from portal.desk.clock import FIRST_RESPONSE, RESOLUTION
from portal.desk.models import Clock, FigureChange, FigureCount, Request, Service
from portal.kernel.db import db
from portal.people import calendars

CLOCKS = (FIRST_RESPONSE, RESOLUTION)
Cell = tuple[int, str, int]
"""Service, what is counted, bucket."""


@dataclass(frozen=True)
class Measured:
    """One clock of a service or of all: how many were due, how many of them late, and half and nine in ten of the working times."""

    due: int
    late: int
    share: float | None
    half: timedelta | None
    most: timedelta | None

    @property
    def percent(self) -> int | None:
        """Kept in whole per cent, never more than it was."""
        return None if self.share is None else int(self.share * 100)


@dataclass(frozen=True)
class Line:
    """A row of the page: a service, or all of them under no name."""

    name: str
    first: Measured
    resolution: Measured


@dataclass(frozen=True)
class Period:
    """Days where the department works, the last one today."""

    first: date
    last: date
    zone: str


def period(department_id: int, weeks: int, now: datetime) -> Period:
    """The last so many weeks of a department."""
    zone = work_zone(department_id)
    today = now.astimezone(ZoneInfo(zone)).date()
    return Period(today - timedelta(days=7 * weeks - 1), today, zone)


def work_zone(department_id: int) -> str:
    """Where the working hours of a department are."""
    return calendars.work_calendar(calendars.department_version(department_id)).zone


def of_department(department_id: int, during: Period, now: datetime) -> tuple[Line, list[Line]]:
    """All services together, and each that counts anything, by name. Three statements."""
    cells = _kept(department_id, during) + _open_late(department_id, during, now)
    ids = sorted({service for service, _, _ in cells})
    names = db.session.execute(sa.select(Service.id, Service.name).where(Service.id.in_(ids)).order_by(Service.name, Service.id))
    whole = _line("", cells.items())
    return whole, [_line(name, [cell for cell in cells.items() if cell[0][0] == number]) for number, name in names]


def _kept(department_id: int, during: Period) -> Counter[Cell]:
    parts = [
        sa.select(table.service_id, table.measure, table.bucket, table.n).where(
            table.department_id == department_id, table.day >= during.first, table.day <= during.last
        )
        for table in (FigureCount, FigureChange)
    ]
    rows = sa.union_all(*parts).subquery()
    query = sa.select(rows.c.service_id, rows.c.measure, rows.c.bucket, sa.func.sum(rows.c.n)).group_by(rows.c.service_id, rows.c.measure, rows.c.bucket)
    return Counter({(service, measure, bucket): int(n) for service, measure, bucket, n in db.session.execute(query) if n})


def _open_late(department_id: int, during: Period, now: datetime) -> Counter[Cell]:
    begin = datetime.combine(during.first, time(), ZoneInfo(during.zone))
    query = sa.select(Request.service_id, Clock.name, sa.func.count()).join(Request, Request.id == Clock.request_id)
    late = sa.and_(Clock.department_id == department_id, Clock.due >= begin, Clock.due < now, Clock.stopped_at.is_(None), Request.is_open == sa.true())
    rows = db.session.execute(query.where(late, Clock.name.in_(CLOCKS)).group_by(Request.service_id, Clock.name))
    return Counter({(service, f"{name}_open_late", 0): n for service, name, n in rows})


def _line(name: str, cells: Iterable[tuple[Cell, int]]) -> Line:
    known = list(cells)
    return Line(name, *(_measured(clock, known) for clock in CLOCKS))


def _measured(clock: str, cells: Iterable[tuple[Cell, int]]) -> Measured:
    sums: Counter[str] = Counter()
    times: Counter[int] = Counter()
    for (_, measure, bucket), n in cells:
        sums[measure] += n
        if measure == figures.TIMED[clock]:
            times[bucket] += n
    met, missed, waiting = (sums[f"{clock}_{end}"] for end in ("met", "missed", "open_late"))
    due = met + missed + waiting
    share = figures.on_time(met, missed, waiting) if due >= figures.SUPPRESSED_BELOW else None
    return Measured(due, missed + waiting, share, *(_time(times, part) for part in (0.5, 0.9)))


def _time(times: Counter[int], share: float) -> timedelta | None:
    found = figures.percentile(times, share) if sum(times.values()) >= figures.SUPPRESSED_BELOW else None
    return None if found is None else timedelta(seconds=round(found / 60) * 60)
