"""Files of a conversation: the permission is checked here, the bytes come from the content host."""

from flask import redirect
from werkzeug.wrappers import Response

from portal.desk.policy import Desk, find_access
from portal.desk.queries import request_page as request_read
from portal.desk.routes._blueprint import bp
from portal.desk.routes._reading import note_reading
from portal.kernel import clock, files, policy
from portal.kernel.errors import NotFound


@bp.get("/requests/<int:request_id>/attachments/<int:attachment_id>")
@policy.allow(Desk.READ)
def attachment(request_id: int, attachment_id: int) -> Response:
    """Lead to a file of a request the reader may see; files of team notes only those who work on it."""
    access = find_access(policy.current(), request_id)
    found = request_read.attached(request_id, attachment_id, with_notes=access.may_work)
    if found is None:
        raise NotFound()
    note_reading(access, clock.now())
    return redirect(files.url(found[0], name=found[1]), 303)
