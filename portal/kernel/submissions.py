"""A double click leads to the first result: each form carries a key, and a key with the same content counts once."""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import request
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.wrappers import Response

from portal.kernel import clock, jobs, security
from portal.kernel.db import Base, db

FIELD = "_key"
KEEP = timedelta(days=2)


class Submission(Base):
    """One form that was taken, and where its sender was led."""

    __tablename__ = "submissions"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    location: Mapped[str | None] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(index=True)


def new_key() -> str:
    """A fresh key for one rendering of a form."""
    return secrets.token_hex(16)


def digest_of_request(who: str) -> str | None:
    """What identifies this very submission: its key, its sender, its address and its whole content. None without a key.

    The content belongs to it because "back", other words and "send" is a new message, not a double click.
    """
    key = request.form.get(FIELD, "")
    if not 16 <= len(key) <= 64:
        return None
    seen = hashlib.sha256(f"{key}\n{who}\n{request.method} {request.path}\n".encode())
    for name, values in sorted(request.form.lists()):
        seen.update(repr((name, values)).encode())
    for name, file in sorted(request.files.items(multi=True), key=lambda item: item[0]):
        seen.update(repr((name, file.filename)).encode())
        seen.update(hashlib.file_digest(file.stream, "sha256").digest())  # type: ignore[arg-type]  # a spooled file is one
    rewind()
    return seen.hexdigest()


def rewind() -> None:
    """Put uploads back to their beginning, for whoever reads them next."""
    for files in request.files.listvalues():
        for file in files:
            file.stream.seek(0)


def begin(digest: str, at: datetime) -> Response | None:
    """Claim the submission in the current transaction; a response when it was taken before (waits for one under way)."""
    if jobs.insert_once(Submission, digest=digest, at=at):
        return None
    location = db.session.scalar(sa.select(Submission.location).where(Submission.digest == digest))
    answer = Response(status=303)
    answer.headers["Location"] = location or security.local_path(request.path, "/")
    return answer


def finish(digest: str, response: Response) -> None:
    """Remember where the sender was led."""
    if location := response.headers.get("Location"):
        db.session.execute(sa.update(Submission).where(Submission.digest == digest).values(location=location))


@jobs.daily("03:10", name="kernel.submissions.forget")
def forget() -> None:
    """Old keys protect nobody any more."""
    db.session.execute(sa.delete(Submission).where(Submission.at < clock.now() - KEEP))
