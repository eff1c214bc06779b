"""What administrators decide about work that was given up."""

from datetime import datetime

from portal.contracts.admin import JobDropped, JobRetried, MailRetried
from portal.kernel import activity, jobs, mail
from portal.kernel.errors import Conflict
from portal.kernel.jobs import Job
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
