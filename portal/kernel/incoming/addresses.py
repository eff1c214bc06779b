"""Which addresses are ours: mail for any other is refused at the door, because nothing is ever passed on."""

from collections.abc import Callable

from flask import current_app

from portal.kernel import mail_message
from portal.kernel.settings import Settings

LONGEST = 320
_OWN = {"reply", "b", "postmaster"}
"""Local parts at the domain of our mail, before a plus, that are ours besides that of ``mail_from``."""
_books: dict[str, Callable[[str], bool]] = {}


def book(name: str, holds: Callable[[str], bool]) -> None:
    """Announce who knows more addresses of ours; the same name again takes its own place."""
    _books[name] = holds


def is_ours(address: str) -> bool:
    """True for an address that mail is taken for: the portal's own, those for answers and failures, and those in the books of features."""
    local, _, host = address.casefold().rpartition("@")
    settings: Settings = current_app.extensions["settings"]
    own, _, domain = mail_message.sender(settings)[1].casefold().rpartition("@")
    if host == domain and local.partition("+")[0] in {own, *_OWN}:
        return True
    return any(holds(address) for holds in _books.values())


def is_sound(address: str) -> bool:
    """True for an address that can be kept."""
    return len(address) <= LONGEST and address.isprintable()
