"""Requests of an earlier desk come in from a file: look, map its words, confirm, watch; twice makes nothing twice, and nobody is told."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.contracts.desk import RequestsTaken
from portal.desk.actions import importing
from portal.desk.actions.deciding import can_reopen
from portal.desk.health import missing_breaches, stale_clocks, status_and_open_differ, uncounted, unknown_to_search, without_clock
from portal.desk.importing import Options
from portal.desk.models import Breach, Clock, ClockEvent, FigureChange, FigureCount, Message, Request, RequestImport, TakenRequest
from portal.desk.queries import search as search_read
from portal.kernel import clock, unit_of_work
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.errors import Conflict
from portal.kernel.mail import Mail
from portal.notifications.models import Notice
from tests.support.client import Page, Visitor

pytestmark = pytest.mark.postgres
ZAMMAD = """Number;Title;Customer;Customer Email;Group;Category;Created at;Closed at;State;Body
4711;Coffee machine leaks;Mara Okafor;mara.okafor@marlow.example;Facilities;Repair;2019-04-01 10:15:00;2019-04-03 09:00:00;closed;"It drips.
Since Monday."
4712;=HYPERLINK("x");"Becker, Tom";;Users;;01.05.2019 08:00;02.05.2019;merged;text
4713;Lamp in the hall;Nobody Known;;Facilities;;2019-04-01;2019-04-02;closed;
4714;Chair wobbles;Nils Brandt;;Facilities;;2019-04-05;2019-04-01;closed;
4715;Blinds are stuck;Nils Brandt;;Facilities;;2019-04-05;;open;They are.
4716;;Nils Brandt;;Facilities;;2019-04-05;;open;
4717;Door;Nils Brandt;;Facilities;;soon;;open;
"""
COUNTED = (Notice, Mail, ClockEvent, Clock, Breach, FigureCount, FigureChange)


def upload(visitor: Visitor, text: str | bytes, name: str = "old.csv", **values: Any) -> Page:
    """Choose a file in the page."""
    content = text if isinstance(text, bytes) else text.encode("utf-8")
    return visitor.get("/requests/import").submit("file", file=(io.BytesIO(content), name), **values)


def of(app: Flask, *columns: Any) -> list[Any]:
    """Imported requests in the order of the file."""
    with app.app_context():
        query = sa.select(*columns).select_from(Request).join(TakenRequest, TakenRequest.request_id == Request.id)
        found = list(db.session.execute(query.order_by(Request.id)))
        db.session.remove()
    return found


def counted(app: Flask) -> dict[str, int]:
    """How many rows there are of what a new request would make."""
    with app.app_context():
        found = {table.__tablename__: db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in COUNTED}
        db.session.remove()
    return found


def wrong_about(app: Flask, number: int) -> list[str]:
    """What the doctor has against a request."""
    truths = (missing_breaches, stale_clocks, status_and_open_differ, uncounted, unknown_to_search, without_clock)
    with app.app_context():
        found = [line for truth in truths for line in truth() if f"request {number} " in line or f"request {number}:" in line]
        db.session.remove()
    return found


def test_a_file_is_looked_at_confirmed_and_taken_over(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, run_jobs: Callable[..., int]) -> None:
    """Nothing before the button, everything after the worker: who, where, when, and nobody hears of it."""
    ada = sign_in(world.ada)
    run_jobs()
    before = counted(app)
    page = upload(ada, ZAMMAD, department_id=str(world.facilities.id), source="Zammad", zone="Europe/Berlin")
    for words in (
        "3 new, 0 known already, 4 refused",
        "We do not know Nobody Known, neither by address nor by name.",
        "It was closed before it was asked.",
        "There is no subject.",
        "soon is no date.",
        "Coffee machine leaks",
    ):
        assert words in page
    assert of(app, Request.id) == []
    assert "Customer Email the address of who asked" in page
    page.submit("confirm")
    assert of(app, Request.id) == []
    assert "Go on from here" in ada.get(page.path)
    assert 'id="standing"' not in ada.fragment(page.path).source
    run_jobs()
    assert 'id="standing" hx-swap-oob="outerHTML"></div>' in ada.fragment(page.path).source
    assert "3 requests were taken over." in ada.get(page.path)
    rows = of(app, Request.title, Request.requester_id, Request.filed_by_id, Request.status, Request.is_open, Request.channel, Request.service_id)
    assert [(row.title, row.requester_id) for row in rows] == [
        ("Coffee machine leaks", world.mara.id),
        ('=HYPERLINK("x")', world.tom.id),
        ("Blinds are stuck", world.nils.id),
    ]
    assert {(row.requester_id == row.filed_by_id, row.status.value, row.is_open, row.channel) for row in rows} == {(True, "closed", False, "import")}
    assert rows[0].service_id == world.services["repair"]
    times = of(app, Request.created_at, Request.closed_at, Request.resolved_at)
    assert times[0].created_at.isoformat() == "2019-04-01T08:15:00+00:00"
    assert times[0].closed_at.isoformat() == "2019-04-03T07:00:00+00:00"
    assert {row.resolved_at for row in times} == {None}
    assert counted(app) == before
    with app.app_context():
        body = db.session.scalar(sa.select(Message.body).join(TakenRequest, TakenRequest.request_id == Message.request_id).order_by(Message.id))
        event = db.session.scalars(sa.select(Activity).where(Activity.event == RequestsTaken.event)).one()
        assert body == "It drips.\nSince Monday."
        assert (event.data["source"], event.data["made"], event.data["refused"], event.actor_id) == ("Zammad", 3, 4, world.ada.id)


def test_the_same_file_twice_makes_nothing_twice(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, run_jobs: Callable[..., int]) -> None:
    """With numbers and without; a number with another subject is no repetition."""
    ada = sign_in(world.ada)
    bare = "subject,requester,created\nCold room,Nils Brandt,2020-01-02\nCold room,Nils Brandt,2020-01-02\nWarm room,Nils Brandt,2020-01-02\n"
    for text, first, then in ((ZAMMAD, "3 new, 0 known", "0 new, 3 known already, 4 refused"), (bare, "2 new, 1 known", "0 new, 3 known")):
        page = upload(ada, text, department_id=str(world.facilities.id), source="Zammad")
        assert first in page
        page.submit("confirm")
        run_jobs()
        made = len(of(app, Request.id))
        page = upload(ada, text, department_id=str(world.facilities.id), source="Zammad")
        assert then in page
        assert not [form for form in page.forms if form.action.endswith("/confirm")]
        assert len(of(app, Request.id)) == made
    other = ZAMMAD.replace("Coffee machine leaks", "Printer is empty")
    assert "The number 4711 was taken over already with another subject." in upload(ada, other, department_id=str(world.facilities.id), source="Zammad")
    assert "3 new" in upload(ada, other, department_id=str(world.facilities.id), source="Jira")


def test_an_old_request_is_read_found_and_left_in_peace(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, run_jobs: Callable[..., int]) -> None:
    """Its page says where it comes from; nothing can be reopened; nobody but its people and the department reads it."""
    upload(sign_in(world.ada), ZAMMAD, department_id=str(world.facilities.id), source="Zammad").submit("confirm")
    run_jobs()
    number = of(app, Request.id)[0].id
    mara, jonas = sign_in(world.mara), sign_in(world.jonas)
    page = mara.get(f"/requests/{number}")
    assert "Taken over from Zammad, number 4711." in page
    assert "Ask again" in page
    assert "Taken over from Zammad, number 4711." in jonas.get(f"/requests/{number}")
    assert sign_in(world.nils).get(f"/requests/{number}").status == 404
    assert sign_in(world.ada).get(f"/requests/{number}").status == 404
    with app.app_context():
        found = {who: [hit.row.id for hit in search_read.find(world.actor(who), search_read.Wanted("coffee drips")).hits] for who in ("mara", "jonas", "nils")}
        db.session.remove()
    assert found == {"mara": [number], "jonas": [number], "nils": []}
    with app.app_context():
        assert not can_reopen(db.session.get_one(Request, number), clock.now())
        db.session.remove()
    assert wrong_about(app, number) == []


def test_what_is_open_can_go_on_here(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, run_jobs: Callable[..., int]) -> None:
    """Its clock starts today, from today it counts as one of ours, nobody is told, and it stands in the queue."""
    before = counted(app)
    page = upload(sign_in(world.ada), ZAMMAD, department_id=str(world.facilities.id), source="Zammad", keep_open="yes")
    assert "1 of them goes on here." in page
    page.submit("confirm")
    run_jobs()
    row = of(app, Request.id, Request.status, Request.is_open, Request.next_due_at, Request.created_at)[2]
    assert (row.status.value, row.is_open, row.created_at.year) == ("new", True, 2019)
    assert row.next_due_at > clock.now()
    after = counted(app)
    assert {name for name in after if after[name] != before[name]} - {"figure_changes"} == {"clocks", "clock_events"}
    assert wrong_about(app, row.id) == []
    assert "Blinds are stuck" in sign_in(world.jonas).get("/queue/facilities")


def test_words_of_the_file_are_mapped(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, run_jobs: Callable[..., int]) -> None:
    """A group becomes a department, a category a service of another one, a state what somebody says it is."""
    ada = sign_in(world.ada)
    text = "Subject,Reporter,Project,Issue Type,Created,Status\nVPN,Nils Brandt,Helpdesk,Access,4/25/2020 1:05 PM,Weird\nTap,Nils Brandt,Building,,4/26/2020 1:05 PM,Done\n"
    page = upload(ada, text)
    assert "We do not know the department Helpdesk." in page
    page = page.submit("department_0", department_0=str(world.it.id), department_1=str(world.facilities.id), status_0="cancelled")
    assert "2 new, 0 known already, 0 refused" in page
    page.submit("confirm")
    run_jobs()
    rows = of(app, Request.department_id, Request.status, Request.created_at)
    assert [(row.department_id, row.status.value) for row in rows] == [(world.it.id, "cancelled"), (world.facilities.id, "closed")]
    assert rows[0].created_at.isoformat() == "2020-04-25T11:05:00+00:00"


def test_somebody_unknown_comes_in_under_the_importers_name(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, run_jobs: Callable[..., int]) -> None:
    """Only when they chose so; the name stays beside it."""
    ada = sign_in(world.ada)
    page = upload(ada, ZAMMAD, department_id=str(world.facilities.id), source="Zammad", on_behalf="yes")
    assert "4 new, 0 known already, 3 refused" in page
    page.submit("confirm")
    run_jobs()
    row = next(row for row in of(app, Request.id, Request.requester_id, TakenRequest.asked_by) if row.asked_by)
    assert (row.requester_id, row.asked_by) == (world.ada.id, "Nobody Known")
    assert "Asked by Nobody Known." in ada.get(f"/requests/{row.id}")


def test_people_are_known_by_what_they_signed_in_with(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, run_jobs: Callable[..., int]) -> None:
    """Other desks write "mara.okafor" or a staff number into the column, and name the column in German."""
    lines = ["Nr;Betreff;Anforderer;Abteilung;Erstellt am;Geschlossen am;Status"]
    for number, who in enumerate((world.mara.email.partition("@")[0].upper(), world.mara.staff_number, "Nobody.Known")):
        lines.append(f"{number};Heizkörper {number};{who};Facilities;02.03.2026 10:00;03.03.2026 09:00;geschlossen")
    page = upload(sign_in(world.ada), "\r\n".join(lines).encode("cp1252"), department_id=str(world.facilities.id))
    assert "2 new, 0 known already, 1 refused" in page
    page.submit("confirm")
    run_jobs()
    assert [row.requester_id for row in of(app, Request.requester_id)] == [world.mara.id] * 2


def test_leads_fill_their_own_department_and_nobody_sees_anothers_file(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Priya leads Facilities; rows for others are refused; employees find no page."""
    priya = sign_in(world.priya)
    text = "subject,requester,department,created\nVPN,Nils Brandt,IT,2020-01-02\nTap,Nils Brandt,,2020-01-02\n"
    page = upload(priya, text, department_id=str(world.facilities.id))
    assert "1 new, 0 known already, 1 refused" in page
    assert "which you do not lead." in page
    assert upload(priya, text, department_id=str(world.it.id)).status == 422
    assert sign_in(world.ada).get(page.path).status == 404
    for who in (world.mara, world.jonas):
        assert sign_in(who).get("/requests/import").status == 403
        assert sign_in(who).get(page.path).status == 403


def test_the_refused_rows_are_a_file_that_can_be_mended(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Line, reason and the row as it stands in the file."""
    ada = sign_in(world.ada)
    page = upload(ada, ZAMMAD, department_id=str(world.facilities.id), source="Zammad")
    answer = ada.get(f"{page.path}/refused.csv").response
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[0][:4] == ["Line", "Reason", "Number", "Title"]
    assert [(row[0], row[2], row[3]) for row in rows[1:]] == [
        ("5", "4713", "Lamp in the hall"),
        ("6", "4714", "Chair wobbles"),
        ("8", "4716", ""),
        ("9", "4717", "Door"),
    ]
    mended = answer.get_data().replace(b"Nobody Known", b"Nils Brandt")
    assert "1 new, 0 known already, 3 refused" in upload(ada, mended, department_id=str(world.facilities.id), source="Zammad")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_files_come_in_many_encodings(world: Any, sign_in: Callable[[Any], Visitor], encoding: str) -> None:
    """The bytes tell."""
    text = "Betreff\tMelder\tErstellt am\nTür klemmt – über Nacht\tNils Brandt\t02.01.2020 10:00\n"
    page = upload(sign_in(world.ada), text.encode(encoding), "old.tsv", department_id=str(world.facilities.id))
    assert "1 new, 0 known already, 0 refused" in page
    assert "Tür klemmt – über Nacht" in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + b"\x00" * 500, "This is not a table in CSV."),
        (bytes(range(256)) * 20, "This is not a table in CSV."),
        (b"subject\nonly one\n", "we miss: created"),
        (b"just some words\n", "we miss: subject, created"),
        (b"", "This file is empty."),
        (b"subject,created\n" + b"x" * 500_000, "Line 2 is far too long"),
        (b'subject,created\n"open,2020-01-01\n', "Line 2 is not a row of a table"),
    ],
)
def test_what_is_no_table_is_refused_in_words(world: Any, sign_in: Callable[[Any], Visitor], content: bytes, words: str) -> None:
    """At once, or on the page of the file."""
    assert words in upload(sign_in(world.ada), content)


def test_zero_bytes_and_long_subjects(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, run_jobs: Callable[..., int]) -> None:
    """The bytes are left out; a long subject is cut, and all of it stands in the text."""
    long = "word " * 60
    text = f"subject,requester,created,description\nTa\0p,Nils Brandt,2020-01-02,dr\0ips\n{long},Nils Brandt,2020-01-02,more\n"
    upload(sign_in(world.ada), text, department_id=str(world.facilities.id)).submit("confirm")
    run_jobs()
    rows = of(app, Request.title, sa.select(Message.body).where(Message.request_id == Request.id).scalar_subquery().label("body"))
    assert (rows[0].title, rows[0].body) == ("Tap", "drips")
    assert len(rows[1].title) <= 120
    assert rows[1].title.endswith("word…")
    assert rows[1].body == f"{long.strip()}\n\nmore"


def test_a_second_click_changes_nothing(world: Any, sign_in: Callable[[Any], Visitor], app: Flask, run_jobs: Callable[..., int]) -> None:
    """Confirmed is confirmed; a run that is handed to the worker twice is written once."""
    ada = sign_in(world.ada)
    page = upload(ada, ZAMMAD, department_id=str(world.facilities.id), source="Zammad")
    number = int(page.path.rsplit("/", 1)[-1])
    page.submit("confirm")
    assert page.submit("confirm").status in (200, 409)
    with app.app_context():
        with pytest.raises(Conflict):
            unit_of_work.run(lambda: importing.confirm(db.session.get_one(RequestImport, number), now=clock.now()))
        importing.apply(number, now=clock.now())
        importing.apply(number, now=clock.now())
        db.session.remove()
    run_jobs()
    assert len(of(app, Request.id)) == 3


def test_it_goes_on_where_it_was_killed(world: Any, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the batch in hand; and two that write the same file stop at each other."""
    monkeypatch.setattr(importing, "BATCH", 3)
    lines = "".join(f"N{place},Tap {place},Nils Brandt,2020-01-02\n" for place in range(20))
    with app.app_context():
        received = importing.receive(io.BytesIO(f"number,subject,requester,created\n{lines}".encode()), "old.csv")
        options = Options(department_id=world.facilities.id)
        run_id = unit_of_work.run(lambda: importing.begin(received, options, actor=world.actor("ada"), now=clock.now()).id)
        importing.look(run_id, now=clock.now())
        unit_of_work.run(lambda: importing.confirm(db.session.get_one(RequestImport, run_id), now=clock.now()))

        def die(done: int, _total: int) -> None:
            if done >= 9:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            importing.apply(run_id, now=clock.now(), progress=die)
        db.session.remove()

        def overtake(done: int, _total: int) -> None:
            if done == 12:
                importing.apply(run_id, now=clock.now())

        importing.apply(run_id, now=clock.now(), progress=overtake)
        db.session.remove()
        run = db.session.get_one(RequestImport, run_id)
        assert (run.state, run.position, run.made) == ("done", 20, 20)
        db.session.remove()
    assert [row.title for row in of(app, Request.title)] == [f"Tap {place}" for place in range(20)]


def test_the_command_line_says_it_in_one_line(world: Any, app: Flask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run writes nothing; a second run finds all of it known."""
    from portal.desk.importing_cli import import_requests

    place = tmp_path / "old.csv"
    place.write_text(ZAMMAD, "utf-8")
    chosen = {"department": "facilities", "zone": "Europe/Berlin", "source": "Zammad", "keep_open": False}
    told = []
    with app.app_context():
        for dry in (True, False, False):
            assert import_requests(place, dry=dry, now=clock.now(), **chosen) == 1
            told.append(json.loads(capsys.readouterr().out.splitlines()[-1]))
    assert [(line["made"], line["new"], line["known"], line["refused"]) for line in told] == [(0, 3, 0, 4), (3, 3, 0, 4), (0, 0, 3, 4)]
    assert len(of(app, Request.id)) == 3


def test_too_many_rows_are_refused_with_the_limit(world: Any, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two million lines are not read to their end."""
    from portal.desk import importing as rules

    monkeypatch.setattr(rules, "MOST_ROWS", 5)
    with app.app_context():
        text = "subject,created\n" + "a,2020-01-01\n" * 10
        received = importing.receive(io.BytesIO(text.encode()), "old.csv")
        run_id = unit_of_work.run(lambda: importing.begin(received, Options(), actor=world.actor("ada"), now=clock.now()).id)
        importing.look(run_id, now=clock.now())
        run = db.session.get_one(RequestImport, run_id)
        assert (run.state, run.preview["reason"]["params"]) == ("unreadable", {"number": "5"})
        db.session.remove()
