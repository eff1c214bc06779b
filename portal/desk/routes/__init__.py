"""Pages of the desk, by who uses them: asking, following a request, the queue, working on one, services and promises."""

from flask import Flask

from portal.desk import health, jobs, reactions
from portal.desk.routes import bulk, filing, queue, requests
from portal.desk.routes._blueprint import bp

__all__ = ["bulk", "filing", "health", "jobs", "queue", "requests", "setup"]


def setup(app: Flask) -> None:
    """Add the desk's pages, jobs, truths and reactions to the portal."""
    reactions.setup()
    app.register_blueprint(bp)
