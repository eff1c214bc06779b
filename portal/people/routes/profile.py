"""Profiles: everybody's page, one's own to edit, and absence."""

from typing import Any

from flask import current_app, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.kernel import clock, policy, slots
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.web import see_other, tell
from portal.people import rules
from portal.people.actions import absences, persons
from portal.people.forms.persons import AbsenceForm, ProfileForm
from portal.people.models import Person
from portal.people.policy import People, find_absence, find_person, find_person_by_id, may_keep, may_plan_absence
from portal.people.queries import persons as persons_read
from portal.people.routes._blueprint import bp

LATER_ID = 2**62


@bp.get("/people/<staff_number>")
@policy.allow(People.READ)
def profile(staff_number: str) -> str:
    """One person's page."""
    actor, now = policy.current(), clock.now()
    person = find_person(actor, staff_number)
    around = persons_read.around(actor, person, rules.today_in(actor.zone, now), current_app.extensions["settings"].zone)
    return render_template(
        "people/profile.html",
        person=person,
        around=around,
        own=person.id == actor.person_id,
        keeper=may_keep(actor, person),
        may_plan=may_plan_absence(actor, person),
        local=persons_read.local_time(around.zone, now),
        tabs=slots.fill("profile.tabs", actor, person_id=person.id, staff_number=person.staff_number),
    )


@bp.get("/account/profile")
@policy.allow(People.SELF)
def own_profile() -> Response:
    """Lead to one's own page."""
    return see_other("people.profile", staff_number=_me().staff_number)


@bp.get("/account/profile/edit")
@policy.allow(People.SELF)
def edit_profile() -> str:
    """The form about oneself."""
    person = _me()
    return render_template("people/profile_edit.html", form=ProfileForm(formdata=None, obj=person), person=person)


@bp.post("/account/profile/edit")
@policy.allow(People.SELF)
def save_profile() -> Any:
    """Store what one says about oneself."""
    form, person = ProfileForm(), _me()
    try:
        if form.validate():
            persons.edit_profile(person, _profile(form), actor=policy.current(), now=clock.now())
            tell(_("Saved."))
            return see_other("people.profile", staff_number=person.staff_number)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return render_template("people/profile_edit.html", form=form, person=person), 422


def _profile(form: ProfileForm) -> persons.Profile:
    values = {name: form[name].data for name in persons.Profile.__dataclass_fields__}
    return persons.Profile(**values | {"zone": values["zone"] or None, "locale": values["locale"] or None})


def _me() -> Person:
    return find_person_by_id(policy.current(), int(policy.current().person_id or 0), to=People.SELF)


# -- absence ---------------------------------------------------------------------------------------------------------


@bp.get("/people/<staff_number>/absence")
@policy.allow(People.PLAN)
def absence(staff_number: str) -> str:
    """The days somebody is away, and the form to plan some."""
    person = find_person(policy.current(), staff_number, to=People.PLAN)
    return _absence_page(person, AbsenceForm(formdata=None))


@bp.post("/people/<staff_number>/absence")
@policy.allow(People.PLAN)
def plan_absence(staff_number: str) -> Any:
    """Plan an absence."""
    actor, now, form = policy.current(), clock.now(), AbsenceForm()
    person = find_person(actor, staff_number, to=People.PLAN)
    try:
        if form.validate():
            stands_in = persons_read.person_meant(actor, str(form.stands_in.data or ""), field="stands_in")
            days = (form.first_day.data, form.last_day.data)
            absences.plan_absence(person, *days, stands_in_id=stands_in, actor=actor, today=rules.today_in(actor.zone, now), now=now)
            tell(_("Planned. Colleagues see when you are back.") if person.id == actor.person_id else _("Planned."))
            return see_other("people.absence", staff_number=staff_number)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return _absence_page(person, form), 422


@bp.post("/people/absence/<int:absence_id>/cancel")
@policy.allow(People.PLAN)
def cancel_absence(absence_id: int) -> Response:
    """Take a plan away."""
    if absence_id > LATER_ID:
        raise NotFound()
    planned, person = find_absence(policy.current(), absence_id)
    absences.cancel_absence(planned, person, actor=policy.current(), now=clock.now())
    tell(_("Taken away."))
    return see_other("people.absence", staff_number=person.staff_number)


def _absence_page(person: Person, form: AbsenceForm) -> str:
    actor = policy.current()
    today = rules.today_in(actor.zone, clock.now())
    planned = persons_read.coming_absences(person.id, today)
    names = persons_read.rows_of([p.stands_in_id or 0 for p in planned], today)
    return render_template(
        "people/absence.html", person=person, form=form, planned=planned, names=names, own=person.id == actor.person_id, suggest=url_for("people.suggest")
    )
