"""The inbox and the page on which people choose what reaches them by mail."""

from typing import Any

from flask import Flask, g, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.kernel import clock, policy, shell, slots
from portal.kernel.messages import say
from portal.kernel.paging import Page
from portal.kernel.web import Blueprint, is_fragment, see_other, tell
from portal.notifications import actions, bounces, jobs, kinds, queries, restored, sentences
from portal.notifications.forms import MODES, ReadForm, chosen, field_of, preferences_form
from portal.notifications.policy import Notifications, find_addressee, find_notice, is_keeper

__all__ = ["jobs", "restored", "setup"]

bp = Blueprint("notifications", __name__, url_prefix="/notifications")


@bp.get("")
@policy.allow(Notifications.READ)
def inbox() -> str:
    """Everything I was told, the newest first; ?show=all with what I read already."""
    everything = request.args.get("show") == "all"
    page = queries.inbox(policy.current(), request.args.get("at"), only_unread=not everything)
    return render_template("notifications/inbox.html", page=page, everything=everything, unread=_unread(), newest=_newest(page))


def _newest(page: Page[queries.Told]) -> int:
    return page.items[0].id if page.items and not page.previous else 0


@bp.post("/read")
@policy.allow(Notifications.READ)
def read_all() -> Response:
    """Mark everything as read that was there when the page was opened."""
    form = ReadForm()
    if form.validate():
        actions.mark_all_read(policy.current(), up_to=form.up_to.data)
        tell(say("Nothing new is left."))
    return see_other("notifications.inbox", show="all")


@bp.post("/<int:notice_id>/read")
@policy.allow(Notifications.READ)
def read_one(notice_id: int) -> Response:
    """Mark one notice as read."""
    actions.mark_read(find_notice(policy.current(), notice_id, to=Notifications.READ))
    return see_other("notifications.inbox", show=request.args.get("show") and "all", at=request.args.get("at"))


@bp.route("/preferences", methods=["GET", "POST"])
@policy.allow(Notifications.CHOOSE)
def preferences() -> Any:
    """Choose what reaches me by mail, and when nothing does."""
    actor = policy.current()
    choices = queries.choices(actor)
    form = preferences_form(choices, queries.quiet_hours(actor.person_id or 0))
    if form.validate_on_submit():
        actions.choose(actor, chosen(form, choices), form.quiet(), now=clock.now())
        tell(say("Kept. It counts from the next mail on."))
        return see_other("notifications.preferences")
    return render_template(
        "notifications/preferences.html", form=form, choices=choices, field_of=field_of, modes=MODES, comes_back=queries.is_dead(actor.person_id or 0)
    ), 422 if form.errors else 200


@bp.get("/mail/<int:person_id>")
@policy.allow(Notifications.MAIL)
def mail_of(person_id: int) -> str:
    """Whether mail reaches somebody, what came back, and the button that tries again."""
    person = find_addressee(policy.current(), person_id, to=Notifications.MAIL)
    dead = queries.dead_addresses(person.id)
    page = queries.came_back(request.args.get("at"), person_id=person.id)
    own, keeper = person.id == policy.current().person_id, is_keeper(policy.current())
    return render_template("notifications/mail_of.html", person=person, dead=dead[0] if dead else None, page=page, own=own, keeper=keeper)


@bp.post("/mail/<int:person_id>/try-again")
@policy.allow(Notifications.MAIL)
def try_again(person_id: int) -> Response:
    """Send mail to this person again."""
    person = find_addressee(policy.current(), person_id, to=Notifications.MAIL)
    bounces.try_again(person.id, actor=policy.current(), now=clock.now())
    tell(say("From the next notice on mail goes out again. If two come back, it stops again."))
    return see_other("notifications.mail_of", person_id=person.id)


def _tab(actor: policy.Actor, *, person_id: int, staff_number: str) -> dict[str, Any] | None:
    """A tab on the profile while mail comes back, for the person and for those who can mend it."""
    if not (is_keeper(actor) or actor.person_id == person_id) or not queries.is_dead(person_id):
        return None
    return {"text": _("Mail comes back"), "url": url_for("notifications.mail_of", person_id=person_id)}


def _unread() -> Any:
    actor = policy.current()
    if "unread" not in g:
        g.unread = queries.unread(actor.person_id) if actor.person_id is not None else 0
    return g.unread


def _count_for_the_layout() -> dict[str, Any]:
    # Only whole pages show the dot beside the name; fragments need no count.
    if g.get("me") and not is_fragment():
        g.me["unread"] = _unread()
    return {}


def setup(app: Flask) -> None:
    """Register the pages, and how a notice becomes words in a template."""
    app.register_blueprint(bp)
    app.context_processor(_count_for_the_layout)
    app.jinja_env.filters.update(told=sentences.as_html, told_value=sentences.value_html)
    app.jinja_env.globals["why_told"] = kinds.why
    bounces.setup()
    slots.register("profile.tabs", "mail", _tab)
    shell.link("notifications", "notifications.inbox")
    shell.link("preferences", "notifications.preferences")
