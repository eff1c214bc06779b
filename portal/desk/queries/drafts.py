"""Drafts as forms offer them back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from werkzeug.datastructures import MultiDict


class Kept(NamedTuple):
    """What was typed, as a form reads it, and when it was kept."""

    fields: MultiDict[str, str]
    saved_at: datetime


def message_draft(request_id: int) -> str:
    """The name under which a message of the requester's side is kept."""
    return f"message.{request_id}"


def kept(fields: Mapping[str, Sequence[Any]], saved_at: datetime) -> Kept:
    """A stored draft as a form reads it."""
    return Kept(MultiDict([(name, str(value)) for name, values in fields.items() for value in values]), saved_at)
