"""From the event log to the clocks: which event starts, pauses, re-targets and stops which clock."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from portal.desk.clock.life import Life
from portal.desk.clock.states import (
    ACKNOWLEDGEMENT,
    CANCELLED,
    FIRST_RESPONSE,
    FULFILLER,
    NAMES,
    NEXT_RESPONSE,
    NOT_SOLVED,
    NOTE,
    OPENED,
    OTHER,
    PAUSED,
    PROMISE,
    PROMISED,
    REOPENED,
    REPLY,
    REQUESTER_MESSAGE,
    RESOLUTION,
    RESOLVED,
    RESUMED,
    RETARGETED,
    ClockState,
    Event,
    durations,
    promised_date,
)
from portal.people.calendar import WorkCalendar


def replay(events: Iterable[Event], targets: Mapping[str, timedelta | None], calendar: WorkCalendar, now: datetime) -> Mapping[str, ClockState]:
    """The state at `now` of the four clocks by name, from the events up to then in any order (equal times keep theirs).

    A clock without a target is not started. A recurring clock shows its latest cycle, the earlier ones in `cycles`.
    What comes before the opening or after a cancellation is ignored, as are steps that make no sense where they stand
    (resuming what is not paused, reopening what is not resolved). NoWorkingTime when the calendar never opens.
    """
    return {name: _latest(cycles, now.astimezone(UTC)) for name, cycles in lives(events, targets, calendar, now).items()}


def lives(events: Iterable[Event], targets: Mapping[str, timedelta | None], calendar: WorkCalendar, now: datetime) -> Mapping[str, list[Life]]:
    """The cycles of the four clocks by name, oldest first; what `replay` and `explain` have in common."""
    if now.utcoffset() is None:
        raise ValueError(f"Now needs a zone: {now!r}.")
    replaying = _Replay(targets, calendar)
    for event in sorted((event for event in events if event.at <= now), key=lambda event: event.at.astimezone(UTC)):
        replaying.apply(event, event.at.astimezone(UTC))
    return replaying.cycles


def _latest(cycles: list[Life], now: datetime) -> ClockState:
    if not cycles:
        return ClockState()
    return cycles[-1].state(now, tuple(life.state(now) for life in cycles[:-1]))


class _Replay:
    """The log being read, event by event."""

    def __init__(self, targets: Mapping[str, timedelta | None], calendar: WorkCalendar) -> None:
        self.targets, self.calendar = durations(targets), calendar
        self.cycles: dict[str, list[Life]] = {name: [] for name in NAMES}
        self.is_responded = self.is_cancelled = False

    def apply(self, event: Event, at: datetime) -> None:
        """Let one event act on the clocks; `at` is its instant in UTC."""
        is_opened = bool(self.cycles[RESOLUTION])
        if not self.is_cancelled and (is_opened or event.kind in {OPENED, RETARGETED}):
            HANDLERS[event.kind](self, event, at)

    def opened(self, _event: Event, at: datetime) -> None:
        """First response and resolution start at receipt (R1)."""
        if not self.cycles[RESOLUTION]:
            self._start(FIRST_RESPONSE, at)
            self._start(RESOLUTION, at)

    def requester_message(self, event: Event, at: datetime) -> None:
        """It ends a pause (R8); the oldest unanswered one after the first response starts a next response (R6).

        ``since`` names the instant of a message that was taken for thanks: its next response starts then, not at the second thought.
        """
        self._resume(at)
        if self.is_responded and self._running(NEXT_RESPONSE) is None and self.targets.get(NEXT_RESPONSE) is not None:
            said = event.data.get("since")
            self._start(NEXT_RESPONSE, min(at, datetime.fromisoformat(str(said)).astimezone(UTC)) if said else at)

    def reply(self, event: Event, at: datetime) -> None:
        """A substantive reply of the serving side is what three clocks wait for (R4, R6, R7)."""
        if event.by != FULFILLER:
            return
        self.is_responded = True
        self._stop(FIRST_RESPONSE, at)
        self._stop(NEXT_RESPONSE, at)
        promise = self._running(PROMISE)
        if promise is not None and promise.started_at < at:  # the reply that carries a promise does not keep it
            promise.stop(at)

    def unheard(self, event: Event, at: datetime) -> None:
        """Acknowledgements move no clock (R4)."""

    def noted(self, event: Event, at: datetime) -> None:
        """Private notes move no clock; thanks that need no reply end the next response without one (R6)."""
        if event.by == FULFILLER and event.data.get("no_reply_needed"):
            self._stop(NEXT_RESPONSE, at, unanswered=True)

    def paused(self, event: Event, at: datetime) -> None:
        """First response and promise never pause (R8)."""
        for name in (RESOLUTION, NEXT_RESPONSE):
            life = self._running(name)
            if life is not None:
                life.pause(at, event)

    def resumed(self, _event: Event, at: datetime) -> None:
        """The pause ends."""
        self._resume(at)

    def promised(self, event: Event, at: datetime) -> None:
        """A new date is an update: given by a fulfiller by the old date, it keeps the old promise (R7)."""
        date, old = promised_date(event, self.calendar), self._running(PROMISE)
        if old is not None and old.started_at == at:
            self.cycles[PROMISE].pop()
        elif old is not None:
            old.stop(at, unanswered=event.by != FULFILLER)
        self.cycles[PROMISE].append(Life(self.calendar, at, date=date))

    def resolved(self, event: Event, at: datetime) -> None:
        """Everything stops, the resolution provisionally (R12); resolved by nobody of the serving side is no first response."""
        by_fulfiller = event.by == FULFILLER
        self.is_responded = self.is_responded or by_fulfiller
        self._stop(FIRST_RESPONSE, at, unanswered=not by_fulfiller)
        for name in (NEXT_RESPONSE, RESOLUTION, PROMISE):
            self._stop(name, at)

    def reopened(self, event: Event, at: datetime) -> None:
        """The clock goes on: "not solved" charges the first working day of the interval, anything else nothing (R12)."""
        reason = event.data.get("reason", OTHER)
        if reason not in {NOT_SOLVED, OTHER}:
            raise ValueError(f"A request is reopened as 'not_solved' or 'other', not {reason!r}.")
        resolution, first = self.cycles[RESOLUTION][-1], self.cycles[FIRST_RESPONSE][-1]
        for life in (resolution, first) if first.unanswered else (resolution,):
            if life.stopped_at is not None:
                running_until = self.calendar.working_day_later(life.stopped_at) if reason == NOT_SOLVED else life.stopped_at
                life.reopen(at, event, running_until)

    def retargeted(self, event: Event, at: datetime) -> None:
        """The same clocks continue with new targets (R11)."""
        changed = durations(event.data.get("targets"))
        self.targets.update(changed)
        for name, target in changed.items():
            if self.cycles[name]:
                self.cycles[name][-1].retarget(target, at, event)

    def cancelled(self, _event: Event, at: datetime) -> None:
        """Running clocks are cancelled; what is met or late stays so (R13, R19)."""
        self.is_cancelled = True
        for name in NAMES:
            self._stop(name, at, unanswered=True)

    def _start(self, name: str, at: datetime) -> None:
        self.cycles[name].append(Life(self.calendar, at, budget=self.targets.get(name)))

    def _running(self, name: str) -> Life | None:
        cycles = self.cycles[name]
        return cycles[-1] if cycles and cycles[-1].stopped_at is None else None

    def _stop(self, name: str, at: datetime, unanswered: bool = False) -> None:
        life = self._running(name)
        if life is not None:
            life.stop(at, unanswered)

    def _resume(self, at: datetime) -> None:
        for name in (RESOLUTION, NEXT_RESPONSE):
            life = self._running(name)
            if life is not None:
                life.resume(at)


HANDLERS: Mapping[str, Callable[[_Replay, Event, datetime], None]] = {
    OPENED: _Replay.opened,
    REQUESTER_MESSAGE: _Replay.requester_message,
    REPLY: _Replay.reply,
    ACKNOWLEDGEMENT: _Replay.unheard,
    NOTE: _Replay.noted,
    PAUSED: _Replay.paused,
    RESUMED: _Replay.resumed,
    PROMISED: _Replay.promised,
    RESOLVED: _Replay.resolved,
    REOPENED: _Replay.reopened,
    RETARGETED: _Replay.retargeted,
    CANCELLED: _Replay.cancelled,
}
