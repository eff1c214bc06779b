"""Marlow Cycles, the company of the demo, is whole, kind in its words, and fits the catalogue."""

import re
from collections import Counter
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portal.content import catalogue, marlow
from portal.content.catalogue import ContentError
from portal.content.marlow import Case, Kind, Wait

NEVER_WRITTEN = re.compile(r"\b(?:tickets?|users?|slas?|invalid|resources?|breach(?:es|ed)?|hollow|lorem)\b|!", re.IGNORECASE)
NAMES_IN_BRACES = re.compile(r"\{(\w+)\}")
PRIORITY = {"nuisance": "low", "slower": "normal", "stopped": "urgent"}
SERVICES = {service.key: service for department in catalogue.load() for service in department.services}
ANSWERS = {Kind.REPLY, Kind.QUESTION, Kind.RESOLVE}
HOUR = timedelta(hours=1)


def first_answer(case: Case) -> float:
    """Working hours until the first answer that is more than an acknowledgement."""
    passed = 0.0
    for step in case.steps:
        passed += step.after
        if step.by != "requester" and step.kind in ANSWERS:
            return passed
    raise AssertionError(case.title)


def late(case: Case) -> bool:
    """Whether the first answer came after its promise."""
    return first_answer(case) > catalogue.promises(SERVICES[case.service])[PRIORITY[case.impact]].first_response / HOUR


def test_420_people_in_twelve_departments_and_three_places_in_two_zones() -> None:
    """The figures of the pictures."""
    company = marlow.company()
    assert company.headcount == 420
    assert len(company.departments) == 12
    assert len(company.locations) == 3
    assert len({location.zone for location in company.locations}) == 2
    assert all(ZoneInfo(location.zone) for location in company.locations)


def test_every_serving_department_has_people_who_answer() -> None:
    """Seven departments serve, each with three people at least, and say so in ten words."""
    serving = {department.serves: department for department in marlow.company().departments if department.serves}
    assert set(serving) == {department.key for department in catalogue.load()}
    assert all(len(department.fulfillers) >= 3 for department in serving.values())
    assert all(len(department.value_line.split()) <= 10 for department in marlow.company().departments)


def test_the_cards_of_the_sign_in_page_are_those_of_the_picture() -> None:
    """Mara first; everybody else of the story after the six."""
    personas = marlow.company().personas
    assert [person.first for person in personas[:6]] == ["Mara", "Jonas", "Tom", "Elena", "Sam", "Aisha"]
    assert {"Iris", "Hana", "Ruth", "Leo", "Dara"} <= {person.first for person in personas}
    assert all(person.card_label for person in personas)
    assert next(person for person in personas if person.first == "Tom").days == 8


def test_there_are_names_and_jobs_for_everybody() -> None:
    """Enough for 420 different people, and lines for their profiles."""
    names = marlow.names()
    departments = {department.key for department in marlow.company().departments}
    assert len(set(names.first)) == len(names.first) >= 200
    assert len(set(names.last)) == len(names.last) >= 200
    assert set(names.titles) == departments == set(names.for_others) == set(names.ask_me) - {"anybody"}
    assert set(names.pronunciations) <= {*names.first, *names.last}


def test_every_service_has_four_to_eight_cases_and_no_title_twice() -> None:
    """About three hundred in all."""
    counts = Counter(case.service for case in marlow.conversations())
    assert set(counts) == set(SERVICES)
    assert all(4 <= count <= 8 for count in counts.values()), counts
    assert len(marlow.conversations()) >= 295
    assert len({(case.service, case.title.casefold()) for case in marlow.conversations()}) == len(marlow.conversations())


def test_every_case_is_answered_and_comes_to_an_end() -> None:
    """It begins with the serving side, is resolved, and nothing is promised after that."""
    for case in marlow.conversations():
        assert case.impact in PRIORITY
        assert first_answer(case) > 0
        assert all(step.after > 0 for step in case.steps), case.title
        ends = [step.kind for step in case.steps if step.kind in (Kind.RESOLVE, Kind.REOPEN)]
        assert ends, case.title
        assert ends[-1] is Kind.RESOLVE, case.title
        assert all(step.by == "requester" for step in case.steps if step.kind in (Kind.CONFIRM, Kind.REOPEN, Kind.REQUESTER_MESSAGE)), case.title


def test_every_reply_says_what_comes_next() -> None:
    """A reply that does not resolve carries a next step and a date; a question waits for the one who asked."""
    for case in marlow.conversations():
        for step in case.steps:
            if step.kind in (Kind.REPLY, Kind.QUESTION):
                assert step.next_step, (case.title, step.text)
            assert (step.kind is Kind.QUESTION) == (step.wait is Wait.REQUESTER), (case.title, step.text)


def test_the_year_has_its_bad_days_too() -> None:
    """Some answers are late, some wait, some come back, some would be noticed by a customer; most are in time."""
    cases = marlow.conversations()
    share = sum(late(case) for case in cases) / len(cases)
    assert 0.05 < share < 0.15
    assert sum(any(step.wait for step in case.steps) for case in cases) >= 25
    assert sum(any(step.kind is Kind.REOPEN for step in case.steps) for case in cases) >= 6
    assert sum(bool(case.customer) for case in cases) >= 50
    assert sum(any(step.workaround for step in case.steps) for case in cases) >= 12
    assert sum(any(step.kind is Kind.ACKNOWLEDGEMENT for step in case.steps) for case in cases) >= 10


def test_a_late_answer_says_sorry() -> None:
    """We said a time and it was later: the first sentence names it."""
    apology = re.compile(r"sorry|late", re.IGNORECASE)
    for case in marlow.conversations():
        if late(case):
            answer = next(step for step in case.steps if step.by != "requester" and step.kind in ANSWERS)
            assert apology.search(answer.text), case.title


def test_the_words_are_ours() -> None:
    """House style in every sentence, only known names in braces, and no text used twice."""
    texts: Counter[str] = Counter()
    for case in marlow.conversations():
        for text in (case.title, case.description, case.customer, *(step.text for step in case.steps), *(step.next_step for step in case.steps)):
            assert not NEVER_WRITTEN.search(text), (case.title, text)
            assert set(NAMES_IN_BRACES.findall(text)) <= {"requester", "fulfiller", "colleague", "due"}, text
        texts.update([case.description, *(step.text for step in case.steps if len(step.text) > 40)])
    assert not [text for text, count in texts.items() if count > 1]


def test_people_named_in_a_case_are_known() -> None:
    """So that nobody asks himself for a favour."""
    case = next(case for case in marlow.conversations() if case.title == "Laptop for the new dealer adviser")
    assert marlow.mentioned(case) == frozenset()
    case = next(case for case in marlow.conversations() if case.title == "Team lead for the returns desk")
    assert "elena-duarte" in marlow.mentioned(case)


def test_maras_radiator_is_told_as_in_the_pictures() -> None:
    """Asked, answered in time, a heater first, the valve the day after."""
    request = next(request for request in marlow.story() if request.number == 4127)
    assert (request.requester, request.owner, request.followers) == ("mara-okafor", "jonas-lindqvist", ("nils-brandt",))
    assert request.filed == "-1 10:00"
    assert [event.kind for event in request.events[:3]] == [Kind.NOTE, Kind.REPLY, Kind.REPLY]
    assert request.events[2].workaround
    assert request.events[-1].kind is Kind.RESOLVE


def test_the_queue_of_the_picture_is_there() -> None:
    """Seventeen rows of Facilities, and three more things of Mara's."""
    rows = [request for request in marlow.story() if SERVICES[request.service] in catalogue.load()[2].services and request.number > 4000]
    assert len(rows) == 17
    assert Counter(request.status for request in rows) == {"new": 5, "working": 6, "planned": 2, "waiting_supplier": 2, "waiting_requester": 1, "resolved": 1}
    assert len([request for request in marlow.story() if request.requester == "mara-okafor"]) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": "x" * 121}, "too long"),
        ({"answers": {"place": "here", "nothing": "x"}}, "no field"),
        ({"answers": {"place": "here", "thing": "A spaceship"}}, "no answer"),
        ({"answers": {"thing": "Light or power"}}, "missing"),
        ({"answers": {"place": "the-moon"}}, "no answer"),
        ({"places": ["the-moon"]}, "unknown place"),
        ({"departments": ["astronomy"]}, "unknown department"),
        ({"steps": [{"by": "fulfiller", "kind": "reply", "after": 1, "text": "Soon.", "next_step": "Look"}]}, "has a date"),
        ({"steps": [{"by": "fulfiller", "kind": "reply", "after": 1, "text": "By {due}."}]}, "needs a date"),
    ],
)
def test_a_case_that_does_not_fit_is_refused_by_name(change: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same case without the mistake is read."""
    marlow.company()
    good: dict[str, Any] = {"title": "Lamp", "description": "Dark.", "impact": "slower", "places": ["workshop"], "answers": {"place": "here"}}
    good["steps"] = [{"by": "fulfiller", "kind": "resolve", "after": 1, "text": "Lit."}]
    monkeypatch.setattr(marlow, "load", lambda: (catalogue.DepartmentContent("facilities", "", "", "", "", (SERVICES["repair"],)),))
    monkeypatch.setattr(marlow, "read_toml", lambda _: {"service": "repair", "cases": [dict(good)]})
    assert [case.title for case in marlow.conversations.__wrapped__()] == ["Lamp"]
    monkeypatch.setattr(marlow, "read_toml", lambda _: {"service": "repair", "cases": [{**good, **change}]})
    with pytest.raises(ContentError, match=words):
        marlow.conversations.__wrapped__()
