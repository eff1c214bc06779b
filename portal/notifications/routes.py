"""The inbox and its preferences."""

from flask import Flask

from portal.kernel.web import Blueprint

bp = Blueprint("notifications", __name__, url_prefix="/notifications")


def setup(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(bp)
