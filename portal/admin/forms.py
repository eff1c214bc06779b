"""Filters of the record of changes."""

from typing import cast

from flask_babel import lazy_gettext as _l
from wtforms import DateField, IntegerField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional, Regexp

from portal.admin.queries.changes import known_events
from portal.kernel.forms import FilterForm, PortalForm, clean_line


class ChangesFilter(FilterForm):
    """Who, what, about which thing, when; lives in the address."""

    who = StringField(_l("Name or staff number"), validators=[Optional(), Length(max=160)], filters=[clean_line])
    event = SelectField(_l("What happened"), validators=[Optional()], choices=[])
    kind = StringField(_l("Kind of thing"), validators=[Optional(), Length(max=60), Regexp(r"^[a-z._]+$")], filters=[clean_line])
    number = IntegerField(_l("Its number"), validators=[Optional(), NumberRange(min=1, max=2**31 - 1)])
    since = DateField(_l("From"), validators=[Optional()])
    until = DateField(_l("Until"), validators=[Optional()])

    @classmethod
    def of_address(cls) -> "ChangesFilter":
        """Bound to the current address, what does not fit left out."""
        return cast(ChangesFilter, cls.from_address())

    def validate(self, extra_validators: object = None) -> bool:
        """Only events that exist can be asked for."""
        self.event.choices = event_choices()
        return bool(super().validate(extra_validators))


def event_choices() -> list[SelectChoice]:
    """Every known event with what it means, and "anything"."""
    return [SelectChoice("", str(_l("Anything"))), *(SelectChoice(known.event, f"{known.event}: {known.meaning}") for known in known_events())]


class ReleaseForm(PortalForm):
    """What becomes of mail from before the backup when a restored copy is released; nothing is chosen beforehand."""

    waiting_mail = RadioField(
        _l("What becomes of the mail that waits"),
        choices=[SelectChoice("drop", _l("Drop it")), SelectChoice("send", _l("Send it"))],
        validators=[InputRequired(_l("Choose one of the two."))],
    )
