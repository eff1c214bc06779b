"""Structured logs: one JSON line per event, in UTC, to the terminal and to a rotating file in the instance folder.

Never bodies, never secrets: values under telling names and anything shaped like a token are replaced before a line is written.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from logging.handlers import RotatingFileHandler
from typing import Any

import structlog

from portal.kernel.settings import Settings

HIDDEN = "[hidden]"
FILE_SIZE, FILES = 10_000_000, 5
LONGEST = 4000
"""Characters of one value; a traceback may be four times as long."""

_NAMES = re.compile(r"password|secret|token|cookie|authorization|csrf|(?:^|_)(?:body|form|key)(?:_|$)", re.IGNORECASE)
_SHAPES = (
    # 32 random bytes and more in URL-safe base64: what kernel.tokens makes, signed addresses, session cookies. Plain words have no capitals inside.
    re.compile(r"(?<![A-Za-z0-9_-])(?=[a-z0-9_-]{0,80}[A-Z])(?=[A-Za-z_-]{0,80}[0-9])[A-Za-z0-9_-]{40,}(?:\.[A-Za-z0-9_-]+)*"),
    re.compile(r"\bpk_[A-Za-z0-9]{8}_[A-Za-z0-9_-]+"),
    re.compile(r"(?<=://)[^/\s:@]{0,200}:[^/\s@]{0,200}(?=@)"),
    re.compile(r"(?<=bearer )\S+|(?<=basic )[A-Za-z0-9+/=]{8,}", re.IGNORECASE),
    # What SQLAlchemy appends to its errors is what people typed.
    re.compile(r"\[parameters: .*", re.DOTALL),
)

Event = MutableMapping[str, Any]


def setup(settings: Settings, *, file: str | None = "portal.log") -> None:
    """Send the portal's and the libraries' logs through one pipe; calling it again replaces the pipe.

    ``file`` is the name in the logs folder; each process needs its own, because two cannot rotate one file.
    """
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, hide_secrets, structlog.processors.JSONRenderer(ensure_ascii=True)],
    )
    _replace_handlers([logging.StreamHandler(sys.stderr), *([_file(settings, file)] if file else [])], formatter, settings.log_level)


def _replace_handlers(handlers: list[logging.Handler], formatter: logging.Formatter, level: str) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if getattr(handler, "hearth", False)]:
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.hearth = True  # type: ignore[attr-defined]  # how the next call knows ours from a test runner's
        root.addHandler(handler)
    root.setLevel(level)
    for chatty in ("werkzeug", "alembic", "PIL"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _file(settings: Settings, name: str) -> logging.Handler:
    folder = settings.instance / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return RotatingFileHandler(folder / name, maxBytes=FILE_SIZE, backupCount=FILES, encoding="utf-8", delay=True)


def hide_secrets(_logger: Any, _method: str, event: Event) -> Event:
    """A processor: secrets out, long values cut. JSON takes care of line breaks."""
    return {name: HIDDEN if _NAMES.search(name) and value else _clean(value, LONGEST * 4 if name == "exception" else LONGEST) for name, value in event.items()}


def _clean(value: Any, limit: int) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {str(key): HIDDEN if _NAMES.search(str(key)) else _clean(inner, limit) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(inner, limit) for inner in value]
    # Cut generously first, exactly afterwards: nothing is searched for ever, and no half of a token stays at the edge.
    text = str(value)[: limit * 2]
    for shape in _SHAPES:
        text = shape.sub(HIDDEN, text)
    return text if len(text) <= limit else text[:limit] + " ..."
