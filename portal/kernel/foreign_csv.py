"""Tables as other programs write them: comma, semicolon or tab; UTF-8, UTF-16 or the Windows code page; told from the bytes.

Only one row is in memory at a time. What is no table is refused with a sentence that names the line.
"""

import codecs
import contextlib
import csv
import io
from collections.abc import Iterator
from typing import IO

from portal.kernel.csvsafe import unsafe
from portal.kernel.errors import Refusal
from portal.kernel.messages import say

CHUNK = 1 << 20
HEAD = 4096
LINE_LIMIT = 400_000
"""Characters in one line; a longer one is not a table."""
DELIMITERS = ";\t,"
NO_TABLE = say("This is not a table in CSV. Open it where it came from and save it as CSV.")
_OTHER = (
    b"PK\x03\x04",
    b"%PDF",
    b"\x7fELF",
    b"\xd0\xcf\x11\xe0",
    b"\x1f\x8b",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"MZ",
    b"Rar!",
    b"7z\xbc\xaf",
    b"SQLite format",
)
"""How files begin that people take for a table: workbooks, archives, pictures, programs."""


def encoding_of(stream: IO[bytes]) -> str:
    """In which encoding a stream is; it is read through and set back to its start. Refusal for what is no text."""
    stream.seek(0)
    head = stream.read(HEAD)
    if head.startswith(_OTHER):
        raise Refusal(NO_TABLE)
    found = _marked(head) or _unmarked(stream, head)
    stream.seek(0)
    return found


def _marked(head: bytes) -> str | None:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


def _unmarked(stream: IO[bytes], head: bytes) -> str:
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 5:  # Latin text in UTF-16 has a zero in every other byte
        if min(even, odd) > len(head) // 20:
            raise Refusal(NO_TABLE)
        return "utf-16-le" if odd > even else "utf-16-be"
    if sum(byte < 32 and byte not in b"\t\n\r\f\x00" for byte in head) > len(head) // 50:
        raise Refusal(NO_TABLE)
    return "utf-8" if _is_utf8(stream) else "cp1252"


def _is_utf8(stream: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    stream.seek(0)
    try:
        while chunk := stream.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def read(stream: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """Number of the first line and cells of each row that is not empty, the header among them; zero bytes are left out.

    Raises Refusal, naming the line, for what is not a table.
    """
    text = io.TextIOWrapper(stream, encoding_of(stream), errors="replace", newline="")
    try:
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=lines.delimiter, strict=True)
        yield from _rows(reader)
    finally:
        with contextlib.suppress(ValueError):  # whoever opened the stream may have closed it meanwhile
            text.detach()


def _rows(reader: "Iterator[list[str]]") -> Iterator[tuple[int, list[str]]]:
    start = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield start, [unsafe(cell) if cell.startswith("'") else cell for cell in row]
            start = reader.line_num + 1  # type: ignore[attr-defined]  # the reader of csv has no type of its own
    except csv.Error as error:
        raise Refusal(say("Line %(line)s is not a row of a table: a quotation mark may be missing.", line=start)) from error


class _Lines:
    """The lines of a text, the first one looked at before."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text, self._number = text, 0
        self._first: str | None = self._next()
        self.delimiter = _delimiter(self._first)

    def __iter__(self) -> Iterator[str]:
        """Every line with its end."""
        while line := self._first if self._first is not None else self._next():
            self._first = None
            yield line

    def _next(self) -> str:
        line = self._text.readline(LINE_LIMIT + 1)
        self._number += 1
        if len(line) > LINE_LIMIT:
            raise Refusal(say("Line %(line)s is far too long for a row of a table.", line=self._number))
        return line.replace("\x00", "") if "\x00" in line else line


def _delimiter(first: str) -> str:
    """What stands most often outside of quotation marks in the first line; a comma where nothing does."""
    outside = "".join(first.split('"')[::2])
    return max(DELIMITERS, key=outside.count) if any(sign in outside for sign in DELIMITERS) else ","
