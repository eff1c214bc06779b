"""A portal, its backup, and the copy that was restored from it beside the original, on either database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.app import create_app
from portal.kernel import clock
from portal.kernel.keeping import backing, restoring
from tests.support.client import Visitor
from tests.support.databases import POSTGRES, find_postgres
from tests.support.mail_sink import sink
from tests.support.signing_in import new_session, signed_in
from tests.support.stages import close, make_database, make_settings, unplug_logs


@dataclass
class Pair:
    """The original and its copy. Sessions begun before the backup are in both."""

    app: Flask
    copy: Flask
    tokens: dict[int, str]

    def at_original(self, who: Any) -> Visitor:
        """A person at the original, in the session they had before the backup."""
        return _with_token(self.app, self.tokens[who.id])

    def at_copy(self, who: Any) -> Visitor:
        """The same person, same session, at the copy."""
        return _with_token(self.copy, self.tokens[who.id])


def _with_token(app: Flask, token: str) -> Visitor:
    visitor = Visitor(app, "http://127.0.0.1:8000")
    with visitor.client.session_transaction(base_url="http://127.0.0.1:8000") as page_session:
        page_session["_user_id"], page_session["_fresh"] = token, True
    return visitor


__all__ = ["Copy", "Pair", "sink"]
Copy = Callable[..., Pair]


@pytest.fixture
def programs(database_kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own programs on the search path, as on a machine where they are installed."""
    if database_kind == POSTGRES:
        folder = find_postgres()
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.fixture
def copied(app: Flask, programs: None, database_kind: str, shared_folder: Path, worker_name: str, tmp_path: Path) -> Iterator[Copy]:
    """``copied(world.mara, world.ada)``: back up, restore elsewhere, and open the copy."""
    opened: list[Flask] = []

    def make(*people: Any, **changes: Any) -> Pair:
        tokens = {who.id: new_session(app, who.id) for who in people}
        with app.app_context():
            made = backing.make(tmp_path / "made.tar")
        url = ""
        if database_kind == POSTGRES:
            empty = make_database(database_kind, shared_folder, f"{worker_name}_copy", tmp_path)
            empty.empty()
            url = empty.url
        folder = tmp_path / "copy"
        restoring.restore(made.path, folder, url=url, now=clock.now())
        copy = create_app(make_settings(folder, url or f"sqlite:///{folder / 'portal.db'}", **changes))
        copy.testing = True
        unplug_logs()
        opened.append(copy)
        return Pair(app, copy, tokens)

    yield make
    for copy in opened:
        close(copy)


@pytest.fixture
def sign_in_at() -> Callable[[Flask, Any], Visitor]:
    """A fresh session at either of the two."""
    return lambda app, who: signed_in(app, who.id)
