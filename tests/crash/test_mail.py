"""kill -9 on the way of a mail: what was acknowledged is kept, what was not is still where it came from, and nothing happens twice."""

import smtplib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.models import Message, Request
from portal.kernel import clock, files, jobs
from portal.kernel.db import db
from portal.kernel.health import Heartbeat
from portal.kernel.incoming.store import IncomingMail
from portal.kernel.jobs import Job, State
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Department
from tests.crash.conftest import Program, asked_to_end, until
from tests.crash.mail_program import Role
from tests.support.imap_server import ImapServer
from tests.support.net import free_ports

pytestmark = pytest.mark.crash
DESK = "facilities@marlow.example"


class MailProgram(Program):
    """Roles of the portal that stand still at a point and are killed there."""

    def start(self, command: str = "worker", *, sockets: tuple[int, ...] = ()) -> Any:
        """Start one and wait until it is ready."""
        role: Any = Role([command], self.environment, self.instance / "program.log")
        self.running.append(role)
        assert b"Ctrl C ends it" in role.said(), self.log
        return role

    def start_until(self, point: str, command: str) -> tuple[Any, Path]:
        """Start one; the file tells when it came to the point."""
        reached = self.instance / f"reached {point}"
        self.environment["HEARTH_TEST_STOP"] = f"{point}:{reached}"
        return self.start(command), reached


@pytest.fixture
def roles(app: Flask, world: Any, tmp_path: Path) -> Iterator[MailProgram]:
    """Roles on the database of this test, where Facilities has an address."""
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Department).where(Department.key == "facilities").values(email=DESK))
    made = MailProgram(tmp_path, app.extensions["settings"].database)
    yield made
    made.end()


@pytest.fixture
def letter(world: Any) -> Callable[[int], bytes]:
    """Mails of Mara, each its own."""

    def write(number: int) -> bytes:
        head = f"From: Mara <{world.people['mara'].email}>\r\nTo: {DESK}\r\nMessage-ID: <{number}@mail.marlow.example>\r\nSubject: Door {number}\r\n"
        return f"{head}\r\nDoor {number} does not close.\r\n".encode()

    return write


@pytest.fixture
def outcome(app: Flask, tmp_path: Path) -> Callable[[], tuple[Counter[bytes], Counter[str]]]:
    """How often each mail was kept, byte for byte, and how often each title was asked for."""

    def count() -> tuple[Counter[bytes], Counter[str]]:
        with app.app_context():
            digests = db.session.scalars(sa.select(files.StoredFile.digest).join(IncomingMail, IncomingMail.file_id == files.StoredFile.id)).all()
            titles = db.session.scalars(sa.select(Request.title).join(Message, Message.request_id == Request.id).where(Request.channel == "mail")).all()
            db.session.remove()
        return Counter(_content(tmp_path / "files", digest) for digest in digests), Counter(titles)

    return count


def _content(root: Path, digest: str) -> bytes:
    with files.open_content(root, digest) as content:
        return content.read()


@pytest.fixture
def undecided(app: Flask) -> Callable[[], int]:
    """Mails that nobody decided about, and jobs about them."""

    def count() -> int:
        with app.app_context():
            waiting = db.session.scalar(sa.select(sa.func.count()).where(IncomingMail.decision.is_(None))) or 0
            queued = db.session.scalar(sa.select(sa.func.count()).where(Job.name.in_(("kernel.incoming.decide", "kernel.incoming.fetch")))) or 0
            db.session.remove()
        return waiting + queued

    return count


def let_leases_end(app: Flask) -> None:
    """Who was killed holds a job for a minute and a mailbox for ninety seconds; the test does not wait that long."""
    over = clock.now() - timedelta(seconds=1)
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Job).where(Job.state == State.RUNNING).values(lease_until=over))
        db.session.execute(sa.update(Heartbeat).where(Heartbeat.name.like("imap:%:lease")).values(at=over))


class Sender:
    """Another mail server, which sends a mail again until somebody acknowledges it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def once(self, raw: bytes) -> bool:
        """True when the mail was acknowledged."""
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
                return client.sendmail("mara@marlow.example", [DESK], raw) == {}
        except (OSError, smtplib.SMTPException):
            return False


@pytest.mark.postgres
def test_a_mail_is_acknowledged_once_it_is_kept_and_not_before(roles: MailProgram, letter: Any, outcome: Any) -> None:
    """The listener dies when it has the mail, before the commit, and before its answer; the sender sends again, and each mail is kept once."""
    port = free_ports(1)
    roles.environment["HEARTH_MAIL_IN_LISTEN"] = f"127.0.0.1:{port}"
    sender, acknowledged = Sender(port), set[bytes]()
    for number, point in enumerate(("listener has it", "before the commit", "listener kept it")):
        process, reached = roles.start_until(point, "receive-mail")
        answers: list[bool] = []
        sending = threading.Thread(target=lambda n=number, a=answers: a.append(sender.once(letter(n))))  # type: ignore[misc]  # defaults keep the loop's values
        sending.start()
        until(reached.exists)
        process.kill()
        process.wait(10)
        sending.join(20)
        assert answers == [False], "nobody was told that it is kept"
        assert (outcome()[0][letter(number)] == 1) == (point == "listener kept it")
    process = roles.start("receive-mail")
    for number in range(4):
        assert sender.once(letter(number))
        acknowledged.add(letter(number))
    assert asked_to_end(process) < 8
    assert outcome()[0] == Counter(acknowledged)
    assert roles.log == ""


@pytest.mark.postgres
def test_a_mailbox_loses_nothing_and_gives_nothing_twice(app: Flask, roles: MailProgram, letter: Any, outcome: Any, undecided: Any) -> None:
    """The worker dies at every step from the mailbox to the request; each mail opens one request, and lies in Hearth/Done once."""
    points = ("fetcher has it", "before the commit", "fetcher kept it", "fetcher put it away", "inside the decision", "it is decided")
    with ImapServer() as server:
        roles.environment["HEARTH_MAIL_IN_IMAP"] = server.url()
        for number, point in enumerate(points):
            server.add(letter(number))
            _call(app)
            process, reached = roles.start_until(point, "worker")
            until(reached.exists)
            process.kill()
            process.wait(10)
            kept = outcome()[0]
            assert all(letter(one) in kept for one in range(number + 1) if letter(one) not in server.there()), "what is gone from the mailbox is kept"
            let_leases_end(app)
        _call(app)
        process = roles.start("worker")
        until(lambda: server.there() == [] and undecided() == 0)
        assert asked_to_end(process) < 8
        sent = Counter(letter(number) for number in range(len(points)))
        kept, titles = outcome()
        assert kept == sent
        assert titles == Counter(f"Door {number}" for number in range(len(points)))
        assert Counter(server.there("Hearth/Done")) == sent
    assert roles.log == ""


@pytest.mark.postgres
def test_two_fetchers_at_once(app: Flask, roles: MailProgram, letter: Any, outcome: Any, undecided: Any) -> None:
    """They take turns: one conversation at a time, and each mail once."""
    with ImapServer(letter(number) for number in range(55)) as server:
        roles.environment["HEARTH_MAIL_IN_IMAP"] = server.url()
        _call(app, times=4)
        workers = [roles.start("worker") for _ in range(2)]
        until(lambda: server.there() == [])
        for worker in workers:
            assert asked_to_end(worker) < 8
        assert outcome()[0] == Counter(letter(number) for number in range(55))
        assert server.most_open == 1
        assert len(server.there("Hearth/Done")) == 55
    assert roles.log == ""


def _call(app: Flask, times: int = 1) -> None:
    """Let somebody look into the mailbox now, and not at the next minute."""
    with app.app_context(), unit_of_work():
        for number in range(times):
            jobs.enqueue("kernel.incoming.fetch", unique=f"test {number}")
