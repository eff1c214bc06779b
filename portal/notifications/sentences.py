"""How a sentence waits in the ledger until somebody reads it, in their language and their zone.

A message is kept as its id (the English text) with its parameters. Parameters that look different to different readers are kept
marked: an instant as ``{"instant": "2026-11-26T11:00:00+00:00"}``, a day as ``{"day": "2026-11-26"}``, a length as
``{"seconds": 5400}``, another message as ``{"say": id, "plural": id or null, "params": {...}}``. Callers pass datetimes, dates,
timedeltas and messages as they are; everything else must be text, a number, a truth value or nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from flask_babel import get_translations
from markupsafe import Markup, escape

from portal.kernel import shell, times
from portal.kernel.messages import Message

Show = Callable[[Any], object]


class Kept(Protocol):
    """A sentence as the ledger keeps it."""

    @property
    def text(self) -> str:
        """The message id: the English text."""

    @property
    def plural(self) -> str | None:
        """The English text for several, where there is one."""

    @property
    def params(self) -> Mapping[str, Any]:
        """Plain and marked values."""


@dataclass(frozen=True)
class Reader:
    """For whom a mail is written: zone, language, and the moment it is written at."""

    zone: str
    locale: str
    now: datetime


def kept(value: object) -> Any:
    """A parameter as it is stored; raises TypeError for what a reader could not be shown, ValueError for an instant without a zone."""
    if isinstance(value, Message):
        return {"say": value.text, "plural": value.plural, "params": kept_all(value.params)}
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("an instant needs a zone")
        return {"instant": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, timedelta):
        return {"seconds": int(value.total_seconds())}
    if value is None or isinstance(value, (str, int, float, dict)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be shown to a reader")


def kept_all(params: Mapping[str, object]) -> dict[str, Any]:
    """All parameters of a message as they are stored."""
    return {name: kept(value) for name, value in params.items()}


def as_text(told: Kept, reader: Reader) -> str:
    """The sentence in plain words, for mail."""
    return _filled(told, lambda value: _plain(value, reader))


def as_html(told: Kept) -> Markup:
    """The sentence on a page of the current reader, with exact instants on hover."""
    return _formatted(escape(_pattern(told.text, told.plural, told.params)), {name: _hovering(value) for name, value in told.params.items()})


def value_text(value: Any, reader: Reader) -> str:
    """One stored parameter in plain words."""
    return str(_plain(value, reader))


def value_html(value: Any) -> object:
    """One stored parameter on a page of the current reader."""
    return _hovering(value)


def _filled(told: Kept, show: Show) -> str:
    return _pattern(told.text, told.plural, told.params) % {name: show(value) for name, value in told.params.items()}


def _formatted(pattern: Markup, params: Mapping[str, object]) -> Markup:
    return pattern % params  # Markup escapes what is filled in, unless it is markup itself


def _pattern(text: str, plural: str | None, params: Mapping[str, Any]) -> str:
    translations = get_translations()
    if plural is None:
        return str(translations.gettext(text))
    return str(translations.ngettext(text, plural, int(params.get("num", 0))))


@dataclass(frozen=True)
class _Inner:
    text: str
    plural: str | None
    params: Mapping[str, Any]


def _plain(value: Any, reader: Reader) -> object:
    if not isinstance(value, dict):
        return "" if value is None else value
    if "instant" in value:
        return times.when(datetime.fromisoformat(value["instant"]), reader.now, reader.zone, reader.locale)
    if "day" in value:
        return times.day(date.fromisoformat(value["day"]), reader.now, reader.zone, reader.locale)
    if "seconds" in value:
        return times.duration(timedelta(seconds=value["seconds"]))
    return as_text(_Inner(value["say"], value["plural"], value["params"]), reader)


def _hovering(value: Any) -> object:
    if not isinstance(value, dict):
        return "" if value is None else value
    if "instant" in value:
        return shell.when(datetime.fromisoformat(value["instant"]))
    if "day" in value:
        return shell.day(date.fromisoformat(value["day"]))
    if "seconds" in value:
        return times.duration(timedelta(seconds=value["seconds"]))
    return as_html(_Inner(value["say"], value["plural"], value["params"]))
