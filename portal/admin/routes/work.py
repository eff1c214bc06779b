"""Jobs and the outbox."""

from typing import Any

from flask import current_app, render_template, request
from werkzeug.wrappers import Response

from portal.admin import actions
from portal.admin.policy import Admin, find_job, find_mail
from portal.admin.queries import work
from portal.admin.queries.work import MailShelf, Shelf
from portal.admin.routes._blueprint import bp
from portal.kernel import clock, observe, policy
from portal.kernel.mail import State
from portal.kernel.messages import say
from portal.kernel.paging import Page
from portal.kernel.web import see_other, tell
from portal.notifications import queries as told


@bp.get("/administration/jobs")
@policy.allow(Admin.RUN)
def jobs() -> str:
    """Work for later, by where it stands."""
    counts = work.job_counts()
    asked = request.args.get("show", "")
    shelf = Shelf(asked) if asked in list(Shelf) else Shelf.GIVEN_UP if counts[Shelf.GIVEN_UP] else Shelf.WAITING
    return render_template("admin/jobs.html", page=work.job_page(shelf, request.args.get("at")), counts=counts, shelf=shelf)


@bp.post("/administration/jobs/<int:job_id>/retry")
@policy.allow(Admin.RUN)
def retry_job(job_id: int) -> Response:
    """Try it again."""
    actions.retry_job(find_job(policy.current(), job_id, to=Admin.RUN), actor=policy.current(), now=clock.now())
    tell(say("It is tried again now."))
    return see_other("admin.jobs")


@bp.get("/administration/jobs/<int:job_id>/drop")
@policy.allow(Admin.RUN)
def confirm_drop(job_id: int) -> str:
    """Ask before work is given up for good."""
    return render_template("admin/drop.html", job=find_job(policy.current(), job_id, to=Admin.RUN))


@bp.post("/administration/jobs/<int:job_id>/drop")
@policy.allow(Admin.RUN)
def drop_job(job_id: int) -> Response:
    """Give it up for good."""
    actions.drop_job(find_job(policy.current(), job_id, to=Admin.RUN), actor=policy.current(), now=clock.now())
    tell(say("It is dropped and will not be done."))
    return see_other("admin.jobs")


@bp.get("/administration/mail")
@policy.allow(Admin.RUN)
def outbox() -> str:
    """Outgoing mail and where it stands."""
    asked = request.args.get("show", "")
    shelf, at = MailShelf(asked) if asked in list(MailShelf) else MailShelf.ALL, request.args.get("at")
    came_back = shelf is MailShelf.CAME_BACK
    page: Page[Any] = told.came_back(at, limit=work.PAGE) if came_back else work.mail_page(shelf, at)
    return render_template("admin/outbox.html", page=page, shelf=shelf, keeps=_keeps(), dead=told.dead_addresses() if came_back else [])


@bp.get("/administration/mail/<int:mail_id>")
@policy.allow(Admin.RUN)
def one_mail(mail_id: int) -> str:
    """One mail; its words only while it never left the portal, and opening them is noted."""
    actor, mail = policy.current(), find_mail(policy.current(), mail_id, to=Admin.RUN)
    readable = mail.state is State.KEPT
    if readable:
        observe.note("admin.mail.read", person_id=actor.person_id, subject=("kernel.mail", mail.id), at=clock.now(), every=0)
    return render_template("admin/mail.html", mail=mail, readable=readable, keeps=_keeps(), came_back=told.came_back_of(mail.id))


@bp.post("/administration/mail/<int:mail_id>/retry")
@policy.allow(Admin.RUN)
def retry_mail(mail_id: int) -> Response:
    """Send it again."""
    actions.retry_mail(find_mail(policy.current(), mail_id, to=Admin.RUN), actor=policy.current(), now=clock.now())
    tell(say("It is sent again now."))
    return see_other("admin.one_mail", mail_id=mail_id)


def _keeps() -> bool:
    return not current_app.extensions["settings"].smtp_url
