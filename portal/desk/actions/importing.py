"""Taking requests of an earlier desk over: a preview that writes no request, and a job that writes them in batches.

A batch, its place in the file and the words for search are one transaction, and the place is moved by compare-and-set. So a job that was
killed goes on with the next row, two that run the same file never both write a batch, and the same file twice makes nothing twice.
Nobody is told, and no clock of an old request runs.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portal.contracts.desk import RequestsTaken
from portal.desk import importing
from portal.desk.actions.importing_open import take_open
from portal.desk.importing import Options, Refused, Row, Taken, World, folded
from portal.desk.importing_columns import OPEN, columns, plain
from portal.desk.importing_dates import order_in
from portal.desk.models import Message, MessageKind, Request, RequestImport, TakenRequest
from portal.desk.queries import importing as importing_read
from portal.desk.rules import Status
from portal.kernel import activity, files, foreign_csv, jobs, unit_of_work
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.messages import Message as Sentence
from portal.kernel.messages import say
from portal.kernel.policy import SYSTEM, Actor
from portal.people import calendars
from portal.people.actors import actor_of

__all__ = ["BATCH", "Look", "apply", "begin", "choose", "confirm", "discard", "go_on", "look", "look_at", "mapped", "receive", "refused_rows"]

BATCH = 400
"""Requests that are written in one transaction; the words for search of more than a thousand would be left to a later one."""
SHOWN, WORDS, REASONS = 20, 40, 100
"""Rows of a preview, words of each column that are told apart, and refused rows that are shown."""
SOON = 3_000_000
"""Bytes of a file that is looked at before the page answers; a larger one is left to the worker."""
SUBJECT = "desk.import"
Progress = Callable[[int, int], None]


def receive(stream: IO[bytes], name: str, limit: int = importing.LARGEST) -> files.Received:
    """Store a file; slow, so outside of every transaction. Raises what :func:`files.receive_table` raises, or Refusal for what is no table."""
    received = files.receive_table(stream, name=name, limit=min(limit, importing.LARGEST))
    with files.read(files.StoredFile(digest=received.digest)) as content:
        importing.known_columns(next(foreign_csv.read(content), (1, []))[1])
    return received


def begin(received: files.Received, options: Options, *, actor: Actor, now: datetime) -> RequestImport:
    """Keep a file with what was chosen for it; nothing is read yet."""
    stored = files.keep(received, owner_id=actor.person_id, now=now)
    run = RequestImport(file_id=stored.id, file_name=received.name[:200], state="reading", options=options.plain(), started_by=actor.person_id)
    run.created_at = run.updated_at = now
    db.session.add(run)
    db.session.flush()
    _ask_for_look(run, received.size)
    return run


def _ask_for_look(run: RequestImport, size: int) -> None:
    if size > SOON:
        jobs.enqueue("desk.import.look", unique=str(run.id), run_id=run.id)


def choose(run: RequestImport, options: Options, *, now: datetime) -> None:
    """What words of the file mean was chosen anew: it is looked at once more. Conflict when it is confirmed already."""
    _move(run.id, ("preview", "reading"), state="reading", options=options.plain(), updated_at=now)
    _ask_for_look(run, importing_read.file_of(run).size)


def confirm(run: RequestImport, *, now: datetime) -> None:
    """Hand the file to the worker; of two who confirm at once one does, the other gets a Conflict."""
    _move(run.id, ("preview",), state="running", position=0, made=0, updated_at=now)
    jobs.enqueue("desk.import.run", unique=str(run.id), run_id=run.id)


def discard(run: RequestImport, *, now: datetime) -> None:
    """Put a preview away without writing anything."""
    _move(run.id, ("preview", "reading", "unreadable"), state="discarded", updated_at=now)


def go_on(run: RequestImport, *, now: datetime) -> None:
    """Hand a run that stands still to the worker once more; one that moves is not disturbed, whoever comes second stops."""
    _move(run.id, ("running", "stopped"), state="running", updated_at=now)
    jobs.enqueue("desk.import.run", unique=str(run.id), run_id=run.id)


def _move(run_id: int, states: Collection[str], **values: Any) -> None:
    change = sa.update(RequestImport).where(RequestImport.id == run_id, RequestImport.state.in_(states)).values(**values)
    if not _one(change):
        raise Conflict(say("This import was confirmed or put away already."))


def _one(statement: Any) -> bool:
    return bool(getattr(db.session.execute(statement, execution_options={"synchronize_session": False}), "rowcount", 0) == 1)


# -- judging -------------------------------------------------------------------------------------------------------------


@dataclass
class Judge:
    """Rows against what is known; ``seen`` holds the keys of the file so far."""

    world: World
    options: Options
    seen: set[bytes] = field(default_factory=set)

    def sort(self, batch: Sequence[Row]) -> tuple[list[Taken], list[tuple[Row, Refused]], int]:
        """What is new, what is refused, and how many are known already; one statement for a batch."""
        refused: list[tuple[Row, Refused]] = []
        believed: list[tuple[Row, Taken]] = []
        for row in batch:
            try:
                believed.append((row, importing.taken(row, self.world, self.options)))
            except Refusal as refusal:
                refused.append((row, Refused(row.line, row.number, refusal.message)))
        known = importing_read.known([taken.key for _, taken in believed])
        new, again = [], 0
        for row, taken in believed:
            reason = self._reason(taken, known)
            if reason is not None:
                refused.append((row, Refused(row.line, taken.number, reason)))
            elif taken.key in known or not self._is_first(taken):
                again += 1
            else:
                new.append(taken)
        refused.sort(key=lambda pair: pair[0].line)
        return new, refused, again

    def _reason(self, taken: Taken, known: dict[str, str]) -> Sentence | None:
        if not taken.number:
            return None
        if bytes.fromhex(taken.key) in self.seen:
            return say("The number %(value)s stands in this file more than once.", value=taken.number[:40])
        if known.get(taken.key, taken.words) != taken.words:
            return say("The number %(value)s was taken over already with another subject. Is this another desk? Give it another name.", value=taken.number[:40])
        return None

    def _is_first(self, taken: Taken) -> bool:
        key = bytes.fromhex(taken.key)
        first = key not in self.seen
        self.seen.add(key)
        return first


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    reading = iter(rows)
    while batch := list(islice(reading, BATCH)):
        yield batch


# -- looking -------------------------------------------------------------------------------------------------------------


@dataclass
class Look:
    """What a file would do."""

    options: Options
    header: Sequence[str] = ()
    words: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in ("department", "service", "status")})
    counts: Counter[str] = field(default_factory=Counter)
    first: list[Taken] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Rows of the file."""
        return self.counts["rows"]


def look_at(stream: IO[bytes], options: Options, world: World, progress: Progress = lambda done, total: None) -> Look:
    """Read a file and compare it, writing nothing; outside of every unit of work. Raises Refusal for what is no table of requests."""
    found = _words(stream, Look(options))
    judge = Judge(world, found.options)
    for batch in _batches(importing.rows(foreign_csv.read(stream))):
        new, refused, known = judge.sort(batch)
        db.session.rollback()
        found.counts.update(new=len(new), refused=len(refused), known=known, open=sum(taken.state == OPEN for taken in new))
        found.first += new[: SHOWN - len(found.first)]
        found.refused += [one for _, one in refused][: REASONS - len(found.refused)]
        found.counts["rows"] += len(batch)
        progress(found.total, 0)
    return found


def _words(stream: IO[bytes], found: Look) -> Look:
    """The first time through: which words stand in the columns that can be mapped, and whether dates write the day first."""
    table = foreign_csv.read(stream)
    found.header = next(table, (1, []))[1]
    places, day_first = columns(found.header), found.options.day_first
    dates = [places[name] for name in ("created", "closed") if name in places]
    for _, cells in table:
        for name, words in found.words.items():
            text = cells[places[name]][:200].strip() if name in places and places[name] < len(cells) else ""
            if text and (text in words or len(words) < WORDS * 5):
                words[text] += 1
        if day_first is None:
            day_first = order_in(cells[place] for place in dates if place < len(cells))
    found.options = replace(found.options, day_first=day_first)
    return found


def look(run_id: int, *, now: datetime) -> None:
    """Look at a file that was kept, and keep what it would do. A run that does not wait to be read is left alone."""
    run = db.session.get(RequestImport, run_id)
    if run is None or run.state != "reading":
        return
    options, stored = Options(**run.options), importing_read.file_of(run)
    actor = _importer(run, now)
    db.session.expunge(stored)
    try:
        world = importing_read.world(actor or SYSTEM, now)
        db.session.rollback()
        with files.read(stored) as stream:
            found = look_at(stream, options, world)
    except Refusal as refusal:
        reason = {"reason": {"text": refusal.message.text, "params": dict(refusal.message.params)}}
        db.session.rollback()
        unit_of_work.run(lambda: _keep(run_id, options, {"state": "unreadable", "preview": reason, "updated_at": now}))
        return
    values = {"state": "preview", "preview": importing_read.summary(found, world), "total": found.total, "position": 0, "updated_at": now}
    unit_of_work.run(lambda: _keep(run_id, options, values | {"options": found.options.plain()}))


def _keep(run_id: int, options: Options, values: dict[str, Any]) -> None:
    """Unless something else was chosen meanwhile: then that look counts."""
    run = db.session.get(RequestImport, run_id, populate_existing=True)
    if run is not None and run.state == "reading" and run.options == options.plain():
        _one(sa.update(RequestImport).where(RequestImport.id == run_id, RequestImport.state == "reading").values(**values))


def _importer(run: RequestImport, now: datetime) -> Actor | None:
    return actor_of(run.started_by, now=now) if run.started_by else SYSTEM


def refused_rows(run: RequestImport, actor: Actor, *, now: datetime) -> Iterator[list[tuple[Row, Refused]]]:
    """The rows of a file that are refused, batch by batch as they stand in it; nothing stays open between them."""
    options, world, stored = Options(**run.options), importing_read.world(actor, now), importing_read.file_of(run)
    db.session.expunge(stored)
    db.session.rollback()
    judge = Judge(world, options)
    with files.read(stored) as stream:
        for batch in _batches(importing.rows(foreign_csv.read(stream))):
            _, refused, _ = judge.sort(batch)
            db.session.rollback()
            if refused:
                yield refused


# -- writing -------------------------------------------------------------------------------------------------------------


class _OvertakenError(RuntimeError):
    """Somebody else writes this file by now."""


@dataclass
class _Work:
    """One pass over a file from where it stands."""

    run_id: int
    judge: Judge
    total: int
    position: int
    now: datetime
    calendars: dict[int, int] = field(default_factory=dict)

    def write(self, batch: Sequence[Row]) -> None:
        """A batch in a unit of its own, once more when somebody else took one of its rows meanwhile; raises _OvertakenError."""
        seen = set(self.judge.seen)
        for tries in (2, 1, 0):
            try:
                unit_of_work.run(lambda: self._unit(batch, seen))
                break
            except IntegrityError:
                if not tries:
                    raise
        self.position += len(batch)

    def _unit(self, batch: Sequence[Row], seen: set[bytes]) -> None:
        self.judge.seen = set(seen)
        new, _, _ = self.judge.sort(batch)
        here = sa.and_(RequestImport.id == self.run_id, RequestImport.state == "running", RequestImport.position == self.position)
        step = {"position": self.position + len(batch), "made": RequestImport.made + len(new), "updated_at": self.now}
        if not _one(sa.update(RequestImport).where(here).values(**step)):
            raise _OvertakenError(self.run_id)
        self._past([taken for taken in new if taken.state != OPEN])
        self._open([taken for taken in new if taken.state == OPEN])

    def _past(self, new: Sequence[Taken]) -> None:
        if not new:
            return
        rows = [self._values(taken) | _ended(taken) for taken in new]
        numbers = list(db.session.scalars(sa.insert(Request).returning(Request.id, sort_by_parameter_order=True), rows))
        self._around(list(zip(numbers, new, strict=True)))

    def _open(self, new: Sequence[Taken]) -> None:
        made = [(take_open(self._values(taken), now=self.now), taken) for taken in new]
        if made:
            self._around(made)

    def _around(self, made: Sequence[tuple[int, Taken]]) -> None:
        """The words, and where they come from."""
        common = {"kind": MessageKind.DESCRIPTION}
        said = [{"request_id": n, "author_id": t.requester_id, "body": t.body, "created_at": t.created_at, **common} for n, t in made]
        db.session.execute(sa.insert(Message), said)
        more = {"import_id": self.run_id, "source": self.judge.options.source}
        origin = [{"request_id": n, "key": t.key, "words": t.words, "number": t.number, "asked_by": t.asked_by, **more} for n, t in made]
        db.session.execute(sa.insert(TakenRequest), origin)

    def _values(self, taken: Taken) -> dict[str, Any]:
        offer = self.judge.world.offers[taken.service_id]
        if offer.department_id not in self.calendars:
            self.calendars[offer.department_id] = calendars.department_version(offer.department_id)
        return {
            "title": taken.title,
            "requester_id": taken.requester_id,
            # Whoever imports has filed none of them: that would let them read and decide about all.
            "filed_by_id": taken.requester_id,
            "from_department_id": self.judge.world.people[taken.requester_id][1],
            "department_id": offer.department_id,
            "service_id": offer.id,
            "is_confidential": offer.is_confidential,
            "promise_version_id": offer.promise_version_id,
            "calendar_version_id": self.calendars[offer.department_id],
            "answers": {},
            "channel": "import",
            "message_count": 1,
            "created_at": taken.created_at,
            "received_at": taken.created_at,
        }


def _ended(taken: Taken) -> dict[str, Any]:
    # Without an instant of resolution nothing can come back to the old request: whoever asks again opens a new one.
    return {"status": Status(taken.state), "is_open": False, "closed_at": taken.closed_at, "updated_at": taken.closed_at}


def apply(run_id: int, *, now: datetime, progress: Progress = lambda done, total: None) -> None:
    """Write a confirmed run from where it stands; opens its own units of work. A run that is not under way is left alone."""
    run = db.session.get(RequestImport, run_id)
    if run is None or run.state != "running":
        return
    actor, stored = _importer(run, now), importing_read.file_of(run)
    db.session.expunge(stored)
    if actor is None or not (actor.is_system or actor.leads or actor.has("administrator")):
        unit_of_work.run(lambda: _move(run_id, ("running",), state="stopped", updated_at=now))
        return
    judge = Judge(importing_read.world(actor, now), Options(**run.options))
    work = _Work(run_id, judge, run.total, run.position, now)
    db.session.rollback()
    with files.read(stored) as stream:
        try:
            for batch in _batches(islice(importing.rows(foreign_csv.read(stream)), work.position, None)):
                work.write(batch)
                progress(work.position, work.total)
        except _OvertakenError:
            return
    unit_of_work.run(lambda: _finish(work, actor))


def _finish(work: _Work, actor: Actor) -> None:
    end = sa.and_(RequestImport.id == work.run_id, RequestImport.state == "running", RequestImport.position == work.position)
    if not _one(sa.update(RequestImport).where(end).values(state="done", updated_at=work.now)):
        return
    run = db.session.get_one(RequestImport, work.run_id, populate_existing=True)
    refused = int((run.preview or {}).get("counts", {}).get("refused", 0))
    event = RequestsTaken(run.id, str(run.options.get("source", "")), run.made, max(run.total - run.made - refused, 0), refused)
    activity.record(event, actor=actor, subject=(SUBJECT, run.id), at=work.now)


def mapped(options: Options, *, departments: dict[str, int], services: dict[str, int], statuses: dict[str, str]) -> Options:
    """The options with words of the file mapped as somebody chose in the preview; what is left out is told by the file again."""
    return replace(
        options,
        departments={folded(word): number for word, number in departments.items()},
        services={folded(word): number for word, number in services.items()},
        statuses={plain(word): state for word, state in statuses.items()},
    )
