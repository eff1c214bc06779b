"""Say that somebody writes about a request; it is forgotten a minute later."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from portal.desk.actions import steps
from portal.desk.models import Presence, Request
from portal.kernel.db import db, is_sqlite
from portal.kernel.policy import Actor

EVERY = timedelta(seconds=15)
"""A row is written at most this often, however many windows and keys there are."""
KEPT = timedelta(hours=1)


def write_here(request: Request, *, note: bool, actor: Actor, now: datetime) -> None:
    """They type an answer, or a note for the team. One statement, which changes nothing when it said so a moment ago."""
    insert = sqlite.insert(Presence) if is_sqlite() else postgresql.insert(Presence)
    values = {"request_id": request.id, "person_id": steps.person_id(actor), "what": "note" if note else "reply", "at": now}
    fresh = sa.or_(Presence.at <= now - EVERY, Presence.what != values["what"])
    changed = insert.values(**values).on_conflict_do_update(
        index_elements=[Presence.request_id, Presence.person_id], set_={"what": values["what"], "at": now}, where=fresh
    )
    db.session.execute(changed)


def forget_old(*, now: datetime) -> None:
    """Take out rows nobody looks at any more. One statement."""
    db.session.execute(sa.delete(Presence).where(Presence.at < now - KEPT))
