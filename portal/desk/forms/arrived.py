"""What becomes of a mail that waits: a request for somebody at a service, or a part of one that is there."""

from flask_babel import lazy_gettext as _l
from wtforms import SelectField

from portal.kernel.forms import PortalForm, int_or_none, line, required


class OpenMailForm(PortalForm):
    """For whom, and where."""

    person = line(_l("For whom"), required(_l("Choose a name from the list.")), limit=200)
    service_id = SelectField(_l("Service"), coerce=int_or_none, validators=[required(_l("Choose the service."))])


class AddMailForm(PortalForm):
    """The number of a request one works on."""

    number = line(_l("Number of the request"), required(_l("Write its number, for example 4131.")), limit=12)
