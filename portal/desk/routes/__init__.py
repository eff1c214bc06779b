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
    figure_rows,
    figures,
    filing,
    importing,
    mine,
    presence,
    queue,
    replies,
    requests,
    resting,
    search,
    services,
    sharing,
    views,
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
    "figure_rows",
    "figures",
    "filing",
    "health",
    "importing",
    "jobs",
    "mine",
    "presence",
    "queue",
    "replies",
    "requests",
    "resting",
    "search",
    "services",
    "setup",
    "sharing",
    "views",
    "work",
]


def setup(app: Flask) -> None:
    """Add the desk's pages, jobs, truths and reactions to the portal."""
    reactions.setup()
    app.register_blueprint(bp)
    app.jinja_env.filters.update(markdown=markdown.render, linked=markdown.linked, file_size=files.size_words)
    around.setup(app)
    arrived.setup()
    queue.setup()
    figures.setup()
    services.setup()
    taking_mail.setup()
