"""What a lead chooses about sharing out what comes in."""

from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, IntegerField, RadioField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import NumberRange, Optional

from portal.desk.queries.sharing import Member
from portal.desk.turns import MOST_SHARES, Sharing, Way
from portal.kernel.forms import PortalForm, int_or_none

WAYS = [SelectChoice(Way.HAND.value, _l("By hand")), SelectChoice(Way.TURN.value, _l("By turn")), SelectChoice(Way.LEAST.value, _l("Least open requests"))]
HINTS = {
    Way.HAND.value: _l("Everybody sees the queue and takes what they can."),
    Way.TURN.value: _l("One after the other, whoever is here."),
    Way.LEAST.value: _l("Whoever has the fewest open requests."),
}
LONG = (("", _l("never")), ("1", _l("a day or longer")), ("2", _l("two days or longer")), ("3", _l("three days or longer")), ("5", _l("five days or longer")))
DAYS = [SelectChoice(*choice) for choice in LONG]
MOST_OPEN = 1000


class SharingForm(PortalForm):
    """The way of the department; see :func:`sharing_form` for the fields of people and services."""

    way = RadioField(_l("How are new requests given to people?"), choices=WAYS)
    away_days = SelectField(_l("Back to the queue when whoever has it is away"), choices=DAYS, coerce=lambda text: str(text or ""), default="")
    returns_idle = BooleanField(_l("Back to the queue when nothing happened for a working day"))

    def sharing(self) -> Sharing:
        """What was chosen; call it on a form that is right."""
        services = {int(f.name[8:]): Way(f.data) for f in self if f.name.startswith("service_") and f.data}
        weights = {int(f.name[7:]): int(f.data or 1) for f in self if f.name.startswith("weight_")}
        shares = {person: (weight, self[f"cap_{person}"].data) for person, weight in weights.items()}
        return Sharing(Way(self.way.data), int_or_none(self.away_days.data), bool(self.returns_idle.data), services, shares)


def sharing_form(members: Iterable[Member], services: Sequence[tuple[int, str]], **kwargs: Any) -> SharingForm:
    """The form of one department: two numbers for each of its people, a way for each of its services."""
    fields: dict[str, Any] = {}
    for member in members:
        weight = _l("Shares")
        fields[f"weight_{member.person.id}"] = IntegerField(weight, [Optional(), NumberRange(1, MOST_SHARES, _l("A number from 1 to 10."))])
        cap = _l("Open requests at most")
        fields[f"cap_{member.person.id}"] = IntegerField(cap, [Optional(), NumberRange(1, MOST_OPEN, _l("A number from 1 to 1000, or nothing."))])
    for number, name in services:
        fields[f"service_{number}"] = SelectField(name, choices=[SelectChoice("", _l("as the department")), *WAYS], default="")
    form: SharingForm = type("DepartmentSharingForm", (SharingForm,), fields)(**kwargs)
    return form
