"""Pages of administration, and the two addresses that machines ask whether the portal is well."""

from flask import Flask

from portal.admin import menu
from portal.admin.routes import changes, probes, running, work
from portal.admin.routes._blueprint import bp

__all__ = ["changes", "probes", "running", "setup", "work"]


def setup(app: Flask) -> None:
    """Register the pages and the menu entries."""
    app.register_blueprint(bp)
    menu.setup()
