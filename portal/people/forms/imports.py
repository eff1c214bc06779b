"""The form for a people file."""

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField

from portal.kernel.forms import PortalForm


class ImportForm(PortalForm):
    """A CSV file, and whether people missing in it leave."""

    file = FileField(
        _l("People file"),
        [FileRequired(message=_l("Choose a CSV file."))],
        description=_l("CSV in UTF-8, with commas or semicolons. At most 10 MB."),
        render_kw={"accept": ".csv,.txt,text/csv"},
    )
    leave_missing = BooleanField(
        _l("People missing in this file leave"),
        description=_l("Tick this only for a complete list. You see who would leave before anything is written."),
    )
