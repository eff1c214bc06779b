"""Pages for administrators."""

from flask import Flask

from portal.kernel.web import Blueprint

bp = Blueprint("admin", __name__, url_prefix="/admin")


def setup(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(bp)
