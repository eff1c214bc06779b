"""What somebody has typed and not sent yet: kept by form, one row each, gone when it is sent, and after thirty days."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from portal.desk.actions import steps
from portal.desk.models import Draft, Message
from portal.kernel.db import db, is_sqlite
from portal.kernel.errors import NotFound
from portal.kernel.policy import Actor

FORM = re.compile(r"[a-z]+\.[a-z0-9][a-z0-9_-]{0,70}")
"""A kind of form and what it is about: "need.repair", "message.4127", "work.4127", "note.4127"."""
NAMES = 200
"""Fields of a draft; a form has far fewer."""
KEPT = timedelta(days=30)
BATCH = 500
JUST_SENT = timedelta(minutes=1)


class Saved(NamedTuple):
    """How often it was kept by now (0: not at all), and whether the words of another window stand beside it."""

    revision: int
    has_other: bool


def save_draft(form: str, fields: Mapping[str, Sequence[str]], *, base: int | None = None, actor: Actor, now: datetime) -> Saved:
    """Keep what was typed, in place of what was kept before. NotFound for a form there is none of.

    ``base`` is the revision the window knows: where another window kept something since, its words are kept beside these. Words that
    were sent a moment ago are not kept again by a window that did not hear of it. One statement; three for the first words.
    """
    if not FORM.fullmatch(form):
        raise NotFound()
    kept = {name: list(values) for name, values in list(fields.items())[:NAMES]}
    if base is None:
        return _put(form, kept, actor, now)
    if saved := _over(form, kept, base, actor, now):
        return saved
    return Saved(0, has_other=False) if _is_sent(form, kept, actor, now) else _put(form, kept, actor, now)


def _put(form: str, kept: Mapping[str, Sequence[str]], actor: Actor, now: datetime) -> Saved:
    insert = sqlite.insert(Draft) if is_sqlite() else postgresql.insert(Draft)
    row = {"person_id": steps.person_id(actor), "form": form, "fields": kept, "saved_at": now}
    changed = {"fields": kept, "saved_at": now, "revision": Draft.revision + 1}
    put = insert.values(**row, revision=1).on_conflict_do_update(index_elements=[Draft.person_id, Draft.form], set_=changed)
    return _saved(db.session.execute(put.returning(Draft.revision, Draft.other)).one())


def _saved(row: Any) -> Saved:
    # The words themselves come back: SQLite 3.40 says "is not null" of a null in what an upsert returns.
    return Saved(row.revision, row.other is not None)


def _over(form: str, kept: Mapping[str, Sequence[str]], base: int, actor: Actor, now: datetime) -> Saved | None:
    """Write over the row there is; the row decides whether somebody else's words lie under it."""
    beside = sa.case((Draft.revision != base, Draft.fields), else_=Draft.other)
    put = sa.update(Draft).where(Draft.person_id == actor.person_id, Draft.form == form)
    put = put.values(fields=kept, saved_at=now, revision=Draft.revision + 1, other=beside)
    found = db.session.execute(put.returning(Draft.revision, Draft.other), execution_options={"synchronize_session": False}).first()
    return _saved(found) if found else None


def _is_sent(form: str, kept: Mapping[str, Sequence[str]], actor: Actor, now: datetime) -> bool:
    kind, _, number = form.partition(".")
    typed = "".join(kept.get("note" if kind == "note" else "body", ())).strip()
    if not typed or not number.isdecimal() or len(number) > 9:
        return False
    mine = [Message.request_id == int(number), Message.author_id == actor.person_id, Message.created_at > now - JUST_SENT]
    last = db.session.scalar(sa.select(Message.body).where(*mine).order_by(Message.id.desc()).limit(1))
    return last is not None and last.startswith(typed.replace("\r\n", "\n"))


def drop_draft(form: str, *, actor: Actor) -> None:
    """Forget what was typed; one statement."""
    db.session.execute(sa.delete(Draft).where(Draft.person_id == actor.person_id, Draft.form == form))


def settle_other(form: str, *, use: bool, actor: Actor) -> None:
    """Take the words of the other window (these are kept beside them then), or forget them. One statement."""
    changed = {"fields": Draft.other, "other": Draft.fields} if use else {"other": sa.null()}
    there = [Draft.person_id == actor.person_id, Draft.form == form, Draft.other.is_not(None)]
    put = sa.update(Draft).where(*there).values(**changed, revision=Draft.revision + 1)
    db.session.execute(put, execution_options={"synchronize_session": False})


def forget_old(*, now: datetime) -> int:
    """Take out what nobody came back to, the oldest first; how many rows, at most a batch and those of the same instant."""
    old = sa.select(Draft.saved_at).where(Draft.saved_at < now - KEPT).order_by(Draft.saved_at).limit(BATCH).subquery()
    last = db.session.scalar(sa.select(sa.func.max(old.c.saved_at)))
    if last is None:
        return 0
    return int(getattr(db.session.execute(sa.delete(Draft).where(Draft.saved_at <= last)), "rowcount", 0))
