"""`portal demo`: an instance with Marlow Cycles in it, made once, kept until somebody wants it fresh."""

import shutil
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from portal.content import marlow
from portal.demo.big import PLAN, make_big
from portal.demo.loading import load as load_company
from portal.kernel import migrating
from portal.kernel.db import db
from portal.kernel.settings import FILE_NAME, Settings, SettingsError, load
from portal.people.models import Person
from portal.starting import quiet_app, write_settings

Say = Callable[[str], None]
DONE = "demo.loaded"
BAR = 32


def make_company(
    settings: Settings, *, fresh: bool, port: int | None, say: Say, now: datetime, people: int | None = None, requests: int | None = None
) -> Settings:
    """Create or reuse the demo instance and return its settings; refuses a folder or database that holds a real company.

    ``people`` and ``requests`` make it big: up to so many people, so many requests beside the living ones.
    """
    if fresh:
        _throw_away(settings.instance)
    if not (settings.instance / FILE_NAME).exists():
        write_settings(settings, _values(settings))
    settings = load(instance=settings.instance, port=port)
    if not settings.demo:
        raise SettingsError(f"{settings.instance} holds a real company. Choose another folder: portal --instance demo demo")
    app = quiet_app(settings)
    migrating.upgrade(app, now=now)
    if not (settings.instance / DONE).exists():
        _refuse_people(app)
        say(f"Making {settings.company}: about 420 people and a year of requests.")
        load_company(app, now=now, progress=_bar)
        (settings.instance / DONE).write_text(now.isoformat(), encoding="ascii")
    make_big(app, settings, people, requests, progress=_Told(say), now=now)
    return settings


def _refuse_people(app: Flask) -> None:
    # A demo lets everybody in as anybody with one click: it must never open a database that somebody else filled.
    with app.app_context():
        if db.session.scalar(sa.select(Person.id).limit(1)) is not None:
            raise SettingsError("This database holds people already. A demo needs an empty one; start over with --fresh if it was half made.")


def _values(settings: Settings) -> dict[str, object]:
    company = marlow.company()
    values: dict[str, object] = {"company": company.name, "zone": company.locations[0].zone, "country": company.locations[0].country}
    values |= {"phone": company.phone, "demo": True, "mail_from": f"hearth@{company.mail_domain}"}
    return values | ({"database_url": settings.database_url} if settings.database_url else {})


def _throw_away(instance: Path) -> None:
    if not (instance / FILE_NAME).exists():
        return
    settings = load(instance=instance)
    if not settings.demo:
        raise SettingsError(f"{instance} holds a real company and stays as it is.")
    if not settings.is_sqlite:
        raise SettingsError("This demo lives in PostgreSQL: drop and create its database, then remove the folder.")
    # Only what a demo makes: somebody may have put it into a folder with other things.
    for name in (DONE, PLAN, "secret.key", "portal.write.lock", *(settings.sqlite_file.name + end for end in ("", "-wal", "-shm"))):
        (instance / name).unlink(missing_ok=True)
    for name in ("files", "logs"):
        shutil.rmtree(instance / name, ignore_errors=True)
    (instance / FILE_NAME).unlink()


def _bar(percent: int) -> None:
    if not sys.stderr.isatty():
        return
    filled = BAR * percent // 100
    sys.stderr.write(f"\r  {'#' * filled}{'.' * (BAR - filled)} {percent:3d} %" + ("\n" if percent >= 100 else ""))
    sys.stderr.flush()


class _Told:
    """Says what begins; on a terminal also how far it is."""

    def __init__(self, say: Say) -> None:
        self.say, self.what = say, ""

    def __call__(self, what: str, done: int, wanted: int) -> None:
        if what != self.what:
            self.say(f"Making {what}." if not wanted else f"Making {what} up to {wanted:,}.")
        self.what = what
        if wanted:
            _bar(100 * done // wanted)


def personas() -> list[tuple[str, str, str]]:
    """Name, place and a line about each persona of the sign-in page."""
    return [(f"{person.first} {person.last}", person.card_label, person.card) for person in marlow.company().personas]
