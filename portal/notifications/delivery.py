"""Bringing what was told by mail: one mail for everything about a thing, one for the warnings of an hour, one a day for the rest.

Each delivery is decided when it runs: whoever left gets nothing, whoever is away finds it in the digest on the morning of their
return, quiet hours and the gap between two mails put it off. A conditional UPDATE takes the notices in the same transaction
that writes the mail, so a job that runs twice writes once.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import current_app

from portal.kernel import jobs, mail, mail_ids, mail_message, mail_thread, reply_address
from portal.kernel.db import db
from portal.kernel.mail_message import Voice
from portal.kernel.mail_thread import Thread
from portal.kernel.settings import Settings
from portal.notifications import automatic, kinds, queries, rules, sentences
from portal.notifications.actions import bring_later
from portal.notifications.models import MailTurn, Notice
from portal.notifications.queries import Recipient, Told
from portal.notifications.rules import MailState

HOURLY = ("notifications.hour", 0)
DAILY = ("notifications.digest", 0)
SWEPT = 200
"""People looked at by one digest job."""
_GAPS = re.compile(r"\n{3,}")
LONGEST = 60
"""Notices in one mail; the rest is counted and waits in the inbox."""


@dataclass(frozen=True)
class Errand:
    """One mail to be: for whom, which notices, and the thing it must not repeat too soon."""

    person_id: int
    state: MailState
    thing: tuple[str, int]
    gap: timedelta
    subject: tuple[str, int] | None = None


@dataclass(frozen=True)
class Letter:
    """How a mail goes out: under which id, who speaks, and where answers belong."""

    identity: str
    voice: Voice = Voice.PORTAL
    about: tuple[str, int] | None = None
    thread: Thread | None = None
    reference: str | None = None
    writer: tuple[str, str | None] | None = None


def bring(person_id: int, subject: tuple[str, int], now: datetime) -> None:
    """Write one mail with everything about one thing, or put it off."""
    errand = Errand(person_id, MailState.DUE, subject, rules.REQUEST_GAP, subject)
    put_off = _carry_out(errand, now)
    if put_off is not None:
        bring_later(person_id, subject, put_off)


def bring_hour(person_id: int, now: datetime) -> None:
    """Write one mail with the warnings that gathered, or put it off."""
    put_off = _carry_out(Errand(person_id, MailState.HOUR, HOURLY, rules.HOUR_GAP), now)
    if put_off is not None:
        jobs.enqueue("notifications.deliver_hour", unique=str(person_id), run_at=put_off, person_id=person_id)


def sweep_digests(after: int, now: datetime) -> int | None:
    """Write the digests that are due among the next people; the cursor for the rest, or None when everybody was looked at."""
    found = queries.pending_digests(after, SWEPT, _settings().zone)
    for person in found:
        due = rules.digest_due(now, person.zone)
        if due is not None and person.since < due:
            _carry_out(Errand(person.person_id, MailState.DIGEST, DAILY, rules.DIGEST_GAP), now)
    return found[-1].person_id if len(found) == SWEPT else None


def _carry_out(errand: Errand, now: datetime) -> datetime | None:
    """Write the mail of an errand; the instant to try again when it has to wait."""
    if not queries.waits(errand.person_id, errand.state, errand.subject):
        return None
    to = queries.recipient(errand.person_id, now)
    if to is None:
        _take(errand, MailState.NONE)
        return None
    if to.is_away:
        _keep_for_return(errand)
        return None
    if to.quiet_until is not None:
        return to.quiet_until
    if (free_at := _take_turn(errand, now)) is not None:
        return free_at
    _write(to, errand, _take(errand, MailState.DONE), now)
    return None


def _keep_for_return(errand: Errand) -> None:
    if errand.state is not MailState.DIGEST:
        _take(errand, MailState.DIGEST)


def _take(errand: Errand, becomes: MailState) -> list[Told]:
    """Give the notices of an errand another state; whoever is second finds none."""
    take = sa.update(Notice).where(queries.waiting(errand.person_id, errand.state, errand.subject)).values(mail_state=becomes)
    rows = db.session.execute(take.returning(*queries.SHOWN), execution_options={"synchronize_session": False})
    return sorted((queries.told(row) for row in rows), key=lambda notice: notice.id)


def _take_turn(errand: Errand, now: datetime) -> datetime | None:
    """Take the turn for a mail about a thing; the instant it is free again when somebody had it too lately."""
    kind, number = errand.thing
    if jobs.insert_once(MailTurn, person_id=errand.person_id, subject_kind=kind, subject_id=number, mailed_at=now):
        return None
    mine = sa.and_(MailTurn.person_id == errand.person_id, MailTurn.subject_kind == kind, MailTurn.subject_id == number)
    take = sa.update(MailTurn).where(mine, MailTurn.mailed_at <= now - errand.gap).values(mailed_at=now)
    result: Any = db.session.execute(take, execution_options={"synchronize_session": False})
    if result.rowcount == 1:
        return None
    last = queries.last_turn(errand.person_id, errand.thing)
    return (last or now) + errand.gap


def _write(to: Recipient, errand: Errand, taken: list[Told], now: datetime) -> None:
    # What was read in the portal meanwhile is not told again, and what is no longer theirs to see stays unsaid.
    news = queries.visible_only(to.actor, [notice for notice in taken if not notice.is_read])
    if not news:
        return
    if errand.subject is not None:
        _write_about(to, errand.subject, news, now)
    else:
        _write_digest(to, errand, news, now)


def _write_about(to: Recipient, subject: tuple[str, int], news: list[Told], now: datetime) -> None:
    person, latest = to.actor.person_id, news[-1]
    thread = mail_thread.of(subject, person, to.email)
    author = next((told.author_id for told in reversed(news) if told.author_id), None)
    voice = _voice(news, thread, author)
    if voice is Voice.RECEIPT and not automatic.take(to.email, now):
        _keep_for_digest([told.id for told in news])
        return
    letter = Letter(
        identity=mail_ids.lasting_id("told", person, *subject, latest.id),
        voice=voice,
        about=subject,
        thread=thread,
        reference=reply_address.token(*subject, person) if subject[0] in reply_address.KINDS and person else None,
        writer=queries.writer(author) if author else None,
    )
    title = {"tag": kinds.tag(subject), "title": latest.topic.removeprefix(f"{subject[1]} ") if kinds.tag(subject) else latest.topic}
    answers = voice is Voice.PERSON and not thread.is_first
    _queue(to, "notifications/notice", letter, now, news=news[-LONGEST:], latest=latest, answers=answers, **title)


def _voice(news: list[Told], thread: Thread, author: int | None) -> Voice:
    """Who speaks: a person whose words are in it, a machine that only says that a mail arrived, or the portal about what happened."""
    if author is not None:
        return Voice.PERSON
    told_of = [kinds.find(told.kind) for told in news]
    automatic_only = all(kind.is_automatic or (kind.is_receipt and thread.answers_them) for kind in told_of)
    return Voice.RECEIPT if automatic_only else Voice.NOTICE


def _keep_for_digest(notice_ids: list[int]) -> None:
    """No automatic answer any more within this hour; it is not lost either."""
    later = sa.update(Notice).where(Notice.id.in_(notice_ids)).values(mail_state=MailState.DIGEST)
    db.session.execute(later, execution_options={"synchronize_session": False})


def _write_digest(to: Recipient, errand: Errand, news: list[Told], now: datetime) -> None:
    letter = Letter(mail_ids.lasting_id(errand.thing[0], to.actor.person_id, news[-1].id))
    name = "notifications/hour" if errand.state is MailState.HOUR else "notifications/digest"
    _queue(to, name, letter, now, number=len(news), groups=_grouped(news[-LONGEST:]), more=max(0, len(news) - LONGEST))


def _grouped(news: list[Told]) -> list[list[Told]]:
    groups: dict[tuple[str, int], list[Told]] = defaultdict(list)
    for notice in news:
        groups[notice.subject].append(notice)
    return list(groups.values())


def _queue(to: Recipient, name: str, letter: Letter, now: datetime, **context: Any) -> None:
    settings = _settings()
    reader = sentences.Reader(to.actor.zone, to.actor.locale, now)
    helpers = {
        "sentence": partial(sentences.as_text, reader=reader),
        "value": partial(sentences.value_text, reader=reader),
        "why": kinds.why,
        "address": settings.base_url.rstrip("/"),
    }
    subject, text, html = mail.render_mail(name, zone=to.actor.zone, locale=to.actor.locale, reference=letter.reference, **helpers, **context)
    mail.queue(
        to=to.email,
        name=to.name,
        subject=subject,
        text=_GAPS.sub("\n\n", text),
        html=html,
        now=now,
        message_id=letter.identity,
        in_reply_to=letter.thread.parent if letter.thread else None,
        references=letter.thread.references if letter.thread else (),
        headers={"Reply-To": reply_address.spelled(letter.reference) if letter.reference else mail_message.sender(settings)[1]},
        person_id=to.actor.person_id,
        about=letter.about,
        voice=letter.voice,
        writer=letter.writer,
    )


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
