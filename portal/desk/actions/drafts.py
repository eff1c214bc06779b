"""What somebody has typed and not sent yet: kept by form, one row each, gone when it is sent."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from portal.desk.actions import steps
from portal.desk.models import Draft
from portal.kernel.db import db, is_sqlite
from portal.kernel.errors import NotFound
from portal.kernel.policy import Actor

FORM = re.compile(r"[a-z]+\.[a-z0-9][a-z0-9_-]{0,70}")
"""A kind of form and what it is about: "need.repair", "message.4127"."""
NAMES = 200
"""Fields of a draft; a form has far fewer."""


def save_draft(form: str, fields: Mapping[str, Sequence[str]], *, actor: Actor, now: datetime) -> None:
    """Keep what was typed, in place of what was kept before; one statement. NotFound for a form there is none of."""
    if not FORM.fullmatch(form):
        raise NotFound()
    kept = {name: list(values) for name, values in list(fields.items())[:NAMES]}
    insert = sqlite.insert(Draft) if is_sqlite() else postgresql.insert(Draft)
    row = {"person_id": steps.person_id(actor), "form": form, "fields": kept, "saved_at": now}
    db.session.execute(insert.values(**row).on_conflict_do_update(index_elements=[Draft.person_id, Draft.form], set_={"fields": kept, "saved_at": now}))


def drop_draft(form: str, *, actor: Actor) -> None:
    """Forget what was typed; one statement."""
    db.session.execute(sa.delete(Draft).where(Draft.person_id == actor.person_id, Draft.form == form))
