"""What the pages at the door share: refusing unsafe connections, opening the cookie, headers of pages that hold a secret."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, make_response, redirect, render_template, request
from flask import session as page_session
from flask_login import UserMixin, login_user
from werkzeug.wrappers import Response

from portal.kernel import policy, security, unit_of_work
from portal.kernel.settings import Settings
from portal.people.actions import accounts
from portal.people.queries.accounts import Account

View = TypeVar("View", bound=Callable[..., Any])
HOME = "/"


class _Arrival(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    def __init__(self, token: str) -> None:
        self.token = token

    def get_id(self) -> str:
        return self.token


def settings() -> Settings:
    """The settings of this portal."""
    known: Settings = current_app.extensions["settings"]
    return known


def safe_line(view: View) -> View:
    """Show a page that says why instead of ``view`` when a password would travel readable."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if security.sign_in_allowed(settings()):
            return view(*args, **kwargs)
        return render_template("people/unsafe_line.html", address=settings().base_url), 403

    return cast(View, checked)


def address() -> str:
    """Where the request comes from."""
    return request.remote_addr or "unknown"


def agent() -> str:
    """What the browser calls itself."""
    return request.headers.get("User-Agent", "")[:400]


def let_in(token: str, *, strict: bool, target: str | None) -> Response:
    """Put the session's token into the cookie and lead on."""
    login_user(_Arrival(token), force=True)
    page_session.permanent = not strict  # administrators' cookies end with the browser
    return redirect(security.local_path(target, HOME), 303)


def open_for(account: Account, now: datetime, target: str | None = None) -> Response:
    """Open a session in a unit of work of its own and lead on."""
    token = unit_of_work.run(lambda: accounts.open_session(account, address=address(), agent=agent(), now=now))
    return let_in(token, strict=account.strict, target=target)


def quiet(answer: Any) -> Response:
    """An answer whose address must not travel to another page."""
    response = make_response(answer)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def is_signed_in() -> bool:
    """True when somebody is signed in on this browser."""
    return policy.current().is_person
