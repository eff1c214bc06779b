"""What the requester's side writes after filing: messages, answers to "did it work?", a last word, who follows."""

from flask_babel import lazy_gettext as _l
from wtforms import FileField, HiddenField, StringField
from wtforms.validators import AnyOf

from portal.desk.rules import BODY_LIMIT, REASON_LIMIT, Answer
from portal.kernel.forms import FilterForm, PortalForm, clean_line, line, optional, paragraph, required

NOTE_LIMIT = 2000


class MessageForm(PortalForm):
    """A message to whoever has the request, with one file."""

    body = paragraph(_l("Your message"), required(_l("A few words are enough.")), limit=BODY_LIMIT)
    photo = FileField(_l("Add a photo or file"), validators=[optional()])


class AnswerForm(PortalForm):
    """The answer to "did it work?"."""

    answer = HiddenField(validators=[AnyOf([answer.value for answer in Answer], message=_l("Please say yes, partly or no."))])
    note = paragraph(_l("What is still missing?"), optional(), limit=NOTE_LIMIT)
    back = HiddenField()


class CancelForm(PortalForm):
    """The last word of somebody who no longer needs it."""

    reason = line(_l("Why? One line helps the next person"), optional(), limit=REASON_LIMIT)


class AgainForm(PortalForm):
    """What it is about this time."""

    note = paragraph(_l("What is it about this time?"), required(_l("A sentence is enough.")), limit=NOTE_LIMIT)


class FollowerForm(PortalForm):
    """Somebody who follows from now on."""

    person = line(_l("Who should follow it?"), required(_l("Choose a colleague.")), limit=200)


class ListFilter(FilterForm):
    """What the list of requests is narrowed to; it lives in the address."""

    q = StringField(filters=[clean_line])
    show = StringField(filters=[clean_line])
