"""Entries of the side bar for those who keep the portal running, and for auditors."""

from flask import url_for
from flask_babel import gettext as _

from portal.admin.policy import Admin
from portal.admin.queries import work
from portal.kernel import slots
from portal.kernel.policy import Actor, allows
from portal.kernel.shell import MenuGroup, MenuItem


def setup() -> None:
    """Offer the entries."""
    slots.register("menu", "admin", _entries)


def _entries(actor: Actor) -> MenuGroup | None:
    items = []
    if allows(actor, Admin.RUN):
        items.append(MenuItem("admin-mail", _("Mail"), "mail", url_for("admin.outbox"), order=60))
        items.append(MenuItem("admin-health", _("Health"), "lifebuoy", url_for("admin.health"), order=70, count=work.given_up() or None))
    if allows(actor, Admin.RECORD):
        items.append(MenuItem("admin-changes", _("Record of changes"), "history", url_for("admin.changes"), order=80))
    return MenuGroup(_("Administration"), tuple(items), order=90) if items else None
