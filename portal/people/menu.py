"""What people add to the side bar."""

from flask import url_for
from flask_babel import gettext as _

from portal.kernel import slots
from portal.kernel.policy import Actor
from portal.kernel.shell import MenuGroup, MenuItem
from portal.people.policy import is_administrator, is_keeper


def setup() -> None:
    """Offer the entries."""
    slots.register("menu", "people", _entries)


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
