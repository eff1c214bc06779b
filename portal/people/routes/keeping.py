"""Administration of persons and their roles, for HR and administrators."""

from typing import Any

from flask import render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.kernel import clock, policy
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.web import see_other, tell
from portal.people import rules
from portal.people.actions import accounts, persons, roles
from portal.people.forms._choices import options
from portal.people.forms.persons import ROLES, PersonForm, RoleForm, offer
from portal.people.models import Kind, Person, Role
from portal.people.policy import People, find_grant, find_person, find_person_by_id, grantable, is_administrator
from portal.people.queries import administration, departments, hours
from portal.people.queries import persons as persons_read
from portal.people.routes import _door
from portal.people.routes._blueprint import bp

LATER_ID = 2**62


@bp.get("/administration/people")
@policy.allow(People.KEEP)
def people_and_groups() -> str:
    """Where people, departments and roles are kept."""
    today = rules.today_in(policy.current().zone, clock.now())
    return render_template(
        "people/keep/index.html",
        holders=administration.holders(today),
        roles=ROLES,
        departments=departments.all_departments(),
        administrator=is_administrator(policy.current()),
    )


@bp.get("/administration/people/add")
@policy.allow(People.KEEP)
def add_person() -> str:
    """The form for somebody new."""
    return _person_form(_offered(PersonForm(formdata=None)), None)


@bp.post("/administration/people/add")
@policy.allow(People.KEEP)
def add_person_now() -> Any:
    """Add somebody."""
    form = _offered(PersonForm())
    try:
        if form.validate():
            person = persons.add_person(_facts(form), actor=policy.current(), now=clock.now())
            tell(_("%(name)s is added. Invite them when they should come in.", name=person.name))
            return see_other("people.keep_person", staff_number=person.staff_number)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return _person_form(form, None), 422


@bp.get("/administration/people/<staff_number>")
@policy.allow(People.KEEP)
def keep_person(staff_number: str) -> str:
    """One person as HR and administrators see them."""
    return _keep_page(find_person(policy.current(), staff_number, to=People.KEEP), _role_form(RoleForm(formdata=None)))


def _keep_page(person: Person, form: RoleForm, link: str | None = None) -> str:
    now = clock.now()
    today = rules.today_in(policy.current().zone, now)
    return render_template(
        "people/keep/person.html",
        person=person,
        row=persons_read.rows_of([person.id], today)[person.id],
        form=form,
        grants=administration.grants_of(person.id),
        door=administration.door_of(person.id, now),
        roles=ROLES,
        link=link,
    )


@bp.get("/administration/people/<staff_number>/edit")
@policy.allow(People.KEEP)
def edit_person(staff_number: str) -> str:
    """The form about a person."""
    person = find_person(policy.current(), staff_number, to=People.KEEP)
    form = _offered(PersonForm(formdata=None, obj=person))
    manager = find_person_by_id(policy.current(), person.manager_id) if person.manager_id else None
    form.manager.data = persons_read.shown(manager)
    return _person_form(form, person)


@bp.post("/administration/people/<staff_number>/edit")
@policy.allow(People.KEEP)
def save_person(staff_number: str) -> Any:
    """Change what the company says about somebody."""
    person, form = find_person(policy.current(), staff_number, to=People.KEEP), _offered(PersonForm())
    try:
        if form.validate():
            persons.edit_person(person, _facts(form), actor=policy.current(), now=clock.now())
            tell(_("Saved."))
            return see_other("people.keep_person", staff_number=person.staff_number)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return _person_form(form, person), 422


def _person_form(form: PersonForm, person: Person | None) -> str:
    return render_template("people/keep/person_form.html", form=form, person=person, suggest=url_for("people.suggest"))


def _offered(form: PersonForm) -> PersonForm:
    offer(form.department_id, departments.choices())
    offer(form.location_id, [(place.id, place.name) for place in hours.all_locations()])
    return form


def _facts(form: PersonForm) -> persons.Facts:
    manager_id = persons_read.person_meant(policy.current(), str(form.manager.data or ""), field="manager")
    values = {name: form[name].data for name in persons.Facts.__dataclass_fields__ if name in form}
    empty_is_none = {name: values[name] or None for name in ("email", "zone", "locale")}
    return persons.Facts(**values | empty_is_none | {"manager_id": manager_id, "kind": Kind(values["kind"])})


# -- coming and going ------------------------------------------------------------------------------------------------


@bp.post("/administration/people/<staff_number>/invite")
@policy.allow(People.KEEP)
def invite(staff_number: str) -> Any:
    """Send a link to choose a password; for people without an address show it once."""
    person = find_person(policy.current(), staff_number, to=People.KEEP)
    link = accounts.invite(person, actor=policy.current(), now=clock.now())
    if link is not None:
        return _keep_page(person, _role_form(RoleForm(formdata=None)), link)
    tell(_("The invitation to %(name)s is on its way. It works for 24 hours.", name=person.first_name))
    return see_other("people.keep_person", staff_number=staff_number)


@bp.get("/administration/people/<staff_number>/leave")
@policy.allow(People.KEEP)
def leaving(staff_number: str) -> str:
    """What happens when somebody leaves, with the button that does it."""
    person = find_person(policy.current(), staff_number, to=People.KEEP)
    return render_template("people/keep/leaving.html", person=person)


@bp.post("/administration/people/<staff_number>/leave")
@policy.allow(People.KEEP)
def leave(staff_number: str) -> Response:
    """Somebody has left."""
    person = find_person(policy.current(), staff_number, to=People.KEEP)
    persons.deactivate(person, actor=policy.current(), now=clock.now())
    tell(_("%(name)s has left: signed out everywhere, off every list.", name=person.name))
    return see_other("people.keep_person", staff_number=staff_number)


@bp.post("/administration/people/<staff_number>/return")
@policy.allow(People.KEEP)
def come_back(staff_number: str) -> Response:
    """Somebody works here again."""
    person = find_person(policy.current(), staff_number, to=People.KEEP)
    persons.welcome_back(person, actor=policy.current(), now=clock.now())
    tell(_("%(name)s works here again. Roles and lists are given anew.", name=person.name))
    return see_other("people.keep_person", staff_number=staff_number)


@bp.post("/administration/people/<staff_number>/sign-out")
@policy.allow(People.KEEP)
def sign_out_person(staff_number: str) -> Response:
    """End all sessions of somebody, for a lost device."""
    person = find_person(policy.current(), staff_number, to=People.KEEP)
    persons.sign_out_everywhere(person, actor=policy.current(), now=clock.now())
    tell(_("%(name)s is signed out everywhere.", name=person.first_name))
    return see_other("people.keep_person", staff_number=staff_number)


# -- roles -----------------------------------------------------------------------------------------------------------


@bp.post("/administration/people/<staff_number>/roles")
@policy.allow(People.KEEP)
@_door.fresh
def grant_role(staff_number: str) -> Any:
    """Give a role."""
    actor, now, form = policy.current(), clock.now(), _role_form(RoleForm())
    person = find_person(actor, staff_number, to=People.KEEP)
    try:
        if form.validate():
            scope = {"department_id": form.department_id.data, "until": form.until.data}
            roles.grant_role(person, Role(form.role.data), **scope, actor=actor, today=rules.today_in(actor.zone, now), now=now)
            tell(_("Given. It counts at the next sign-in of %(name)s.", name=person.first_name))
            return see_other("people.keep_person", staff_number=staff_number)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return _keep_page(person, form), 422


@bp.post("/administration/roles/<int:grant_id>/end")
@policy.allow(People.KEEP)
@_door.fresh
def end_role(grant_id: int) -> Response:
    """Take a role back."""
    if grant_id > LATER_ID:
        raise NotFound()
    actor = policy.current()
    grant = find_grant(actor, grant_id)
    roles.end_role(grant, actor=actor, now=clock.now())
    tell(_("Taken back."))
    person = find_person_by_id(actor, grant.person_id)
    return see_other("people.keep_person", staff_number=person.staff_number)


def _role_form(form: RoleForm) -> RoleForm:
    form.role.choices = options((role.value, ROLES[role]) for role in grantable(policy.current()))
    offer(form.department_id, departments.choices())
    return form
