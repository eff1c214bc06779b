"""Everything that may go wrong for a person, as exceptions with a status and a sentence.

``NotFound`` never says whether the thing exists; ``Forbidden`` is for what one may see but not do;
``Refusal`` is a rule that says no (422); ``Conflict`` is a lost race or something done already (409).
"""

from portal.kernel.messages import Message, say


class PortalError(Exception):
    """Base of all errors that have an answer for a person."""

    status = 500
    default = say("Something went wrong on our side. Nothing was saved.")

    def __init__(self, message: Message | None = None, *, field: str | None = None, link: str | None = None) -> None:
        super().__init__(message.text if message else self.default.text)
        self.message = message or self.default
        self.field = field
        self.link = link


class NotFound(PortalError):
    """The thing does not exist, or this person may not know that it does."""

    status = 404
    default = say("This page has ridden off. The address may be old, or meant for another department.")


class Forbidden(PortalError):
    """Visible, but not this person's to do."""

    status = 403
    default = say("This is not yours to change. Nothing was changed.")


class Refusal(PortalError):
    """A rule says no; ``field`` names the form field it belongs to."""

    status = 422
    default = say("That does not work yet. Nothing is lost.")


class Conflict(PortalError):
    """Somebody was faster; ``link`` leads to what happened."""

    status = 409
    default = say("Somebody changed this a moment ago. Have a look before you go on.")


class TooFast(PortalError):
    """Too many tries; ``retry_after`` is in seconds."""

    status = 429
    default = say("That was a bit fast. Try again in a moment.")

    def __init__(self, message: Message | None = None, *, retry_after: int = 60) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooLarge(PortalError):
    """More bytes than we take; the message names the limit."""

    status = 413
    default = say("That is more than we can take in one go.")


class WrongType(PortalError):
    """A file of a kind we do not take; the message lists the kinds we do."""

    status = 415
    default = say("We cannot take this kind of file.")


class Busy(PortalError):
    """The database is held by somebody else for too long; the text typed is kept on the page."""

    status = 503
    default = say("We could not save that just now. Your text is still here: send it again in a few seconds.")


class DiskFull(PortalError):
    """No room to write; reading goes on."""

    status = 507
    default = say("There is no room left to save this. Your text is still here and the administrators know.")
