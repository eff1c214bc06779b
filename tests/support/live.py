"""The named company behind a real server: its instance folder, and cookies for its people."""

import shutil
from pathlib import Path
from typing import Any

import time_machine

from tests.support.browser import LiveServer
from tests.support.databases import Sqlite
from tests.support.signing_in import signed_in
from tests.support.stages import close
from tests.support.story import STORY


def world_instance(folder: Path, template: Sqlite, name: str = "world") -> Path:
    """An instance folder with a fresh copy of the template as its database."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(template.folder / f"template_{name}.db", folder / "portal.db")
    return folder


def cookies_for(server: LiveServer, settings: Any, who: Any) -> list[dict[str, Any]]:
    """What a browser must hold so that ``who`` is signed in at this server; dated on the story's day, as the server is."""
    from portal.app import create_app

    with time_machine.travel(STORY, tick=True):
        app = create_app(settings)
        visitor = signed_in(app, who if isinstance(who, int) else who.id, server.address)
        cookie = visitor.client.get_cookie(app.config["SESSION_COOKIE_NAME"], domain="127.0.0.1")
    close(app)
    assert cookie is not None
    return [{"name": cookie.key, "value": cookie.value, "url": server.address}]
