"""What a search for requests is narrowed to; it lives in the address."""

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import NumberRange, Optional

from portal.desk.queries.search import DONE, OPEN, Wanted
from portal.kernel.forms import FilterForm, clean_line

TYPED = 200
"""Characters of the search that are read."""
DAYS = {"month": 31, "quarter": 92, "year": 366}
CHOICES = {
    "state": [("", _l("Any")), (OPEN, _l("Open")), (DONE, _l("Done"))],
    "whose": [("", _l("Anybody's")), ("mine", _l("Mine"))],
    "when": [("", _l("Any time")), ("month", _l("Past month")), ("quarter", _l("Past three months")), ("year", _l("Past year"))],
}
"""Values of the filters and their words."""
NAMES = ("q", "department", "state", "whose", "when", "order")


class SearchFilter(FilterForm):
    """Words, filters and order of a search for requests."""

    q = StringField(_l("Search in requests"), filters=[clean_line, lambda text: (text or "")[:TYPED]])
    department = IntegerField(_l("Department"), validators=[Optional(), NumberRange(1, 2**31 - 1)])
    state = SelectField(_l("State"), choices=["", OPEN, DONE], default="")
    whose = SelectField(_l("Whose"), choices=["", "mine"], default="")
    when = SelectField(_l("Asked"), choices=["", *DAYS], default="")
    order = SelectField(_l("Order"), choices=["", "best"], default="")

    def wanted(self, now: datetime) -> Wanted:
        """The filters as plain values; how long ago counts from ``now``."""
        days = DAYS.get(self.when.data or "")
        return Wanted(
            text=self.q.data or "",
            department_id=self.department.data,
            state=self.state.data or "",
            mine=self.whose.data == "mine",
            since=now - timedelta(days=days) if days else None,
            best=self.order.data == "best",
        )

    def held(self) -> dict[str, str]:
        """What the address says, for links that keep it."""
        return {name: str(self[name].data) for name in NAMES if self[name].data not in (None, "")}
