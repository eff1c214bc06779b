"""A restored copy: where it comes from, what waits in it, and its release."""

from flask import render_template
from werkzeug.wrappers import Response

from portal.admin import actions
from portal.admin.forms import ReleaseForm
from portal.admin.policy import Admin
from portal.admin.routes._blueprint import bp
from portal.kernel import clock, policy, quarantine
from portal.kernel.keeping import releasing
from portal.kernel.keeping.releasing import Choice
from portal.kernel.messages import say
from portal.kernel.web import see_other, tell


@bp.get("/administration/restored")
@policy.allow(Admin.RUN)
def restored() -> str:
    """Whether this portal is a copy in quarantine, and what would go out."""
    return _page(ReleaseForm())


@bp.post("/administration/restored")
@policy.allow(Admin.RUN)
def release() -> Response | str | tuple[str, int]:
    """Let it work, with a decision about the mail that waits."""
    form = ReleaseForm()
    if not form.validate():
        return _page(form), 422
    actions.release_copy(Choice(form.waiting_mail.data), actor=policy.current(), now=clock.now())
    tell(say("This copy works now. What became due meanwhile is done, each thing once."))
    return see_other("admin.restored")


def _page(form: ReleaseForm) -> str:
    mark = quarantine.mark()
    waits = [part for part in releasing.waiting() if part.number] if mark else []
    return render_template("admin/restored.html", form=form, mark=mark, waits=waits)
