"""What the commands do to start an instance: create it, serve it, work for it, explain rights in it."""

import signal
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask

from portal.kernel import log, memory, migrating
from portal.kernel.jobs import Worker
from portal.kernel.settings import FILE_NAME, Settings, SettingsError, load

if TYPE_CHECKING:
    from portal.kernel.incoming.listener import Listener

Ready = Callable[[], None]
SOUND_SQLITE = (3, 51, 3)
"""Earlier versions can damage a database when two connections checkpoint at once; ours do so only while holding the write turn."""
notes = structlog.get_logger(__name__)


def start_instance(settings: Settings, *, staff_number: str, name: str, email: str, company: str, zone: str, now: datetime) -> str:
    """Create folder, database, first administrator and settings file; the words to show, with a one-time link in them.

    Run again before anybody chose a password, it makes a new link; the settings file stays as it is.
    """
    chosen: dict[str, Any] = {} if (settings.instance / FILE_NAME).exists() else {"company": company, "zone": zone}
    settings = load(instance=settings.instance, **chosen)
    if settings.demo:
        raise SettingsError(f"{settings.instance} holds the demo company. Choose another folder: portal --instance FOLDER init")
    _toml(company)
    app = quiet_app(settings)
    migrating.upgrade(app, now=now)
    with app.app_context():
        link = _first_administrator(staff_number, name, email, now)
    if chosen:
        write_settings(settings, chosen)
    folder = settings.instance.resolve()
    return (
        f"Hearth for {settings.company} is ready in {folder}.\n\n"
        f"Start it with `portal --instance {folder} serve`, then open this link within 15 minutes to choose your password:\n\n  {link}\n\n"
        "If it gets too old, run `portal init` again."
    )


def _first_administrator(staff_number: str, name: str, email: str, now: datetime) -> str:
    from portal.desk.catalogue import sync_catalogue
    from portal.kernel.policy import SYSTEM
    from portal.kernel.unit_of_work import unit_of_work
    from portal.people import calendars
    from portal.people.actions.accounts import first_administrator_link

    with unit_of_work():
        link = first_administrator_link(staff_number=staff_number, name=name, email=email or None, now=now)
        calendars.ensure_defaults(now)
        sync_catalogue(actor=SYSTEM, now=now, create_departments=True)
    return link


def write_settings(settings: Settings, values: dict[str, object]) -> None:
    """Write the settings file of a new instance; refuses to touch one that is there."""
    path = settings.instance / FILE_NAME
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())
    settings.instance.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SettingsError(f"{settings.instance} is an instance already ({FILE_NAME} is there). Nothing was changed.") from None


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    if not text.isprintable():
        raise SettingsError("Names must be on one line and without control characters.")
    return f'"{text}"'


def quiet_app(settings: Settings) -> Flask:
    """The application for a command that talks to a person: only errors interrupt it, and the server's log file stays the server's."""
    from portal.app import create_app

    app = create_app(settings)
    log.setup(replace(settings, log_level="ERROR"), file=None)
    return app


def existing_app(settings: Settings) -> Flask:
    """The application on a database that is there and of this program's version; raises SettingsError with what to do otherwise."""
    migrating.require_file(settings)
    app = quiet_app(settings)
    with app.app_context():
        migrating.require_current()
    return app


def serve_instance(settings: Settings, *, ready: Ready) -> None:
    """Serve until a signal asks to end; the worker runs in the same process unless it is switched off."""
    from portal.kernel.content_host import create_content_app
    from portal.kernel.security import secret_key
    from portal.kernel.server import Server

    memory.share_one_pool()  # before the first thread
    app = existing_app(settings)
    server = Server(app, create_content_app(settings, secret_key(settings)), settings)
    beside: list[Worker | Listener] = [*_listener(app, settings), *([Worker(app)] if settings.worker else [])]
    log.setup(settings)
    _note_old_sqlite(settings)
    for part in beside:
        part.start()
    ready()
    try:
        server.run(ending=lambda: [part.ask_to_stop() for part in beside])
    finally:
        for part in beside:
            part.stop(wait=4.0 if isinstance(part, Worker) else 12.0)
        _close(app)


def _listener(app: Flask, settings: Settings) -> Iterator["Listener"]:
    if settings.mail_in_listen:
        from portal.kernel.incoming.listener import Listener

        yield Listener(app)


def _note_old_sqlite(settings: Settings) -> None:
    if settings.is_sqlite and not settings.demo and sqlite3.sqlite_version_info < SOUND_SQLITE:
        notes.warning("old SQLite", found=sqlite3.sqlite_version, advised=".".join(map(str, SOUND_SQLITE)))


def _close(app: Flask) -> None:
    # The last connection to SQLite writes its log back into the one file that people copy.
    from portal.kernel.db import db

    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    if turn := app.extensions.get("write_turn"):
        turn.close()


def work(settings: Settings, *, ready: Ready) -> None:
    """Run a worker until a signal asks to end; the job in hand is finished."""
    memory.share_one_pool()
    app = existing_app(settings)
    log.setup(settings, file="worker.log")
    worker = Worker(app)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.ask_to_stop())
    ready()
    worker.run()
    _close(app)


def receive(settings: Settings, *, ready: Ready) -> None:
    """Take in mail over SMTP until a signal asks to end; what was begun is kept."""
    if not settings.mail_in_listen:
        raise SettingsError("mail_in_listen is empty; say where to listen, such as --listen 127.0.0.1:2525.")
    app = existing_app(settings)
    listener = next(_listener(app, settings))
    log.setup(settings, file="mail.log")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: listener.ask_to_stop())
    ready()
    listener.run()
    _close(app)


def explain(person: str, thing: str, *, now: datetime) -> Iterator[str]:
    """Lines that say why somebody may or may not see something; raises SettingsError for words it does not know."""
    from flask import current_app

    from portal.desk.policy import explain_request
    from portal.people.actors import actor_of
    from portal.people.queries.accounts import account_named

    kind, _, number = thing.partition(":")
    if kind not in ("request", "desk.request") or not (number.isascii() and number.isdigit()):
        raise SettingsError(f"{thing!r} is nothing we can explain. Write it like request:4127.")
    account = account_named(person, now, current_app.extensions["settings"])
    if account is None:
        raise SettingsError(f"Nobody has the staff number or address {person!r}.")
    actor = actor_of(account.person_id, now=now)
    if actor is None:
        yield f"{account.name} does not work here any more, so they see nothing."
        return
    yield from explain_request(actor, int(number))
