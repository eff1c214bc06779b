"""What happened to a request, one grey line each, as its requester's side reads it. Pure; the words of messages stand elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.desk import words
from portal.desk.words import Reader
from portal.kernel.messages import Message, say

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Happening:
    """One line of the record of changes, with names looked up already; ``you`` is true when the reader did it."""

    at: datetime
    event: str
    data: Data
    name: str
    you: bool
    names: Mapping[int, str]
    reader: Reader

    def person(self, key: str) -> str:
        """The first name of the person in ``data[key]``."""
        return self.names.get(self.data.get(key) or 0, "")


@dataclass(frozen=True)
class Line:
    """A grey line: icon, words and when."""

    at: datetime
    icon: str
    text: Message


def line_of(happened: Happening) -> Line | None:
    """The line, or nothing where the conversation says it already or the requester's side has no part in it."""
    tell = _TELLERS.get(happened.event.removeprefix("desk.request."))
    told = tell(happened) if tell else None
    return Line(happened.at, *told) if told else None


Told = tuple[str, Message] | None


def _claimed(h: Happening) -> Told:
    return "user-check", say("%(name)s has it now", name=h.name)


def _assigned(h: Happening) -> Told:
    name, way = h.person("person_id"), h.data.get("way") or ""
    if not name:
        backs = {"away": say("Back with the whole team: whoever had it is away"), "idle": say("Back with the whole team, after a quiet working day")}
        return "user-check", backs.get(way, say("Back with the whole team"))
    ways = {"turn": say("%(name)s has it now, by turn", name=name), "least": say("%(name)s has it now, with the least open requests", name=name)}
    return "user-check", ways.get(way, say("%(name)s has it now", name=name))


def _transferred(h: Happening) -> Told:
    return "arrows-exchange", say("%(name)s handed it over: %(reason)s", name=h.name, reason=h.data.get("reason", ""))


def _prioritised(h: Happening) -> Told:
    return "flag", say("Now treated as: %(words)s", words=str(words.priority_word(h.data["new"])))


def _replied(h: Happening) -> Told:
    step, at = h.data.get("next_step"), h.data.get("next_step_at")
    if not step or not at:
        return None
    return "calendar-event", say("Planned: %(step)s, by %(when)s", step=str(step).rstrip(" ."), when=h.reader.beside(datetime.fromisoformat(at), h.at))


def _paused(h: Happening) -> Told:
    whom = h.data.get("waits_for") or ""
    if h.data.get("reason") == "requester":
        return "player-pause", say("The clock is paused: waiting for an answer from the requester")
    return "player-pause", (say("The clock is paused: waiting for %(name)s", name=whom) if whom else say("The clock is paused"))


def _resolved(h: Happening) -> Told:
    return "circle-check", say("%(name)s says it is done", name=h.name)


def _confirmed(h: Happening) -> Told:
    said = {"yes": say("it works"), "partly": say("it works partly"), "no": say("it does not work yet")}[str(h.data["answer"])]
    return "mood-happy", (say("You said: %(words)s", words=str(said)) if h.you else say("%(name)s said: %(words)s", name=h.name, words=str(said)))


def _cancelled(h: Happening) -> Told:
    reason = str(h.data.get("reason") or "").rstrip(" .")
    return "ban", (say("No longer needed: %(reason)s", reason=reason) if reason else say("No longer needed"))


def _closed(h: Happening) -> Told:
    return ("check", say("Closed after five quiet working days")) if h.data.get("reason") == "silent" else None


def _joined(h: Happening) -> Told:
    return "user-plus", say("%(name)s follows it", name=h.person("person_id"))


def _left(h: Happening) -> Told:
    return "user-minus", say("%(name)s no longer follows it", name=h.person("person_id"))


def _moved(h: Happening) -> Told:
    return ("calendar-event", say("Planned")) if h.data.get("new") == "planned" else None


_TELLERS: Mapping[str, Callable[[Happening], Told]] = {
    "claimed": _claimed,
    "assigned": _assigned,
    "transferred": _transferred,
    "prioritised": _prioritised,
    "replied": _replied,
    "paused": _paused,
    "resumed": lambda _: ("player-play", say("The clock runs again")),
    "resolved": _resolved,
    "reopened": lambda _: ("refresh", say("Open again")),
    "confirmed": _confirmed,
    "cancelled": _cancelled,
    "closed": _closed,
    "joined": _joined,
    "left": _left,
    "moved": _moved,
    "edited": lambda _: ("pencil", say("The words were changed")),
    "unthanked": lambda _: ("message", say("A reply is wanted after all")),
}

FOLD = 4
"""So many lines in a row are folded, except for the last two."""


def folded(run: Sequence[Line]) -> tuple[Sequence[Line], Sequence[Line]]:
    """(lines to fold away, lines to show) of lines that follow each other."""
    return (run[:-2], run[-2:]) if len(run) >= FOLD else ((), run)
