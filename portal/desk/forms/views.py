"""The name of a saved view, and who sees it."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, IntegerField
from wtforms.validators import Optional
from wtforms.widgets import HiddenInput

from portal.kernel.forms import PortalForm, line, required


class ViewForm(PortalForm):
    """Name, sharing, and the version that was seen; ``opens`` makes it the view one's queue opens with."""

    name = line(_l("Name"), required(_l("Give it a name, for example: Late at Mill Road")), limit=60)
    shared = BooleanField(_l("Share it with everybody who answers here"))
    opens = BooleanField(_l("Open my queue with it"))
    version = IntegerField(validators=[Optional()], widget=HiddenInput())
