"""Names in a team note: what is read as one, who is meant, and what is said about a name of nobody, of several, of a stranger."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.desk import naming
from portal.desk.naming import Colleague, typed_in, who_is_named
from portal.kernel.errors import Refusal

JONAS = Colleague(1, "Jonas Lindqvist", "Jonas", "MC-1", "jonas@marlow.example", reads=True)
KIM = Colleague(2, "Kim Moreau", "Kim", "MC-2", "k.moreau@marlow.example", reads=True)
OTHER_KIM = Colleague(3, "Kim Moreau", "Kim", "MC-3", "", reads=False)
AASE = Colleague(4, "Åse O'Neil-Berg", "Åse", "MC-4", "", reads=True)
NILS = Colleague(5, "Nils Brandt", "Nils", "MC-5", "nils@marlow.example", reads=False)
EVERYBODY = [JONAS, KIM, OTHER_KIM, AASE, NILS]


def named(text: str, colleagues: list[Colleague] | None = None) -> list[tuple[int, str]]:
    """(person, words of the note) of everybody it names."""
    return [(one.person_id, one.written) for one in who_is_named(text, typed_in(text), colleagues or EVERYBODY, "Facilities", 7)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@Jonas Lindqvist has the key", [(1, "@Jonas Lindqvist")]),
        ("ask @jonas.lindqvist.", [(1, "@jonas.lindqvist")]),
        ("(@Jonas), please", [(1, "@Jonas")]),
        ("@JONAS's heater", [(1, "@JONAS")]),
        ("@Jonas\nLindqvist", [(1, "@Jonas")]),
        ("@k.moreau and @Jonas and @jonas again", [(2, "@k.moreau"), (1, "@Jonas")]),
        ("@ase o'neil-berg knows", [(4, "@ase o'neil-berg")]),
        ("@Åse.", [(4, "@Åse")]),
        ("@Kim Moreau reads notes, the other one does not", [(2, "@Kim Moreau")]),
        ("@Kim Moreau (MC-2) it is", [(2, "@Kim Moreau (MC-2)")]),
        ("write to jonas@marlow.example or see `@media` and ```\n@nobody\n```", []),
        ("twice @2x, alone @ and a/@path", []),
        ("", []),
    ],
)
def test_who_is_named(text: str, expected: list[tuple[int, str]]) -> None:
    """The longest name that is somebody's counts; accents, case and what follows do not matter."""
    assert named(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("@Jonsa has it", "We found nobody called @Jonsa."),
        ("@Nils Brandt may help", "Nils Brandt does not answer requests of Facilities and cannot read this note."),
        ("@Kim Moreau (MC-3) may help", "Kim Moreau does not answer requests of Facilities"),
        ("@Kim Moreau (MC-9)", "We found nobody called @Kim."),
    ],
)
def test_what_is_said_about_a_name_that_reaches_nobody(text: str, sentence: str) -> None:
    """A sentence for each, beside the note."""
    with pytest.raises(Refusal) as refused:
        named(text, [JONAS, OTHER_KIM, NILS])
    assert sentence in str(refused.value.message)
    assert refused.value.field == "note"


def test_two_of_the_same_name_are_told_apart_by_their_numbers() -> None:
    """The sentence says what to write, and writing it names one."""
    twin = Colleague(9, "Kim Moreau", "Kim", "MC-9", "", reads=True)
    with pytest.raises(Refusal) as refused:
        named("@Kim", [KIM, twin])
    assert "Write one of these: @Kim Moreau (MC-2), @Kim Moreau (MC-9)." in str(refused.value.message)
    assert named("@Kim Moreau (MC-9)", [KIM, twin]) == [(9, "@Kim Moreau (MC-9)")]


def test_a_note_names_ten_and_not_eleven() -> None:
    """The eleventh is refused in words."""
    many = [Colleague(n, f"Person {chr(64 + n)}", "", f"N-{n}", "", reads=True) for n in range(1, 12)]
    assert len(named(" ".join(f"@{one.name}," for one in many[:10]), many)) == naming.LIMIT
    with pytest.raises(Refusal) as refused:
        named(" ".join(f"@{one.name}," for one in many), many)
    assert str(refused.value.message) == "A note can name 10 people. Leave some out."


@given(st.text(alphabet="@ `.'’-()ajonsAÅé\n<>&", max_size=200))
def test_any_text_has_names_or_a_sentence(text: str) -> None:
    """Nothing breaks, and what is named stands in the text as it was written."""
    typed = typed_in(text)
    assert all(text[one.start] == "@" for one in typed)
    naming.sort_names(typed), naming.numbers(typed), naming.local_parts(typed)
    with contextlib.suppress(Refusal):
        assert all(written in text for _, written in named(text))


def test_a_name_of_many_words_ends_after_five() -> None:
    """However long the line, one look is short."""
    (one,) = typed_in("@" + "word " * 5_000)
    assert len(one.phrases) == naming.WORDS
