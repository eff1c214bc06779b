"""Forms at the door."""

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, PasswordField, RadioField
from wtforms.validators import Length

from portal.kernel.forms import PortalForm, line, required
from portal.people.forms._choices import options
from portal.people.passwords import LONGEST

_TOO_LONG = Length(max=1000, message=_l("That is longer than any password we take."))


class SignInForm(PortalForm):
    """Name and password."""

    name = line(_l("Work e-mail or staff number"), required(_l("Type your work e-mail or staff number.")), limit=254, render_kw={"autocomplete": "username"})
    password = PasswordField(_l("Password"), [required(_l("Type your password.")), _TOO_LONG], render_kw={"autocomplete": "current-password"})
    next = HiddenField()


class LinkForm(PortalForm):
    """Who wants a link, and what for."""

    name = line(_l("Work e-mail or staff number"), required(_l("Type your work e-mail or staff number.")), limit=254, render_kw={"autocomplete": "username"})
    purpose = RadioField(
        _l("What should the link do?"),
        choices=options([("sign-in", _l("Sign me in once")), ("password", _l("Let me choose a new password"))]),
        default="sign-in",
        validate_choice=True,
    )


class NewPasswordForm(PortalForm):
    """A new password, typed once: it can be shown, and pasting is fine."""

    password = PasswordField(
        _l("New password"),
        [required(_l("Choose a password.")), _TOO_LONG],
        description=_l("15 characters or more. Four or five words that do not belong together are easy to keep in mind."),
        render_kw={"autocomplete": "new-password", "maxlength": LONGEST},
    )


class ChangePasswordForm(NewPasswordForm):
    """The old password, then the new one."""

    current = PasswordField(_l("Current password"), [required(_l("Type your current password.")), _TOO_LONG], render_kw={"autocomplete": "current-password"})
    field_order = ("current", "password")


class CodeForm(PortalForm):
    """Six digits of an app, or a recovery code."""

    code = line(
        _l("Code"),
        required(_l("Type the code.")),
        limit=60,
        render_kw={"autocomplete": "one-time-code", "inputmode": "text", "autocapitalize": "off", "spellcheck": "false"},
    )


class ProveForm(PortalForm):
    """One's password once more, before something that matters."""

    password = PasswordField(_l("Password"), [required(_l("Type your password.")), _TOO_LONG], render_kw={"autocomplete": "current-password"})
    next = HiddenField()
