"""What was typed and not sent: kept while typing, and by a button without script."""

from collections.abc import Mapping, Sequence

from flask import request
from werkzeug.wrappers import Response

from portal.desk.actions import drafts as drafts_write
from portal.desk.actions.drafts import Saved
from portal.desk.policy import Desk
from portal.desk.routes._blueprint import bp
from portal.kernel import clock, policy
from portal.kernel.messages import say
from portal.kernel.submissions import FIELD
from portal.kernel.web import is_fragment, see_other, tell

BASE = "draft_base"
NOT_KEPT = {"csrf_token", FIELD, "kept_file", "drop_file", BASE}
NOT_TYPED = NOT_KEPT | {"what", "seen", "photo"}
NOTE = {"note", "named"}
"""Fields of a team note, which is a draft of its own beside the reply in the same form."""
CHOSEN = {"prefilled", "canned_id", "kind", "wait_for", "next_step_at"}
"""Fields of a reply that say nothing as long as nothing is typed."""
TALK = {"message", "work", "note"}


@bp.post("/drafts/<form>")
@policy.allow(Desk.FILE)
def save_draft(form: str) -> Response:
    """Keep what is typed in a form. A window says which revision it knows and hears of the words of another."""
    fields = {name: values for name, values in request.form.lists() if name not in NOT_KEPT}
    saved = _save(form, fields)
    if is_fragment():
        return Response(status=204, headers={"Draft-Revision": str(saved.revision), "Draft-Other": "yes" if saved.has_other else ""})
    tell(say("Kept as a draft. It waits for you here."))
    return _back(form)


def _save(form: str, fields: Mapping[str, Sequence[str]]) -> Saved:
    kind, _, number = form.partition(".")
    if kind not in ("work", "note"):
        return drafts_write.save_draft(form, fields, base=request.form.get(BASE, type=int), actor=policy.current(), now=clock.now())
    return keep_talk(number, fields, reply=kind == "work", note=kind == "note" or "note" in fields)


def keep_talk(number: str | int, fields: Mapping[str, Sequence[str]], *, reply: bool, note: bool) -> Saved:
    """Keep the reply and the note of the form of those who answer, each as a draft of its own."""
    saved = Saved(0, has_other=False)
    if note:
        saved = _keep(f"note.{number}", {name: values for name, values in fields.items() if name in NOTE})
    if reply:
        saved = _keep(f"work.{number}", {name: values for name, values in fields.items() if name not in NOTE | NOT_TYPED})
    return saved


def _keep(form: str, fields: Mapping[str, Sequence[str]]) -> Saved:
    actor, base = policy.current(), request.form.get(BASE, type=int)
    if base is None and not any(text.strip() for name, values in fields.items() if name not in CHOSEN for text in values):
        drafts_write.drop_draft(form, actor=actor)
        return Saved(0, has_other=False)
    return drafts_write.save_draft(form, fields, base=base, actor=actor, now=clock.now())


@bp.post("/drafts/<form>/discard")
@policy.allow(Desk.FILE)
def discard_draft(form: str) -> Response:
    """Forget what was typed."""
    drafts_write.drop_draft(form, actor=policy.current())
    return _back(form)


@bp.post("/drafts/<form>/other")
@policy.allow(Desk.FILE)
def settle_draft(form: str) -> Response:
    """Take the words that were typed in another window, or forget them."""
    drafts_write.settle_other(form, use=request.form.get("use") == "yes", actor=policy.current())
    return _back(form)


def _back(form: str) -> Response:
    kind, _, about = form.partition(".")
    if kind == "need":
        return see_other("desk.new", key=about)
    if kind in TALK and about.isdecimal() and len(about) < 10:
        return see_other("desk.request_page", request_id=int(about), _anchor=None if kind == "message" else "composer")
    return see_other("desk.mine")
