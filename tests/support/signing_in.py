"""A signed-in browser without the detour over the door; the door has tests of its own."""

from flask import Flask

from portal.kernel import clock, sessions
from portal.kernel.unit_of_work import unit_of_work
from tests.support.client import Visitor


def new_session(app: Flask, person_id: int) -> str:
    """Open a session for somebody and return the token its cookie carries."""
    with app.test_request_context("/"), unit_of_work():
        return sessions.start(person_id, now=clock.now(), device="Firefox on Linux", address="127.0.0.1")


def signed_in(app: Flask, person_id: int) -> Visitor:
    """A browser in which this person is signed in."""
    visitor = Visitor(app)
    token = new_session(app, person_id)
    with visitor.client.session_transaction(base_url=visitor.base) as page_session:
        page_session["_user_id"] = token
        page_session["_fresh"] = True
    return visitor
