"""Who keeps the portal running, and who reads the record of changes."""

from enum import StrEnum

from portal.kernel.db import db
from portal.kernel.errors import Forbidden, NotFound
from portal.kernel.jobs import Job
from portal.kernel.mail import Mail
from portal.kernel.policy import Actor, allows, grant


class Admin(StrEnum):
    """Permissions of the administration pages."""

    RUN = "admin.run"
    RECORD = "admin.record"


grant(Admin.RUN, lambda actor: actor.has("administrator"))
grant(Admin.RECORD, lambda actor: actor.has("administrator", "auditor"))


def find_job(actor: Actor, job_id: int, *, to: Admin) -> Job:
    """Load a job, or raise Forbidden for whoever does not run the portal and NotFound for one that is done."""
    _require(actor, to)
    job = db.session.get(Job, _known(job_id))
    if job is None:
        raise NotFound()
    return job


def find_mail(actor: Actor, mail_id: int, *, to: Admin) -> Mail:
    """Load an outgoing mail, or raise Forbidden for whoever does not run the portal."""
    _require(actor, to)
    mail = db.session.get(Mail, _known(mail_id))
    if mail is None:
        raise NotFound()
    return mail


def _require(actor: Actor, to: Admin) -> None:
    if to is not Admin.RUN or not allows(actor, to):
        raise Forbidden()


def _known(number: int) -> int:
    return number if 0 < number < 2**31 else 0
