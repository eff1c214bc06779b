"""Jobs and outgoing mail as administrators see them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from portal.kernel import jobs, mail
from portal.kernel.db import db
from portal.kernel.jobs import Job
from portal.kernel.mail import Mail
from portal.kernel.paging import CAP, Count, Key, Page, keyset

PAGE = 50


class Shelf(StrEnum):
    """The tabs of the list of jobs."""

    GIVEN_UP = "given-up"
    AGAIN = "again"
    WAITING = "waiting"
    RUNNING = "running"


_ON: dict[Shelf, sa.ColumnElement[bool]] = {
    Shelf.GIVEN_UP: Job.state == jobs.State.PARKED,
    Shelf.AGAIN: sa.and_(Job.state == jobs.State.QUEUED, Job.tries > 0),
    Shelf.WAITING: sa.and_(Job.state == jobs.State.QUEUED, Job.tries == 0),
    Shelf.RUNNING: Job.state == jobs.State.RUNNING,
}


@dataclass(frozen=True)
class JobRow:
    """One job of a list."""

    id: int
    name: str
    args: dict[str, Any]
    tries: int
    run_at: datetime
    created_at: datetime
    lease_until: datetime | None
    last_error: str | None


def job_page(shelf: Shelf, cursor: str | None) -> Page[JobRow]:
    """A page of the jobs on one shelf, the longest due first."""
    columns = (Job.id, Job.name, Job.args, Job.tries, Job.run_at, Job.created_at, Job.lease_until, Job.last_error)
    keys = [Key(Job.run_at.expression, "run_at"), Key(Job.id.expression, "id")]
    return keyset(sa.select(*columns).where(_ON[shelf]), keys, cursor, PAGE, lambda row: JobRow(*row))


def job_counts() -> dict[Shelf, Count]:
    """How many jobs stand on each shelf, counted up to a thousand, in one statement."""
    shelves = list(_ON)
    row = db.session.execute(sa.select(*(_counted(sa.select(Job.id).where(_ON[shelf])) for shelf in shelves))).one()
    return {shelf: Count(min(number, CAP), number > CAP) for shelf, number in zip(shelves, row, strict=True)}


def _counted(query: sa.Select[Any]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(query.limit(CAP + 1).subquery()).scalar_subquery()


def given_up() -> int:
    """How many jobs were given up, at most 99; an administrator is needed for each."""
    some = sa.select(Job.id).where(_ON[Shelf.GIVEN_UP]).limit(99).subquery()
    return db.session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


class MailShelf(StrEnum):
    """The tabs of the outbox."""

    ALL = "all"
    WAITING = "waiting"
    GIVEN_UP = "given-up"
    CAME_BACK = "came-back"


@dataclass(frozen=True)
class MailRow:
    """One mail of the outbox; the subject of a mail that went out is its reader's business and left out."""

    id: int
    created_at: datetime
    to: str
    to_name: str
    subject: str | None
    state: mail.State
    tries: int
    next_try_at: datetime | None
    last_error: str | None


def mail_page(shelf: MailShelf, cursor: str | None, limit: int = PAGE) -> Page[MailRow]:
    """A page of the outbox, the newest first."""
    kept = sa.case((Mail.state == mail.State.KEPT, Mail.subject), else_=None)
    query = sa.select(Mail.id, Mail.created_at, Mail.to, Mail.to_name, kept, Mail.state, Mail.tries, Mail.next_try_at, Mail.last_error)
    if shelf is MailShelf.WAITING:
        query = query.where(Mail.state.in_((mail.State.QUEUED, mail.State.SENDING)))
    elif shelf is MailShelf.GIVEN_UP:
        query = query.where(Mail.state == mail.State.FAILED)
    return keyset(query, [Key(Mail.id.expression, "id", descending=True)], cursor, limit, lambda row: MailRow(*row))
