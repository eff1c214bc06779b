"""How a department shares out what comes in: chosen by its leads, with who would be next."""

from typing import Any

from flask import render_template
from flask_babel import gettext as _

from portal.desk.actions import sharing as write
from portal.desk.forms.sharing import HINTS, SharingForm, sharing_form
from portal.desk.policy import Desk
from portal.desk.queries import services as services_read
from portal.desk.queries import sharing as read
from portal.desk.routes._blueprint import bp
from portal.desk.routes.services import managed
from portal.desk.turns import Way
from portal.kernel import clock, policy
from portal.kernel.web import see_other, tell
from portal.people.models import Department


@bp.get("/services/<key>/sharing")
@policy.allow(Desk.MANAGE)
def sharing(key: str) -> str:
    """The way, who takes how much, and who would be next."""
    department = managed(key)
    rule, ways = read.whole_rule(department.id), read.service_ways(department.id)
    members, offered = read.members(department.id, read.today_of(department.id, clock.now())), services_read.offered(department.id)
    values: dict[str, Any] = {"way": (rule.way if rule else Way.HAND).value}
    if rule:
        values |= {"away_days": str(rule.away_days or ""), "returns_idle": rule.returns_idle}
    values |= {f"service_{number}": way.value for number, way in ways.items()}
    for member in members:
        values |= {f"weight_{member.person.id}": member.weight, f"cap_{member.person.id}": member.cap}
    return _page(department, members, offered, sharing_form(members, offered, formdata=None, data=values))


def _page(department: Department, members: list[read.Member], offered: list[tuple[int, str]], form: SharingForm) -> str:
    names = {member.person.id: member.person.first_name for member in members}
    rule = read.whole_rule(department.id)
    shares = rule is not None and rule.way is not Way.HAND
    chosen = write.next_of(rule, read.today_of(department.id, clock.now())) if rule is not None and shares else None
    return render_template(
        "desk/sharing.html",
        department=department,
        form=form,
        members=members,
        offered=offered,
        hints=HINTS,
        shares=shares,
        following=names.get(chosen.person_id) if chosen else None,
        waiting=read.waiting(department.id) if shares else 0,
    )


@bp.post("/services/<key>/sharing")
@policy.allow(Desk.MANAGE)
def save_sharing(key: str) -> Any:
    """Store the way; it holds for what comes in from now on."""
    department, now = managed(key), clock.now()
    members, offered = read.members(department.id, read.today_of(department.id, now)), services_read.offered(department.id)
    form = sharing_form(members, offered)
    if not form.validate():
        return _page(department, members, offered, form), 422
    write.decide(department.id, form.sharing(), actor=policy.current(), now=now)
    tell(_("Saved. It holds for what comes in from now on."))
    return see_other("desk.sharing", key=key)
