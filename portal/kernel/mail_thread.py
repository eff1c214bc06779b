"""What belongs together: the thread of one person's mails about one thing, and what an id somebody answers to is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.kernel.db import db
from portal.kernel.incoming.store import Decision, IncomingMail
from portal.kernel.mail import Mail
from portal.kernel.mail_ids import is_marked, relayed, root_id, root_of
from portal.kernel.mail_message import is_id

LATEST = 3
"""Mails of ours that a new one refers to, besides the root of the thread and what the person wrote."""


@dataclass(frozen=True)
class Known:
    """What a Message-ID of ours is about, and to whom that mail went; nobody in particular for the root of a thread.

    ``is_proof`` says that only somebody who saw such a mail can name the id; what a relay made up may be guessed.
    """

    kind: str
    subject_id: int
    person_id: int | None = None
    is_proof: bool = True


def known(message_ids: Sequence[str]) -> dict[str, Known]:
    """Those of the ids that are ours: of mails as we sent them, as a relay renamed them, and of the roots of threads. One statement."""
    found = {one: Known(*root) for one in message_ids if (root := root_of(one))}
    wanted = {spelled: one for one in message_ids if one not in found for spelled in (one, relayed(one)) if spelled}
    if not wanted:
        return found
    columns = (Mail.message_id, Mail.relay_id, Mail.subject_kind, Mail.subject_id, Mail.person_id)
    named = sa.or_(Mail.message_id.in_(wanted), Mail.relay_id.in_(wanted))
    rows: Iterable[Any] = db.session.execute(sa.select(*columns).where(named, Mail.subject_id.is_not(None)))
    for message_id, relay_id, kind, subject_id, person_id in rows:
        for spelled in (one for one in (relay_id, message_id) if one in wanted):
            marked = is_marked(spelled)
            found[wanted[spelled]] = Known(str(kind), int(subject_id), person_id if marked else None, marked)
    return found


def about(message_ids: Sequence[str]) -> dict[str, tuple[str, int]]:
    """The things that mails of ours are about, by those of the ids that are ours."""
    return {one: (what.kind, what.subject_id) for one, what in known(message_ids).items()}


@dataclass(frozen=True)
class Thread:
    """Where a new mail to a person about a thing belongs: the id it answers, and those it refers to, the root first."""

    parent: str
    references: tuple[str, ...]
    is_first: bool
    answers_them: bool


def of(about: tuple[str, int], person_id: int | None, address: str) -> Thread:
    """The thread so far, from what went to the person and what came from their address. Two statements."""
    ours = _sent(about, person_id)
    theirs = _received(about, address)
    root = root_id(*about)
    chain = [one for _, one in sorted([*ours, *theirs])]
    references = tuple(dict.fromkeys((root, *chain)))
    answers_them = bool(theirs) and (not ours or theirs[0][0] >= max(at for at, _ in ours))
    return Thread(references[-1], references, not ours and not theirs, answers_them)


def _sent(about: tuple[str, int], person_id: int | None) -> list[tuple[datetime, str]]:
    mine = (Mail.subject_kind == about[0], Mail.subject_id == about[1], Mail.person_id == person_id)
    newest = sa.select(Mail.created_at, Mail.message_id, Mail.relay_id).where(*mine).order_by(Mail.id.desc()).limit(LATEST)
    # A relay that names only half of its id cannot be quoted; the root holds such a thread together.
    return [(at, relay_id if relay_id and not relay_id.endswith("@amazonses.com>") else own) for at, own, relay_id in db.session.execute(newest)]


def _received(about: tuple[str, int], address: str) -> list[tuple[datetime, str]]:
    mail = IncomingMail
    taken = (mail.subject_kind == about[0], mail.subject_id == about[1], mail.decision.in_((Decision.OPENED, Decision.APPENDED)))
    theirs = sa.select(mail.received_at, mail.message_id).where(*taken, sa.func.lower(mail.sender) == address.casefold())
    return [(at, one) for at, one in db.session.execute(theirs.order_by(mail.id.desc()).limit(1)) if one and is_id(one)]
