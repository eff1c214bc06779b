"""CSV that spreadsheets open without running anything in it, and that we read back byte for byte.

A text that a spreadsheet would take for a formula carries an apostrophe in front; reading takes it off again. Numbers stay numbers.
Reading copes with a byte order mark and with semicolons, and names the line of what it cannot read.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO

from portal.kernel.errors import Refusal
from portal.kernel.messages import say

Cell = str | int | float | Decimal | date | datetime | time | None
LINE_LIMIT = 200_000
"""Bytes in one line; a longer one is not a table."""

_FORMULA = re.compile("'*\\s*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_FOREIGN = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"PK\x03\x04")


def write(rows: Iterable[Sequence[Cell]], *, mark: bool = True) -> Iterator[bytes]:
    """Lines of CSV in UTF-8, one per row, beginning with a byte order mark (``mark``) so that spreadsheets know the encoding."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    if mark:
        yield codecs.BOM_UTF8
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
        yield buffer.getvalue().encode("utf-8", "replace")
        buffer.seek(0)
        buffer.truncate()


def safe(cell: Cell) -> str | int | float | Decimal:
    """A cell as it is written: numbers as they are, instants in ISO format, text with an apostrophe where it looks like a formula."""
    if cell is None:
        return ""
    if isinstance(cell, (date, datetime, time)):
        return cell.isoformat()
    if isinstance(cell, str):
        return f"'{cell}" if _FORMULA.match(cell) else cell
    return cell


def unsafe(text: str) -> str:
    """The text behind a cell that :func:`safe` wrote."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def read(stream: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """Number of the first line and cells of each row that is not empty, the header among them.

    Comma or semicolon is taken from the first line. Raises Refusal, naming the line, for what is not UTF-8 or not a table.
    """
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=lines.delimiter, strict=True)
    start = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield start, [unsafe(cell) if cell.startswith("'") else cell for cell in row]
            start = reader.line_num + 1
    except csv.Error as error:
        raise Refusal(say("Line %(line)s is not a row of a table: a quotation mark may be missing.", line=start)) from error


class _Lines:
    """The decoded lines of a stream, the first one looked at before."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._number = 0
        first = self._next()
        if first.startswith(_FOREIGN):
            raise Refusal(say("This is not a CSV file in UTF-8. Save it as “CSV UTF-8” and choose it once more."))
        self._first: str | None = self._decoded(first.removeprefix(codecs.BOM_UTF8))
        self.delimiter = _delimiter(self._first)

    def __iter__(self) -> Iterator[str]:
        """Every line with its end."""
        while line := self._first if self._first is not None else self._decoded(self._next()):
            self._first = None
            yield line

    def _next(self) -> bytes:
        line = self._stream.readline(LINE_LIMIT + 1)
        self._number += 1
        if len(line) > LINE_LIMIT:
            raise Refusal(say("Line %(line)s is far too long for a row of a table.", line=self._number))
        return line

    def _decoded(self, line: bytes) -> str:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refusal(say("Line %(line)s is not in UTF-8. Save the file as “CSV UTF-8” and choose it once more.", line=self._number)) from error


def _delimiter(first: str) -> str:
    """Comma or semicolon, whichever stands more often outside of quotation marks in the first line."""
    outside = "".join(first.split('"')[::2])
    return ";" if outside.count(";") > outside.count(",") else ","
