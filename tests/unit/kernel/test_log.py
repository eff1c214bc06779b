"""Logs: one JSON line per event, in UTC, with no secret, no body and no line of somebody else's."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel import log, tokens
from portal.kernel.settings import Settings


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Any]:
    """What is logged, as read from the file."""
    root = logging.getLogger()
    handlers, level, known = root.handlers[:], root.level, structlog.get_config()
    root.handlers = [handler for handler in handlers if not getattr(handler, "hearth", False)]
    log.setup(Settings(instance=tmp_path, log_level="INFO"))

    def read() -> list[dict[str, Any]]:
        text = (tmp_path / "logs" / "portal.log").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    yield read
    for handler in root.handlers:
        if getattr(handler, "hearth", False):
            handler.close()
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**known)


def test_an_event_is_one_line_with_its_time_and_its_request(lines: Any) -> None:
    """What, when in UTC, how grave, which request and who; libraries come through the same pipe."""
    structlog.contextvars.bind_contextvars(ref="ab12", actor=7)
    structlog.get_logger("portal.desk").info("claimed", request=4127)
    logging.getLogger("sqlalchemy.pool").warning("slow %s", "connection")
    structlog.contextvars.clear_contextvars()
    first, second = lines()
    assert first | {"at": ""} == {"event": "claimed", "request": 4127, "ref": "ab12", "actor": 7, "level": "info", "logger": "portal.desk", "at": ""}
    assert first["at"] == "2026-11-24T09:00:00Z"
    assert second["event"] == "slow connection"


def test_debug_is_left_out_unless_asked_for(lines: Any) -> None:
    """The setting decides."""
    structlog.get_logger().debug("noise")
    structlog.get_logger().info("news")
    assert [line["event"] for line in lines()] == ["news"]


PLAIN = tokens.new()[0]
SECRETS: list[dict[str, Any]] = [
    {"password": "canary"},
    {"new_password": "canary"},
    {"Authorization": "canary"},
    {"headers": {"Cookie": "portal=canary", "Set-Cookie": "canary"}},
    {"csrf_token": "canary"},
    {"body": "canary"},
    {"form": {"text": "canary"}},
    {"secret_key": "canary"},
    {"api_key": "canary"},
    {"url": "smtp://hearth:canary@mail.example:587"},
    {"error": "Authorization: Bearer canary"},
    {"error": "(psycopg.Error) duplicate key [SQL: INSERT ...] [parameters: {'text': 'canary'}]"},
    {"key_seen": "pk_a1b2c3d4_canaryCANARYcanary0"},
]


@pytest.mark.parametrize("values", SECRETS)
def test_no_secret_is_written(lines: Any, values: dict[str, Any]) -> None:
    """Under a telling name or in a telling shape."""
    structlog.get_logger().warning("seen", **values)
    [line] = lines()
    assert "canary" not in json.dumps(line)
    assert log.HIDDEN in json.dumps(line)


@pytest.mark.parametrize("text", ["/reset/{}", "{}", "token={}&x=1", "GET /f/{}.aZ3x.Qw9-x/a.pdf", "{}\n{}"])
def test_tokens_are_hidden_wherever_they_stand(lines: Any, text: str) -> None:
    """Paths, queries, messages, exceptions."""
    message = text.format(PLAIN, PLAIN)
    try:
        raise ValueError(message)
    except ValueError:
        structlog.get_logger().exception(message, path=message, many=[message], one={"a": message})
    [line] = lines()
    assert PLAIN not in json.dumps(line)
    assert PLAIN[:20] not in json.dumps(line)


@given(st.binary(min_size=32, max_size=60))
def test_every_token_that_looks_like_ours_is_hidden(random: bytes) -> None:
    """Whatever 32 bytes turn into, unless chance made them look like plain words."""
    import base64

    plain = base64.urlsafe_b64encode(random).decode().rstrip("=")
    if any(c.isupper() for c in plain) and any(c.isdigit() for c in plain):
        assert plain not in str(log.hide_secrets(None, "info", {"event": f"/invite/{plain}"})["event"])


def test_ordinary_words_stay(lines: Any) -> None:
    """Paths with long names, hashes of files, numbers, people, reference numbers."""
    values = {
        "path": "/knowledge/how-to-get-a-key-card-for-the-new-building-on-mill-road-2026",
        "digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "performed": 3,
        "platform": "linux",
        "url": "https://hearth.example/a@b:c",
        "duration": 0.25,
        "nothing": None,
        "yes": True,
    }
    structlog.get_logger().info("seen", **values)
    [line] = lines()
    assert {name: line[name] for name in values} == values


def test_line_breaks_forge_no_line(lines: Any) -> None:
    """CR, LF and their cousins stay inside their own event."""
    structlog.get_logger().info('x\r\n{"event": "forged"}\u2028\u0085', path="/a\nb")
    [line] = lines()
    assert line["event"].startswith("x\r\n")


def test_long_values_are_cut_and_cost_little(lines: Any) -> None:
    """Ten megabytes of anything are a short line."""
    for text in ("a" * 10_000_000, "aA1" * 3_000_000, "://" * 3_000_000, "bearer " * 1_000_000):
        structlog.get_logger().info(text)
    assert all(len(line["event"]) < 9000 for line in lines())


def test_an_error_brings_its_traceback_without_local_values(lines: Any) -> None:
    """Where it happened, not what was typed."""

    def save(typed: str) -> None:
        raise KeyError(len(typed))

    try:
        save("cold {}".format("radiator"))
    except KeyError:
        structlog.get_logger().exception("failed")
    [line] = lines()
    assert "KeyError" in line["exception"]
    assert "cold-radiator" not in json.dumps(line)


def test_setting_up_twice_writes_once(lines: Any, tmp_path: Path) -> None:
    """Also with another file name for another process."""
    log.setup(Settings(instance=tmp_path), file="worker.log")
    structlog.get_logger().info("once")
    assert (tmp_path / "logs" / "worker.log").read_text().count("once") == 1
    assert not (tmp_path / "logs" / "portal.log").exists()
    log.setup(Settings(instance=tmp_path), file=None)
    structlog.get_logger().info("twice")
    assert "twice" not in (tmp_path / "logs" / "worker.log").read_text()


def test_the_terminal_gets_the_same_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: Any) -> None:
    """A service manager reads standard error."""
    terminal = io.StringIO()
    monkeypatch.setattr("sys.stderr", terminal)
    log.setup(Settings(instance=tmp_path))
    structlog.get_logger().info("seen", password="canary")
    assert json.loads(terminal.getvalue()) == lines()[0]
