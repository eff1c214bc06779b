"""How far a clock is, when to warn about it (R17), and how many were kept in a period (R20)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.desk.clock.states import CANCELLED, MET, MISSED, ClockState
from portal.people.calendar import WorkCalendar

WARN_AT = (50, 75, 90, 100)


def fraction(state: ClockState, target: timedelta | None = None) -> float:
    """The share of the target that is used, 1.0 at the due time; `target` stands in for a state that carries none."""
    total = state.target if state.target is not None else target
    if total is None:
        return 0.0
    return state.worked / total if total else 1.0


def warn_instants(state: ClockState, target: timedelta | None, calendar: WorkCalendar, thresholds: Iterable[int] = WARN_AT) -> list[tuple[int, datetime]]:
    """(percent, instant) for each threshold of a clock that runs, past ones included; none when it stands or has stopped.

    Counted back from the due time, so a threshold used up over a night or a weekend warns at the opening. `target` stands
    in for a state that carries none, as one read from a stored row.
    """
    total = state.target if state.target is not None else target
    if state.due is None or state.stopped_at is not None or total is None:
        return []
    before = [(percent, total * (percent - 100) / 100) for percent in thresholds]
    found = [(percent, calendar.due(state.due, work, state.pauses)) for percent, work in before]
    return [(percent, instant) for percent, instant in found if instant is not None]


@dataclass(frozen=True)
class Compliance:
    """Clocks whose due time lies in a period; cancelled ones are shown beside the rate, not in it (R19, R20)."""

    met: int
    missed: int
    cancelled: int

    @property
    def rate(self) -> float | None:
        """met / (met + missed), or None when there is neither."""
        counted = self.met + self.missed
        return self.met / counted if counted else None


def compliance(states: Iterable[ClockState], start: datetime, end: datetime) -> Compliance:
    """Count the cycles due in [start, end): met, missed (open and late included) and cancelled (R20)."""
    cycles = (cycle for state in states for cycle in (*state.cycles, state))
    found = [cycle.status for cycle in cycles if cycle.due is not None and start <= cycle.due < end]
    return Compliance(found.count(MET), found.count(MISSED), found.count(CANCELLED))
