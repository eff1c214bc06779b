"""The door: name and password, the demo's cards, and the way out."""

from typing import Any

from flask import redirect, render_template, request
from flask import session as page_session
from flask_babel import gettext as _
from flask_login import logout_user
from werkzeug.wrappers import Response

from portal.kernel import clock, policy, sessions, unit_of_work
from portal.kernel.db import db
from portal.kernel.errors import NotFound
from portal.kernel.web import own_units, see_other
from portal.people.actions import accounts
from portal.people.forms.accounts import SignInForm
from portal.people.passwords import hasher
from portal.people.policy import People
from portal.people.queries.accounts import Account, account_named, persona_cards
from portal.people.routes import _door
from portal.people.routes._blueprint import bp


@bp.get("/sign-in")
@policy.public
@_door.safe_line
def sign_in() -> Any:
    """The sign-in page; whoever is signed in is led on."""
    if _door.is_signed_in():
        return redirect(_door.HOME, 303)
    return _page(SignInForm(formdata=None, next=request.args.get("next", "")[:2000]))


@bp.post("/sign-in")
@policy.public
@own_units
@_door.safe_line
def sign_in_now() -> Any:
    """Check name and password; the hash is worked out outside of every transaction."""
    form = SignInForm()
    if not form.validate():
        return _page(form), 422
    now, name = clock.now(), str(form.name.data)
    allowed = unit_of_work.run(lambda: accounts.begin_try(name, _door.address(), now))
    account = account_named(name, now, _door.settings())
    db.session.rollback()  # nothing stays open while the hash is worked out
    right = hasher().verify(str(form.password.data), account.password if account else None)
    if account is None or not (right and allowed and account.is_here):
        form.complain("password", _("That name and password do not go together, or it was tried too often. Have a look, or ask for a link by mail."))
        return _page(form), 422
    return _welcome(account, form, now)


def _welcome(account: Account, form: SignInForm, now: Any) -> Response:
    password, stored = str(form.password.data), str(account.password)
    rehashed = hasher().hash(password) if hasher().is_stale(stored) else None
    way = unit_of_work.run(
        lambda: accounts.come_in(account, name=str(form.name.data), address=_door.address(), agent=_door.agent(), now=now, rehashed=rehashed)
    )
    return _door.let_in(way, form.next.data)


def _page(form: SignInForm) -> str:
    cards = persona_cards() if _door.settings().demo else []
    return render_template("people/sign_in.html", form=form, cards=cards)


@bp.post("/sign-in/as/<staff_number>")
@policy.public
@own_units
@_door.safe_line
def sign_in_as(staff_number: str) -> Any:
    """Come in as a persona of the demo; anywhere else there is no such page."""
    if not _door.settings().demo or staff_number not in {card.staff_number for card in persona_cards()}:
        raise NotFound()
    now = clock.now()
    account = account_named(staff_number, now, _door.settings())
    if account is None or not account.is_here:
        raise NotFound()
    return _door.open_for(account, now, request.form.get("next"))


@bp.post("/sign-out")
@policy.allow(People.SELF)
def sign_out() -> Response:
    """End this session."""
    actor = policy.current()
    if actor.person_id is not None and actor.session_id is not None:
        sessions.end(actor.person_id, actor.session_id, clock.now())
    logout_user()
    page_session.clear()
    return see_other("people.sign_in")
