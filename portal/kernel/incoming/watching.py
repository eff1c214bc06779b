"""What `portal doctor` and Administration > Health say about the ways mail comes in."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import current_app

from portal.kernel import clock, quarantine
from portal.kernel.db import db
from portal.kernel.health import Unwell, watch
from portal.kernel.incoming import imap, notes
from portal.kernel.incoming.store import IncomingMail
from portal.kernel.outbound_imap import Trouble
from portal.kernel.settings import Settings

ALIVE, TROUBLE = "smtp:alive", "smtp:trouble"
"""Notes of the listener: that it lives, and when it last put a mail off."""
DEAD = timedelta(minutes=5)
"""A listener that wrote no note for so long is gone."""
RECENT = 20_000
"""Mails among which the last one of a source is looked for."""


STALE = timedelta(minutes=10)
"""A mailbox that nobody visited for so long is visited by nobody."""
WORDS = {
    Trouble.UNREACHABLE: "the mail server does not answer, or its name is not known",
    Trouble.CERTIFICATE: "the certificate of the mail server is not genuine, out of date or for another name",
    Trouble.UNENCRYPTED: "the mail server offers no encryption, so the password was not sent: write imaps://",
    Trouble.PASSWORD: "the mail server does not let us in: check name and password in mail_in_imap",
    Trouble.FOLDER: "the folder is not there, or may only be read",
    Trouble.BROKEN: "the conversation with the mail server broke off",
    imap.KEEPING: "what was fetched could not be kept: the database is busy or the disk is full",
}


HELD = "held: a restored copy takes no mail until it is released"


def settings() -> Settings:
    """The settings of the application."""
    found: Settings = current_app.extensions["settings"]
    return found


def last_mail(via: str) -> str:
    """When the last mail came in this way, in words."""
    newest = db.session.scalar(sa.select(sa.func.max(IncomingMail.id))) or 0
    query = sa.select(IncomingMail.received_at).where(IncomingMail.id > newest - RECENT, IncomingMail.via == via)
    at = db.session.scalar(query.order_by(IncomingMail.id.desc()).limit(1))
    return f"last mail {moment(at)}" if at else "no mail yet"


def moment(at: datetime) -> str:
    """An instant for an operator."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


@watch("mail over SMTP")
def _listens() -> str | None:
    place = settings().mail_in_listen
    if not place:
        return None
    if quarantine.is_on():
        return HELD
    found, now = notes.known("smtp:"), clock.now()
    alive = found.get(ALIVE)
    if alive is None or now - alive > DEAD:
        since = f"since {moment(alive)}" if alive else "yet"
        raise Unwell(f"nobody has listened at {place} {since}: is `portal serve` or `portal receive-mail` running?")
    trouble = found.get(TROUBLE)
    put_off = f", last put off {moment(trouble)}: see the log" if trouble else ""
    return f"listens at {place}, {last_mail('listener')}{put_off}"


@watch("mail from the mailbox")
def _fetches() -> str | None:
    box, now = imap.in_use(), clock.now()
    if box is None:
        return None
    if quarantine.is_on():
        return HELD
    state, place = imap.state(box), f"{box.folder} of {box.name} at {box.host}"
    if state.since:
        again = f", next try after {moment(state.next_try)}" if state.next_try else ""
        raise Unwell(f"{place}: {WORDS.get(state.trouble, state.trouble)} (since {moment(state.since)}{again})")
    if state.worked is None or now - state.worked > STALE:
        raise Unwell(f"{place}: not fetched {f'since {moment(state.worked)}' if state.worked else 'yet'}: is a worker running?")
    if state.left:
        raise Unwell(f"{place}: {state.left} of its messages cannot be taken, because they are too large or not handed out: read them there")
    return f"{place}: fetched {moment(state.worked)}, {last_mail('imap')}"
