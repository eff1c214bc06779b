"""The reply library of a department: prepared words, to use in a reply, to keep short and to keep true."""

from typing import Any

from flask import render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.desk.actions import services as write
from portal.desk.forms.services import ReplyForm
from portal.desk.models import CannedReply
from portal.desk.policy import Desk
from portal.desk.queries import services as read
from portal.desk.routes._blueprint import bp
from portal.desk.routes.services import department_of, managed, may_manage
from portal.kernel import clock, policy
from portal.kernel.errors import Refusal
from portal.kernel.web import see_other, tell
from portal.people.models import Department


@bp.get("/replies/<key>")
@policy.allow(Desk.QUEUE, Desk.MANAGE)
def replies(key: str) -> str:
    """Prepared replies; with ``request`` each can be used in that request."""
    department = department_of(key)
    number = request.args.get("request", 0, int)
    use_in = number if 0 < number < 2**31 else None
    return render_template("desk/replies.html", department=department, rows=read.replies_of(department.id), manages=may_manage(department.id), use_in=use_in)


@bp.get("/replies/<key>/add")
@policy.allow(Desk.MANAGE)
def add_reply(key: str) -> str:
    """The form of a new reply."""
    return _page(managed(key), ReplyForm(formdata=None), None)


@bp.post("/replies/<key>/add")
@policy.allow(Desk.MANAGE)
def add_reply_now(key: str) -> Any:
    """Add a reply to the library."""
    return _save(managed(key), None)


@bp.get("/replies/<key>/<int:reply_id>")
@policy.allow(Desk.MANAGE)
def edit_reply(key: str, reply_id: int) -> str:
    """One reply, to change it."""
    department = managed(key)
    found = write.find_reply(department.id, reply_id)
    return _page(department, ReplyForm(formdata=None, obj=found), found)


@bp.post("/replies/<key>/<int:reply_id>")
@policy.allow(Desk.MANAGE)
def save_reply(key: str, reply_id: int) -> Any:
    """Store a changed reply."""
    department = managed(key)
    return _save(department, write.find_reply(department.id, reply_id))


@bp.post("/replies/<key>/<int:reply_id>/remove")
@policy.allow(Desk.MANAGE)
def remove_reply(key: str, reply_id: int) -> Response:
    """Take a reply out of the library."""
    write.remove_reply(write.find_reply(managed(key).id, reply_id), actor=policy.current(), now=clock.now())
    tell(_("Removed from the library. What was sent stays."))
    return see_other("desk.replies", key=key)


def _page(department: Department, form: ReplyForm, found: CannedReply | None) -> str:
    return render_template("desk/reply.html", department=department, form=form, found=found)


def _save(department: Department, found: CannedReply | None) -> Any:
    form = ReplyForm()
    try:
        if form.validate():
            values: dict[str, Any] = {"name": str(form.name.data), "body": str(form.body.data), "is_acknowledgement": bool(form.is_acknowledgement.data)}
            write.save_reply(found, department.id, **values, actor=policy.current(), now=clock.now())
            tell(_("Saved."))
            return see_other("desk.replies", key=department.key)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return _page(department, form, found), 422
