"""Importing people: choose a file, look at what it would do, confirm, and watch it being written."""

from typing import Any

from flask import Response, render_template, request
from flask_babel import gettext as _

from portal.kernel import clock, csvsafe, policy, unit_of_work
from portal.kernel.errors import NotFound, PortalError
from portal.kernel.messages import Message
from portal.kernel.web import own_units, see_other, tell
from portal.people import importing
from portal.people.actions import imports
from portal.people.forms.imports import ImportForm
from portal.people.models import ImportRun
from portal.people.policy import People
from portal.people.queries import imports as imports_read
from portal.people.routes._blueprint import bp

LATER_ID = 2**62


@bp.get("/administration/import")
@policy.allow(People.IMPORT)
def import_people() -> str:
    """The form for a people file, and earlier imports."""
    return _start_page(ImportForm(formdata=None))


@bp.post("/administration/import")
@policy.allow(People.IMPORT)
@own_units
def read_people() -> Any:
    """Read a file and show what it would do; nothing about people is written."""
    form, actor, now = ImportForm(), policy.current(), clock.now()
    if not form.validate():
        return _start_page(form), 422
    try:
        received = imports.receive(form.file.data.stream, form.file.data.filename or "people.csv")
        missing = bool(form.leave_missing.data)
        plan = imports.look(received, leave_missing=missing, actor=actor, now=now)
        run_id = unit_of_work.run(lambda: imports.keep_preview(received, plan, leave_missing=missing, actor=actor, now=now).id)
    except PortalError as problem:
        if problem.status >= 500:
            raise
        form.complain("file", str(problem.message))
        return _start_page(form), 422
    return see_other("people.import_run", run_id=run_id)


def _start_page(form: ImportForm) -> str:
    return render_template("people/import/start.html", form=form, recent=imports_read.recent(), columns=importing.COLUMNS, limit=importing.LARGEST // 1_000_000)


@bp.get("/administration/import/template.csv")
@policy.allow(People.IMPORT)
def import_template() -> Response:
    """A file to start from: every column, three example rows."""
    return _csv("people.csv", [list(importing.COLUMNS), *[list(row) for row in importing.EXAMPLE]])


@bp.get("/administration/import/<int:run_id>")
@policy.allow(People.IMPORT)
def import_run(run_id: int) -> str:
    """What a file would do, how far it is, or what it did."""
    run = _run(run_id)
    refused = [(row.line, row.staff_number, Message(row.reason["text"], row.reason["params"])) for row in imports_read.refusals(run.id, 100)]
    part = request.headers.get("HX-Request") == "true"
    return render_template("people/import/_progress.html" if part else "people/import/run.html", run=run, plan=run.preview or {}, refused=refused)


@bp.post("/administration/import/<int:run_id>/confirm")
@policy.allow(People.IMPORT)
def confirm_import(run_id: int) -> Any:
    """Hand the file to the worker."""
    imports.confirm(_run(run_id), actor=policy.current(), now=clock.now())
    return see_other("people.import_run", run_id=run_id)


@bp.post("/administration/import/<int:run_id>/discard")
@policy.allow(People.IMPORT)
def discard_import(run_id: int) -> Any:
    """Put a preview away."""
    imports.discard(_run(run_id), now=clock.now())
    tell(_("Put away. Nothing was written."))
    return see_other("people.import_people")


@bp.get("/administration/import/<int:run_id>/refused.csv")
@policy.allow(People.IMPORT)
def refused_rows(run_id: int) -> Response:
    """The refused lines with their reasons."""
    run = _run(run_id)
    refused = [importing.Refused(r.line, r.staff_number, Message(r.reason["text"], r.reason["params"])) for r in imports_read.refusals(run.id)]
    return _csv(f"refused-{run.id}.csv", list(importing.refused_rows(refused)))


def _csv(name: str, rows: Any) -> Response:
    return Response(csvsafe.write(rows), mimetype="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _run(run_id: int) -> ImportRun:
    if run_id > LATER_ID:
        raise NotFound()
    return imports_read.run_of(run_id)
