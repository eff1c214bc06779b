"""The prepared replies a department starts with, when it gets its services and has none yet; source: portal/content/replies.toml."""

from collections.abc import Iterable

import sqlalchemy as sa

from portal.content.catalogue import read_toml
from portal.desk.models import CannedReply
from portal.kernel.db import db


def add_starters(departments: Iterable[tuple[int, str]]) -> int:
    """Give each department (id, key) without prepared replies its first ones; how many there are now. Flushes."""
    wanted = dict(departments)
    if not wanted:
        return 0
    kept = set(db.session.scalars(sa.select(CannedReply.department_id).where(CannedReply.department_id.in_(wanted)).distinct()))
    shipped = read_toml("replies.toml")
    rows = [row for number, key in wanted.items() if number not in kept for row in _rows(number, [*shipped.get(key, []), *shipped["all"]])]
    db.session.add_all(rows)
    db.session.flush()
    return len(rows)


def _rows(department_id: int, replies: list[dict[str, str]]) -> list[CannedReply]:
    return [
        CannedReply(department_id=department_id, name=reply["name"], body=reply["body"], is_acknowledgement=bool(reply.get("acknowledgement")), position=place)
        for place, reply in enumerate(replies, 10)
    ]
