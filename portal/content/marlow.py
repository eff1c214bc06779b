"""Read and check Marlow Cycles, the company of the demo; source: portal/content/demo/*.toml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from portal.content.catalogue import DAY_KEYS, ContentError, FieldContent, FieldType, ServiceContent, load, read_toml

Answer = str | float | bool | tuple[str, ...]
TITLE_LENGTH = 120
MOMENT = re.compile(r"[+-]\d+ \d\d:\d\d|[+-]\d+(?:\.\d+)?h")
DAY = re.compile(r"[+-]\d+")
DAY_AND_TIME = re.compile(r"[+-]\d+ \d\d:\d\d")
PEOPLE = frozenset({"requester", "colleague"})


class Kind(StrEnum):
    """What a step of a conversation is."""

    ACKNOWLEDGEMENT = "acknowledgement"
    REPLY = "reply"
    QUESTION = "question"
    NOTE = "note"
    RESOLVE = "resolve"
    REQUESTER_MESSAGE = "requester_message"
    CONFIRM = "confirm"
    REOPEN = "reopen"


class Wait(StrEnum):
    """Whom the clock waits for after a step."""

    NOBODY = ""
    REQUESTER = "requester"
    SUPPLIER = "supplier"


@dataclass(frozen=True, slots=True)
class Place:
    """A room or spot that a request can be about."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class LocationContent:
    """A site with its zone (IANA), the country whose holidays count, and its places."""

    key: str
    name: str
    city: str
    zone: str
    country: str
    subdivision: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class DepartmentOfDemo:
    """``serves`` is the catalogue key of the services it offers, or empty; ``spread`` counts people by location."""

    key: str
    name: str
    value_line: str
    lead: str
    deputies: tuple[str, ...]
    phone: str
    size: int
    spread: Mapping[str, int]
    hours: Mapping[int, tuple[tuple[str, str], ...]]
    parent: str = ""
    serves: str = ""
    fulfillers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonOfDemo:
    """Somebody with a story. ``days``: working days since they joined; ``card`` makes them a persona of the sign-in page."""

    key: str
    first: str
    last: str
    department: str
    title: str
    location: str
    place: str
    days: int
    for_others: str
    ask_me: tuple[str, ...]
    desk: str = ""
    says: str = ""
    prefers: str = ""
    roles: tuple[str, ...] = ()
    card: str = ""
    card_label: str = ""


@dataclass(frozen=True, slots=True)
class CompanyContent:
    """Marlow Cycles without its 420 names."""

    name: str
    short_name: str
    mail_domain: str
    phone: str
    headcount: int
    currency: str
    promise: str
    locations: tuple[LocationContent, ...]
    departments: tuple[DepartmentOfDemo, ...]
    people: tuple[PersonOfDemo, ...]

    @property
    def personas(self) -> tuple[PersonOfDemo, ...]:
        """Those one can sign in as, in the order of the cards."""
        return tuple(person for person in self.people if person.card)


@dataclass(frozen=True, slots=True)
class NamesContent:
    """Material for the other people; ``titles`` has (title, weight), ``ask_me`` has the key "anybody" too."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    titles: Mapping[str, tuple[tuple[str, int], ...]]
    ask_me: Mapping[str, tuple[str, ...]]
    for_others: Mapping[str, tuple[str, ...]]
    pronunciations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """``after``: working hours since the step before; ``due``: working hours from this step to the promised date.

    ``text`` may name {requester}, {fulfiller}, {colleague} (first names) and {due} (the promised date as "Thu 12:00").
    """

    by: str
    kind: Kind
    text: str
    after: float
    next_step: str = ""
    due: float | None = None
    workaround: bool = False
    wait: Wait = Wait.NOBODY


@dataclass(frozen=True, slots=True)
class Case:
    """A request with its whole conversation; the demo cuts it off at now. Empty ``places``/``departments``: any.

    ``answers``: dates "+3", date-times "+3 10:00" in working days from filing; persons as key, "requester" or "colleague";
    locations as place key or "here" (the place of the request); files by name.
    """

    service: str
    title: str
    description: str
    impact: str
    steps: tuple[Step, ...]
    customer: str = ""
    places: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    answers: Mapping[str, Answer] | None = None


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """A step at a fixed moment ("-1 10:00": working days from today and local time; "-4.5h": working hours from now)."""

    by: str
    kind: Kind
    at: str
    text: str
    next_step: str = ""
    due: str = ""
    workaround: bool = False
    wait: Wait = Wait.NOBODY


@dataclass(frozen=True, slots=True)
class StoryRequest:
    """A request of the story; ``status``: new, working, planned, waiting_requester, waiting_supplier or resolved."""

    number: int
    title: str
    description: str
    service: str
    requester: str
    impact: str
    priority: str
    filed: str
    status: str
    answers: Mapping[str, Answer]
    events: tuple[StoryEvent, ...] = ()
    place: str = ""
    customer: str = ""
    owner: str = ""
    followers: tuple[str, ...] = ()


@cache
def company() -> CompanyContent:
    """Locations, departments and the people with a story; raises ContentError when a key leads nowhere."""
    raw = read_toml("demo/company.toml")
    locations = tuple(_location(item) for item in raw.pop("locations"))
    departments = tuple(_department(item) for item in raw.pop("departments"))
    people = tuple(PersonOfDemo(**_frozen(item)) for item in raw.pop("people"))
    whole = CompanyContent(locations=locations, departments=departments, people=people, **raw)
    _check_company(whole)
    return whole


@cache
def names() -> NamesContent:
    """Names, job titles and lines for the people without a story."""
    raw = read_toml("demo/names.toml")
    titles = {key: tuple((title, weight) for title, weight in pairs) for key, pairs in raw["titles"].items()}
    return NamesContent(tuple(raw["first"]), tuple(raw["last"]), titles, _frozen(raw["ask_me"]), _frozen(raw["for_others"]), raw["pronunciations"])


@cache
def conversations() -> tuple[Case, ...]:
    """All cases of all services, in catalogue order; raises ContentError for an answer that the form would not take."""
    return tuple(case for department in load() for service in department.services for case in _cases(service))


@cache
def story() -> tuple[StoryRequest, ...]:
    """Request 4127 and the queue around it, oldest number first."""
    services = {service.key: service for department in load() for service in department.services}
    requests = [_story_request(services, item) for item in read_toml("demo/story.toml")["requests"]]
    return tuple(sorted(requests, key=lambda request: request.number))


def mentioned(case: Case) -> frozenset[str]:
    """Keys of people named in the texts of a case; they should neither ask nor answer it."""
    words = " ".join([case.title, case.description, case.customer, *(f"{step.text} {step.next_step}" for step in case.steps)])
    return frozenset(person.key for person in company().people if re.search(rf"\b{person.first}\b", words))


def _location(raw: dict[str, Any]) -> LocationContent:
    places = tuple(Place(**place) for place in raw.pop("places"))
    return LocationContent(places=places, **raw)


def _department(raw: dict[str, Any]) -> DepartmentOfDemo:
    hours = {DAY_KEYS.index(day): tuple((start, end) for start, end in spans) for day, spans in raw.pop("hours").items()}
    return DepartmentOfDemo(hours=hours, **_frozen(raw))


def _frozen(raw: dict[str, Any]) -> dict[str, Any]:
    """The same mapping with tuples in place of lists."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}


def _check_company(whole: CompanyContent) -> None:
    people = {person.key for person in whole.people}
    departments = {department.key for department in whole.departments}
    sites = {location.key: {place.key for place in location.places} for location in whole.locations}
    for department in whole.departments:
        named = {department.lead, *department.deputies, *department.fulfillers}
        _expect(named <= people, department.key, f"nobody is called {sorted(named - people)}")
        _expect(department.parent in departments | {""}, department.key, "the parent is not a department")
        _expect(set(department.spread) <= set(sites), department.key, "the spread names an unknown location")
        _expect(sum(department.spread.values()) == department.size, department.key, "the spread does not add up to the size")
    for person in whole.people:
        _expect(person.department in departments, person.key, "the department is not known")
        _expect(person.place in sites.get(person.location, set()), person.key, "the place is not at the location")
    _expect(sum(department.size for department in whole.departments) == whole.headcount, "company", "the sizes do not add up to the headcount")


def _cases(service: ServiceContent) -> tuple[Case, ...]:
    raw = read_toml(f"demo/conversations/{service.key}.toml")
    _expect(raw["service"] == service.key, service.key, "the file is for another service")
    return tuple(_case(service, item) for item in raw["cases"])


def _case(service: ServiceContent, raw: dict[str, Any]) -> Case:
    place = f"{service.key}, {raw['title']!r}"
    _expect(len(raw["title"]) <= TITLE_LENGTH, place, "the title is too long")
    answers = _answers(service, place, raw.pop("answers", {}))
    steps = tuple(_step(place, item) for item in raw.pop("steps"))
    case = Case(service=service.key, steps=steps, answers=answers, **_frozen(raw))
    known = {department.key for department in company().departments}
    _expect(set(case.departments) <= known, place, "an unknown department asks")
    _expect(set(case.places) <= _places(), place, "an unknown place")
    _expect(bool(case.places) or "here" not in answers.values(), place, '"here" needs places')
    return case


def _places() -> set[str]:
    return {place.key for location in company().locations for place in location.places}


def _step(place: str, raw: dict[str, Any]) -> Step:
    step = Step(**{**raw, "kind": Kind(raw["kind"]), "wait": Wait(raw.get("wait", ""))})
    _expect(bool(step.next_step) == (step.due is not None), place, "a next step has a date, and a date has a next step")
    _expect("{due}" not in step.text or step.due is not None, place, "{due} needs a date")
    return step


def _answers(service: ServiceContent, place: str, raw: dict[str, Any]) -> dict[str, Answer]:
    """The answers, each accepted by its field; required fields answered unless they are files."""
    fields = {field.key: field for field in service.fields}
    for key, value in raw.items():
        _expect(key in fields, place, f"the form has no field {key!r}")
        _expect(_fits(fields[key], value), place, f"{value!r} is no answer to {key!r}")
    missing = {key for key, field in fields.items() if field.required and field.type is not FieldType.FILE} - set(raw)
    _expect(not missing, place, f"required answers are missing: {sorted(missing)}")
    return _frozen(raw)


def _fits(field: FieldContent, value: object) -> bool:
    """Whether a field would take the value, in the notation of the demo files."""
    if field.type is FieldType.YES_NO:
        return isinstance(value, bool)
    if field.type is FieldType.NUMBER:
        return isinstance(value, int | float) and (field.min is None or value >= field.min) and (field.max is None or value <= field.max)
    if field.type is FieldType.CHOICES:
        return isinstance(value, list) and bool(value) and set(value) <= set(field.options)
    return isinstance(value, str) and _text_fits(field, value)


def _text_fits(field: FieldContent, value: str) -> bool:
    match field.type:
        case FieldType.CHOICE:
            return value in field.options
        case FieldType.DATE:
            return DAY.fullmatch(value) is not None
        case FieldType.DATETIME:
            return DAY_AND_TIME.fullmatch(value) is not None
        case FieldType.PERSON:
            return value in PEOPLE | {person.key for person in company().people}
        case FieldType.DEPARTMENT:
            return value in {department.key for department in company().departments}
        case FieldType.LOCATION:
            return value == "here" or value in _places()
        case _:
            return bool(value) and len(value) <= (field.max_length or 200)


def _story_request(services: Mapping[str, ServiceContent], raw: dict[str, Any]) -> StoryRequest:
    place = f"story {raw['number']}"
    answers = _answers(services[raw["service"]], place, raw.pop("answers"))
    events = tuple(_story_event(place, item) for item in raw.pop("events", ()))
    request = StoryRequest(answers=answers, events=events, **_frozen(raw))
    people = {person.key for person in company().people}
    named = {request.requester, *request.followers, *(event.by for event in events)} | ({request.owner} if request.owner else set())
    _expect(named <= people, place, f"nobody is called {sorted(named - people)}")
    _expect(request.place in _places() | {""}, place, "an unknown place")
    _expect(MOMENT.fullmatch(request.filed) is not None, place, "filed is not a moment")
    return request


def _story_event(place: str, raw: dict[str, Any]) -> StoryEvent:
    event = StoryEvent(**{**raw, "kind": Kind(raw["kind"]), "wait": Wait(raw.get("wait", ""))})
    _expect(MOMENT.fullmatch(event.at) is not None, place, f"{event.at!r} is not a moment")
    _expect(bool(event.next_step) == bool(event.due), place, "a next step has a date, and a date has a next step")
    _expect(not event.due or MOMENT.fullmatch(event.due) is not None, place, f"{event.due!r} is not a moment")
    return event


def _expect(condition: bool, place: str, text: str) -> None:
    if not condition:
        raise ContentError(f"{place}: {text}")
