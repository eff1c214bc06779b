"""A story played through the desk: the rows it leaves, as the desk's own actions would have left them.

Nothing is written here. The clocks come from the same replay the desk uses, so `portal doctor` finds nothing to mend.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from portal.content import marlow
from portal.content.marlow import Kind
from portal.contracts import desk as contracts
from portal.demo.organisation import Member
from portal.demo.tales import Beat, Stage, Tale
from portal.desk import clocks, figure_keeping
from portal.desk.figures import day_of
from portal.desk.models import Alert, Breach, Clock, ClockEvent, Message, Participant, Request
from portal.desk.models.clocks import COMES_AND_GOES
from portal.desk.queries.promises import with_due_date
from portal.desk.rules import ASK_DAYS, CLOSE_DAYS, OPEN, MessageKind, PauseReason, Priority, Status, priority_for, runs_round_the_clock, targets_of
from portal.kernel.activity import Activity, event_name
from portal.people.calendar import WorkCalendar

SEEN_BEFORE_ANSWERING = timedelta(minutes=2)
READ_AFTER = timedelta(minutes=15)
PLACE = ("service_id", "priority", "customer_notices")
"""What a request was when figures count it."""


@dataclass(frozen=True)
class Promised:
    """The versions a new request gets."""

    promise_version_id: int
    calendar_version_id: int
    calendar: WorkCalendar
    targets: Mapping[str, int]


@dataclass
class Played:
    """The rows of one story by table, and the request itself."""

    request: dict[str, Any]
    rows: dict[type, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


class Player:
    """Plays one story beat by beat."""

    def __init__(self, tale: Tale, stage: Stage, promised: Promised, priority: str) -> None:
        self.tale, self.stage, self.promised = tale, stage, promised
        self.request = _opening(tale, stage, promised, priority)
        self.played = Played(self.request)
        self.events: list[dict[str, Any]] = []

    def play(self) -> Played:
        """Everything from filing to now."""
        self._open()
        for beat in self.tale.beats:
            self._beat(beat)
        self._end()
        self._measure()
        return self.played

    # -- beats -------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        tale, request = self.tale, self.request
        self._log("opened", "requester", tale.filed, tale.requester, targets=dict(self.promised.targets), department=request["department_id"])
        self._message(MessageKind.DESCRIPTION, tale.description, tale.requester, tale.filed)
        for follower in tale.followers:
            self._add(Participant, request_id=tale.number, person_id=follower.id, added_by=tale.requester.id, added_at=tale.filed)
        self._note(
            contracts.RequestFiled(
                request_id=tale.number,
                requester_id=tale.requester.id,
                filed_by_id=tale.requester.id,
                department_id=request["department_id"],
                service_id=tale.service.id,
                priority=str(request["priority"]),
                customer_notices=request["customer_notices"],
                is_confidential=request["is_confidential"],
            ),
            tale.filed,
            tale.requester,
        )

    def _beat(self, beat: Beat) -> None:
        who = self._who(beat)
        if who is not self.tale.requester and beat.kind is not Kind.NOTE:
            self._take(beat.at, who)
        getattr(self, f"_on_{beat.kind.value}")(beat, who, self._text(beat, who))
        self.request["updated_at"] = beat.at

    def _who(self, beat: Beat) -> Member:
        named = self.stage.cast.members.get(beat.by)
        if named is not None:
            return named
        return {"requester": self.tale.requester, "colleague": self._colleague()}.get(beat.by, self.tale.owner)

    def _colleague(self) -> Member:
        serving = self.stage.cast.fulfillers[self.tale.service.department_id]
        others = [key for key in serving if key != self.tale.owner.key] or serving
        return self.stage.cast.members[others[self.tale.number % len(others)]]

    def _text(self, beat: Beat, who: Member) -> str:
        zone = ZoneInfo(self.promised.calendar.zone)
        due = "" if beat.due is None else f"{beat.due.astimezone(zone):%a} {beat.due.astimezone(zone).hour}:{beat.due.astimezone(zone):%M}"
        colleague = self._colleague() if who is self.tale.owner else self.tale.owner
        words = {"{requester}": self.tale.requester.first, "{fulfiller}": self.tale.owner.first, "{colleague}": colleague.first, "{due}": due}
        text = beat.text
        for token, value in words.items():
            text = text.replace(token, value)
        return text

    def _take(self, at: datetime, who: Member) -> None:
        if self.request["assignee_id"] is None:
            self.request["assignee_id"] = who.id
            self._note(contracts.RequestClaimed(self.tale.number, who.id), max(self.tale.filed, at - SEEN_BEFORE_ANSWERING), who)

    def _on_acknowledgement(self, beat: Beat, who: Member, text: str) -> None:
        self._answer(MessageKind.ACKNOWLEDGEMENT, beat, who, text, counts=False)

    def _on_note(self, beat: Beat, who: Member, text: str) -> None:
        number = self._message(MessageKind.NOTE, text, who, beat.at)
        self._log("note", "fulfiller", beat.at, who)
        self._note(contracts.NoteAdded(self.tale.number, number, who.id), beat.at, who)

    def _on_question(self, beat: Beat, who: Member, text: str) -> None:
        self._answer(MessageKind.REPLY, beat, who, text, counts=True)

    def _on_reply(self, beat: Beat, who: Member, text: str) -> None:
        counts = bool(beat.next_step) or beat.wait is not marlow.Wait.NOBODY or beat.workaround
        self._answer(MessageKind.REPLY if counts else MessageKind.ACKNOWLEDGEMENT, beat, who, text, counts=counts)

    def _answer(self, kind: MessageKind, beat: Beat, who: Member, text: str, *, counts: bool) -> None:
        request, asks = self.request, beat.kind is Kind.QUESTION or beat.wait is marlow.Wait.REQUESTER
        first = counts and request["answered_at"] is None
        number = self._message(
            kind, text, who, beat.at, next_step=beat.next_step if counts else "", next_step_at=beat.due if counts else None, is_first_answer=first, asks=asks
        )
        request["answered_at"] = request["answered_at"] or (beat.at if counts else None)
        request["acknowledged_at"] = request["acknowledged_at"] or beat.at
        self._log("reply" if counts else "acknowledgement", "fulfiller", beat.at, who)
        if counts:
            self._carry_on(beat, who)
        self._wait(beat, who)
        told = contracts.RequestReplied(self.tale.number, number, who.id, counts, first, beat.next_step, beat.due.isoformat() if beat.due else None)
        self._note(told, beat.at, who)

    def _carry_on(self, beat: Beat, who: Member) -> None:
        request = self.request
        if beat.workaround:
            request["relieved_at"] = request["relieved_at"] or beat.at
            request["awaits_answer"] = True
        if beat.due is not None and (beat.next_step, beat.due) != (request["next_step"], request["next_step_at"]):
            request["next_step"], request["next_step_at"] = beat.next_step, beat.due
            self._log("promised", "fulfiller", beat.at, who, date=beat.due.isoformat())
        if request["status"] == Status.NEW:
            request["status"] = Status.PLANNED if self.tale.planned else Status.WORKING

    def _wait(self, beat: Beat, who: Member) -> None:
        if beat.wait is marlow.Wait.NOBODY and beat.kind is not Kind.QUESTION:
            self._resume(beat, who)
            return
        self._resume(beat, who)
        requester = beat.wait is not marlow.Wait.SUPPLIER
        whom = "" if requester else "supplier"
        self.request["status"] = Status.WAITING_REQUESTER if requester else Status.WAITING_OTHER
        self.request["waits_for"] = whom
        reason = PauseReason.REQUESTER if requester else PauseReason.SUPPLIER
        self._log("paused", "fulfiller", beat.at, who, reason=reason.value, waits_for=whom)

    def _resume(self, beat: Beat, who: Member) -> None:
        if self.request["status"] in (Status.WAITING_REQUESTER, Status.WAITING_OTHER):
            self._log("resumed", "fulfiller", beat.at, who)
            self.request["status"], self.request["waits_for"] = Status.WORKING, ""

    def _on_resolve(self, beat: Beat, who: Member, text: str) -> None:
        request, at = self.request, beat.at
        first = request["answered_at"] is None
        number = self._message(MessageKind.REPLY, text, who, at, is_first_answer=first)
        request["answered_at"] = request["answered_at"] or at
        request["acknowledged_at"] = request["acknowledged_at"] or at
        self._log("resolved", "fulfiller", at, who)
        request |= {"status": Status.RESOLVED, "resolved_at": at, "resolution_kind": "fix", "outcome": None, "awaits_answer": True}
        request |= {"next_step": "", "next_step_at": None, "waits_for": ""}
        request["first_resolved_at"] = request["first_resolved_at"] or at
        request["relieved_at"] = request["relieved_at"] or at
        request["follow_up_at"] = self.promised.calendar.working_day_later(at, ASK_DAYS)
        told = contracts.RequestResolved(self.tale.number, self.tale.requester.id, request["department_id"], who.id, "fix", number)
        self._note(told, at, who)

    def _on_requester_message(self, beat: Beat, who: Member, text: str) -> None:
        number = self._message(MessageKind.MESSAGE, text, who, beat.at)
        self._log("requester_message", "requester", beat.at, who)
        answered = self.request["status"] in (Status.WAITING_REQUESTER, Status.WAITING_OTHER)
        if answered:
            self.request["status"], self.request["waits_for"] = Status.WORKING, ""
        self._note(contracts.RequesterWrote(self.tale.number, number, who.id), beat.at, who)
        if self.request["answered_at"] and not answered and "?" not in text:
            self._thanks(number, beat.at + READ_AFTER)

    def _thanks(self, number: int, at: datetime) -> None:
        """Nothing was asked: the owner says that no reply is needed (R6)."""
        if at > self.stage.now or any(later.at <= at for later in self.tale.beats if later.at > at - READ_AFTER):
            return
        self.played.rows[Message][-1]["needs_no_reply"] = True
        self._log("note", "fulfiller", at, self.tale.owner, no_reply_needed=True)
        self._note(contracts.NoReplyNeeded(self.tale.number, number), at, self.tale.owner)

    def _on_confirm(self, beat: Beat, who: Member, text: str) -> None:
        self.request |= {"outcome": "yes", "awaits_answer": False, "follow_up_at": None}
        if text:
            self._message(MessageKind.MESSAGE, text, who, beat.at)
        if self.request["status"] == Status.RESOLVED:
            self.request |= {"status": Status.CLOSED, "closed_at": beat.at}
        self._note(contracts.RequestConfirmed(self.tale.number, "yes"), beat.at, who)

    def _on_reopen(self, beat: Beat, who: Member, text: str) -> None:
        self._log("reopened", "requester", beat.at, who, reason="not_solved")
        self.request |= {"status": Status.WORKING, "outcome": "no", "resolved_at": None, "closed_at": None, "resolution_kind": None}
        self.request |= {"awaits_answer": False, "follow_up_at": None, "reopen_count": self.request["reopen_count"] + 1}
        if text:
            self._message(MessageKind.MESSAGE, text, who, beat.at)
        self._log("requester_message", "requester", beat.at, who)
        self._note(contracts.RequestReopened(self.tale.number, "not_solved", who.id), beat.at, who)

    # -- the end -----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        request, now = self.request, self.stage.now
        if request["status"] == Status.RESOLVED:
            quiet_until = self.promised.calendar.working_day_later(request["resolved_at"], CLOSE_DAYS)
            if quiet_until < now:
                request |= {"status": Status.CLOSED, "closed_at": quiet_until, "awaits_answer": False, "follow_up_at": None}
                self._note(contracts.RequestClosed(self.tale.number, "silent"), quiet_until, None)
        if not self.tale.unowned and request["assignee_id"] is None and request["status"] == Status.NEW:
            request["assignee_id"] = self.tale.owner.id
        request["is_open"] = request["status"] in OPEN

    def _measure(self) -> None:
        """Clock rows, breaches and warnings as the sweep would have left them by now."""
        now, calendar = self.stage.now, self.promised.calendar
        log = [ClockEvent(**event) for event in self.events]
        found = clocks.cycles(log, calendar, self.request["department_id"])
        given = {cycle.key: self._alerts(cycle, calendar) for cycle in found}
        for cycle in found:
            row = cycle.values() | clocks.next_alert(cycle, calendar, given[cycle.key])
            row |= self._place(cycle, row)
            self._add(Clock, request_id=self.tale.number, name=cycle.name, cycle=cycle.number, **row)
            self._breach(cycle, now)
        shown = Request(**self.request)
        clocks.show_next(shown, found)
        self.request |= {"next_clock": shown.next_clock, "next_due_at": shown.next_due_at}
        self.request["next_alert_at"] = clocks.first_alert(shown, found, calendar, given)
        self.played.rows[ClockEvent] = [event | self._place_event(event) for event in self.events]

    def _place(self, cycle: clocks.Cycle, row: dict[str, Any]) -> dict[str, Any]:
        if cycle.is_live:
            return dict.fromkeys((*PLACE, "due_day", "stop_day", "time_bucket", "elapsed_bucket"))
        request, stopped = Request(**self.request), Clock(name=cycle.name, **row)
        return {name: self.request[name] for name in PLACE} | figure_keeping.days_of(stopped, request, self.tale.filed)

    def _place_event(self, event: dict[str, Any]) -> dict[str, Any]:
        if event["kind"] not in COMES_AND_GOES:
            return dict.fromkeys(("day", "department_id", *PLACE, "asked_from", "is_open_ended"))
        day = day_of(event["at"], ZoneInfo(self.promised.calendar.zone))
        place = {name: self.request[name] for name in ("department_id", *PLACE)} | {"asked_from": self.request["from_department_id"], "day": day}
        return place | {"is_open_ended": figure_keeping.is_open_ended(event["kind"], event["data"])}

    def _alerts(self, cycle: clocks.Cycle, calendar: WorkCalendar) -> int:
        if not cycle.is_live or not self.request["is_open"]:
            return 0
        given = 0
        while (coming := clocks.next_alert(cycle, calendar, given))["next_alert_at"] is not None and coming["next_alert_at"] <= self.stage.now:
            given = coming["next_threshold"]
            key = {"request_id": self.tale.number, "clock": cycle.name, "cycle": cycle.number}
            self._add(Alert, **key, threshold=given, due=cycle.state.due, given_at=coming["next_alert_at"])
        return given

    def _breach(self, cycle: clocks.Cycle, now: datetime) -> None:
        due = cycle.state.due
        if due is None or (cycle.state.stopped_at or now) <= due or (cycle.is_live and not self.request["is_open"]):
            return
        key = {"request_id": self.tale.number, "clock": cycle.name, "cycle": cycle.number}
        self._add(Breach, **key, department_id=cycle.department_id, due=due, noted_at=due)

    # -- rows --------------------------------------------------------------------------------------------------------

    def _add(self, table: type, **values: Any) -> None:
        self.played.rows[table].append(values)

    def _message(self, kind: MessageKind, body: str, who: Member, at: datetime, **values: Any) -> int:
        number = self.tale.number * 100 + len(self.played.rows[Message])
        blank = {"next_step": "", "next_step_at": None, "is_first_answer": False, "asks": False, "needs_no_reply": False, "edited_at": None}
        self._add(
            Message, **(blank | {"id": number, "request_id": self.tale.number, "author_id": who.id, "kind": kind, "body": body, "created_at": at} | values)
        )
        if kind is not MessageKind.NOTE:
            self.request["message_count"] += 1
        return number

    def _log(self, kind: str, by: str, at: datetime, who: Member, **data: Any) -> None:
        self.events.append({"request_id": self.tale.number, "at": at, "kind": kind, "by": by, "actor_id": who.id, "data": data})

    def _note(self, contract: Any, at: datetime, who: Member | None) -> None:
        self._add(
            Activity,
            at=at,
            event=event_name(type(contract)),
            actor_kind="person" if who else "system",
            actor_id=who.id if who else None,
            subject_kind="desk.request",
            subject_id=self.tale.number,
            data=asdict(contract),
            changes=None,
            channel="web" if who else "portal",
            request_ref=None,
        )


def promise_of(
    tale: Tale, table: Mapping[str, Any], promise_version_id: int, hours: tuple[int, WorkCalendar], always: tuple[int, WorkCalendar]
) -> tuple[Promised, str]:
    """What a story's request was promised, and its priority."""
    priority = tale.priority or priority_for(tale.impact).value
    version, calendar = always if runs_round_the_clock(table, priority) else hours
    targets = with_due_date(targets_of(table, priority), tale.service, tale.answers, tale.filed, calendar)
    return Promised(promise_version_id, version, calendar, targets), priority


def _opening(tale: Tale, stage: Stage, promised: Promised, priority: str) -> dict[str, Any]:
    none = dict.fromkeys(
        ("assignee_id", "next_step_at", "next_clock", "next_due_at", "next_alert_at", "acknowledged_at", "answered_at", "relieved_at", "first_resolved_at")
    )
    none |= dict.fromkeys(("resolved_at", "closed_at", "resolution_kind", "outcome", "follow_up_at", "follows_id"))
    return none | {
        "id": tale.number,
        "title": tale.title,
        "requester_id": tale.requester.id,
        "filed_by_id": tale.requester.id,
        "from_department_id": stage.cast.departments[tale.requester.department],
        "department_id": tale.service.department_id,
        "service_id": tale.service.id,
        "status": Status.NEW,
        "priority": Priority(priority),
        "customer_notices": bool(tale.customer),
        "customer_impact": tale.customer,
        "call_me": False,
        "call_number": "",
        "location_id": stage.cast.locations[stage.cast.place_sites[tale.place]] if tale.place else None,
        "place": stage.cast.place_names.get(tale.place, ""),
        "answers": dict(tale.answers),
        "is_confidential": tale.service.is_confidential,
        "is_open": True,
        "waits_for": "",
        "next_step": "",
        "calendar_version_id": promised.calendar_version_id,
        "promise_version_id": promised.promise_version_id,
        "message_count": 0,
        "created_at": tale.filed,
        "updated_at": tale.filed,
        "received_at": tale.filed,
        "awaits_answer": False,
        "reopen_count": 0,
        "channel": "web",
        "version": 1,
    }
