"""Forms about persons."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, RadioField, SelectField, StringField
from wtforms.validators import Regexp

from portal.kernel.forms import FilterForm, PortalForm, clean_line, int_or_none, line, optional, required
from portal.people.forms._choices import options
from portal.people.models import Kind, Role

KINDS = {Kind.EMPLOYEE: _l("Employee"), Kind.CONTRACTOR: _l("Contractor"), Kind.SERVICE: _l("Service account")}
ROLES = {
    Role.ADMINISTRATOR: _l("Administrator"),
    Role.HR: _l("HR"),
    Role.AUDITOR: _l("Auditor"),
    Role.PRIVACY_OFFICER: _l("Privacy officer"),
    Role.EDITOR: _l("Editor of the newsletter"),
    Role.APPROVER: _l("Approver of the newsletter"),
    Role.AUTHOR: _l("Author of lessons"),
    Role.SURVEY_OWNER: _l("Survey owner"),
}
LANGUAGES = [("", _l("As the company")), ("en", "English")]


def day(label: Any, *validators: Any, **kwargs: Any) -> DateField:
    """A field for a date; what is no date is refused with the way to write one."""
    return DateField(label, [*validators], **kwargs)


def choice_of_ids(label: Any, nothing: Any, **kwargs: Any) -> SelectField:
    """A select of ids; call :func:`offer` before validating."""
    field: SelectField = SelectField(label, coerce=int_or_none, choices=options([("", nothing)]), **kwargs)
    return field


def offer(field: Any, pairs: list[tuple[int, str]]) -> None:
    """Put (id, words) behind the empty choice of a select."""
    field.choices = [*field.choices[:1], *options((str(number), words) for number, words in pairs)]


class DirectoryFilter(FilterForm):
    """What the directory is narrowed to; it lives in the address."""

    q = StringField(filters=[clean_line])
    department = StringField(filters=[clean_line])
    left = BooleanField()


class ProfileForm(PortalForm):
    """What people say about themselves."""

    pronouns = line(_l("Pronouns"), optional(), limit=40)
    pronunciation = line(_l("How your name is said"), optional(), limit=80, description=_l("For instance MAH-rah oh-KAH-for."))
    does_for_others = line(_l("What I do for others"), optional(), limit=160, description=_l("One sentence a new colleague understands."))
    ask_me_about = line(_l("Ask me about"), optional(), limit=300, description=_l("With commas between. Colleagues find you by these words."))
    skills = line(_l("Skills"), optional(), limit=300, description=_l("With commas between, for instance first aid, Spanish, spreadsheets."))
    prefers = line(_l("How I like to be reached"), optional(), limit=160)
    phone = line(_l("Phone"), optional(), limit=60)
    place = line(_l("Where I sit"), optional(), limit=120)
    zone = line(_l("Time zone"), optional(), limit=64, description=_l("Such as Europe/Berlin. Empty: the zone of your location."))
    locale = SelectField(_l("Language"), choices=options(LANGUAGES))
    theme = RadioField(_l("Light or dark"), choices=options([("auto", _l("As my device")), ("light", _l("Light")), ("dark", _l("Dark"))]))
    keys_off = BooleanField(_l("Switch single-letter keys off"), description=_l("For people who speak to their computer or press keys by accident."))


class AbsenceForm(PortalForm):
    """Days on which somebody is away."""

    first_day = day(_l("First day away"), required(_l("Choose the first day.")))
    last_day = day(_l("Last day away"), required(_l("Choose the last day.")))
    stands_in = line(_l("Who stands in"), optional(), limit=200)


class PersonForm(PortalForm):
    """What the company says about a person."""

    staff_number = line(
        _l("Staff number"),
        required(_l("A staff number is needed: it is what people are known by.")),
        Regexp(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", message=_l("Letters, digits, dot, dash and underscore only.")),
        limit=40,
    )
    name = line(_l("Name"), required(_l("A name is needed.")), limit=160)
    given_name = line(_l("How colleagues call them"), optional(), limit=80, description=_l("Empty: the first word of the name."))
    email = line(_l("Work e-mail"), optional(), limit=254, description=_l("May stay empty: not everybody has a mailbox."))
    kind = SelectField(_l("Kind"), choices=options((kind.value, words) for kind, words in KINDS.items()))
    title = line(_l("Title"), optional(), limit=120)
    department_id = choice_of_ids(_l("Department"), _l("None"))
    manager = line(_l("Manager"), optional(), limit=200)
    location_id = choice_of_ids(_l("Location"), _l("None"))
    place = line(_l("Where they sit"), optional(), limit=120)
    phone = line(_l("Phone"), optional(), limit=60)
    zone = line(_l("Time zone"), optional(), limit=64, description=_l("Empty: the zone of the location."))
    locale = SelectField(_l("Language"), choices=options(LANGUAGES))
    start_date = day(_l("First day"), optional())
    end_date = day(_l("Last day"), optional(), description=_l("They are signed out at the end of this day."))


class RoleForm(PortalForm):
    """A role to give; ``role`` gets the choices this actor has."""

    role = SelectField(_l("Role"))
    department_id = choice_of_ids(_l("For"), _l("The whole company"))
    until = day(_l("Until"), optional(), description=_l("Empty: until it is taken back."))
