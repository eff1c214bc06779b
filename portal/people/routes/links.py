"""Links by mail: asking for one, opening it, and using it up. Opening changes nothing, so a mail scanner spends no link."""

from typing import Any

from flask import render_template, request
from flask import session as page_session
from flask_babel import gettext as _

from portal.kernel import clock, policy, tokens, unit_of_work
from portal.kernel.db import db
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.policy import Actor
from portal.kernel.web import own_units, see_other
from portal.people.actions import accounts
from portal.people.actions.accounts import Pass
from portal.people.forms.accounts import LinkForm, NewPasswordForm
from portal.people.passwords import check, hasher
from portal.people.queries.accounts import Account, account_of, words_about
from portal.people.routes import _door
from portal.people.routes._blueprint import bp

KEPT = "link"
"""Where the page session keeps an opened link, so that its secret leaves the address bar."""


@bp.get("/sign-in/link")
@policy.public
@_door.safe_line
def ask_link() -> Any:
    """The form that sends a link."""
    return render_template("people/ask_link.html", form=LinkForm(formdata=None, purpose=request.args.get("for", "sign-in")), sent=False)


@bp.post("/sign-in/link")
@policy.public
@_door.safe_line
def ask_link_now() -> Any:
    """Have a link sent; the answer is the same whether or not the name is known."""
    form = LinkForm()
    if not form.validate():
        return render_template("people/ask_link.html", form=form, sent=False), 422
    accounts.ask_for_link(str(form.name.data), form.purpose.data, _door.address(), clock.now())
    return render_template("people/ask_link.html", form=form, sent=True)


@bp.get("/link/<purpose>/<token>")
@policy.public
def open_link(purpose: str, token: str) -> Any:
    """Take the secret out of the address; nothing is used up yet."""
    if purpose not in accounts.LIFETIMES or len(token) > tokens.LONGEST:
        raise NotFound()
    page_session[KEPT] = [purpose, token]
    return _door.quiet(see_other("people.use_link"))


@bp.get("/sign-in/continue")
@policy.public
@_door.safe_line
def use_link() -> Any:
    """What an opened link is about to do, with one button or the new password to choose."""
    return _door.quiet(_link_page(NewPasswordForm(formdata=None)))


@bp.post("/sign-in/continue")
@policy.public
@own_units
@_door.safe_line
def use_link_now() -> Any:
    """Use the link up: of two clicks at once exactly one opens the door."""
    purpose, plain = page_session.get(KEPT) or ("", "")
    account = _owner(purpose, plain)
    if account is None:
        return _door.quiet(_link_page(NewPasswordForm(formdata=None)))
    if purpose == "sign-in":
        return _by_link(plain)
    form = NewPasswordForm()
    if not form.validate() or not _fits(form, account):
        return _door.quiet((_link_page(form), 422))
    return _with_new_password(purpose, plain, str(form.password.data))


def _owner(purpose: str, plain: str) -> Account | None:
    now = clock.now()
    token = tokens.peek(plain, accounts.token_purpose(purpose), now) if purpose in accounts.LIFETIMES else None
    account = account_of(token.owner_id, now, _door.settings()) if token else None
    db.session.rollback()
    return account if account and account.is_here else None


def _link_page(form: NewPasswordForm) -> Any:
    purpose, plain = page_session.get(KEPT) or ("", "")
    account = _owner(purpose, plain)
    if account is None:
        return render_template("people/dead_link.html"), 410
    return render_template("people/use_link.html", form=form, purpose=purpose, account=account)


def _fits(form: NewPasswordForm, account: Account) -> bool:
    try:
        check(str(form.password.data), words_about(account, _door.settings().company))
    except Refusal as refusal:
        form.complain("password", str(refusal.message))
        return False
    return True


def _by_link(plain: str) -> Any:
    now = clock.now()

    def work() -> Pass:
        account = accounts.spend_link("sign-in", plain, now)
        return accounts.open_session(account, address=_door.address(), agent=_door.agent(), now=now)

    return _door.quiet(_door.let_in(unit_of_work.run(work), None))


def _with_new_password(purpose: str, plain: str, password: str) -> Any:
    now, stored = clock.now(), hasher().hash(password)

    def work() -> Pass:
        account = accounts.spend_link(purpose, plain, now)
        owner = Actor(person_id=account.person_id, name=account.name, kind="person")
        accounts.set_password(account, stored, actor=owner, now=now)
        return accounts.open_session(account, address=_door.address(), agent=_door.agent(), now=now)

    answer = _door.let_in(unit_of_work.run(work), None)
    _tell_done(purpose)
    return _door.quiet(answer)


def _tell_done(purpose: str) -> None:
    from portal.kernel.web import tell

    tell(
        _("Welcome. From now on you come in with this password.") if purpose == "welcome" else _("Your new password is set. All other devices are signed out.")
    )
