"""The offer to take back what was done with several requests: it stands over the queue until it is used or its time is over."""

from datetime import datetime
from typing import Any

from flask import session, url_for

from portal.desk.models import QueueUndo

UNDO = "desk.undo"
"""Where the offer waits between two looks at the queue."""


def promise(key: str, row: QueueUndo, text: str) -> None:
    """Show the offer on the queue from now on."""
    session[UNDO] = {"key": key, "id": row.id, "text": text, "until": row.expires_at.isoformat()}


def forget() -> None:
    """It is used, or something newer was done."""
    session.pop(UNDO, None)


def offer(key: str, now: datetime) -> dict[str, Any] | None:
    """What can be taken back in this queue right now: words, address, and until when."""
    held = session.get(UNDO)
    if not held or held["key"] != key or datetime.fromisoformat(held["until"]) <= now:
        return None
    return {"text": held["text"], "url": url_for("desk.take_back", key=key, undo_id=held["id"]), "until": datetime.fromisoformat(held["until"])}
