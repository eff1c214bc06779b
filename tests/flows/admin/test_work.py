"""Ada looks after work that was given up, and reads mail that never left."""

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock as kernel_clock
from portal.kernel import jobs, mail
from portal.kernel.db import db
from portal.kernel.observe import Observation
from portal.kernel.unit_of_work import unit_of_work


@pytest.fixture
def parked(app: Flask, world: Any) -> int:
    """The number of a job that was given up."""
    now = kernel_clock.now()
    with app.app_context(), unit_of_work():
        job = jobs.Job(
            name="story.poison",
            args={"thing_id": 4127},
            run_at=now,
            created_at=now,
            state=jobs.State.PARKED,
            tries=6,
            fence=6,
            priority=0,
            last_error="ValueError: <b>too hot</b>",
        )
        db.session.add(job)
        db.session.flush()
        return job.id


def state_of(app: Flask, job_id: int) -> jobs.State | None:
    """Where a job is; None when it is gone."""
    with app.app_context():
        found = db.session.scalar(sa.select(jobs.Job.state).where(jobs.Job.id == job_id))
        db.session.remove()
        return found


def test_what_was_given_up_is_shown_with_its_reason(parked: int, world: Any, sign_in: Any) -> None:
    """The page opens on it, the menu counts it, and what a program said is text."""
    page = sign_in(world.ada).get("/administration/jobs")
    for words in ("story.poison", "thing_id: 4127", "ValueError: <b>too hot</b>", "Health 1 need you"):
        assert words in page.text
    assert "<b>too hot" not in page.source


def test_trying_again(app: Flask, parked: int, world: Any, sign_in: Any) -> None:
    """One press puts it back; a second press from another window says that it is under way."""
    ada = sign_in(world.ada)
    page, other = ada.get("/administration/jobs"), ada.get("/administration/jobs")
    assert "It is tried again now." in page.submit(f"/jobs/{parked}/retry").text
    assert state_of(app, parked) is jobs.State.QUEUED
    late = other.submit(f"/jobs/{parked}/retry")
    assert late.status == 409
    assert "somebody was faster" in late.text
    changes = ada.get("/administration/changes?event=admin.job.retried")
    assert "Ada Lind" in changes.text
    assert "name story.poison" in changes.text


def test_dropping_asks_first(app: Flask, parked: int, world: Any, sign_in: Any) -> None:
    """A page asks, a button drops, and what is gone is a page that is not there."""
    ada = sign_in(world.ada)
    page = ada.get(ada.get("/administration/jobs").link("Drop").href)
    assert page.heading == "Drop this job for good?"
    assert state_of(app, parked) is jobs.State.PARKED
    assert "It is dropped" in page.submit("/drop").text
    assert state_of(app, parked) is None
    assert ada.get(f"/administration/jobs/{parked}/drop").status == 404


def test_only_administrators_decide(app: Flask, parked: int, world: Any, sign_in: Any) -> None:
    """Mara's own form token opens neither button."""
    mara = sign_in(world.mara)
    guard = mara.get("/notifications/preferences").form("quiet_from").values
    data = {name: guard[name] for name in ("csrf_token", "_key")}
    for path in (f"/administration/jobs/{parked}/retry", f"/administration/jobs/{parked}/drop", "/administration/mail/1/retry"):
        assert mara.post(path, data).status == 403
    assert state_of(app, parked) is jobs.State.PARKED


def test_shelves_that_do_not_exist_open_the_first(parked: int, world: Any, sign_in: Any) -> None:
    """An address typed by hand is no error."""
    ada = sign_in(world.ada)
    for query in ("show=everything", "show=again&at=nonsense", "show=running", "at=%00"):
        assert ada.get(f"/administration/jobs?{query}").status == 200


def write(app: Flask, subject: str, state: mail.State = mail.State.KEPT) -> int:
    """A mail to Mara in this state."""
    with app.app_context(), unit_of_work():
        text = "Choose a password: http://127.0.0.1:8000/account/use/secret\n<script>alert(1)</script>"
        row = mail.queue(to="mara@marlow.example", subject=subject, text=text, html="<p style='color:red'>Choose</p>", now=kernel_clock.now())
        row.state, row.next_try_at = state, None
        row.last_error = "550 no such mailbox" if state is mail.State.FAILED else None
        return row.id


def test_mail_is_read_where_no_server_is_set(app: Flask, world: Any, sign_in: Any) -> None:
    """Text with a link, HTML as its source, nothing of it alive; and that Ada read it is noted."""
    number = write(app, "Your invitation")
    ada = sign_in(world.ada)
    outbox = ada.get("/administration/mail")
    assert "No mail server is set" in outbox.text
    page = ada.get(outbox.link("Your invitation").href)
    assert page.link("/account/use/secret").href == "http://127.0.0.1:8000/account/use/secret"
    assert "<p style='color:red'>Choose</p>" in page.text
    assert "<script>alert" not in page.source
    assert "<p style" not in page.source
    with app.app_context():
        noted = db.session.execute(sa.select(Observation.person_id, Observation.subject_id).where(Observation.kind == "admin.mail.read")).all()
        assert noted == [(world.ada.id, number)]


def test_mail_that_went_out_is_its_readers_business(app: Flask, world: Any, sign_in: Any, monkeypatch: Any) -> None:
    """With a mail server only address, state and error are shown; a refused mail can be sent again once."""
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], smtp_url="smtp://127.0.0.1:9"))
    sent, failed = write(app, "A private word", mail.State.SENT), write(app, "Another private word", mail.State.FAILED)
    ada = sign_in(world.ada)
    pages = [ada.get("/administration/mail"), ada.get(f"/administration/mail/{sent}"), ada.get(f"/administration/mail/{failed}")]
    for page in pages:
        assert "private word" not in page.text
        assert "secret" not in page.source
    assert "550 no such mailbox" in pages[0].text
    again = pages[2].submit("/retry")
    assert "It is sent again now." in again.text
    assert pages[2].submit("/retry").path == again.path
    with app.app_context():
        assert db.session.get(mail.Mail, failed).state is mail.State.QUEUED  # type: ignore[union-attr]  # it is there


def test_the_outbox_comes_in_pages(app: Flask, world: Any, sign_in: Any) -> None:
    """Fifty on a page, the newest first, and a tab for what was given up."""
    for number in range(55):
        write(app, f"Mail number {number}.")
    write(app, "Refused", mail.State.FAILED)
    ada = sign_in(world.ada)
    first = ada.get("/administration/mail")
    assert "Mail number 54." in first.text
    assert "Mail number 0." not in first.text
    assert "Mail number 0." in ada.get(first.link("Older").href).text
    refused = ada.get("/administration/mail?show=given-up")
    assert "550 no such mailbox" in refused.text
    assert "Mail number" not in refused.text
    assert ada.get("/administration/mail/999999").status == 404
    assert ada.get("/administration/mail/99999999999999999999").status == 404
