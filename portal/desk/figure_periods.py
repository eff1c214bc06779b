"""Periods of figures: days where a department works, the period before, and how whole weeks and months cover one."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
WEEKS = (4, 12, 52)
"""The periods one chooses from."""
LONGEST = 366 * 2
"""Days of a period of one's own."""
MONTHS_FROM = 92
"""Periods of more days are read by months."""
DRAWN_BY_MONTH = 26 * 7
"""Periods of more days are drawn by months: so many weeks say nothing to the eye."""


@dataclass(frozen=True)
class Span:
    """Days from ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(self.days))

    def instants(self, zone: str) -> tuple[datetime, datetime]:
        """Its begin, and the first instant after it, where the department works."""
        there = ZoneInfo(zone)
        return datetime.combine(self.first, time(), there), datetime.combine(self.last + DAY, time(), there)


def monday(day: date) -> date:
    """The Monday of the week of a day."""
    return day - timedelta(days=day.weekday())


def last_weeks(weeks: int, today: date) -> Span:
    """This week so far and the whole ones before it, so many in all."""
    return Span(monday(today) - timedelta(weeks=weeks - 1), today)


def before(span: Span) -> Span:
    """The period to compare with: as many weeks earlier as it has begun, up to the same weekday; other periods the days just before."""
    weeks = -(-span.days // 7)
    shift = timedelta(weeks=weeks) if span.first.weekday() == 0 else timedelta(days=span.days)
    return Span(span.first - shift, span.last - shift)


def chosen(first: date | None, last: date | None, today: date) -> Span | None:
    """A period of one's own: in order, not after today, at most two years; None when a day is missing."""
    if first is None or last is None:
        return None
    first, last = sorted((min(first, today), min(last, today)))
    return Span(max(first, last - timedelta(days=LONGEST - 1)), last)


def weeks_of(span: Span) -> list[Span]:
    """The weeks of a period, the first and the last as far as they lie in it."""
    found, day = [], span.first
    while day <= span.last:
        end = min(monday(day) + timedelta(days=6), span.last)
        found.append(Span(day, end))
        day = end + DAY
    return found


def slices_of(span: Span) -> list[Span]:
    """The weeks of a period, or the months of a long one."""
    return weeks_of(span) if span.days <= DRAWN_BY_MONTH else months_of(span)


def months_of(span: Span) -> list[Span]:
    """The months of a period, the first and the last as far as they lie in it."""
    found, day = [], span.first
    while day <= span.last:
        end = min(whole_month(day.replace(day=1)).last, span.last)
        found.append(Span(day, end))
        day = end + DAY
    return found


def whole_week(start: date) -> Span:
    """The week that begins on a Monday."""
    return Span(start, start + timedelta(days=6))


def whole_month(start: date) -> Span:
    """The month that begins on a first."""
    return Span(start, (start.replace(day=1) + timedelta(days=32)).replace(day=1) - DAY)


def spans_of(days: Iterable[date]) -> list[Span]:
    """Days as stretches without a gap, in order."""
    found: list[Span] = []
    for day in sorted(days):
        if found and found[-1].last + DAY == day:
            found[-1] = Span(found[-1].first, day)
        else:
            found.append(Span(day, day))
    return found


def cover(span: Span, weeks: Container[date], months: Container[date] = ()) -> tuple[list[date], list[date], list[date]]:
    """Months and weeks (by their first days) of those there are that lie in a period, and the days left over; nothing twice."""
    found_months: list[date] = []
    found_weeks: list[date] = []
    rest: list[date] = []
    day = span.first
    while day <= span.last:
        if day.day == 1 and day in months and whole_month(day).last <= span.last:
            found_months.append(day)
            day = whole_month(day).last + DAY
        elif day.weekday() == 0 and day in weeks and whole_week(day).last <= span.last and not _meets_month(day, span, months):
            found_weeks.append(day)
            day += timedelta(days=7)
        else:
            rest.append(day)
            day += DAY
    return found_months, found_weeks, rest


def _meets_month(start: date, span: Span, months: Container[date]) -> bool:
    """True when a month that could be read as a whole begins within the week: it would be cut."""
    first = next((day for day in whole_week(start) if day.day == 1), None)
    return first is not None and first != start and first in months and whole_month(first).last <= span.last
