"""The record of changes: who did what to which thing, when."""

from typing import Any

from flask import Response, render_template, request, url_for

from portal.admin.forms import ChangesFilter
from portal.admin.policy import Admin
from portal.admin.queries import changes as read
from portal.admin.queries.changes import Wanted
from portal.admin.routes._blueprint import bp
from portal.kernel import clock, csvsafe, export, observe, policy
from portal.kernel.errors import Refusal
from portal.people.queries.persons import person_meant

NAMES = ("who", "event", "kind", "number", "since", "until")


@bp.get("/administration/changes")
@policy.allow(Admin.RECORD)
def changes() -> str:
    """The newest first, with filters in the address."""
    form = ChangesFilter.of_address()
    wanted, unknown = _wanted(form)
    page = read.changes(policy.current(), wanted, request.args.get("at")) if unknown is None else None
    return render_template("admin/changes.html", form=form, page=page, unknown=unknown, asked=_asked(form), meanings=read.meanings(), without=_without)


@bp.get("/administration/changes.csv")
@policy.allow(Admin.RECORD)
def changes_csv() -> Response:
    """The same record as a table for a spreadsheet; that it was taken is noted."""
    actor = policy.current()
    wanted, unknown = _wanted(ChangesFilter.of_address())
    observe.note("admin.changes.exported", person_id=actor.person_id, subject=("people.person", actor.person_id or 0), at=clock.now(), every=0)
    rows = read.export(actor, wanted) if unknown is None else iter([read.HEAD])
    return export.download(export.gathered(csvsafe.write(rows)), "changes.csv", actor=actor)


def _wanted(form: ChangesFilter) -> tuple[Wanted, str | None]:
    """The filters as they are asked for, and a sentence when nobody is called so."""
    try:
        person_id = person_meant(policy.current(), form.who.data or "")
    except Refusal as refusal:
        return Wanted(), str(refusal.message)
    return (
        Wanted(
            person_id=person_id,
            event=form.event.data or "",
            subject_kind=form.kind.data or "",
            subject_id=form.number.data,
            since=form.since.data,
            until=form.until.data,
        ),
        None,
    )


def _asked(form: ChangesFilter) -> dict[str, Any]:
    """The filters that are set, as they stand in the address."""
    return {name: str(form[name].data) for name in NAMES if form[name].data not in (None, "", "None")}


def _without(asked: dict[str, Any], *names: str) -> str:
    return url_for("admin.changes", **{name: value for name, value in asked.items() if name not in names})
