"""What goes into the clocks and what comes out: events, targets and states as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.people.calendar import WorkCalendar

FIRST_RESPONSE, NEXT_RESPONSE, RESOLUTION, PROMISE = "first_response", "next_response", "resolution", "promise"
NAMES = (FIRST_RESPONSE, NEXT_RESPONSE, RESOLUTION, PROMISE)
TARGETED = (FIRST_RESPONSE, NEXT_RESPONSE, RESOLUTION)

OPENED, REQUESTER_MESSAGE, REPLY, ACKNOWLEDGEMENT, NOTE = "opened", "requester_message", "reply", "acknowledgement", "note"
PAUSED, RESUMED, PROMISED, RESOLVED = "paused", "resumed", "promised", "resolved"
REOPENED, RETARGETED, CANCELLED = "reopened", "retargeted", "cancelled"
KINDS = (OPENED, REQUESTER_MESSAGE, REPLY, ACKNOWLEDGEMENT, NOTE, PAUSED, RESUMED, PROMISED, RESOLVED, REOPENED, RETARGETED, CANCELLED)
REQUESTER, FULFILLER, SYSTEM = "requester", "fulfiller", "system"
BY = (REQUESTER, FULFILLER, SYSTEM)
NOT_SOLVED, OTHER = "not_solved", "other"

NOT_STARTED, RUNNING, MET, MISSED = "not_started", "running", "met", "missed"
STATUSES = (NOT_STARTED, RUNNING, PAUSED, MET, MISSED, CANCELLED)

ZERO = timedelta()


@dataclass(frozen=True)
class Event:
    """One line of a request's log; ValueError for a naive `at` and for words outside KINDS and BY.

    `data` of promised: {"date"} (R7: an aware datetime, or a date, which means that date's close; either may be ISO text),
    of retargeted: {"targets"} (durations by clock name; a name that is left out keeps its target), of reopened: {"reason"}
    ("not_solved" or "other"), of paused optionally: {"reason"}, shown by `explain`, of note optionally: {"no_reply_needed": true}.
    """

    at: datetime
    kind: str
    by: str
    data: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise ValueError(f"An event needs an instant with a zone, not {self.at!r}.")
        if self.kind not in KINDS or self.by not in BY:
            raise ValueError(f"No event of a clock: {self.kind!r} by {self.by!r}.")


@dataclass(frozen=True)
class ClockState:
    """One clock at one instant. `worked` and `paused` are working time; `cycles` are the earlier ones of a recurring clock.

    `due` is None before the start, without a target, and while a pause leaves it open. The status is "missed" as soon as
    the due time has passed, stopped or not (R13, R20). What follows `cycles` tells how the state came about and takes no
    part in comparisons: `target` is the work allowed after re-targeting (R11), of a promise the work time up to its date.
    """

    due: datetime | None = None
    status: str = NOT_STARTED
    stopped_at: datetime | None = None
    worked: timedelta = ZERO
    paused: timedelta = ZERO
    cycles: tuple["ClockState", ...] = ()
    started_at: datetime | None = field(default=None, compare=False)
    target: timedelta | None = field(default=None, compare=False)
    pauses: tuple[tuple[datetime, datetime | None], ...] = field(default=(), compare=False)


def durations(targets: object) -> dict[str, timedelta | None]:
    """The work durations by clock name: timedeltas, or seconds as a log keeps them; None is no target."""
    if not isinstance(targets, Mapping):
        raise ValueError(f"Targets are durations by the name of a clock, not {targets!r}.")  # noqa: TRY004 - every refusal here is a ValueError
    return {name: _duration(targets[name]) for name in TARGETED if name in targets}


def promised_date(event: Event, calendar: WorkCalendar) -> datetime:
    """The instant a promise is due, in UTC: its own, or the close of its date (midnight if that date has no hours)."""
    value = event.data.get("date")
    day = _day(value)
    if day is not None:
        hours = calendar.opening_hours(day)
        return hours[-1][1] if hours else datetime.combine(day + timedelta(days=1), time(), ZoneInfo(calendar.zone)).astimezone(UTC)
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise ValueError(f"A promise needs a date, or an instant with a zone, not {value!r}.")
    return moment.astimezone(UTC)


def _day(value: object) -> date | None:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def _duration(value: object) -> timedelta | None:
    work = timedelta(seconds=value) if isinstance(value, int | float) else value
    if work is None or (isinstance(work, timedelta) and work >= ZERO):
        return work
    raise ValueError(f"A target is a duration of zero or more, not {value!r}.")
