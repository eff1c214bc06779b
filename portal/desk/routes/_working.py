"""What the page of somebody who works on a request is made of: talk and events in one line of time, clocks, what can be done."""

from datetime import datetime
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _

from portal.desk import resting, words
from portal.desk.forms.work import ComposerForm, options
from portal.desk.happenings import Happening, Line, folded, line_of
from portal.desk.models import MessageKind, Request
from portal.desk.policy import Access
from portal.desk.queries import work_page
from portal.desk.queries.work_page import Beside, ClockRow, Facts, Happened, Named, Said, Talk
from portal.desk.routes._showing import answer_words
from portal.desk.routes._uploads import Uploads
from portal.desk.rules import OPEN, PAUSED, PauseReason, Priority, Status, WaitFor
from portal.kernel import clock, policy
from portal.kernel.messages import Message, say
from portal.people.calendars import work_calendar

CHIPS = 2
"""Prepared replies offered as chips; the others are in the library."""
EVERYTHING = 5000


def render(access: Access, *, form: ComposerForm | None = None, uploads: Uploads | None = None, problem: str = "") -> str:
    """The page; with a form that needs another look, it comes back with everything typed and ``problem`` above it."""
    row, actor, now = access.request, policy.current(), clock.now()
    reader = words.Reader(now, actor.zone, actor.locale)
    chosen = request.args.get("reply", 0, int) if form is None else 0
    limit = EVERYTHING if request.args.get("all") else work_page.TALK
    page = work_page.load(actor, row, now=now, limit=limit, chosen=chosen if 0 < chosen < 2**31 else None)
    said, facts, beside = page.talk, page.facts, page.beside
    shown = form or _composer(row, beside, said, actor.zone, now)
    _name_waits(shown, facts)
    if row.status not in OPEN and shown.body.data and not shown.note.data:
        shown.note.data = shown.body.data  # a reply that comes too late can still be kept as a note
    return render_template(
        "desk/work.html",
        request_row=row,
        facts=facts,
        talk=said,
        entries=_entries(said, beside.names, reader),
        beside=beside,
        form=shown,
        uploads=uploads or Uploads(),
        problem=problem,
        newer=_newer(said, shown, actor.person_id) if problem else [],
        status_word=_status(row, facts),
        clocks=_clocks(row, beside, reader),
        steps=_steps(row, facts),
        answers=_answers(facts, row, reader, beside.names),
        hint=_stops_something(beside),
        can=_can(row, said, beside),
        chips=beside.prepared[:CHIPS],
        more_url=url_for("desk.replies", key=facts.department_key, request=row.id),
    )


def _composer(row: Request, beside: Beside, said: Talk, zone: str, now: datetime) -> ComposerForm:
    """An empty composer: what was typed and kept comes back, a chosen reply is filled in, the date is that of the open promise."""
    from werkzeug.datastructures import MultiDict

    kept = MultiDict((name, str(value)) for draft in beside.drafts.values() for name, values in draft.fields.items() for value in values)
    kept.setlist("what", ["note" if _note_is_newer(beside) else "reply"])
    form = ComposerForm(formdata=kept if beside.drafts else None)
    form.seen.data = said.newest_public
    chosen = next((reply for reply in beside.prepared if reply.body), None)
    if chosen is not None:
        form.body.data, form.canned_id.data = chosen.body, chosen.id
    if form.next_step_at.data is None:
        form.next_step_at.show(_open_promise(row, beside, now), zone)
        form.prefilled.data = form.next_step_at.shown()
    return form


def _newer(said: Talk, form: ComposerForm, reader_id: int | None) -> list[Said]:
    """What others sent since the page was opened, oldest first; the newest three."""
    public = [entry for entry in said.said if entry.kind is not MessageKind.NOTE and entry.id > (form.seen.data or 0)]
    return [entry for entry in public if entry.author is None or entry.author.id != reader_id][-3:]


def _note_is_newer(beside: Beside) -> bool:
    reply, note = beside.drafts.get("work"), beside.drafts.get("note")
    if note is None or not note.has_words("note"):
        return False
    return reply is None or not reply.has_words("body", "next_step") or note.saved_at >= reply.saved_at


def _open_promise(row: Request, beside: Beside, now: datetime) -> datetime | None:
    end = beside.clocks.get("resolution")
    for moment in (row.next_step_at, end.due if end else None):
        if moment is not None and moment > now:
            return moment
    return None


def _name_waits(form: ComposerForm, facts: Facts) -> None:
    names = {WaitFor.NOBODY: _("nobody"), WaitFor.REQUESTER: facts.requester.first_name, WaitFor.OTHER: _("a supplier")}
    others = [(PauseReason.APPROVAL.value, _("an approval")), (PauseReason.OTHER_DEPARTMENT.value, _("another department"))]
    form.wait_for.choices = options([*((whom.value, name) for whom, name in names.items()), *others])


# -- the line of time --------------------------------------------------------------------------------------------------


def _entries(said: Talk, names: dict[int, str], reader: words.Reader) -> list[dict[str, Any]]:
    """Messages and runs of grey lines, oldest first: {"message"}, or {"hidden", "shown"} with lines."""
    timeline: list[Said | Happened] = sorted([*said.said, *said.happened], key=lambda entry: (entry.at, isinstance(entry, Happened), entry.id))
    found: list[dict[str, Any]] = []
    run: list[Line] = []
    for entry in timeline:
        if isinstance(entry, Said):
            found += [*_run(run), {"message": entry, "links": [_link(one) for one in entry.named]}]
            run = []
        elif (line := _line(entry, names, reader)) is not None:
            run.append(line)
    return found + _run(run)


def _link(one: Named) -> tuple[str, str, str]:
    """(words of the note, who that is today, their page)."""
    return one.written, f"@{one.name}", url_for("people.profile", staff_number=one.staff_number) if one.staff_number else ""


def _run(lines: list[Line]) -> list[dict[str, Any]]:
    hidden, shown = folded(lines)
    return [{"hidden": hidden, "shown": shown}] if lines else []


def _line(entry: Happened, names: dict[int, str], reader: words.Reader) -> Line | None:
    who = entry.actor.first_name if entry.actor else "Hearth"
    if own := _own_line(entry, who) or resting.line(entry.event, entry.data, who, reader):
        return Line(entry.at, *own)
    return line_of(Happening(entry.at, entry.event, entry.data, who, you=False, names=names, reader=reader))


def _own_line(entry: Happened, who: str) -> tuple[str, Message] | None:
    """What only the serving side reads: who wrote for somebody else, why it was judged anew, and that a promised time passed."""
    data = entry.data
    if entry.event == "desk.request.filed" and data["filed_by_id"] != data["requester_id"]:
        return "writing", say("%(name)s wrote this on their behalf", name=who)
    if entry.event == "desk.request.prioritised" and data.get("reason"):
        return "flag", say("%(name)s judged it anew: %(words)s. %(reason)s", name=who, words=words.priority_word(data["new"]), reason=data["reason"])
    if entry.event == "desk.clock.warned" and data["threshold"] >= 100:
        return "clock", say("The promised time for the first answer passed") if data["clock"] == "first_response" else say("A promised time passed")
    return None


def _status(row: Request, facts: Facts) -> tuple[str, str]:
    standing = words.Standing(
        Status(row.status),
        mine=False,
        requester=facts.requester.first_name,
        waits_for=row.waits_for,
        is_relieved=row.relieved_at is not None,
        outcome=row.outcome,
    )
    kind, word = words.status_word(standing)
    return kind, str(word)


# -- clocks ------------------------------------------------------------------------------------------------------------


def _clocks(row: Request, beside: Beside, reader: words.Reader) -> list[dict[str, Any]]:
    """Every clock with its name, bar and words; the one due next counts down, the others say the day."""
    names = {"first_response": _("First answer"), "next_response": _("Answer"), "promise": _("Next step"), "resolution": _("Solved")}
    return [{"name": names[name], **_clock(row, beside.clocks[name], reader)} for name in names if name in beside.clocks and _worth(beside.clocks[name])]


def _worth(found: ClockRow) -> bool:
    return found.name in ("first_response", "resolution") or found.stopped_at is None


def _clock(row: Request, found: ClockRow, reader: words.Reader) -> dict[str, Any]:
    calendar = work_calendar(row.calendar_version_id)
    title = reader.when(found.due) if found.due else ""
    if found.stopped_at is not None:
        late = found.due is not None and found.stopped_at > found.due
        text = _("%(when)s, late", when=reader.when(found.stopped_at)) if late else reader.when(found.stopped_at)
        return {"kind": "done", "percent": 100, "words": text, "title": title}
    fact = words.ClockFact(found.name, found.due, found.target, is_paused=row.status in PAUSED and found.due is None)
    bar = words.bar(fact, calendar, reader.now)
    if bar.kind in ("late", "pause"):
        text = _("late by %(time)s", time=words.working_time(bar.left, bar.day_hours)) if bar.kind == "late" else _("paused")
    elif row.next_clock == found.name and found.due is not None:
        text = _("%(time)s left", time=words.working_time(bar.left, bar.day_hours))
    else:
        text = title or _("a date follows")
    return {"kind": bar.kind, "percent": 50 if bar.kind == "pause" else bar.percent, "words": text, "title": title}


def _stops_something(beside: Beside) -> bool:
    return any(name in beside.clocks and beside.clocks[name].stopped_at is None for name in ("first_response", "next_response"))


def _steps(row: Request, facts: Facts) -> list[dict[str, Any]]:
    """First relief, then the end of the cause."""
    solved = row.resolved_at is not None
    helped = row.relieved_at is not None or solved
    name = facts.requester.first_name
    relief = _("%(name)s can work again.", name=name) if helped else _("What lets %(name)s work today?", name=name)
    return [
        {"name": _("Help now"), "text": relief, "state": "done" if helped else "now"},
        {
            "name": _("Fix it"),
            "text": _("The cause is gone.") if solved else _("What ends the cause?"),
            "state": "done" if solved else "now" if helped else "later",
        },
    ]


def _answers(facts: Facts, row: Request, reader: words.Reader, names: dict[int, str]) -> list[tuple[str, str]]:
    """Questions of the form with their answers in words; files stand in the conversation, the place above it."""
    specs = [spec for spec in facts.service_fields if row.answers.get(spec["key"]) not in (None, "", []) and spec["type"] not in ("file", "location")]
    return [(spec["label"], answer_words(spec["type"], row.answers[spec["key"]], reader, names)) for spec in specs]


def _can(row: Request, said: Talk, beside: Beside) -> dict[str, bool]:
    """What can be done now; the actions decide again."""
    is_open, last = row.status in OPEN, next((entry for entry in reversed(said.said) if entry.kind is not MessageKind.NOTE), None)
    waits = last is not None and last.kind is MessageKind.MESSAGE and not last.needs_no_reply
    return {
        "reply": is_open,
        "change": is_open,
        "take": is_open and row.assignee_id is None,
        "resume": row.status in PAUSED,
        "plan": is_open and row.status is not Status.PLANNED,
        "begin": row.status in (Status.PLANNED, Status.NEW),
        "thanks": is_open and row.answered_at is not None and waits and "next_response" in beside.clocks,
        "mark": row.priority in (Priority.URGENT, Priority.HIGH),
    }
