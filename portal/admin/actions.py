"""What administrators decide about work that was given up."""

from datetime import datetime

from portal.admin.queries.mail_state import TEST
from portal.contracts.admin import CopyReleased, JobDropped, JobRetried, MailRetried, MailTested
from portal.kernel import activity, jobs, mail
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.jobs import Job
from portal.kernel.keeping import releasing
from portal.kernel.keeping.releasing import Choice
from portal.kernel.mail import Mail
from portal.kernel.messages import say
from portal.kernel.policy import Actor


def retry_job(job: Job, *, actor: Actor, now: datetime) -> None:
    """Try a job again that was given up; raises Conflict when it no longer is."""
    if not jobs.retry(job.id, now):
        raise Conflict(say("This job is not given up any more: somebody was faster, or it is being tried again."))
    activity.record(JobRetried(job.id, job.name), actor=actor, subject=("kernel.job", job.id), at=now)


def drop_job(job: Job, *, actor: Actor, now: datetime) -> None:
    """Give a job up for good; raises Conflict when it is not given up any more."""
    number, name = job.id, job.name
    if not jobs.drop(number):
        raise Conflict(say("This job is not given up any more: somebody was faster, or it is being tried again."))
    activity.record(JobDropped(number, name), actor=actor, subject=("kernel.job", number), at=now)


def retry_mail(sent: Mail, *, actor: Actor, now: datetime) -> None:
    """Send a mail again that was given up or kept; raises Conflict when it is neither, or its words are gone."""
    if not mail.retry(sent.id, now):
        raise Conflict(say("This mail cannot be sent again: it is under way, it went out, or its words are gone."))
    activity.record(MailRetried(sent.id), actor=actor, subject=("kernel.mail", sent.id), at=now)


def send_test(address: str | None, *, actor: Actor, now: datetime) -> Mail:
    """Put a test mail to whoever asks into the outbox; Refusal without an address."""
    if address is None or actor.person_id is None:
        raise Refusal(say("You have no mail address here, so there is nowhere to send it."))
    subject, text, html = mail.render_mail("admin/test", zone=actor.zone, locale=actor.locale, reader=actor.name)
    queued = mail.queue(to=address, name=actor.name, subject=subject, text=text, html=html, now=now, person_id=actor.person_id, about=(TEST, actor.person_id))
    activity.record(MailTested(queued.id), actor=actor, subject=("kernel.mail", queued.id), at=now)
    return queued


def release_copy(choice: Choice, *, actor: Actor, now: datetime) -> None:
    """Let a restored copy work; raises Conflict when it does already."""
    backup_at = releasing.release(choice, now=now)
    activity.record(CopyReleased(backup_at.isoformat(), choice.value), actor=actor, subject=("kernel.copy", 1), at=now)
