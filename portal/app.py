"""The application as a list of set-up calls; besides ``cli`` the only module that knows every feature."""

from datetime import timedelta

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.admin import routes as admin
from portal.desk import models as desk_tables
from portal.desk import routes as desk
from portal.home import routes as home
from portal.kernel import activity, db, files, health, log, mail, observe, policy, search_keeping, security, sessions, shell, statics, web
from portal.kernel.incoming import imap, watching
from portal.kernel.incoming import store as incoming_mail
from portal.kernel.keeping import nightly as backups
from portal.kernel.places import find_places
from portal.kernel.settings import Settings, load
from portal.kernel.unit_of_work import WriteTurn
from portal.notifications import models as notification_tables
from portal.notifications import routes as notifications
from portal.people import models as people_tables
from portal.people import routes as people

FEATURES = (people, notifications, desk, home, admin)
TABLES = (activity, backups, files, health, mail, incoming_mail, observe, people_tables, notification_tables, desk_tables)
"""Modules that must be loaded before the tables are complete, whether or not a page needs them."""
SOURCES = (imap, watching)
"""Modules that bring mail in, which announce their jobs and looks when they are loaded."""


def create_app(settings: Settings | None = None) -> Flask:
    """Build the portal; reads settings from environment and file when none are given."""
    settings = settings or load()
    places = find_places()
    app = web.Portal("portal", template_folder=str(places.templates), static_folder=None)
    app.extensions["settings"] = settings
    _limits(app, settings)
    settings.instance.mkdir(parents=True, exist_ok=True, mode=0o700)
    log.setup(settings)
    db.setup(app, settings)
    search_keeping.setup(app)
    _write_turn(app, settings)
    web.setup(app)
    sessions.setup(app, settings)
    security.setup(app, settings)
    shell.setup(app, settings)
    for feature in FEATURES:
        feature.setup(app)
    app.before_request(security.check_origin)
    statics.setup(app, places, security.fixed_headers(settings))
    _proxies(app, settings)
    if missing := policy.undeclared_routes(app):
        raise RuntimeError(f"routes without a declared permission: {', '.join(missing)}")
    return app


def _limits(app: Flask, settings: Settings) -> None:
    app.config.update(
        MAX_CONTENT_LENGTH=settings.upload_limit_mb * 1_000_000 + 1_000_000,
        MAX_FORM_MEMORY_SIZE=500_000,
        MAX_FORM_PARTS=1000,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),
    )


def _write_turn(app: Flask, settings: Settings) -> None:
    if settings.is_sqlite:
        folder = settings.sqlite_file.parent
        folder.mkdir(parents=True, exist_ok=True)
        app.extensions["write_turn"] = WriteTurn(folder / "portal.write.lock")


def _proxies(app: Flask, settings: Settings) -> None:
    if count := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]  # the way Flask documents it
