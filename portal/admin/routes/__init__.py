"""Pages of administration, and the two addresses that machines ask whether the portal is well."""

from flask import Flask

from portal.admin import menu
from portal.admin.routes import changes, exporting, mail, probes, restored, running, work
from portal.admin.routes._blueprint import bp
from portal.kernel import shell

__all__ = ["changes", "exporting", "mail", "probes", "restored", "running", "setup", "work"]


def setup(app: Flask) -> None:
    """Register the pages and the menu entries."""
    app.register_blueprint(bp)
    menu.setup()
    shell.link("restored", "admin.restored")
