"""What the serving side types: replies and notes, hand-over, priority, waiting, calls, and actions on several requests."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateTimeLocalField, HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional, ValidationError

from portal.desk.rules import BODY_LIMIT, REASON_LIMIT, STEP_LIMIT, TITLE_LIMIT, Impact, PauseReason, Priority, ReplyKind, WaitFor
from portal.kernel.forms import PortalForm, at_most, int_or_none, line, paragraph, required

MINUTE = "%Y-%m-%dT%H:%M"
NAME_LIMIT, CAUSE_LIMIT = 210, 200
FORMATS = [MINUTE, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


class Moment(DateTimeLocalField):
    """A day and a time on the reader's wall clock; ``instant`` gives it in UTC."""

    data: datetime | None

    def __init__(self, label: Any, *validators: Any, **kwargs: Any) -> None:
        super().__init__(label, validators=[Optional(), *validators], format=FORMATS, **kwargs)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read it, or say what would be right."""
        try:
            super().process_formdata(valuelist)
            if self.data and not 1900 <= self.data.year <= 2200:  # nearer to the ends of time a zone cannot be applied
                raise ValueError
        except ValueError:
            self.data = None
            raise ValueError(str(_l("Write a day and a time, for example 2026-11-26 14:30."))) from None

    def instant(self, zone: str) -> datetime | None:
        """The moment in UTC; None when empty."""
        return None if self.data is None else self.data.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)

    def show(self, moment: datetime | None, zone: str) -> None:
        """Fill in an instant as the reader's clock shows it."""
        self.data = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0) if moment else None

    def shown(self) -> str:
        """The value as it stands in the form; what was typed and is no moment comes back as it is."""
        return self.data.strftime(MINUTE) if self.data else " ".join(self.raw_data or []) if self.errors else ""


def options(pairs: Iterable[tuple[Any, str]]) -> list[SelectChoice]:
    """(value, words) as a select wants them."""
    return [SelectChoice(str(value), words) for value, words in pairs]


def _number() -> HiddenField:
    return HiddenField(filters=[int_or_none])


OTHERS = (
    SelectChoice(PauseReason.SUPPLIER.value, _l("A supplier")),
    SelectChoice(PauseReason.APPROVAL.value, _l("Somebody who has to approve it")),
    SelectChoice(PauseReason.OTHER_DEPARTMENT.value, _l("Another department")),
)
"""Whom else the clock may wait for (R8)."""


class ComposerForm(PortalForm):
    """A reply to the requester, or a note for the team."""

    what = SelectField(_l("What you write"), choices=["reply", "note"], default="reply")
    body = paragraph(_l("Reply"), limit=BODY_LIMIT)
    note = paragraph(_l("Team note"), limit=BODY_LIMIT)
    named = line(_l("Name a colleague"), limit=NAME_LIMIT)
    next_step = line(_l("Next step"), limit=STEP_LIMIT)
    next_step_at = Moment(_l("By when"))
    prefilled = StringField(validators=[Optional(), at_most(20)])
    kind = SelectField(
        _l("This is"),
        choices=[
            SelectChoice(ReplyKind.STEP.value, _l("Only a next step")),
            SelectChoice(ReplyKind.WORKAROUND.value, _l("A workaround")),
            SelectChoice(ReplyKind.FIX.value, _l("The fix")),
        ],
        default=ReplyKind.STEP.value,
    )
    wait_for = SelectField(
        _l("Then wait for"),
        choices=[SelectChoice(WaitFor.NOBODY.value, _l("nobody")), *(SelectChoice(side.value, "") for side in (WaitFor.REQUESTER, WaitFor.OTHER)), *OTHERS[1:]],
        default="",
    )
    wait_name = line(_l("Their name"), limit=120)
    canned_id = _number()
    seen = _number()

    @property
    def is_note(self) -> bool:
        """True for a note the requester's side never sees."""
        return bool(self.what.data == "note")

    @property
    def note_with_name(self) -> str:
        """The note; whoever was chosen beside it stands at its end, unless the note names them."""
        note, name = str(self.note.data or "").rstrip(), str(self.named.data or "")
        return f"{note}\n\n{name}" if note and name and name not in note else note

    @property
    def waits_for(self) -> WaitFor:
        """Which side the clock waits for; an approval and another department are somebody else."""
        chosen = self.wait_for.data or ""
        return WaitFor(chosen) if chosen in set(WaitFor) else WaitFor.OTHER

    @property
    def wait_reason(self) -> PauseReason:
        """Who somebody else is (R8)."""
        chosen = self.wait_for.data or ""
        return PauseReason.SUPPLIER if chosen in set(WaitFor) else PauseReason(chosen)

    def moment(self, zone: str) -> datetime | None:
        """The date of the next step; what was only filled in for them counts when they typed a step."""
        untouched = self.next_step_at.shown() == (self.prefilled.data or "")
        return None if untouched and not self.next_step.data else self.next_step_at.instant(zone)


class TransferForm(PortalForm):
    """Where a request should go, and why."""

    service_id = SelectField(_l("Where it should go"), coerce=int_or_none, validators=[required(_l("Choose the service it should go to."))])
    reason = paragraph(_l("Why"), required(_l("Say why in a few words, so that everybody understands it later.")), limit=REASON_LIMIT)


class AssignForm(PortalForm):
    """Who should have it; nobody puts it back into the queue."""

    person = SelectField(_l("Who should have it"), coerce=int_or_none, validators=[])


class PriorityForm(PortalForm):
    """How much it hurts, judged anew."""

    priority = SelectField(_l("How much it hurts"), choices=[])
    reason = paragraph(_l("Why"), limit=REASON_LIMIT, description=_l("Needed when you give yourselves more time."))

    def offer(self, words: dict[str, str]) -> None:
        """Set the choices from the words of the priorities."""
        self.priority.choices = [SelectChoice(priority.value, words[priority.value]) for priority in Priority]


class PauseForm(PortalForm):
    """Whom the clock waits for."""

    waits_for = SelectField(
        _l("Wait for"), choices=[SelectChoice(WaitFor.REQUESTER.value, _l("the requester")), SelectChoice(WaitFor.OTHER.value, _l("somebody else"))]
    )
    wait_name = line(_l("Their name"), limit=120, description=_l("For example the supplier. The requester reads this name."))
    reason = SelectField(_l("Who they are"), choices=list(OTHERS))


class FollowerForm(PortalForm):
    """Somebody who should follow on the requester's side."""

    person = line(_l("Name or staff number"), required(_l("Choose a name from the list.")))


class BulkReplyForm(PortalForm):
    """One answer for several requests."""

    body = paragraph(_l("What you write to each of them"), required(_l("Say it in your own words. A sentence is enough.")), limit=BODY_LIMIT)
    next_step = line(_l("Next step"), limit=STEP_LIMIT)
    next_step_at = Moment(_l("By when"))


class BulkStepForm(BulkReplyForm):
    """One next step for several requests, said to each requester."""

    next_step = line(_l("Next step"), required(_l("What will have happened by then? A few words are enough.")), limit=STEP_LIMIT)

    def validate_next_step_at(self, field: Any) -> None:
        """A step needs its date."""
        if field.data is None and not field.errors:
            raise ValidationError(str(_l("By when? A day is enough.")))


class BulkFixForm(PortalForm):
    """One fix for several requests, said to each requester."""

    body = paragraph(_l("What you write to each of them"), required(_l("Say what solved it. A sentence is enough.")), limit=BODY_LIMIT)


class BulkEndForm(PortalForm):
    """Why several requests are no longer needed."""

    reason = paragraph(
        _l("Why nobody needs them any more"),
        required(_l("Say why in a few words, so that everybody understands it later.")),
        limit=REASON_LIMIT,
        description=_l("Each requester reads this."),
    )


class CallForm(PortalForm):
    """A call somebody took: who rang, when, what about."""

    caller = line(_l("Who called"), required(_l("Who called? Choose a name from the list.")))
    service_id = SelectField(_l("What is it about"), coerce=int_or_none, validators=[required(_l("Choose what it is about."))])
    title = line(_l("In one line"), required(_l("Say it in one line, for example: Radiator in Studio 2 stays cold")), limit=TITLE_LIMIT)
    description = paragraph(_l("What they said"), limit=BODY_LIMIT)
    received_at = Moment(_l("When they called"), description=_l("At most 24 hours back. The clock starts at this time."))
    impact = SelectField(
        _l("What it does to their work"),
        choices=[
            SelectChoice(Impact.NUISANCE.value, _l("A nuisance, work goes on")),
            SelectChoice(Impact.SLOWER.value, _l("Work is slower")),
            SelectChoice(Impact.STOPPED.value, _l("Work has stopped, or someone could get hurt")),
        ],
    )
    place = line(_l("Where"), limit=120)
    confidential = BooleanField(_l("Keep this confidential"))
    solved = BooleanField(_l("Solved on the phone"))
    fix = paragraph(_l("What solved it"), limit=BODY_LIMIT)
    cause = line(_l("What it came from"), limit=CAUSE_LIMIT)


class DoneForm(PortalForm):
    """A tiny request that was settled while they called: one line, written down and done."""

    caller = line(_l("Who called"), required(_l("Who called? Choose a name from the list.")))
    service_id = SelectField(_l("What is it about"), coerce=int_or_none, validators=[required(_l("Choose what it is about."))])
    title = line(_l("What you did, in one line"), required(_l("Say it in one line, for example: Opened the gate for Hana")), limit=TITLE_LIMIT)
