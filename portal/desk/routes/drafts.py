"""What was typed and not sent: kept while typing, and by a button without script."""

from flask import request
from werkzeug.wrappers import Response

from portal.desk.actions import drafts as drafts_write
from portal.desk.policy import Desk
from portal.desk.routes._blueprint import bp
from portal.kernel import clock, policy
from portal.kernel.messages import say
from portal.kernel.submissions import FIELD
from portal.kernel.web import is_fragment, see_other, tell

NOT_KEPT = {"csrf_token", FIELD, "kept_file", "drop_file"}


@bp.post("/drafts/<form>")
@policy.allow(Desk.FILE)
def save_draft(form: str) -> Response:
    """Keep what is typed in a form."""
    fields = {name: values for name, values in request.form.lists() if name not in NOT_KEPT}
    drafts_write.save_draft(form, fields, actor=policy.current(), now=clock.now())
    if is_fragment():
        return Response(status=204)
    tell(say("Kept as a draft. It waits for you here."))
    return _back(form)


@bp.post("/drafts/<form>/discard")
@policy.allow(Desk.FILE)
def discard_draft(form: str) -> Response:
    """Forget what was typed."""
    drafts_write.drop_draft(form, actor=policy.current())
    return _back(form)


def _back(form: str) -> Response:
    kind, _, about = form.partition(".")
    if kind == "need":
        return see_other("desk.new", key=about)
    if kind == "message" and about.isdecimal() and len(about) < 10:
        return see_other("desk.request_page", request_id=int(about))
    return see_other("desk.mine")
