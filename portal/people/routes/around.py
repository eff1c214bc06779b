"""What people put on other pages: entries of the side bar, and colleagues that search finds."""

from typing import Any

from flask import url_for
from flask_babel import gettext as _

from portal.kernel import clock, slots
from portal.kernel.policy import Actor
from portal.kernel.shell import MenuGroup, MenuItem
from portal.people.policy import is_administrator, is_keeper
from portal.people.queries import persons
from portal.people.rules import today_in


def setup() -> None:
    """Offer the entries and the hits."""
    slots.register("menu", "people", _entries)
    slots.register("search", "people", _search)


def _entries(actor: Actor) -> list[MenuGroup]:
    groups = [MenuGroup(None, (MenuItem("people", _("People"), "users", url_for("people.directory"), order=60, on_phone=True),))]
    kept = []
    if is_keeper(actor):
        kept.append(MenuItem("keep-people", _("People and groups"), "users-group", url_for("people.people_and_groups"), order=10))
    if is_administrator(actor):
        kept.append(MenuItem("keep-hours", _("Working hours"), "calendar-time", url_for("people.working_hours"), order=20))
    if kept:
        groups.append(MenuGroup(_("Administration"), tuple(kept), order=90))
    return groups


def _search(actor: Actor, query: str, limit: int) -> list[dict[str, Any]]:
    page = persons.directory(actor, text=query, today=today_in(actor.zone, clock.now()), limit=limit)
    hits = [_hit(row) for row in page.items]
    more = {"all_url": url_for("people.directory", q=query), "all_text": _("All of them")} if page.next else {}
    return [{"key": "people", "title": _("People"), "hits": hits, **more}]


def _hit(row: persons.PersonRow) -> dict[str, Any]:
    return {"url": url_for("people.profile", staff_number=row.staff_number), "icon": "user", "text": row.name, "note": row.department or row.title}
