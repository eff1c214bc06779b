"""A mail said who wrote it, and was believed; or two machines wrote to each other until somebody pulled the plug.

Published case classes: inbound mail as identity (FreeScout 2026: answers need a mark, old ids switched off, access looked at again; RT
CVE-2023-41259: headers in mail trusted) and mail loops (osTicket 1041, FreeScout 3670, Odoo 66329, Frappe Helpdesk before PR 3628).
"""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.conversation import remove_participant
from portal.desk.models import Message, Participant, Request
from portal.kernel import clock, mail_ids, reply_address, return_address
from portal.kernel.db import db
from portal.kernel.incoming import store
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications.models import Notice
from portal.people.models import Department, Person
from tests.support.desk import DeskUser

DESK = "facilities@localhost"
OUTSIDE = "evil@elsewhere.example"
Post = Callable[..., tuple[str, int | None]]


@pytest.fixture
def desk(world: Any, context: Flask) -> DeskUser:
    """People of the world; Facilities and People have addresses of their own."""
    with unit_of_work():
        db.session.execute(sa.update(Department).where(Department.key == "facilities").values(email=DESK))
    return DeskUser(world)


@pytest.fixture
def post(app: Flask, desk: DeskUser, run_jobs: Any) -> Post:
    """A mail comes in; what was decided, and the request it went to."""
    number = [0]

    def take(
        sender: str, subject: str = "The door", text: str = "Open it.", *, to: str = DESK, head: tuple[str, ...] = (), ident: str = ""
    ) -> tuple[str, int | None]:
        number[0] += 1
        lines = [sender if sender.startswith(("From", "Sender")) else f"From: {sender}", f"To: {to}", f"Subject: {subject}", *head]
        lines += [f"Message-ID: {ident or f'<{number[0]}@elsewhere.example>'}", "", f"{text} {number[0]}", ""]
        db.session.remove()
        with unit_of_work():
            mail_id, _ = store.keep("\r\n".join(lines).encode(), via="listener", now=clock.now(), envelope_to=[to])
        run_jobs()
        db.session.remove()
        row = db.session.get_one(store.IncomingMail, mail_id)
        assert row.decision is not None
        return row.decision.value, row.subject_id if row.subject_kind == "desk.request" and row.decision.value in ("opened", "appended") else None

    return take


def rows(*tables: Any) -> tuple[int, ...]:
    """How many there are of each."""
    return tuple(db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables)


def address_of(desk: DeskUser, who: str, request: str) -> str:
    """The answer address in the mails of somebody about a request."""
    return reply_address.make("desk.request", desk.world.requests[request], desk.world.people[who].id)


def test_a_sender_that_anybody_can_write_changes_no_request(desk: DeskUser, post: Post) -> None:
    """FreeScout 2026: a forged From and a number in the subject add no word, answer nothing and let nobody in."""
    mara, jonas = (desk.world.people[who].email for who in ("mara", "jonas"))
    before = rows(Message, Participant)
    for sender in (mara, jonas, desk.world.people["priya"].email):
        for subject in (
            f"Re: [R-{desk.world.requests['radiator']}] Radiator",
            f"#{desk.world.requests['radiator']}",
            f"AW: [#{desk.world.requests['radiator']}]",
        ):
            assert post(str(sender), subject, head=(f"Cc: {desk.world.people['leo'].email}",))[0] == "held", (sender, subject)
    assert rows(Message, Participant) == before


@pytest.mark.parametrize(
    "sender",
    [
        "From: mara.okafor@marlow.example <evil@elsewhere.example>",
        'From: "Mara Okafor <mara.okafor@marlow.example>" <evil@elsewhere.example>',
        "From: =?utf-8?q?mara=2Eokafor=40marlow=2Eexample?= <evil@elsewhere.example>",
        "From: evil@elsewhere.example (mara.okafor@marlow.example)",
        "From: <mara.okafor@marlow.example@elsewhere.example>",
        "From: mara.okafor@marlow.example.elsewhere.example",
        "From: evil@elsewhere.example\r\nReply-To: mara.okafor@marlow.example\r\nX-Original-From: mara.okafor@marlow.example",
        "Sender: mara.okafor@marlow.example\r\nFrom: evil@elsewhere.example",
        "From: mara.okafor%marlow.example@elsewhere.example",
        "From: mara.okafor@marlow.example\\@elsewhere.example",
        "From:",
    ],
)
def test_a_name_that_looks_like_an_address_is_a_name(desk: DeskUser, post: Post, sender: str) -> None:
    """RT CVE-2023-41259: names, comments, other headers and half addresses make nobody a colleague; nothing is opened for Mara."""
    before = rows(Request, Message)
    assert post(sender)[0] in ("held", "ignored")
    assert rows(Request, Message) == before


def test_an_answer_address_that_somebody_else_found_opens_nothing(desk: DeskUser, post: Post) -> None:
    """FreeScout 2026: Mara's answer address in the hands of Nils, of a stranger, of somebody on the serving side, and of a leaver."""
    before = rows(Message, Participant)
    for sender in (str(desk.world.people["nils"].email), OUTSIDE, str(desk.world.people["jonas"].email), str(desk.world.people["bruno"].email)):
        assert post(sender, to=address_of(desk, "mara", "radiator"))[0] == "held", sender
    assert rows(Message, Participant) == before
    assert post(str(desk.world.people["mara"].email), to=address_of(desk, "mara", "radiator")) == ("appended", desk.world.requests["radiator"])


def test_an_answer_address_of_yesterday_opens_nothing(desk: DeskUser, post: Post) -> None:
    """FreeScout 2026: rights are looked at when the answer comes. Sam followed, was taken out, and answers an old mail; Mara left."""
    desk.act(remove_participant, "for-mara", person_id=desk.world.people["sam"].id, who="mara")
    before = rows(Message, Participant)
    assert post(str(desk.world.people["sam"].email), to=address_of(desk, "sam", "for-mara"))[0] == "held"
    with unit_of_work():
        db.session.execute(sa.update(Person).where(Person.id == desk.world.people["mara"].id).values(is_active=False))
    assert post(str(desk.world.people["mara"].email), to=address_of(desk, "mara", "radiator"))[0] == "held"
    assert rows(Message, Participant) == before


def test_an_answer_to_a_closed_request_wakes_nothing(desk: DeskUser, post: Post) -> None:
    """osTicket 494: a closed request stays closed and unchanged; a new one says what it follows."""
    old = desk.world.requests["key"]
    held = rows_of(old)
    decision, number = post(str(desk.world.people["mara"].email), to=f"{address_of(desk, 'mara', 'key')}, {DESK}")
    assert (decision in ("opened", "held"), number != old) == (True, True)
    assert rows_of(old) == held
    if number is not None:
        assert desk.find(number).follows_id == old


def rows_of(number: int) -> tuple[Any, ...]:
    """What a request and its conversation look like."""
    row = db.session.get_one(Request, number, populate_existing=True)
    return row.status, row.is_open, row.version, row.message_count


def test_a_confidential_request_takes_words_of_its_own_people_only(desk: DeskUser, post: Post) -> None:
    """FreeScout CVE-2026-41183 by mail: with the address of somebody who may, whoever may not adds nothing, follows nothing and hears nothing."""
    before, told = rows(Message, Participant), rows(Notice)
    for sender in ("leo", "priya", "nils", "ada"):
        person = desk.world.people[sender]
        for to in (address_of(desk, "tom", "pay"), address_of(desk, sender, "pay")):
            assert post(str(person.email), f"Re: [R-{desk.world.requests['pay']}] x", to=to)[0] == "held", (sender, to)
    assert (rows(Message, Participant), rows(Notice)) == (before, told)
    where = {(kind, number) for kind, number in db.session.execute(sa.select(store.IncomingMail.subject_kind, store.IncomingMail.subject_id))}
    assert where == {("desk.request", desk.world.requests["pay"])}, "what waits is for those who read it, not for a department"


def test_headers_choose_nothing(desk: DeskUser, post: Post) -> None:
    """RT CVE-2023-41259: what a mail says about queue, priority, requester or numbers is text; the request is like any other."""
    forged = (
        "X-Hearth-Priority: urgent", "X-Hearth-Department: people", "X-Hearth-Confidential: no", f"X-Hearth-Mail: {'a' * 20}", "X-Hearth-Requester: iris",
        "X-RT-Owner: root", "RT-Ticket: 1", "X-Priority: 1", "Importance: high", "X-Zammad-Ticket-Id: 17", "X-Original-To: people@localhost", "X-Mailer: Hearth",
        "Delivered-To: iris.vogel@marlow.example", "X-Forwarded-For: 127.0.0.1", "Authentication-Results: localhost; dmarc=pass header.from=marlow.example",
        "Received-SPF: pass", "Disposition-Notification-To: evil@elsewhere.example", "Return-Receipt-To: evil@elsewhere.example",
    )  # fmt: skip
    mara = str(desk.world.people["mara"].email)
    plain, dressed = post(mara, "Plain")[1], post(mara, "Dressed", head=forged)[1]
    assert plain is not None
    assert dressed is not None
    columns = [column.name for column in Request.__table__.columns if column.name not in ("id", "title", "search_text", "key")]
    one, two = (desk.find(number) for number in (plain, dressed))
    assert [name for name in columns if getattr(one, name) != getattr(two, name)] == []
    assert post(OUTSIDE, "Dressed", head=forged)[0] in ("held", "ignored")


def test_ids_that_we_did_not_make_join_no_thread(desk: DeskUser, post: Post) -> None:
    """FreeScout 2026: old and guessed ids name nothing; only one that carries our mark does, and then for its people alone."""
    number, mara = desk.world.requests["radiator"], str(desk.world.people["mara"].email)
    good = mail_ids.root_id("desk.request", number)
    guesses = (
        f"<thread.desk-request.{number}@localhost>",
        f"<{number}@localhost>",
        good.replace(".desk", ".Desk"),
        f"{good[:-14]}{good[-14:].replace('@', 'a@')}",
        f"<reply-{number}-1-2@localhost>",
        "<>",
    )
    before = rows_of(number)
    for one in guesses:
        assert post(mara, "Re: hello", head=(f"In-Reply-To: {one}", f"References: {one}"))[1] != number, one
    assert rows_of(number)[:3] == before[:3]
    assert post(OUTSIDE, "Re: hello", head=(f"References: {good}",))[0] == "held"
    assert post(mara, "Re: hello", head=(f"References: {good}",)) == ("appended", number)


def test_a_report_about_a_mail_we_never_sent_marks_nobody(desk: DeskUser, post: Post) -> None:
    """Frappe Helpdesk: a made-up "could not be delivered" must not stop the mail to a colleague."""
    from portal.notifications.models import DeadAddress

    forged = [f"b+{'a' * 20}@localhost", return_address.make(10**6, "localhost"), return_address.make(1, "localhost").replace("b+", "b+b", 1)]
    for to in forged:
        text = f"Final-Recipient: rfc822;{desk.world.people['mara'].email}\r\nAction: failed\r\nStatus: 5.1.1"
        head = ("Return-Path: <>", "Content-Type: multipart/report; report-type=delivery-status; boundary=b")
        post("MAILER-DAEMON@mx.example", "Undelivered", f"--b\r\nContent-Type: message/delivery-status\r\n\r\n{text}\r\n--b--", to=to, head=head)
    assert rows(DeadAddress) == (0,)


# -- machines that write to each other ----------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["another Hearth", "a robot that says nothing about itself", "a robot that starts anew each time"])
def test_two_machines_stop_within_three(desk: DeskUser, post: Post, clock: Any, run_jobs: Any, outbox: Any, other: str) -> None:
    """osTicket 1041, FreeScout 3670 (eleven rounds), Odoo 66329: every mail of ours is answered by a machine at Mara's address; it ends by itself."""
    mara = str(desk.world.people["mara"].email)
    assert post(mara, "Hello")[0] == "opened"
    answered, rounds = 0, 0
    while rounds < 12:
        rounds += 1
        clock.advance(minutes=1)
        run_jobs(periodic=True)
        letters = outbox(to=mara)
        if len(letters) == answered:
            break
        for letter in letters[answered:]:
            reply_to, head = letter.headers.get("Reply-To", DESK), (f"In-Reply-To: {letter.message_id}", f"References: {letter.message_id}")
            if other == "another Hearth":
                post(mara, f"Re: {letter.subject}", "We have it.", to=reply_to, head=(*head, "Auto-Submitted: auto-replied"))
            elif other == "a robot that says nothing about itself":
                post(mara, f"Re: {letter.subject}", "I am away.", to=reply_to, head=head)
            else:
                post(mara, "Out of office", "I am away.", to=DESK)
        answered = len(letters)
    assert answered <= (1 if other == "another Hearth" else 3), [letter.subject for letter in outbox(to=mara)]
    assert rounds <= 5
