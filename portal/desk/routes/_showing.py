"""From the rows of a request to what its page says: the story, the clock card, the people, the conversation with its grey lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for

from portal.desk import words
from portal.desk.clock import FIRST_RESPONSE, NEXT_RESPONSE, RESOLUTION, ClockState
from portal.desk.happenings import Happening, Line, folded, line_of
from portal.desk.models import Request
from portal.desk.opening import hours_sentence, place_of
from portal.desk.queries.request_page import Entry, Face, RequestPage
from portal.desk.rules import OPEN, Answer, MessageKind, Status
from portal.kernel import times
from portal.kernel.messages import Message, say
from portal.kernel.policy import Actor
from portal.people.calendar import WorkCalendar


@dataclass(frozen=True)
class View:
    """A request in the hands of one reader at one moment."""

    request: Request
    page: RequestPage
    calendar: WorkCalendar
    reader: words.Reader
    actor: Actor

    @property
    def states(self) -> Mapping[str, ClockState]:
        """Every clock as it stands now."""
        return self.page.states(self.calendar, self.reader.now)

    def face(self, person_id: int | None) -> Face | None:
        """Somebody on the page."""
        return self.page.people.get(person_id or 0)

    def first_name(self, person_id: int | None) -> str:
        """How colleagues call them; empty for nobody."""
        found = self.face(person_id)
        return found.first_name if found else ""


def chip(face: Face, reader: words.Reader) -> dict[str, Any]:
    """Somebody as the macros for people want them."""
    url = url_for("people.profile", staff_number=face.staff_number) if face.is_active else None
    return {"id": face.id, "name": face.name, "initials": face.initials, "tint": face.tint, "url": url, "away": _away(face, reader)}


def _away(face: Face, reader: words.Reader) -> str:
    if face.last_day is None:
        return ""
    return str(say("back %(day)s", day=times.day(face.last_day + timedelta(days=1), reader.now, reader.zone, reader.locale)))


# -- the story ----------------------------------------------------------------------------------------------------------


def story_of(view: View) -> words.Story:
    """What the one-sentence state is told from."""
    request, states, around = view.request, view.states, view.page.around
    late = _latest_promise(view, states)
    return words.Story(
        standing=standing_of(view),
        department=around.department,
        reader=view.reader,
        owner=view.first_name(request.assignee_id),
        lead=around.lead,
        end_word=words.end_word(around.service_key),
        asked_at=request.received_at,
        answered_at=request.answered_at,
        first_due=states[FIRST_RESPONSE].due,
        reply_due=states[NEXT_RESPONSE].due if states[NEXT_RESPONSE].status == "running" else None,
        relieved_at=relief_of(request),
        step=request.next_step,
        step_at=request.next_step_at,
        end_due=states[RESOLUTION].due,
        resolved_at=request.resolved_at,
        late_since=late,
        late_by=view.calendar.worked(late, view.reader.now) if late else timedelta(),
        hours=words.day_hours(view.calendar, view.reader.now),
    )


def relief_of(request: Request) -> datetime | None:
    """Since when there is relief; what the requester said does not work is none."""
    return None if request.outcome == Answer.NO and request.status in OPEN else request.relieved_at


def standing_of(view: View) -> words.Standing:
    """How it stands, for the requester's side."""
    request = view.request
    return words.Standing(
        Status(request.status),
        mine=True,
        requester=view.first_name(request.requester_id),
        waits_for=request.waits_for,
        awaits_answer=request.awaits_answer,
        is_relieved=relief_of(request) is not None,
        outcome=request.outcome,
    )


def _latest_promise(view: View, states: Mapping[str, ClockState]) -> datetime | None:
    """The earliest due instant that has passed while its clock still runs."""
    if view.request.status not in OPEN:
        return None
    passed = [state.due for state in states.values() if state.due and state.stopped_at is None and state.due < view.reader.now]
    return min(passed, default=None)


# -- the card about the clock -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClockCard:
    """How the clock of a request works: figures in words, and when it runs."""

    used: Message | None
    percent: int
    meter: Message
    paused: str
    promise: str
    own_name: str
    own_date: str
    kind: str
    runs: Message
    city: str
    differs: bool


def clock_card(view: View) -> ClockCard:
    """The clock to the end, or to the first answer where no end is promised."""
    states, reader, request = view.states, view.reader, view.request
    state = states[RESOLUTION] if states[RESOLUTION].started_at else states[FIRST_RESPONSE]
    target = state.target or timedelta()
    percent = round(100 * min(1.0, state.worked / target)) if target else 0
    kind = "late" if state.status == "missed" else "soon" if percent > words.SOON * 100 and state.stopped_at is None else "ok"
    used = say("%(used)s of %(all)s", used=times.duration(state.worked, hours_per_day=10_000), all=times.duration(target, hours_per_day=10_000))
    now_there, now_here = (reader.now.astimezone(ZoneInfo(zone)).utcoffset() for zone in (view.calendar.zone, reader.zone))
    return ClockCard(
        used=used if target else None,
        percent=percent,
        meter=say("%(percent)s percent of the working time is used", percent=percent),
        paused=words.working_time(state.paused, words.day_hours(view.calendar, reader.now)),
        promise=reader.when(state.due) if state.due else str(say("moves with the pause")) if state.status == "paused" else str(say("a date of its own")),
        own_name=view.first_name(request.assignee_id),
        own_date=reader.when(request.next_step_at) if request.next_step_at else "",
        kind=kind,
        runs=hours_sentence(view.calendar, reader.now, reader.locale),
        city=place_of(view.calendar.zone),
        differs=now_there != now_here and words.day_hours(view.calendar, reader.now) != words.ROUND_THE_CLOCK,
    )


# -- people -------------------------------------------------------------------------------------------------------------


def people_of(view: View) -> list[tuple[dict[str, Any], str | None, Message]]:
    """(chip, "You" or nothing, their part) of everybody on the request, in the order of the card."""
    request = view.request
    parts: list[tuple[int | None, Message]] = [(request.assignee_id, say("has it")), (request.requester_id, say("asked"))]
    if request.filed_by_id != request.requester_id:
        parts.append((request.filed_by_id, say("asked for them")))
    parts += [(face.id, say("follows")) for face in view.page.followers]
    found = [(view.face(person_id), part) for person_id, part in parts]
    return [(chip(face, view.reader), str(say("You")) if face.id == view.actor.person_id else None, part) for face, part in found if face]


# -- the conversation ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """A message as it stands in the conversation."""

    entry: Entry
    person: dict[str, Any]
    you: bool


@dataclass(frozen=True)
class Lines:
    """Grey lines that follow each other: the first ones folded away."""

    hidden: Sequence[Line]
    shown: Sequence[Line]


def conversation(view: View) -> list[Said | Lines]:
    """Messages and grey lines in the order of time; what a message brought stands under it."""
    lines = [line for change in view.page.changes if (line := _line(view, change))]
    said = [(entry.created_at, 0, entry.id, entry) for entry in view.page.talk]
    happened = [(line.at, 1, place, line) for place, line in enumerate(lines)]
    found: list[Said | Lines] = []
    run: list[Line] = []
    for *_order, thing in sorted([*said, *happened], key=lambda item: item[:3]):
        if isinstance(thing, Line):
            run.append(thing)
        elif isinstance(thing, Entry):
            found += [*_closed_run(run), _said(view, thing)]
            run = []
    return [*found, *_closed_run(run)]


def _closed_run(run: list[Line]) -> list[Said | Lines]:
    return [Lines(*folded(run))] if run else []


def _said(view: View, entry: Entry) -> Said:
    face = view.face(entry.author_id)
    person = chip(face, view.reader) if face else {"name": "Hearth", "initials": "H", "tint": 6, "url": None, "away": ""}
    return Said(entry, person, entry.author_id is not None and entry.author_id == view.actor.person_id)


def _line(view: View, change: Any) -> Line | None:
    names = {face.id: face.first_name for face in view.page.people.values()}
    you = change.actor_id is not None and change.actor_id == view.actor.person_id
    return line_of(Happening(change.at, change.event, change.data, names.get(change.actor_id or 0, "Hearth"), you, names, view.reader))


# -- facts --------------------------------------------------------------------------------------------------------------


def facts_of(view: View, names: Mapping[int, str]) -> list[tuple[str, str]]:
    """(name, value) of what was filled in: where, how it is in the way, whether a customer notices, answers to questions."""
    request, around = view.request, view.page.around
    where = ", ".join(part for part in (request.place, around.location) if part)
    found = [(str(say("Where")), where)] if where else []
    found.append((str(say("In the way")), str(words.in_the_way(request.priority))))
    if request.customer_notices:
        found.append((str(say("Customer")), request.customer_impact or str(say("would notice"))))
    if request.call_me:
        found.append((str(say("Please call")), request.call_number))
    return found + [pair for spec in around.fields if (pair := _answer(spec, request, view.reader, names))]


def _answer(spec: Mapping[str, Any], request: Request, reader: words.Reader, names: Mapping[int, str]) -> tuple[str, str] | None:
    value = request.answers.get(spec["key"])
    if value is None or spec["type"] in ("file", "location", "long_text"):
        return None
    return str(spec["label"]), answer_words(spec["type"], value, reader, names)


def answer_words(kind: str, value: Any, reader: words.Reader, names: Mapping[int, str]) -> str:
    """A kept answer in words."""
    if kind == "date":
        return times.day(date.fromisoformat(value), reader.now, reader.zone, reader.locale)
    if kind == "datetime":
        return reader.when(datetime.fromisoformat(value))
    if kind == "yes_no":
        return str(say("Yes") if value else say("No"))
    if kind in ("person", "department"):
        return names.get(value, str(value))
    return ", ".join(value) if isinstance(value, list) else str(value)


def label_of(entry: Entry) -> Message | None:
    """The label beside a name in the conversation."""
    if entry.is_first_answer:
        return say("First answer")
    return say("We have it") if entry.kind is MessageKind.ACKNOWLEDGEMENT else None
