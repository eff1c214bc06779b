"""`portal import-people`: look, ask, write, with a bar that moves."""

from pathlib import Path

import click
from flask import current_app

from portal.kernel import clock
from portal.people.actions import imports

SHOWN = 20
"""Refused rows printed; all of them can be downloaded in the page."""


def import_people(file: Path, *, confirmed: bool, leave_missing: bool) -> int:
    """Show what a file would do, ask unless ``confirmed``, and write it; the exit status: 1 when rows were refused or nothing was taken over.

    Needs an application context. Raises Refusal, NotFound, TooLarge or WrongType with a sentence for a file that is no table of people.
    """
    found = imports.import_file(file, confirm=False, now=clock.now(), leave_missing=leave_missing)
    _show(found)
    if not found.added + found.changed + found.leaving:
        click.echo("Nothing to write.")
        return 1 if found.refused else 0
    if not confirmed and not click.confirm("Write this?"):
        click.echo("Nothing was written.")
        return 1
    _write(found)
    click.echo("Written.")
    return 1 if found.refused else 0


def _show(found: imports.FileResult) -> None:
    for number, word in ((found.added, "new"), (found.changed, "changed"), (found.unchanged, "unchanged"), (found.leaving, "leaving")):
        click.echo(f"{number:>8} {word}")
    click.echo(f"{len(found.refused):>8} refused")
    for path in found.departments:
        click.echo(f"         new department: {' / '.join(path)}")
    for one in found.refused[:SHOWN]:
        click.echo(f"  line {one.line}: {one.staff_number or '(no staff number)'}: {one.reason.text % one.reason.params}", err=True)
    if len(found.refused) > SHOWN:
        base = current_app.extensions["settings"].base_url.rstrip("/")
        click.echo(f"  and {len(found.refused) - SHOWN} more, all of them at {base}/administration/import/{found.run_id}", err=True)


def _write(found: imports.FileResult) -> None:
    with click.progressbar(length=found.added + found.changed + found.leaving, label="Writing") as bar:

        def step(done: int, _total: int) -> None:
            bar.update(done - bar.pos)

        imports.write_now(found.run_id, now=clock.now(), progress=step)
