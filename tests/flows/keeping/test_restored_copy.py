"""A restored copy shows what the original shows, and lets nothing out until somebody releases it."""

import re
from collections import deque
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock, health, jobs, mail, outbound, quarantine
from portal.kernel.db import db
from portal.kernel.jobs import Job
from portal.kernel.mail import Mail, State
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications.models import Notice
from tests.flows.keeping.conftest import Copy
from tests.support.client import Visitor
from tests.support.jobs import mails
from tests.support.mail_sink import Sink

BANNER = "This is a restored copy. Nothing leaves it"
PAGES = 60
_TOKENS = re.compile(r'(name="(?:csrf_token|_key)"\s+value="|"X-CSRFToken": ")[^"]*')
_BANNER = re.compile(r'\s*<p class="line-notice is-copy" role="status">\s*This is a restored copy\..*?</p>\s*', re.DOTALL)
_LINK = re.compile(r'href="(/[^"#]*)')


def same(source: str) -> str:
    """A page without what differs between any two readings of it, and without the banner."""
    return re.sub(r">\s+<", "><", _BANNER.sub("", _TOKENS.sub(r"\1", source)))


def crawl(original: Visitor, copy: Visitor, *start: str) -> list[str]:
    """Read pages of both side by side, following their links; the addresses that were compared."""
    waiting, seen = deque(start), set(start)
    read = []
    while waiting and len(read) < PAGES:
        address = waiting.popleft()
        there, here = original.get(address, follow_redirects=False), copy.get(address, follow_redirects=False)
        assert here.status == there.status < 500, address
        if not there.source.lstrip().startswith("<!DOCTYPE"):
            continue
        assert BANNER in here.source, address
        assert BANNER not in there.source
        assert same(here.source) == same(there.source), address
        read.append(address)
        for found in _LINK.findall(there.source):
            link = found.replace("&amp;", "&")
            if link not in seen and not link.startswith(("/static/", "/administration/health")):
                seen.add(link)
                waiting.append(link)
    return read


@pytest.mark.postgres
@pytest.mark.parametrize(("who", "place"), [("mara", "/requests"), ("jonas", "/queue/facilities"), ("ada", "/administration/people")])
def test_pages_are_equal_byte_by_byte(world: Any, copied: Copy, who: str, place: str) -> None:
    """What Mara asks, what Jonas works on, what Ada administers: every page one comes to, apart from tokens and the banner."""
    person = world.people[who]
    pair = copied(person)
    mine = {"mara": "radiator", "jonas": "heating", "ada": "projector"}[who]
    read = crawl(pair.at_original(person), pair.at_copy(person), "/", place, f"/requests/{world.requests[mine]}")
    assert len(read) >= 30


@pytest.mark.postgres
def test_uploads_are_in_the_copy(app: Flask, world: Any, copied: Copy) -> None:
    """Each row has its content, under its own hash."""
    from io import BytesIO

    from portal.kernel import files

    with app.app_context(), unit_of_work():
        files.store(BytesIO(b"The key hangs behind the door."), name="key.txt", owner_id=world.mara.id, now=clock.now())
    pair = copied(world.mara)
    with pair.copy.app_context():
        row = db.session.scalars(sa.select(files.StoredFile)).one()
        with files.read(row) as content:
            assert content.read() == b"The key hangs behind the door."
        assert health.broken()["Every stored file is there in full"] == []


def test_strangers_see_the_banner_too(world: Any, copied: Copy) -> None:
    """Whoever signs in at the wrong address notices before the first click."""
    pair = copied()
    assert BANNER in Visitor(pair.copy).get("/sign-in").text
    assert BANNER not in Visitor(pair.app).get("/sign-in").text


def with_mail(app: Flask, world: Any) -> None:
    """A mail that waits, and a request whose follow-ups nobody has done yet."""
    with app.app_context(), unit_of_work():
        mail.queue(to="mara.keller@marlow.example", subject="From before", text="Words", now=clock.now(), person_id=world.mara.id)


def file_request(visitor: Visitor, title: str) -> None:
    """Mara asks for something."""
    form = visitor.get("/need/repair")
    form.submit("title", title=title)


def states(app: Flask, *subjects: str) -> list[State]:
    return [one.state for one in mails(app) if one.subject in subjects]


@pytest.mark.postgres
def test_nothing_leaves_a_copy(app: Flask, world: Any, copied: Copy, sink: Sink, clock: Any) -> None:
    """The worker runs for two days: no connection is opened, no clock warns, no periodic work is begun, no digest is written."""
    with_mail(app, world)
    pair = copied(smtp_url=sink.url)
    before = _rows(pair.copy)
    for _ in range(8):
        clock.advance(hours=6)
        jobs.run_due(pair.copy, periodic=True)
    assert (sink.connections, sink.taken) == (0, [])
    assert _rows(pair.copy) == before
    assert states(pair.copy, "From before") == [State.QUEUED]


def _rows(app: Flask) -> dict[str, int]:
    """Rows of every table, without follow-ups of changes that are in the backup: those may settle inside."""
    with app.app_context():
        found = {table.name: db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in db.metadata.sorted_tables}
        db.session.remove()
    return found


def test_nobody_gets_around_the_quarantine(world: Any, copied: Copy, sink: Sink) -> None:
    """Not the button that sends a mail again, not a connection that is asked for directly."""
    pair = copied(world.ada, smtp_url=sink.url)
    with pair.copy.app_context():
        with unit_of_work():
            number = mail.queue(to="mara.keller@marlow.example", subject="Now", text="Words", now=clock.now()).id
        mail.deliver(number)
        with pytest.raises(outbound.Delayed, match="restored copy"), outbound.smtp(sink.url):
            pass
    assert (sink.connections, sink.taken) == (0, [])


@pytest.mark.postgres
def test_follow_ups_of_what_is_in_the_backup_settle_inside(app: Flask, world: Any, copied: Copy, sink: Sink, sign_in: Any, clock: Any) -> None:
    """The inbox of the copy is what the original's became, while the mail about it waits; what is done in the copy itself waits whole."""
    file_request(sign_in(world.mara), "The window does not close")
    pair = copied(world.mara, smtp_url=sink.url)
    jobs.run_due(app)
    jobs.run_due(pair.copy)
    told = "The window does not close"
    assert _told(pair.copy, told) == _told(app, told) > 0
    assert sink.taken == []
    clock.advance(minutes=1)
    file_request(pair.at_copy(world.mara), "Asked in the copy")
    jobs.run_due(pair.copy)
    assert _told(pair.copy, "Asked in the copy") == 0


def _told(app: Flask, words: str) -> int:
    with app.app_context():
        number = db.session.scalar(sa.select(sa.func.count()).select_from(Notice).where(Notice.topic.contains(words))) or 0
        db.session.remove()
    return number


@pytest.mark.postgres
def test_released_with_drop_nothing_from_before_is_sent_and_the_new_is(app: Flask, world: Any, copied: Copy, sink: Sink, sign_in: Any, clock: Any) -> None:
    """Ada decides on the page; it says what waits, asks, and keeps what it did in the record of changes."""
    with_mail(app, world)
    file_request(sign_in(world.mara), "The window does not close")
    pair = copied(world.ada, world.mara, smtp_url=sink.url)
    jobs.run_due(pair.copy)
    ada = pair.at_copy(world.ada)
    page = ada.get("/administration/restored")
    assert "1 mail is written and was not sent" in page.text
    assert re.search(r"\d+ things were told in the portal and wait for their mail", page.text)
    asked = page.submit("waiting_mail")
    assert asked.status == 422
    assert "Choose one of the two." in asked.text
    assert quarantined(pair.copy)
    done = page.submit("waiting_mail", waiting_mail="drop")
    assert "This copy works now." in done.text
    assert BANNER not in done.text
    for _ in range(3):
        clock.advance(minutes=6)
        jobs.run_due(pair.copy, periodic=True)
    assert states(pair.copy, "From before") == [State.FAILED]
    assert not [one for one in sink.taken if b"The window does not close" in one or b"From before" in one]
    file_request(pair.at_copy(world.mara), "After the release")
    for _ in range(4):
        clock.advance(minutes=10)
        jobs.run_due(pair.copy, periodic=True)
    assert [one for one in sink.taken if b"After the release" in one]
    assert "admin.copy.released" in ada.get("/administration/changes").source


@pytest.mark.postgres
def test_released_with_send_everything_goes_out_once(app: Flask, world: Any, copied: Copy, sink: Sink, clock: Any) -> None:
    """For the case that the original never came so far."""
    with_mail(app, world)
    pair = copied(world.ada, smtp_url=sink.url)
    pair.at_copy(world.ada).get("/administration/restored").submit("waiting_mail", waiting_mail="send")
    for _ in range(4):
        clock.advance(minutes=10)
        jobs.run_due(pair.copy, periodic=True)
    assert states(pair.copy, "From before") == [State.SENT]
    assert len([one for one in sink.taken if b"From before" in one]) == 1


def quarantined(app: Flask) -> bool:
    with app.app_context():
        return quarantine.is_on()


@pytest.mark.parametrize("who", ["mara", "jonas", "priya", "vera"])
def test_only_an_administrator_releases(world: Any, copied: Copy, who: str) -> None:
    """Nobody else sees the page, is offered it, or can post to it."""
    person = world.people[who]
    pair = copied(person, world.ada)
    visitor = pair.at_copy(person)
    assert "release it" not in visitor.get("/").text
    assert visitor.get("/administration/restored").status == 403
    assert visitor.post("/administration/restored", {"waiting_mail": "send"}).status == 403
    assert quarantined(pair.copy)
    assert "release it" in pair.at_copy(world.ada).get("/").text


def test_a_second_release_is_told_so(world: Any, copied: Copy) -> None:
    """Two administrators on the same page: one decides."""
    pair = copied(world.ada)
    first, second = (pair.at_copy(world.ada).get("/administration/restored") for _ in range(2))
    first.submit("waiting_mail", waiting_mail="send")
    late = second.submit("waiting_mail", waiting_mail="drop")
    assert late.status == 409
    assert "somebody was faster" in late.text
    assert "This portal works" in pair.at_copy(world.ada).get("/administration/restored").text


def test_a_portal_that_was_never_restored_offers_nothing(world: Any, sign_in: Any) -> None:
    """The page says that it works."""
    ada = sign_in(world.ada)
    page = ada.get("/administration/restored")
    assert "This portal works" in page.text
    assert "waiting_mail" not in page.source


def test_what_stands_still_as_it_should_is_no_alarm(app: Flask, world: Any, copied: Copy, clock: Any) -> None:
    """A copy is ready for those who look at it, although its jobs and mail wait for days."""
    with_mail(app, world)
    pair = copied(world.ada)
    clock.advance(days=3)
    answers = {one.name: one for one in health.readiness(pair.copy)}
    assert (answers["jobs"].ok, answers["mail"].ok) == (True, True)
    assert answers["jobs"].detail == "held: a restored copy waits until it is released"
    with pair.copy.app_context():
        assert "nothing leaves it" in {one.name: one.detail for one in health.watched()}["quarantine"]


def test_a_backup_of_a_copy_is_a_copy_again(app: Flask, world: Any, copied: Copy, tmp_path: Any) -> None:
    """The mark names the newer backup, and a nightly one is not made in quarantine: it would push out the good ones."""
    from dataclasses import replace

    from portal.kernel.keeping import backing, restoring

    pair = copied()
    with pair.copy.app_context():
        pair.copy.extensions["settings"] = replace(pair.copy.extensions["settings"], backup_to=str(tmp_path / "nightly"))
        backing.nightly()
        assert not (tmp_path / "nightly").exists()
        made = backing.make(tmp_path / "second.tar")
    assert restoring.restore(made.path, tmp_path / "third", now=clock.now()).manifest.tables["quarantine"] == 1


def test_the_nightly_backup_is_made_and_old_ones_go(app: Flask, world: Any, tmp_path: Any, monkeypatch: Any, clock: Any) -> None:
    """At 02:15 of the company's zone, once a night, the newest kept."""
    from dataclasses import replace

    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], backup_to=str(tmp_path / "nightly"), backup_keep=2))
    for _ in range(4):
        clock.advance(days=1)
        jobs.run_due(app, periodic=True)
        jobs.run_due(app, periodic=True)
    found = sorted(path.name for path in (tmp_path / "nightly").iterdir())
    assert len(found) == 2
    with app.app_context():
        assert db.session.scalar(sa.select(Job.id).where(Job.name == "kernel.keeping.backup")) is None
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Mail)) is not None
        assert {one.name: one.detail for one in health.watched()}["last backup"] == "0 min ago, verified"
