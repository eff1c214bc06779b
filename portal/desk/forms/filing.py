"""The form of a service: its own questions in twelve types, and what every request is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, FileField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import AnyOf
from wtforms.widgets import DateInput, DateTimeLocalInput, NumberInput

from portal.desk import words
from portal.desk.answers import DayWord, Problem, Resolve, validate_answers
from portal.desk.models import Service
from portal.desk.rules import BODY_LIMIT, TITLE_LIMIT, Impact
from portal.kernel.errors import Refusal
from portal.kernel.forms import PortalForm, clean_line, int_or_none, line, optional, paragraph, required
from portal.people.rules import folded

PREFIX = "q_"
"""Before the key of a question, so that no service can name a field of ours."""
NAYS = frozenset({"no", "nobody", "none", "nope", "not", "never", "nein"})
FOLLOWERS_LIMIT = 1000

Pairs = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class Choices:
    """What the selects of a form offer, as (id, words)."""

    locations: Pairs = ()
    departments: Pairs = ()


class FilingForm(PortalForm):
    """What every request is asked; :func:`form_for` adds the questions of one service."""

    service: Service
    specs: Sequence[Mapping[str, Any]] = ()
    questions: Sequence[Field] = ()
    where: Field | None = None
    files: Sequence[Field] = ()

    title = line(_l("In one line"), required(_l("Say it in one line, for example: Radiator in Studio 2 stays cold")), limit=TITLE_LIMIT)
    description = paragraph(_l("What else should we know?"), optional(), limit=BODY_LIMIT)
    location = SelectField(_l("Where"), coerce=int_or_none, validate_choice=False, validators=[optional()])
    place = line(_l("Room, floor or desk"), optional(), limit=120)
    impact = RadioField(
        _l("How does it get in your way?"),
        validate_choice=False,
        validators=[AnyOf(list(Impact), message=_l("Please choose one."))],
        default=Impact.SLOWER.value,
    )
    customer = line(_l("Would a customer notice?"), optional(), limit=300)
    followers = line(_l("Who else should follow it"), optional(), limit=FOLLOWERS_LIMIT, description=_l("Names or staff numbers, with commas between."))
    call_me = BooleanField(_l("Please call me"))
    call_number = line(_l("Your number"), optional(), limit=60)
    on_behalf = line(_l("For somebody else"), optional(), limit=200, description=_l("Leave empty if it is for you."))
    confidential = BooleanField(
        _l("Keep it confidential"),
        description=_l("Only you, those you add and the people named for this service read it. The lead sees its number only."),
    )
    photo = FileField(_l("Add a photo or file"), validators=[optional()])

    def problems(self) -> list[tuple[str, str, str]]:
        """What needs another look, in the order of the page: the line, the questions of the service, and the rest."""
        found = super().problems()
        first = {self.title.id: -1} | {field.id: place for place, field in enumerate(self.questions)}
        return sorted(found, key=lambda problem: first.get(problem[0], len(first)))

    def question(self, key: str) -> Field:
        """The field of a question of the service."""
        return self[PREFIX + key]

    def raw_answers(self, uploaded: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """What was typed, by question; ``uploaded`` are the names of received files by field name."""
        found: dict[str, Any] = {}
        for spec in self.specs:
            field = self.question(spec["key"])
            found[spec["key"]] = list(uploaded.get(field.name, ())) if spec["type"] == "file" else [str(value) for value in field.raw_data or ()]
        return found

    def read_quietly(self, key: str, now: datetime, zone: str) -> dict[str, Any]:
        """The answer to one question if it is one by now; nothing is complained about."""
        specs = [spec for spec in self.service.fields if spec["key"] == key]
        raw = {key: [str(value) for value in self.question(key).raw_data or ()]}
        return validate_answers(specs, raw, now.astimezone(ZoneInfo(zone)).date(), zone=zone)[0]

    def read_answers(self, now: datetime, zone: str, resolve: Resolve, uploaded: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The answers as they are kept; a problem is put beside its question."""
        today = now.astimezone(ZoneInfo(zone)).date()
        answers, problems = validate_answers(self.specs, self.raw_answers(uploaded), today, zone=zone, resolve=resolve)
        for key, message in problems.items():
            self.complain(PREFIX + key, str(message))
        return answers

    def location_id(self, choices: Choices) -> int | None:
        """The place chosen, from the service's own question where it has one; None for none or an unknown one."""
        field = self.where if self.where is not None else self.location
        chosen = int_or_none((field.raw_data or [None])[0])
        return chosen if chosen in {number for number, _name in choices.locations} else None

    def customer_notices(self) -> tuple[bool, str]:
        """(whether a customer would notice, what): an empty answer and one that begins with "no" are a no."""
        text = clean_line(self.customer.data)
        first = folded(text).replace(",", " ").replace(".", " ").split()[:1]
        if not first or first[0] in NAYS:
            return False, ""
        return True, "" if folded(text).strip(". ") == "yes" else text

    def free_days(self, now: datetime, zone: str) -> dict[str, list[tuple[str, str]]]:
        """The first two days that fit each date in need of another look: what to fill in, and its words."""
        today = now.astimezone(ZoneInfo(zone)).date()
        wrong = [spec for spec in self.specs if spec["type"] == "date" and spec.get("min") is not None and self.question(spec["key"]).errors]
        days = {spec["key"]: [today + timedelta(days=int(spec["min"]) + more) for more in (0, 1)] for spec in wrong}
        return {PREFIX + key: [(f"{PREFIX}{key}={day.isoformat()}", str(DayWord(day, today))) for day in found] for key, found in days.items()}

    def words(self, answers: Mapping[str, Any]) -> str:
        """The first message: what else we should know, or the long answers of a service that asks for them itself."""
        if not self.asks_for_text:
            return str(self.description.data or "")
        return "\n\n".join(str(answers[spec["key"]]) for spec in self.specs if spec["type"] == "long_text" and answers.get(spec["key"]))

    @property
    def asks_for_text(self) -> bool:
        """True when a question of the service takes running text, so that ours would ask twice."""
        return any(spec["type"] == "long_text" for spec in self.specs)

    def names(self) -> list[str]:
        """Who should follow, as typed."""
        text = str(self.followers.data or "").replace(";", ",").replace("\n", ",")
        return [name for part in text.split(",") if (name := part.strip())]


WORDS_ONLY = ("impact", "followers", "call_me", "call_number", "on_behalf", "confidential", "photo")
"""What stays as it was filed when the words are changed."""


def form_for(service: Service, choices: Choices, *, phone: str = "", formdata: Any = None, editing: bool = False, **data: Any) -> FilingForm:
    """The form of one service. ``formdata`` None: as it is opened, with ``data`` as defaults; ``editing`` has the words alone."""
    specs = [spec for spec in service.fields if not (editing and spec["type"] == "file")]
    made = type("ServiceForm", (FilingForm,), {PREFIX + spec["key"]: _field(spec, choices) for spec in specs})
    form: FilingForm = made(formdata=formdata, data=data)
    form.service, form.specs = service, specs
    form.title.render_kw = {"placeholder": service.example} if service.example else {}
    form.questions = [form.question(spec["key"]) for spec in specs]
    form.where = next((form.question(spec["key"]) for spec in specs if spec["type"] == "location"), None)
    form.files = [form.question(spec["key"]) for spec in specs if spec["type"] == "file"]
    _offer(form, choices)
    if formdata is None:
        form.call_number.data = form.call_number.data or phone
    for name in WORDS_ONLY if editing else ():
        del form[name]
    return form


def _offer(form: FilingForm, choices: Choices) -> None:
    form.location.choices = _pairs(_("Choose a place"), choices.locations)
    form.impact.choices = [SelectChoice(impact.value, str(words.impact_word(impact))) for impact in Impact]


def _pairs(nothing: str, pairs: Pairs) -> list[SelectChoice]:
    return [SelectChoice("", nothing), *[SelectChoice(str(number), name) for number, name in pairs]]


def _field(spec: Mapping[str, Any], choices: Choices) -> Any:
    checks = [] if spec.get("required") else [optional()]
    extra = {"render_kw": {"placeholder": spec["placeholder"]}} if spec.get("placeholder") else {}
    common: dict[str, Any] = {"label": spec["label"], "validators": checks, "description": spec.get("help", ""), **extra}
    kind = spec["type"]
    if kind in ("choice", "choices", "yes_no", "department", "location"):
        return _choosing(kind, spec, choices, common)
    if kind == "long_text":
        return TextAreaField(**common)
    if kind == "file":
        return FileField(**common)
    widgets = {"number": NumberInput(), "date": DateInput(), "datetime": DateTimeLocalInput()}
    # A text field under every look: what was typed comes back as it was, also when it is no number and no date.
    return StringField(**common, **({"widget": widgets[kind]} if kind in widgets else {}))


def _choosing(kind: str, spec: Mapping[str, Any], choices: Choices, common: dict[str, Any]) -> Any:
    options = [SelectChoice(option) for option in spec.get("options", ())]
    if kind == "choices":
        return SelectMultipleField(choices=options, validate_choice=False, **common)
    if kind == "yes_no":
        return RadioField(choices=[SelectChoice("yes", _("Yes")), SelectChoice("no", _("No"))], validate_choice=False, **common)
    if kind == "department":
        return SelectField(choices=_pairs(_("Choose a department"), choices.departments), validate_choice=False, **common)
    if kind == "location":
        return SelectField(choices=_pairs(_("Choose a place"), choices.locations), validate_choice=False, **common)
    return SelectField(choices=[SelectChoice("", _("Choose one")), *options], validate_choice=False, **common)


def told(problem: Refusal) -> Problem:
    """A refusal of a lookup (nobody, or more than one person, is called that) as a problem of the question."""
    return Problem(problem.message)


def typed(fields: Sequence[Mapping[str, Any]], answers: Mapping[str, Any], zone: str, people: Mapping[int, str]) -> dict[str, Any]:
    """Kept answers as the form holds them, to change them; ``people`` are names with staff number by id."""
    found: dict[str, Any] = {}
    for spec in fields:
        value = answers.get(spec["key"])
        if value is None or spec["type"] == "file":
            continue
        if spec["type"] == "datetime":
            value = datetime.fromisoformat(value).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")
        elif spec["type"] == "person":
            value = people.get(value, "")
        elif spec["type"] == "yes_no":
            value = "yes" if value else "no"
        found[PREFIX + spec["key"]] = value if isinstance(value, list) else str(value)
    return found
