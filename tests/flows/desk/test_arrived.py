"""Mail that waits for a look, decided by one person once; and the original behind an entry that came by mail."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import Client

from portal.desk.actions import arrived as write
from portal.desk.models import Attachment, MailedMessage, Message, Request
from portal.kernel import clock
from portal.kernel.activity import Activity
from portal.kernel.content_host import create_content_app
from portal.kernel.db import db
from portal.kernel.incoming import store
from portal.kernel.incoming.reading import read
from portal.kernel.incoming.store import Decision, IncomingMail
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Department
from tests.flows.desk.test_actions_races import WAYS, race

RAW = (
    b"From: Rosa Lind <rosa@supplier.example>\r\nTo: x@marlow.example\r\nSubject: Your order\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt comes <b>Friday</b>.\r\n"
    b'--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename="list.txt"\r\n\r\none\r\n--b--\r\n'
)


@pytest.fixture
def inside(app: Flask) -> Any:
    """Look something up, or do something, beside the browsers."""

    def run(work: Callable[[], Any]) -> Any:
        with app.app_context(), unit_of_work():
            return work()

    return run


@pytest.fixture
def hold(inside: Any) -> Any:
    """Keep a mail that waits for a look."""

    def keep(raw: bytes = RAW, request_id: int | None = None) -> int:
        number: int = inside(lambda: held(raw, request_id))
        return number

    return keep


def held(raw: bytes, request_id: int | None) -> int:
    """A mail that waits, in this transaction."""
    number, _ = store.keep(raw, via="file", now=clock.now())
    facilities = db.session.scalars(sa.select(Department.id).where(Department.key == "facilities")).one()
    about = ("desk.request", request_id) if request_id else ("people.department", facilities)
    store.settle(number, read(raw), store.Verdict(Decision.HELD, "We do not know this sender.", about), now=clock.now())
    return number


@pytest.fixture
def mail_of(inside: Any) -> Any:
    """(decision, who decided, the request) of a mail."""
    columns = (IncomingMail.decision, IncomingMail.decided_by, IncomingMail.subject_id)
    return lambda number: tuple(inside(lambda: db.session.execute(sa.select(*columns).where(IncomingMail.id == number)).one()))


@pytest.fixture
def rows(inside: Any) -> Any:
    """The rows of a query as tuples."""
    return lambda query: inside(lambda: [tuple(row) for row in db.session.execute(query)])


DECIDED = sa.select(Activity.data).where(Activity.event == "desk.mail.decided")


def test_a_lead_reads_what_waits(world: Any, sign_in: Any, query_count: Any, hold: Any) -> None:
    """The words as plain text, the file by name and size; who leads another department finds nothing, who leads none is refused."""
    number, priya = hold(), sign_in(world.priya)
    with query_count() as statements:
        listed = priya.get("/mail-in")
    assert statements.count <= 8, statements
    assert "Your order" in listed
    page = listed.follow("Your order")
    assert "It comes &lt;b&gt;Friday&lt;/b&gt;." in page.source
    assert "list.txt" in page
    assert "We do not know this sender." in page
    assert "Your order" not in sign_in(world.camille).get("/mail-in")
    assert sign_in(world.camille).get(f"/mail-in/{number}").status == 404
    assert sign_in(world.mara).get("/mail-in").status == 403
    assert sign_in(world.mara).get(f"/mail-in/{number}").status == 403


def test_it_opens_for_somebody(world: Any, sign_in: Any, hold: Any, mail_of: Any, rows: Any) -> None:
    """A request of that person with words, file and original; one row of the record; the second lead gets a sentence."""
    number, priya, ada = hold(), sign_in(world.priya), sign_in(world.ada)
    page, late = priya.get(f"/mail-in/{number}"), ada.get(f"/mail-in/{number}")
    repair = str(world.services["repair"])
    refused = page.submit("person", person="Nobody Known", service_id=repair)
    assert refused.status == 422
    assert "We found nobody called Nobody Known." in refused
    assert mail_of(number)[0] is Decision.HELD
    assert refused.submit("person", person=world.mara.staff_number, service_id=repair).status == 200
    decision, by, request = mail_of(number)
    assert (decision, by) == (Decision.OPENED, world.priya.id)
    found = rows(sa.select(Request.title, Request.requester_id, Request.channel).where(Request.id == request))
    assert found == [("Your order", world.mara.id, "mail")]
    words = "Mail from Rosa Lind <rosa@supplier.example>\n\nIt comes <b>Friday</b>."
    assert rows(sa.select(Message.body).join(MailedMessage).where(Message.request_id == request)) == [(words,)]
    assert rows(sa.select(Attachment.name).where(Attachment.request_id == request)) == [("list.txt",)]
    second = late.submit("person", person=world.mara.staff_number, service_id=repair)
    assert second.status == 409
    assert "Somebody has decided about this mail already." in second
    assert rows(DECIDED) == [({"mail_id": number, "decision": "opened", "request_id": request},)]


def test_it_joins_a_request_one_works_on(world: Any, sign_in: Any, hold: Any, mail_of: Any, rows: Any) -> None:
    """As a note of the team; a number of others is refused and the mail waits on."""
    number, priya, radiator = hold(), sign_in(world.priya), world.requests["radiator"]
    page = priya.get(f"/mail-in/{number}")
    for other in (str(world.requests["laptop"]), "999999", "x"):
        refused = page.submit("number", number=other)
        assert refused.status == 422
        assert "There is no request with this number that you work on." in refused
    assert mail_of(number)[0] is Decision.HELD
    assert page.submit("number", number=f"#{radiator}").status == 200
    assert mail_of(number) == (Decision.APPENDED, world.priya.id, radiator)
    kind, author, body = rows(sa.select(Message.kind, Message.author_id, Message.body).join(MailedMessage))[0]
    assert (kind.value, author, body.splitlines()[-1]) == ("note", world.priya.id, "It comes <b>Friday</b>.")
    assert rows(DECIDED) == [({"mail_id": number, "decision": "appended", "request_id": radiator},)]


def test_it_is_ignored(world: Any, sign_in: Any, hold: Any, mail_of: Any, rows: Any) -> None:
    """It stays under its tab, with who decided; nobody decides again."""
    number, priya = hold(), sign_in(world.priya)
    page = priya.get(f"/mail-in/{number}")
    ignoring = next(form for form in page.forms if form.action.endswith("/ignore"))
    late = sign_in(world.ada).get(f"/mail-in/{number}")
    assert priya.submit(page, ignoring).status == 200
    assert late.submit("number", number=str(world.requests["socket"])).status == 409
    assert mail_of(number)[:2] == (Decision.IGNORED, world.priya.id)
    assert "Your order" not in priya.get("/mail-in")
    decided = priya.get("/mail-in?show=ignored").follow("Your order")
    assert f"{world.priya.name} decided that" in decided
    assert [form for form in decided.forms if "/mail-in/" in form.action] == []
    assert [data["decision"] for (data,) in rows(DECIDED)] == ["ignored"]


def test_what_names_a_confidential_request(world: Any, sign_in: Any, hold: Any) -> None:
    """Is for those who may read it and for administrators; other leads do not learn of it."""
    number = hold(request_id=world.requests["concern"])
    for who, status in (("elena", 200), ("ada", 200), ("priya", 404)):
        visitor = sign_in(world.people[who])
        assert visitor.get(f"/mail-in/{number}").status == status
        assert ("Your order" in visitor.get("/mail-in")) == (status == 200)


def test_the_original_is_for_who_works_on_it(app: Flask, world: Any, sign_in: Any, query_count: Any, hold: Any, inside: Any) -> None:
    """Every byte from the content host, and the page within its nine statements; everybody else hears of no such page."""
    number, request = hold(), world.requests["radiator"]

    def mailed() -> int:
        words: int = db.session.scalars(sa.select(Message.id).where(Message.request_id == request).order_by(Message.id)).first() or 0
        db.session.add(MailedMessage(message_id=words, mail_id=number))
        return words

    words, jonas = inside(mailed), sign_in(world.jonas)
    address, path = f"/requests/{request}", f"/requests/{request}/original/{words}"
    jonas.get(address)
    with query_count() as statements:
        page = jonas.get(address)
    assert statements.count <= 9, statements
    assert "Came by mail." in page
    found = jonas.get(path, follow_redirects=False)
    assert found.status == 303
    content = Client(create_content_app(app.extensions["settings"], str(app.secret_key))).get("/" + found.headers["Location"].split("/", 3)[3], buffered=True)
    assert content.data == RAW
    assert content.headers["Content-Disposition"].startswith("attachment")
    assert jonas.get(f"{path}9", follow_redirects=False).status == 404
    for who in ("mara", "vera", "leo"):
        assert sign_in(world.people[who]).get(path).status == 404
    assert "Came by mail." not in sign_in(world.mara).get(address)


def test_the_pages_of_the_list(world: Any, sign_in: Any, hold: Any) -> None:
    """Twenty-five at a time, and a way on."""
    for place in range(27):
        hold(RAW.replace(b"Your order", f"Order {place:02}".encode()))
    page = sign_in(world.ada).get("/mail-in")
    assert "Order 26" in page
    assert "Order 01" not in page
    assert "Order 01" in page.follow("Older")


@pytest.mark.postgres
def test_sixteen_decide_at_once(app: Flask, desk: Any) -> None:
    """One opens a request with it; the others are told that somebody was faster."""
    with unit_of_work():
        number = held(RAW, None)
    before = db.session.scalar(sa.select(sa.func.count()).select_from(Request)) or 0

    def decide(_: int) -> None:
        mail, who = db.session.get_one(IncomingMail, number), desk.actor("priya")
        write.open_for(mail, read(RAW), person_id=desk.world.mara.id, service_id=desk.world.services["repair"], actor=who, now=clock.now())

    assert race(app, decide) == {"None": 1, "Conflict": WAYS - 1}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Request)) == before + 1
