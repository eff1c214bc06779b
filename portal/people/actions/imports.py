"""Taking people files over: a preview that writes nothing about people, and a job that writes it in batches.

Every start compares the file with what is known at that moment, so a job that was killed goes on where it was, and the
same file twice changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import sqlalchemy as sa

from portal.contracts.people import PeopleImported, PersonLeft
from portal.kernel import activity, csvsafe, files, jobs, unit_of_work
from portal.kernel.db import db
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.file_kinds import Kind as FileKind
from portal.kernel.messages import Message, say
from portal.kernel.policy import SYSTEM, Actor
from portal.people import importing, rules
from portal.people.actions import persons, searching
from portal.people.actions.accounts import settings
from portal.people.actions.departments import free_key
from portal.people.actors import actor_of
from portal.people.importing import Change, Plan, Row
from portal.people.models import Department, ImportRefusal, ImportRun, Kind, Person, Role, RoleGrant
from portal.people.policy import is_keeper
from portal.people.queries import imports as imports_read

BATCH = 500
SHOWN = 100
"""Changes of each sort kept for the preview page."""
SUBJECT = "people.import"
Progress = Callable[[int, int], None]

COLUMN = {"department": "department_id", "location": "location_id", "manager": "manager_id", "language": "locale"}
"""Columns of the file whose names in the table differ."""


# -- receiving and preview -------------------------------------------------------------------------------------------


def receive(stream: IO[bytes], name: str) -> files.Received:
    """Store an uploaded file; slow, so outside of every transaction. Raises what :func:`files.receive` raises."""
    return files.receive(stream, name=name, kinds=frozenset({FileKind.CSV, FileKind.TXT}), limit=importing.LARGEST)


def look(received: files.Received, *, leave_missing: bool, actor: Actor, now: datetime) -> Plan:
    """Read a file and compare it; slow for a big one, so outside of every unit of work. Raises Refusal for what is no table of people."""
    rows = _rows_of(files.StoredFile(digest=received.digest))
    plan = importing.diff(rows, imports_read.world(now, settings(), actor), leave_missing=leave_missing)
    db.session.rollback()
    return plan


def keep_preview(received: files.Received, plan: Plan, *, leave_missing: bool, actor: Actor, now: datetime) -> ImportRun:
    """Keep a file and what it would do; nothing about people is written."""
    stored = files.keep(received, owner_id=actor.person_id, now=now)
    run = ImportRun(
        file_id=stored.id,
        file_name=received.name[:200],
        state="preview",
        preview=imports_read.summary(plan, SHOWN),
        total=plan.total,
        done=0,
        leave_missing=leave_missing,
        started_by=actor.person_id,
        created_at=now,
        updated_at=now,
    )
    db.session.add(run)
    db.session.flush()
    _keep_refused(run.id, plan)
    return run


def _rows_of(stored: files.StoredFile) -> list[Row]:
    with files.read(stored) as stream:
        return importing.parse(csvsafe.read(stream))


def _keep_refused(run_id: int, plan: Plan) -> None:
    rows = [
        {"run_id": run_id, "line": one.line, "staff_number": one.staff_number, "reason": {"text": one.reason.text, "params": dict(one.reason.params)}}
        for one in plan.refused
    ]
    for start in range(0, len(rows), BATCH):
        db.session.execute(sa.insert(ImportRefusal), rows[start : start + BATCH])


def confirm(run: ImportRun, *, actor: Actor, now: datetime) -> None:
    """Hand the run to the worker; of two who confirm at once, one does, the other gets a Conflict."""
    take = sa.update(ImportRun).where(ImportRun.id == run.id, ImportRun.state == "preview").values(state="running", started_by=actor.person_id, updated_at=now)
    if getattr(db.session.execute(take, execution_options={"synchronize_session": False}), "rowcount", 0) != 1:
        raise Conflict(say("This import was confirmed or put away already."))
    jobs.enqueue("people.import.run", unique=str(run.id), run_id=run.id)


def discard(run: ImportRun, *, now: datetime) -> None:
    """Put a preview away without writing anything."""
    take = sa.update(ImportRun).where(ImportRun.id == run.id, ImportRun.state == "preview").values(state="discarded", updated_at=now)
    if getattr(db.session.execute(take, execution_options={"synchronize_session": False}), "rowcount", 0) != 1:
        raise Conflict(say("This import was confirmed or put away already."))


# -- writing ---------------------------------------------------------------------------------------------------------


@dataclass
class _Work:
    """One pass over a plan."""

    run_id: int
    plan: Plan
    now: datetime
    actor: Actor
    progress: Progress
    done: int = 0

    def step(self, number: int, work: Callable[[], None]) -> None:
        """Do ``work`` in a unit of its own and note how far we are."""

        def unit() -> None:
            work()
            count = sa.update(ImportRun).where(ImportRun.id == self.run_id).values(done=self.done + number, updated_at=self.now)
            db.session.execute(count, execution_options={"synchronize_session": False})

        unit_of_work.run(unit)
        self.done += number
        self.progress(self.done, self.plan.total)


def apply(run_id: int, *, now: datetime, progress: Progress = lambda done, total: None) -> None:
    """Write a confirmed run in batches; opens its own units of work. A run that is not under way is left alone."""
    run = db.session.get(ImportRun, run_id)
    if run is None or run.state != "running":
        return
    actor = actor_of(run.started_by, now=now) if run.started_by else SYSTEM
    if actor is None or not (actor.is_system or is_keeper(actor)):
        unit_of_work.run(lambda: _stop(run_id, now))
        return
    plan = importing.diff(_rows_of(imports_read.file_of(run)), imports_read.world(now, settings(), actor), leave_missing=run.leave_missing)
    counts = (run.preview or {}).get("counts", {})
    leave_missing = run.leave_missing
    db.session.rollback()
    work = _Work(run_id, plan, now, actor, progress)
    _write(work)
    _finish(work, counts, leave_missing)


def _stop(run_id: int, now: datetime) -> None:
    """Whoever confirmed may no longer import; what was written stays, the rest is not written."""
    end = sa.update(ImportRun).where(ImportRun.id == run_id, ImportRun.state == "running").values(state="stopped", updated_at=now)
    db.session.execute(end, execution_options={"synchronize_session": False})


def _write(work: _Work) -> None:
    plan = work.plan
    made = unit_of_work.run(lambda: _make_departments(plan.departments)) if plan.departments else {}
    unit_of_work.run(lambda: _free_addresses(plan))
    for batch in _batches(plan.added):
        work.step(len(batch), lambda batch=batch: _insert(batch, made, work.now))  # type: ignore[misc]  # a default keeps the loop's value
    for batch in _batches(plan.changed):
        work.step(len(batch), lambda batch=batch: _update(batch, made, work))  # type: ignore[misc]  # see above
    _set_managers(work)
    for batch in _batches(plan.leaving):
        work.step(len(batch), lambda batch=batch: _let_leave([known.id for known in batch], work))  # type: ignore[misc]  # see above


def _batches(items: Sequence[Any]) -> Iterator[Any]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def _make_departments(paths: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """Departments the file names and nobody made yet; ids by path."""
    known = {rules.folded(name): number for name, number in db.session.execute(sa.select(Department.name, Department.id))}
    made: dict[tuple[str, ...], int] = {}
    for path in paths:
        if rules.folded(path[-1]) not in known:
            parent = known.get(rules.folded(path[-2])) if len(path) > 1 else None
            row = Department(key=free_key(path[-1]), name=path[-1], parent_id=parent, value_line="")
            db.session.add(row)
            db.session.flush()
            known[rules.folded(path[-1])] = row.id
        made[path] = known[rules.folded(path[-1])]
    return made


def _free_addresses(plan: Plan) -> None:
    """Addresses that move from one person to another are let go first; both get theirs in their batch."""
    wanted = {change.values.get("email") for change in [*plan.added, *plan.changed]} - {None}
    giving = [change.known_id for change in plan.changed if "email" in change.differs and change.differs["email"][0] in wanted]
    for batch in _batches(giving):
        db.session.execute(sa.update(Person).where(Person.id.in_(batch)).values(email=None), execution_options={"synchronize_session": False})


def _stored(change: Change, made: dict[tuple[str, ...], int]) -> dict[str, Any]:
    """The columns of a row, without the manager, who may come later in the file."""
    values = {COLUMN.get(name, name): value for name, value in change.values.items() if name != "manager"}
    if isinstance(values.get("department_id"), tuple):
        values["department_id"] = made[values["department_id"]]
    return values


def _insert(batch: Sequence[Change], made: dict[tuple[str, ...], int], now: datetime) -> None:
    rows, names = [], {row.id: row.name for row in db.session.execute(sa.select(Department.id, Department.name))}
    for change in batch:
        values = _EMPTY | _stored(change, made)
        texts = (values["name"], values["given_name"], values["title"], change.staff_number, values["email"] or "", names.get(values["department_id"], ""))
        rows.append(
            values
            | {
                "staff_number": change.staff_number,
                "sort_name": rules.sort_name(values["name"]),
                "search_text": rules.search_text(*texts),
                "is_active": not rules.has_left(is_active=True, end_date=values["end_date"], today=now.date()),
                "created_at": now,
                "updated_at": now,
            }
        )
    db.session.execute(sa.insert(Person), rows)


_EMPTY: dict[str, Any] = {
    "given_name": "",
    "email": None,
    "kind": Kind.EMPLOYEE,
    "title": "",
    "department_id": None,
    "location_id": None,
    "place": "",
    "phone": "",
    "zone": None,
    "locale": None,
    "start_date": None,
    "end_date": None,
}


def _update(batch: Sequence[Change], made: dict[tuple[str, ...], int], work: _Work) -> None:
    people = {row.id: row for row in db.session.scalars(sa.select(Person).where(Person.id.in_([change.known_id for change in batch])))}
    leaving, moved = [], []
    for change in batch:
        person = people[change.known_id or 0]
        for name, value in _stored(change, made).items():
            setattr(person, name, value)
        person.updated_at = work.now
        searching.refresh(person)
        if "is_active" in change.differs:
            leaving.append(person.id)
        elif "email" in change.differs:
            moved.append(person.id)
    db.session.flush()
    _let_leave(leaving, work)
    persons.shut_out_all(moved, work.now)


def _set_managers(work: _Work) -> None:
    """Managers last: by now everybody in the file has a row."""
    wanted = [c for c in [*work.plan.added, *work.plan.changed] if "manager" in c.values and (c.known_id is None or "manager" in c.differs)]
    for batch in _batches(wanted):
        unit_of_work.run(lambda batch=batch: _link(batch))  # type: ignore[misc]  # a default keeps the loop's value


def _link(batch: Sequence[Change]) -> None:
    numbers = {change.staff_number for change in batch} | {str(change.values["manager"]) for change in batch if change.values["manager"]}
    ids = {row.staff_number: row.id for row in db.session.execute(sa.select(Person.staff_number, Person.id).where(Person.staff_number.in_(numbers)))}
    pairs = [{"b_id": ids[c.staff_number], "b_manager": ids.get(str(c.values["manager"] or ""))} for c in batch if c.staff_number in ids]
    table = cast(sa.Table, Person.__table__)
    statement = sa.update(table).where(table.c.id == sa.bindparam("b_id")).values(manager_id=sa.bindparam("b_manager"))
    db.session.connection().execute(statement, pairs)


def _let_leave(person_ids: Sequence[int], work: _Work) -> None:
    if not person_ids:
        return
    gone = sa.update(Person).where(Person.id.in_(person_ids), Person.is_active.is_(True), ~_is_administrator())
    left = list(db.session.scalars(gone.values(is_active=False, updated_at=work.now).returning(Person.id), execution_options={"synchronize_session": False}))
    persons.leave(left, work.now)
    for person_id in left:
        activity.record(PersonLeft(person_id), actor=work.actor, subject=(persons.SUBJECT, person_id), at=work.now)


def _is_administrator() -> sa.ColumnElement[bool]:
    return sa.exists().where(RoleGrant.person_id == Person.id, RoleGrant.role == Role.ADMINISTRATOR, RoleGrant.ended_at.is_(None))


def _finish(work: _Work, counts: dict[str, int], leave_missing: bool) -> None:
    plan = work.plan

    def unit() -> None:
        end = sa.update(ImportRun).where(ImportRun.id == work.run_id, ImportRun.state == "running")
        end = end.values(state="done", done=ImportRun.total, updated_at=work.now)
        if getattr(db.session.execute(end, execution_options={"synchronize_session": False}), "rowcount", 0) != 1:
            return
        # A run that was interrupted counts what it was confirmed for, not what was left at the last start.
        numbers = [max(counts.get(name, 0), now) for name, now in (("added", len(plan.added)), ("changed", len(plan.changed)))]
        left = max(counts.get("leaving", 0), len(plan.leaving)) if leave_missing else 0
        done = PeopleImported(work.run_id, numbers[0], numbers[1], left, len(plan.refused))
        activity.record(done, actor=work.actor, subject=(SUBJECT, work.run_id), at=work.now)

    unit_of_work.run(unit)


# -- the command line ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileResult:
    """What came of a file given on the command line."""

    run_id: int
    added: int
    changed: int
    unchanged: int
    leaving: int
    refused: list[importing.Refused]
    departments: list[tuple[str, ...]]
    written: bool


def import_file(
    path: Path, *, confirm: bool, actor: Actor = SYSTEM, now: datetime, leave_missing: bool = False, progress: Progress = lambda done, total: None
) -> FileResult:
    """Compare a file on this machine and, with ``confirm``, write it; opens its own units of work. Raises Refusal and its kin with a sentence."""
    if not path.is_file():
        raise NotFound(say("There is no file at %(path)s.", path=str(path)))
    with path.open("rb") as stream:
        received = receive(stream, path.name)
    plan = look(received, leave_missing=leave_missing, actor=actor, now=now)
    run_id = unit_of_work.run(lambda: keep_preview(received, plan, leave_missing=leave_missing, actor=actor, now=now).id)
    result = replace(_result(run_id), written=confirm)
    db.session.rollback()
    if confirm:
        write_now(run_id, now=now, progress=progress)
    return result


def write_now(run_id: int, *, now: datetime, progress: Progress = lambda done, total: None) -> None:
    """Write a file that was looked at, here and now; opens its own units of work."""
    unit_of_work.run(lambda: _begin(run_id, now))
    apply(run_id, now=now, progress=progress)


def _begin(run_id: int, now: datetime) -> None:
    """Confirm without the worker: whoever sits at the console waits for it."""
    db.session.execute(sa.update(ImportRun).where(ImportRun.id == run_id, ImportRun.state == "preview").values(state="running", updated_at=now))


def _result(run_id: int) -> FileResult:
    run = db.session.get(ImportRun, run_id)
    if run is None:
        raise NotFound()
    counts = (run.preview or {}).get("counts", {})
    refused = [importing.Refused(row.line, row.staff_number, Message(row.reason["text"], row.reason["params"])) for row in imports_read.refusals(run_id)]
    made = [tuple(path) for path in (run.preview or {}).get("departments", [])]
    return FileResult(run_id, counts["added"], counts["changed"], counts["unchanged"], counts["leaving"], refused, made, False)
