"""Forms about departments, locations and working hours."""

import re
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import IntegerField
from wtforms.validators import Regexp
from wtforms.widgets import HiddenInput

from portal.kernel.errors import Refusal
from portal.kernel.forms import PortalForm, line, optional, paragraph, required
from portal.kernel.messages import say
from portal.people.forms.persons import choice_of_ids

DAYS = (_l("Monday"), _l("Tuesday"), _l("Wednesday"), _l("Thursday"), _l("Friday"), _l("Saturday"), _l("Sunday"))
_TIME = r"(?:[01]?\d|2[0-4])[:.][0-5]\d"
_SPAN = re.compile(rf"^({_TIME})\s*(?:-|–|to|bis)\s*({_TIME})$")
_COUNTRY = Regexp(r"^[A-Za-z]{2}$", message=_l("Two letters, such as DE or US."))


class DepartmentForm(PortalForm):
    """What administrators say about a department."""

    name = line(_l("Name"), required(_l("A name is needed.")), limit=120)
    parent_id = choice_of_ids(_l("Part of"), _l("Nothing above it"))
    lead = line(_l("Lead"), optional(), limit=200)
    calendar_id = choice_of_ids(_l("Working hours"), _l("As the department above, or the company"))
    location_id = choice_of_ids(_l("Location"), _l("None"))


class VoiceForm(PortalForm):
    """What a department says about itself."""

    value_line = line(
        _l("What we do for others"), optional(), limit=160, description=_l("At most ten words, for instance: We keep you warm, dry and safe at work.")
    )
    phone = line(_l("Phone"), optional(), limit=60)
    email = line(_l("E-mail"), optional(), limit=254)


class MemberForm(PortalForm):
    """Somebody to name as deputy or fulfiller."""

    person = line(_l("Name"), required(_l("Choose a colleague.")), limit=200)


class LocationForm(PortalForm):
    """A place where people work."""

    name = line(_l("Name"), required(_l("A name is needed.")), limit=120)
    zone = line(_l("Time zone"), required(_l("Choose a zone such as Europe/Berlin.")), limit=64)
    country = line(_l("Country"), optional(), _COUNTRY, limit=2, description=_l("Two letters. Its public holidays count."))
    subdivision = line(_l("State or region"), optional(), limit=10, description=_l("Where holidays differ by region: BE for Berlin, NY for New York."))
    address = line(_l("Address"), optional(), limit=300)


class HoursForm(PortalForm):
    """A calendar: one line of hours for each weekday, and one line for each special date."""

    name = line(_l("Name"), optional(), limit=120)
    zone = line(_l("Time zone"), required(_l("Choose a zone such as Europe/Berlin.")), limit=64)
    day0 = line(DAYS[0], optional())
    day1 = line(DAYS[1], optional())
    day2 = line(DAYS[2], optional())
    day3 = line(DAYS[3], optional())
    day4 = line(DAYS[4], optional())
    day5 = line(DAYS[5], optional())
    day6 = line(DAYS[6], optional())
    country = line(_l("Public holidays of"), optional(), _COUNTRY, limit=2, description=_l("Two letters, such as DE. Empty: none."))
    subdivision = line(_l("State or region"), optional(), limit=10)
    overrides = paragraph(
        _l("Special days"),
        optional(),
        limit=8000,
        description=_l("One date a line: 2026-12-24 8:00-12:00. A date alone means closed. A public holiday stays closed."),
    )
    seen_version = IntegerField(widget=HiddenInput(), default=0)

    def week(self) -> list[Any]:
        """The seven fields in order."""
        return [self[f"day{number}"] for number in range(7)]


def read_hours(form: HoursForm) -> dict[str, list[list[str]]]:
    """Weekly hours as a version stores them; raises Refusal with the field that cannot be read."""
    return {str(day): spans for day in range(7) if (spans := read_spans(str(form[f"day{day}"].data or ""), f"day{day}"))}


def read_spans(text: str, field: str) -> list[list[str]]:
    """Intervals written like 8:00-12:00, 13:00-17:30 as pairs of "HH:MM"; empty and "closed" are no hours."""
    spans = []
    for part in (p.strip() for p in text.split(",")):
        if not part or part.lower() in ("closed", "-"):
            continue
        found = _SPAN.match(part)
        if found is None:
            raise Refusal(say("We cannot read %(value)s. Write hours like 8:00-12:00, 13:00-17:30.", value=part[:60]), field=field)
        spans.append([_padded(found[1]), _padded(found[2])])
    return spans


def _padded(text: str) -> str:
    hour, minute = re.split(r"[:.]", text)
    return f"{int(hour):02d}:{minute}"


FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Years in which a special day makes sense; anything else is a slip of the keys."""


def read_overrides(form: HoursForm) -> dict[str, list[list[str]]]:
    """Special days as a version stores them; raises Refusal naming the line that cannot be read."""
    found: dict[str, list[list[str]]] = {}
    for number, row in enumerate(str(form.overrides.data or "").splitlines(), 1):
        day, _, rest = row.strip().partition(" ")
        if not day:
            continue
        try:
            key = date.fromisoformat(day.rstrip(":")).isoformat()
        except ValueError:
            text = say("Line %(number)d does not start with a date such as 2026-12-24.", number=number)
            raise Refusal(text, field="overrides") from None
        if not FIRST_YEAR <= int(key[:4]) <= LAST_YEAR:
            text = say("Line %(number)d: write a year from %(first)s to %(last)s.", number=number, first=str(FIRST_YEAR), last=str(LAST_YEAR))
            raise Refusal(text, field="overrides")
        if key in found:
            raise Refusal(say("Line %(number)d has a day that stands above already. Write all hours of a day in one line.", number=number), field="overrides")
        found[key] = read_spans(rest, "overrides")
    return dict(sorted(found.items()))


def written_spans(spans: list[list[str]]) -> str:
    """Hours as the form shows them: "8:00-12:00, 13:00-17:30"."""
    return ", ".join(f"{a.removeprefix('0')}-{b.removeprefix('0')}" for a, b in spans)


def written_overrides(overrides: dict[str, list[list[str]]]) -> str:
    """Special days as the form shows them, one a line."""
    return "\n".join(f"{day} {written_spans(spans)}".strip() for day, spans in sorted(overrides.items()))
