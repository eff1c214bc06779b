"""Who works here: the directory, the organisation, suggestions while typing."""

from typing import Any

from flask import Response, render_template, request, url_for
from markupsafe import Markup

from portal.contracts.people import DirectoryExported
from portal.kernel import clock, export, policy
from portal.people import rules
from portal.people.forms.persons import DirectoryFilter
from portal.people.models import Department
from portal.people.policy import People, find_department, is_keeper
from portal.people.queries import departments, persons, sheets
from portal.people.routes._blueprint import bp


@bp.get("/people")
@policy.allow(People.READ)
def directory() -> str:
    """People by name, skill or what they can be asked about; a page at a time."""
    actor, (chosen, narrowed) = policy.current(), _narrowed()
    left, text = narrowed["left"], narrowed["text"]
    page = persons.directory(actor, **narrowed, cursor=request.args.get("at"), today=rules.today_in(actor.zone, clock.now()))
    kept: dict[str, Any] = {"q": text or None, "department": chosen.key if chosen else None, "left": "y" if left else None}
    addresses = {"address": lambda **values: url_for("people.directory", **{**kept, **values}), "file": url_for("people.directory_csv", **kept)}
    shown = {"page": page, "text": text, "chosen": chosen, "left": left, "keeper": is_keeper(actor), "departments": departments.all_departments()}
    return render_template("people/directory.html", **shown, **addresses)


@bp.get("/people.csv")
@policy.allow(People.READ)
def directory_csv() -> Response:
    """The same people as a file for a spreadsheet."""
    actor, now, (_chosen, narrowed) = policy.current(), clock.now(), _narrowed()
    return export.answer(sheets.directory(actor, narrowed, today=rules.today_in(actor.zone, now)), DirectoryExported, actor=actor, now=now)


def _narrowed() -> tuple[Department | None, dict[str, Any]]:
    """The department of the address, and everything the list is narrowed to; who left is for keepers."""
    actor, form = policy.current(), DirectoryFilter.from_address()
    chosen = find_department(actor, form.department.data) if form.department.data else None
    return chosen, {"text": str(form.q.data or ""), "department_id": chosen.id if chosen else None, "left": bool(form.left.data) and is_keeper(actor)}


@bp.get("/people/suggest")
@policy.allow(People.READ)
def suggest() -> str:
    """At most ten ``<option>`` lines for a field that wants a person."""
    found = persons.suggestions(policy.current(), request.args.get("q", "")[:100])
    return Markup("\n").join(Markup('<option value="{}">{}</option>').format(value, words) for value, words in found)


@bp.get("/organisation")
@policy.allow(People.READ)
def organisation() -> str:
    """Departments as they hang below each other; the people of one come when it is opened."""
    return render_template("people/organisation.html", roots=departments.tree(departments.all_departments()))


@bp.get("/organisation/<key>/people")
@policy.allow(People.READ)
def organisation_people(key: str) -> str:
    """The people of one department, as a part of the tree."""
    actor = policy.current()
    department = find_department(actor, key)
    return render_template("people/_parts/members.html", department=department, members=departments.members_of(actor, department.id))
