"""What was typed becomes a query, and texts become pieces: without a database, and whatever was typed."""

import re
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.kernel import search
from portal.kernel.search import PRIVATE, READABLE, Query, Term, closeness, fold, fts5, marked, parse, passage, tsquery, words_of
from portal.kernel.search_keeping import told

ANYTHING = st.text() | st.text(alphabet="\"'*()&|!:<->{}^+-\\ aé\x00\ud800").map(lambda text: text)


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("radiator", [Term(("radiator",), True)]),
        ("Radiator  STUDIO", [Term(("radiator",), True), Term(("studio",), True)]),
        ('"two lamps" flicker', [Term(("two", "lamps"), False), Term(("flicker",), True)]),
        ("“two lamps”", [Term(("two", "lamps"), False)]),
        ('"not closed', [Term(("not", "closed"), False)]),
        ("HX-2231", [Term(("hx", "2231"), True)]),
        ("in A", [Term(("in",), False), Term(("a",), False)]),
        ("Straße smørrebrød Łódź", [Term(("strasse",), True), Term(("smorrebrod",), True), Term(("lodz",), True)]),
        ("same same", [Term(("same",), True)]),
        ("--- *** \"\" ''", []),
        ("", []),
    ],
)
def test_what_was_typed_is_read(typed: str, terms: list[Term]) -> None:
    """Words begin words, phrases are exact, accents and case do not matter, two letters are a whole word."""
    assert list(parse(typed).terms) == terms


def test_there_is_an_end_to_it() -> None:
    """Only so many terms, words of a phrase and characters are read."""
    assert len(parse(" ".join(f"w{n}" for n in range(50))).terms) == search.TERMS
    assert len(parse('"' + "a " * 90 + '"').terms[0].words) == search.PHRASE
    assert parse("x" * 5000).words == ("x" * search.TYPED,)


@given(ANYTHING)
@example('" OR title:x')
@example("NEAR(a b, 3) AND NOT c*")
@example("a:* & !b | (c")
@example("\x00\x1f")
def test_nothing_typed_is_syntax(typed: str) -> None:
    """FTS5 takes every query; no quote of either language is left inside a word."""
    query = parse(typed)
    assert all(re.search(r"[\"'\\\s*:&|!()<>]", word) is None for word in query.words)
    if query:
        assert tsquery(query, PRIVATE).count("'") == 2 * len(query.words)
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("CREATE VIRTUAL TABLE t USING fts5(title, body, note)")
            connection.execute("SELECT rowid FROM t WHERE t MATCH ?", (fts5(query, READABLE).encode(errors="replace").decode(),)).fetchall()


def test_the_words_of_both_databases() -> None:
    """The same query for each; parts become columns of the one and labels of the other."""
    query = parse('"two lamps" radi')
    assert fts5(query, READABLE) == '{title body} : (("two lamps") AND ("radi"))'
    known = Query((query.terms[0], replace(query.terms[1], known=("radiator", "radish"))))
    assert fts5(known, READABLE) == '{title body} : (("two lamps") AND ("radiator" OR "radish"))'
    assert tsquery(query, READABLE) == "('two':AB <-> 'lamps':AB) & ('radi':*AB)"
    assert tsquery(query, PRIVATE) == "('two':ABD <-> 'lamps':ABD) & ('radi':*ABD)"


def test_a_migration_folds_as_the_portal_does() -> None:
    """Written down twice, because an old migration must not depend on today's code."""
    from alembic.script import ScriptDirectory

    from tests.support.migrating import config

    made = ScriptDirectory.from_config(config()).get_revision("0002").module
    assert str.maketrans(made.LETTERS) == search.LETTERS
    for text in ("Ångström", "Ærø ﬁt Łódź", "ΟΔΟΣ", "plain", "ＡＢ"):
        assert made.fold(text) == fold(text)


@given(st.text(), st.text(max_size=30))
def test_pieces_are_the_text(text: str, typed: str) -> None:
    """Marking leaves out nothing and adds nothing."""
    assert "".join(piece.text for piece in marked(text, parse(typed))) == text


@given(st.lists(st.text(max_size=400), max_size=4), st.text(max_size=30), st.integers(40, 200))
def test_a_passage_is_short_and_has_a_hit(texts: list[str], typed: str, width: int) -> None:
    """At most the width and the dots; nothing at all where nothing was found."""
    found = passage(texts, parse(typed), width)
    assert not found or any(piece.is_hit for piece in found)
    assert sum(len(piece.text) for piece in found) <= max(width + 4, 4 + max(map(len, texts), default=0))


def test_the_passage_is_where_most_of_it_stands() -> None:
    """Around the words, from the text that has most of them, cut between words."""
    long = "nothing here " * 30 + "the Radiator in the studio stays cold " + "and more words " * 30
    found = passage(["a radiator", long], parse("radiator studio"), 80)
    assert [piece.text for piece in found if piece.is_hit] == ["Radiator", "studio"]
    assert found[0].text.startswith("… ")
    assert found[-1].text.endswith(" …")
    assert "".join(piece.text for piece in found).strip("… ").split(" ")[0] in {"here", "nothing", "the"}


def test_accents_are_marked_as_they_stand() -> None:
    """The text keeps its own letters."""
    assert [piece.text for piece in marked("Die Tür im Café", parse("tur cafe")) if piece.is_hit] == ["Tür", "Café"]


def test_a_title_fits_better_or_worse() -> None:
    """As typed, all of it, some of it, none of it."""
    query = parse("cold radiator")
    titles = ("A cold radiator again", "Radiator stays cold", "Radiator", "A door")
    assert [closeness(title, query) for title in titles] == [3, 2, 1, 0]
    assert closeness("anything", Query()) == 3


def test_answers_of_a_form_are_texts() -> None:
    """Every text at any depth; numbers and truth say nothing."""
    assert sorted(told('{"a": "one", "b": [2, "three", {"c": "four"}], "d": true}').split()) == ["four", "one", "three"]
    assert told("not json") == ""
    assert told(None) == ""


def test_words_are_what_stands_between_signs() -> None:
    """Punctuation of ASCII and of Unicode separates."""
    assert words_of("a_b-c/d.e…f–g “h” 日本。x") == ("a", "b", "c", "d", "e", "f", "g", "h", "日本", "x")


@given(st.text("ab_ -1.", max_size=30), st.text('ab_ "1', max_size=12))
def test_plain_letters_are_found_as_all_others(text: str, typed: str) -> None:
    """The short way for texts in plain letters marks what the long way marks; one foreign sign behind them makes the long way."""
    query = search.parse(typed)
    if query:
        short, long = search.marked(text, query), search.marked(f"{text} é", query)
        assert [piece for piece in short if piece.is_hit] == [piece for piece in long if piece.is_hit]
