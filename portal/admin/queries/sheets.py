"""The outbox as a file: the same rows as on its page, so that of a mail that went out nobody reads the subject."""

from collections.abc import Sequence

from portal.admin.queries import work
from portal.admin.queries.work import MailRow, MailShelf
from portal.kernel.csvsafe import Cell
from portal.kernel.export import BATCH, Sheet, local
from portal.kernel.messages import Message, say
from portal.kernel.policy import Actor
from portal.notifications import queries as told


def outbox(actor: Actor, shelf: MailShelf) -> Sheet[MailRow]:
    """Outgoing mail of one tab, the newest first."""

    def cells(row: MailRow) -> tuple[Cell, ...]:
        tried = local(row.next_try_at, actor.zone)
        return (row.id, local(row.created_at, actor.zone), row.to, row.to_name, row.subject, row.state.value, row.tries, tried, row.last_error)

    head = _head(actor, say("To"), say("Name"), say("Subject"), say("State"), say("Tries"), say("Next try"), say("Error"))
    return Sheet(f"mail-{shelf.value}", head, lambda at: work.mail_page(shelf, at, BATCH), cells)


def came_back(actor: Actor) -> Sheet[told.CameBack]:
    """Mail that came back, the newest first."""

    def cells(row: told.CameBack) -> tuple[Cell, ...]:
        return (row.mail_id, local(row.at, actor.zone), row.address, row.name, row.kind.value, row.status, row.words)

    head = _head(actor, say("To"), say("Name"), say("Kind"), say("Code"), say("Words"))
    return Sheet("mail-came-back", head, lambda at: told.came_back(at, limit=BATCH), cells)


def _head(actor: Actor, *more: Message) -> Sequence[Message]:
    return (say("Number"), say("%(column)s (%(zone)s)", column=say("Time"), zone=actor.zone), *more)
