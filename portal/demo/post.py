"""The post room of the demo company: three mails that wait for a look at Facilities, and one colleague whose address takes no mail."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

import sqlalchemy as sa

from portal.desk.models import Request
from portal.desk.queries.recipients import path_of
from portal.kernel import mail
from portal.kernel.db import db
from portal.kernel.incoming import store
from portal.kernel.incoming.reading import read
from portal.kernel.incoming.store import Decision, Verdict
from portal.kernel.mail import Mail
from portal.kernel.mail_message import Voice
from portal.notifications import bounces
from portal.people.models import Department, Person

STRANGERS = (
    (
        "Ingrid Hall",
        "ingrid.hall@harbour-glass.example",
        "Offer for the two panes in the workshop",
        (
            "Good morning,\n\nas agreed on the telephone: two panes, 1,180 x 940 mm, fitted on Thursday between 8 and 10.\n"
            "Please tell us which door we may use.\n\nIngrid Hall"
        ),
    ),
    (
        "Pedro Alves",
        "pedro@quayside-cleaning.example",
        "Window cleaning moved to Friday",
        "Hello,\n\nour lift is in repair until Thursday. We would come on Friday at 6:30 instead.\nDoes that suit you?\n\nPedro",
    ),
)
REFUSED = "550 5.1.1 The email account that you tried to reach does not exist"


def bring_post(now: datetime) -> None:
    """Lay the mails out and let two to one colleague come back."""
    facilities = db.session.scalars(sa.select(Department).where(Department.key == "facilities")).first()
    newest = sa.select(Request, Person).join(Person, Person.id == Request.requester_id).where(Person.email.is_not(None), Person.is_active.is_(True))
    asked = db.session.execute(newest.where(Request.is_confidential == sa.false(), Request.is_open == sa.true()).order_by(Request.id.desc()).limit(40)).all()
    if facilities is None or not facilities.email or not asked:
        return
    for hours, (name, address, subject, text) in zip((20, 3), reversed(STRANGERS), strict=True):
        _wait(facilities, _letter(name, address, facilities.email, subject, text, now - timedelta(hours=hours)), "We do not know this sender.", now)
    request, requester = next(((one, person) for one, person in asked if one.department_id == facilities.id), asked[0])
    named = _letter(requester.name, requester.email or "", facilities.email, f"[R-{request.id}] one more thing", "It happens after lunch only.", now)
    _wait(facilities, named, f"It names request {request.id}, and nothing in it proves that its sender wrote it.", now)
    _come_back(*next(((one, person) for one, person in asked if person.id != requester.id), asked[0]), now)


def _letter(name: str, address: str, to: str, subject: str, text: str, at: datetime) -> tuple[bytes, datetime]:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["Date"] = f"{name} <{address}>", to, subject, format_datetime(at)
    message.set_content(text)
    return message.as_bytes(), at


def _wait(department: Department, letter: tuple[bytes, datetime], why: str, now: datetime) -> None:
    raw, at = letter
    number, fresh = store.keep(raw, via="file", now=at, envelope_to=[department.email or ""])
    if fresh and store.claim(number):
        store.settle(number, read(raw), Verdict(Decision.HELD, why, ("people.department", department.id)), now=min(at + timedelta(seconds=20), now))


def _come_back(request: Request, person: Person, now: datetime) -> None:
    for hours in (26, 2):
        at = now - timedelta(hours=hours)
        sent = mail.queue(
            to=person.email or "",
            name=person.name,
            subject=f"[R-{request.id}] {request.title}",
            text=f"There is news about your request: {path_of(request.id)}\n",
            now=at,
            person_id=person.id,
            about=("desk.request", request.id),
            voice=Voice.NOTICE,
        )
        refused = sa.update(Mail).where(Mail.id == sent.id).values(state=mail.State.FAILED, tries=1, next_try_at=None, last_error=REFUSED)
        db.session.execute(refused, execution_options={"synchronize_session": "fetch"})
        bounces.refused(mail.Refused(sent.id, person.id, sent.to, REFUSED), at)
