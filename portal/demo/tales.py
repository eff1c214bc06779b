"""Shipped cases become dated stories: who asks, when, with which number; the queue of the story stands where it was drawn."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from portal.content import marlow
from portal.content.catalogue import FieldType
from portal.demo.organisation import SEED, Cast, Member
from portal.desk.models import Service
from portal.people.calendar import WorkCalendar

FIRST_NUMBER = 2960
LAST_NUMBER = 4152
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Beat:
    """One step of a story at its instant; ``due`` is the promised instant."""

    at: datetime
    by: str
    kind: marlow.Kind
    text: str
    next_step: str = ""
    due: datetime | None = None
    workaround: bool = False
    wait: marlow.Wait = marlow.Wait.NOBODY


@dataclass(frozen=True)
class Tale:
    """A request with everything that was said about it until now."""

    number: int
    service: Service
    title: str
    description: str
    impact: str
    priority: str | None
    customer: str
    requester: Member
    owner: Member
    followers: tuple[Member, ...]
    place: str
    answers: Mapping[str, Any]
    filed: datetime
    beats: tuple[Beat, ...]
    planned: bool = False
    unowned: bool = False


@dataclass(frozen=True)
class Stage:
    """What stories are told with."""

    cast: Cast
    services: Mapping[str, Service]
    calendars: Mapping[int, WorkCalendar]
    now: datetime

    def calendar(self, service: Service) -> WorkCalendar:
        """The hours of the department that offers the service."""
        return self.calendars[service.department_id]


def all_tales(stage: Stage) -> list[Tale]:
    """A year of stories, oldest number first."""
    fixed = [_story(stage, shipped) for shipped in marlow.story()]
    return sorted([*fixed, *_fillers(stage, fixed)], key=lambda tale: tale.number)


# -- the story that was drawn ----------------------------------------------------------------------------------------


def _story(stage: Stage, shipped: marlow.StoryRequest) -> Tale:
    service = stage.services[shipped.service]
    calendar, members = stage.calendar(service), stage.cast.members
    filed = moment(shipped.filed, calendar, stage.now)
    owner = members[shipped.owner] if shipped.owner else members[stage.cast.fulfillers[service.department_id][0]]
    beats = tuple(
        Beat(
            at=moment(event.at, calendar, stage.now),
            by=event.by,
            kind=event.kind,
            text=event.text,
            next_step=event.next_step,
            due=moment(event.due, calendar, stage.now) if event.due else None,
            workaround=event.workaround,
            wait=event.wait,
        )
        for event in shipped.events
    )
    return Tale(
        number=shipped.number,
        service=service,
        title=shipped.title,
        description=shipped.description,
        impact=shipped.impact,
        priority=shipped.priority,
        customer=shipped.customer,
        requester=members[shipped.requester],
        owner=owner,
        followers=tuple(members[key] for key in shipped.followers),
        place=shipped.place,
        answers=answers_of(stage, service, shipped.answers, members[shipped.requester], owner, shipped.place, filed),
        filed=filed,
        beats=tuple(beat for beat in beats if filed <= beat.at <= stage.now),
        planned=shipped.status == "planned",
        unowned=not shipped.owner,
    )


def moment(text: str, calendar: WorkCalendar, now: datetime) -> datetime:
    """Read ``-1 10:00`` (local time, so many working days from today) or ``-4.5h`` (working hours from now)."""
    if text.endswith("h"):
        return calendar.due(now, timedelta(hours=float(text[:-1])))
    days, _, clock = text.partition(" ")
    day = shifted(now.astimezone(ZoneInfo(calendar.zone)).date(), int(days), calendar)
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(calendar.zone)).astimezone(UTC)


def shifted(day: date, days: int, calendar: WorkCalendar) -> date:
    """The date some working days later (or earlier); zero is the last working day up to ``day``."""
    while not calendar.opening_hours(day):
        day -= timedelta(days=1)
    step = timedelta(days=1 if days > 0 else -1)
    for _ in range(abs(days)):
        day += step
        while not calendar.opening_hours(day):
            day += step
    return day


# -- the rest of the year --------------------------------------------------------------------------------------------


def _fillers(stage: Stage, fixed: Sequence[Tale]) -> Iterator[Tale]:
    """Numbers between those of the story, filed at times between theirs, each with the next case from the bag."""
    dice = random.Random(SEED + 2)
    bag: list[marlow.Case] = []
    for number, filed in _filings(stage, fixed, dice):
        if not bag:
            bag = list(marlow.conversations())
            dice.shuffle(bag)
        recent = stage.now - filed < timedelta(days=3)
        place = next((i for i, case in enumerate(bag) if not (recent and _is_facilities(stage, case))), None)
        if place is not None:
            yield filler(stage, number, bag.pop(place), filed, dice)


def _is_facilities(stage: Stage, case: marlow.Case) -> bool:
    # The queue of Facilities is the one that was drawn; nothing else pushes into it these days.
    return stage.services[case.service].department_id == stage.cast.departments["facilities"]


def _filings(stage: Stage, fixed: Sequence[Tale], dice: random.Random) -> Iterator[tuple[int, datetime]]:
    anchors = [(FIRST_NUMBER - 1, stage.now - YEAR), *((t.number, t.filed) for t in sorted(fixed, key=lambda t: t.number)), (LAST_NUMBER, stage.now)]
    since = anchors[0][1]
    for (low, _), (high, filed) in pairwise(anchors):
        until = max(filed, since)
        gap = high - low - 1
        for place, number in enumerate(range(low + 1, high)):
            yield number, since + (until - since) * ((place + dice.random()) / max(gap, 1))
        since = until


def filler(stage: Stage, number: int, case: marlow.Case, about: datetime, dice: random.Random) -> Tale:
    """A case that somebody asked for near an instant."""
    service, cast = stage.services[case.service], stage.cast
    serving = cast.fulfillers[service.department_id]
    requester = _asker(cast, case, serving, dice)
    named = marlow.mentioned(case)
    free = [key for key in serving if key not in named] or serving
    owner = cast.members[dice.choice(free)]
    filed = min(_at_work(stage, requester, about, dice), stage.now - timedelta(minutes=2))
    place = dice.choice(case.places) if case.places else requester.place
    return Tale(
        number=number,
        service=service,
        title=case.title,
        description=case.description,
        impact=case.impact,
        priority=None,
        customer=case.customer,
        requester=requester,
        owner=owner,
        followers=(),
        place=place,
        answers=answers_of(stage, service, case.answers or {}, requester, owner, place, filed),
        filed=filed,
        beats=tuple(_beats(stage, service, case, filed)),
        unowned=dice.random() < 0.4,
    )


def _asker(cast: Cast, case: marlow.Case, serving: Sequence[str], dice: random.Random) -> Member:
    departments = case.departments or tuple(cast.by_department)
    sites = {cast.place_sites[place] for place in case.places}
    named = marlow.mentioned(case) | set(serving)
    pool = [key for department in departments for key in cast.by_department[department] if key not in named]
    near = [key for key in pool if not sites or cast.members[key].location in sites] or pool
    if "mara-okafor" in near and dice.random() < 0.06:
        return cast.members["mara-okafor"]
    return cast.members[dice.choice(near)]


def _at_work(stage: Stage, person: Member, about: datetime, dice: random.Random) -> datetime:
    """A moment near ``about`` at which the person works."""
    calendar = stage.calendars[stage.cast.departments[person.department]]
    return calendar.next_open(about).replace(second=dice.randint(0, 59), microsecond=0) + timedelta(minutes=dice.randint(0, 40))


def _beats(stage: Stage, service: Service, case: marlow.Case, filed: datetime) -> Iterator[Beat]:
    calendar, at = stage.calendar(service), filed
    for step in case.steps:
        at = calendar.due(at, timedelta(hours=step.after))
        if at > stage.now:
            return
        due = _quarter(calendar.due(at, timedelta(hours=step.due))) if step.due is not None else None
        yield Beat(at, step.by, step.kind, step.text, step.next_step, due, step.workaround, step.wait)


def _quarter(instant: datetime) -> datetime:
    """Promised times are round."""
    return instant.replace(second=0, microsecond=0) + timedelta(minutes=-instant.minute % 15)


# -- answers ---------------------------------------------------------------------------------------------------------


def answers_of(
    stage: Stage, service: Service, shipped: Mapping[str, marlow.Answer], requester: Member, owner: Member, place: str, filed: datetime
) -> dict[str, Any]:
    """Shipped answers as the desk keeps them; files are left out, since nobody uploaded them."""
    types = {field["key"]: FieldType(field["type"]) for field in service.fields}
    zone = next(loc.zone for loc in marlow.company().locations if loc.key == requester.location)
    kept = {key: _kept(stage, types[key], value, requester, owner, place, filed, zone) for key, value in shipped.items()}
    return {key: value for key, value in kept.items() if value is not None}


def _kept(stage: Stage, kind: FieldType, value: Any, requester: Member, owner: Member, place: str, filed: datetime, zone: str) -> Any:
    cast, calendar = stage.cast, stage.calendar(stage.services["repair"])
    match kind:
        case FieldType.DATE:
            return shifted(filed.astimezone(ZoneInfo(zone)).date(), int(value), calendar).isoformat()
        case FieldType.DATETIME:
            return moment(value, calendar, filed).isoformat()
        case FieldType.PERSON:
            return {"requester": requester, "colleague": owner}.get(value, cast.members.get(value, requester)).id
        case FieldType.DEPARTMENT:
            return cast.departments[value]
        case FieldType.LOCATION:
            return cast.locations[cast.place_sites[place if value == "here" else value]]
        case FieldType.FILE:
            return None
        case FieldType.CHOICES:
            return list(value)
        case _:
            return value
