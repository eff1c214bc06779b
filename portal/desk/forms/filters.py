"""The filters of a queue: what the address says, or what a saved view holds, as values that fit; what does not fit is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import NumberRange, Optional, Regexp

from portal.desk.queries.queue_conditions import LATE, SORTS, TODAY, VIEWS, WEEK, Wanted
from portal.desk.rules import Priority, Status
from portal.kernel.forms import FilterForm, at_most, clean_line

LAST_ID, OLDEST = 2**31 - 1, 3660
NAMES = ("q", "service", "status", "site", "notices", "priority", "assignee", "of", "requester", "older", "due", "snoozed", "taken")
"""Filters as the address names them, in the order of their chips."""
DRAWER = NAMES[5:]
"""Filters that stand behind "More filters"; chips of their own only when they are set."""
STATUSES = (*(status.value for status in Status), "waiting")
YES_NO = {"yes": True, "no": False}


def _number(label: object, most: int = LAST_ID) -> IntegerField:
    return IntegerField(label, validators=[Optional(), NumberRange(1, most)])


def _choice(label: object, *values: str) -> SelectField:
    return SelectField(label, choices=["", *values], default="")


class QueueFilter(FilterForm):
    """View, search, filters and order of a queue."""

    view = SelectField(_l("View"), choices=list(VIEWS), validate_choice=True, default=VIEWS[0])
    sort = SelectField(_l("Order"), choices=list(SORTS), validate_choice=True, default=SORTS[0])
    q = StringField(_l("Search in this queue"), validators=[Optional(), at_most(120)], filters=[clean_line])
    service = _number(_l("Service"))
    status = _choice(_l("Status"), *STATUSES)
    site = _number(_l("Site"))
    notices = _choice(_l("Customer notices"), *YES_NO)
    priority = _choice(_l("Priority"), *(priority.value for priority in Priority))
    assignee = StringField(_l("Has it"), validators=[Optional(), Regexp(r"^(nobody|me|[1-9]\d{0,8})$")])
    of = _number(_l("From department"))
    requester = StringField(_l("Requester"), validators=[Optional(), at_most(160)], filters=[clean_line])
    older = _number(_l("Older than"), OLDEST)
    due = _choice(_l("Due"), LATE, TODAY, WEEK)
    snoozed = _choice(_l("Resting"), *YES_NO)
    taken = _choice(_l("Taken in from elsewhere"), *YES_NO)

    @classmethod
    def of_pairs(cls, filters: Mapping[str, object]) -> "QueueFilter":
        """Bind to what an address or a saved view holds, and drop what does not fit."""
        form = cls(MultiDict({name: str(value) for name, value in filters.items()}))
        if not form.validate():
            for field in form:
                if field.errors:
                    field.process(None)
        return form

    def wanted(self, me: int | None = None) -> Wanted:
        """The filters as plain values; ``me`` is who "me" stands for in a view that colleagues share."""
        person = self.assignee.data or ""
        view, sort = self.view.data, self.sort.data
        return Wanted(
            view=view if view in VIEWS else VIEWS[0],
            text=self.q.data or "",
            service_id=self.service.data,
            status=self.status.data or "",
            location_id=self.site.data,
            notices=YES_NO.get(self.notices.data or ""),
            priority=self.priority.data or "",
            assignee_id=me if person == "me" else int(person) if person.isdigit() else None,
            unassigned=person == "nobody",
            from_id=self.of.data,
            requester=self.requester.data or "",
            older_days=self.older.data,
            due=self.due.data or "",
            snoozed=YES_NO.get(self.snoozed.data or ""),
            taken_in=YES_NO.get(self.taken.data or ""),
            sort=sort if sort in SORTS else SORTS[0],
        )

    def held(self) -> dict[str, str]:
        """What the address says, for links that keep it: names of filters and their values."""
        return {name: str(self[name].data) for name in NAMES if self[name].data not in (None, "")}

    def address(self, *, whole: bool = False) -> dict[str, str]:
        """Like :meth:`held`, with the view and the order where they are not the usual ones; ``whole`` always names the view."""
        view, sort = self.view.data, self.sort.data
        said = {"view": view if view in VIEWS else VIEWS[0], "sort": sort if sort in SORTS else SORTS[0]}
        usual = {"view": "" if whole else VIEWS[0], "sort": SORTS[0]}
        return {name: value for name, value in said.items() if value != usual[name]} | self.held()


@dataclass(frozen=True)
class Chip:
    """One filter as it is shown: its name in the address, its label, and the words of its value (None: any).

    ``gone`` is true when what it names is not there any more.
    """

    name: str
    label: str
    value: str | None
    gone: bool = False

    @property
    def in_drawer(self) -> bool:
        """True when its field stands behind "More filters"."""
        return self.name in DRAWER


def chips(form: QueueFilter, words: Mapping[str, Mapping[str, str]]) -> Iterator[Chip]:
    """The filters in order; ``words`` has the words of the values by filter, and none for filters that say what was typed."""
    held = form.held()
    for name in NAMES[1:]:
        label, value = str(form[name].label.text), held.get(name)
        known = words.get(name)
        if value is None or known is None:
            yield Chip(name, label, value)
        else:
            yield Chip(name, label, known.get(value, value), gone=value not in known)
