"""The filters of a queue: what the address says, as values that fit; what does not fit is left out."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import NumberRange, Optional, Regexp

from portal.desk.queries.queue_conditions import VIEWS, Wanted
from portal.desk.rules import Priority, Status
from portal.kernel.forms import FilterForm, at_most, clean_line

LAST_ID = 2**31 - 1
NAMES = ("q", "service", "status", "site", "notices", "priority", "assignee")
"""Filters as the address names them, in the order of their chips."""
STATUSES = (*(status.value for status in Status), "waiting")


def _number(label: object) -> IntegerField:
    return IntegerField(label, validators=[Optional(), NumberRange(1, LAST_ID)])


class QueueFilter(FilterForm):
    """View, search and filters of a queue."""

    view = SelectField(_l("View"), choices=list(VIEWS), validate_choice=True, default=VIEWS[0])
    q = StringField(_l("Search in this queue"), validators=[Optional(), at_most(120)], filters=[clean_line])
    service = _number(_l("Service"))
    status = SelectField(_l("Status"), choices=["", *STATUSES], default="")
    site = _number(_l("Site"))
    notices = SelectField(_l("Customer notices"), choices=["", "yes", "no"], default="")
    priority = SelectField(_l("Priority"), choices=["", *(priority.value for priority in Priority)], default="")
    assignee = StringField(_l("Has it"), validators=[Optional(), Regexp(r"^(nobody|[1-9]\d{0,8})$")])

    def wanted(self) -> Wanted:
        """The filters as plain values."""
        person = self.assignee.data or ""
        return Wanted(
            view=self.view.data if self.view.data in VIEWS else VIEWS[0],
            text=self.q.data or "",
            service_id=self.service.data,
            status=self.status.data or "",
            location_id=self.site.data,
            notices={"yes": True, "no": False}.get(self.notices.data or ""),
            priority=self.priority.data or "",
            assignee_id=int(person) if person.isdigit() else None,
            unassigned=person == "nobody",
        )

    def held(self) -> dict[str, str]:
        """What the address says, for links that keep it: names of filters and their values."""
        return {name: str(self[name].data) for name in NAMES if self[name].data not in (None, "")}

    def address(self) -> dict[str, str]:
        """Like :meth:`held`, with the view."""
        view = self.view.data
        return ({"view": view} if view in VIEWS and view != VIEWS[0] else {}) | self.held()


@dataclass(frozen=True)
class Chip:
    """One filter as it is shown: its name in the address, its label, and the words of its value (None: any)."""

    name: str
    label: str
    value: str | None


def chips(form: QueueFilter, words: dict[str, dict[str, str]]) -> Iterator[Chip]:
    """The filters in order; ``words`` has the words of the values by filter."""
    for name in NAMES[1:]:
        held = form.held().get(name)
        yield Chip(name, str(form[name].label.text), None if held is None else words.get(name, {}).get(held, held))
