"""What people were told and no mail has said yet, when a restored copy is released: it goes out as planned, or stays in the inbox alone."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from portal.kernel.db import db
from portal.kernel.keeping import releasing
from portal.kernel.keeping.releasing import Choice
from portal.kernel.messages import Message, say_n
from portal.notifications.models import Notice
from portal.notifications.rules import MailState

WAITS = Notice.mail_state.in_((MailState.DUE, MailState.HOUR, MailState.DIGEST))


def _words(number: int) -> Message:
    return say_n("thing was told in the portal and waits for its mail", "things were told in the portal and wait for their mail", number)


def _rows() -> sa.Select[Any]:
    return sa.select(Notice.id).where(WAITS)


def _settle(choice: Choice, _now: datetime) -> None:
    if choice is Choice.DROP:
        db.session.execute(sa.update(Notice).where(WAITS).values(mail_state=MailState.NONE), execution_options={"synchronize_session": False})


releasing.part(releasing.Part(_words, _rows, _settle))
