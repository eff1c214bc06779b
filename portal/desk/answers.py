"""Answers to the questions of a service's form: from what was typed to what is kept, for the twelve types of field. Pure.

What is kept can be written as JSON: text, numbers, ISO dates, instants as ISO text in UTC, truth values, ids, lists of text.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import get_locale

from portal.kernel import times
from portal.kernel.forms import clean, clean_line
from portal.kernel.messages import Message, say

Resolve = Callable[[str, str], int | None]
"""(person, department or location; what was typed) -> the id of a row there is, or None."""
Field = Mapping[str, Any]

LINE, TEXT, FILES = 200, 5000, 10
EARLIEST, LATEST = 1900, 2200
YES, NO = frozenset({"yes", "y", "on", "true", "1"}), frozenset({"no", "n", "off", "false", "0"})
NUMBER = re.compile(r"[+-]?\d{1,15}(?:[.,]\d{1,9})?")


class Problem(Exception):
    """An answer that needs another look; the message says what would fit."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.text)
        self.message = message


@dataclass(frozen=True)
class DayWord:
    """A day that becomes words where it is read: "Thu 26 Nov"."""

    day: date
    today: date

    def __str__(self) -> str:
        return times.day(self.day, datetime.combine(self.today, time(12), UTC), "UTC", str(get_locale() or "en"))


@dataclass(frozen=True)
class Reading:
    """What an answer is read with: the asker's today and zone, and how names become ids."""

    today: date
    zone: str
    resolve: Resolve


def digits_only(_kind: str, text: str) -> int | None:
    """A resolve that takes ids as they are, for callers who look them up afterwards."""
    return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text) else None


def validate_answers(
    fields: Sequence[Field], raw: Mapping[str, Any], today: date, *, zone: str = "UTC", resolve: Resolve = digits_only
) -> tuple[dict[str, Any], dict[str, Message]]:
    """(answers, problems) by field key. ``raw`` holds text, lists of text or nothing; ``today`` is the day in the asker's ``zone``.

    Empty answers are left out; a problem is a whole sentence for the person; keys no field has are ignored.
    """
    reading = Reading(today, zone, resolve)
    answers: dict[str, Any] = {}
    problems: dict[str, Message] = {}
    for field in fields:
        try:
            value = _answer(field, raw.get(field["key"]), reading)
        except Problem as problem:
            problems[field["key"]] = problem.message
        else:
            if value is not None:
                answers[field["key"]] = value
    return answers, problems


def _answer(field: Field, raw: Any, reading: Reading) -> Any:
    texts = _texts(raw)
    if not texts:
        if field.get("required"):
            raise Problem(NEEDED.get(field["type"], NEEDED["text"]))
        return None
    return READERS[field["type"]](field, texts, reading)


def _texts(raw: Any) -> list[str]:
    if raw is None:
        return []
    if isinstance(raw, bool):
        return ["yes" if raw else "no"]
    found = raw if isinstance(raw, (list, tuple)) else [raw]
    return [text for text in (clean(str(value)) for value in found) if text]


NEEDED: dict[str, Message] = {
    "text": say("Please fill this in. A few words are enough."),
    "long_text": say("Please fill this in. A sentence is enough."),
    "number": say("Please write a number, for example 2. A guess is fine."),
    "date": say("Please choose a day."),
    "datetime": say("Please choose a day and a time."),
    "choice": say("Please choose one of the answers."),
    "choices": say("Please choose at least one of the answers."),
    "yes_no": say("Please say yes or no."),
    "person": say("Please choose a colleague."),
    "department": say("Please choose a department."),
    "location": say("Please choose a place."),
    "file": say("Please add a file."),
}


def _line(field: Field, texts: list[str], _reading: Reading) -> str:
    return _short_enough(clean_line(texts[0]), field.get("max_length") or LINE)


def _long(field: Field, texts: list[str], _reading: Reading) -> str:
    return _short_enough(texts[0], field.get("max_length") or TEXT)


def _short_enough(text: str, limit: int) -> str:
    if len(text) > limit:
        raise Problem(say("This is longer than %(limit)s characters. Shorten it a little, nothing is lost.", limit=limit))
    return text


def _number(field: Field, texts: list[str], _reading: Reading) -> int | float:
    text = texts[0].replace("\u2212", "-").replace(" ", "")
    if not NUMBER.fullmatch(text):
        raise Problem(NEEDED["number"])
    value = float(text.replace(",", "."))
    low, high = field.get("min"), field.get("max")
    if (low is not None and value < low) or (high is not None and value > high):
        raise Problem(_range(low, high))
    return int(value) if math.isclose(value, round(value), abs_tol=0) else value


def _range(low: float | None, high: float | None) -> Message:
    if low is not None and high is not None:
        return say("A number from %(low)s to %(high)s fits here.", low=_plain(low), high=_plain(high))
    if low is not None:
        return say("A number from %(low)s on fits here.", low=_plain(low))
    return say("A number up to %(high)s fits here.", high=_plain(high or 0))


def _plain(value: float) -> str:
    return f"{value:g}"


def _date(field: Field, texts: list[str], reading: Reading) -> str:
    try:
        day = date.fromisoformat(texts[0])
    except ValueError:
        raise Problem(say("Please write a day as year, month and day, for example %(day)s.", day=reading.today.isoformat())) from None
    _check_day(field, day, reading.today)
    return day.isoformat()


def _check_day(field: Field, day: date, today: date) -> None:
    low, high = field.get("min"), field.get("max")
    first = today + timedelta(days=int(low)) if low is not None else None
    last = today + timedelta(days=int(high)) if high is not None else None
    if first is not None and day < first:
        raise Problem(_too_soon(day, first, today))
    if last is not None and day > last:
        raise Problem(say("That is too far ahead. The last day is %(day)s.", day=DayWord(last, today)))
    if not EARLIEST <= day.year <= LATEST:
        raise Problem(say("Please have another look at the year."))


def _too_soon(day: date, first: date, today: date) -> Message:
    if day == today:
        return say("Today is too soon. The first free day is %(day)s.", day=DayWord(first, today))
    if day < today:
        return say("That day has passed. The first free day is %(day)s.", day=DayWord(first, today))
    return say("That is too soon. The first free day is %(day)s.", day=DayWord(first, today))


def _datetime(field: Field, texts: list[str], reading: Reading) -> str:
    try:
        moment = datetime.fromisoformat(texts[0])
        local = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(reading.zone))
        instant = local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(say("Please write a day and a time, for example %(day)sT14:00.", day=reading.today.isoformat())) from None
    _check_day(field, local.astimezone(ZoneInfo(reading.zone)).date(), reading.today)
    return instant.isoformat()


def _choice(field: Field, texts: list[str], _reading: Reading) -> str:
    if texts[0] not in field.get("options", ()):
        raise Problem(NEEDED["choice"])
    return texts[0]


def _choices(field: Field, texts: list[str], _reading: Reading) -> list[str]:
    options = field.get("options", ())
    if not set(texts) <= set(options):
        raise Problem(say("One of these answers is not in the list. Please choose again."))
    return [option for option in options if option in texts]


def _yes_no(_field: Field, texts: list[str], _reading: Reading) -> bool:
    word = texts[0].lower()
    if word not in YES | NO:
        raise Problem(NEEDED["yes_no"])
    return word in YES


UNKNOWN: dict[str, Message] = {
    "person": say("We do not find this colleague. Choose a name from the list."),
    "department": say("We do not know this department. Choose one from the list."),
    "location": say("We do not know this place. Choose one from the list."),
}


def _known(field: Field, texts: list[str], reading: Reading) -> int:
    found = reading.resolve(field["type"], clean_line(texts[0])[:LINE])
    if found is None:
        raise Problem(UNKNOWN[field["type"]])
    return found


def _files(_field: Field, texts: list[str], _reading: Reading) -> list[str]:
    if len(texts) > FILES:
        raise Problem(say("%(limit)s files are the most. Send the rest with a message.", limit=FILES))
    return [clean_line(text)[:LINE] for text in texts]


READERS: dict[str, Callable[[Field, list[str], Reading], Any]] = {
    "text": _line,
    "long_text": _long,
    "number": _number,
    "date": _date,
    "datetime": _datetime,
    "choice": _choice,
    "choices": _choices,
    "yes_no": _yes_no,
    "person": _known,
    "department": _known,
    "location": _known,
    "file": _files,
}
