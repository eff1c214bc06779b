"""A look at the queue and at the outgoing mail."""

from typing import Any

import sqlalchemy as sa
from flask import Flask

from portal.kernel import jobs
from portal.kernel.db import db


def failures(app: Flask) -> list[str]:
    """What went wrong in jobs that are to be tried again or were parked."""
    with app.app_context():
        found = db.session.execute(sa.select(jobs.Job.name, jobs.Job.last_error).where(jobs.Job.last_error.is_not(None))).all()
        db.session.remove()
    return [f"{name}: {error}" for name, error in found]


def mails(app: Flask) -> list[Any]:
    """Every outgoing mail, the oldest first."""
    from portal.kernel.mail import Mail

    with app.app_context():
        rows = list(db.session.scalars(sa.select(Mail).order_by(Mail.id)))
        db.session.expunge_all()
        db.session.remove()
    return rows
