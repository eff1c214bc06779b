"""Requests of an earlier desk: choose a file, see what it would do, map its words, confirm, and watch it being taken over."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from flask import Response, current_app, render_template, request
from flask_babel import gettext as _

from portal.contracts.desk import ListExported
from portal.desk.actions import importing as importing_write
from portal.desk.forms.importing import HINTS, ImportForm, import_form
from portal.desk.importing import LARGEST, SOURCE, Options
from portal.desk.importing_columns import STATES
from portal.desk.models import RequestImport
from portal.desk.policy import Desk
from portal.desk.queries import importing as importing_read
from portal.desk.routes._blueprint import bp
from portal.kernel import clock, export, policy, unit_of_work
from portal.kernel.errors import Forbidden, PortalError
from portal.kernel.messages import Message, say
from portal.kernel.settings import Settings
from portal.kernel.web import is_fragment, own_units, see_other, tell


@bp.app_template_global("taken_over")
def taken_over(request_id: int) -> Any:
    """Where a request was taken from, for its page; asked for imported ones only."""
    return importing_read.origin(request_id)


@bp.get("/requests/import")
@policy.allow(Desk.MANAGE)
def import_requests() -> str:
    """The form for a file of an earlier desk, and earlier files."""
    return _start_page(_form(formdata=None, data={"source": SOURCE, "zone": _settings().zone, "department_id": request.args.get("department", type=int)}))


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


def _form(**kwargs: Any) -> ImportForm:
    actor = policy.current()
    places = importing_read.places(actor)
    if not places:
        raise Forbidden(say("Requests can be taken over once a department offers a service."))
    return import_form(places, may_leave_open=actor.has("administrator"), **kwargs)


def _start_page(form: ImportForm) -> str:
    limit = min(LARGEST // 1_000_000, _settings().upload_limit_mb)
    return render_template("desk/import/start.html", form=form, hints=HINTS, recent=importing_read.recent(policy.current()), limit=limit)


@bp.post("/requests/import")
@policy.allow(Desk.MANAGE)
@own_units
def read_requests() -> Any:
    """Keep a file and look at it; no request is written."""
    form, actor, now = _form(), policy.current(), clock.now()
    if not form.validate():
        return _start_page(form), 422
    try:
        received = importing_write.receive(form.file.data.stream, form.file.data.filename or "requests.csv", _settings().upload_limit_mb * 1_000_000)
        import_id = unit_of_work.run(lambda: importing_write.begin(received, form.options(), actor=actor, now=now).id)
        _look(import_id)
    except PortalError as problem:
        if problem.status >= 500:
            raise
        form.complain("file", str(problem.message))
        return _start_page(form), 422
    return see_other("desk.import_run", import_id=import_id)


def _look(import_id: int) -> None:
    """A small file is looked at before the page answers; a large one is left to the worker."""
    if importing_read.file_of(_run(import_id)).size <= importing_write.SOON:
        importing_write.look(import_id, now=clock.now())


@bp.get("/requests/import/<int:import_id>")
@policy.allow(Desk.MANAGE)
def import_run(import_id: int) -> str:
    """What a file would do, how far it is, or what it did."""
    run = _run(import_id)
    if is_fragment():
        return render_template("desk/import/_progress.html", run=run)
    plan, actor = run.preview or {}, policy.current()
    refused = [(line, number, Message(reason["text"], reason["params"])) for line, number, reason in plan.get("refused", ())]
    reason = Message(plan["reason"]["text"], plan["reason"]["params"]) if "reason" in plan else None
    first = [row | {name: row[name] and datetime.fromisoformat(row[name]) for name in ("created", "closed")} for row in plan.get("first", ())]
    places = importing_read.places(actor)
    choices = {"department": places, "service": importing_read.services_of([number for number, _name in places]), "status": _states()}
    made = importing_read.results(run.id) if run.state in ("running", "done", "stopped") else []
    return render_template(
        "desk/import/run.html", run=run, plan=plan | {"first": first}, refused=refused, reason=reason, choices=choices, made=made, states=dict(_states())
    )


def _states() -> list[tuple[str, str]]:
    return list(zip(STATES, (_("open"), _("closed"), _("no longer needed")), strict=True))


def _run(import_id: int) -> RequestImport:
    return importing_read.find_run(policy.current(), import_id)


@bp.post("/requests/import/<int:import_id>/words")
@policy.allow(Desk.MANAGE)
@own_units
def map_words(import_id: int) -> Any:
    """Words of the file mean something else: look once more."""
    options = _mapped(_run(import_id))
    unit_of_work.run(lambda: importing_write.choose(_run(import_id), options, now=clock.now()))
    _look(import_id)
    return see_other("desk.import_run", import_id=import_id)


def _mapped(run: RequestImport) -> Options:
    places = importing_read.places(policy.current())
    words, services = (run.preview or {}).get("words", {}), importing_read.services_of([number for number, _name in places])
    chosen = [dict(_chosen(name, words.get(name, ()), dict(allowed))) for name, allowed in (("department", places), ("service", services))]
    states = {word: state for place, (word, *_rest) in enumerate(words.get("status", ())) if (state := request.form.get(f"status_{place}")) in STATES}
    return importing_write.mapped(Options(**run.options), departments=chosen[0], services=chosen[1], statuses=states)


def _chosen(name: str, words: Any, allowed: dict[int, str]) -> Iterator[tuple[str, int]]:
    for place, (word, *_rest) in enumerate(words):
        number = request.form.get(f"{name}_{place}", type=int)
        if number in allowed:
            yield word, number


@bp.post("/requests/import/<int:import_id>/confirm")
@policy.allow(Desk.MANAGE)
def confirm_requests(import_id: int) -> Any:
    """Hand the file to the worker."""
    importing_write.confirm(_run(import_id), now=clock.now())
    return see_other("desk.import_run", import_id=import_id)


@bp.post("/requests/import/<int:import_id>/continue")
@policy.allow(Desk.MANAGE)
def continue_requests(import_id: int) -> Any:
    """Hand a run that stands still to the worker once more."""
    importing_write.go_on(_run(import_id), now=clock.now())
    return see_other("desk.import_run", import_id=import_id)


@bp.post("/requests/import/<int:import_id>/discard")
@policy.allow(Desk.MANAGE)
def discard_requests(import_id: int) -> Any:
    """Put a preview away."""
    importing_write.discard(_run(import_id), now=clock.now())
    tell(_("Put away. Nothing was written."))
    return see_other("desk.import_requests")


@bp.get("/requests/import/<int:import_id>/refused.csv")
@policy.allow(Desk.MANAGE)
def refused_requests(import_id: int) -> Response:
    """The refused rows as they stand in the file, with line and reason: mend them and import the file once more."""
    run, actor, now = _run(import_id), policy.current(), clock.now()
    sheet = importing_read.refused_sheet(run, importing_write.refused_rows(run, actor, now=now))
    return export.answer(sheet, partial(ListExported, "refused", run.options.get("department_id")), actor=actor, now=now)
