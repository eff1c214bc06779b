"""The life of each clock as sentences (R22): every stretch with its working time, every change, and the verdict with its formula."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from portal.desk import words
from portal.desk.clock import Segment, explain
from portal.desk.queries.request_page import first_targets
from portal.desk.routes._showing import View
from portal.kernel.messages import Message, say


@dataclass(frozen=True)
class Step:
    """One line: when it began, when it ended (None for a moment), what it was, and the working time it took."""

    start: datetime
    end: datetime | None
    text: Message
    work: str


@dataclass
class Life:
    """One cycle of one clock."""

    title: Message
    steps: list[Step] = field(default_factory=list)
    verdict: Message | None = None


def lives(view: View) -> list[Life]:
    """Every clock that has begun, in the order people ask about them."""
    found: dict[tuple[str, int], Life] = {}
    hours = words.day_hours(view.calendar, view.reader.now)
    for segment in explain(view.page.events, first_targets(view.page.events), view.calendar, view.reader.now):
        life = found.setdefault((segment.clock, segment.cycle), Life(_title(segment)))
        if segment.kind == "verdict":
            life.verdict = _verdict(segment.params, view.reader, hours)
        else:
            moment = segment.kind == "retargeted"
            work = "" if moment or segment.kind == "out_of_hours" else words.working_time(segment.work, hours)
            life.steps.append(Step(segment.start, None if moment else segment.end, _STRETCHES[segment.kind](segment, hours), work))
    return list(found.values())


def _title(segment: Segment) -> Message:
    number = segment.cycle + 1
    if segment.clock == "first_response":
        return say("To the first answer")
    if segment.clock == "resolution":
        return say("To the end")
    return say("Answer %(number)s to you", number=number) if segment.clock == "next_response" else say("Promised step %(number)s", number=number)


def _paused(segment: Segment, _hours: float) -> Message:
    whom = str(segment.params.get("waits_for") or "")
    if segment.params.get("cause") == "reopened":
        return say("Paused: it was thought to be done")
    if segment.params.get("reason") == "requester":
        return say("Paused: waiting for the requester")
    return say("Paused: waiting for %(name)s", name=whom) if whom else say("Paused")


def _retargeted(segment: Segment, hours: float) -> Message:
    target = segment.params.get("after")
    allowed = words.working_time(target, hours) if isinstance(target, timedelta) else str(say("no limit"))
    if segment.params.get("rule") == "raised_late":
        return say("Became more urgent late: a quarter of the new time was left, %(time)s in all", time=allowed)
    if segment.params.get("rule") == "kept":
        return say("Was given more time, but the stricter date stays: %(time)s in all", time=allowed)
    return say("The promise changed: %(time)s from the beginning", time=allowed)


_STRETCHES: Mapping[str, Callable[[Segment, float], Message]] = {
    "running": lambda segment, hours: say("Runs"),
    "out_of_hours": lambda segment, hours: say("Stands outside of opening hours"),
    "paused": _paused,
    "retargeted": _retargeted,
}


def _verdict(facts: Mapping[str, Any], reader: words.Reader, hours: float) -> Message:
    used, paused = words.working_time(facts["worked"], hours), words.working_time(facts["paused"], hours)
    target = words.working_time(facts["target"], hours) if facts["target"] is not None else ""
    due = reader.when(facts["due"]) if facts["due"] else ""
    status = facts["status"]
    if status == "met":
        return say("Kept: %(used)s of %(target)s used, %(paused)s paused. It was due %(due)s.", used=used, target=target, paused=paused, due=due)
    if status == "missed":
        return say("Late: %(used)s of %(target)s used, %(paused)s paused. It was due %(due)s.", used=used, target=target, paused=paused, due=due)
    if status == "cancelled":
        return say("Ended without an answer being needed: %(used)s of %(target)s used.", used=used, target=target)
    if status == "paused":
        return say("Paused at the moment: %(used)s of %(target)s used, %(paused)s paused.", used=used, target=target, paused=paused)
    return say("Runs: %(used)s of %(target)s used, %(paused)s paused. It is due %(due)s.", used=used, target=target, paused=paused, due=due)
