"""Mail over SMTP: kept before it is acknowledged, for addresses of ours only, and within bounds."""

import random
import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock, files, health, jobs
from portal.kernel.db import db
from portal.kernel.errors import Busy, DiskFull
from portal.kernel.incoming import addresses, listener, notes, store, watching
from portal.kernel.incoming.listener import Listener
from portal.kernel.incoming.store import IncomingMail
from portal.kernel.settings import SettingsError
from portal.kernel.unit_of_work import unit_of_work
from tests.support.net import free_ports

pytestmark = pytest.mark.real_clock
OURS, MAIL = "hearth@localhost", b"From: Mara <mara@marlow.example>\r\nSubject: The door\r\n\r\nIt does not close.\r\n"
Connect = Callable[[], smtplib.SMTP]


@pytest.fixture
def listening(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A listener on the fresh database of this test."""
    settings = replace(app.extensions["settings"], mail_in_listen=f"127.0.0.1:{free_ports(1)}")
    monkeypatch.setitem(app.extensions, "settings", settings)
    made = Listener(app)
    made.start()
    yield made
    made.stop(5)


@pytest.fixture
def connect(listening: Listener) -> Iterator[Connect]:
    """Another mail server's connections."""
    opened: list[smtplib.SMTP] = []

    def one() -> smtplib.SMTP:
        opened.append(smtplib.SMTP("127.0.0.1", listening.port, local_hostname="mx.elsewhere.example", timeout=10))
        opened[-1].ehlo()
        return opened[-1]

    yield one
    for client in opened:
        client.close()


def kept(app: Flask) -> list[Any]:
    """What lies in the database, the oldest first."""
    with app.app_context():
        columns = (IncomingMail.via, IncomingMail.envelope_from, IncomingMail.envelope_to, IncomingMail.size)
        found = db.session.execute(sa.select(*columns).order_by(IncomingMail.id)).all()
        db.session.remove()
    return [tuple(row) for row in found]


def bring(client: smtplib.SMTP, raw: bytes, *, sender: str = "mara@marlow.example", to: str = OURS) -> int:
    """Hand a mail over; the code of the answer to it."""
    client.mail(sender)
    client.rcpt(to)
    return client.data(raw)[0]


@pytest.mark.postgres
def test_a_mail_is_kept_byte_for_byte_and_once(app: Flask, connect: Connect) -> None:
    """With its envelope, a dot at the start of a line and bytes of no alphabet; sent again it is acknowledged again and still one."""
    raw = MAIL + b".a line with a dot\r\n\xff\xfe\x00 bytes\r\n"
    client = connect()
    assert bring(client, raw) == 250
    assert bring(client, raw) == 250
    assert bring(connect(), raw, sender="") == 250
    assert kept(app) == [("listener", "mara@marlow.example", [OURS], len(raw))]
    with app.app_context():
        assert store.original(db.session.scalars(sa.select(IncomingMail)).one()) == raw
        assert db.session.scalar(sa.select(jobs.Job.name)) == "kernel.incoming.decide"
        db.session.remove()


def test_the_empty_sender_of_a_failure_report_is_taken(app: Flask, connect: Connect) -> None:
    """Reports come from nobody, so that nobody answers them."""
    assert bring(connect(), MAIL, sender="") == 250
    assert kept(app)[0][1] == ""


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (OURS, 250),
        ("HEARTH@LocalHost", 250),
        ("reply+aeaaaebyaaaaadiauzsiu34zwjkuhuz4ee@localhost", 250),
        ("b+aeaaaebyaaaaadiauzsi@localhost", 250),
        ("postmaster@localhost", 250),
        ("kitchen@marlow.example", 250),
        ("hearth+tag@localhost", 250),
        ("mara@localhost", 550),
        ("b@localhost", 550),
        ("reply@localhost", 550),
        ("postmaster+x@localhost", 550),
        ("hearth@elsewhere.example", 550),
        ("somebody@elsewhere.example", 550),
        ("hearth%elsewhere.example@relay.example", 550),
        ("@elsewhere.example:hearth@localhost.example", 553),
        (f"{'x' * 330}@localhost", 550),
    ],
)
def test_only_addresses_of_ours_are_taken(connect: Connect, monkeypatch: pytest.MonkeyPatch, address: str, code: int) -> None:
    """The portal's own, those for answers and failures, and those a feature knows; nothing is passed on."""
    monkeypatch.setitem(addresses._books, "test", lambda one: one == "kitchen@marlow.example")
    client = connect()
    client.mail("mara@marlow.example")
    found = client.rcpt(address)[0]
    assert found == code or (code == 553 and found in (501, 550))
    if code != 250:
        assert client.docmd("DATA")[0] == 503


def test_departments_have_addresses(app: Flask, world: Any, connect: Connect) -> None:
    """Mail to a department is for us; to one that nobody has it is not."""
    from portal.people.models import Department

    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Department).where(Department.key == "facilities").values(email="Facilities@marlow.example"))
    client = connect()
    client.mail("mara@marlow.example")
    assert client.rcpt("facilities@Marlow.example")[0] == 250
    assert client.rcpt("canteen@marlow.example")[0] == 550


@pytest.mark.parametrize(
    ("error", "words"), [(Busy(), b"Busy"), (DiskFull(), b"DiskFull"), (OSError(5, "I/O error"), b"OSError"), (ValueError("x"), b"wrong here")]
)
def test_what_cannot_be_kept_now_is_put_off(app: Flask, connect: Connect, monkeypatch: pytest.MonkeyPatch, error: Exception, words: bytes) -> None:
    """451, and whoever has the mail sends it again; then it is kept."""
    client = connect()
    with monkeypatch.context() as now:
        now.setattr(store, "keep", lambda *_, **__: (_ for _ in ()).throw(error))
        client.mail("mara@marlow.example")
        client.rcpt(OURS)
        code, said = client.data(MAIL)
        assert (code, words in said) == (451, True), said
    assert kept(app) == []
    assert bring(client, MAIL) == 250
    assert len(kept(app)) == 1


def test_a_database_that_does_not_answer_refuses_nobody_for_good(app: Flask, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipient that cannot be looked up is put off, too."""

    def away(_: str) -> bool:
        raise sa.exc.OperationalError("SELECT", {}, Exception("database is locked"))

    monkeypatch.setitem(addresses._books, "test", away)
    client = connect()
    client.mail("mara@marlow.example")
    assert client.rcpt("facilities@marlow.example")[0] == 451
    assert client.rcpt(OURS)[0] == 250


def test_a_mail_that_is_too_large_is_refused_in_words(app: Flask, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its announced size before it is sent, else at its end, even when it has no line ends at all; the connection goes on."""
    monkeypatch.setattr(store, "LARGEST", 200_000)
    monkeypatch.setattr(listener, "SLACK", 300_000)
    client = connect()
    client.ehlo()
    assert client.esmtp_features["size"] == "200000"
    assert client.docmd("MAIL FROM:<mara@marlow.example> SIZE=200001")[0] == 552
    assert bring(client, MAIL + b"line\r\n" * 200_000) == 552
    assert bring(client, b"x" * 1_200_000) in (500, 552)
    assert bring(client, MAIL + b"." * 90_000) == 250
    assert [size for *_, size in kept(app)] == [len(MAIL) + 90_002]


def test_a_guest_that_asks_too_often_is_sent_away(connect: Connect) -> None:
    """Foreign recipients, commands nobody knows, and more recipients than a mail has."""
    client = connect()
    client.mail("mara@marlow.example")
    codes = [client.rcpt(f"guess{number}@localhost")[0] for number in range(9)]
    assert codes == [550] * 9
    assert client.rcpt("guess@localhost")[0] == 421
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    rude = connect()
    assert [rude.docmd(f"GIMME{number}")[0] for number in range(5)] == [500] * 4 + [502]
    many = connect()
    many.mail("mara@marlow.example")
    assert [many.rcpt(f"reply+{number}@localhost")[0] for number in range(101)] == [250] * 100 + [452]


def test_there_is_no_relay_and_no_sign_in(connect: Connect) -> None:
    """No command shows who is known, and none lets anybody in."""
    client = connect()
    client.ehlo()
    assert "auth" not in client.esmtp_features
    assert client.docmd("AUTH PLAIN AG1hcmEAcGFzc3dvcmQ=")[0] in (502, 538)
    assert client.docmd("EXPN everybody")[0] == 502
    assert client.verify(OURS)[0] == client.verify("nobody@localhost")[0] == 252


def test_only_so_many_at_a_time(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is told to come again, and comes in when another left."""
    monkeypatch.setattr(listener, "GUESTS", 2)
    first, _second = connect(), connect()
    with pytest.raises((smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected)) as refused:
        connect()
    if isinstance(refused.value, smtplib.SMTPConnectError):
        assert refused.value.smtp_code == 421
    first.quit()
    for _ in range(100):
        try:
            assert connect().noop()[0] == 250
            break
        except (smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected):
            threading.Event().wait(0.05)
    else:
        pytest.fail("nobody came in")


def test_a_silent_guest_is_not_waited_for(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither between commands nor in the middle of a mail."""
    monkeypatch.setattr(listener, "SILENCE", 0.3)
    monkeypatch.setattr(listener, "TRANSFER", 0.5)
    silent, slow = connect(), connect()
    slow.mail("mara@marlow.example")
    slow.rcpt(OURS)
    slow.docmd("DATA")
    slow.send(b"Subject: slow\r\n")
    for client in (silent, slow):
        assert client.sock is not None
        client.sock.settimeout(5)
        assert client.sock.recv(1000) == b""


def test_unfinished_mails_have_a_room_together(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is half sent lies in memory, so the one that makes it too much has to come again; the other is not disturbed."""
    monkeypatch.setattr(listener, "ROOM", 300_000)
    first, second = connect(), connect()
    for client in (first, second):
        client.mail("mara@marlow.example")
        client.rcpt(OURS)
        assert client.docmd("DATA")[0] == 354
    first.send(b"Subject: first\r\n\r\n" + b"line\r\n" * 30_000)
    threading.Event().wait(0.3)
    second.send(b"Subject: second\r\n\r\n" + b"line\r\n" * 30_000)
    assert second.getreply()[0] == 421
    first.send(b".\r\n")
    assert first.getreply()[0] == 250


def test_it_ends_in_order(app: Flask, listening: Listener, connect: Connect) -> None:
    """Idle guests are told, the one in the middle of a mail finishes it, and nobody new comes in."""
    idle, busy = connect(), connect()
    busy.mail("mara@marlow.example")
    busy.rcpt(OURS)
    assert busy.docmd("DATA")[0] == 354
    busy.send(MAIL[:30])
    listening.ask_to_stop()
    assert idle.getreply()[0] == 421
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listening.port), timeout=2)
    busy.send(MAIL[30:] + b".\r\n")
    assert busy.getreply()[0] == 250
    listening.stop(5)
    assert len(kept(app)) == 1


def test_an_address_that_cannot_be_had_is_said_at_the_start(app: Flask, listening: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken by somebody else, or not of this machine."""
    with pytest.raises(SettingsError, match=r"mail_in_listen is .* in use"):
        Listener(app)


def seen() -> dict[str, health.Check]:
    """What `portal doctor` says about what is watched."""
    return {look.name: look for look in health.watched()}


def test_the_doctor_knows_whether_it_lives(app: Flask, listening: Listener, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """It listens, what came last, what was put off; silent for five minutes is broken, switched off is nothing."""
    for _ in range(100):
        with app.app_context():
            if watching.ALIVE in notes.known("smtp:"):
                break
        threading.Event().wait(0.05)
    bring(connect(), MAIL)
    with app.app_context():
        look = seen()["mail over SMTP"]
        assert look.ok
        assert "listens at 127.0.0.1" in look.detail
        assert "last mail" in look.detail
        with unit_of_work():
            notes.note(watching.TROUBLE, clock.now())
        assert "put off" in seen()["mail over SMTP"].detail
        with unit_of_work():
            notes.note(watching.ALIVE, clock.now() - 2 * watching.DEAD)
        assert not seen()["mail over SMTP"].ok
        monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], mail_in_listen=""))
        assert "mail over SMTP" not in seen()
        assert files.size_words(store.LARGEST) == "50 MB"
        db.session.remove()


@pytest.mark.postgres
def test_the_same_mail_from_eight_sides_at_once_is_one(app: Flask, connect: Connect) -> None:
    """A sender that gave up waiting sends again while the first is still being written."""
    clients, codes = [connect() for _ in range(8)], list[int]()
    threads = [threading.Thread(target=lambda one=client: codes.append(bring(one, MAIL))) for client in clients]  # type: ignore[misc]  # a default keeps the loop's value
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert codes == [250] * 8
    assert len(kept(app)) == 1


def test_an_end_that_is_none_hides_no_second_mail(app: Flask, connect: Connect) -> None:
    """Only a dot between whole line ends ends a mail; what other servers might read as an end stays inside."""
    hidden = b"MAIL FROM:<boss@marlow.example>\r\nRCPT TO:<hearth@localhost>\r\nDATA\r\nSubject: Pay\r\n\r\nNow.\r\n"
    for false_end in (b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r\n.\n"):
        client = connect()
        client.mail("mara@marlow.example")
        client.rcpt(OURS)
        client.docmd("DATA")
        client.send(b"Subject: %d\r\n\r\nwords" % len(kept(app)) + false_end + hidden + b".\r\n")
        assert client.getreply()[0] == 250
        assert client.noop()[0] == 250
    assert [(sender, size > len(hidden)) for _, sender, _, size in kept(app)] == [("mara@marlow.example", True)] * 5


def test_nonsense_ends_nobody_elses_mail(app: Flask, listening: Listener, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """Bytes of no meaning, half commands, connections that break off anywhere: no fault of ours, nothing kept, and the next mail comes in."""
    dice = random.Random(4127)
    begun = b"EHLO x\r\nMAIL FROM:<mara@marlow.example>\r\nRCPT TO:<hearth@localhost>\r\nDATA\r\nSubject: half\r\n\r\nwords"
    said = [
        b"",
        b"\r\n",
        b"\x00" * 600,
        b"\xff\xfe\r\n" * 20,
        b"x" * 300_000,
        b"MAIL FROM:<\xe9@x>\r\n",
        b"EHLO " + b"a" * 600 + b"\r\n",
        b"BDAT 5\r\nwords",
        b"VRFY \xe9\r\n",
    ]
    said += [begun[: dice.randrange(len(begun))] for _ in range(30)]
    said += [begun[: dice.randrange(20, len(begun))] + dice.randbytes(50) + b"\r\n" for _ in range(30)]
    said += [b"EHLO x\r\n" + b"".join(dice.sample(begun.splitlines(keepends=True), 5)) for _ in range(30)]
    for words in said:
        with socket.create_connection(("127.0.0.1", listening.port), timeout=5) as line:
            line.sendall(words)
            if dice.random() < 0.5:
                line.recv(1000)
            if dice.random() < 0.5:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    assert bring(connect(), MAIL) == 250
    assert [size for *_, size in kept(app)] == [len(MAIL)]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
