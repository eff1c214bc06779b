"""Versions of working hours that open requests may still follow."""

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from portal.desk.models import Request
from portal.kernel.db import db
from portal.people.models import CalendarVersion


def follows_older() -> sa.ColumnElement[bool]:
    """SQL: the request follows working hours that have a newer version (R18)."""
    newer = aliased(CalendarVersion)
    overtaken = sa.select(CalendarVersion.id).where(
        sa.exists().where(newer.calendar_id == CalendarVersion.calendar_id, newer.version > CalendarVersion.version).correlate(CalendarVersion)
    )
    return Request.calendar_version_id.in_(overtaken)


def is_behind(department_id: int) -> bool:
    """True when an open request of the department follows working hours that have a newer version. One statement."""
    query = sa.select(Request.id).where(Request.department_id == department_id, Request.is_open == sa.true(), follows_older())
    return db.session.scalar(query.limit(1)) is not None


def older_versions(version_id: int) -> list[int]:
    """Ids of the earlier versions of the same working hours; empty for an unknown version. One statement."""
    newest = aliased(CalendarVersion)
    query = sa.select(CalendarVersion.id).join(newest, newest.calendar_id == CalendarVersion.calendar_id)
    return list(db.session.scalars(query.where(newest.id == version_id, CalendarVersion.version < newest.version)))
