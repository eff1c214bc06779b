"""`portal ingest-mail`: every mail of every file gets a decision, and one bad file stops nobody."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from portal.kernel import clock, files
from portal.kernel.db import db
from portal.kernel.errors import Busy, DiskFull, TooLarge
from portal.kernel.incoming import store
from portal.kernel.incoming.reading import Reading, TooSlow, read_within
from portal.kernel.incoming.store import Decision, Verdict

_BETWEEN = re.compile(rb"\r?\n\r?\nFrom [^\n]{0,1000}\n(?=[!-9;-~]{1,80}[ \t]?:)")
"""Not every way quotes a sentence of the text that begins like the line between two mails; above headers it is one."""


def ingest(names: tuple[str, ...], *, dry: bool, as_json: bool) -> int:
    """Take in the mails of files ("-" is the standard input); the exit status: 1 when a file could not be read or kept. Needs an application context."""
    status = 0
    for name in names:
        try:
            mails = list(_mails(_content(name)))
        except (OSError, ValueError) as error:
            click.echo(f"portal: {name}: {getattr(error, 'strerror', None) or error}", err=True)
            status = 1
            continue
        for raw in mails:
            try:
                shown = _one(name, raw, dry)
            except (Busy, DiskFull, TooLarge) as error:
                click.echo(f"portal: {name}: {_why(error)}", err=True)
                status = 1
                continue
            click.echo(_line(shown, as_json))
    return status


def _why(error: Exception) -> str:
    if isinstance(error, TooLarge):
        return str(error.message)
    cause = "there is no room left on the disk" if isinstance(error, DiskFull) else "the database is held by somebody else"
    return f"{cause}; take it in again later, what was kept is decided by itself"


def _content(name: str) -> bytes:
    if name == "-":
        raw = sys.stdin.buffer.read(store.LARGEST + 1)
    else:
        if Path(name).is_dir():
            raise ValueError("is a folder; name the files in it")
        with Path(name).open("rb") as file:
            raw = file.read(store.LARGEST + 1)
    if len(raw) > store.LARGEST:
        raise ValueError(f"is larger than {files.size_words(store.LARGEST)}, the most that is taken as mail")
    return raw


def _mails(raw: bytes) -> Iterator[bytes]:
    """The mails of a file: one, or those of an mbox, which begins with ``From `` and separates by an empty line and ``From `` above headers."""
    if not raw.startswith(b"From "):
        yield raw
        return
    head, _, rest = raw.partition(b"\n")
    for part in _BETWEEN.split(rest or head[5:]):
        yield part.replace(b"\n>From ", b"\nFrom ")


def _one(name: str, raw: bytes, dry: bool) -> dict[str, Any]:
    reading, found = _foreseen(raw)
    known, verdict = _state(raw)
    if not dry and verdict is None:
        number, _ = store.take_in(raw, via="file")
        store.decide(number)
        _, verdict = _state(raw)
    return _shown(name, reading, verdict or found, known)


def _state(raw: bytes) -> tuple[bool, Verdict | None]:
    """Whether a mail was taken in, and what became of it."""
    mail = store.find(raw)
    verdict = store.verdict_of(mail) if mail else None
    db.session.rollback()
    return mail is not None, verdict


def _foreseen(raw: bytes) -> tuple[Reading, Verdict]:
    try:
        reading = read_within(raw, store.SECONDS)
    except TooSlow:
        return Reading(), store.TOO_SLOW
    return reading, store.foresee(reading, now=clock.now())


def _shown(name: str, reading: Reading, found: Verdict, known: bool) -> dict[str, Any]:
    return {
        "file": name,
        "decision": Decision(found.decision).value,
        "reason": f"{found.reason} It was taken in before." if known else found.reason,
        "from": reading.sender.address,
        "from_name": reading.sender.name,
        "subject": reading.subject,
        "reply_text": reading.reply_text,
        "attachments": [{"name": part.name, "type": part.type, "size": part.size} for part in reading.attachments],
        "request": found.subject[1] if found.subject and found.decision in (Decision.OPENED, Decision.APPENDED) else None,
    }


def _line(shown: dict[str, Any], as_json: bool) -> str:
    if as_json:
        return json.dumps(shown)
    number = f" {shown['request']}" if shown["request"] else ""
    return f"{shown['file']}: {shown['decision']}{number}. {shown['reason']} From {shown['from'] or 'nobody'}: {shown['subject'] or '(no subject)'}"
