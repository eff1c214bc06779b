"""The `portal` command. Everything it says is for a person; wrong use exits with 2 and one clear line."""

import os
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from portal.cli_keeping import backup, hold_mail_in_quarantine, restore, upgrade
from portal.kernel import clock
from portal.kernel.errors import PortalError
from portal.kernel.settings import Settings, SettingsError, load

F = TypeVar("F", bound=Callable[..., Any])


def main() -> None:
    """Entry point: errors become one line, never a traceback."""
    try:
        sys.exit(portal(standalone_mode=False) or 0)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("Stopped.", 130)
    except (SettingsError, PortalError) as error:
        _fail(str(error.message if isinstance(error, PortalError) else error), 2)
    except SQLAlchemyError as error:
        _fail(f"The database does not answer as it should: {_first_line(getattr(error, 'orig', None) or error)}", 1)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), 1)
    except Exception as error:
        if os.environ.get("HEARTH_LOG_LEVEL") == "DEBUG":
            raise
        _fail(f"This is a fault in Hearth ({type(error).__name__}: {_first_line(error)}). With HEARTH_LOG_LEVEL=DEBUG the details are shown.", 70)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _fail(text: str, status: int) -> NoReturn:
    click.echo(f"portal: {text}", err=True)
    sys.exit(status)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--instance", type=click.Path(path_type=Path), metavar="FOLDER", help="Folder with database, files, keys and hearth.toml.  [default: instance]")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file, when it is not hearth.toml in the instance folder.")
@click.version_option(package_name="hearth", message="Hearth %(version)s")
@click.pass_context
def portal(context: click.Context, instance: Path | None, config: Path | None) -> None:
    """Hearth, the portal where a company takes care of its own people.

    Start with `portal init`, or with `portal demo` to look around in a made-up company.
    """
    context.obj = {"instance": instance, "file": config}
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _settings(context: click.Context, **overrides: Any) -> Settings:
    chosen = {"instance": context.obj["instance"]} if context.obj["instance"] else {}
    return load(file=context.obj["file"], **chosen, **overrides)


def with_app(command: F) -> F:
    """Give a command the application, on a database of the right version."""

    @wraps(command)
    def run(context: click.Context, *args: Any, **kwargs: Any) -> Any:
        from portal.starting import existing_app

        return command(existing_app(_settings(context, worker=False)), *args, **kwargs)

    return click.pass_context(run)  # type: ignore[return-value]  # click hands the context in


@portal.command()
@click.option("--name", prompt="Your name", help="Name of the first administrator.")
@click.option("--email", prompt="Your work e-mail", help="Address of the first administrator.")
@click.option("--staff-number", default="ADMIN-1", show_default=True, help="Their staff number, best the one of your staff list.")
@click.option("--company", prompt="Name of the company", help="Shown on pages and in mail.")
@click.option("--zone", default="UTC", show_default=True, help="Time zone of the company, such as Europe/Berlin.")
@click.pass_context
def init(context: click.Context, name: str, email: str, staff_number: str, company: str, zone: str) -> None:
    """Create the instance folder, the database and the first administrator.

    Prints a link to choose a password. Run it again when the link got too old.
    """
    from portal.starting import start_instance

    facts = {"staff_number": staff_number, "name": name, "email": email, "company": company, "zone": zone}
    click.echo(start_instance(_settings(context), **facts, now=clock.now()))


@portal.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port of the portal; uploads are served on the next one.")
@click.pass_context
def serve(context: click.Context, host: str | None, port: int | None) -> None:
    """Run the portal: web and worker in one process. SIGTERM finishes what was begun."""
    from portal.starting import serve_instance

    settings = _settings(context, host=host, port=port)
    serve_instance(settings, ready=lambda: click.echo(f"Hearth is at {settings.base_url}  (Ctrl C ends it)"))


@portal.command()
@click.pass_context
def worker(context: click.Context) -> None:
    """Run only the worker, beside `portal serve` with worker = false. Any number of them is safe."""
    from portal.starting import work

    work(_settings(context), ready=lambda: click.echo("Worker is running  (Ctrl C ends it)"))


@portal.command("receive-mail")
@click.option("--listen", metavar="ADDRESS:PORT", help="Where to listen, instead of mail_in_listen.")
@click.pass_context
def receive_mail(context: click.Context, listen: str | None) -> None:
    """Take in mail over SMTP and nothing else, on a machine of its own. Any number of them is safe."""
    from portal.starting import receive

    settings = _settings(context, mail_in_listen=listen, worker=False)
    receive(settings, ready=lambda: click.echo(f"Mail is taken in at {settings.mail_in_listen}  (Ctrl C ends it)"))


@portal.command()
@click.option("--port", type=int, help="Port of the portal; uploads are served on the next one.")
@click.option("--fresh", is_flag=True, help="Throw the demo company away and make it anew.")
@click.option("--no-serve", is_flag=True, help="Only create the company; start it later with `portal serve`.")
@click.option("--people", type=click.IntRange(1, 200_000), help="Grow the company to so many people.")
@click.option("--requests", type=click.IntRange(1, 5_000_000), help="Add so many requests of the last two years; a run that was broken off goes on.")
@click.pass_context
def demo(context: click.Context, port: int | None, fresh: bool, no_serve: bool, people: int | None, requests: int | None) -> None:
    """Start the portal with Marlow Cycles, a made-up company of about 420 people, and say who to be."""
    from portal.demo.company import make_company, personas
    from portal.starting import serve_instance

    settings = make_company(_settings(context), fresh=fresh, port=port, say=click.echo, now=clock.now(), people=people, requests=requests)
    if no_serve:
        return
    serve_instance(settings, ready=lambda: _welcome(settings, personas()))


def _welcome(settings: Settings, people: list[tuple[str, str, str]]) -> None:
    click.echo(f"\nHearth is at {settings.base_url}\n\nSign in there as one of these, with one click:\n")
    for name, place, text in people:
        click.echo(f"  {name:<18} {place:<22} {text}")
    click.echo("\nCtrl C ends it; the same command starts it again.")


@portal.command("import-people")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Take the file over without asking.")
@click.option("--missing-leave", is_flag=True, help="People who are not in the file leave.")
@with_app
def import_people(app: Flask, file: Path, yes: bool, missing_leave: bool) -> None:
    """Take over people from a CSV FILE: shows what would change first, and refused rows with line and reason.

    Rows are matched by staff_number. The same file twice changes nothing.
    """
    from portal.people.cli import import_people as run

    with app.app_context():
        sys.exit(run(file, confirmed=yes, leave_missing=missing_leave))


@portal.command("import-requests")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", "dry", is_flag=True, help="Say what would happen and write nothing.")
@click.option("--zone", help="Time zone of dates that name none; left out, the company's.")
@click.option("--department", metavar="KEY", help="Where requests go that name no department we know; left out, they are refused.")
@click.option("--source", default="earlier desk", show_default=True, help="Name of the earlier desk; its numbers are told apart by it.")
@click.option("--keep-open", is_flag=True, help="What is still open goes on here; left out, it comes in as history.")
@with_app
def import_requests(app: Flask, file: Path, **chosen: Any) -> None:
    """Take over the requests of an earlier desk from a CSV FILE. Nobody is told; the same file twice makes nothing twice.

    The last line is JSON. The exit status is 1 when rows were refused.
    """
    from portal.desk.importing_cli import import_requests as run

    with app.app_context():
        sys.exit(run(file, now=clock.now(), **chosen))


@portal.command("ingest-mail")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--dry-run", is_flag=True, help="Say what would be decided and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per mail and line.")
@with_app
def ingest_mail(app: Flask, files: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Take in the mails of each FILE (a mail or an mbox, - for the standard input): open a request, continue one, hold or ignore.

    The same mail twice is one mail. Exits with 1 when a file could not be read; the others are done all the same.
    """
    from portal.desk.cli import ingest

    with app.app_context():
        if not dry_run:
            hold_mail_in_quarantine()
        sys.exit(ingest(files, dry=dry_run, as_json=as_json))


@portal.command()
@with_app
def doctor(app: Flask) -> None:
    """Check that everything that must be true is true; exits with 1 when something is not."""
    from portal.kernel import health

    with app.app_context():
        seen, found = health.watched(), health.broken()
    for look in seen:
        click.echo(f"{'ok     ' if look.ok else 'BROKEN '} {look.name}: {look.detail}")
    for name, lines in found.items():
        click.echo(f"{'ok     ' if not lines else 'BROKEN '} {name}")
        for line in lines:
            click.echo(f"        {line}")
    sys.exit(1 if any(found.values()) or not all(look.ok for look in seen) else 0)


@portal.command()
@with_app
def reindex(app: Flask) -> None:
    """Fill the search index anew from the rows: when `portal doctor` says that it went astray.

    The portal may run meanwhile; until it is done, search finds less.
    """
    from portal.kernel import search, search_keeping
    from portal.people.actions import searching

    with app.app_context():
        for last in searching.refill():
            click.echo(f"people: up to number {last}")
        for index in search.known():
            for last in search_keeping.refill(index.name):
                click.echo(f"{index.name.removeprefix('search_')}: up to number {last}")
            search_keeping.tidy()
    click.echo("The search index is filled.")


@portal.command("rebuild-figures")
@click.option("--since", type=click.DateTime(["%Y-%m"]), help="Begin with this month, such as 2026-03, to go on after a break.")
@with_app
def rebuild_figures(app: Flask, since: datetime | None) -> None:
    """Count the figures of all departments anew, month by month: when `portal doctor` says that they are not what the clocks say.

    The portal may run meanwhile. Each month is right once it is done, so a run that was broken off can go on with --since.
    """
    from portal.desk import figure_rebuilding

    with app.app_context():
        months = 0
        for month in figure_rebuilding.steps(clock.now(), since.date() if since else None):
            months += 1
            click.echo(f"{month:%Y-%m}")
    click.echo(f"The figures are counted anew: {months} months." if months != 1 else "The figures are counted anew: 1 month.")


@portal.command()
@click.argument("person")
@click.argument("thing")
@with_app
def explain(app: Flask, person: str, thing: str) -> None:
    """Say why PERSON (staff number or address) may or may not see THING, such as request:4127.

    Prints each rule that was looked at, and the answer.
    """
    from portal.starting import explain as reasons

    with app.app_context():
        for line in reasons(person, thing, now=clock.now()):
            click.echo(line)


for command in (backup, restore, upgrade):
    portal.add_command(command)
