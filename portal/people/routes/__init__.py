"""Pages of people: sign-in, profile, directory, departments, and what administrators keep in order."""

from flask import Flask

from portal.kernel import shell
from portal.people import actors, health, jobs
from portal.people.routes import (
    account,
    around,
    departments,
    directory,
    importing,
    keeping,
    links,
    organising,
    profile,
    second_factor,
    signing_in,
    working_hours,
)
from portal.people.routes._blueprint import bp

__all__ = [
    "account",
    "departments",
    "directory",
    "health",
    "importing",
    "jobs",
    "keeping",
    "links",
    "organising",
    "profile",
    "second_factor",
    "setup",
    "signing_in",
    "working_hours",
]

_LINKS = {"sign_in": "sign_in", "sign_out": "sign_out", "devices": "devices", "theme": "theme", "profile": "own_profile", "second_factor": "second_factor_page"}


def setup(app: Flask) -> None:
    """Register the pages, what the layout links to, and the hook that knows the reader."""
    actors.setup(app)
    app.register_blueprint(bp)
    around.setup()
    for name, endpoint in _LINKS.items():
        shell.link(name, f"people.{endpoint}")
