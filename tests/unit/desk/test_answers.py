"""Answers to the twelve types of field: what is kept, and what is said when something does not fit."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.content import catalogue
from portal.desk.answers import READERS, validate_answers
from portal.desk.catalogue import field_values

TODAY = date(2026, 11, 24)


def ask(kind: str, raw: Any, **rest: Any) -> tuple[Any, str | None]:
    """One field of this type: what is kept, and what is complained."""
    field = {"key": "it", "label": "It", "type": kind, **rest}
    answers, problems = validate_answers([field], {"it": raw}, TODAY, zone="Europe/Berlin")
    return answers.get("it"), str(problems["it"]) if "it" in problems else None


ROOMS = ["Studio 1", "Studio 2", "Roof"]
KEPT: list[tuple[str, Any, dict[str, Any], Any]] = [
    ("text", "  the  tall\none ", {}, "the tall one"),
    ("text", "cafe\u0301", {}, "café"),
    ("text", "a\u202eb\x00c", {}, "abc"),
    ("long_text", "one\r\ntwo ", {}, "one\ntwo"),
    ("number", "2", {}, 2),
    ("number", "2,5", {}, 2.5),
    ("number", " 1 000 ", {}, 1000),
    ("number", "\u22124", {"min": -20, "max": 60}, -4),
    ("number", "0", {"min": 0}, 0),
    ("date", "2026-11-26", {}, "2026-11-26"),
    ("date", "2026-11-24", {"min": 0}, "2026-11-24"),
    ("date", "2026-11-25", {"min": 1, "max": 1}, "2026-11-25"),
    ("datetime", "2026-11-26T10:00", {}, "2026-11-26T09:00:00+00:00"),
    ("datetime", "2026-07-26T10:00", {}, "2026-07-26T08:00:00+00:00"),
    ("choice", "Roof", {"options": ROOMS}, "Roof"),
    ("choices", ["Roof", "Studio 1", "Roof"], {"options": ROOMS}, ["Studio 1", "Roof"]),
    ("yes_no", "yes", {}, True),
    ("yes_no", "no", {}, False),
    ("yes_no", False, {"required": True}, False),
    ("person", "7", {}, 7),
    ("department", "3", {}, 3),
    ("location", "1", {}, 1),
    ("file", ["a.pdf", "b.png"], {}, ["a.pdf", "b.png"]),
]


@pytest.mark.parametrize(("kind", "raw", "rest", "kept"), KEPT)
def test_what_is_typed_is_kept_tidily(kind: str, raw: Any, rest: dict[str, Any], kept: Any) -> None:
    """Spaces, line ends, commas and local times become what the table keeps."""
    assert ask(kind, raw, **rest) == (kept, None)


REFUSED: list[tuple[str, Any, dict[str, Any], str]] = [
    ("text", "x" * 201, {}, "longer than 200 characters"),
    ("text", "x" * 41, {"max_length": 40}, "longer than 40 characters"),
    ("long_text", "x" * 5001, {}, "longer than 5000 characters"),
    ("number", "two", {}, "Please write a number, for example 2. A guess is fine."),
    ("number", "nan", {}, "Please write a number"),
    ("number", "1e999", {}, "Please write a number"),
    ("number", "9" * 40, {}, "Please write a number"),
    ("number", "61", {"min": 1, "max": 60}, "A number from 1 to 60 fits here."),
    ("number", "0", {"min": 1}, "A number from 1 on fits here."),
    ("number", "11", {"max": 10}, "A number up to 10 fits here."),
    ("date", "26.11.2026", {}, "Please write a day as year, month and day, for example 2026-11-24."),
    ("date", "2026-02-30", {}, "Please write a day"),
    ("date", "2026-11-24", {"min": 2}, "Today is too soon. The first free day is Thu 26 Nov."),
    ("date", "2026-11-25", {"min": 2}, "That is too soon. The first free day is Thu 26 Nov."),
    ("date", "2026-11-20", {"min": 0}, "That day has passed. The first free day is today."),
    ("date", "2026-12-24", {"max": 7}, "That is too far ahead. The last day is Tue 1 Dec."),
    ("date", "0026-11-26", {}, "Please have another look at the year."),
    ("datetime", "tomorrow", {}, "Please write a day and a time, for example 2026-11-24T14:00."),
    ("datetime", "2026-11-24T18:00", {"min": 1}, "Today is too soon. The first free day is tomorrow."),
    ("datetime", "0001-01-01T00:00", {}, "Please write a day and a time"),
    ("choice", "Cellar", {"options": ROOMS}, "Please choose one of the answers."),
    ("choices", ["Roof", "Cellar"], {"options": ROOMS}, "One of these answers is not in the list."),
    ("yes_no", "maybe", {}, "Please say yes or no."),
    ("person", "Nobody", {}, "We do not find this colleague. Choose a name from the list."),
    ("department", "-1", {}, "We do not know this department."),
    ("location", "9" * 30, {}, "We do not know this place."),
    ("file", [f"{n}.png" for n in range(11)], {}, "10 files are the most."),
]


@pytest.mark.parametrize(("kind", "raw", "rest", "words"), REFUSED)
def test_what_does_not_fit_is_said_kindly(kind: str, raw: Any, rest: dict[str, Any], words: str) -> None:
    """Each complaint says what would fit."""
    kept, problem = ask(kind, raw, **rest)
    assert kept is None
    assert problem is not None
    assert words in problem


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("nothing", [None, "", "   ", [], ["", " "], "\x00"])
def test_nothing_is_nothing_and_asked_for_where_it_is_needed(kind: str, nothing: Any) -> None:
    """An optional answer may be left out, a needed one is asked for in words of its own."""
    assert ask(kind, nothing, options=ROOMS) == (None, None)
    kept, problem = ask(kind, nothing, options=ROOMS, required=True)
    assert kept is None
    assert problem is not None
    assert problem.startswith("Please ")


def test_names_become_ids_by_the_resolver_that_is_handed_in() -> None:
    """Rules know no database: whoever calls says how a name is looked up."""
    people = {("person", "Jonas Lindqvist"): 4}
    field = {"key": "who", "label": "Who", "type": "person"}
    answers, problems = validate_answers([field], {"who": " Jonas  Lindqvist "}, TODAY, resolve=lambda kind, text: people.get((kind, text)))
    assert (answers, problems) == ({"who": 4}, {})


def test_there_are_twelve_types_and_every_shipped_field_has_one() -> None:
    """What the content promises the form can read; keys nobody asked for are left out."""
    assert set(READERS) == {kind.value for kind in catalogue.FieldType}
    for department in catalogue.load():
        for service in department.services:
            fields = [field_values(field) for field in service.fields]
            _, problems = validate_answers(fields, {"smuggled": "x"}, TODAY)
            assert set(problems) == {field["key"] for field in fields if field.get("required")}


@given(kind=st.sampled_from(sorted(READERS)), raw=st.one_of(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=12), st.booleans(), st.integers()))
def test_nothing_typed_breaks_the_form(kind: str, raw: Any) -> None:
    """Whatever arrives is kept or complained about, never an error page."""
    kept, problem = ask(kind, raw, options=ROOMS, min=0 if kind in ("number", "date", "datetime") else None, max=9)
    assert kept is None or problem is None
