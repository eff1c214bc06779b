"""Is mail set up? What can be seen from here, and a test mail that takes the way of all others."""

from flask import current_app, render_template
from werkzeug.wrappers import Response

from portal.admin import actions
from portal.admin.policy import Admin
from portal.admin.queries import mail_state
from portal.admin.routes._blueprint import bp, the_app
from portal.kernel import clock, health, policy
from portal.kernel.messages import say
from portal.kernel.web import see_other, tell


@bp.get("/administration/mail/check")
@policy.allow(Admin.RUN)
def mail_check() -> str:
    """What is set up, how mail flows, and how the newest test mail fared."""
    settings, actor = current_app.extensions["settings"], policy.current()
    checks = health.readiness(the_app())
    found = mail_state.lines(settings, checks, clock.now())
    test, address = mail_state.last_test(actor.person_id), mail_state.address_of(actor.person_id)
    return render_template("admin/mail_check.html", lines=found, test=test, address=address, sends=bool(settings.smtp_url))


@bp.post("/administration/mail/check")
@policy.allow(Admin.RUN)
def send_test() -> Response:
    """Send a test mail to whoever asks."""
    actor = policy.current()
    actions.send_test(mail_state.address_of(actor.person_id), actor=actor, now=clock.now())
    tell(say("It is on its way. Look again in a moment."))
    return see_other("admin.mail_check")
