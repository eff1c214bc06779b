"""Mail from a mailbox: kept first, put away after that, and whatever the server does nothing is lost and nothing comes twice."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock, health, jobs, outbound_imap
from portal.kernel.db import db
from portal.kernel.errors import Busy, DiskFull
from portal.kernel.incoming import imap, notes, store, watching
from portal.kernel.incoming.store import IncomingMail
from portal.kernel.outbound_imap import MailboxError, Trouble, mailbox
from portal.kernel.unit_of_work import unit_of_work
from tests.support.imap_server import CAPABILITIES, ImapServer

Settle = Callable[[ImapServer], None]


def letter(number: int) -> bytes:
    """A mail of its own."""
    return f"From: Mara <mara@marlow.example>\r\nMessage-ID: <{number}@marlow.example>\r\nSubject: Door {number}\r\n\r\nIt does not close.\r\n".encode()


@pytest.fixture
def settle(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Settle:
    """Let the settings name a mailbox."""

    def choose(server: ImapServer, **kwargs: str) -> None:
        monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], mail_in_imap=server.url(**kwargs)))

    return choose


@pytest.fixture
def server(settle: Settle) -> Iterator[ImapServer]:
    """A mailbox with three mails."""
    with ImapServer(map(letter, range(3))) as made:
        settle(made)
        yield made


@pytest.fixture
def fetch(app: Flask) -> Callable[[], None]:
    """The job, in a context of its own like a worker's."""

    def once() -> None:
        with app.app_context():
            imap.fetch()
            db.session.remove()

    return once


@pytest.fixture
def kept(app: Flask) -> Callable[[], list[bytes]]:
    """Every mail that was kept, byte for byte, the oldest first."""

    def read() -> list[bytes]:
        with app.app_context():
            found = [store.original(mail) for mail in db.session.scalars(sa.select(IncomingMail).order_by(IncomingMail.id))]
            db.session.remove()
        return found

    return read


@pytest.fixture
def look(app: Flask) -> Callable[[], health.Check | None]:
    """What `portal doctor` says about it."""

    def ask() -> health.Check | None:
        with app.app_context():
            found = next((one for one in health.watched() if one.name == "mail from the mailbox"), None)
            db.session.remove()
        return found

    return ask


@pytest.fixture
def noted(app: Flask) -> Callable[[str], list[str]]:
    """Notes by what they begin with, without the account."""

    def read(prefix: str) -> list[str]:
        with app.app_context():
            found = [name.split(":", 2)[2] for name in notes.known(prefix)]
            db.session.remove()
        return found

    return read


@pytest.mark.postgres
def test_mail_is_kept_and_then_put_away(server: ImapServer, fetch: Any, kept: Any, noted: Any, look: Any, clock: Any) -> None:
    """Every byte, with the time the server got it; the next visit finds nothing, and what lay there once is forgotten."""
    assert "not fetched yet" in look().detail
    fetch()
    assert kept() == [letter(number) for number in range(3)]
    assert server.there() == []
    assert server.there("Hearth/Done") == kept()
    assert (look().ok, "last mail 2026-11-24 08:55 UTC" in look().detail) == (True, True), look()
    assert noted("took:") == ["1:1", "1:2", "1:3"]
    server.add(letter(4))
    clock.advance(minutes=1)
    fetch()
    assert len(kept()) == 4
    assert noted("took:") == ["1:4"]


@pytest.mark.parametrize(
    ("capabilities", "may_create", "done", "between"),
    [
        (("IMAP4rev1", "UIDPLUS", "MOVE", "AUTH=PLAIN"), True, "Hearth/Done", "/"),
        (("IMAP4rev1", "MOVE", "NAMESPACE"), True, "INBOX.Hearth.Done", "."),
        (("IMAP4rev1", "UIDPLUS"), True, "Hearth/Done", "/"),
        (("IMAP4rev1",), True, "Hearth/Done", "/"),
        (("IMAP4rev1", "UIDPLUS", "MOVE"), False, None, "/"),
        (("IMAP4rev1",), False, None, "/"),
    ],
)
def test_every_kind_of_server(settle: Settle, fetch: Any, kept: Any, capabilities: Any, may_create: bool, done: str | None, between: str) -> None:
    """It moves, or copies and removes, or marks as deleted where no folder can be made; nothing is fetched again."""
    with ImapServer(map(letter, range(3)), capabilities=capabilities, between=between) as server:
        server.may_create = may_create
        settle(server)
        fetch()
        fetch()
        assert len(kept()) == 3
        assert server.there() == []
        assert server.there(done or "-") == (kept() if done else [])
        assert server.said("UID FETCH") == 4
        left = server.folders["INBOX"]
        assert all(message.flags == {"\\Seen", "\\Deleted"} for message in left)
        assert bool(left) == ("UIDPLUS" not in capabilities and "MOVE" not in capabilities)


def test_others_marks_are_not_expunged(settle: Settle, fetch: Any) -> None:
    """What a person marked as deleted stays as it is, unread by us."""
    with ImapServer(map(letter, range(2))) as server:
        server.may_create = False
        server.folders["INBOX"][0].flags.add("\\Deleted")
        settle(server)
        fetch()
        assert [message.uid for message in server.folders["INBOX"]] == [1]


@pytest.mark.postgres
def test_the_same_bytes_are_one_mail(app: Flask, server: ImapServer, fetch: Any, kept: Any) -> None:
    """Whatever way they came before, with whatever line ends; and put away like others."""
    with app.app_context():
        store.take_in(letter(1).replace(b"\r\n", b"\n"), via="listener")
        store.take_in(b"From mara@marlow.example Tue Nov 24\n" + letter(2).replace(b"\r\n", b"\n"), via="file")
        db.session.remove()
    fetch()
    assert len(kept()) == 3
    assert server.there() == []


def test_new_numbers_for_the_same_messages(server: ImapServer, fetch: Any, kept: Any, noted: Any, clock: Any) -> None:
    """A restored mailbox lists all mails anew: they are known by their bytes, and old notes are forgotten."""
    server.faults["UID MOVE"] = server.faults["UID COPY"] = "drop"
    server.once = False
    fetch()
    assert (len(kept()), noted("took:")) == (1, ["1:1"])
    server.faults.clear()
    server.renumber()
    clock.advance(minutes=2)
    fetch()
    assert (len(kept()), server.there()) == (3, [])
    assert noted("took:") == ["2:4", "2:5", "2:6"]


def test_one_that_could_not_be_put_away_is_not_fetched_again(server: ImapServer, fetch: Any, kept: Any, clock: Any) -> None:
    """Its note says that it is kept: the next visit only puts it away, even when the server would hand it out with other bytes."""
    server.faults["UID MOVE 1 "] = "drop"
    fetch()
    assert len(kept()) == 1
    server.folders["INBOX"][0].raw += b"A line the server added.\r\n"
    clock.advance(minutes=2)
    fetch()
    assert len(kept()) == 3
    assert server.there() == []
    assert server.said("UID FETCH 1 (UID INTERNALDATE") == 1


@pytest.mark.parametrize("fault", ["drop", "half", "huge", "garbage"])
def test_a_conversation_that_breaks_off(server: ImapServer, fetch: Any, kept: Any, look: Any, clock: Any, fault: str) -> None:
    """In the middle of a message, or with nonsense: half a mail is no mail, and the next visit gets it whole."""
    server.faults["UID FETCH 2 (UID INTERNALDATE"] = fault
    fetch()
    assert kept() == [letter(0)]
    assert not look().ok
    assert "broke off" in look().detail
    fetch()
    assert len(kept()) == 1, "right after a failure it is left alone"
    clock.advance(minutes=1)
    fetch()
    assert (len(kept()), server.there(), look().ok) == (3, [], True)


@pytest.mark.parametrize("fault", ["drop", "half", "huge"])
def test_a_message_that_always_breaks_it_off_stops_nobody_else(server: ImapServer, fetch: Any, kept: Any, look: Any, clock: Any, fault: str) -> None:
    """Twice, and it is left; the others come in. A day later it gets another chance."""
    server.once = False
    server.faults["UID FETCH 2 (UID INTERNALDATE"] = fault
    for _ in range(4):
        fetch()
        clock.advance(minutes=5)
    assert kept() == [letter(0), letter(2)]
    assert server.there() == [letter(1)]
    assert "1 of its messages cannot be taken" in look().detail
    server.faults.clear()
    clock.advance(days=1)
    fetch()
    assert len(kept()) == 3
    assert look().ok


@pytest.mark.parametrize("fault", ["no", "wrong"])
def test_a_message_that_is_not_handed_out_is_left(server: ImapServer, fetch: Any, kept: Any, fault: str) -> None:
    """At once; another message in its place is not taken for it."""
    server.once = False
    server.faults["UID FETCH 2 (UID INTERNALDATE"] = fault
    fetch()
    assert kept() == [letter(0), letter(2)]
    assert server.there() == [letter(1)]


def test_a_huge_message_is_not_even_fetched(server: ImapServer, fetch: Any, kept: Any, look: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays where it is, somebody is told, and the rest comes in."""
    monkeypatch.setattr(store, "LARGEST", 2000)
    server.add(letter(7) + b"line\r\n" * 1000, letter(8))
    fetch()
    assert kept() == [letter(0), letter(1), letter(2), letter(8)]
    assert server.said("UID FETCH 4 (UID INTERNALDATE") == 0
    assert not look().ok
    fetch()
    assert server.said("UID FETCH 4") == 0


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        ({"password": "wrong"}, "does not let us in"),
        ({"folder": "Nowhere"}, "folder is not there"),
    ],
)
def test_what_an_administrator_has_to_mend(server: ImapServer, settle: Any, fetch: Any, look: Any, clock: Any, caplog: Any, break_it: Any, words: str) -> None:
    """It says so in words, without the password, and goes on by itself once it is mended."""
    settle(server, **break_it)
    fetch()
    found = look()
    assert (found.ok, words in found.detail) == (False, True), found
    assert "wrong" not in found.detail.replace("wrong:", "") + caplog.text
    assert "2026-11-24" in found.detail
    tries = server.said("LOGIN") + server.said("AUTHENTICATE")
    for _ in range(60):
        clock.advance(minutes=1)
        fetch()
    assert server.said("LOGIN") + server.said("AUTHENTICATE") - tries <= 8, "it knocks less and less often"
    settle(server)
    clock.advance(minutes=31)
    fetch()
    assert look().ok


def test_a_server_that_is_not_there(server: ImapServer, fetch: Any, look: Any, clock: Any) -> None:
    """Refused connections wait longer and longer, and half an hour at most."""
    server.shutdown()
    server.server_close()
    moments = []
    for minute in range(240):
        fetch()
        found = look()
        assert "does not answer" in found.detail
        moments.append((minute, found.detail.partition("next try after ")[2]))
        clock.advance(minutes=1)
    changes = [minute for minute, (_, said) in enumerate(moments) if minute == 0 or said != moments[minute - 1][1]]
    gaps = [later - earlier for earlier, later in itertools.pairwise(changes)]
    assert gaps[:5] == sorted(gaps[:5])
    assert 25 <= max(gaps) <= 31
    assert len(gaps) < 16


@pytest.mark.parametrize("greeting", ["drop", "garbage", "huge"])
def test_something_else_that_answers_there(server: ImapServer, fetch: Any, look: Any, greeting: str) -> None:
    """Whatever it says, it is a sentence for the administrator."""
    server.faults["GREETING"] = greeting
    fetch()
    assert not look().ok


@pytest.mark.parametrize("fault", ["drop", "garbage", "no"])
def test_any_command_may_go_wrong(settle: Settle, fetch: Any, kept: Any, clock: Any, fault: str) -> None:
    """Whatever goes wrong once is made good by the next visits; each mail is there once."""
    for place, command in enumerate(["CAPABILITY", "AUTHENTICATE", "SELECT", "UID SEARCH", "UID FETCH", "UID MOVE", "CREATE", "LOGOUT"]):
        mine = [letter(10 * place + number) for number in range(2)]
        with ImapServer(mine) as server:
            settle(server)
            server.faults[command] = fault
            for _ in range(3):
                fetch()
                clock.advance(minutes=6)
            clock.advance(days=1)
            fetch()
            assert (command, sorted(kept()[2 * place :]), server.there()) == (command, mine, [])


@pytest.mark.real_clock
def test_a_server_that_hangs_is_left(server: ImapServer, fetch: Any, look: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a step's time-out; and one that always says a little more, after that of the whole conversation."""
    monkeypatch.setattr(outbound_imap, "TIMEOUT", 0.4)
    monkeypatch.setattr(outbound_imap, "DEADLINE", 0.8)
    server.faults["UID SEARCH"] = "hang"
    fetch()
    assert "broke off" in look().detail

    def drip(session: Any, tag: str) -> None:
        for _ in range(200):
            session.wfile.write(b"*")
            threading.Event().wait(0.05)

    box = mailbox(server.url())
    server.faults["UID SEARCH"] = drip
    with pytest.raises(MailboxError) as error, outbound_imap.open_folder(box, largest=1000) as folder:
        folder.uids()
    assert error.value.trouble is Trouble.BROKEN


def test_a_full_folder_comes_in_batches(app: Flask, settle: Settle, fetch: Any, kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run takes some and calls the next, so that other work comes in between."""
    monkeypatch.setattr(imap, "BATCH", 20)
    monkeypatch.setattr(outbound_imap, "WINDOW", 50)
    with ImapServer(map(letter, range(130))) as server:
        settle(server)
        fetch()
        assert len(server.there()) == 110
        with app.app_context():
            assert db.session.scalars(sa.select(jobs.Job.name).where(jobs.Job.name == "kernel.incoming.fetch")).all() == ["kernel.incoming.fetch"]
            db.session.remove()
        for _ in range(6):
            fetch()
        assert (len(kept()), server.there()) == (130, [])
        assert server.said("UID SEARCH") >= 3 + 3


def test_only_one_at_a_time(app: Flask, server: ImapServer, fetch: Any, kept: Any, clock: Any) -> None:
    """While somebody else has the lease nothing is done; one that died holds it for ninety seconds."""
    with app.app_context(), unit_of_work():
        box = imap.in_use()
        assert box is not None
        assert notes.take_lease(f"imap:{box.account}:lease", _now(), imap.LEASE)
    fetch()
    assert (kept(), server.said("SELECT")) == ([], 0)
    clock.advance(seconds=91)
    fetch()
    assert len(kept()) == 3


def test_a_lease_belongs_to_whoever_took_it_last(app: Flask) -> None:
    """One that ran out and went on cannot give back what is another's now."""
    with app.app_context(), unit_of_work():
        now = _now()
        first = notes.take_lease("imap:x:lease", now, timedelta(seconds=90))
        assert notes.take_lease("imap:x:lease", now + timedelta(seconds=89), timedelta(seconds=90)) is None
        second = notes.take_lease("imap:x:lease", now + timedelta(seconds=90), timedelta(seconds=90))
        assert first
        assert second
        assert first != second
        assert not notes.give_lease("imap:x:lease", first, now)
        assert notes.give_lease("imap:x:lease", second, now)


@pytest.mark.parametrize("error", [Busy(), DiskFull()])
def test_what_cannot_be_kept_stays_in_the_mailbox(server: ImapServer, fetch: Any, kept: Any, look: Any, clock: Any, monkeypatch: Any, error: Exception) -> None:
    """A busy database or a full disk takes nothing and loses nothing."""
    with monkeypatch.context() as now:
        now.setattr(store, "take_in", lambda *_, **__: (_ for _ in ()).throw(error))
        fetch()
    assert (kept(), len(server.there())) == ([], 3)
    assert "could not be kept" in look().detail
    clock.advance(minutes=2)
    fetch()
    assert (len(kept()), look().ok) == (3, True)


def test_a_password_goes_nowhere_unencrypted() -> None:
    """Only to this machine itself; the mailbox shows none of it."""
    box = mailbox("imap://desk%40marlow.example:p%3Ass@mail.marlow.example/Service/Caf%C3%A9")
    assert (box.name, box.password, box.port, box.folder) == ("desk@marlow.example", "p:ss", 143, "Service/Café")
    assert "p:ss" not in repr(box)
    assert outbound_imap._spelled(box.folder) == '"Service/Caf&AOk-"'
    assert outbound_imap._spelled("Q&A") == '"Q&-A"'

    class Open:
        sock = None
        capabilities = ("AUTH=PLAIN",)

    with pytest.raises(MailboxError) as error:
        outbound_imap._let_in(Open(), box)  # type: ignore[arg-type]  # a client that would take it
    assert error.value.trouble is Trouble.UNENCRYPTED


def test_a_mailbox_that_nobody_visits_is_noticed(server: ImapServer, fetch: Any, look: Any, clock: Any) -> None:
    """Without a worker nothing is fetched, and nothing would say so."""
    fetch()
    assert look().ok
    clock.advance(minutes=11)
    assert "is a worker running" in look().detail
    assert watching.WORDS.keys() == {*Trouble, imap.KEEPING}


def test_none_is_none(app: Flask, fetch: Any, look: Any) -> None:
    """Without a mailbox in the settings nothing happens."""
    fetch()
    assert look() is None
    assert "MOVE" in CAPABILITIES


def _now() -> Any:
    return clock.now()
