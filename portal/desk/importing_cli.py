"""`portal import-requests`: take the requests of an earlier desk over, with a bar that moves and a line that programs can read."""

import json
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from flask import current_app

from portal.desk.actions import importing
from portal.desk.importing import LARGEST, Options, Refused, folded
from portal.desk.models import RequestImport
from portal.desk.queries import importing as importing_read
from portal.kernel import files
from portal.kernel.db import db
from portal.kernel.errors import Refusal
from portal.kernel.messages import Message, say
from portal.kernel.policy import SYSTEM
from portal.kernel.unit_of_work import run
from portal.people.rules import is_zone

SHOWN = 20
"""Refused rows printed; all of them can be downloaded in the page."""


def import_requests(file: Path, *, dry: bool, department: str | None, now: datetime, **chosen: Any) -> int:
    """Look at a file and, unless ``dry``, take it over; the exit status: 1 when rows were refused. Needs an application context.

    Raises Refusal, TooLarge, Busy or DiskFull with a sentence for what cannot be read or kept.
    """
    options = _options(department, chosen, now)
    if dry:
        with file.open("rb") as stream:
            world = importing_read.world(SYSTEM, now)
            db.session.rollback()
            found = importing.look_at(stream, options, world)
        _tell(found.refused, found.counts["refused"])
        return _summary(file, dry=True, run_id=None, made=0, counts=dict(found.counts))
    run_id = _looked(file, options, now)
    _taken(run_id, now)
    done = db.session.get_one(RequestImport, run_id, populate_existing=True)
    return _summary(file, dry=False, run_id=run_id, made=done.made, counts=(done.preview or {})["counts"])


def _options(department: str | None, chosen: dict[str, Any], now: datetime) -> Options:
    zone = chosen.pop("zone") or current_app.extensions["settings"].zone
    if not is_zone(zone):
        raise Refusal(say("%(value)s is no time zone such as Europe/Berlin.", value=zone[:64]))
    options = Options(zone=zone, **chosen)
    if department is None:
        return options
    number = importing_read.world(SYSTEM, now).departments.get(folded(department))
    db.session.rollback()
    if number is None:
        raise Refusal(say("There is no department %(value)s.", value=department[:60]))
    return replace(options, department_id=number)


def _looked(file: Path, options: Options, now: datetime) -> int:
    with file.open("rb") as stream:
        received: files.Received = importing.receive(stream, file.name, LARGEST)
    run_id = run(lambda: importing.begin(received, options, actor=SYSTEM, now=now).id)
    importing.look(run_id, now=now)
    found = db.session.get_one(RequestImport, run_id, populate_existing=True)
    plan, state = found.preview or {}, found.state
    db.session.rollback()
    if state == "unreadable":
        raise Refusal(Message(plan["reason"]["text"], plan["reason"]["params"]))
    refused = [Refused(line, number, Message(why["text"], why["params"])) for line, number, why in plan["refused"]]
    _tell(refused, plan["counts"]["refused"])
    return run_id


def _taken(run_id: int, now: datetime) -> None:
    """Write it here and now; the job that was asked for finds nothing left to do, or goes on when this process ends early."""
    run(lambda: importing.confirm(db.session.get_one(RequestImport, run_id), now=now))
    total = db.session.get_one(RequestImport, run_id, populate_existing=True).total
    db.session.rollback()
    with click.progressbar(length=total, label="Taking over", file=sys.stderr) as bar:

        def step(done: int, _total: int) -> None:
            bar.update(done - bar.pos)

        importing.apply(run_id, now=now, progress=step)


def _tell(refused: list[Refused], total: int) -> None:
    for one in refused[:SHOWN]:
        click.echo(f"line {one.line}: {one.number or '(no number)'}: {one.reason.text % one.reason.params}", err=True)
    if total > SHOWN:
        click.echo(f"and {total - SHOWN} more", err=True)


def _summary(file: Path, *, dry: bool, run_id: int | None, made: int, counts: dict[str, int]) -> int:
    numbers = {name: counts.get(name, 0) for name in ("rows", "new", "known", "refused", "open")}
    click.echo(json.dumps({"file": file.name, "import": run_id, "dry_run": dry, "made": made, **numbers}))
    return 1 if numbers["refused"] else 0
