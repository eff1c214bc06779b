"""What is noted because somebody reads: every look at a confidential request, and that news about a request was seen."""

from datetime import datetime

from portal.desk.policy import Access
from portal.kernel import observe, policy
from portal.notifications import actions as notices

SUBJECT = "desk.request"


def note_reading(access: Access, now: datetime) -> None:
    """Note a look at a confidential request, before anything of it is shown; its requester's own looks are nobody's business."""
    actor, found = policy.current(), access.request
    if found.is_confidential and actor.person_id != found.requester_id:
        observe.note("desk.request.read", person_id=actor.person_id, subject=(SUBJECT, found.id), at=now, every=0)


def note_page(access: Access, now: datetime) -> None:
    """The page of a request was opened: note the look, and what was told about it counts as read."""
    note_reading(access, now)
    notices.seen(policy.current(), (SUBJECT, access.request.id), now)
