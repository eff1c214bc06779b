"""The door."""

from flask import render_template

from portal.kernel import policy
from portal.people.routes._blueprint import bp


@bp.get("/sign-in")
@policy.public
def sign_in() -> str:
    """The sign-in page."""
    return render_template("people/sign_in.html")
