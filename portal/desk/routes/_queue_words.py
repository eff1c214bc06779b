"""Words of the queue: its tabs, its filters' values, its orders."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.desk.forms.filters import QueueFilter
from portal.desk.queries.queue_around import Around
from portal.desk.queries.queue_conditions import FOLLOW_UP, LATE, SORTS, TODAY, WEEK, Wanted
from portal.desk.routes._asked import Asked
from portal.desk.rules import Priority, Status
from portal.kernel import shell
from portal.kernel.paging import Count


def today(now: datetime) -> date:
    """The reader's day."""
    return now.astimezone(shell.reader_zone()).date()


def view_names() -> dict[str, str]:
    """The tabs in their order."""
    return {
        "next": _("What next"),
        "answer": _("Needs an answer"),
        "today": _("Due today"),
        "mine": _("Mine"),
        "waiting": _("Waiting for others"),
        "follow-up": _("Follow up"),
        "unassigned": _("Unassigned"),
        "snoozed": _("Resting"),
    }


def tabs(look: Asked, counts: Mapping[str, Count]) -> list[dict[str, Any]]:
    """The tabs as links; outside of a saved view they keep the filters that are set."""
    held = {} if look.saved else look.form.held()
    current = None if look.saved else look.form.wanted().view
    return [
        {
            "text": text,
            "url": look.url(**(({"view": view} if view != "next" or look.default else {}) | held)),
            "count": counts[view],
            "current": view == current,
            "key": str(place),
        }
        for place, (view, text) in enumerate(view_names().items(), 1)
    ]


def order_names() -> dict[str, str]:
    """What the rows can be sorted by."""
    return {
        "next": _("Least time left"),
        "newest": _("Newest"),
        "oldest": _("Oldest"),
        "due": _("Due first"),
        "quiet": _("Longest without news"),
    }


def orders(look: Asked, wanted: Wanted) -> dict[str, Any]:
    """The order that counts, and links to the others; none for follow-ups, which stand in the order of asking."""
    names, rest = order_names(), {name: value for name, value in look.here.items() if name != "sort"}
    if wanted.view == "snoozed":
        names["next"] = _("First to come back")
    if wanted.view == FOLLOW_UP and not wanted.wide:
        return {"current": _("Longest asked"), "links": []}
    offered = ("newest", "oldest") if wanted.wide else SORTS
    links = [(names[sort], look.url(**rest, **({} if sort == SORTS[0] else {"sort": sort})), sort == wanted.order) for sort in offered]
    return {"current": names[wanted.order], "links": links}


def of_filters(around: Around, form: QueueFilter) -> dict[str, dict[str, str]]:
    """The values of each filter in words; a filter that is not here says what was typed."""
    days = form.older.data
    return {
        "older": {str(days): ngettext("%(num)d day", "%(num)d days", days)} if days else {},
        "service": {str(c.id): c.name for c in around.services},
        "site": {str(c.id): c.name for c in around.sites},
        "assignee": {str(c.id): c.name for c in around.people} | {"nobody": _("nobody yet"), "me": _("whoever looks")},
        "of": {str(c.id): c.name for c in around.departments},
        "notices": _yes_no(),
        "snoozed": _yes_no(),
        "taken": _yes_no(),
        "due": due_words(),
        "status": status_words(),
        "priority": priority_words(),
    }


def _yes_no() -> dict[str, str]:
    return {"yes": _("yes"), "no": _("no")}


def due_words() -> dict[str, str]:
    """When it is due; each includes what is late."""
    return {LATE: _("late"), TODAY: _("today, or late"), WEEK: _("this week, or late")}


def status_words() -> dict[str, str]:
    """The states one can filter by, in words."""
    return {
        Status.NEW.value: _("new"),
        Status.WORKING.value: _("working on it"),
        Status.PLANNED.value: _("planned"),
        "waiting": _("waiting"),
        Status.RESOLVED.value: _("did it work?"),
        Status.CLOSED.value: _("closed"),
        Status.CANCELLED.value: _("no longer needed"),
        Status.WAITING_REQUESTER.value: _("waiting for the requester"),
        Status.WAITING_OTHER.value: _("waiting for others"),
    }


def priority_words() -> dict[str, str]:
    """The priorities, as short as a filter needs them."""
    return {
        Priority.URGENT.value: _("work has stopped"),
        Priority.HIGH.value: _("high"),
        Priority.NORMAL.value: _("normal"),
        Priority.LOW.value: _("low"),
    }
