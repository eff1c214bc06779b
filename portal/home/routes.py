"""The start page."""

from flask import Flask, render_template

from portal.home.policy import Home
from portal.kernel import policy, shell
from portal.kernel.web import Blueprint

bp = Blueprint("home", __name__)


@bp.get("/")
@policy.allow(Home.READ)
def index() -> str:
    """Know in ten seconds what waits for me."""
    return render_template("home/index.html")


def setup(app: Flask) -> None:
    """Register the pages and tell the layout where home is."""
    app.register_blueprint(bp)
    shell.link("home", "home.index")
