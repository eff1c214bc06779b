"""I need something: the catalogue, the form of a service, sending it, and changing the words until somebody answered."""

from datetime import datetime
from typing import Any

from flask import current_app, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal.desk.actions import drafts as drafts_write
from portal.desk.actions import filing as filing_write
from portal.desk.actions.filing import Filing
from portal.desk.forms.filing import PREFIX, Choices, FilingForm, form_for, typed
from portal.desk.models import Request
from portal.desk.policy import Desk, find_request, find_service
from portal.desk.queries import catalogue as catalogue_read
from portal.desk.queries import offer as offer_read
from portal.desk.queries import request_page as request_read
from portal.desk.routes import _asking as asking
from portal.desk.routes._blueprint import bp
from portal.desk.routes._uploads import Uploads, receive
from portal.kernel import clock, policy, web
from portal.kernel.errors import Refusal
from portal.kernel.forms import clean_line
from portal.kernel.messages import say


@bp.get("/need")
@policy.allow(Desk.FILE)
def catalogue() -> str:
    """Every service by department, or those that fit the words of ``q``, the best first."""
    text = clean_line(request.args.get("q"))[:200]
    rows = catalogue_read.all_services(policy.current())
    found = catalogue_read.find(rows, text) if text else None
    return render_template("desk/catalogue.html", text=text, found=found, number=len(rows), counters=catalogue_read.by_department(rows))


@bp.get("/need/<key>")
@policy.allow(Desk.FILE)
def new(key: str) -> str:
    """The form of a service, filled in with what was typed before."""
    actor, now = policy.current(), clock.now()
    service = find_service(actor, key)
    choices = asking.choices_for(service)
    me = offer_read.asker(actor, f"need.{service.key}")
    kept = me.draft
    start: dict[str, Any] = {"title": clean_line(request.args.get("title"))[:120], "place": me.place}
    form = form_for(service, choices, phone=me.phone, formdata=kept.fields if kept else None, **start)
    if kept is None and form.where is not None and me.location_id:
        form.where.data = str(me.location_id)
    return asking.form_page(service, form, Uploads(), now, kept=kept)


@bp.get("/need/<key>/promise")
@policy.allow(Desk.FILE)
def promise(key: str) -> str:
    """The card of the promise alone, for another impact or day."""
    service = find_service(policy.current(), key)
    form = form_for(service, asking.choices_for(service), formdata=request.args)
    context = asking.promise_context(service, str(form.impact.data or ""), clock.now(), asking.due_answer(service, form, clock.now()))
    return render_template("desk/_parts/promise.html", **context)


@bp.post("/need/<key>")
@policy.allow(Desk.FILE)
@web.own_units
def file(key: str) -> Response:
    """Send it. Files come in first; the write turn is held for the rows alone."""
    if request.files:
        find_service(policy.current(), key)
    uploads = receive(policy.current())
    return web.unit(lambda: current_app.make_response(_file(key, uploads)))


def _file(key: str, uploads: Uploads) -> Any:
    actor, now = policy.current(), clock.now()
    service = find_service(actor, key)
    choices = asking.choices_for(service)
    if "fill" in request.form:
        return asking.form_page(service, form_for(service, choices, formdata=_filled_in()), uploads, now)
    form = form_for(service, choices, formdata=request.form)
    form.validate()
    filing = _filing(form, choices, uploads, now)
    try:
        if not form.problems():
            filed = filing_write.file_request(filing, actor=actor, now=now)
            drafts_write.drop_draft(f"need.{service.key}", actor=actor)
            return _sent(filed, now)
    except Refusal as refusal:
        _complain(form, refusal)
    return asking.form_page(service, form, uploads, now), 422


_PLACES = {"service_id": "title", "requester_id": "on_behalf", "follower_ids": "followers", "files": "photo"}
"""Where a refusal of the action is shown on the form."""


def _filled_in() -> MultiDict[str, str]:
    """What was typed, with the suggested answer that was pressed in place of its own."""
    name, _sign, value = request.form["fill"].partition("=")
    typed_in = MultiDict(request.form)
    typed_in.setlist(name, [value])
    return typed_in


def _complain(form: FilingForm, refusal: Refusal) -> None:
    if refusal.field == "confidential" and form.service.is_confidential:
        form.complain("title", str(say("Nobody is named to read this yet, so it was not sent. Call the department; your words are kept.")))
        return
    form.complain(_PLACES.get(str(refusal.field), refusal.field), str(refusal.message))


def _filing(form: FilingForm, choices: Choices, uploads: Uploads, now: datetime) -> Filing:
    """What the form says; whatever needs another look is complained about beside its field."""
    actor = policy.current()
    answers = form.read_answers(now, actor.zone, asking.resolver(choices), uploads.names())
    meant = asking.people_meant(form, "on_behalf", [name for name in [str(form.on_behalf.data or "")] if name])
    followers = asking.people_meant(form, "followers", form.names())
    notices, what = form.customer_notices()
    for name, text in uploads.problems.items():
        form.complain(name if name in form else "photo", text)
    return Filing(
        service_id=form.service.id,
        title=str(form.title.data or ""),
        description=form.words(answers),
        requester_id=meant[0] if meant else int(actor.person_id or 0),
        impact=str(form.impact.data),
        answers=answers,
        customer_notices=notices,
        customer_impact=what,
        location_id=form.location_id(choices),
        place=str(form.place.data or ""),
        follower_ids=followers,
        call_me=bool(form.call_me.data),
        call_number=str(form.call_number.data or ""),
        confidential=bool(form.confidential.data),
        files=uploads.all(),
    )


def _sent(filed: Request, now: datetime) -> Response:
    if filed.is_confidential and filed.requester_id != policy.current().person_id:
        web.tell(say("Sent. It is confidential, so from now on only the person it is for can read it."))
        return web.see_other("desk.mine")
    web.tell(say("Sent. The first answer comes by %(when)s.", when=asking.reader(now).by(filed.next_due_at)) if filed.next_due_at else say("Sent."))
    return web.see_other("desk.request_page", request_id=filed.id)


# -- changing the words until somebody answered -------------------------------------------------------------------------


@bp.get("/requests/<int:request_id>/edit")
@policy.allow(Desk.OWN)
def edit(request_id: int) -> str:
    """The words of a request, to change them."""
    found = find_request(policy.current(), request_id, to=Desk.OWN)
    service = request_read.service_of(found)
    opening = request_read.opening_of(found.id)
    start: dict[str, Any] = {"title": found.title, "description": opening.body, "place": found.place, "location": str(found.location_id or "")}
    answers = typed(service.fields, found.answers, policy.current().zone, request_read.names_in(service.fields, found.answers))
    if place := next((spec["key"] for spec in service.fields if spec["type"] == "location"), None):
        answers.setdefault(f"{PREFIX}{place}", start["location"])
    customer = found.customer_impact or (_("Yes") if found.customer_notices else "")
    form = form_for(service, asking.choices_for(service), editing=True, customer=customer, **start, **answers)
    return render_template("desk/edit.html", form=form, row=found, suggest=url_for("people.suggest"))


@bp.post("/requests/<int:request_id>/edit")
@policy.allow(Desk.OWN)
def save_edit(request_id: int) -> Any:
    """Keep the changed words; a colleague who answered meanwhile makes it a Conflict that gives them back."""
    actor, now = policy.current(), clock.now()
    found = find_request(actor, request_id, to=Desk.OWN)
    service = request_read.service_of(found)
    choices = asking.choices_for(service)
    form = form_for(service, choices, formdata=request.form, editing=True)
    form.validate()
    answers = form.read_answers(now, actor.zone, asking.resolver(choices), {})
    try:
        if not form.problems():
            _keep_words(found, form, answers, choices, now)
            web.tell(say("Changed. Whoever has it reads the new words."))
            return web.see_other("desk.request_page", request_id=found.id)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return render_template("desk/edit.html", form=form, row=found, suggest=url_for("people.suggest")), 422


def _keep_words(found: Request, form: FilingForm, answers: dict[str, Any], choices: Choices, now: datetime) -> None:
    files = {spec["key"]: found.answers[spec["key"]] for spec in form.service.fields if spec["type"] == "file" and spec["key"] in found.answers}
    notices, what = form.customer_notices()
    filing_write.edit_request(
        found,
        title=str(form.title.data or ""),
        description=form.words(answers),
        answers=answers | files,
        customer_notices=notices,
        customer_impact=what,
        location_id=form.location_id(choices),
        place=str(form.place.data or ""),
        actor=policy.current(),
        now=now,
    )
