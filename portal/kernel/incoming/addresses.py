"""Which addresses are ours: mail for any other is refused at the door, because nothing is ever passed on."""

from collections.abc import Callable

from flask import current_app

from portal.kernel import mail_message
from portal.kernel.settings import Settings

LONGEST = 320
_SIGNED = {"reply", "b"}
"""What stands before the plus in addresses for answers and for what comes back."""
_books: dict[str, Callable[[str], bool]] = {}


def book(name: str, holds: Callable[[str], bool]) -> None:
    """Announce who knows more addresses of ours; the same name again takes its own place."""
    _books[name] = holds


def is_ours(address: str) -> bool:
    """True for an address that mail is taken for: the portal's own, those for answers and failures, and those in the books of features."""
    local, _, host = address.casefold().rpartition("@")
    settings: Settings = current_app.extensions["settings"]
    own, _, domain = mail_message.sender(settings)[1].casefold().rpartition("@")
    head, plus, _ = local.partition("+")
    if host == domain and (head == own or (plus and head in _SIGNED) or local == "postmaster"):
        return True
    return any(holds(address) for holds in _books.values())


def is_sound(address: str) -> bool:
    """True for an address that can be kept."""
    return len(address) <= LONGEST and address.isprintable()
