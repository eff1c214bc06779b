"""One's own account: devices, password, theme."""

from typing import Any

from flask import g, redirect, render_template, request
from flask import session as page_session
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.kernel import clock, policy, security, sessions, shell, unit_of_work
from portal.kernel.db import db
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.web import own_units, see_other, tell
from portal.people.actions import accounts, persons
from portal.people.forms.accounts import ChangePasswordForm
from portal.people.passwords import check, hasher
from portal.people.policy import People, find_person_by_id
from portal.people.queries.accounts import account_of, words_about
from portal.people.routes import _door
from portal.people.routes._blueprint import bp

LATER_ID = 2**62
"""Larger than any id; what is larger does not fit the column."""


@bp.get("/account/devices")
@policy.allow(People.SELF)
def devices() -> str:
    """Where one is signed in."""
    actor = policy.current()
    return render_template("people/devices.html", sessions=sessions.live(int(actor.person_id or 0), clock.now()), here=actor.session_id)


@bp.post("/account/devices/<int:session_id>/end")
@policy.allow(People.SELF)
def end_device(session_id: int) -> Response:
    """Sign one device out."""
    actor = policy.current()
    if session_id > LATER_ID or not accounts.end_session(session_id, actor=actor, now=clock.now()):
        raise NotFound()
    if session_id == actor.session_id:
        page_session.clear()
        return see_other("people.sign_in")
    tell(_("That device is signed out."))
    return see_other("people.devices")


@bp.post("/account/devices/end")
@policy.allow(People.SELF)
def end_everywhere() -> Response:
    """Sign out everywhere, on this device too."""
    accounts.end_everywhere(actor=policy.current(), now=clock.now())
    page_session.clear()
    return see_other("people.sign_in")


@bp.get("/account/password")
@policy.allow(People.SELF)
def password() -> str:
    """The form for a new password."""
    return render_template("people/password.html", form=ChangePasswordForm(formdata=None))


@bp.post("/account/password")
@policy.allow(People.SELF)
@own_units
def change_password() -> Any:
    """Check the current password, then store the new one and sign all other devices out."""
    form, actor, now = ChangePasswordForm(), policy.current(), clock.now()
    account = account_of(int(actor.person_id or 0), now, _door.settings())
    db.session.rollback()
    if account is None:
        raise NotFound()
    if not form.validate() or not _may_change(form, account, now):
        return render_template("people/password.html", form=form), 422
    stored = hasher().hash(str(form.password.data))
    unit_of_work.run(lambda: accounts.set_password(account, stored, actor=actor, now=now, keep_session=actor.session_id))
    tell(_("Your new password is set. All other devices are signed out."))
    return see_other("people.devices")


def _may_change(form: ChangePasswordForm, account: Any, now: Any) -> bool:
    if not _door.knows_password(form, "current", account, now):
        return False
    try:
        check(str(form.password.data), words_about(account, _door.settings().company))
    except Refusal as refusal:
        form.complain("password", str(refusal.message))
        return False
    return True


@bp.post("/account/theme")
@policy.allow(People.SELF)
def theme() -> Response:
    """Light, dark, or as the device has it."""
    wanted = request.form.get("theme", "")
    if wanted not in shell.THEMES:
        raise Refusal()
    person = find_person_by_id(policy.current(), int(policy.current().person_id or 0), to=People.SELF)
    persons.choose_theme(person, wanted, now=clock.now())
    g.theme = wanted
    return redirect(security.local_path(request.form.get("next"), _door.HOME), 303)
