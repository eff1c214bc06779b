"""Requests opened and continued by mail: each mail is decided once, and machines and strangers change nothing."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.mail import Desk
from portal.desk.cli import ingest
from portal.desk.models import Attachment, Message, Participant, Request
from portal.kernel import clock, files, mail_ids, reply_address
from portal.kernel.db import db
from portal.kernel.errors import Busy, DiskFull
from portal.kernel.incoming import keys, store
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications.models import Notice
from portal.people.models import Department
from tests.flows.desk.test_actions_races import WAYS, race
from tests.support.desk import DeskUser

DESK = "facilities@marlow.example"


@pytest.fixture
def post(desk: DeskUser, tmp_path: Path, capsys: Any) -> Any:
    """Take in a mail and say what was decided."""
    with unit_of_work():
        db.session.execute(sa.update(Department).where(Department.key == "facilities").values(email=DESK))

    def take(who: str, subject: str = "The door", text: str = "It does not close.", *, to: str = DESK, dry: bool = False, **headers: str) -> dict[str, Any]:
        file = tmp_path / "mail.eml"
        file.write_bytes(raw(desk, who, subject, text, to, **headers))
        assert ingest((str(file),), dry=dry, as_json=True) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        db.session.remove()
        return found

    return take


def raw(desk: DeskUser, who: str, subject: str, text: str, to: str = DESK, **headers: str) -> bytes:
    """The bytes of a plain mail; ``who`` is somebody of the company or an address."""
    sender = desk.world.people[who].email if "@" not in who else who
    lines = [f"From: Somebody <{sender}>", f"To: {to}", f"Subject: {subject}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", text, ""]).encode()


def count(table: Any) -> int:
    """Rows of a table."""
    return db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_a_mail_opens_a_request_once(desk: DeskUser, post: Any, run_jobs: Any) -> None:
    """Its words, its writer and who was in copy are there; the same mail again, and the job behind it, change nothing."""
    found = post("mara", Cc=str(desk.world.people["tom"].email))
    assert (found["decision"], found["subject"], found["reply_text"]) == ("opened", "The door", "It does not close.")
    request = desk.find(found["request"])
    assert (request.title, request.requester_id, request.channel) == ("The door", desk.world.people["mara"].id, "mail")
    assert desk.messages(request.id)[0].body == "It does not close."
    assert db.session.get(Participant, (request.id, desk.world.people["tom"].id)) is not None
    before = count(Request)
    assert post("mara", Cc=str(desk.world.people["tom"].email))["request"] == found["request"]
    run_jobs()
    assert count(Request) == before


def test_a_mail_by_two_of_its_addresses_opens_one_request(desk: DeskUser, post: Any) -> None:
    """Each copy carries the lines of its own way; the same words sent again on another day are another mail."""
    before = count(Request)
    copies = [post("mara", Message_ID="<two@mua.example>", Delivered_To=one, Received=f"from mx for {one}") for one in (DESK, "it@marlow.example")]
    assert [copy["request"] for copy in copies] == [copies[0]["request"]] * 2
    assert (count(store.IncomingMail), count(Request)) == (1, before + 1)
    assert post("mara", Message_ID="<three@mua.example>")["request"] != copies[0]["request"]


def test_an_answer_comes_back_with_its_file(desk: DeskUser, post: Any) -> None:
    """By the thread; what only names the number in its subject waits, because anybody can write From and a number."""
    number = desk.file().id
    root = mail_ids.root_id("desk.request", number)
    mixed = "--b\r\nContent-Type: text/plain\r\n\r\nWith a list.\r\n--b\r\nContent-Type: text/plain\r\n"
    mixed += 'Content-Disposition: attachment; filename="list.txt"\r\n\r\none\r\n--b--'
    found = post("mara", "Re: anything", mixed, References=root, Content_Type="multipart/mixed; boundary=b")
    assert (found["decision"], found["request"], found["attachments"][0]["name"]) == ("appended", number, "list.txt")
    assert desk.messages(number)[-1].body == "With a list."
    assert db.session.scalars(sa.select(Attachment.name).where(Attachment.request_id == number)).all() == ["list.txt"]
    held = post("mara", f"Re: [R-{number}] The door", "More.")
    assert (held["decision"], held["reason"]) == ("held", f"It names request {number}, and nothing in it proves that its sender wrote it.")
    refused = post("leo", f"Re: [R-{number}] The door", "Me too.")
    assert refused["request"] != number, "a number in a subject is not enough for somebody who has no part in it"
    assert len(desk.messages(number)) == 2


def test_who_is_named_as_the_sender_hears_that_a_mail_waits(desk: DeskUser, post: Any, run_jobs: Any, outbox: Any) -> None:
    """Mara wrote it and can answer where it counts, or somebody else did and she knows; the lead of the department sees the mail."""
    number = desk.file().id
    run_jobs()
    before = len(outbox(to=desk.world.people["mara"].email))
    assert post("mara", f"Re: [R-{number}] The door", "Send me the key.")["decision"] == "held"
    kept = db.session.execute(sa.select(store.IncomingMail.subject_kind, store.IncomingMail.subject_id)).one()
    assert tuple(kept) == ("people.department", desk.find(number).department_id)
    notice = db.session.scalars(sa.select(Notice).where(Notice.kind == "desk.held")).one()
    assert (notice.person_id, notice.path) == (desk.world.people["mara"].id, f"/requests/{number}")
    clock.now()
    run_jobs()
    assert len(outbox(to=desk.world.people["mara"].email)) <= before + 1


@pytest.mark.parametrize(
    ("line", "decision"),
    [
        ("mx.marlow.example; dmarc=pass header.from=marlow.example", "appended"),
        ("mx.marlow.example; dmarc=fail header.from=marlow.example", "held"),
        ("mx.marlow.example; dmarc=pass header.from=elsewhere.example", "held"),
        ("mx.elsewhere.example; dmarc=pass header.from=marlow.example", "held"),
        ("mx.marlow.example; none", "held"),
    ],
)
def test_the_word_of_the_server_that_took_it_counts(desk: DeskUser, post: Any, app: Flask, line: str, decision: str) -> None:
    """Of the one server that the settings name, and of no other; without a setting of none."""
    number, subject = desk.file().id, "Re: [R-{}] The door"
    assert post("mara", subject.format(number), f"First. {line}", Authentication_Results=line)["decision"] == "held"
    app.extensions["settings"] = replace(app.extensions["settings"], mail_in_authserv="mx.marlow.example")
    try:
        assert post("mara", subject.format(number), f"Second. {line}", Authentication_Results=line)["decision"] == decision
    finally:
        app.extensions["settings"] = replace(app.extensions["settings"], mail_in_authserv="")


def test_an_id_counts_only_with_its_mark(desk: DeskUser, post: Any) -> None:
    """Numbers can be guessed; a root with a wrong mark is nobody's, and so is one of before there were marks."""
    number = desk.file().id
    good = mail_ids.root_id("desk.request", number)
    forged = [
        f"<thread.desk-request.{number}@localhost>",
        good.replace("@", "a@"),
        mail_ids.root_id("desk.request", number + 1).replace(str(number + 1), str(number)),
    ]
    for place, root in enumerate(forged):
        assert post("mara", "Re: x", f"Try {place}", References=root)["request"] != number
    assert post("mara", "Re: x", "Mine", References=good)["request"] == number


def test_the_answer_address_leads_back(desk: DeskUser, post: Any) -> None:
    """Whatever the subject says; for whoever it was made for, and not for somebody else who found it."""
    number, mara = desk.file().id, desk.world.people["mara"].id
    address = reply_address.make("desk.request", number, mara)
    found = post("mara", "Something else", "Thank you!\r\n\r\nOn Mon, Nov 23, 2026 at 9:10 Jonas <jonas@marlow.example> wrote:\r\n> old", to=address.upper())
    assert (found["decision"], found["request"], found["reply_text"]) == ("appended", number, "Thank you!")
    token = post(
        "mara", "Once more", f"Also this.\r\n\r\n> Leave this line in [ref:{reply_address.token('desk.request', number, mara)}]", to="x@marlow.example"
    )
    assert (token["decision"], token["request"]) == ("appended", number)
    stranger = post("leo", "x", "Let me in.", to=address)
    assert (stranger["decision"], stranger["request"]) == ("held", None)
    forged = address.replace("reply+a", "reply+b", 1)
    assert post("mara", "A new thing", "Words.", to=forged)["request"] != number


def test_a_colleague_who_got_the_mail_joins_by_answering(desk: DeskUser, post: Any) -> None:
    """By the signed line in it; ids of mails can be guessed, so they open nothing to anybody without a part. Of a confidential request nobody joins."""
    number = desk.file().id
    root = mail_ids.root_id("desk.request", number)
    guessed = post("tom", "Re: x", "Let me in.", References=root)
    assert (guessed["decision"], guessed["request"]) == ("held", None)
    line = f"> [ref:{reply_address.token('desk.request', number, desk.world.people['mara'].id)}]"
    found = post("tom", "Re: x", f"I saw it too.\r\n\r\n{line}", References=root)
    assert (found["decision"], found["request"]) == ("appended", number)
    assert db.session.get(Participant, (number, desk.world.people["tom"].id)) is not None
    with unit_of_work():
        db.session.execute(sa.update(Request).where(Request.id == number).values(is_confidential=True))
    held = post("sam", "Re: x", f"Me too.\r\n\r\n{line}", References=root)
    assert (held["decision"], held["request"]) == ("held", None)


def test_a_pasted_line_moves_no_answer(desk: DeskUser, post: Any) -> None:
    """The ids of a mail say what it answers; a line of another request that somebody put above does not."""
    answered, pasted, mara = desk.file().id, desk.file().id, desk.world.people["mara"].id
    line = f"[ref:{reply_address.token('desk.request', pasted, mara)}]"
    found = post("mara", "Re: x", f"You wrote this elsewhere: {line}", In_Reply_To=mail_ids.root_id("desk.request", answered))
    assert (found["decision"], found["request"]) == ("appended", answered)
    nearest = post("mara", "Re: x", "The second.", In_Reply_To=mail_ids.root_id("desk.request", answered), References=mail_ids.root_id("desk.request", pasted))
    assert nearest["request"] == answered


def test_signed_lines_and_addresses_do_not_get_into_the_request(desk: DeskUser, post: Any) -> None:
    """Whoever reads along could write in the name of the person they were made for."""
    number, mara = desk.file().id, desk.world.people["mara"].id
    token, address = reply_address.token("desk.request", number, mara), reply_address.make("desk.request", number, mara)
    words = f"Above.\r\n\r\n> Keep this [ref:{token}]\r\n\r\nBetween.\r\n\r\n> To: {address}\r\n\r\nBelow."
    assert post("mara", "Re: x", words, to=address)["request"] == number
    opened = post("mara", "Fwd: x", f"---------- Forwarded message ---------\r\nFrom: Hearth <{address}>\r\nSubject: x\r\n\r\n[ref:{token}] Old.")["request"]
    for said in (desk.messages(number)[-1], desk.messages(opened)[0]):
        assert token not in said.body.casefold()
    assert "Between." in desk.messages(number)[-1].body
    assert "Old." in desk.messages(opened)[0].body


def test_people_in_copy_of_an_answer_follow(desk: DeskUser, post: Any) -> None:
    """Whoever asked may let others follow by putting them in copy; not where only From and a number say who wrote, which anybody can write."""
    number, tom = desk.file().id, desk.world.people["tom"]
    for guessed, decision in (({}, "held"), ({"References": mail_ids.root_id("desk.request", number)}, "appended")):
        assert post("mara", f"Re: [R-{number}] The door", f"Tom knows more. {guessed}", Cc=str(tom.email), **guessed)["decision"] == decision
        assert db.session.get(Participant, (number, tom.id)) is None
    stolen = reply_address.make("desk.request", number, desk.world.people["sam"].id)
    post("mara", "Re: The door", "Tom knows a lot.", to=stolen, Cc=str(tom.email))
    assert db.session.get(Participant, (number, tom.id)) is None
    address = reply_address.make("desk.request", number, desk.world.people["mara"].id)
    post("mara", "Re: The door", "Tom knows more.", to=address, Cc=str(tom.email))
    assert db.session.get(Participant, (number, tom.id)) is not None


def test_the_serving_side_answers_by_mail(desk: DeskUser, post: Any) -> None:
    """It is a reply, which acknowledges; with ``note:`` first it stays inside the team. Without the signed address it waits: From proves nothing."""
    number = desk.file().id
    assert post("jonas", f"Re: [R-{number}] The door", "Give me your password.")["decision"] == "held"
    address = reply_address.make("desk.request", number, desk.world.people["jonas"].id)
    assert post("jonas", "Re: The door", "I come by.", to=address)["decision"] == "appended"
    said = desk.messages(number)[-1]
    assert (said.body, said.kind.value) == ("I come by.", "acknowledgement")
    assert post("jonas", "Re: The door", "Note: the spare key is in store B.", to=address)["decision"] == "appended"
    assert (desk.messages(number)[-1].body, desk.messages(number)[-1].kind.value) == ("the spare key is in store B.", "note")


@pytest.mark.parametrize(
    ("who", "headers", "decision"),
    [
        ("mara", {"Auto_Submitted": "auto-replied"}, "ignored"),
        ("mara", {"Precedence": "bulk"}, "ignored"),
        ("hearth@localhost", {}, "ignored"),
        ("reply+aeaaaebyaaaaadiauzsiu34zwjkuhuz4ee@localhost", {}, "ignored"),
        ("reply+aeaaaebyaaaaadiauzsiu34zwjkuhuz4ee@elsewhere.example", {}, "held"),
        (DESK, {}, "ignored"),
        ("stranger@elsewhere.example", {}, "held"),
    ],
)
def test_what_opens_nothing(desk: DeskUser, post: Any, who: str, headers: dict[str, str], decision: str) -> None:
    """Machines are ignored, strangers wait; neither opens or answers."""
    before = count(Request), count(Message)
    assert post(who, **headers)["decision"] == decision
    assert (count(Request), count(Message)) == before
    assert count(store.IncomingMail) == 1


def test_a_forward_opens_its_own(desk: DeskUser, post: Any) -> None:
    """Even when it names a request of the sender."""
    number = desk.file().id
    found = post("mara", f"Fwd: [R-{number}] The door", "---------- Forwarded message ---------\r\nFrom: Tom <tom@x.example>\r\nSubject: The door\r\n\r\nHello")
    assert found["decision"] == "opened"
    assert found["request"] != number


def test_a_closed_request_takes_no_more(desk: DeskUser, post: Any) -> None:
    """The requester's mail opens one that follows it; the serving side's waits and says why."""
    number = desk.file().id
    with unit_of_work():
        db.session.execute(sa.update(Request).where(Request.id == number).values(status="cancelled", is_open=False))
    follows = desk.find(post("mara", f"Re: [R-{number}] x")["request"])
    assert (follows.id != number, follows.follows_id) == (True, number)
    assert post("jonas", f"Re: [R-{number}] x")["decision"] == "held"


def test_what_was_confidential_opens_nothing_that_a_department_reads(desk: DeskUser, post: Any) -> None:
    """Neither an answer to a closed confidential request nor a forward of its mail; the mail waits beside the request it names."""
    number = desk.file().id
    with unit_of_work():
        db.session.execute(sa.update(Request).where(Request.id == number).values(is_confidential=True, status="cancelled", is_open=False))
    before = count(Request)
    for subject in (f"Re: [R-{number}] x", f"Fwd: [R-{number}] x"):
        assert post("mara", subject, f"Privately: {subject}")["decision"] == "held"
    assert count(Request) == before
    kept = db.session.execute(sa.select(store.IncomingMail.subject_kind, store.IncomingMail.subject_id))
    assert {tuple(row) for row in kept} == {("desk.request", number)}


def test_whoever_was_taken_out_stays_out(desk: DeskUser, post: Any) -> None:
    """The signed line of their own mails lets nobody back in."""
    number, tom = desk.file().id, desk.world.people["tom"].id
    found = post("tom", "Re: x", f"I am back.\r\n\r\n> [ref:{reply_address.token('desk.request', number, tom)}]", to="x@marlow.example")
    assert (found["decision"], found["request"]) == ("held", None)
    assert db.session.get(Participant, (number, tom)) is None


def test_files_above_the_limit_are_named(desk: DeskUser, post: Any) -> None:
    """The entry takes ten and says which stayed in the original."""
    head = 'Content-Type: text/plain\r\nContent-Disposition: attachment; filename="list{}.txt"\r\n\r\none\r\n'
    mixed = "--b\r\nContent-Type: text/plain\r\n\r\nLists.\r\n" + "".join("--b\r\n" + head.format(number) for number in range(25)) + "--b--"
    number = post("mara", "Lists", mixed, Content_Type="multipart/mixed; boundary=b")["request"]
    assert db.session.scalar(sa.select(sa.func.count()).where(Attachment.request_id == number)) == 10
    body = desk.messages(number)[0].body
    assert "- list10.txt: " in body
    assert body.endswith("- 5 more files")


def test_a_full_disk_costs_no_mail(desk: DeskUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, run_jobs: Any) -> None:
    """The file gets a line and the status says so, the next ones are done, and what was kept is decided when there is room again."""
    part = 'Content-Type: text/plain\r\nContent-Disposition: attachment; filename="list.txt"\r\n\r\none\r\n'
    mixed = f"--b\r\nContent-Type: text/plain\r\n\r\nA list.\r\n--b\r\n{part}--b--"
    (tmp_path / "full").write_bytes(raw(desk, "mara", "With a file", mixed, Content_Type="multipart/mixed; boundary=b"))
    (tmp_path / "good").write_bytes(raw(desk, "mara", "Without", "x"))

    def no_room(*_: Any, **__: Any) -> None:
        raise DiskFull()

    with monkeypatch.context() as patch:
        patch.setattr(files, "receive", no_room)
        assert ingest((str(tmp_path / "full"), str(tmp_path / "good")), dry=False, as_json=False) == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"portal: {tmp_path / 'full'}: ")
    assert "opened" in said.out
    run_jobs()
    decisions = db.session.scalars(sa.select(store.IncomingMail.decision)).all()
    assert [one.value for one in decisions if one] == ["opened", "opened"]


def test_no_room_while_deciding_is_no_decision(desk: DeskUser, monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes by itself is tried again later instead of waiting for a person."""
    content = raw(desk, "mara", "The light", "It is out.")
    with unit_of_work():
        number, _ = store.keep(content, via="file", now=clock.now())

    def busy(*_: Any, **__: Any) -> None:
        raise Busy()

    with monkeypatch.context() as patch:
        patch.setattr(Desk, "take", busy)
        with pytest.raises(Busy):
            store.decide(number)
    assert store.decided(keys.key_of(content)) is None
    store.decide(number)
    assert store.decided(keys.key_of(content))


def test_a_dry_run_writes_nothing(post: Any) -> None:
    """It says what would be decided."""
    before = count(Request)
    assert post("mara", dry=True)["decision"] == "opened"
    assert (count(Request), count(store.IncomingMail)) == (before, 0)


def test_a_crash_after_keeping_is_made_up_for(desk: DeskUser, post: Any, run_jobs: Any) -> None:
    """The job decides what was kept and not decided."""
    content = raw(desk, "mara", "The light", "It is out.")
    with unit_of_work():
        store.keep(content, via="file", now=clock.now())
    run_jobs()
    found = store.decided(keys.key_of(content))
    assert found
    assert found.decision == "opened"
    assert desk.find(found.subject[1] if found.subject else 0).title == "The light"


def test_files_that_are_no_mail(tmp_path: Path, capsys: Any, post: Any, desk: DeskUser) -> None:
    """A folder and a missing file each get a line, an empty mail waits, and the good ones are done all the same."""
    (tmp_path / "empty").write_bytes(b"")
    good = tmp_path / "good"
    good.write_bytes(b"From a\n" + raw(desk, "mara", "One", "x") + b"\n\nFrom b\n" + raw(desk, "mara", "Two", "y"))
    assert ingest((str(tmp_path), str(tmp_path / "empty"), str(tmp_path / "none"), str(good)), dry=False, as_json=False) == 1
    said = capsys.readouterr()
    assert len(said.err.splitlines()) == 2
    assert said.out.count(": opened ") == 2
    assert said.out.count(": held") == 1


@pytest.mark.postgres
def test_sixteen_at_once_take_in_one_mail_once(app: Flask, desk: DeskUser, run_jobs: Any) -> None:
    """Kept by whoever is first, decided by whoever is first; one request comes of it."""
    content = raw(desk, "mara", "The lamp", "It hums.")
    before = count(Request)
    kept = race(app, lambda _: store.keep(content, via="file", now=clock.now())[1])
    assert kept == {"True": 1, "False": WAYS - 1}
    mail_id = db.session.scalars(sa.select(store.IncomingMail.id)).one()
    db.session.rollback()
    threads = [threading.Thread(target=_decide, args=(app, mail_id)) for _ in range(WAYS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(Request) == before + 1
    found = store.decided(keys.key_of(content))
    assert found is not None
    assert found.decision == "opened"


def _decide(app: Flask, mail_id: int) -> None:
    with app.app_context():
        store.decide(mail_id)
        db.session.remove()
