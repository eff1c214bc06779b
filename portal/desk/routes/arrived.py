"""Mail that waits for a look: the list, one mail, what becomes of it, and the originals behind entries of a conversation."""

from typing import Any

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.desk.actions import arrived as write
from portal.desk.forms.arrived import AddMailForm, OpenMailForm
from portal.desk.forms.work import options
from portal.desk.mail_rules import number_in
from portal.desk.models import Request
from portal.desk.policy import Desk, find_access, find_held, find_incoming, find_request
from portal.desk.queries import arrived as read
from portal.desk.routes._blueprint import bp
from portal.desk.routes._reading import note_reading
from portal.kernel import clock, files, observe, policy, slots
from portal.kernel.errors import Forbidden, NotFound, Refusal
from portal.kernel.incoming import store
from portal.kernel.incoming.reading import Reading, TooSlow, read_within
from portal.kernel.incoming.store import Decision, IncomingMail
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.kernel.shell import MenuGroup, MenuItem
from portal.kernel.web import see_other, tell
from portal.people.queries import persons

UNREADABLE = say("It took too long to read. Its original has every word.")


def setup() -> None:
    """Offer the entry of the side bar."""
    slots.register("menu", "desk.arrived", _entry)


def _entry(actor: Actor) -> MenuGroup | None:
    if not policy.allows(actor, Desk.MANAGE):
        return None
    return MenuGroup(_("Administration"), (MenuItem("mail-in", _("Mail that waits"), "mailbox", url_for("desk.arrived"), order=62),), order=90)


@bp.get("/mail-in")
@policy.allow(Desk.MANAGE)
def arrived() -> str:
    """Mail that waits for a look, and by tabs what became of the rest."""
    actor, asked = policy.current(), request.args.get("show", "")
    shelf = Decision(asked) if asked in list(Decision) else Decision.HELD
    return render_template("desk/arrived.html", page=read.page(actor, shelf, request.args.get("at")), shelf=shelf.value, waiting=read.waiting(actor))


@bp.get("/mail-in/<int:arrived_id>")
@policy.allow(Desk.MANAGE)
def arrived_mail(arrived_id: int) -> str:
    """One mail with its plain words, and what can become of it; opening it is noted."""
    actor, mail = policy.current(), find_incoming(policy.current(), arrived_id)
    observe.note("desk.mail.read", person_id=actor.person_id, subject=("kernel.incoming", mail.id), at=clock.now())
    return _page(mail)


def _page(mail: IncomingMail, opening: OpenMailForm | None = None, adding: AddMailForm | None = None) -> str:
    reading, waits = _reading(mail), mail.decision is Decision.HELD
    return render_template(
        "desk/arrived_mail.html",
        mail=mail,
        words=reading,
        waits=waits,
        unreadable=UNREADABLE,
        opening=(opening or _opening(mail)) if waits else None,
        adding=(adding or _adding(mail)) if waits else None,
        decider="" if waits else read.name_of(mail.decided_by),
    )


def _reading(mail: IncomingMail) -> Reading | None:
    try:
        return read_within(store.original(mail), store.SECONDS)
    except TooSlow:
        return None


def _words(mail: IncomingMail) -> Reading:
    """The mail as read; of what cannot be read its subject and a hint."""
    return _reading(mail) or Reading(subject=mail.subject, text=str(UNREADABLE), reply_text=str(UNREADABLE))


def _opening(mail: IncomingMail) -> OpenMailForm:
    form = OpenMailForm(formdata=None)
    form.person.data = persons.shown(read.known_sender(mail.sender))
    return _with_places(form)


def _with_places(form: OpenMailForm) -> OpenMailForm:
    form.service_id.choices = options([("", _("Choose one")), *((number, f"{department}: {name}") for department, number, name in read.places())])
    return form


def _adding(mail: IncomingMail) -> AddMailForm:
    form = AddMailForm(formdata=None)
    form.number.data = str(number_in(mail.subject) or "")
    return form


@bp.post("/mail-in/<int:arrived_id>/open")
@policy.allow(Desk.MANAGE)
def open_arrived(arrived_id: int) -> Any:
    """Open a request with the mail."""
    mail, form = find_held(policy.current(), arrived_id), _with_places(OpenMailForm())
    try:
        if form.validate():
            tell(_("Opened as %(number)s.", number=_open(mail, form)))
            return see_other("desk.arrived")
    except Refusal as refusal:
        form.complain(_PLACES.get(str(refusal.field), refusal.field), str(refusal.message))
    return _page(mail, opening=form), 422


_PLACES = {"requester_id": "person", "confidential": "service_id", "title": "person"}


def _open(mail: IncomingMail, form: OpenMailForm) -> int:
    actor, now = policy.current(), clock.now()
    person = persons.person_meant(actor, str(form.person.data), field="person")
    return write.open_for(mail, _words(mail), person_id=person or 0, service_id=form.service_id.data or 0, actor=actor, now=now).id


@bp.post("/mail-in/<int:arrived_id>/add")
@policy.allow(Desk.MANAGE)
def add_arrived(arrived_id: int) -> Any:
    """Add the mail to a request the reader works on."""
    mail, form, actor = find_held(policy.current(), arrived_id), AddMailForm(), policy.current()
    try:
        if form.validate():
            found = _worked_on(actor, str(form.number.data))
            write.add_to(mail, _words(mail), found, actor=actor, now=clock.now())
            tell(_("Added to %(number)s as a note of the team.", number=found.id))
            return see_other("desk.arrived")
    except Refusal as refusal:
        form.complain("number", str(refusal.message))
    return _page(mail, adding=form), 422


def _worked_on(actor: Actor, text: str) -> Request:
    digits = text.strip().lstrip("#")
    try:
        return find_request(actor, int(digits) if digits.isdecimal() else 0, to=Desk.WORK)
    except (NotFound, Forbidden):
        raise Refusal(say("There is no request with this number that you work on."), field="number") from None


@bp.post("/mail-in/<int:arrived_id>/ignore")
@policy.allow(Desk.MANAGE)
def ignore_arrived(arrived_id: int) -> Response:
    """Leave the mail alone."""
    write.ignore(find_held(policy.current(), arrived_id), actor=policy.current(), now=clock.now())
    tell(_("Ignored. It stays under Ignored."))
    return see_other("desk.arrived")


@bp.get("/mail-in/<int:arrived_id>/original")
@policy.allow(Desk.MANAGE)
def arrived_original(arrived_id: int) -> Response:
    """Lead to every byte of a mail."""
    mail = find_incoming(policy.current(), arrived_id)
    return redirect(files.url(read.file_of(mail), name=f"mail-{mail.id}.eml"), 303)


@bp.get("/requests/<int:request_id>/original/<int:message_id>")
@policy.allow(Desk.READ)
def original(request_id: int, message_id: int) -> Response:
    """Lead to every byte of the mail an entry came as, for those who work on the request; nobody else learns that there is one."""
    access = find_access(policy.current(), request_id)
    found = read.original_of(request_id, message_id) if access.may_work else None
    if found is None:
        raise NotFound()
    note_reading(access, clock.now())
    return redirect(files.url(found, name=f"request-{request_id}-{message_id}.eml"), 303)
