"""What leads type about services, promises and prepared replies."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import ValidationError

from portal.desk.rules import BODY_LIMIT, Priority
from portal.desk.words import ROUND_THE_CLOCK, WORKING_DAY, working_time
from portal.kernel.forms import PortalForm, clean_line, int_or_none, line, paragraph, required

_NUMBER = r"\d{1,4}(?:[.,]\d{1,2})?"
TIME = re.compile(rf"(?:(?P<days>{_NUMBER})\s*(?:d|days?))?\s*(?:(?P<hours>{_NUMBER})\s*(?:h|hours?))?\s*(?:(?P<minutes>\d{{1,4}})\s*(?:m|min|minutes?)?)?")
LONGEST = timedelta(hours=2000)
SHORTEST = timedelta(minutes=5)


def read_time(text: str, *, always: bool) -> timedelta | None:
    """Working time from words such as "2 days", "4 h", "30 min", "1 day 4 h"; None for what says no time.

    A day has eight working hours, or twenty-four where every hour counts.
    """
    found = TIME.fullmatch(text.strip().lower())
    if found is None or not text.strip():
        return None
    if found["minutes"] and not re.search(r"m", text.lower()) and not found["hours"]:
        return None
    days, hours, minutes = (float((found[part] or "0").replace(",", ".")) for part in ("days", "hours", "minutes"))
    return timedelta(hours=days * (ROUND_THE_CLOCK if always else WORKING_DAY) + hours, minutes=minutes)


class ServiceForm(PortalForm):
    """The words of a service, and whether it is offered."""

    name = line(_l("Name"), required(_l("A name is needed.")), limit=120)
    question = line(_l("Question at the top of the form"), required(_l("What do you ask people?")), limit=160)
    hint = line(_l("Hint"), limit=300)
    example = line(_l("Example of a title"), limit=160)
    call_note = line(_l("What to do before filling it in"), limit=300)
    outcome = line(_l("What they get"), limit=200)
    words = paragraph(_l("Words people type"), limit=1000, description=_l("Separated by commas. The search finds the service by them."))
    is_confidential = BooleanField(_l("Every request is confidential"), description=_l("Only those named below read them."))
    takes_mail = BooleanField(_l("Mail to the department opens here"), description=_l("Where mail goes that is written to the department's own address."))
    is_active = BooleanField(_l("It is offered"))


class NamedForm(PortalForm):
    """Somebody who reads confidential requests of a service."""

    person = line(_l("Name or staff number"), required(_l("Choose a name from the list.")))


class ReplyForm(PortalForm):
    """A prepared reply."""

    name = line(_l("Name"), required(_l("A short name is needed, for example: Heater on the way")), limit=80)
    body = paragraph(_l("Words"), required(_l("The words are missing.")), limit=BODY_LIMIT)
    is_acknowledgement = BooleanField(_l("It only says that we read it"), description=_l("Sent unchanged, it does not stop the clock."))


class PromiseForm(PortalForm):
    """What a service promises, by priority; see :func:`rows` for its twelve fields of time."""

    seen_version = HiddenField(filters=[int_or_none])

    def rows(self) -> list[tuple[str, Any, Any, Any, Any]]:
        """(priority, first answer, later answers, end, round the clock) as fields."""
        return [(level.value, *(self[f"{level.value}_{part}"] for part in ("first", "next", "end", "always"))) for level in Priority]

    def targets(self) -> dict[str, dict[str, Any]]:
        """The table as ``PromiseVersion.targets`` keeps it; call it on a form that is right."""
        return {level: self._target(level) for level, *_ in self.rows()}

    def _target(self, level: str) -> dict[str, Any]:
        always = bool(self[f"{level}_always"].data)
        first, later, end = (read_time(str(self[f"{level}_{part}"].data or ""), always=always) for part in ("first", "next", "end"))
        seconds = [None if span is None else int(span.total_seconds()) for span in (first, later, end)]
        return {"first_response": seconds[0], "next_response": seconds[1], "resolution": seconds[2], "round_the_clock": always}


def _time(label: Any, *, needed: bool) -> StringField:
    def check(form: PromiseForm, field: StringField) -> None:
        text = str(field.data or "")
        if not text and not needed:
            return
        always = bool(form[field.name.rpartition("_")[0] + "_always"].data)
        span = read_time(text, always=always)
        if span is None:
            raise ValidationError(str(_l("Write a time such as 30 min, 4 h or 2 days.")))
        if not SHORTEST <= span <= LONGEST:
            raise ValidationError(str(_l("Between 5 minutes and 250 working days.")))

    return StringField(label, validators=[check], filters=[clean_line])


for _level in Priority:
    setattr(PromiseForm, f"{_level.value}_first", _time(_l("First answer"), needed=True))
    setattr(PromiseForm, f"{_level.value}_next", _time(_l("Later answers"), needed=True))
    setattr(PromiseForm, f"{_level.value}_end", _time(_l("Solved"), needed=False))
    setattr(PromiseForm, f"{_level.value}_always", BooleanField(_l("Nights and weekends count")))


def filled(targets: Mapping[str, Mapping[str, Any]], version: int) -> PromiseForm:
    """The form with what is promised now."""
    form = PromiseForm(formdata=None)
    form.seen_version.data = version
    for level, first, later, end, always in form.rows():
        row = targets[level]
        always.data = bool(row.get("round_the_clock"))
        for field, name in ((first, "first_response"), (later, "next_response"), (end, "resolution")):
            field.data = time_words(row.get(name), always=always.data)
    return form


def time_words(seconds: int | None, *, always: bool) -> str:
    """Seconds of working time as somebody would type them; empty for none."""
    return "" if seconds is None else working_time(timedelta(seconds=seconds), ROUND_THE_CLOCK if always else WORKING_DAY)
