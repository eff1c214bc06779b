"""What a request, its promise and its clocks are in plain words. Pure: instants become words through a :class:`Reader`.

Requesters read a day and a time ("First answer by Thu 12:00"), the serving side reads working time ("2 h 48 to first answer").
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.desk.rules import PAUSED, Answer, Impact, Priority, Status
from portal.kernel import times
from portal.kernel.messages import Message, say, say_n
from portal.people.calendar import WorkCalendar

WORKING_DAY, ROUND_THE_CLOCK = 8.0, 24.0
"""Hours of a "day" of working time, as promises count it."""
SOON = 0.75
"""Share of the working time after which a clock is shown as running out."""
DONE = say("Done")
REPAIRS = frozenset({"repair", "heating", "it-broken", "meeting-room-tech"})
"""Services at whose end something is repaired; the others are done."""


@dataclass(frozen=True)
class Reader:
    """Who reads: the moment, the zone and the language in which instants become words."""

    now: datetime
    zone: str
    locale: str = "en"

    def when(self, instant: datetime) -> str:
        """A day and a time for facts and rails: "today 14:00", "Thu 12:00", "24 Nov"."""
        return times.when(instant, self.now, self.zone, self.locale)

    def by(self, instant: datetime) -> str:
        """The same for use after "by": "14:00 today", "tomorrow 9:00", "Thu 12:00"."""
        if times.local(instant, self.zone).date() == times.local(self.now, self.zone).date():
            return str(say("%(time)s today", time=times.clock_time(instant, self.now, self.zone, self.locale)))
        return self.when(instant)

    def beside(self, instant: datetime, other: datetime) -> str:
        """The time alone where ``other`` has named the day already, else weekday and time: "14:00", "Thu 12:00"."""
        if times.local(instant, self.zone).date() == times.local(other, self.zone).date():
            return times.clock_time(instant, self.now, self.zone, self.locale)
        return times.weekday_time(instant, self.now, self.zone, self.locale)

    def day(self, instant: datetime) -> str:
        """The day alone: "Thu 26 Nov"."""
        return times.day(instant, self.now, self.zone, self.locale)


@dataclass(frozen=True)
class Standing:
    """How a request stands, as plain values; ``mine`` is true for readers on the requester's side."""

    status: Status
    mine: bool = True
    requester: str = ""
    waits_for: str = ""
    awaits_answer: bool = False
    is_relieved: bool = False
    outcome: str | None = None


def status_word(standing: Standing) -> tuple[str, Message]:
    """(shape of the status, its word): shapes are new, work, wait, you and done."""
    status = standing.status
    if status in PAUSED:
        return _waiting(standing)
    if status is Status.RESOLVED or (standing.awaits_answer and standing.mine):
        return ("you" if standing.mine else "done"), say("Did it work?")
    if status in (Status.NEW, Status.WORKING, Status.PLANNED):
        return _under_way(standing)
    return "done", (say("No longer needed") if status is Status.CANCELLED else say("Solved"))


def _waiting(standing: Standing) -> tuple[str, Message]:
    if standing.status is Status.WAITING_OTHER:
        return "wait", say("Waiting for %(name)s", name=standing.waits_for) if standing.waits_for else say("Waiting for others")
    if standing.mine:
        return "you", say("Waiting for you")
    return "wait", say("Waiting for %(name)s", name=standing.requester) if standing.requester else say("Waiting for the requester")


def _under_way(standing: Standing) -> tuple[str, Message]:
    if standing.status is Status.NEW:
        return "new", (say("Not started yet") if standing.mine else say("New"))
    if standing.is_relieved:
        return "work", say("Works for now")
    return "work", (say("Planned") if standing.status is Status.PLANNED else say("Working on it"))


@dataclass(frozen=True)
class ClockFact:
    """The clock of a request that matters next. ``used`` and ``paused`` are working time, for a clock that stands."""

    name: str | None
    due: datetime | None
    target: timedelta | None
    used: timedelta = timedelta()
    paused: timedelta = timedelta()
    is_paused: bool = False
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Bar:
    """A clock as it is drawn: kind ok, soon, late, pause or done, per cent used, working time left (or late by)."""

    kind: str
    percent: int
    left: timedelta
    day_hours: float = WORKING_DAY


def bar(fact: ClockFact, calendar: WorkCalendar, now: datetime) -> Bar:
    """How far a clock is now; nothing is read from the database."""
    hours = day_hours(calendar, now)
    if fact.ended_at is not None or (fact.due is None and not fact.is_paused):
        return Bar("done", 100, timedelta(), hours)
    if fact.due is None:
        return Bar("pause", _percent(fact.used, fact.target), timedelta(), hours)
    if now > fact.due:
        return Bar("late", 100, calendar.worked(fact.due, now), hours)
    left = calendar.worked(now, fact.due)
    percent = _percent((fact.target or left) - left, fact.target)
    return Bar("pause" if fact.is_paused else "soon" if percent > SOON * 100 else "ok", percent, left, hours)


def _percent(used: timedelta, target: timedelta | None) -> int:
    return max(0, min(100, round(100 * used / target))) if target else 0


def day_hours(calendar: WorkCalendar, now: datetime) -> float:
    """Hours of a working day: eight, or twenty-four where the clock never stands."""
    week = timedelta(days=7)
    return ROUND_THE_CLOCK if calendar.worked(now, now + week) == week else WORKING_DAY


def within(length: timedelta, hours: float = WORKING_DAY) -> Message:
    """A promise of working time as people say it: "4 working hours", "1 day of working time"."""
    whole, rest = divmod(int(length.total_seconds()), 3600)
    if not rest and 0 < whole < hours and hours != ROUND_THE_CLOCK:
        return say_n("%(num)s working hour", "%(num)s working hours", whole)
    if hours == ROUND_THE_CLOCK:
        return say("%(time)s", time=working_time(length, hours))
    return say("%(time)s of working time", time=working_time(length, hours))


def working_time(length: timedelta, hours: float = WORKING_DAY) -> str:
    """Working time in words: "2 h 48", "1 day 3 h"."""
    return times.duration(length, hours_per_day=hours)


def requester_clock(fact: ClockFact, shown: Bar, reader: Reader, waiting: Standing) -> Message:
    """What a requester reads beside the bar: a day and a time, never a countdown."""
    if shown.kind == "late":
        return say("Late by %(time)s", time=working_time(shown.left, shown.day_hours))
    if shown.kind == "pause" or waiting.status is Status.WAITING_REQUESTER:
        return _paused(waiting)
    if fact.ended_at is not None:
        return say("No longer needed") if waiting.status is Status.CANCELLED else say("Solved %(when)s", when=reader.when(fact.ended_at))
    return say("A date follows with the next answer") if fact.due is None else due_by(fact.name, reader.by(fact.due))


def due_by(name: str | None, when: str) -> Message:
    """What a clock promises to the requester, such as "First answer by Thu 12:00"."""
    if name == "first_response":
        return say("First answer by %(when)s", when=when)
    if name == "next_response":
        return say("Answer to you by %(when)s", when=when)
    return say("Next step by %(when)s", when=when) if name == "promise" else say("Done by %(when)s", when=when)


def _paused(waiting: Standing) -> Message:
    if waiting.status is Status.WAITING_REQUESTER:
        return say("Paused until you answer")
    return say("Paused, waiting for %(name)s", name=waiting.waits_for) if waiting.waits_for else say("Paused")


def staff_clock(fact: ClockFact, shown: Bar, reader: Reader) -> Message:
    """What the serving side reads beside the bar: working time."""
    time = working_time(shown.left, shown.day_hours)
    if shown.kind == "late":
        return say("Late by %(time)s", time=time)
    if shown.kind == "pause":
        return say("Paused %(time)s", time=working_time(fact.paused, shown.day_hours))
    if shown.kind == "done":
        return say("Solved %(when)s", when=reader.when(fact.ended_at)) if fact.ended_at else say("No date yet")
    if fact.name == "first_response":
        return say("%(time)s to first answer", time=time)
    if fact.name == "next_response":
        return say("%(time)s to answer", time=time)
    return say("%(time)s to next step", time=time) if fact.name == "promise" else say("%(time)s left", time=time)


# -- the page of the requester ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """What the one-sentence state of a request is told from. Names are first names; ``owner`` is empty while nobody has it."""

    standing: Standing
    department: str
    reader: Reader
    owner: str = ""
    lead: str = ""
    end_word: Message = DONE
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    first_due: datetime | None = None
    reply_due: datetime | None = None
    relieved_at: datetime | None = None
    step: str = ""
    step_at: datetime | None = None
    end_due: datetime | None = None
    resolved_at: datetime | None = None
    late_since: datetime | None = None
    late_by: timedelta = timedelta()
    hours: float = WORKING_DAY

    @property
    def who(self) -> str:
        """Whoever has it, else the department."""
        return self.owner or self.department


def headline(story: Story) -> Message:
    """Where the request stands, in one or two short sentences."""
    status, who = story.standing.status, story.who
    if status in (Status.CANCELLED, Status.CLOSED, Status.RESOLVED):
        return _over(story)
    if status is Status.WAITING_REQUESTER:
        return say("%(name)s needs an answer from you. The clock is paused until then.", name=who)
    if status is Status.WAITING_OTHER and story.standing.waits_for:
        return say("%(name)s is waiting for %(other)s. The clock is paused until then.", name=who, other=story.standing.waits_for)
    if story.late_since is not None:
        return say("We said %(when)s, and that has passed. We are sorry, %(name)s.", when=story.reader.when(story.late_since), name=story.standing.requester)
    return _going_on(story)


def _over(story: Story) -> Message:
    if story.standing.status is Status.CANCELLED:
        return say("This is no longer needed. %(department)s has stopped.", department=story.department)
    if story.standing.status is Status.RESOLVED:
        return say("%(name)s says it is done. Does it work for you?", name=story.who)
    if story.standing.outcome == Answer.YES:
        return say("Solved, and you said that it works.")
    return say("Solved. Nobody said otherwise for five working days, so it is closed.")


def _going_on(story: Story) -> Message:
    by = story.reader.by
    end = story.step_at or story.end_due
    if story.relieved_at is not None and story.step and story.step_at is not None:
        return say("You have something that works for now. Next: %(step)s, by %(when)s.", step=_bare(story.step), when=by(story.step_at))
    if story.relieved_at is not None and end is not None:
        return say("You have something that works for now. %(name)s does the rest by %(when)s.", name=story.who, when=by(end))
    if story.answered_at is None and story.first_due is not None:
        if not story.owner:
            return say("%(department)s has it. Somebody answers by %(when)s.", department=story.department, when=by(story.first_due))
        return say("%(department)s has it. %(name)s answers by %(when)s.", department=story.department, name=story.owner, when=by(story.first_due))
    if story.reply_due is not None:
        return say("%(name)s is on it and answers you by %(when)s.", name=story.who, when=by(story.reply_due))
    if end is not None and not story.step:
        return say("%(name)s is on it. It will be done by %(when)s.", name=story.who, when=by(end))
    return say("%(name)s is on it.", name=story.who)


def next_line(story: Story) -> Message | None:
    """The next step with its date, or what happens now; nothing where the headline says it all."""
    if story.late_since is not None and story.standing.status not in (Status.RESOLVED, Status.CLOSED, Status.CANCELLED, *PAUSED):
        return _late_line(story)
    told = story.relieved_at is not None and story.standing.status not in PAUSED
    if story.step and story.step_at is not None and not told:
        return say("Next step: %(step)s, by %(when)s.", step=_bare(story.step), when=story.reader.by(story.step_at))
    return None


def _bare(step: str) -> str:
    """A step as somebody typed it, without the full stop at its end."""
    return step.rstrip(" .…")


def _late_line(story: Story) -> Message:
    late = working_time(story.late_by, story.hours)
    if story.step and story.step_at is not None and story.step_at > story.reader.now:
        return say("Late by %(late)s. Next step: %(step)s, by %(when)s.", late=late, step=_bare(story.step), when=story.reader.by(story.step_at))
    if story.lead:
        return say("Late by %(late)s. %(lead)s leads %(department)s and knows about it.", late=late, lead=story.lead, department=story.department)
    return say("Late by %(late)s.", late=late)


@dataclass(frozen=True)
class Stop:
    """One stop of the promise rail: state done, next, later or late."""

    name: Message
    when: Message | str
    state: str
    note: Message | None = None
    apology: Message | None = None


def rail(story: Story) -> list[Stop]:
    """Asked, Answered, Working again where there is relief, and the end; what is done carries its promise."""
    stops = [Stop(say("Asked"), story.reader.when(story.asked_at) if story.asked_at else "", "done")]
    if story.standing.status is Status.CANCELLED:
        return stops
    stops.append(_stop(say("Answered"), story.answered_at, story.first_due, story))
    if story.relieved_at is not None and story.relieved_at != story.resolved_at:
        stops.append(Stop(say("Working again"), story.reader.when(story.relieved_at), "done"))
    elif story.step and story.step_at is not None and story.resolved_at is None:
        stops.append(_stop(say("Next step"), None, story.step_at, story))
    stops.append(_end(story))
    return _one_next(stops)


def _end(story: Story) -> Stop:
    own = story.step_at if story.relieved_at is not None and story.step else None
    if story.resolved_at is None and own is not None and story.end_due is not None and own <= story.end_due:
        return Stop(story.end_word, say("by %(when)s", when=story.reader.by(own)), "next")
    if story.resolved_at is None and story.end_due is not None and story.step_at is not None and story.reader.now < story.end_due < story.step_at:
        return Stop(story.end_word, say("promised %(when)s", when=story.reader.when(story.end_due)), "next")
    return _stop(story.end_word, story.resolved_at, story.end_due, story)


def _stop(name: Message, at: datetime | None, due: datetime | None, story: Story) -> Stop:
    reader = story.reader
    if at is not None:
        note = say("promised %(when)s", when=reader.beside(due, at)) if due is not None else None
        apology = say("We were late, and we are sorry.") if due is not None and at > due else None
        return Stop(name, reader.when(at), "done", note, apology)
    if due is None:
        return Stop(name, say("moves with the pause") if story.standing.status in PAUSED else say("a date follows"), "next")
    if due < reader.now:
        return Stop(name, say("was due %(when)s", when=reader.when(due)), "late", None, say("We are late, and we are sorry."))
    return Stop(name, say("by %(when)s", when=reader.by(due)), "next")


def _one_next(stops: list[Stop]) -> list[Stop]:
    """Only the first stop to come is "next"; after it everything is later."""
    seen, found = False, []
    for stop in stops:
        later = seen and stop.state == "next"
        found.append(Stop(stop.name, stop.when, "later", stop.note, stop.apology) if later else stop)
        seen = seen or stop.state in ("next", "late")
    return found


def end_word(service_key: str) -> Message:
    """What the last stop of a service is called."""
    return say("Repaired") if service_key in REPAIRS else DONE


# -- answers of the form ------------------------------------------------------------------------------------------------


def impact_word(impact: str) -> Message:
    """What the requester says it does to their work."""
    found = {
        Impact.NUISANCE: say("I can work, it is a nuisance"),
        Impact.SLOWER: say("My work is slower"),
        Impact.STOPPED: say("Work has stopped, or someone could get hurt"),
    }
    return found[Impact(impact)]


def in_the_way(priority: str) -> Message:
    """How much it is in the way, in the words of whoever asked, also after it was judged anew."""
    impacts = {Priority.LOW: Impact.NUISANCE, Priority.URGENT: Impact.STOPPED}
    return impact_word(impacts.get(Priority(priority), Impact.SLOWER))


def priority_word(priority: str) -> Message:
    """How much it hurts, as both sides read it."""
    found = {
        Priority.URGENT: say("Work has stopped, or someone could get hurt"),
        Priority.HIGH: say("Work is much slower"),
        Priority.NORMAL: say("Work is slower"),
        Priority.LOW: say("A nuisance, work goes on"),
    }
    return found[Priority(priority)]
