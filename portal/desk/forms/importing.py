"""The form for a file of an earlier desk, and what words of it mean."""

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import RadioField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import ValidationError

from portal.desk.importing import Options
from portal.kernel.forms import PortalForm, int_or_none, line, required
from portal.people.rules import is_zone

ORDERS = {"": None, "day": True, "month": False}


class ImportForm(PortalForm):
    """A CSV file, where its requests go, and what is done where it does not say."""

    file = FileField(
        _l("Exported requests"),
        [FileRequired(message=_l("Choose a CSV file."))],
        description=_l("CSV as Zammad, Jira, Zendesk or osTicket write it. The columns subject and created are needed."),
        render_kw={"accept": ".csv,.tsv,.txt,text/csv"},
    )
    source = line(_l("Name of the earlier desk"), required(_l("How did you call it? A word is enough, for example Zammad.")), limit=60)
    department_id = SelectField(_l("Where requests go that name no department we know"), coerce=int_or_none)
    zone = line(_l("Time zone of dates that name none"), required(_l("For example Europe/Berlin.")), limit=64)
    order = SelectField(
        _l("Dates such as 4/5/2026"),
        choices=[SelectChoice("", _l("as the file tells")), SelectChoice("day", _l("day first")), SelectChoice("month", _l("month first"))],
        coerce=lambda text: str(text or ""),
        default="",
    )
    keep_open = RadioField(
        _l("Requests that are still open there"),
        choices=[SelectChoice("no", _l("come in as history")), SelectChoice("yes", _l("go on here"))],
        default="no",
    )
    on_behalf = RadioField(
        _l("When nobody here is known by the address or name of who asked"),
        choices=[SelectChoice("no", _l("refuse the row")), SelectChoice("yes", _l("take it over under my name"))],
        default="no",
    )

    def validate_zone(self, field: Any) -> None:
        """A zone there is."""
        if not is_zone(str(field.data or "")):
            raise ValidationError(str(_l("Write a time zone such as Europe/Berlin.")))

    def options(self) -> Options:
        """What was chosen; call it on a form that is right."""
        return Options(
            source=str(self.source.data),
            department_id=self.department_id.data,
            zone=str(self.zone.data),
            day_first=ORDERS[self.order.data],
            keep_open=self.keep_open.data == "yes",
            on_behalf=self.on_behalf.data == "yes",
        )


HINTS = {
    "keep_open": {"no": _l("Closed as of today."), "yes": _l("Open, and their clock starts today.")},
    "on_behalf": {"yes": _l("With the name in words beside it.")},
}


def import_form(places: Sequence[tuple[int, str]], *, may_leave_open: bool, **kwargs: Any) -> ImportForm:
    """The form with the departments the importer may fill; ``may_leave_open`` lets rows without a department be refused."""
    form = ImportForm(**kwargs)
    none = [SelectChoice("", _l("nowhere, refuse them"))] if may_leave_open else []
    form.department_id.choices = [*none, *(SelectChoice(str(number), name) for number, name in places)]
    return form
