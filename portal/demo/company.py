"""`portal demo`: an instance with Marlow Cycles in it, made once, kept until somebody wants it fresh."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from portal.app import create_app
from portal.content import marlow
from portal.demo.loading import load as load_company
from portal.kernel import migrating
from portal.kernel.settings import FILE_NAME, Settings, SettingsError, load
from portal.starting import write_settings

Say = Callable[[str], None]
DONE = "demo.loaded"
BAR = 32


def make_company(settings: Settings, *, fresh: bool, port: int | None, say: Say, now: datetime) -> Settings:
    """Create or reuse the demo instance and return its settings; refuses a folder that holds a real company."""
    if fresh:
        _throw_away(settings.instance)
    if not (settings.instance / FILE_NAME).exists():
        write_settings(settings, _values(settings))
    settings = _at_port(load(instance=settings.instance), port)
    if not settings.demo:
        raise SettingsError(f"{settings.instance} holds a real company. Choose another folder: portal --instance demo demo")
    app = create_app(settings)
    migrating.upgrade(app, now=now)
    if not (settings.instance / DONE).exists():
        say(f"Making {settings.company}: about 420 people and a year of requests.")
        load_company(app, now=now, progress=_bar)
        (settings.instance / DONE).write_text(now.isoformat(), encoding="ascii")
    return settings


def _values(settings: Settings) -> dict[str, object]:
    company = marlow.company()
    values: dict[str, object] = {"company": company.name, "zone": company.locations[0].zone, "country": company.locations[0].country}
    values |= {"phone": company.phone, "demo": True, "mail_from": f"hearth@{company.mail_domain}"}
    return values | ({"database_url": settings.database_url} if settings.database_url else {})


def _at_port(settings: Settings, port: int | None) -> Settings:
    if port is None or port == settings.port:
        return settings
    return replace(settings, port=port, base_url=f"http://127.0.0.1:{port}")


def _throw_away(instance: Path) -> None:
    if not (instance / FILE_NAME).exists():
        return
    if not load(instance=instance).demo:
        raise SettingsError(f"{instance} holds a real company and stays as it is.")
    if load(instance=instance).is_sqlite:
        shutil.rmtree(instance)
        return
    raise SettingsError("This demo lives in PostgreSQL: drop and create its database, then remove the folder.")


def _bar(percent: int) -> None:
    if not sys.stderr.isatty():
        return
    filled = BAR * percent // 100
    sys.stderr.write(f"\r  {'#' * filled}{'.' * (BAR - filled)} {percent:3d} %" + ("\n" if percent >= 100 else ""))
    sys.stderr.flush()


def personas() -> list[tuple[str, str, str]]:
    """Name, place and a line about each persona of the sign-in page."""
    return [(f"{person.first} {person.last}", person.card_label, person.card) for person in marlow.company().personas]
