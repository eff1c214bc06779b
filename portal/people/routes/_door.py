"""What the pages at the door share: refusing unsafe connections, opening the cookie, headers of pages that hold a secret."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, g, make_response, redirect, render_template, request
from flask import session as page_session
from flask_babel import gettext as _
from flask_login import UserMixin, login_user
from werkzeug.wrappers import Response

from portal.kernel import clock, policy, security, unit_of_work
from portal.kernel.forms import PortalForm
from portal.kernel.settings import Settings
from portal.kernel.web import see_other
from portal.people.actions import accounts
from portal.people.actions.accounts import Pass
from portal.people.passwords import hasher
from portal.people.queries.accounts import Account

View = TypeVar("View", bound=Callable[..., Any])
HOME = "/"
WAITING = "code"
"""Where the page session keeps who has shown a password and not yet a code, and where they wanted to go."""


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


def let_in(way: Pass, target: str | None) -> Response:
    """Put the session's token into the cookie and lead on; with a second factor, ask for its code first."""
    if way.needs_code:
        page_session[WAITING] = [way.token, (target or "")[:2000]]
        return see_other("people.ask_code")
    page_session.pop(WAITING, None)
    login_user(_Arrival(way.token), force=True)
    page_session.permanent = not way.strict  # administrators' cookies end with the browser
    return redirect(security.local_path(target, HOME), 303)


def open_for(account: Account, now: datetime, target: str | None = None) -> Response:
    """Open a session in a unit of work of its own and lead on."""
    return let_in(unit_of_work.run(lambda: accounts.open_session(account, address=address(), agent=agent(), now=now)), target)


def quiet(answer: Any) -> Response:
    """An answer whose address must not travel to another page."""
    response = make_response(answer)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def is_signed_in() -> bool:
    """True when somebody is signed in on this browser."""
    return policy.current().is_person


def knows_password(form: PortalForm, field: str, account: Account, now: datetime) -> bool:
    """Check the current password of somebody signed in, counting tries; the complaint stands beside ``field``."""
    name = f"change:{account.person_id}"
    allowed = unit_of_work.run(lambda: accounts.begin_try(name, address(), now))
    right = hasher().verify(str(form[field].data), account.password)
    if not (right and allowed):
        form.complain(field, _("That is not your current password, or it was tried too often. Wait a few minutes, or ask for a link by mail."))
        return False
    unit_of_work.run(lambda: accounts.forgive(name, address()))
    return True


def fresh(view: View) -> View:
    """Ask for the password once more when the sign-in is older than a quarter of an hour; people without one sign in anew."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        reader = g.get("reader")
        if reader is None or settings().demo or reader.session.is_fresh(clock.now()):
            return view(*args, **kwargs)
        back = request.path if request.method == "GET" else security.local_path(_referring_path(), HOME)
        return see_other("people.prove", next=back)

    return cast(View, checked)


def _referring_path() -> str:
    base = request.host_url.rstrip("/")
    referrer = request.referrer or ""
    return referrer.removeprefix(base) if referrer.startswith(base) else ""
