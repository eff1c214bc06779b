"""Pages of the desk, by who uses them: asking, following a request, the queue, working on one, services and promises."""

from flask import Flask

from portal.desk import health, jobs, reactions
from portal.desk.actions import mail as taking_mail
from portal.desk.routes import (
    around,
    arrived,
    attachments,
    bulk,
    calls,
    drafts,
    exporting,
    figures,
    filing,
    mine,
    queue,
    replies,
    requests,
    search,
    services,
    sharing,
    work,
)
from portal.desk.routes._blueprint import bp
from portal.kernel import files, markdown

__all__ = [
    "around",
    "arrived",
    "attachments",
    "bulk",
    "calls",
    "drafts",
    "exporting",
    "figures",
    "filing",
    "health",
    "jobs",
    "mine",
    "queue",
    "replies",
    "requests",
    "search",
    "services",
    "setup",
    "sharing",
    "work",
]


def setup(app: Flask) -> None:
    """Add the desk's pages, jobs, truths and reactions to the portal."""
    reactions.setup()
    app.register_blueprint(bp)
    app.jinja_env.filters.update(markdown=markdown.render, file_size=files.size_words)
    around.setup(app)
    arrived.setup()
    queue.setup()
    services.setup()
    taking_mail.setup()
