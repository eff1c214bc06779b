"""The period of figures and the part of them, as the address says."""

from flask_babel import lazy_gettext as _l
from wtforms import DateField, IntegerField, SelectField
from wtforms.validators import NumberRange, Optional

from portal.desk.figure_periods import WEEKS
from portal.desk.queries.backlog import EDGES
from portal.desk.queries.figure_rows import MEASURES
from portal.desk.rules import Priority
from portal.kernel.forms import FilterForm

LAST_ID = 2**31 - 1


class PeriodFilter(FilterForm):
    """Some weeks until today, or days of one's own."""

    weeks = SelectField(_l("Period"), choices=[str(number) for number in WEEKS], default=str(WEEKS[0]))
    since = DateField(_l("From"), name="from", validators=[Optional()])
    until = DateField(_l("To"), name="to", validators=[Optional()])


class RowFilter(PeriodFilter):
    """Which number, and the part of it."""

    measure = SelectField(_l("Number"), choices=sorted(MEASURES), default="opened")
    service = IntegerField(_l("Service"), validators=[Optional(), NumberRange(1, LAST_ID)])
    priority = SelectField(_l("Priority"), choices=["", *(priority.value for priority in Priority)], default="")
    notices = SelectField(_l("Customer notices"), choices=["", "yes", "no"], default="")
    of = IntegerField(_l("Who asked"), validators=[Optional(), NumberRange(0, LAST_ID)])
    age = IntegerField(_l("Age"), validators=[Optional(), NumberRange(0, len(EDGES))])
