"""Administration > Working hours: calendars as versions, with a look at the next fourteen days before anything is saved."""

from typing import Any

from flask import render_template, request
from flask_babel import gettext as _

from portal.kernel import clock, policy, slots
from portal.kernel.errors import NotFound, Refusal
from portal.kernel.web import see_other, tell
from portal.people import calendars as stored
from portal.people import rules
from portal.people.actions import calendars
from portal.people.forms.organisation import HoursForm, read_hours, read_overrides, written_overrides, written_spans
from portal.people.models import Calendar, CalendarVersion
from portal.people.policy import People, find_calendar
from portal.people.queries import hours
from portal.people.routes._blueprint import bp

LATER_ID = 2**62


@bp.get("/administration/working-hours")
@policy.allow(People.ADMINISTER)
def working_hours() -> str:
    """All working hours and locations."""
    return render_template("people/keep/working_hours.html", calendars=hours.all_calendars(), locations=hours.all_locations())


@bp.get("/administration/working-hours/add")
@policy.allow(People.ADMINISTER)
def add_hours() -> str:
    """The form for new working hours."""
    form = HoursForm(formdata=None, **{f"day{day}": "9:00-17:00" for day in range(5)})
    form.zone.data = policy.current().zone
    return _page(form, None)


@bp.post("/administration/working-hours/add")
@policy.allow(People.ADMINISTER)
def add_hours_now() -> Any:
    """Look at new working hours, or save them."""
    return _handle(None)


@bp.get("/administration/working-hours/<int:calendar_id>")
@policy.allow(People.ADMINISTER)
def edit_hours(calendar_id: int) -> str:
    """The newest version of some working hours, to change."""
    calendar = _calendar(calendar_id)
    return _page(_filled(stored.current_version(calendar.id)), calendar)


@bp.post("/administration/working-hours/<int:calendar_id>")
@policy.allow(People.ADMINISTER)
def save_hours(calendar_id: int) -> Any:
    """Look at changed working hours, or save them as a new version."""
    return _handle(_calendar(calendar_id))


def _calendar(calendar_id: int) -> Calendar:
    if calendar_id > LATER_ID:
        raise NotFound()
    return find_calendar(policy.current(), calendar_id)


def _filled(version: CalendarVersion) -> HoursForm:
    form = HoursForm(formdata=None, zone=version.zone, country=version.country, subdivision=version.subdivision)
    for field in form.week():
        field.data = written_spans(version.hours.get(field.name.removeprefix("day"), []))
    form.overrides.data = written_overrides(version.overrides)
    form.seen_version.data = version.version
    return form


def _handle(calendar: Calendar | None) -> Any:
    form = HoursForm()
    try:
        if form.validate():
            wanted = _read(form)
            if calendar is None and not form.name.data:
                form.complain("name", _("A name is needed."))
            elif request.form.get("do") == "save":
                _save(calendar, form, wanted)
                return see_other("people.working_hours")
            else:
                return _page(form, calendar, wanted), 200
    except Refusal as refusal:
        form.complain(refusal.field or "day0", str(refusal.message))
    return _page(form, calendar), 422


def _read(form: HoursForm) -> calendars.Hours:
    country, region = ((form[name].data or "").upper() or None for name in ("country", "subdivision"))
    return calendars.Hours(str(form.zone.data), read_hours(form), country, region if country else None, read_overrides(form))


def _save(calendar: Calendar | None, form: HoursForm, wanted: calendars.Hours) -> None:
    actor, now = policy.current(), clock.now()
    if calendar is None:
        calendars.add_calendar(str(form.name.data), wanted, actor=actor, now=now)
    else:
        calendars.change_calendar(calendar, wanted, seen_version=int(form.seen_version.data or 0), actor=actor, now=now)
    tell(_("Saved. Promises made from now on follow these hours."))


def _page(form: HoursForm, calendar: Calendar | None, wanted: calendars.Hours | None = None) -> str:
    preview, parts = None, []
    if wanted is not None:
        actor, now = policy.current(), clock.now()
        candidate = calendars.candidate(wanted, now)
        holidays = stored.public_holidays(wanted.country, wanted.subdivision, now)
        version = CalendarVersion(country=wanted.country, subdivision=wanted.subdivision, holidays=holidays, overrides=wanted.overrides, zone=wanted.zone)
        preview = hours.days_ahead(candidate, version, rules.today_in(wanted.zone, now), 14)
        parts = slots.fill("calendar.preview", actor, calendar_id=calendar.id if calendar else None, candidate=candidate)
    history = hours.history(calendar.id) if calendar else []
    return render_template("people/keep/hours_form.html", form=form, calendar=calendar, preview=preview, parts=parts, history=history, wanted=wanted)
