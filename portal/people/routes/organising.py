"""Administration of departments and locations."""

from typing import Any

from flask import render_template, url_for
from flask_babel import gettext as _

from portal.kernel import clock, policy
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.web import see_other, tell
from portal.people.actions import calendars, departments
from portal.people.forms.organisation import DepartmentForm, LocationForm
from portal.people.forms.persons import offer
from portal.people.models import Department, Location
from portal.people.policy import People, find_department, find_location, find_person_by_id
from portal.people.queries import departments as departments_read
from portal.people.queries import hours, persons
from portal.people.routes._blueprint import bp

LATER_ID = 2**62


@bp.get("/administration/departments/add")
@policy.allow(People.ADMINISTER)
def add_department() -> str:
    """The form for a new department."""
    return _department_form(_offered(DepartmentForm(formdata=None)), None)


@bp.post("/administration/departments/add")
@policy.allow(People.ADMINISTER)
def add_department_now() -> Any:
    """Add a department."""
    form = _offered(DepartmentForm())
    try:
        if form.validate():
            department = departments.add_department(_facts(form), actor=policy.current(), now=clock.now())
            tell(_("%(name)s is added.", name=department.name))
            return see_other("people.department", key=department.key)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return _department_form(form, None), 422


@bp.get("/administration/departments/<key>")
@policy.allow(People.ADMINISTER)
def edit_department(key: str) -> str:
    """The form about a department."""
    department = find_department(policy.current(), key, to=People.ADMINISTER)
    form = _offered(DepartmentForm(formdata=None, obj=department))
    lead = find_person_by_id(policy.current(), department.lead_id) if department.lead_id else None
    form.lead.data = persons.shown(lead)
    return _department_form(form, department)


@bp.post("/administration/departments/<key>")
@policy.allow(People.ADMINISTER)
def save_department(key: str) -> Any:
    """Change name, place in the tree, lead, hours or location."""
    department, form = find_department(policy.current(), key, to=People.ADMINISTER), _offered(DepartmentForm())
    try:
        if form.validate():
            departments.edit_department(department, _facts(form), actor=policy.current(), now=clock.now())
            tell(_("Saved."))
            return see_other("people.department", key=key)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return _department_form(form, department), 422


def _offered(form: DepartmentForm) -> DepartmentForm:
    offer(form.parent_id, departments_read.choices())
    offer(form.calendar_id, hours.calendar_choices())
    offer(form.location_id, [(place.id, place.name) for place in hours.all_locations()])
    return form


def _facts(form: DepartmentForm) -> departments.DepartmentFacts:
    lead_id = persons.person_meant(policy.current(), str(form.lead.data or ""), field="lead")
    return departments.DepartmentFacts(str(form.name.data), form.parent_id.data, lead_id, form.calendar_id.data, form.location_id.data)


def _department_form(form: DepartmentForm, department: Department | None) -> str:
    return render_template("people/keep/department_form.html", form=form, department=department, suggest=url_for("people.suggest"))


# -- locations -------------------------------------------------------------------------------------------------------


@bp.get("/administration/locations/add")
@policy.allow(People.ADMINISTER)
def add_location() -> str:
    """The form for a new location."""
    return render_template("people/keep/location_form.html", form=LocationForm(formdata=None), location=None)


@bp.post("/administration/locations/add")
@policy.allow(People.ADMINISTER)
def add_location_now() -> Any:
    """Add a location."""
    return _save_location(None)


@bp.get("/administration/locations/<int:location_id>")
@policy.allow(People.ADMINISTER)
def edit_location(location_id: int) -> str:
    """The form about a location."""
    location = _location(location_id)
    return render_template("people/keep/location_form.html", form=LocationForm(formdata=None, obj=location), location=location)


@bp.post("/administration/locations/<int:location_id>")
@policy.allow(People.ADMINISTER)
def save_location(location_id: int) -> Any:
    """Change a location."""
    return _save_location(_location(location_id))


def _location(location_id: int) -> Location:
    if location_id > LATER_ID:
        raise NotFound()
    return find_location(policy.current(), location_id)


def _save_location(location: Location | None) -> Any:
    form = LocationForm()
    try:
        if form.validate():
            words = (str(form.name.data), str(form.zone.data), (form.country.data or "").upper() or None, (form.subdivision.data or "").upper() or None)
            calendars.save_location(location, calendars.LocationFacts(*words, str(form.address.data or "")), actor=policy.current(), now=clock.now())
            tell(_("Saved."))
            return see_other("people.working_hours")
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return render_template("people/keep/location_form.html", form=form, location=location), 422
