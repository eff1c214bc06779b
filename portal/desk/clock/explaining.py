"""The life of a clock, stretch by stretch, for the explain panel (R22): kinds and numbers, no sentences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from portal.desk.clock.life import Life, Retarget
from portal.desk.clock.replaying import lives
from portal.desk.clock.states import PAUSED, RETARGETED, RUNNING, ZERO, Event
from portal.people.calendar import WorkCalendar

OUT_OF_HOURS, VERDICT = "out_of_hours", "verdict"


@dataclass(frozen=True)
class Segment:
    """One stretch, or one point with `start` equal to `end`, of one cycle (0 is the first) of one clock.

    Stretches are "running", "out_of_hours" and "paused", points "retargeted" and, last of each cycle, "verdict" with
    {"status", "due", "stopped_at", "target", "worked", "paused"}. A pause tells {"cause", "by"} ("paused" or "reopened") and the data
    of its event, such as the reason; a re-target {"by", "target", "before", "after", "rule"} and the data of its event.
    `work` is the working time of the stretch, also of a pause. Rules of a re-target: "retroactive" (the new target from
    the start), "raised_late" (a quarter of it was still left), "kept" (the stricter due time stays).
    """

    clock: str
    cycle: int
    kind: str
    start: datetime
    end: datetime
    work: timedelta = ZERO
    params: Mapping[str, object] = field(default_factory=dict, hash=False)


def explain(events: Iterable[Event], targets: Mapping[str, timedelta | None], calendar: WorkCalendar, now: datetime) -> list[Segment]:
    """The segments of every clock that has started, clock by clock and cycle by cycle, each in order of time."""
    return [
        segment
        for name, cycles in lives(events, targets, calendar, now).items()
        for cycle, life in enumerate(cycles)
        if life.has_target()
        for segment in _cycle(name, cycle, life, now.astimezone(UTC))
    ]


def _cycle(name: str, cycle: int, life: Life, now: datetime) -> list[Segment]:
    state, end = life.state(now), life.stopped_at or now
    points = [Segment(name, cycle, RETARGETED, change.at, change.at, params=_change(change)) for change in life.retargets]
    stretches = [_stretch(name, cycle, life, start, stop) for start, stop in pairwise(_cuts(life, end))]
    facts = {key: getattr(state, key) for key in ("status", "due", "stopped_at", "target", "worked", "paused")}
    return [*sorted(points + stretches, key=lambda segment: (segment.start, segment.end)), Segment(name, cycle, VERDICT, end, end, params=facts)]


def _change(change: Retarget) -> dict[str, object]:
    told = {key: value for key, value in change.event.data.items() if key != "targets"}
    return told | {"by": change.event.by, "target": change.target, "before": change.before, "after": change.after, "rule": change.rule}


def _cuts(life: Life, end: datetime) -> list[datetime]:
    """Every instant at which something changes, from the start to `end`."""
    start = life.started_at
    moments = [moment for span in life.calendar.segments(start, end) for moment in span]
    moments += [moment for pause in life.pauses for moment in (pause.start, pause.end or end)]
    moments += [change.at for change in life.retargets]
    outside_pauses = [moment for moment in moments if not any(pause.start < moment < (pause.end or end) for pause in life.pauses)]
    return sorted({start, end, *(moment for moment in outside_pauses if start < moment < end)})


def _stretch(name: str, cycle: int, life: Life, start: datetime, end: datetime) -> Segment:
    work = life.calendar.worked(start, end)
    for pause in life.pauses:
        if pause.start <= start and (pause.end is None or start < pause.end):
            return Segment(name, cycle, PAUSED, start, end, work, {**pause.event.data, "cause": pause.event.kind, "by": pause.event.by})
    return Segment(name, cycle, RUNNING if work else OUT_OF_HOURS, start, end, work)
