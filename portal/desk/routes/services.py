"""Services and promises: what a department offers, in which words, who reads what is confidential, and by when. Leads change it."""

from datetime import datetime
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.desk.actions import services as write
from portal.desk.forms.services import NamedForm, PromiseForm, ServiceForm, filled, time_words
from portal.desk.models import Service
from portal.desk.policy import Desk, find_managed_department, find_service, serves
from portal.desk.queries import dry_run, hours, promises
from portal.desk.queries import services as read
from portal.desk.queries.queue_around import Served
from portal.desk.routes._blueprint import bp
from portal.desk.routes.queue import served
from portal.desk.rules import Priority
from portal.kernel import clock, policy, slots
from portal.kernel.errors import Conflict, Forbidden, NotFound, Refusal
from portal.kernel.messages import Message, say
from portal.kernel.policy import Actor
from portal.kernel.web import see_other, tell
from portal.people import calendars
from portal.people.calendar import WorkCalendar
from portal.people.models import Department
from portal.people.policy import find_department
from portal.people.queries import persons


def setup() -> None:
    """Offer the dry run to the page of working hours."""
    slots.register("calendar.preview", "desk", _preview)


def _preview(_actor: Actor, *, calendar_id: int | None, candidate: WorkCalendar) -> Message | None:
    """What new working hours would do to open requests, once they follow them."""
    found = dry_run.for_hours(calendar_id, candidate, clock.now()) if calendar_id else None
    if found is None or not found.open:
        return None
    return say(
        "%(open)s open requests follow these hours. They keep them until their department lets them follow the new ones: "
        "%(moved)s would then be due at another time, %(late)s would be late at once.",
        open=f"{found.open}+" if found.capped else found.open,
        moved=found.moved,
        late=found.late,
    )


def department_of(key: str) -> Department | Served:
    """The department in the address, for those who serve or manage it; Forbidden for others."""
    actor = policy.current()
    mine = next((department for department in served() if department.key == key), None)
    found = mine or find_department(actor, key)
    if found.id in serves(actor) or actor.has("administrator"):
        return found
    raise Forbidden(say("This belongs to %(department)s. Ask their lead, or go back.", department=found.name))


def may_manage(department_id: int) -> bool:
    """True when the reader may change what a department offers."""
    actor = policy.current()
    return department_id in actor.leads or actor.has("administrator")


def managed(key: str) -> Department:
    """The department in the address, for those who manage it."""
    found = find_department(policy.current(), key)
    find_managed_department(policy.current(), found.id)
    return found


def service_in(key: str, service_id: int) -> tuple[Department, Service]:
    """A service of a department one manages; NotFound for those of others."""
    department = managed(key)
    found = find_service(policy.current(), service_id, to=Desk.MANAGE)
    if found.department_id != department.id:
        raise NotFound()
    return department, found


@bp.get("/services/<key>")
@policy.allow(Desk.QUEUE, Desk.MANAGE)
def services(key: str) -> str:
    """What a department offers and promises."""
    department = department_of(key)
    manages, rows = may_manage(department.id), read.services_of(department.id)
    newest, behind = _behind(department.id) if manages else (0, None)
    return render_template("desk/services.html", department=department, rows=rows, manages=manages, words_of=_words_of, behind=behind, newest_hours=newest)


def _behind(department_id: int) -> tuple[int, dry_run.DryRun | None]:
    """The newest working hours, and what the open requests on older ones would do in them; (0, None) when there are none."""
    if not hours.is_behind(department_id):
        return 0, None
    newest = calendars.department_version(department_id)
    return newest, dry_run.for_department(department_id, newest, clock.now())


def _words_of(targets: dict[str, Any] | None, level: str = Priority.NORMAL.value) -> tuple[str, str] | None:
    """First answer and end of one priority in words; None while nothing is promised."""
    if targets is None:
        return None
    row = targets[level]
    always = bool(row.get("round_the_clock"))
    return time_words(row["first_response"], always=always), time_words(row.get("resolution"), always=always)


@bp.get("/services/<key>/<int:service_id>")
@policy.allow(Desk.MANAGE)
def service(key: str, service_id: int) -> str:
    """The words of a service, and who is named for it."""
    department, found = service_in(key, service_id)
    return _service_page(department, found, ServiceForm(formdata=None, obj=found), NamedForm(formdata=None))


def _service_page(department: Department, found: Service, form: ServiceForm, named_form: NamedForm) -> str:
    named = read.named_for(found.id)
    return render_template("desk/service.html", department=department, service=found, form=form, named_form=named_form, named=named)


@bp.post("/services/<key>/<int:service_id>")
@policy.allow(Desk.MANAGE)
def save_service(key: str, service_id: int) -> Any:
    """Store the words of a service."""
    department, found = service_in(key, service_id)
    form = ServiceForm()
    if not form.validate():
        return _service_page(department, found, form, NamedForm(formdata=None)), 422
    values = {name: bool(form[name].data) if name in write.TICKS else form[name].data or "" for name in (*write.WORDS, *write.TICKS)}
    write.edit_service(found, values, actor=policy.current(), now=clock.now())
    tell(_("Saved."))
    return see_other("desk.services", key=key)


@bp.post("/services/<key>/<int:service_id>/named")
@policy.allow(Desk.MANAGE)
def name_somebody(key: str, service_id: int) -> Any:
    """Name somebody for confidential requests."""
    (department, found), form = service_in(key, service_id), NamedForm()
    try:
        if form.validate():
            person = persons.person_meant(policy.current(), str(form.person.data), field="person")
            write.name_fulfiller(found, person or 0, actor=policy.current(), now=clock.now())
            return see_other("desk.service", key=key, service_id=service_id)
    except Refusal as refusal:
        form.complain("person", str(refusal.message))
    return _service_page(department, found, ServiceForm(formdata=None, obj=found), form), 422


@bp.post("/services/<key>/<int:service_id>/named/<int:person_id>/remove")
@policy.allow(Desk.MANAGE)
def unname_somebody(key: str, service_id: int, person_id: int) -> Any:
    """Take somebody off the list."""
    (department, found), form = service_in(key, service_id), NamedForm(formdata=None)
    try:
        write.unname_fulfiller(found, person_id if person_id < 2**31 else 0, actor=policy.current(), now=clock.now())
    except Refusal as refusal:
        form.complain("person", str(refusal.message))
        return _service_page(department, found, ServiceForm(formdata=None, obj=found), form), 422
    return see_other("desk.service", key=key, service_id=service_id)


# -- promises ----------------------------------------------------------------------------------------------------------


@bp.get("/services/<key>/<int:service_id>/promise")
@policy.allow(Desk.MANAGE)
def promise_of(key: str, service_id: int) -> str:
    """What a service promises now, to change it."""
    department, found = service_in(key, service_id)
    newest = promises.current_version(found.id)
    return _promise_page(department, found, filled(newest.targets, newest.version))


def _promise_page(department: Department, found: Service, form: PromiseForm, trial: dry_run.DryRun | None = None) -> str:
    history = read.versions_of(found.id)
    return render_template("desk/promise.html", department=department, service=found, form=form, trial=trial, history=history, words_of=_words_of)


@bp.post("/services/<key>/<int:service_id>/promise")
@policy.allow(Desk.MANAGE)
def save_promise(key: str, service_id: int) -> Any:
    """Look at what a new promise would do, or save it, for new requests alone or for open ones, too."""
    (department, found), form, now = service_in(key, service_id), PromiseForm(), clock.now()
    if not form.validate() or not _is_ordered(form):
        return _promise_page(department, found, form), 422
    if request.form.get("do") not in ("save", "apply"):
        return _promise_page(department, found, form, dry_run.for_promise(found, form.targets(), now))
    return _promised(key, found, form, now)


def _promised(key: str, found: Service, form: PromiseForm, now: datetime) -> Response:
    follow = request.form.get("do") == "apply"
    write.promise_anew(found, form.targets(), seen_version=form.seen_version.data or 0, apply_to_open=follow, actor=policy.current(), now=now)
    tell(_("Saved. Open requests follow in a moment.") if follow else _("Saved. It holds for new requests; open ones keep what they were promised."))
    return see_other("desk.services", key=key)


def _is_ordered(form: PromiseForm) -> bool:
    """The end never comes before the first answer."""
    for level, row in form.targets().items():
        if row["resolution"] is not None and row["resolution"] < row["first_response"]:
            form.complain(f"{level}_end", _("It cannot be solved before the first answer. Give it at least as long."))
    return not form.problems()


@bp.post("/services/<key>/hours")
@policy.allow(Desk.MANAGE)
def follow_hours(key: str) -> Any:
    """Let the open requests of a department follow its newest working hours."""
    department = managed(key)
    version_id = calendars.department_version(department.id)
    if str(version_id) != request.form.get("version"):
        raise Conflict(say("The working hours were changed a moment ago. Have a look at what that would do first."))
    write.follow_hours(department.id, version_id=version_id, actor=policy.current(), now=clock.now())
    tell(_("Open requests follow the newest working hours in a moment."))
    return see_other("desk.services", key=key)
