"""Working on a request: the page, replies and notes, and everything the serving side can do with it.

The address of the page is that of the request; ``requests.request_page`` hands over to :func:`page` for those who work on it.
"""

from collections.abc import Callable
from typing import Any

from flask import current_app, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from portal.desk import words
from portal.desk.actions import assigning, conversation, moving
from portal.desk.actions import drafts as drafts_write
from portal.desk.actions.conversation import Reply
from portal.desk.forms.work import AssignForm, ComposerForm, FollowerForm, PauseForm, PriorityForm, TransferForm, options
from portal.desk.models import MessageKind, Request
from portal.desk.policy import Access, Desk, find_access, find_request
from portal.desk.queries import handing, serving
from portal.desk.queries.work_parts import draft_name, note_name
from portal.desk.routes import _working as working
from portal.desk.routes._blueprint import bp
from portal.desk.routes._uploads import Uploads, receive
from portal.desk.routes.drafts import keep_talk
from portal.desk.rules import PauseReason, Priority, ReplyKind, WaitFor
from portal.kernel import clock, policy, web
from portal.kernel.errors import Conflict, NotFound, Refusal
from portal.kernel.forms import PortalForm
from portal.kernel.policy import Actor
from portal.people.queries import persons


def page(access: Access) -> str:
    """The page of a request for those who work on it."""
    return working.render(access)


def _back(request_id: int) -> Response:
    return web.see_other("desk.request_page", request_id=request_id)


def _do(request_id: int, work: Callable[[Request], Any]) -> Response:
    """Load it to work on it, do it, and go back to it; a lost race leads there, too."""
    row = find_request(policy.current(), request_id, to=Desk.WORK)
    try:
        work(row)
    except Conflict as lost:
        lost.link = url_for("desk.request_page", request_id=request_id)
        raise
    return _back(request_id)


# -- replies and notes -------------------------------------------------------------------------------------------------


@bp.post("/requests/<int:request_id>/work/reply")
@policy.allow(Desk.WORK)
@web.own_units
def send_reply(request_id: int) -> Any:
    """Send a reply, or keep a note. Files come in first; the write turn is held for the rows alone."""
    find_access(policy.current(), request_id, to=Desk.WORK)
    uploads = receive(policy.current())
    return web.unit(lambda: current_app.make_response(_send(request_id, uploads)))


def _send(request_id: int, uploads: Uploads) -> Any:
    actor, access, form = policy.current(), find_access(policy.current(), request_id, to=Desk.WORK), ComposerForm()
    form.validate()
    for text in uploads.problems.values():
        form.complain(_place(form, "body"), text)
    try:
        if not form.problems():
            message = _write(access.request, form, uploads)
            _settle_drafts(request_id, form, actor)
            web.tell(_told(message, access.request))
            return web.see_other("desk.request_page", request_id=request_id, _anchor=f"m{message.id}")
    except Refusal as refusal:
        form.complain(_place(form, str(refusal.field)), str(refusal.message))
    except Conflict as conflict:
        return working.render(access, form=form, uploads=uploads, problem=str(conflict.message)), 409
    return working.render(access, form=form, uploads=uploads), 422


_PLACES = {"files": "body", "waits_for": "wait_for"}
"""Where a refusal of the action is shown on the form."""


def _settle_drafts(request_id: int, form: ComposerForm, actor: Actor) -> None:
    """What was sent is no draft any more; what stands in the other box is one, with or without script."""
    drafts_write.drop_draft(note_name(request_id) if form.is_note else draft_name(request_id), actor=actor)
    if form.body.data if form.is_note else form.note.data:
        keep_talk(request_id, dict(request.form.lists()), reply=form.is_note, note=not form.is_note)


def _place(form: ComposerForm, field: str) -> str:
    place = _PLACES.get(field, field)
    return "note" if form.is_note and place == "body" else place


def _write(row: Request, form: ComposerForm, uploads: Uploads) -> Any:
    actor, now = policy.current(), clock.now()
    if form.is_note:
        return conversation.add_note(row, body=form.note_with_name, files=uploads.all(), names=True, actor=actor, now=now)
    said = Reply(
        body=str(form.body.data or ""),
        next_step=str(form.next_step.data or ""),
        next_step_at=form.moment(actor.zone),
        kind=ReplyKind(form.kind.data),
        wait_for=form.waits_for,
        wait_reason=form.wait_reason,
        wait_name=str(form.wait_name.data or ""),
        canned_id=form.canned_id.data,
        files=uploads.all(),
        seen_message_id=form.seen.data or 0,
    )
    return conversation.reply(row, said, actor=actor, now=now)


def _told(message: Any, row: Request) -> Any:
    name = serving.first_name(row.requester_id)
    if message.kind is MessageKind.NOTE:
        return _("The note is kept. %(name)s cannot see it.", name=name)
    if message.kind is MessageKind.ACKNOWLEDGEMENT and message.author_id == row.requester_id:
        return _("Added. It is your own request, so the clock waits for an answer of a colleague.")
    if message.kind is MessageKind.ACKNOWLEDGEMENT:
        return _("Sent. %(name)s knows that you read it. The clock goes on: a next step with a date stops it.", name=name)
    return _("Sent to %(name)s.", name=name)


# -- one button --------------------------------------------------------------------------------------------------------


@bp.post("/requests/<int:request_id>/work/claim")
@policy.allow(Desk.WORK)
def claim(request_id: int) -> Response:
    """Take it; whoever is second reads who was first."""
    return _do(request_id, lambda row: assigning.claim(row, actor=policy.current(), now=clock.now()))


@bp.post("/requests/<int:request_id>/work/resume")
@policy.allow(Desk.WORK)
def resume(request_id: int) -> Response:
    """The clock goes on."""
    return _do(request_id, lambda row: moving.resume(row, actor=policy.current(), now=clock.now()))


@bp.post("/requests/<int:request_id>/work/plan")
@policy.allow(Desk.WORK)
def plan(request_id: int) -> Response:
    """Planned for later, or work begins."""
    planned = request.form.get("planned") == "yes"
    return _do(request_id, lambda row: moving.plan(row, planned=planned, actor=policy.current(), now=clock.now()))


@bp.post("/requests/<int:request_id>/work/no-reply-needed")
@policy.allow(Desk.WORK)
def thanks(request_id: int) -> Response:
    """The last message was thanks; the requester sees that and can undo it."""
    return _do(request_id, lambda row: conversation.no_reply_needed(row, actor=policy.current(), now=clock.now()))


# -- small pages -------------------------------------------------------------------------------------------------------


def _page(request_id: int, way: str, form: PortalForm, row: Request, **more: Any) -> str:
    return render_template(f"desk/_work/{way}.html", request_id=request_id, form=form, request_row=row, name=serving.first_name(row.requester_id), **more)


def _loaded(request_id: int) -> Request:
    return find_request(policy.current(), request_id, to=Desk.WORK)


def _save(request_id: int, way: str, form: PortalForm, row: Request, work: Callable[[], Any], **more: Any) -> Any:
    """Do what a small page asks for: back to the request, or the page again with what needs another look."""
    try:
        if form.validate():
            work()
            return _back(request_id)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    except Conflict as lost:
        lost.link = url_for("desk.request_page", request_id=request_id)
        raise
    return _page(request_id, way, form, row, **more), 422


def _assign_form(row: Request, **data: Any) -> AssignForm:
    form = AssignForm(**data)
    form.person.choices = options([("", _("Nobody, back into the queue")), *((p.id, p.name) for p in serving.may_have_all(row))])
    return form


@bp.get("/requests/<int:request_id>/work/assign")
@policy.allow(Desk.WORK)
def assign(request_id: int) -> str:
    """Who should have it."""
    row = _loaded(request_id)
    form = _assign_form(row, formdata=None)
    form.person.data = row.assignee_id
    return _page(request_id, "assign", form, row)


@bp.post("/requests/<int:request_id>/work/assign")
@policy.allow(Desk.WORK)
def assign_now(request_id: int) -> Any:
    """Give it to a colleague, or put it back."""
    row = _loaded(request_id)
    form = _assign_form(row)
    return _save(request_id, "assign", form, row, lambda: assigning.assign(row, form.person.data, actor=policy.current(), now=clock.now()))


def _transfer_form(row: Request, **data: Any) -> TransferForm:
    form = TransferForm(**data)
    form.service_id.choices = [SelectChoice("", _("Choose one")), *(SelectChoice(str(n), name, optgroup=group) for group, n, name in handing.choices(row))]
    return form


@bp.get("/requests/<int:request_id>/work/hand-over")
@policy.allow(Desk.WORK)
def hand_over(request_id: int) -> str:
    """Where it should go, and why."""
    row = _loaded(request_id)
    return _page(request_id, "hand_over", _transfer_form(row, formdata=None), row)


@bp.post("/requests/<int:request_id>/work/hand-over")
@policy.allow(Desk.WORK)
def hand_over_now(request_id: int) -> Any:
    """Hand it over; from now on the other department has it, so the way leads back to the queue."""
    row = _loaded(request_id)
    form, key = _transfer_form(row), handing.key_of(row.department_id)

    def work() -> None:
        moving.transfer(row, service_id=form.service_id.data or 0, reason=str(form.reason.data or ""), actor=policy.current(), now=clock.now())
        web.tell(_("%(number)s is handed over. Its clock goes on.", number=row.id))

    answer = _save(request_id, "hand_over", form, row, work)
    return answer if isinstance(answer, tuple) else web.see_other("desk.queue", key=key)


@bp.get("/requests/<int:request_id>/work/priority")
@policy.allow(Desk.WORK)
def priority(request_id: int) -> str:
    """How much it hurts, to judge it anew."""
    row = _loaded(request_id)
    form = PriorityForm(formdata=None, priority=row.priority.value)
    form.offer(_priorities())
    return _page(request_id, "priority", form, row)


@bp.post("/requests/<int:request_id>/work/priority")
@policy.allow(Desk.WORK)
def priority_now(request_id: int) -> Any:
    """Judge anew how much it hurts."""
    row, form = _loaded(request_id), PriorityForm()
    form.offer(_priorities())

    def work() -> None:
        moving.set_priority(row, Priority(form.priority.data), reason=str(form.reason.data or ""), actor=policy.current(), now=clock.now())

    return _save(request_id, "priority", form, row, work)


def _priorities() -> dict[str, str]:
    return {level.value: str(words.priority_word(level)) for level in Priority}


@bp.get("/requests/<int:request_id>/work/wait")
@policy.allow(Desk.WORK)
def wait(request_id: int) -> str:
    """Whom the clock should wait for."""
    row = _loaded(request_id)
    return _page(request_id, "wait", PauseForm(formdata=None), row)


@bp.post("/requests/<int:request_id>/work/wait")
@policy.allow(Desk.WORK)
def wait_now(request_id: int) -> Any:
    """Let the clock wait."""
    row, form = _loaded(request_id), PauseForm()

    def work() -> None:
        whom = WaitFor(form.waits_for.data)
        why = PauseReason.REQUESTER if whom is WaitFor.REQUESTER else PauseReason(form.reason.data)
        moving.pause(row, waits_for=whom, wait_name=str(form.wait_name.data or ""), reason=why, actor=policy.current(), now=clock.now())

    return _save(request_id, "wait", form, row, work)


@bp.get("/requests/<int:request_id>/work/followers")
@policy.allow(Desk.WORK)
def follower(request_id: int) -> str:
    """Who should follow it on the requester's side."""
    row = _loaded(request_id)
    return _page(request_id, "followers", FollowerForm(formdata=None), row)


@bp.post("/requests/<int:request_id>/work/followers")
@policy.allow(Desk.WORK)
def follower_now(request_id: int) -> Any:
    """Let somebody follow it."""
    row, form, actor = _loaded(request_id), FollowerForm(), policy.current()

    def work() -> None:
        person = persons.person_meant(actor, str(form.person.data), field="person")
        if person is None:
            raise NotFound()
        conversation.add_participant(row, person_id=person, actor=actor, now=clock.now())

    return _save(request_id, "followers", form, row, work)
