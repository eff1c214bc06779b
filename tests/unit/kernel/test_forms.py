"""Forms: what is stored is what people see, and what is too long is refused with the limit in words."""

from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from wtforms import Form, IntegerField, SelectField
from wtforms.validators import NumberRange

from portal.kernel import forms


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (None, ""),
        ("", ""),
        ("  Radiator stays cold \n", "Radiator stays cold"),
        ("one\r\ntwo\rthree\u2028four\x0bfive", "one\ntwo\nthree\nfour\nfive"),
        ("nul\x00 bell\x07 escape\x1b delete\x7f c1\x9b", "nul bell escape delete c1"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("\u2066Leo\u2069", "Leo"),
        ("\ufeffBOM", "BOM"),
        ("Cafe\u0301", "Café"),
        ("half \ud800 pair", "half  pair"),
        ("\u200b \u200e\u00a0", ""),
        ("tab\tstays", "tab\tstays"),
        ("سلام‌ عليكم", "سلام‌ عليكم"),
        ("👩‍🔧 comes", "👩‍🔧 comes"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_text_is_kept_as_people_see_it(typed: str | None, kept: str) -> None:
    """Control characters, steering marks and half characters go; scripts of the world and emoji stay; markup is only text."""
    assert forms.clean(typed) == kept


def test_a_line_has_single_spaces() -> None:
    """A title pasted from a mail is one line."""
    assert forms.clean_line("Radiator\r\n stays\t cold ") == "Radiator stays cold"


@given(st.text(st.characters(codec=None), max_size=60))
def test_cleaning_is_done_once(typed: str) -> None:
    """What was cleaned is stored, shown and sent again unchanged, and every database takes it."""
    kept = forms.clean(typed)
    assert forms.clean(kept) == kept
    assert "\x00" not in kept
    kept.encode()


class _Letter(forms.PortalForm):
    title = forms.line("Title", forms.required("Say in a few words what is wrong."), limit=20)
    text = forms.paragraph("Text", forms.optional(), limit=50)


class _Filter(forms.FilterForm):
    status = SelectField(choices=["", "open"], default="")
    at = IntegerField(validators=[forms.optional(), NumberRange(0, 100)])


@pytest.fixture
def filled(app: Flask) -> Any:
    """Fill the letter with values, as a browser would."""

    def fill(**values: str) -> _Letter:
        with app.test_request_context("/", method="POST", data=values):
            form = _Letter()
            form.validate()
            return form

    return fill


def test_a_complete_form_has_no_problems(filled: Any) -> None:
    """Cleaned values come out."""
    form = filled(title=" Radiator \x00cold ", text="since\r\nMonday")
    assert form.problems() == []
    assert (form.title.data, form.text.data) == ("Radiator cold", "since\nMonday")


def test_too_long_is_refused_with_the_limit_and_the_text_kept(filled: Any) -> None:
    """Nothing is cut off in silence."""
    form = filled(title="x" * 21, text="y" * 51)
    assert [(field, label) for field, label, _ in form.problems()] == [("title", "Title"), ("text", "Text")]
    assert form.problems()[0][2] == "This is longer than 20 characters. Shorten it a little, nothing is lost."
    assert form.summary() == "2 answers need another look. Nothing is lost."
    assert form.title.data == "x" * 21


@pytest.mark.parametrize("nothing", ["", "   ", "\u200b\u200b", "\x00", "\u202e"])
def test_what_nobody_can_see_is_no_answer(filled: Any, nothing: str) -> None:
    """A title of invisible characters would be a line nobody can click."""
    form = filled(title=nothing)
    assert form.problems() == [("title", "Title", "Say in a few words what is wrong.")]
    assert form.summary() == "1 answer needs another look. Nothing is lost."


def test_a_rule_may_complain_beside_its_field(filled: Any) -> None:
    """A refusal of the desk stands where the eye is; one of no field stands at the first."""
    form = filled(title="Radiator")
    form.complain("text", "Say where.")
    form.complain(None, "Not today.")
    form.complain("no such field", "Nor tomorrow.")
    assert form.problems() == [("title", "Title", "Not today."), ("text", "Text", "Say where.")]


@pytest.mark.parametrize(
    ("address", "status", "at"),
    [
        ("/?status=open&at=7", "open", 7),
        ("/?status=DROP+TABLE&at=7", "", 7),
        ("/?at=seven", "", None),
        ("/?at=999999999999", "", None),
        ("/?unknown=1", "", None),
    ],
)
def test_what_is_wrong_in_an_address_is_left_out(app: Flask, address: str, status: str, at: int | None) -> None:
    """An old bookmark shows the list, not an error."""
    with app.test_request_context(address):
        found = _Filter.from_address()
    assert isinstance(found, Form)
    assert (found.status.data, found.at.data) == (status, at)


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("", None), (None, None), ("None", None), ("-7", -1), ("7e9", -1), ("9" * 19, -1), ("٣", 3), ("1;", -1)]
)
def test_ids_are_numbers_or_nothing(text: Any, number: int | None) -> None:
    """What is no id matches no choice."""
    assert forms.int_or_none(text) == number
