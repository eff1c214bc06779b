"""CSV: nothing runs in a spreadsheet, our own export comes back byte for byte, and bad files are named by their line."""

import contextlib
import csv
import io
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.csvsafe import read, safe, write
from portal.kernel.errors import Refusal


def there_and_back(rows: list[list[str]]) -> list[list[str]]:
    return [cells for _, cells in read(io.BytesIO(b"".join(write(rows))))]


def refusal(content: bytes) -> str:
    with pytest.raises(Refusal) as refused:
        list(read(io.BytesIO(content)))
    return refused.value.message.text % refused.value.message.params


FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://evil","x")',
    "+49 30 555",
    "-5",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
    "'=1",
    "''-1",
    "' @x",
    "-",
    "\t",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_looks_like_a_formula_carries_an_apostrophe(text: str) -> None:
    """Opened as rows, no text cell begins with a sign that a spreadsheet would follow."""
    [[cell]] = list(csv.reader(io.StringIO(b"".join(write([[text]])).decode("utf-8-sig"), newline="")))
    assert cell == "'" + text
    assert there_and_back([["name", "note"], [text, "x"]]) == [["name", "note"], [text, "x"]]


@pytest.mark.parametrize(
    "text", ["Mara", "5 - 3", "a=b", "'quoted'", "it's", "O'Neil", "", "mara@marlow.example", "1-2", "Müller; Jörg", 'say "hi"', "two\nlines"]
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    """No apostrophe where none is needed."""
    assert safe(text) == text


def test_numbers_and_instants_are_not_texts() -> None:
    """A spreadsheet can add them up and sort them."""
    rows = [[-5, 2.5, Decimal("-1.20"), None, date(2026, 11, 24), datetime(2026, 11, 24, 9, 0, tzinfo=UTC)]]
    assert b"".join(write(rows)) == b'\xef\xbb\xbf-5,2.5,-1.20,"","2026-11-24","2026-11-24T09:00:00+00:00"\r\n'


# A row of empty cells only is not a row to the reader, and line ends at the edges are what the csv format cannot tell apart.
CELLS = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(st.lists(st.lists(st.one_of(CELLS, st.sampled_from(FORMULAS)), min_size=1, max_size=5), min_size=1, max_size=6))
def test_our_own_export_comes_back_byte_for_byte(rows: list[list[str]]) -> None:
    """Whatever the cells hold: quotes, both separators, line breaks, apostrophes, byte order marks."""
    rows = [["first", *row] for row in rows]
    assert there_and_back(rows) == rows


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20))
def test_no_cell_that_is_written_can_start_a_formula(text: str) -> None:
    """Neither at once nor after blanks."""
    written = str(safe(text))
    assert not written.lstrip().startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
    assert not written.startswith(("\t", "\r", "\n"))


@pytest.mark.parametrize(
    "content",
    [
        b"number,name\r\n1,Mara\r\n2,J\xc3\xb6rg\r\n",
        b"\xef\xbb\xbfnumber,name\r\n1,Mara\r\n2,J\xc3\xb6rg\r\n",
        b"number;name\n1;Mara\n2;J\xc3\xb6rg",
        b'"number";"name"\n"1";"Mara"\n"2";"J\xc3\xb6rg"\n',
        b"number,name\n\n1,Mara\n , \n2,J\xc3\xb6rg\n\n",
    ],
)
def test_tables_from_everywhere_are_read(content: bytes) -> None:
    """With or without a byte order mark, comma or semicolon, any line end, empty lines between."""
    assert [cells for _, cells in read(io.BytesIO(content))] == [["number", "name"], ["1", "Mara"], ["2", "Jörg"]]


def test_the_first_line_decides_on_the_separator_outside_of_quotes() -> None:
    """A heading with commas in quotes is one heading."""
    assert list(read(io.BytesIO(b'"a,b,c";d\n1;2,3\n'))) == [(1, ["a,b,c", "d"]), (2, ["1", "2,3"])]


def test_rows_are_numbered_by_the_line_they_begin_on() -> None:
    """As a text editor counts, also after empty lines and cells with line breaks."""
    content = b'a,b\n1,"two\nlines"\n\n3,4\n'
    assert [line for line, _ in read(io.BytesIO(content))] == [1, 2, 5]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\nJ\xf6rg,3\n", "Line 3 is not in UTF-8"),
        (b"J\xf6rg,3\n", "Line 1 is not in UTF-8"),
        (b'a,b\n1,"2\n3,4\n', "Line 2 is not a row"),
        (b'a,b\n1,"2"x\n', "Line 2 is not a row"),
        (b"a,b\n" + b"x" * 300_000, "Line 2 is far too long"),
        (b'a,b\n"' + b"x" * 150_000 + b'",1\n', "Line 2 is not a row"),
        ("a;b\n".encode("utf-16"), "not a CSV file in UTF-8"),
        (b"PK\x03\x04\x14\x00", "not a CSV file in UTF-8"),
        (b"\xff\xd8\xff\xe0", "Line 1 is not in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(content: bytes, words: str) -> None:
    """The sentence says where and what to do."""
    assert refusal(content).startswith(words) or words in refusal(content)


def test_an_empty_file_has_no_rows() -> None:
    """The caller says what is missing."""
    assert list(read(io.BytesIO(b""))) == []
    assert list(read(io.BytesIO(b"\xef\xbb\xbf"))) == []


@pytest.mark.real_clock
@pytest.mark.parametrize("pattern", [b"'", b" ", b'"', b"\t", b"=", b",", b";", b"\n", b"\r", b"\x00", b"a,\n", b'""', b'"\n'])
def test_a_megabyte_of_anything_is_answered_at_once(pattern: bytes) -> None:
    """Rows or a sentence; a third of a million short rows are the most work a megabyte can be."""
    begun = time.process_time()
    with contextlib.suppress(Refusal):
        list(read(io.BytesIO(pattern * (1_000_000 // len(pattern)))))
    assert time.process_time() - begun < 3


def test_writing_streams() -> None:
    """A list of any length needs no memory of its size."""

    def endless() -> object:
        while True:
            yield ["x"]

    lines = write(endless())  # type: ignore[arg-type]  # rows without an end
    assert [next(lines) for _ in range(3)] == [b"\xef\xbb\xbf", b'"x"\r\n', b'"x"\r\n']
