"""Lists as files for a spreadsheet, sent while they are read.

Rows come in batches by key, each a short read of its own: a list of any length costs the memory of one batch, and no transaction stays
open while somebody's line is slow. Who took which list is noted before the first byte, how many rows went out after the last.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog
from flask import Flask, Response, current_app, g

from portal.kernel import activity, clock, csvsafe, observe, times, unit_of_work
from portal.kernel.csvsafe import Cell
from portal.kernel.db import db
from portal.kernel.errors import PortalError
from portal.kernel.messages import Message, say
from portal.kernel.paging import Page
from portal.kernel.policy import Actor

T = TypeVar("T")
Done = Callable[[int, bool], None]
"""Told how many rows went out, and whether these were all."""
BATCH = 500
"""Rows read and sent at once."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sheet(Generic[T]):
    """A list as a file: its name without ending, the words of its head, a page after a cursor, and the cells of a row."""

    name: str
    head: Sequence[Message]
    page: Callable[[str | None], Page[T]]
    cells: Callable[[T], Sequence[Cell]]


@dataclass(frozen=True)
class Flow(Generic[T]):
    """Rows that come from elsewhere than a list, as a file: batches read one after the other, with no transaction open between them."""

    name: str
    head: Sequence[Message]
    batches: Iterator[Sequence[T]]
    cells: Callable[[T], Sequence[Cell]]


def answer(sheet: Sheet[Any] | Flow[Any], contract: Callable[[int, bool], Any], *, actor: Actor, now: datetime) -> Response:
    """The file as an answer; ``contract`` makes the event from the number of rows and whether they were all. Raises Busy when nothing can be noted."""
    subject = ("people.person", actor.person_id or 0)
    observe.note("kernel.export.begun", person_id=actor.person_id, subject=subject, at=now, every=0)

    def done(rows: int, whole: bool) -> None:
        unit_of_work.run(lambda: activity.record(contract(rows, whole), actor=actor, subject=subject, at=clock.now()))

    return download(stream(sheet, done), f"{sheet.name}.csv", actor=actor)


def download(parts: Iterator[bytes], name: str, *, actor: Actor) -> Response:
    """An answer that is made while it is sent, as a file with this name."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  documented by Flask
    response = Response(_Sent(app, actor, parts), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def gathered(parts: Iterator[bytes], size: int = 64_000) -> Iterator[bytes]:
    """Small parts in pieces of at least ``size`` bytes."""
    piece = bytearray()
    for part in parts:
        piece += part
        if len(piece) >= size:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


class _Sent:
    """Parts that are made in a context of their own each, with the reader in it for language and zone.

    Flask's own helper keeps one context over the whole answer. A reader who leaves, or asks for the head only, ends it in another
    thread or much later, and there the context cannot be taken down.
    """

    def __init__(self, app: Flask, actor: Actor, parts: Iterator[bytes]) -> None:
        self._app, self._actor, self._parts = app, actor, parts

    def __iter__(self) -> "_Sent":
        return self

    def __next__(self) -> bytes:
        with self._app.test_request_context("/"):
            g.actor = self._actor
            part = next(self._parts, None)
        # Raised inside, the end would be logged as a request that failed.
        if part is None:
            raise StopIteration
        return part

    def close(self) -> None:
        """Called by the server when the answer is over, however it ended."""
        with self._app.test_request_context("/"):
            g.actor = self._actor
            if isinstance(self._parts, Generator):
                self._parts.close()


def stream(sheet: Sheet[Any] | Flow[Any], done: Done) -> Iterator[bytes]:
    """The bytes of the file, a batch at a time; what breaks off says so in its last line."""
    rows, whole = 0, False
    try:
        for number, part in _parts(sheet):
            yield part
            rows += number
        whole = True
    except Exception:
        # The answer has begun, so no error page can follow: whoever opens the file must see that it is not all.
        log.exception("export broke off", list=sheet.name, rows=rows)
        db.session.rollback()
        yield _lines([[str(say("This list is not complete: it broke off after %(number)s rows. Export it once more.", number=rows))]])
    finally:
        _tell(done, rows, whole)


def _parts(sheet: Sheet[Any] | Flow[Any]) -> Iterator[tuple[int, bytes]]:
    db.session.rollback()  # who may have it was read before; nothing stays open while the line is slow
    yield 0, b"".join(csvsafe.write([[str(word) for word in sheet.head]]))
    for items in sheet.batches if isinstance(sheet, Flow) else _pages(sheet):
        lines = [sheet.cells(row) for row in items]
        db.session.rollback()
        yield len(lines), _lines(lines)


def _pages(sheet: Sheet[T]) -> Iterator[Sequence[T]]:
    cursor: str | None = None
    while True:
        page = sheet.page(cursor)
        yield page.items
        if page.next is None:
            return
        if page.next == cursor:
            raise RuntimeError("a list that stands still would be sent for ever")
        cursor = page.next


def _lines(rows: Sequence[Sequence[Cell]]) -> bytes:
    return b"".join(csvsafe.write(rows, mark=False))


def _tell(done: Done, rows: int, whole: bool) -> None:
    try:
        done(rows, whole)
    except PortalError as error:
        # That it was begun is noted already; the rows themselves are with the reader.
        log.warning("length of an export not noted", rows=rows, error=type(error).__name__)


def local(instant: datetime | None, zone: str) -> str:
    """An instant on the wall clock of ``zone`` in a form that spreadsheets take for a time: "2026-11-24 14:00"; empty for None."""
    return times.local(instant, zone).strftime("%Y-%m-%d %H:%M") if instant else ""
