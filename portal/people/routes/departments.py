"""Departments: what each does for others, who leads, who serves, and when."""

from typing import Any

from flask import render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.kernel import clock, policy, slots
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.web import see_other, tell
from portal.people import calendars, rules
from portal.people.actions import departments
from portal.people.forms.organisation import MemberForm, VoiceForm
from portal.people.models import Department
from portal.people.policy import People, find_department, is_administrator, may_lead
from portal.people.queries import departments as departments_read
from portal.people.queries import hours, persons
from portal.people.routes._blueprint import bp


@bp.get("/departments")
@policy.allow(People.READ)
def departments_list() -> str:
    """Every department with its value line."""
    return render_template("people/departments.html", rows=departments_read.all_departments(), administrator=is_administrator(policy.current()))


@bp.get("/departments/<key>")
@policy.allow(People.READ)
def department(key: str) -> str:
    """One department's page; features add what it offers."""
    actor, now = policy.current(), clock.now()
    found = find_department(actor, key)
    today = rules.today_in(actor.zone, now)
    version = calendars.version(calendars.department_version(found.id))
    return render_template(
        "people/department.html",
        page=departments_read.page_of(actor, found, today),
        version=version,
        week=hours.week(version),
        ahead=[day for day in hours.days_ahead(calendars.work_calendar(version.id), version, today, 21) if day.kind],
        open_now=calendars.work_calendar(version.id).is_open(now),
        may_lead=may_lead(actor, found),
        administrator=is_administrator(actor),
        parts=slots.fill("department.main", actor, department_id=found.id, key=found.key),
    )


@bp.get("/departments/<key>/edit")
@policy.allow(People.LEAD)
def edit_department_voice(key: str) -> str:
    """The form of what a department says about itself."""
    found = find_department(policy.current(), key, to=People.LEAD)
    return _edit_page(found, VoiceForm(formdata=None, obj=found), MemberForm(formdata=None))


@bp.post("/departments/<key>/edit")
@policy.allow(People.LEAD)
def save_department_voice(key: str) -> Any:
    """Store value line, phone and address."""
    actor, form = policy.current(), VoiceForm()
    found = find_department(actor, key, to=People.LEAD)
    try:
        if form.validate():
            voice = departments.DepartmentVoice(str(form.value_line.data), form.email.data or None, form.phone.data or None)
            departments.edit_voice(found, voice, actor=actor, now=clock.now())
            tell(_("Saved."))
            return see_other("people.department", key=key)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return _edit_page(found, form, MemberForm(formdata=None)), 422


def _edit_page(found: Department, form: VoiceForm, member: MemberForm) -> str:
    today = rules.today_in(policy.current().zone, clock.now())
    page = departments_read.page_of(policy.current(), found, today)
    return render_template("people/department_edit.html", form=form, member=member, page=page)


@bp.post("/departments/<key>/people")
@policy.allow(People.LEAD)
def add_member(key: str) -> Any:
    """Name a deputy or a fulfiller."""
    actor, form = policy.current(), MemberForm()
    found = find_department(actor, key, to=People.LEAD)
    try:
        if form.validate():
            person_id = persons.person_meant(actor, str(form.person.data), field="person")
            _add(found, request.form.get("part", ""), int(person_id or 0))
            tell(_("Named."))
            return see_other("people.edit_department_voice", key=key)
    except Refusal as refusal:
        form.complain("person", str(refusal.message))
    return _edit_page(found, VoiceForm(formdata=None, obj=found), form), 422


def _add(found: Department, part: str, person_id: int) -> None:
    actor, now = policy.current(), clock.now()
    if part == "deputy":
        departments.set_deputies(found, departments_read.deputy_ids(found.id) | {person_id}, actor=actor, now=now)
    elif part == "fulfiller":
        departments.add_fulfiller(found, person_id, actor=actor, now=now)
    else:
        raise NotFound()


@bp.post("/departments/<key>/people/<int:person_id>")
@policy.allow(People.LEAD)
def change_member(key: str, person_id: int) -> Response:
    """Take a deputy or fulfiller off the list, or off duty and on again."""
    actor, now = policy.current(), clock.now()
    found = find_department(actor, key, to=People.LEAD)
    match request.form.get("do", ""):
        case "undeputise":
            departments.set_deputies(found, departments_read.deputy_ids(found.id) - {person_id}, actor=actor, now=now)
        case "remove":
            departments.remove_fulfiller(found, person_id, actor=actor, now=now)
        case "on" | "off" as duty:
            departments.set_duty(found, person_id, duty == "on", actor=actor, now=now)
        case _other:
            raise NotFound()
    tell(_("Saved."))
    return see_other("people.edit_department_voice", key=key)
