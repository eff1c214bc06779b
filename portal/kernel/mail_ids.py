"""The ids of our mails: lasting, so that a second copy is recognised, and marked, so that nobody can make one up."""

import re
import secrets

from flask import current_app

from portal.kernel import marks, reply_address
from portal.kernel.mail_message import domain

_MARK = 8


def lasting_id(*parts: object) -> str:
    """A Message-ID at our mail domain, always the same for the same parts: ``lasting_id("request", 12, "reply", 3)``. Random without.

    It ends with a mark that nobody else can make: whoever names it has seen the mail.
    """
    if not parts:
        return f"<{secrets.token_hex(16)}@{domain(current_app.extensions['settings'])}>"
    words = ".".join(re.sub(r"[^A-Za-z0-9_-]", "-", str(part)) for part in parts)
    return f"<{words[:150]}.{_marked(words)}@{domain(current_app.extensions['settings'])}>"


def _marked(words: str) -> str:
    return marks.letters(marks.mark("message-id", words.encode(), _MARK))


def is_marked(message_id: str) -> bool:
    """True for an id that :func:`lasting_id` made, so that whoever names it must have seen it; those of older versions had no mark."""
    words, _, given = message_id.removeprefix("<").partition("@")[0].rpartition(".")
    return bool(words) and secrets.compare_digest(given.encode(), _marked(words).encode())


def root_id(kind: str, subject_id: int) -> str:
    """The id that every mail about a thing refers to, whatever relays do to the others."""
    return lasting_id("thread", kind, subject_id)


_ROOT = re.compile(r"<(thread\.([A-Za-z0-9_-]{1,60})\.(\d{1,10}))\.([a-z2-7]{13})@[^<>@\s]{1,200}>")


def root_of(message_id: str) -> tuple[str, int] | None:
    """The thing whose thread an id is the root of; None for one that we did not make."""
    match = _ROOT.fullmatch(message_id)
    if match is None or not secrets.compare_digest(match[4], _marked(match[1])):
        return None
    kind = next((name for name in reply_address.KINDS if re.sub(r"[^A-Za-z0-9_-]", "-", name) == match[2]), None)
    return (kind, int(match[3])) if kind else None


_NAMED = re.compile(r"<[!-;=?A-~]{1,200}@[!-;=?A-~]{1,100}>")
_BARE = re.compile(r"^(?:\d\.\d\.\d )?Ok ([0-9A-Za-z-]{30,100})$", re.IGNORECASE)
_AMAZON = re.compile(r"<([0-9A-Za-z-]{30,100})@(?:[a-z0-9-]+\.)*amazonses\.com>", re.IGNORECASE)


def relayed(words: str) -> str | None:
    """The id a relay gave a message, from its answer or from a mail that repeats it; hosts of one relay count as one."""
    if match := _BARE.match(words.strip()) or _AMAZON.search(words):
        return f"<{match[1]}@amazonses.com>"
    match = _NAMED.search(words)
    return match[0] if match else None
