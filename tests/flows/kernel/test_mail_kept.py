"""Mail that is kept: who decides about it, how it is known again, what is refused, and when it is forgotten."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.cli import ingest
from portal.kernel import clock, files, health, quarantine
from portal.kernel.db import db
from portal.kernel.errors import Busy, Refusal, TooLarge
from portal.kernel.incoming import imap, listener, store
from portal.kernel.incoming.keys import keys_of
from portal.kernel.incoming.reading import Reading
from portal.kernel.incoming.store import Decision, Envelope, IncomingMail, Verdict
from portal.kernel.messages import say
from portal.kernel.observe import Observation
from portal.kernel.unit_of_work import unit_of_work

RAW = b"From: Mara <mara@marlow.example>\nSubject: Door\n\nIt does not close.\n"
OPENED, FAILED = Verdict(Decision.OPENED, "New."), Verdict(Decision.IGNORED, "It came back.")


class Desk(store.Taker):
    """Takes everything."""

    asked = 0

    def foresee(self, reading: Reading, envelope: Envelope, *, now: Any) -> Verdict:
        return OPENED

    def take(self, mail_id: int, reading: Reading, envelope: Envelope, prepared: Any, *, now: Any) -> Verdict:
        self.asked += 1
        _note(mail_id, "desk")
        return OPENED


class Bounces(store.Taker):
    """Takes what came back: it claims by the subject, and decides by the words."""

    prepared = 0

    def claims(self, reading: Reading, envelope: Envelope) -> bool:
        return reading.subject.startswith("Failure")

    def foresee(self, reading: Reading, envelope: Envelope, *, now: Any) -> Verdict | None:
        return None if "mine" not in reading.text else FAILED

    def prepare(self, reading: Reading, envelope: Envelope, *, now: Any) -> str:
        self.prepared += 1
        return "ready"

    def take(self, mail_id: int, reading: Reading, envelope: Envelope, prepared: Any, *, now: Any) -> Verdict | None:
        assert prepared == "ready"
        _note(mail_id, "bounces")
        return self.foresee(reading, envelope, now=now)


class Refusing(store.Taker):
    """Has a rule that says no."""

    def take(self, mail_id: int, reading: Reading, envelope: Envelope, prepared: Any, *, now: Any) -> Verdict:
        _note(mail_id, "refusing")
        raise Refusal(say("Not on a Sunday."))


def _note(mail_id: int, kind: str) -> None:
    db.session.execute(sa.insert(Observation).values(kind=kind, person_id=1, subject_kind="mail", subject_id=mail_id, at=clock.now()))


@pytest.fixture(autouse=True)
def _nobody_else(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test announces its own takers."""
    monkeypatch.setattr(store, "_takers", {})


def decided(raw: bytes) -> tuple[Verdict | None, list[str]]:
    """Take a mail in and decide; what became of it, and who left traces."""
    number, _ = store.take_in(raw, via="file")
    store.decide(number)
    mail = store.find(raw)
    traces = db.session.scalars(sa.select(Observation.kind).where(Observation.subject_id == number)).all()
    found = store.verdict_of(mail) if mail else None
    db.session.remove()
    return found, list(traces)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("subject", "words", "verdict", "traces"),
    [("Door", "mine", OPENED, ["desk"]), ("Failure", "mine", FAILED, ["bounces"]), ("Failure", "yours", OPENED, ["desk"])],
)
def test_the_first_that_claims_it_decides(subject: str, words: str, verdict: Verdict, traces: list[str]) -> None:
    """In order, not as announced; what one did who then left it to the next is undone."""
    store.taker(Desk())
    store.taker(bounces := Bounces(), order=10)
    assert decided(f"Subject: {subject}\n\n{words}\n".encode()) == (verdict, traces)
    assert bounces.prepared == (subject == "Failure")
    assert store.foresee(Reading(subject=subject, text=words), now=clock.now()) == verdict


def test_announced_twice_is_announced_once() -> None:
    """An application may be built again in the same process."""
    store.taker(first := Desk())
    store.taker(second := Desk())
    decided(RAW)
    assert (first.asked, second.asked) == (0, 1)


@pytest.mark.parametrize("takers", [[], [Bounces()]])
def test_what_nobody_claims_waits_for_a_person(takers: list[store.Taker]) -> None:
    """It is held, never dropped; without anybody at all it waits for somebody to be announced."""
    for one in takers:
        store.taker(one)
    found, _ = decided(RAW)
    assert found == (store.NOBODY if takers else None)


def test_a_rule_that_says_no_holds_it() -> None:
    """With its sentence, and without what was done before."""
    store.taker(Refusing())
    assert decided(RAW) == (Verdict(Decision.HELD, "Not on a Sunday."), [])


@pytest.mark.postgres
def test_one_mail_in_any_form() -> None:
    """As a mail or out of an mbox, with whatever line ends, and under the key of an earlier version."""
    number, fresh = store.take_in(RAW, via="file")
    forms = [RAW.replace(b"\n", b"\r\n"), b"From mara@marlow.example Tue Nov 24\n" + RAW, RAW + b"\n"]
    assert fresh
    assert [store.take_in(form, via="listener") for form in forms] == [(number, False)] * 3
    with unit_of_work():
        db.session.execute(sa.update(IncomingMail).values(key=keys_of(RAW.replace(b"\n", b"\r\n"))[-1]))
    assert store.take_in(RAW.replace(b"\n", b"\r\n"), via="file") == (number, False)
    assert store.take_in(RAW + b"More.\n", via="file")[1]


def test_the_command_says_what_came_before(tmp_path: Path, capsys: Any) -> None:
    """In the words of the reason, so that there are no other fields than those that are promised; a trial run says it as well and keeps nothing."""
    store.taker(Desk())
    file = tmp_path / "mail.eml"
    file.write_bytes(RAW)
    said = []
    for dry in (True, False, False, True):
        assert ingest((str(file),), dry=dry, as_json=True) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert [one["reason"].endswith(" It was taken in before.") for one in said] == [False, False, True, True]
    assert list(said[0]) == ["file", "decision", "reason", "from", "from_name", "subject", "reply_text", "attachments", "request"]
    assert ingest((str(file),), dry=False, as_json=False) == 0
    assert capsys.readouterr().out.rstrip().endswith("It was taken in before. From mara@marlow.example: Door")
    file.write_bytes(b"From mara@marlow.example Tue Nov 24\n" + RAW + b"\nFrom leo@marlow.example Tue Nov 24\nSubject: Other\n\nWords\n")
    ingest((str(file),), dry=False, as_json=True)
    assert ["taken in before" in json.loads(line)["reason"] for line in capsys.readouterr().out.splitlines()] == [True, False]


def test_a_mail_that_is_too_large_is_refused_whole(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it would be no mail: nothing is kept, and the size that is said is the size that is there."""
    monkeypatch.setattr(store, "LARGEST", len(RAW))
    with pytest.raises(TooLarge) as refused:
        store.take_in(RAW + b"x", via="listener")
    assert str(refused.value.message) == "This mail is larger than 50 MB, the most that is taken."
    assert store.find(RAW + b"x") is None
    number, _ = store.take_in(RAW, via="listener")
    mail = db.session.get_one(IncomingMail, number)
    assert (mail.size, store.original(mail)) == (len(RAW), RAW)
    db.session.remove()
    file = tmp_path / "mail.eml"
    file.write_bytes(RAW + b"x")
    assert ingest((str(file),), dry=False, as_json=True) == 1
    assert "is larger than" in capsys.readouterr().err
    small = b"From a Tue\n" + RAW[: len(RAW) // 2]
    monkeypatch.setattr(store, "LARGEST", len(small) - 13)
    monkeypatch.setattr("portal.desk.cli._content", lambda _: small)
    assert ingest((str(file),), dry=False, as_json=True) == 1
    assert capsys.readouterr().err == f"portal: {file}: This mail is larger than 50 MB, the most that is taken.\n"


@pytest.mark.postgres
def test_ignored_mail_is_forgotten_after_ninety_days(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row, file and in the end the bytes; what opened something or waits for a person stays however old it is."""
    monkeypatch.setattr(store, "BATCH", 2)
    store.taker(Bounces(), order=10)
    store.taker(Desk())
    ignored = [f"Subject: Failure\n\nmine {number}\n".encode() for number in range(5)]
    for raw in (*ignored, RAW):
        decided(raw)
    store.take_in(b"Subject: waits\n\nfor a decision\n", via="file")
    clock.advance(days=89)
    store.forget()
    assert all(store.find(raw) for raw in ignored)
    clock.advance(days=2)
    store.forget()
    assert not any(store.find(raw) for raw in ignored)
    assert store.find(RAW) is not None
    assert db.session.scalar(sa.select(sa.func.count()).select_from(IncomingMail)) == 2
    assert db.session.scalar(sa.select(sa.func.count()).select_from(files.StoredFile)) == 2
    db.session.remove()
    assert decided(ignored[0])[0] == FAILED, "were it sent again, it would be decided again"


def test_a_restored_copy_takes_no_mail(app: Flask) -> None:
    """The portal it was made of still does: the listener puts mail off, the mailbox is left alone."""
    with unit_of_work():
        db.session.add(quarantine.Quarantine(id=1, backup_at=clock.now() - timedelta(hours=1), restored_at=clock.now(), archive="x"))
    with pytest.raises(Busy):
        listener.keep(RAW, "mara@marlow.example", ("hearth@localhost",))
    imap.fetch()
    assert store.find(RAW) is None
    assert health.watched() == [] or all("restored" in look.detail for look in health.watched() if "mail " in look.name)
    db.session.remove()
