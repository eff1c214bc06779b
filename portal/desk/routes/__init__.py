"""Pages of the desk, by who uses them: asking, following a request, the queue, working on one, services and promises."""

from flask import Flask

from portal.desk import jobs, reactions
from portal.desk.routes._blueprint import bp

__all__ = ["jobs", "setup"]


def setup(app: Flask) -> None:
    """Add the desk's pages, jobs and reactions to the portal."""
    reactions.setup()
    app.register_blueprint(bp)
