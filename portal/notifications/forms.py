"""The preference page and the two buttons of the inbox."""

from collections.abc import Sequence
from datetime import time
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, RadioField, TimeField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import NumberRange, Optional

from portal.kernel.forms import PortalForm
from portal.notifications.queries import Choice
from portal.notifications.rules import Mode

MODES = ((Mode.NOW.value, _l("At once")), (Mode.DIGEST.value, _l("Once a day")), (Mode.OFF.value, _l("No mail")))


class ReadForm(PortalForm):
    """Mark everything as read that was on the page."""

    up_to = IntegerField(_l("Newest notice"), validators=[NumberRange(min=0, max=2**31 - 1)])


class ClockField(TimeField):
    """A time of day; what is no time gets a sentence that shows one."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read "HH:MM"."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(str(_l("Write a time such as 20:00."))) from None


class PreferencesForm(PortalForm):
    """How somebody wants mail about each kind, and when none. The fields for the kinds are added by :func:`preferences_form`."""

    quiet_from = ClockField(_l("No mail from"), validators=[Optional()])
    quiet_to = ClockField(_l("until"), validators=[Optional()])

    def validate(self, extra_validators: Any = None) -> bool:
        """Quiet hours need both ends, and two different ones; an empty field would skip a check of its own."""
        fine = super().validate(extra_validators)
        start, end = self.quiet_from, self.quiet_to
        if start.errors or end.errors:
            return False
        if (start.data is None) != (end.data is None):
            self.complain("quiet_to", str(_l("Give both times, or leave both empty for mail at any hour.")))
        elif start.data is not None and start.data == end.data:
            self.complain("quiet_to", str(_l("Choose two different times, or leave both empty for mail at any hour.")))
        return bool(fine and not end.errors)

    def quiet(self) -> tuple[time, time] | None:
        """The quiet hours that were typed."""
        return (self.quiet_from.data, self.quiet_to.data) if self.quiet_from.data is not None else None


def field_of(kind: str) -> str:
    """The name of the field for a kind."""
    return "mail_" + kind.replace(".", "_")


def preferences_form(choices: Sequence[Choice], quiet: tuple[time, time] | None) -> PreferencesForm:
    """The form with one field per kind, holding what this person chose."""
    fields = {field_of(c.kind.key): RadioField(str(c.kind.label), choices=[SelectChoice(value, str(text)) for value, text in MODES]) for c in choices}
    kept = {field_of(c.kind.key): c.mail.value for c in choices}
    start, end = quiet or (None, None)
    form: PreferencesForm = type("ChosenForm", (PreferencesForm,), fields)(data=kept | {"quiet_from": start, "quiet_to": end})
    return form


def chosen(form: PreferencesForm, choices: Sequence[Choice]) -> dict[str, Mode]:
    """What was chosen, by kind."""
    return {c.kind.key: Mode(form[field_of(c.kind.key)].data) for c in choices}
