"""What the commands do to start an instance: create it, serve it, work for it, explain rights in it."""

import signal
from collections.abc import Callable, Iterator
from datetime import datetime

from flask import Flask

from portal.kernel import log, migrating
from portal.kernel.jobs import Worker
from portal.kernel.settings import FILE_NAME, Settings, SettingsError

Ready = Callable[[], None]


def start_instance(settings: Settings, *, name: str, email: str, company: str, zone: str, now: datetime) -> str:
    """Create folder, settings file, database and first administrator; the words to show, with a one-time link in them."""
    from portal.app import create_app
    from portal.kernel.settings import load

    write_settings(settings, {"company": company, "zone": zone})
    settings = load(instance=settings.instance)
    app = create_app(settings)
    migrating.upgrade(app, now=now)
    with app.app_context():
        link = _first_administrator(name, email, now)
    return (
        f"Hearth for {company} is ready in {settings.instance.resolve()}.\n\n"
        f"Start it with `portal serve`, then open this link within 15 minutes to choose your password:\n\n  {link}\n"
    )


def _first_administrator(name: str, email: str, now: datetime) -> str:
    from portal.desk.catalogue import sync_catalogue
    from portal.kernel.policy import SYSTEM
    from portal.kernel.unit_of_work import unit_of_work
    from portal.people.accounts import first_administrator_link

    with unit_of_work():
        link = first_administrator_link(name=name, email=email, now=now)
        sync_catalogue(actor=SYSTEM, now=now, create_departments=True)
    return link


def write_settings(settings: Settings, values: dict[str, object]) -> None:
    """Write the settings file of a new instance; refuses to touch one that is there."""
    path = settings.instance / FILE_NAME
    if path.exists():
        raise SettingsError(f"{settings.instance} is an instance already ({FILE_NAME} is there). Nothing was changed.")
    settings.instance.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in values.items()), encoding="utf-8")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    if not text.isprintable():
        raise SettingsError("Names must be on one line and without control characters.")
    return f'"{text}"'


def serve_instance(settings: Settings, *, ready: Ready) -> None:
    """Serve until a signal asks to end; the worker runs in the same process unless it is switched off."""
    from portal.app import create_app
    from portal.kernel.content_host import create_content_app
    from portal.kernel.security import secret_key
    from portal.kernel.server import Server

    app = create_app(settings)
    _check_version(app)
    server = Server(app, create_content_app(settings, secret_key(settings)), settings)
    worker = Worker(app) if settings.worker else None
    if worker:
        worker.start()
    ready()
    try:
        server.run()
    finally:
        if worker:
            worker.stop()


def work(settings: Settings, *, ready: Ready) -> None:
    """Run a worker until a signal asks to end; the job in hand is finished."""
    from portal.app import create_app

    app = create_app(settings)
    log.setup(settings, file="worker.log")
    _check_version(app)
    worker = Worker(app)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.ask_to_stop())
    ready()
    worker.run()


def _check_version(app: Flask) -> None:
    with app.app_context():
        found, wanted = migrating.revisions()
        if found is None:
            raise SettingsError("There is no database here yet. Run `portal init` first, or `portal demo` for a made-up company.")
        if found != wanted:
            raise SettingsError("The database is of another version than this program. Run `portal upgrade`.")


def explain(person: str, thing: str, *, now: datetime) -> Iterator[str]:
    """Lines that say why somebody may or may not see something; raises SettingsError for words it does not know."""
    from portal.desk.policy import explain_request
    from portal.people.actors import actor_named

    kind, _, number = thing.partition(":")
    if kind not in ("request", "desk.request") or not number.isdigit():
        raise SettingsError(f"{thing!r} is nothing we can explain. Write it like request:4127.")
    yield from explain_request(actor_named(person, now=now), int(number))
