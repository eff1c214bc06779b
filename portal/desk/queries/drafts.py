"""Drafts as forms offer them back."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from portal.desk.models import Draft
from portal.kernel.db import db
from portal.kernel.policy import Actor


class Kept(NamedTuple):
    """What was typed, as a form reads it, and when it was kept."""

    fields: MultiDict[str, str]
    saved_at: datetime


def draft_of(actor: Actor, form: str) -> Kept | None:
    """One's own draft of a form, or None; one statement."""
    query = sa.select(Draft.fields, Draft.saved_at).where(Draft.person_id == actor.person_id, Draft.form == form)
    row = db.session.execute(query).first()
    if row is None:
        return None
    pairs = [(name, str(value)) for name, values in row.fields.items() for value in values]
    return Kept(MultiDict(pairs), row.saved_at)
