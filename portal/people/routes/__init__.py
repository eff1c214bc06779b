"""Pages of people: sign-in, profile, directory, departments, and what administrators keep in order."""

from flask import Flask

from portal.people.routes import signing_in
from portal.people.routes._blueprint import bp

__all__ = ["setup", "signing_in"]


def setup(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(bp)
