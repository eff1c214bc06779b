"""How a department shares out what comes in: chosen by its leads, with who would be next."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import render_template
from flask_babel import gettext as _

from portal.desk.actions import sharing as write
from portal.desk.forms.sharing import HINTS, SharingForm, sharing_form
from portal.desk.models import SharingRule
from portal.desk.policy import Desk
from portal.desk.queries import services as services_read
from portal.desk.queries import sharing as read
from portal.desk.routes._blueprint import bp
from portal.desk.routes.services import managed
from portal.desk.turns import Way
from portal.kernel import clock, policy
from portal.kernel.web import see_other, tell
from portal.people.models import Department


@dataclass(frozen=True)
class Around:
    """What the page is made of, read once."""

    department: Department
    day: date
    rule: SharingRule | None
    ways: dict[int, Way]
    members: list[read.Member]
    offered: list[tuple[int, str]]

    @property
    def shares(self) -> bool:
        """True when the department itself does not share out by hand."""
        return self.rule is not None and self.rule.way is not Way.HAND


def _around(key: str) -> Around:
    department = managed(key)
    day = read.today_of(department.id, clock.now())
    rule, ways = read.rules_of(department.id)
    return Around(department, day, rule, ways, read.members(department.id, day), services_read.offered(department.id))


@bp.get("/services/<key>/sharing")
@policy.allow(Desk.MANAGE)
def sharing(key: str) -> str:
    """The way, who takes how much, and who would be next."""
    around = _around(key)
    return _page(around, sharing_form(around.members, around.offered, formdata=None, data=_chosen(around)))


def _chosen(around: Around) -> dict[str, Any]:
    rule, values = around.rule, {f"service_{number}": way.value for number, way in around.ways.items()}
    shares = {f"weight_{member.person.id}": member.weight for member in around.members}
    caps = {f"cap_{member.person.id}": member.cap for member in around.members}
    whole = {"way": rule.way.value, "away_days": str(rule.away_days or ""), "returns_idle": rule.returns_idle} if rule else {"way": Way.HAND.value}
    return {**values, **shares, **caps, **whole}


def _page(around: Around, form: SharingForm) -> str:
    names = {member.person.id: member.person.first_name for member in around.members}
    chosen = write.next_of(around.rule, around.day) if around.rule is not None and around.shares else None
    return render_template(
        "desk/sharing.html",
        department=around.department,
        form=form,
        members=around.members,
        offered=around.offered,
        hints=HINTS,
        shares=around.shares,
        following=names.get(chosen.person_id) if chosen else None,
        waiting=read.waiting(around.department.id) if around.shares and chosen is None else 0,
    )


@bp.post("/services/<key>/sharing")
@policy.allow(Desk.MANAGE)
def save_sharing(key: str) -> Any:
    """Store the way; it holds for what comes in from now on."""
    around = _around(key)
    form = sharing_form(around.members, around.offered)
    if not form.validate():
        return _page(around, form), 422
    write.decide(around.department.id, form.sharing(), actor=policy.current(), now=clock.now())
    tell(_("Saved. It holds for what comes in from now on."))
    return see_other("desk.sharing", key=key)
