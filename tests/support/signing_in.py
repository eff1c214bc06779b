"""Being signed in without typing a password: a session row and the cookie that belongs to it."""

from flask import Flask

from portal.kernel import clock, sessions
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from tests.support.client import Visitor


def new_session(app: Flask, person_id: int) -> str:
    """Open a session for a person now and return the token for the cookie."""
    with app.test_request_context():
        with unit_of_work():
            token = sessions.start(person_id, now=clock.now(), device="Firefox on Linux", address="127.0.0.1")
        db.session.remove()
    return token


def signed_in(app: Flask, person_id: int, base: str = "http://127.0.0.1:8000") -> Visitor:
    """A browser in which this person is signed in."""
    visitor = Visitor(app, base)
    token = new_session(app, person_id)
    with visitor.client.session_transaction(base_url=base) as page_session:
        page_session["_user_id"] = token
        page_session["_fresh"] = True
    return visitor
