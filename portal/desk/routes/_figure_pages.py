"""What pages of figures have in common: whose they are, which days, and the addresses of rows and files."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from babel.dates import format_date
from flask import url_for
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from portal.desk.figure_periods import DRAWN_BY_MONTH, WEEKS, Span, before, chosen, last_weeks
from portal.desk.forms.figures import PeriodFilter
from portal.desk.queries import figure_overview
from portal.desk.queries import figures as read
from portal.desk.routes.queue import find_queue, served
from portal.kernel import policy


@dataclass(frozen=True)
class Asked:
    """A period as it was asked for: its days and those before, and how it stands in addresses."""

    span: Span
    before: Span
    weeks: int | None
    held: dict[str, Any]


def whose(key: str) -> Any:
    """The department named in the address: one the reader works for, for administrators any that answers requests. Forbidden for others."""
    if policy.current().has("administrator") and all(own.key != key for own in served()):
        found = figure_overview.find_department(key)
        if found is not None:
            return found
    return find_queue(key)


def serves(department_id: int) -> bool:
    """True when the reader may go from a number to its requests."""
    return any(own.id == department_id for own in served())


def asked(form: PeriodFilter, zone: str, now: datetime) -> Asked:
    """The period an address asks for; four weeks when it asks for none."""
    today = read.today(zone, now)
    own = chosen(form.since.data, form.until.data, today)
    if own is not None:
        return Asked(own, before(own), None, days(own))
    weeks = int(form.weeks.data or WEEKS[0])
    span = last_weeks(weeks, today)
    return Asked(span, before(span), weeks, {"weeks": str(weeks)})


def days(span: Span) -> dict[str, Any]:
    """A period in an address."""
    return {"from": span.first.isoformat(), "to": span.last.isoformat()}


def tabs(endpoint: str, period: Asked, **values: Any) -> list[dict[str, Any]]:
    """The periods one chooses from."""
    words = {52: _("A year")}
    return [
        {
            "text": words.get(weeks) or ngettext("%(num)d week", "%(num)d weeks", weeks),
            "url": url_for(endpoint, weeks=weeks, **values),
            "current": weeks == period.weeks,
        }
        for weeks in WEEKS
    ]


def shown_slice(whole: Span) -> Callable[[Span], str]:
    """How drawings and tables name the weeks ("24 Nov") or months ("Nov 2026") of a period."""
    pattern, locale = ("MMM y" if by_month(whole) else "d MMM"), get_locale() or "en"
    return lambda span: str(format_date(span.first, pattern, locale=locale))


def by_month(whole: Span) -> bool:
    """True for a period that is drawn by months."""
    return whole.days > DRAWN_BY_MONTH
