"""Name colleagues in a team note: each is told once, if the note is theirs to read."""

from portal.desk import naming
from portal.desk.models import Mention, Message, Request
from portal.desk.queries import naming as read
from portal.kernel import jobs
from portal.kernel.db import db


def who_is_named(request: Request, text: str) -> list[naming.Named]:
    """Everybody the text names; Refusal for a name of nobody, of several, or of somebody who does not read notes here. No statement without an "@"."""
    typed = naming.typed_in(text)
    if not typed:
        return []
    return naming.who_is_named(text, typed, read.colleagues(request, typed), read.department_name(request), request.id)


def keep_names(note: Message, named: list[naming.Named]) -> None:
    """Keep who is named, so that their present name is shown, and tell them after the note is kept."""
    if not named:
        return
    rows = [Mention(message_id=note.id, person_id=one.person_id, request_id=note.request_id, written=one.written[:200]) for one in named]
    db.session.add_all(rows)
    jobs.enqueue("desk.tell_named", unique=str(note.id), message_id=note.id)
