"""The second factor: the code at the door, setting an app up, recovery codes, and the password once more before what matters."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import make_response, render_template, request
from flask import session as page_session
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.kernel import clock, policy, sessions, unit_of_work
from portal.kernel.db import db
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.policy import Actor
from portal.kernel.web import own_units, see_other, tell
from portal.people import qr
from portal.people.actions import accounts, second_factor
from portal.people.actions.accounts import Pass
from portal.people.forms.accounts import CodeForm, ProveForm
from portal.people.policy import People, find_person
from portal.people.queries.accounts import Account, account_of, factor_of
from portal.people.routes import _door
from portal.people.routes._blueprint import bp

# -- at the door -----------------------------------------------------------------------------------------------------


@bp.get("/sign-in/code")
@policy.public
@_door.safe_line
def ask_code() -> Any:
    """The page between the password and the portal."""
    if _door.WAITING not in page_session:
        return see_other("people.sign_in")
    return _door.quiet(render_template("people/code.html", form=CodeForm(formdata=None)))


@bp.post("/sign-in/code")
@policy.public
@own_units
@_door.safe_line
def ask_code_now() -> Any:
    """Come in with the code; every try counts before it is looked at."""
    form, now = CodeForm(), clock.now()
    plain, target = page_session.get(_door.WAITING) or ("", "")
    account = _waiting(plain, now)
    if account is None:
        page_session.pop(_door.WAITING, None)
        tell(_("That took a while. Please start again."))
        return see_other("people.sign_in")
    token = _entered(form, account, plain, now) if form.validate() else None
    if token is None:
        return _door.quiet((render_template("people/code.html", form=form), 422))
    return _door.quiet(_door.let_in(Pass(token, account.strict, needs_code=False), target))


def _waiting(plain: str, now: datetime) -> Account | None:
    found = accounts.waiting_for_code(plain, now)
    db.session.rollback()
    return found


def _entered(form: CodeForm, account: Account, plain: str, now: datetime) -> str | None:
    allowed = unit_of_work.run(lambda: second_factor.begin_try(account, now))
    typed = str(form.code.data)
    token = unit_of_work.run(lambda: second_factor.enter(plain, typed, address=_door.address(), agent=_door.agent(), now=now)) if allowed else None
    if token is None:
        form.complain("code", str(second_factor.WRONG))
    return token


# -- the password once more ------------------------------------------------------------------------------------------


@bp.get("/account/prove")
@policy.allow(People.SELF)
def prove() -> str:
    """The form that asks for the password once more."""
    return render_template("people/prove.html", form=ProveForm(formdata=None, next=request.args.get("next", "")[:2000]))


@bp.post("/account/prove")
@policy.allow(People.SELF)
@own_units
def prove_now() -> Any:
    """Check the password and give the session a new token."""
    form, actor, now = ProveForm(), policy.current(), clock.now()
    account = _own(now)
    db.session.rollback()
    if not form.validate() or not _door.knows_password(form, "password", account, now):
        return render_template("people/prove.html", form=form), 422
    token = unit_of_work.run(lambda: sessions.step_up(int(actor.session_id or 0), now))
    tell(_("Thank you. Now do it again, please: it works for the next quarter of an hour."))
    return _door.let_in(Pass(token, account.strict, needs_code=False), form.next.data)


# -- one's own -------------------------------------------------------------------------------------------------------


@bp.get("/account/second-factor")
@policy.allow(People.SELF)
def second_factor_page() -> str:
    """Whether an app guards this account, and what can be done about it."""
    return _page(CodeForm(formdata=None))


@bp.post("/account/second-factor/begin")
@policy.allow(People.SELF)
@_door.fresh
def begin_second_factor() -> Any:
    """Show the picture for the app."""
    return _setup_page(CodeForm(formdata=None))


@bp.post("/account/second-factor/confirm")
@policy.allow(People.SELF)
@own_units
@_door.fresh
def confirm_second_factor() -> Any:
    """Switch it on with a first code and show the recovery codes, once."""
    form, actor, now = CodeForm(), policy.current(), clock.now()
    account = _own(now)
    db.session.rollback()
    codes = _tried(form, account, now, lambda typed: second_factor.confirm(account, typed, actor=actor, now=now))
    if codes is None:
        return unit_of_work.run(lambda: _setup_page(form)), 422
    return _door.quiet(render_template("people/recovery_codes.html", codes=codes))


@bp.post("/account/second-factor/codes")
@policy.allow(People.SELF)
@own_units
def renew_recovery_codes() -> Any:
    """Ten new recovery codes."""
    form, actor, now = CodeForm(), policy.current(), clock.now()
    account = _own(now)
    db.session.rollback()
    codes = _tried(form, account, now, lambda typed: second_factor.renew_codes(account, typed, actor=actor, now=now))
    if codes is None:
        return _page(form), 422
    return _door.quiet(render_template("people/recovery_codes.html", codes=codes))


@bp.post("/account/second-factor/off")
@policy.allow(People.SELF)
@own_units
@_door.fresh
def end_second_factor() -> Any:
    """Switch it off with a code of it."""
    form, actor, now = CodeForm(), policy.current(), clock.now()
    account = _own(now)
    db.session.rollback()
    if _tried(form, account, now, lambda typed: second_factor.take_away(account, typed, actor=actor, now=now)) is None:
        return _page(form), 422
    tell(_("The second factor is off. From now on the password alone opens your account."))
    return see_other("people.second_factor_page")


@bp.post("/account/second-factor/keep")
@policy.allow(People.SELF)
def keep_second_factor() -> Response:
    """Say no to taking it away."""
    second_factor.keep(_own(clock.now()), actor=policy.current(), now=clock.now())
    tell(_("Your second factor stays."))
    return see_other("people.second_factor_page")


def _tried(form: CodeForm, account: Account, now: datetime, work: Callable[[str], list[Any]]) -> list[Any] | None:
    """Run ``work`` with the code that was typed; None, with the complaint beside the field, when it does not fit."""
    if not form.validate():
        return None
    try:
        if unit_of_work.run(lambda: second_factor.begin_try(account, now)):
            found = unit_of_work.run(lambda: work(str(form.code.data)))
            unit_of_work.run(lambda: second_factor.forgive(account))
            return found
        form.complain("code", str(second_factor.WRONG))
    except Refusal as refusal:
        form.complain("code", str(refusal.message))
    return None


def _setup_page(form: CodeForm) -> Response:
    setup = second_factor.begin(_own(clock.now()), clock.now())
    page = render_template("people/second_factor_setup.html", form=form, picture=qr.drawn(setup.address), spelled=setup.spelled)
    return _door.quiet(make_response(page))


def _page(form: CodeForm) -> str:
    return render_template("people/second_factor.html", form=form, factor=factor_of(int(policy.current().person_id or 0)))


def _own(now: datetime) -> Account:
    account = account_of(int(policy.current().person_id or 0), now, _door.settings())
    if account is None:
        raise NotFound()
    return account


# -- somebody else's -------------------------------------------------------------------------------------------------


@bp.post("/administration/people/<staff_number>/second-factor/off")
@policy.allow(People.KEEP)
@_door.fresh
def ask_to_end_second_factor(staff_number: str) -> Response:
    """A lost phone: the factor goes in a day, unless its owner objects."""
    actor: Actor = policy.current()
    person = find_person(actor, staff_number, to=People.KEEP)
    second_factor.ask_removal(person.id, actor=actor, now=clock.now())
    tell(_("The second factor of %(name)s goes in 24 hours. They were told and can say no.", name=person.first_name))
    return see_other("people.keep_person", staff_number=staff_number)
