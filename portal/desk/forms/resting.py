"""Until when a request, or several, should rest."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import RadioField
from wtforms.fields.choices import SelectChoice

from portal.desk.forms.work import Moment
from portal.desk.resting import Preset, rest_problem
from portal.desk.rules import REASON_LIMIT
from portal.kernel.forms import PortalForm, paragraph
from portal.kernel.messages import Message


class RestForm(PortalForm):
    """A preset, which is sent as the instant somebody read, or a day and a time of one's own; a reason where it is due before."""

    until = RadioField(_l("Rest until"), choices=[], validate_choice=False, default=Preset.OWN.value)
    own = Moment(_l("Day and time"))
    reason = paragraph(_l("Why it may rest although it is due before"), limit=REASON_LIMIT)

    moments: Mapping[str, datetime] = {}
    """The instants of the presets by their value, for the small words beside them."""

    def offer(self, choices: Iterable[tuple[datetime, str]], own: str) -> None:
        """Set the presets as (instant, words), and the words of one's own choice; the first one is chosen where nothing was sent."""
        found = [(at.isoformat(), words) for at, words in choices]
        self.moments = {value: datetime.fromisoformat(value) for value, _words in found}
        self.until.choices = [SelectChoice(value, words) for value, words in [*found, (Preset.OWN.value, own)]]
        if not self.until.raw_data:
            self.until.data = self.until.choices[0].value

    def instant(self, zone: str) -> datetime | None:
        """The moment in UTC; None when nothing that is one was chosen."""
        if self.own.data is not None and self.until.data in (None, "", Preset.OWN.value):
            return self.own.instant(zone)
        return _moment(self.until.data)

    def problem(self, zone: str, now: datetime) -> tuple[str, Message] | None:
        """What is wrong with the moment whatever request it is for."""
        return rest_problem(self.instant(zone), None, "", now)


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text)[:40])
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None and 1900 <= found.year <= 2200 else None
