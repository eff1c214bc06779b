"""Versions of working hours that open requests may still follow."""

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from portal.kernel.db import db
from portal.people.models import CalendarVersion


def older_versions(version_id: int) -> list[int]:
    """Ids of the earlier versions of the same working hours; empty for an unknown version. One statement."""
    newest = aliased(CalendarVersion)
    query = sa.select(CalendarVersion.id).join(newest, newest.calendar_id == CalendarVersion.calendar_id)
    return list(db.session.scalars(query.where(newest.id == version_id, CalendarVersion.version < newest.version)))
