"""The portal with a notice board: pages made for tests, behind the same edge as every other page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from flask import Flask, Response, render_template_string, request

from portal.app import create_app
from portal.kernel import activity, jobs, policy, web
from portal.kernel.db import db
from portal.kernel.errors import Busy, Conflict, DiskFull, Refusal, TooFast, TooLarge, WrongType
from portal.kernel.health import Heartbeat
from portal.kernel.messages import say
from tests.support.client import Visitor
from tests.support.stages import Stage, close, disconnect, unplug_logs

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FORM = """
<form method="post" action="{{ target }}" enctype="{{ kind }}">{{ form_guard() }}
  <input name="text"><textarea name="more"></textarea><input type="password" name="old_password"><button name="go" value="1">Pin</button>
</form>
"""
ERRORS = {
    "conflict": Conflict(say("Kim took it at 9:41.")),
    "refusal": Refusal(say("Not on a Sunday.")),
    "busy": Busy(),
    "full": DiskFull(),
    "fast": TooFast(retry_after=30),
    "large": TooLarge(say("The limit is 25 MB.")),
    "type": WrongType(),
}


class Board(StrEnum):
    """What one can do at the board."""

    LOOK = "board.look"
    CLEAN = "board.clean"


@dataclass(frozen=True)
class Pinned:
    """Something was pinned to the board."""

    event: ClassVar[str] = "board.pinned"
    text: str


tries: list[str] = []
pages = web.Blueprint("board", __name__, url_prefix="/board")


@pages.get("/")
@policy.public
def look() -> str:
    texts = db.session.scalars(sa.select(Heartbeat.name).order_by(Heartbeat.name))
    return render_template_string(FORM, target=request.args.get("to", "/board/pin"), kind=request.args.get("kind", "")) + "|".join(texts)


@pages.get("/by-looking")
@policy.public
def by_looking() -> str:
    db.session.add(Heartbeat(name="sly", at=NOW))
    db.session.flush()
    return "changed"


@pages.get("/broken")
@policy.public
def broken() -> str:
    raise LookupError("canary-in-the-error")


@pages.get("/private")
@policy.allow(Board.LOOK)
def private() -> str:
    return "private"


@pages.get("/clean")
@policy.allow(Board.CLEAN)
def clean() -> str:
    return "clean"


@pages.get("/gone")
@policy.public
def gone() -> Any:
    raise sa.exc.OperationalError("SELECT canary", {}, Exception("database is locked"))


@pages.post("/pin")
@policy.public
def pin() -> Any:
    _pin(request.form["text"])
    web.tell("Pinned.")
    return web.see_other("board.pinned", text=request.form["text"])


@pages.post("/private-pin")
@policy.allow(Board.LOOK)
def private_pin() -> Any:
    return pin()


@pages.post("/mistaken")
@policy.public
def mistaken() -> Any:
    _pin(request.form["text"])
    web.tell("Pinned.")
    return render_template_string(FORM, target="/board/pin", kind=""), 422


@pages.post("/raise/<name>")
@policy.public
def raising(name: str) -> Any:
    _pin(request.form["text"])
    web.tell("Pinned.")
    raise ERRORS.get(name) or LookupError("canary-in-the-error")


@pages.post("/twice")
@policy.public
def twice() -> Any:
    tries.append(request.files["file"].read().decode() if "file" in request.files else "")
    _pin(request.form["text"])
    web.tell("Pinned.")
    if len(tries) == 1:
        raise sa.exc.OperationalError("INSERT", {}, Exception("database is locked"))
    return web.see_other("board.pinned", text=request.form["text"])


@pages.get("/pinned/<text>")
@policy.public
def pinned(text: str) -> str:
    return render_template_string("{{ text }} {{ get_flashed_messages()|join(', ') }}", text=text)


@pages.route("/only-get")
@policy.public
def only_get() -> str:
    return "get"


@pages.get("/old-address")
@policy.public
def old_address() -> Any:
    return web.see_other("board.only_get")


@pages.get("/made")
@policy.public
def made() -> Response:
    return Response("made", headers={"Cache-Control": "private, max-age=60"})


@pages.route("/undeclared", methods=["GET", "POST"])
def undeclared() -> str:
    return "nobody declared me"


def _pin(text: str) -> None:
    db.session.add(Heartbeat(name=text[:40], at=NOW))
    db.session.flush()
    activity.record(Pinned(text[:40]), actor=policy.current(), subject=("board", 1), at=NOW)


@pytest.fixture(scope="session")
def _boards() -> Iterator[dict[str, Flask]]:
    boards: dict[str, Flask] = {}
    yield boards
    for made in boards.values():
        close(made)


@pytest.fixture
def board(app: Flask, _stage: Stage, _boards: dict[str, Flask], monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The portal with its board, on the fresh database of this test."""
    kind = _stage.database.name
    if kind not in _boards:
        made = create_app(_stage.settings)
        made.register_blueprint(pages)
        unplug_logs()
        _boards[kind] = made
    monkeypatch.setitem(policy._checks, Board.CLEAN, lambda actor: actor.has("administrator"))
    tries.clear()
    disconnect(_boards[kind])
    yield _boards[kind]
    disconnect(_boards[kind])


@pytest.fixture
def reader(board: Flask) -> Visitor:
    """Somebody in front of the board."""
    return Visitor(board)


@pytest.fixture
def on_board(board: Flask) -> Callable[[], list[str]]:
    """What hangs on the board for everybody, and nothing else was left behind."""

    def look() -> list[str]:
        with board.app_context():
            texts = sorted(db.session.scalars(sa.select(Heartbeat.name)))
            events = db.session.scalar(sa.select(sa.func.count()).where(activity.Activity.event == Pinned.event))
            waiting = db.session.scalar(sa.select(sa.func.count()).where(jobs.Job.name == "kernel.react"))
            db.session.remove()
        assert (events, waiting) == (len(texts), 0)
        return texts

    return look
