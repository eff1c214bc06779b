"""Telling people: one row per person and fact in the ledger, and a job that brings it by mail when that suits them.

``tell`` is what other features call. The ledger's unique key decides that nobody is told the same thing twice. Sentences are kept
with their parameters (see :mod:`portal.notifications.sentences`): pass instants as datetimes, they are shown in the reader's zone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from itertools import islice
from typing import Any

import sqlalchemy as sa
from flask import g, has_request_context
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal.contracts.notifications import PreferencesChosen
from portal.kernel import activity, jobs, observe
from portal.kernel.db import db, is_sqlite
from portal.kernel.messages import Message
from portal.kernel.policy import Actor
from portal.notifications import kinds, queries, rules, sentences
from portal.notifications.models import Notice, Preference, QuietHours
from portal.notifications.policy import notices_visible_to
from portal.notifications.rules import Bundle, MailState, Mode

BATCH = 500
"""People per statement."""
FAN_OUT = 50
"""From this many mails on, one job brings several."""
EXCERPT, TOPIC = 2000, 200


def tell(
    person_ids: Iterable[int],
    *,
    kind: str,
    subject: tuple[str, int],
    key: str,
    text: Message,
    why: str,
    path: str,
    now: datetime,
    excerpt: str = "",
    topic: str = "",
    facts: Sequence[tuple[Message, object]] = (),
    private: bool = False,
    bundle: str = "request",
    author_id: int | None = None,
) -> int:
    """Tell each person once, in the portal and by mail as they like it; the number of people told just now.

    ``author_id`` is whoever wrote the excerpt: their mail comes in their name, and answers to it are answers to a person.
    ``path`` starts with a slash. A private notice keeps neither topic nor excerpt nor facts, and its mail says only that there is news.
    """
    found = kinds.find(kind)
    kinds.why(why)
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError(f"a notice leads to a page of the portal, not to {path}")
    _ = text.text % text.params  # a sentence that cannot be filled in must fail here and not at the reader
    row = {
        "kind": kind,
        "author_id": None if private else author_id,
        "subject_kind": subject[0],
        "subject_id": subject[1],
        "key": key,
        "text": text.text,
        "plural": text.plural,
        "params": sentences.kept_all(text.params),
        "topic": "" if private else topic[:TOPIC],
        "facts": [] if private else [[sentences.kept(label), sentences.kept(value)] for label, value in facts],
        "why": why,
        "path": path,
        "excerpt": "" if private else excerpt[:EXCERPT],
        "is_private": private,
        "is_read": False,
        "created_at": now,
    }
    return sum(_tell_some(chunk, found, Bundle(bundle), row, now) for chunk in _chunks(sorted(set(person_ids)), BATCH))


def _chunks(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    rest = iter(numbers)
    while chunk := list(islice(rest, size)):
        yield chunk


def _tell_some(person_ids: list[int], kind: kinds.Kind, bundle: Bundle, row: Mapping[str, Any], now: datetime) -> int:
    listeners = queries.listeners(person_ids, kind)
    states = {number: rules.state_for(mode, bundle, has_mail=has_mail) for number, (has_mail, mode) in listeners.items()}
    told = _insert([{**row, "person_id": number, "mail_state": state} for number, state in states.items()])
    _bring([n for n in told if states[n] is MailState.DUE], (row["subject_kind"], row["subject_id"]), now)
    for number in told:
        if states[number] is MailState.HOUR:
            jobs.enqueue("notifications.deliver_hour", unique=str(number), run_at=now + rules.SETTLE, person_id=number)
    return len(told)


def _insert(rows: list[dict[str, Any]]) -> list[int]:
    if not rows:
        return []
    insert = sqlite.insert(Notice) if is_sqlite() else postgresql.insert(Notice)
    # Whoever was told this before is left out by the unique key, also when two workers tell at once.
    fresh = insert.values(rows).on_conflict_do_nothing().returning(Notice.person_id)
    return sorted(db.session.scalars(fresh))


def _bring(person_ids: list[int], subject: tuple[str, int], now: datetime) -> None:
    if len(person_ids) <= FAN_OUT:
        for number in person_ids:
            bring_later(number, subject, now)
        return
    for chunk in _chunks(person_ids, FAN_OUT):
        jobs.enqueue("notifications.deliver_some", run_at=now, person_ids=chunk, subject_kind=subject[0], subject_id=subject[1])


def bring_later(person_id: int, subject: tuple[str, int], at: datetime) -> None:
    """Have everything about one thing brought to one person by one mail, from ``at`` on."""
    unique = f"{person_id}:{subject[0]}:{subject[1]}"
    jobs.enqueue("notifications.deliver", unique=unique, run_at=at, person_id=person_id, subject_kind=subject[0], subject_id=subject[1])


def mark_read(notice: Notice) -> None:
    """Somebody has read one notice."""
    notice.is_read = True
    db.session.flush()


def mark_all_read(actor: Actor, *, up_to: int) -> int:
    """Somebody has read everything up to the notice with this id, what came since stays new; the number of rows."""
    mine = sa.update(Notice).where(notices_visible_to(actor), Notice.is_read.is_(False), Notice.id <= up_to)
    return _rows(mine.values(is_read=True))


def _rows(statement: Any) -> int:
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return int(getattr(result, "rowcount", 0))


def seen(actor: Actor, subject: tuple[str, int], now: datetime) -> None:
    """Somebody opened the page of a thing: what they were told about it counts as read. Made for GET: it writes beside the page."""
    person_id = actor.person_id
    if person_id is None or not _has_news(person_id) or not queries.has_unread(person_id, subject):
        return

    def note(session: Session) -> None:
        mine = sa.update(Notice).where(Notice.person_id == person_id, *queries.about(subject), Notice.is_read.is_(False))
        session.execute(mine.values(is_read=True), execution_options={"synchronize_session": False})

    observe.beside(("notices", person_id, *subject), note, at=now, every=0)
    g.pop("unread", None)


def _has_news(person_id: int) -> bool:
    # The layout shows the same number beside the name: it is read once for both, and most pages need no second question.
    if not has_request_context():
        return True
    if "unread" not in g:
        g.unread = queries.unread(person_id)
    return bool(g.unread)


def choose(actor: Actor, modes: Mapping[str, Mode], quiet: tuple[time, time] | None, *, now: datetime) -> None:
    """Keep how somebody wants mail about each kind, and between which local times they want none (None: any time)."""
    person_id = actor.person_id
    if person_id is None:
        raise ValueError("only a person has preferences")
    before = {choice.kind.key: choice.mail for choice in queries.choices(actor)}
    changes: dict[str, Any] = {kind: [before[kind], mode] for kind, mode in modes.items() if before.get(kind, mode) is not mode}
    for kind, (_, mode) in changes.items():
        _prefer(person_id, kind, mode)
    old = queries.quiet_hours(person_id)
    if quiet != old:
        _keep_quiet(person_id, quiet)
        changes["quiet_hours"] = [_words(old), _words(quiet)]
    if changes:
        activity.record(PreferencesChosen(person_id), actor=actor, subject=("people.person", person_id), changes=changes, at=now)


def _words(hours: tuple[time, time] | None) -> str | None:
    return f"{hours[0]:%H:%M}-{hours[1]:%H:%M}" if hours else None


def _prefer(person_id: int, kind: str, mode: Mode) -> None:
    if not jobs.insert_once(Preference, person_id=person_id, kind=kind, mail=mode):
        _rows(sa.update(Preference).where(Preference.person_id == person_id, Preference.kind == kind).values(mail=mode))


def _keep_quiet(person_id: int, hours: tuple[time, time] | None) -> None:
    if hours is None:
        _rows(sa.delete(QuietHours).where(QuietHours.person_id == person_id))
    elif not jobs.insert_once(QuietHours, person_id=person_id, start=hours[0], end=hours[1]):
        _rows(sa.update(QuietHours).where(QuietHours.person_id == person_id).values(start=hours[0], end=hours[1]))
