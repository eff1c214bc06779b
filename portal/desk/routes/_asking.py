"""What the pages of a service's form are made of: choices, names that become ids, the promise beside the form."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import current_app, render_template, url_for

from portal.desk import words
from portal.desk.answers import Resolve, digits_only
from portal.desk.forms.filing import Choices, FilingForm, told
from portal.desk.models import Service
from portal.desk.opening import hours_sentence, place_of
from portal.desk.queries import offer as offers
from portal.desk.queries.drafts import Kept
from portal.desk.routes._uploads import Uploads
from portal.desk.rules import Impact
from portal.kernel import policy
from portal.kernel.errors import Refusal
from portal.kernel.forms import int_or_none
from portal.kernel.messages import Message, say
from portal.people.queries import departments, hours, persons


def choices_for(service: Service) -> Choices:
    """Places, and departments where a question asks for one; two statements at most."""
    asks_department = any(spec["type"] == "department" for spec in service.fields)
    places = [(row.id, row.name) for row in hours.all_locations()]
    return Choices(places, departments.choices() if asks_department else ())


def resolver(choices: Choices) -> Resolve:
    """How names typed into questions become ids; one statement for each colleague."""
    known = {"location": {number for number, _ in choices.locations}, "department": {number for number, _ in choices.departments}}

    def resolve(kind: str, text: str) -> int | None:
        if kind == "person":
            try:
                return persons.person_meant(policy.current(), text)
            except Refusal as refusal:
                raise told(refusal) from refusal
        found = digits_only(kind, text)
        return found if found in known[kind] else None

    return resolve


def reader(now: datetime) -> words.Reader:
    """Whoever looks at the page."""
    actor = policy.current()
    return words.Reader(now, actor.zone, actor.locale)


def phone_of(offer: offers.Offer) -> str:
    """Where to call: the department's number, else the company's."""
    return offer.department.phone or str(current_app.extensions["settings"].phone)


def promise_context(service: Service, impact: str, now: datetime, answers: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything the card of the promise needs, for one impact."""
    eyes = reader(now)
    offer = offers.offer(service, eyes.zone, now, answers)
    chosen = impact if impact in offer.previews else Impact.SLOWER.value
    preview, calendar = offer.previews[chosen], offer.calendars[chosen]
    return {
        "service": service,
        "offer": offer,
        "preview": preview,
        "impact": chosen,
        "by": eyes.by,
        "within": words.within(offer.answer_within(chosen), words.day_hours(calendar, now)),
        "end_word": words.end_word(service.key),
        "hours": hours_sentence(calendar, now, eyes.locale),
        "city": place_of(preview.zone),
        "phone": phone_of(offer),
        "hints": {impact: danger_hint(offer, now) if impact == "stopped" else first_answer(offer, impact, eyes) for impact in offer.previews},
        "readers": readers(offer),
    }


def first_answer(offer: offers.Offer, impact: str, eyes: words.Reader) -> Message:
    """What stands under an answer about impact, so that each promise is there without script and on a phone."""
    return say("First answer by %(when)s", when=eyes.by(offer.previews[impact].first_answer_at))


def danger_hint(offer: offers.Offer, now: datetime) -> Message:
    """What stands under "someone could get hurt": the number first, then how fast."""
    fast = words.working_time(offer.answer_within("stopped"), words.day_hours(offer.calendars["stopped"], now))
    phone = phone_of(offer)
    if offer.previews["stopped"].round_the_clock:
        return say("Please also call %(phone)s. We answer within %(time)s, day or night.", phone=phone, time=fast)
    return say("Please also call %(phone)s. We answer within %(time)s of working time.", phone=phone, time=fast)


def readers(offer: offers.Offer) -> Message | None:
    """Who has it beside the first one, by first names."""
    others = [person.first_name for person in offer.serving[1:4]]
    if not offer.serving:
        return None
    if not others:
        return say("on duty today")
    return say("on duty today, with %(names)s", names=listed(others))


def listed(names: Sequence[str]) -> str:
    """Names as people say them: "Kim", "Kim and Ola", "Kim, Ola and Ines"."""
    if len(names) < 2:
        return "".join(names)
    return str(say("%(names)s and %(last)s", names=", ".join(names[:-1]), last=names[-1]))


def form_page(service: Service, form: FilingForm, uploads: Uploads, now: datetime, *, kept: Kept | None = None) -> str:
    """The page of a service with its form; ``kept`` is a draft that was filled in."""
    context = promise_context(service, str(form.impact.data or ""), now, due_answer(service, form, now))
    alike = offers.alike(policy.current(), service, _place(form))
    hints = {"same": alike.own, "near": alike.near if alike.near >= offers.NEAR else 0}
    more = {**hints, "suggest": url_for("people.suggest"), "free_days": form.free_days(now, policy.current().zone)}
    return render_template("desk/new.html", form=form, uploads=uploads, kept=kept, **more, **context)


def _place(form: FilingForm) -> int | None:
    """The place that is chosen on the form as it stands, if it is one."""
    field = form.where if form.where is not None else form.location
    return int_or_none(field.data)


def due_answer(service: Service, form: FilingForm, now: datetime) -> dict[str, Any] | None:
    """The day the promise depends on, when it was typed and is one; its problems are shown beside the field."""
    return form.read_quietly(service.due_field, now, policy.current().zone) if service.due_field else None


def people_meant(form: FilingForm, field: str, names: Sequence[str]) -> list[int]:
    """The ids of colleagues whose names were typed into ``field``; who is not found is complained about there. One statement each."""
    found = []
    for name in names:
        try:
            person_id = persons.person_meant(policy.current(), name)
        except Refusal as refusal:
            form.complain(field, str(refusal.message))
            continue
        if person_id is not None and person_id not in found:
            found.append(person_id)
    return found
