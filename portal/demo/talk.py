"""Talk among those who answer in the demo company: a note of Kim names Jonas, and Jonas has typed half an answer."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from portal.desk.actions.conversation import add_note
from portal.desk.actions.drafts import save_draft
from portal.desk.models import Request
from portal.desk.queries.work_parts import draft_name
from portal.kernel.db import db
from portal.people.actors import actor_of
from portal.people.models import Department, Person

WRITER, NAMED = "Kim Moreau", "Jonas Lindqvist"
NOTE = "@Jonas Lindqvist, the firm can come tomorrow at nine. Will you let them in, or shall I?"
TYPED = "The firm comes tomorrow at nine. Until then"


def talk(now: datetime) -> None:
    """Keep a note that names a colleague, and a reply that was begun, with requests that Facilities has open."""
    department = db.session.scalar(sa.select(Department.id).where(Department.key == "facilities"))
    numbers = {row[0]: row[1] for row in db.session.execute(sa.select(Person.name, Person.id).where(Person.name.in_([WRITER, NAMED])))}
    kim, jonas = (actor_of(numbers[name], now=now) if name in numbers else None for name in (WRITER, NAMED))
    mine = sa.select(Request).where(Request.department_id == department, Request.is_open == sa.true(), Request.is_confidential == sa.false())
    request = db.session.scalars(mine.where(Request.assignee_id == numbers.get(NAMED)).order_by(Request.next_due_at.asc().nulls_last()).limit(1)).first()
    if kim is None or jonas is None or request is None:
        return
    add_note(request, body=NOTE, names=True, actor=kim, now=now - timedelta(minutes=20))
    save_draft(draft_name(request.id), {"body": [TYPED]}, actor=jonas, now=now - timedelta(minutes=5))
