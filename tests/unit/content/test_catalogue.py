"""The shipped catalogue is complete, kind in its words, and usable as it stands."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from portal.content import catalogue
from portal.content.catalogue import ContentError, FieldType, ServiceContent

COUNTS = {"it": 10, "people": 10, "facilities": 10, "finance": 8, "legal": 7, "marketing": 6, "security": 5}
NEVER_WRITTEN = re.compile(r"\b(?:tickets?|users?|slas?|invalid|resources?|breach(?:es|ed)?|hollow)\b", re.IGNORECASE)
CONFIDENTIAL = {"pay-question", "long-leave", "workplace-adjustment", "concern", "privacy", "authority-letter", "incident"}
ROUND_THE_CLOCK = {"emergency", "lost-device", "suspicious-mail", "incident"}
SPEC = {
    "password": (1, 4),
    "app-access": (4, 16),
    "meeting-room-tech": (1, 4),
    "lost-device": (0.5, 4),
    "onboarding": (8, None),
    "concern": (4, None),
    "emergency": (0.25, 4),
    "repair": (4, 40),
    "heating": (4, 16),
    "furniture": (8, 80),
    "event": (8, None),
    "expenses": (8, 24),
    "contract-review": (8, None),
    "trademark": (16, 80),
    "authority-letter": (1, None),
    "press": (0.5, 4),
    "incident": (0.25, 4),
    "rule-exception": (8, 40),
}


def services() -> dict[str, ServiceContent]:
    """All services by key."""
    return {service.key: service for department in catalogue.load() for service in department.services}


def sentences(service: ServiceContent) -> Iterator[str]:
    """Every word a person may read on the service's form."""
    yield from (service.name, service.question, service.hint, service.example, service.outcome, service.call_note)
    for field in service.fields:
        yield from (field.label, field.help, field.placeholder, *field.options)


def test_seven_departments_offer_the_56_services() -> None:
    """The counts are those of the specification, in the order they are shown."""
    assert {department.key: len(department.services) for department in catalogue.load()} == COUNTS
    assert len(services()) == 56


def test_every_department_says_in_ten_words_what_it_does_for_others() -> None:
    """The value line is there and short enough."""
    for department in catalogue.load():
        assert 3 <= len(department.value_line.split()) <= 10
        assert department.name
        assert department.mail
        assert department.icon


@pytest.mark.parametrize("key", sorted(COUNTS))
def test_every_service_can_be_found_and_understood(key: str) -> None:
    """Name, question, hint, example, outcome and plenty of the words people type."""
    department = next(department for department in catalogue.load() if department.key == key)
    for service in department.services:
        assert all((service.name, service.hint, service.example, service.outcome, service.icon)), service.key
        assert service.question.endswith("?"), service.key
        assert len(service.keywords) >= 8, service.key
        assert len(set(service.keywords)) == len(service.keywords), service.key
        assert 2 <= len(service.fields) <= 6, service.key
        assert all(field.label for field in service.fields), service.key


def test_no_word_that_people_should_not_read_is_written() -> None:
    """House style: no tickets, no users, nothing invalid."""
    for service in services().values():
        for sentence in sentences(service):
            assert not NEVER_WRITTEN.search(sentence), (service.key, sentence)
            assert "!" not in sentence, (service.key, sentence)


def test_the_promises_are_those_of_the_specification() -> None:
    """Working hours to the first answer and to the end; none where a date is agreed."""
    for key, (first, resolution) in SPEC.items():
        promise = services()[key].promise
        assert promise is not None
        assert promise.first_response == timedelta(hours=first), key
        assert promise.resolution == (None if resolution is None else timedelta(hours=resolution)), key


def test_confidential_and_round_the_clock_services_are_marked() -> None:
    """Pay and worries stay private; emergencies do not wait for Monday."""
    assert {key for key, service in services().items() if service.confidential} == CONFIDENTIAL
    assert {key for key, service in services().items() if service.round_the_clock} == ROUND_THE_CLOCK
    assert all(services()[key].call_first for key in ROUND_THE_CLOCK)


def test_a_date_the_person_gives_replaces_the_hours() -> None:
    """A visitor arrives when they arrive."""
    assert {key: service.due_field for key, service in services().items() if service.due_field} == {
        "onboarding": "starts_on",
        "leaver": "last_day",
        "event": "starts_at",
        "visitor": "arrives_at",
        "newsletter-item": "issue_on",
    }


def test_all_twelve_kinds_of_field_are_used() -> None:
    """What the form can do is shown somewhere."""
    assert {field.type for service in services().values() for field in service.fields} == set(FieldType)


def test_the_matrix_is_the_shipped_one() -> None:
    """Four priorities from 30 minutes round the clock to five working days."""
    rows = {row.key: (row.promise.first_response, row.promise.resolution, row.promise.round_the_clock, row.attainment) for row in catalogue.priorities()}
    assert rows == {
        "urgent": (timedelta(minutes=30), timedelta(hours=4), True, 95),
        "high": (timedelta(hours=2), timedelta(hours=8), False, 90),
        "normal": (timedelta(hours=4), timedelta(hours=24), False, 90),
        "low": (timedelta(hours=8), timedelta(hours=40), False, 90),
    }


def test_one_pair_of_numbers_becomes_four_promises() -> None:
    """Half when it is high, double when it is low, the urgent row when work has stopped."""
    kept = catalogue.promises(services()["repair"])
    assert [(name, one.first_response / timedelta(hours=1), one.resolution and one.resolution / timedelta(hours=1)) for name, one in kept.items()] == [
        ("urgent", 0.5, 4),
        ("high", 2, 20),
        ("normal", 4, 40),
        ("low", 8, 80),
    ]


@pytest.mark.parametrize("key", sorted(services()))
def test_a_more_urgent_request_never_waits_longer(key: str) -> None:
    """The four promises of every service are in order."""
    kept = [catalogue.promises(services()[key])[name] for name in ("urgent", "high", "normal", "low")]
    firsts = [promise.first_response for promise in kept]
    ends = [promise.resolution for promise in kept if promise.resolution is not None]
    assert firsts == sorted(firsts)
    assert ends == sorted(ends)
    assert len(ends) in (0, 4)


def test_presets_name_the_working_week() -> None:
    """Monday to Friday, nine to five, until the company says otherwise."""
    assert dict(catalogue.presets().hours) == dict.fromkeys(range(5), (("09:00", "17:00"),))
    assert catalogue.presets().warn_percent == (50, 75, 90, 100)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value_line": "one two three four five six seven eight nine ten eleven"}, "more than ten words"),
        ({"key": "other"}, "the key must be"),
        ({"field": {"type": "choice", "options": ["Only one"]}}, "two at least"),
        ({"field": {"type": "text", "max_length": 20, "min": 3}}, "limits"),
        ({"field": {"type": "text"}}, "max_length"),
        ({"service": {"due_field": "nowhere"}}, "required date"),
        ({"service": {"key": "Not A Slug"}}, "slug"),
        ({"service": {"call_first": True}}, "come together"),
    ],
)
def test_a_file_with_a_mistake_is_refused_by_name(change: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which file and what is expected; the same file without the mistake is read."""
    good = _file({})
    monkeypatch.setattr(catalogue, "DEPARTMENT_ORDER", ("it",))
    monkeypatch.setattr(catalogue, "read_toml", lambda _: good)
    assert catalogue.load.__wrapped__()[0].services[0].key == "thing"
    monkeypatch.setattr(catalogue, "read_toml", lambda _: _file(change))
    with pytest.raises(ContentError, match=words):
        catalogue.load.__wrapped__()


def _file(change: dict[str, Any]) -> dict[str, Any]:
    """A department file of one service with one field, and one thing changed."""
    rest = {key: value for key, value in change.items() if key not in ("field", "service")}
    field = {"key": "what", "label": "What", **change.get("field", {"type": "text", "max_length": 20})}
    service: dict[str, Any] = {
        "key": "thing",
        "name": "Thing",
        "question": "What?",
        "hint": "Say.",
        "example": "This",
        "outcome": "Done.",
        "keywords": ["thing"],
        "icon": "tool",
    }
    service |= {"first_response": 4, "fields": [field], **change.get("service", {})}
    return {"key": "it", "name": "IT", "value_line": "We help.", "mail": "it", "icon": "tool", "services": [service], **rest}
