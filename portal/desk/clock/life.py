"""One cycle of one clock while it is being replayed: what started it, paused it, re-targeted it and stopped it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.desk.clock.states import CANCELLED, MET, MISSED, PAUSED, RUNNING, ZERO, ClockState, Event
from portal.people.calendar import WorkCalendar


@dataclass(frozen=True)
class Pause:
    """A stretch in which the clock stands, and the event that began it; an `end` of None is still paused."""

    start: datetime
    end: datetime | None
    event: Event


@dataclass(frozen=True)
class Retarget:
    """A change of target at an instant (R11), with its event, the work allowed before and after it and the rule that decided."""

    at: datetime
    event: Event
    target: timedelta | None
    before: timedelta | None
    after: timedelta | None
    rule: str


@dataclass
class Life:
    """The life of one cycle; every instant in UTC. `budget` is the work allowed, `date` the due time of a promise instead."""

    calendar: WorkCalendar
    started_at: datetime
    budget: timedelta | None = None
    date: datetime | None = None
    stopped_at: datetime | None = None
    unanswered: bool = False  # it was stopped without what it waited for
    pauses: list[Pause] = field(default_factory=list)
    retargets: list[Retarget] = field(default_factory=list)
    waiting: tuple[timedelta | None, Event] | None = None  # a target that came while it was stopped

    def has_target(self) -> bool:
        """Whether there is anything to be late for."""
        return self.budget is not None or self.date is not None

    def due(self) -> datetime | None:
        """`W⁻¹(W(start) + target + paused)` (R2); None without a target or while a pause leaves it open."""
        if self.date is not None or self.budget is None:
            return self.date
        return self.calendar.due(self.started_at, self.budget, [(pause.start, pause.end) for pause in self.pauses])

    def paused(self, at: datetime) -> timedelta:
        """The working time inside the pauses before `at`."""
        spans = ((pause.start, min(pause.end or at, at)) for pause in self.pauses if pause.start < at)
        return sum((self.calendar.worked(start, end) for start, end in spans), ZERO)

    def worked(self, at: datetime) -> timedelta:
        """The working time used of the budget before `at`."""
        return self.calendar.worked(self.started_at, at) - self.paused(at)

    def pause(self, at: datetime, event: Event) -> None:
        """Stand from `at` on, unless stopped or already standing (R8)."""
        if self.stopped_at is None and not self._is_paused():
            self.pauses.append(Pause(at, None, event))

    def resume(self, at: datetime) -> None:
        """End the pause there is."""
        if self._is_paused():
            last = self.pauses.pop()
            self.pauses.append(Pause(last.start, at, last.event))

    def stop(self, at: datetime, unanswered: bool = False) -> None:
        """Stop once; the verdict follows from `at` and the due time, and "unanswered" in time counts as cancelled."""
        if self.stopped_at is None:
            self.resume(at)
            self.stopped_at, self.unanswered = at, unanswered

    def reopen(self, at: datetime, event: Event, running_until: datetime) -> None:
        """Go on as if it had run until `running_until` and paused from there to `at` (R12); the verdict is withdrawn."""
        self.stopped_at, self.unanswered = None, False
        if running_until < at:
            self.pauses.append(Pause(running_until, at, event))
        if self.waiting is not None:
            (target, changed), self.waiting = self.waiting, None
            self.retarget(target, at, changed)

    def retarget(self, target: timedelta | None, at: datetime, event: Event) -> None:
        """Continue with another target (R11); a stopped clock keeps its verdict and takes the target when it is reopened."""
        if self.stopped_at is not None:
            self.waiting = (target, event)
            return
        before = self.budget
        self.budget, rule = _allowed(before, target, self.worked(at))
        self.retargets.append(Retarget(at, event, target, before, self.budget, rule))

    def state(self, now: datetime, cycles: tuple[ClockState, ...] = ()) -> ClockState:
        """The cycle as seen at `now`, which is not before its last event."""
        if not self.has_target():
            return ClockState(cycles=cycles)
        due, end = self.due(), self.stopped_at or now
        target = self.budget if self.date is None else max(self.calendar.worked(self.started_at, self.date), ZERO)
        pauses = tuple((pause.start, pause.end) for pause in self.pauses)
        return ClockState(due, self._status(due, end), self.stopped_at, self.worked(end), self.paused(end), cycles, self.started_at, target, pauses)

    def _status(self, due: datetime | None, end: datetime) -> str:
        if due is not None and end > due:  # also when it was cancelled afterwards: what was late stays late (R13)
            return MISSED
        if self.stopped_at is not None:
            return CANCELLED if self.unanswered else MET
        return PAUSED if self._is_paused() else RUNNING

    def _is_paused(self) -> bool:
        return bool(self.pauses) and self.pauses[-1].end is None


def _allowed(before: timedelta | None, target: timedelta | None, used: timedelta) -> tuple[timedelta | None, str]:
    """The work allowed after a change of target, and the rule: R11 said in work from the start, so that later pauses move it.

    Tightening: the new target, but a quarter of it must be left, and never later than before ("raised_late").
    Loosening: the new target, but what is 75 % used or late keeps the stricter one it had ("kept").
    """
    late = None if target is None else max(target, used + target / 4)
    if before is None or target is None:
        kept = before is not None and used * 4 >= before * 3
        return (before, "kept") if kept else (late, "retroactive" if late == target else "raised_late")
    if target < before:
        allowed = min(before, max(target, used + target / 4))
        return allowed, "retroactive" if allowed == target else "raised_late" if allowed < before else "kept"
    return (before, "kept") if used * 4 >= before * 3 else (target, "retroactive")
