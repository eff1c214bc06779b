"""Following a request: its page, and what its requester's side does with it."""

from datetime import datetime
from typing import Any

from flask import current_app, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.desk import words
from portal.desk.actions import conversation as talk_write
from portal.desk.actions import deciding as deciding_write
from portal.desk.actions import drafts as drafts_write
from portal.desk.actions import moving
from portal.desk.forms.conversation import AgainForm, AnswerForm, CancelForm, FollowerForm, MessageForm
from portal.desk.policy import Access, BareRequest, Desk, find_access, find_bare, find_request
from portal.desk.queries import request_page as request_read
from portal.desk.queries.drafts import message_draft
from portal.desk.routes import _showing as showing
from portal.desk.routes._asking import reader
from portal.desk.routes._blueprint import bp
from portal.desk.routes._reading import note_page, note_reading
from portal.desk.routes._uploads import Uploads, receive
from portal.desk.rules import Answer, Status
from portal.kernel import clock, policy, web
from portal.kernel.errors import Conflict, NotFound, Refusal
from portal.kernel.messages import say
from portal.people.calendars import work_calendar
from portal.people.queries import persons
from portal.people.rules import today_in


@bp.get("/requests/<int:request_id>")
@policy.allow(Desk.READ)
def request_page(request_id: int) -> Any:
    """A request: the working page for who answers it, the page of the requester's side, or the little a lead may know."""
    actor, now = policy.current(), clock.now()
    try:
        access = find_access(actor, request_id)
    except NotFound:
        return _bare_page(find_bare(actor, request_id))
    note_page(access, now)
    asks = access.request.requester_id == actor.person_id or access.facts.follows
    if access.may_work and (not asks or request.args.get("view") == "work"):
        from portal.desk.routes import work

        return work.page(access)
    shown = page_context(access, now)
    draft = shown["view"].page.draft
    return render_template("desk/request.html", **shown, draft=draft, form=MessageForm(formdata=draft and draft.fields), uploads=Uploads())


def _bare_page(bare: BareRequest) -> str:
    department = request_read.department_of(bare.department_id)
    kind, word = words.status_word(words.Standing(Status(bare.status), mine=False))
    return render_template("desk/bare.html", bare=bare, department=department, kind=kind, word=word)


def view_of(access: Access, now: datetime) -> showing.View:
    """The request with everything on its page; two statements."""
    actor, found = policy.current(), access.request
    page = request_read.load(found, today_in(actor.zone, now), reader_id=actor.person_id)
    return showing.View(found, page, work_calendar(found.calendar_version_id), reader(now), actor)


def page_context(access: Access, now: datetime) -> dict[str, Any]:
    """What the page of the requester's side shows."""
    view = view_of(access, now)
    found, story = view.request, showing.story_of(view)
    return {
        "view": view,
        "row": found,
        "access": access,
        "around": view.page.around,
        "headline": words.headline(story),
        "next_line": words.next_line(story),
        "rail": words.rail(story),
        "is_late": story.late_since is not None,
        "story": story,
        "card": showing.clock_card(view),
        "people": showing.people_of(view),
        "talk": showing.conversation(view),
        "last_id": view.page.talk[-1].id if view.page.talk else None,
        "facts": showing.facts_of(view, request_read.names_in(view.page.around.fields, found.answers)),
        "label_of": showing.label_of,
        "may_edit": access.may_own and found.is_open and found.answered_at is None and found.acknowledged_at is None,
        "may_reopen": deciding_write.can_reopen(found, now),
        "follows": access.facts.follows,
    }


# -- writing ------------------------------------------------------------------------------------------------------------


@bp.post("/requests/<int:request_id>/messages")
@policy.allow(Desk.WRITE)
@web.own_units
def write(request_id: int) -> Response:
    """Write to whoever has it; a file comes in before anything is locked."""
    find_access(policy.current(), request_id, to=Desk.WRITE)
    uploads = receive(policy.current())
    return web.unit(lambda: current_app.make_response(_write(request_id, uploads)))


def _write(request_id: int, uploads: Uploads) -> Any:
    actor, now, form = policy.current(), clock.now(), MessageForm(formdata=request.form)
    access = find_access(actor, request_id, to=Desk.WRITE)
    form.validate()
    for text in uploads.problems.values():
        form.complain("photo", text)
    try:
        if not form.problems():
            talk_write.add_message(access.request, body=str(form.body.data), files=uploads.all(), actor=actor, now=now)
            drafts_write.drop_draft(message_draft(request_id), actor=actor)
            web.tell(say("Sent."))
            return web.see_other("desk.request_page", request_id=request_id, _anchor="latest")
    except Refusal as refusal:
        form.complain(refusal.field if refusal.field in form else "body", str(refusal.message))
    return render_template("desk/request.html", **page_context(access, now), form=form, uploads=uploads), 422


@bp.post("/requests/<int:request_id>/answered")
@policy.allow(Desk.OWN)
def have_answered(request_id: int) -> Response:
    """You wait for me? I have answered, on the phone perhaps: the clock goes on without another word (R8)."""
    found = find_request(policy.current(), request_id, to=Desk.OWN)
    if found.status is not Status.WAITING_REQUESTER:
        raise Conflict(say("Nobody waits for you any more. Have a look before you go on."))
    moving.resume(found, actor=policy.current(), now=clock.now())
    web.tell(say("Said. The clock runs again."))
    return web.see_other("desk.request_page", request_id=request_id)


@bp.post("/requests/<int:request_id>/reply-wanted")
@policy.allow(Desk.WRITE)
def want_reply(request_id: int) -> Response:
    """Those were no thanks alone: a reply is wanted after all."""
    found = find_request(policy.current(), request_id, to=Desk.WRITE)
    talk_write.undo_no_reply_needed(found, actor=policy.current(), now=clock.now())
    web.tell(say("Said. The clock for the answer runs again."))
    return web.see_other("desk.request_page", request_id=request_id)


# -- did it work? -------------------------------------------------------------------------------------------------------


@bp.get("/requests/<int:request_id>/answer")
@policy.allow(Desk.OWN)
def answer_page(request_id: int) -> str:
    """The question with room for a line; "partly" asks for one."""
    found = find_request(policy.current(), request_id, to=Desk.OWN)
    form = AnswerForm(formdata=None, data={"answer": request.args.get("answer", Answer.PARTLY.value)})
    return render_template("desk/answer.html", row=found, form=form)


@bp.post("/requests/<int:request_id>/answer")
@policy.allow(Desk.OWN)
def answer(request_id: int) -> Any:
    """Yes, partly or no. A no needs no words; a partly asks what is missing."""
    actor, form = policy.current(), AnswerForm()
    found = find_request(actor, request_id, to=Desk.OWN)
    if not form.validate():
        return render_template("desk/answer.html", row=found, form=form), 422
    said = Answer(form.answer.data)
    if said is Answer.PARTLY and "note" not in request.form:
        return web.see_other("desk.answer_page", request_id=request_id, answer=said.value)
    if said is Answer.PARTLY and not form.note.data:
        form.complain("note", str(say("What is still missing? One line is enough.")))
        return render_template("desk/answer.html", row=found, form=form), 422
    deciding_write.confirm(found, answer=said, note=str(form.note.data or ""), actor=actor, now=clock.now())
    web.tell(_THANKS[said])
    return web.see_other("home.index") if form.back.data == "home" else web.see_other("desk.request_page", request_id=request_id)


_THANKS = {
    Answer.YES: say("Good to hear. Thank you for saying so."),
    Answer.PARTLY: say("Thank you. They read what is missing and answer you."),
    Answer.NO: say("Thank you for saying so. It is back on top of their list."),
}


# -- no longer needed, and once more ------------------------------------------------------------------------------------


@bp.route("/requests/<int:request_id>/cancel", methods=["GET", "POST"])
@policy.allow(Desk.OWN)
def cancel(request_id: int) -> Any:
    """The question whether it is really no longer needed, and the answer."""
    actor, form = policy.current(), CancelForm()
    found = find_request(actor, request_id, to=Desk.OWN)
    if form.validate_on_submit():
        deciding_write.cancel(found, reason=str(form.reason.data or ""), actor=actor, now=clock.now())
        web.tell(say("Stopped. Whoever had it knows at once."))
        return web.see_other("desk.request_page", request_id=request_id)
    return render_template("desk/cancel.html", row=found, form=form), 422 if form.errors else 200


@bp.route("/requests/<int:request_id>/again", methods=["GET", "POST"])
@policy.allow(Desk.OWN)
def ask_again(request_id: int) -> Any:
    """Come back to something that is over."""
    actor, now, form = policy.current(), clock.now(), AgainForm()
    found = find_request(actor, request_id, to=Desk.OWN)
    if form.validate_on_submit():
        again = deciding_write.ask_again(found, note=str(form.note.data), actor=actor, now=now)
        web.tell(say("It is open again.") if again.id == request_id else say("Asked again. The new request names this one."))
        return web.see_other("desk.request_page", request_id=again.id)
    return render_template("desk/again.html", row=found, form=form, same=deciding_write.can_reopen(found, now)), 422 if form.errors else 200


# -- who follows --------------------------------------------------------------------------------------------------------


@bp.route("/requests/<int:request_id>/followers", methods=["GET", "POST"])
@policy.allow(Desk.OWN)
def followers(request_id: int) -> Any:
    """Who follows, and the form to add somebody."""
    actor, now, form = policy.current(), clock.now(), FollowerForm()
    access = find_access(actor, request_id, to=Desk.OWN)
    try:
        if form.validate_on_submit():
            person_id = persons.person_meant(actor, str(form.person.data), field="person") or 0
            added = talk_write.add_participant(access.request, person_id=person_id, actor=actor, now=now)
            web.tell(say("They follow it from now on.") if added else say("They follow it already."))
            return web.see_other("desk.followers", request_id=request_id)
    except Refusal as refusal:
        form.complain("person", str(refusal.message))
    faces = [showing.chip(face, reader(now)) for face in request_read.load(access.request, today_in(actor.zone, now)).followers]
    return render_template("desk/followers.html", row=access.request, form=form, faces=faces, suggest=url_for("people.suggest")), 422 if form.errors else 200


@bp.post("/requests/<int:request_id>/followers/<int:person_id>/remove")
@policy.allow(Desk.OWN, Desk.WRITE)
def unfollow(request_id: int, person_id: int) -> Response:
    """Somebody follows no longer: taken out by the requester, or by themselves."""
    actor = policy.current()
    mine = person_id == actor.person_id
    access = find_access(actor, request_id, to=Desk.WRITE if mine else Desk.OWN)
    talk_write.remove_participant(access.request, person_id=min(person_id, 2**31 - 1), actor=actor, now=clock.now())
    web.tell(say("You follow it no longer.") if mine else say("Taken out."))
    return web.see_other("desk.followers", request_id=request_id) if access.may_own else web.see_other("desk.mine")


# -- the life of the clocks ---------------------------------------------------------------------------------------------


@bp.get("/requests/<int:request_id>/clock")
@policy.allow(Desk.READ)
def clock_page(request_id: int) -> str:
    """Every event of every clock, with the working time it took."""
    now = clock.now()
    access = find_access(policy.current(), request_id)
    note_reading(access, now)
    return render_template("desk/clock.html", row=access.request, lives=_lives(view_of(access, now)))


def _lives(view: showing.View) -> Any:
    from portal.desk.routes._clock_lives import lives

    return lives(view)
