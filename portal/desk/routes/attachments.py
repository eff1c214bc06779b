"""Files of a conversation: the permission is checked here, the bytes come from the content host."""

import sqlalchemy as sa
from flask import redirect
from werkzeug.wrappers import Response

from portal.desk.models import Attachment, Message, MessageKind
from portal.desk.policy import Desk, find_access
from portal.desk.routes._blueprint import bp
from portal.kernel import files, policy
from portal.kernel.db import db
from portal.kernel.errors import NotFound
from portal.kernel.files import StoredFile


@bp.get("/requests/<int:request_id>/attachments/<int:attachment_id>")
@policy.allow(Desk.READ)
def attachment(request_id: int, attachment_id: int) -> Response:
    """Lead to a file of a request the reader may see; files of team notes only those who work on it."""
    access = find_access(policy.current(), request_id)
    query = sa.select(Attachment.name, StoredFile, Message.kind).join(StoredFile, StoredFile.id == Attachment.file_id)
    query = query.join(Message, Message.id == Attachment.message_id).where(Attachment.request_id == request_id)
    row = db.session.execute(query.where(Attachment.id == min(attachment_id, 2**31 - 1))).first()
    if row is None or (row[2] is MessageKind.NOTE and not access.may_work):
        raise NotFound()
    return redirect(files.url(row[1], name=row[0]), 303)
