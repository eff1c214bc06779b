"""The commands that keep what people wrote: backup, restore, upgrade. Each says what it did, and its exit status says how it went."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from portal.kernel import clock
from portal.kernel.settings import Settings, SettingsError, load

LOST = 3
"""Exit status of a backup that is good, of a portal in which uploads had been lost before."""
BROKEN = 3
"""Exit status of an upgrade that is done, of a portal in which the doctor then found something broken."""


def chosen(context: click.Context, **overrides: Any) -> Settings:
    """The settings of the instance that was asked for."""
    instance = {"instance": context.obj["instance"]} if context.obj["instance"] else {}
    return load(file=context.obj["file"], **instance, **overrides)


def hold_mail_in_quarantine() -> None:
    """End a command that takes mail in, as a mail server understands it: it keeps the mail and comes again. Needs an application context."""
    from portal.kernel import quarantine

    if quarantine.is_on():
        click.echo(f"portal: {quarantine.WORDS} Mail is taken in again once it is released.", err=True)
        sys.exit(os.EX_TEMPFAIL)


@click.command()
@click.option("--to", type=click.Path(path_type=Path), metavar="FOLDER|FILE", help="Where it goes. Else: backup_to, or backups in the instance folder.")
@click.option("--keep", type=click.IntRange(1, 1000), metavar="N", help="Then remove older backups of this portal from there, so that N stay.")
@click.option("--without-files", is_flag=True, help="Leave the uploads out: database, key and settings only.")
@click.option("--verify", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE", help="Make none, but check that this one is whole.")
@click.pass_context
def backup(context: click.Context, to: Path | None, keep: int | None, without_files: bool, verify: Path | None) -> None:
    """Make one archive of database, uploads, key and settings, and open it again before calling it done.

    The portal may run meanwhile. The archive holds the key and everything people wrote: it is readable by its owner only, and should
    stay so. Exits with 0 when it is made and verified, 1 when there is none, 3 when it is good but uploads had been lost before.
    """
    if verify is not None:
        if to is not None or keep is not None or without_files:
            raise click.UsageError("--verify makes no backup, so it stands alone.")
        _verify(verify)
        return
    from portal.kernel.keeping import backing
    from portal.starting import existing_app

    app = existing_app(chosen(context, worker=False))
    with app.app_context():
        try:
            made = backing.make(to, keep=keep, with_files=not without_files)
        except backing.NotMade as error:
            raise click.ClickException(f"There is no backup: {error}.") from error
    click.echo(f"{made.path}\n{_holds(made.manifest, made.files, made.size)} Verified.")
    sys.exit(_lost(made.missing, made.spoiled))


def _holds(manifest: Any, number: int, size: int) -> str:
    from portal.kernel.files import size_words

    uploads = f"{number} uploads" if manifest.with_files else "no uploads"
    return f"{sum(manifest.tables.values())} rows, {uploads}, {size_words(size)}."


def _lost(missing: int, spoiled: int) -> int:
    for number, words in ((missing, "are named by the database and were not there"), (spoiled, "were damaged before, and are in it as they are")):
        if number:
            click.echo(f"Uploads: {number} {words}. `portal doctor` names them.", err=True)
    return LOST if missing or spoiled else 0


def _verify(path: Path) -> None:
    from portal import app as _tables  # noqa: F401  the models must be there to be compared
    from portal.kernel.keeping import checking
    from portal.kernel.keeping.archive import Damaged

    try:
        with tempfile.TemporaryDirectory(dir=path.resolve().parent, prefix=".hearth-verify-") as work:
            manifest, content = checking.verify(path, Path(work))
    except Damaged as error:
        raise click.ClickException(f"{path} is not whole: {error}.") from error
    made = manifest.moment.strftime("%d %B %Y, %H:%M UTC")
    click.echo(f"{path} is whole.\n{manifest.company}, {made}, Hearth {manifest.version}. {_holds(manifest, content.files, path.stat().st_size)}")
    sys.exit(_lost(content.missing, len(content.spoiled)))


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--into", type=click.Path(path_type=Path), metavar="FOLDER", help="An empty or new folder, which becomes the instance folder of the copy.")
@click.option("--database", default="", metavar="ADDRESS", help="For a backup of PostgreSQL: an empty database, postgresql+psycopg://name:password@host/name.")
@click.option("--release", is_flag=True, help="Let the copy in the instance folder (--instance) work: mail, clocks and connections begin.")
@click.option("--waiting-mail", type=click.Choice(["send", "drop"]), help="With --release: what becomes of mail from before the backup.")
@click.pass_context
def restore(context: click.Context, file: Path | None, into: Path | None, database: str, release: bool, waiting_mail: str | None) -> None:
    """Put a backup back into an empty place. The copy is in quarantine: people can look at it, and nothing leaves it.

    No mail is sent, no clock moves on, nothing is fetched, and every page says so, until `portal restore --release` or an administrator
    releases it. Mail that waited when the backup was made was probably sent since by the original: releasing asks what becomes of it.
    """
    if release:
        if file is not None or into is not None or database:
            raise click.UsageError("--release restores nothing: name the copy with `portal --instance FOLDER restore --release`.")
        _release(context, waiting_mail)
        return
    if file is None or into is None or waiting_mail:
        raise click.UsageError("Say which backup goes where: portal restore FILE --into FOLDER.")
    from portal import app as _tables  # noqa: F401  the models must be there to be compared
    from portal.kernel.keeping import restoring

    _check_address(database)
    try:
        done = restoring.restore(file, into, url=database, now=clock.now())
    except restoring.NotRestored as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{done.folder} holds {done.manifest.company} of {done.manifest.moment:%d %B %Y, %H:%M UTC}. It is in quarantine: nothing leaves it.")
    if not done.manifest.with_files:
        click.echo("The uploads are not in this backup: copy the folder `files` of the original into it.")
    click.echo(f"Look at it:  portal --instance {done.folder} serve\nLet it work: portal --instance {done.folder} restore --release")
    sys.exit(_lost(done.content.missing, len(done.content.spoiled)))


def _check_address(database: str) -> None:
    if database:
        load({}, database_url=database)  # a wrong one is refused in words
        if not database.startswith("postgresql"):
            raise SettingsError("--database is for PostgreSQL: postgresql+psycopg://name:password@host/name.")


def _release(context: click.Context, waiting_mail: str | None) -> None:
    from portal.admin.actions import release_copy
    from portal.kernel.keeping import releasing
    from portal.kernel.policy import SYSTEM
    from portal.kernel.unit_of_work import run
    from portal.starting import existing_app

    app = existing_app(chosen(context, worker=False))
    with app.app_context():
        waits = [part for part in releasing.waiting() if part.number]
        for part in waits:
            click.echo(f"{part.number}{'+' if part.is_more else ''} {part.words}")
        if waits and waiting_mail is None:
            raise click.UsageError("They are from before the backup. Say what becomes of them: --waiting-mail drop, or --waiting-mail send.")
        choice = releasing.Choice(waiting_mail or "drop")
        run(lambda: release_copy(choice, actor=SYSTEM, now=clock.now()))
    click.echo("Released. The portal works again: what became due meanwhile is done now, each thing once.")


@click.command()
@click.option("--to", type=click.Path(path_type=Path), metavar="FOLDER|FILE", help="Where the backup goes that is made first. Else: as `portal backup`.")
@click.option("--without-files", is_flag=True, help="Leave the uploads out of that backup: an upgrade does not touch them.")
@click.option("--no-backup", is_flag=True, help="Make none, because there is one already that you trust.")
@click.pass_context
def upgrade(context: click.Context, to: Path | None, without_files: bool, no_backup: bool) -> None:
    """Bring the database to the version of this program: a verified backup first, then step by step, then `portal doctor`.

    Stop the portal before. Each step is done whole or not at all, so after a power cut the same command goes on where it was. Exits
    with 1 when a step failed, and with 3 when all are done and the doctor found something broken.
    """
    from portal.kernel import health, migrating
    from portal.kernel.keeping import upgrading
    from portal.starting import quiet_app

    settings = chosen(context, worker=False)
    migrating.require_file(settings)
    app = quiet_app(settings)
    wish = None if no_backup else upgrading.Wish(to, with_files=not without_files)
    try:
        changed = upgrading.upgrade(app, wish, say=click.echo)
    except upgrading.NotUpgraded as error:
        raise click.ClickException(str(error)) from error
    click.echo("The database is now of this version." if changed else "Nothing to do: the database is of this version already.")
    if changed:
        with app.app_context():
            broken = {name: lines for name, lines in health.broken().items() if lines}
        for name, lines in broken.items():
            click.echo("\n        ".join([f"BROKEN  {name}", *lines[:5]]))
        click.echo("The doctor found something broken: see `portal doctor`." if broken else "The doctor found nothing broken.")
        sys.exit(BROKEN if broken else 0)
