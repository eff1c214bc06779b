"""Letting a restored copy work, with a decision about the mail that waited when its backup was made.

The original has most likely sent that mail since. So it is neither sent again blindly nor lost: whoever releases says which.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from portal.kernel.db import db
from portal.kernel.errors import Conflict
from portal.kernel.mail import Mail, State
from portal.kernel.messages import Message, say, say_n
from portal.kernel.quarantine import Quarantine

CAP = 1000
DROPPED = "Not sent: it waited when the backup was made that this copy comes from."


class Choice(StrEnum):
    """What becomes of mail from before the backup."""

    SEND = "send"
    DROP = "drop"


@dataclass(frozen=True)
class Part:
    """Something that waits and would become mail: how to name it, which rows they are, and how to let it go or send it."""

    words: Callable[[int], Message]
    rows: Callable[[], sa.Select[Any]]
    settle: Callable[[Choice, datetime], None]


@dataclass(frozen=True)
class Waits:
    """How many of a part wait, counted up to a thousand, in words that follow the number."""

    number: int
    is_more: bool
    words: Message


_parts: list[Part] = []


def part(one: Part) -> None:
    """Announce something that waits and would become mail."""
    if one not in _parts:
        _parts.append(one)


def waiting() -> list[Waits]:
    """What would become mail by itself, were the copy released."""
    found = []
    for one in _parts:
        number = db.session.scalar(sa.select(sa.func.count()).select_from(one.rows().limit(CAP + 1).subquery())) or 0
        found.append(Waits(min(number, CAP), number > CAP, one.words(number)))
    return found


def release(choice: Choice, *, now: datetime) -> datetime:
    """End the quarantine; the moment of the backup. Raises Conflict when there is none, or somebody was faster."""
    backup_at: datetime | None = db.session.scalar(sa.delete(Quarantine).where(Quarantine.id == 1).returning(Quarantine.backup_at))
    if backup_at is None:
        raise Conflict(say("This portal is not in quarantine: it works, or somebody was faster and released it."))
    for one in _parts:
        one.settle(choice, now)
    return backup_at


_UNDER_WAY = Mail.state.in_((State.QUEUED, State.SENDING))


def _settle_mail(choice: Choice, now: datetime) -> None:
    values: dict[str, Any] = {"state": State.QUEUED, "next_try_at": now}
    if choice is Choice.DROP:
        values = {"state": State.FAILED, "next_try_at": None, "last_error": DROPPED}
    db.session.execute(sa.update(Mail).where(_UNDER_WAY).values(**values), execution_options={"synchronize_session": False})


part(
    Part(
        lambda number: say_n("mail is written and was not sent", "mails are written and were not sent", number),
        lambda: sa.select(Mail.id).where(_UNDER_WAY),
        _settle_mail,
    )
)
