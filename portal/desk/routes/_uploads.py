"""Files that come with a form of the desk: received before anything is locked, and given back with the form when it needs another look.

A received file waits in the store under its hash. The form carries a signed note about it, bound to the person, so that nobody has
to choose the same photo twice and nobody can name a file of somebody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import request

from portal.desk.rules import FILE_LIMIT
from portal.kernel import files, tokens
from portal.kernel.db import db
from portal.kernel.errors import DiskFull, PortalError
from portal.kernel.policy import Actor

PURPOSE = "desk-upload"
KEPT, DROPPED = "kept_file", "drop_file"
LIFETIME = timedelta(hours=12)


@dataclass(frozen=True)
class Upload:
    """A received file, the field it was chosen in, and the note that brings it back."""

    field: str
    received: files.Received
    note: str

    @property
    def size(self) -> str:
        """Its size in words."""
        return files.size_words(self.received.size)


@dataclass(frozen=True)
class Uploads:
    """Everything that came with a form, and complaints by field."""

    kept: tuple[Upload, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)

    def all(self) -> list[files.Received]:
        """The files in the order they came."""
        return [upload.received for upload in self.kept]

    def names(self) -> dict[str, list[str]]:
        """Names of files by field."""
        found: dict[str, list[str]] = {}
        for upload in self.kept:
            found.setdefault(upload.field, []).append(upload.received.name)
        return found

    def of(self, name: str) -> list[Upload]:
        """The files of one field."""
        return [upload for upload in self.kept if upload.field == name]


def receive(actor: Actor) -> Uploads:
    """Receive the files of this request and recall those received before. Slow: call it outside a unit of work.

    What a file may not be (kind, size, empty) becomes a complaint beside its field; a full disk is raised.
    """
    db.session.rollback()  # nothing that was read may stay open while bytes come in
    problems: dict[str, str] = {}
    fresh: list[Upload] = []
    for name, sent in request.files.items(multi=True):
        if not sent.filename:
            continue
        try:
            fresh.append(_received(actor, name, sent))
        except DiskFull:
            raise
        except PortalError as error:
            problems[name] = str(error.message)
    return Uploads(tuple([*_recalled(actor, replaced={upload.field for upload in fresh} - {"photo"}), *fresh][:FILE_LIMIT]), problems)


def _received(actor: Actor, name: str, sent: Any) -> Upload:
    received = files.receive(sent.stream, name=sent.filename)
    return Upload(name, received, tokens.sign(PURPOSE, [actor.person_id, name, received.digest, received.name, received.mime, received.size]))


def _recalled(actor: Actor, replaced: set[str]) -> list[Upload]:
    dropped = set(request.form.getlist(DROPPED))
    found = []
    for note in dict.fromkeys(request.form.getlist(KEPT)):
        value = tokens.unsign(PURPOSE, note, LIFETIME)
        if value is None or value[0] != actor.person_id or value[1] in replaced or note in dropped:
            continue
        found.append(Upload(value[1], files.Received(*value[2:]), note))
    return found
