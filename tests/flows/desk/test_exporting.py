"""Lists as files: the same people, filters and confidentiality as on the page, sent a batch at a time, and noted."""

import csv
import io
import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.filing import Filing, file_request
from portal.desk.models import Request
from portal.desk.queries import sheets
from portal.kernel import export
from portal.kernel.activity import Activity
from portal.kernel.clock import now as right_now
from portal.kernel.csvsafe import Cell
from portal.kernel.db import db
from portal.kernel.messages import say
from portal.kernel.observe import Observation
from portal.kernel.paging import Page
from portal.kernel.unit_of_work import unit_of_work
from tests.support.client import Visitor
from tests.support.payloads import FORMULAS

pytestmark = pytest.mark.postgres
EXPORTED = ("desk.list.exported", "people.directory.exported")


def taken(visitor: Visitor, address: str) -> list[list[str]]:
    """The rows of a file as a spreadsheet reads them, without the head."""
    answer = visitor.get(address).response
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    data = answer.get_data()
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))[1:]


def notes(app: Flask) -> list[dict[str, Any]]:
    """What the record says about files that were taken, the oldest first."""
    with app.app_context():
        found = db.session.execute(sa.select(Activity.actor_id, Activity.data).where(Activity.event.in_(EXPORTED)).order_by(Activity.id))
        return [{"actor_id": actor_id, **data} for actor_id, data in found]


def test_mara_takes_her_open_requests(world: Any, sign_in: Any, app: Flask) -> None:
    """Rows, words and order of the page; times on her clock; who took it and how many rows is kept."""
    mara = sign_in(world.mara)
    rows = taken(mara, "/requests.csv")
    assert [row[1] for row in rows] == ["Radiator in Studio 2 stays cold", "Shelf in the photo store", "Tone in our meetings", "Train to Leipzig"]
    assert rows[0][:1] + rows[0][2:4] == [str(world.requests["radiator"]), "Facilities", "Mara Okafor"]
    assert rows[3][5] == "Waiting for you"
    assert re.fullmatch(r"2026-11-\d\d 14:00", rows[0][6])
    answer = mara.get("/requests.csv").response
    with app.app_context():
        assert f"Due ({world.actor('mara').zone})" in answer.get_data(as_text=True)
    assert answer.headers["Content-Disposition"] == "attachment; filename=my-requests.csv"
    assert notes(app)[0] == {"actor_id": world.mara.id, "list": "mine", "department_id": None, "rows": 4, "is_whole": True}


def test_tab_and_words_hold_in_the_file(world: Any, sign_in: Any) -> None:
    """What the page leaves out is not in the file either."""
    mara = sign_in(world.mara)
    assert [row[1] for row in taken(mara, "/requests.csv?show=done")] == ["Key card for the photo store", "Two lamps flicker in Studio 1"]
    assert [row[1] for row in taken(mara, "/requests.csv?q=rad+stu")] == ["Radiator in Studio 2 stays cold"]
    link = next(link for link in mara.get("/requests?show=done&q=lamps").links if link.text == "Export")
    assert [row[1] for row in taken(mara, link.href)] == ["Two lamps flicker in Studio 1"]
    assert taken(sign_in(world.hana), "/requests.csv?show=followed") == []


def test_a_lead_takes_what_the_department_asked_for_and_others_do_not(world: Any, sign_in: Any, app: Flask) -> None:
    """Camille leads Marketing and Vera audits; Mara works there, Leo does not."""
    rows = taken(sign_in(world.camille), "/departments/marketing/requests.csv")
    assert "Radiator in Studio 2 stays cold" in [row[1] for row in rows]
    assert taken(sign_in(world.vera), "/departments/marketing/requests.csv?q=radiator")[0][3] == "Mara Okafor"
    for person in (world.mara, world.leo):
        assert sign_in(person).get("/departments/marketing/requests.csv").status == 403
    assert [(note["list"], note["department_id"], note["rows"]) for note in notes(app)] == [
        ("department", world.marketing.id, len(rows)),
        ("department", world.marketing.id, 1),
    ]


def test_the_queue_comes_with_its_tab_search_and_filters(world: Any, sign_in: Any) -> None:
    """In the order of the page; nobody else takes it."""
    jonas = sign_in(world.jonas)
    for query in ("", "?view=waiting", "?view=mine", "?q=radiator", "?status=closed", "?assignee=nobody", "?view=follow-up"):
        page = jonas.get(f"/queue/facilities{query}")
        link = next(link for link in page.links if link.text == "Export")
        assert link.href == f"/queue/facilities/requests.csv{query}"
        assert [row[0] for row in taken(jonas, link.href)] == re.findall(r'name="id"\s+value="(\d+)"', page.source), query
    assert sign_in(world.mara).get("/queue/facilities/requests.csv").status == 403
    assert sign_in(world.leo).get("/queue/facilities/requests.csv").status == 403
    assert jonas.get("/queue/nowhere/requests.csv").status == 404
    assert Visitor(jonas.client.application).get("/queue/facilities/requests.csv", follow_redirects=False).status == 303


def test_confidential_rows_are_bare_for_the_lead_who_is_not_named(world: Any, sign_in: Any, app: Flask) -> None:
    """Number, state and due; no words, no people."""
    number = world.requests["radiator"]
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Request).where(Request.id == number).values(is_confidential=True))
    row = next(row for row in taken(sign_in(world.priya), "/queue/facilities/requests.csv") if row[0] == str(number))
    assert row[1:4] == [f"Confidential request {number}", "", ""]
    assert row[7:] == ["", "", ""]
    assert str(number) not in [row[0] for row in taken(sign_in(world.jonas), "/queue/facilities/requests.csv")]


def test_formulas_are_text(world: Any, sign_in: Any, app: Flask) -> None:
    """Whatever a requester types into a title."""
    for text in FORMULAS:
        sign_in(world.mara).get("/need/repair").submit("title", title=text)
    cells = [cell for row in taken(sign_in(world.jonas), "/queue/facilities/requests.csv") + taken(sign_in(world.mara), "/requests.csv") for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))] == []


def test_nothing_twice_and_nothing_lost_over_batches(world: Any, app: Flask, query_count: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three batches and a rest: one statement each, requests without a due instant at the end."""
    with app.app_context(), unit_of_work():
        for place in range(23):
            file_request(Filing(world.services["repair"], f"Door {place} squeaks", "It does.", world.nils.id), actor=world.actor("nils"), now=right_now())
    monkeypatch.setattr(sheets, "BATCH", 9)
    with app.test_request_context():
        actor, now = world.actor("jonas"), right_now()
        sheet = sheets.of_queue(actor, world.facilities.id, "facilities", sheets.Wanted(), now=now)
        told: list[tuple[int, bool]] = []
        with query_count() as statements:
            data = b""
            for part in export.stream(sheet, lambda rows, whole: told.append((rows, whole))):
                data += part
                assert not db.session().in_transaction()  # nothing stays open while the reader's line is slow
    numbers = [row[0] for row in list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))[1:]]
    assert len(numbers) == len(set(numbers)) == 29
    assert told == [(29, True)]
    assert statements.count <= 4 + 2, statements  # calendars are read once


def test_it_is_noted_before_the_first_byte(world: Any, sign_in: Any, app: Flask) -> None:
    """Whoever closes the window early has been seen, and what went out is counted."""
    mara = sign_in(world.mara)
    answer = mara.client.get("/requests.csv", base_url=mara.base, buffered=False)
    with app.app_context():
        assert db.session.scalars(sa.select(Observation.person_id).where(Observation.kind == "kernel.export.begun")).all() == [world.mara.id]
    next(answer.iter_encoded())
    answer.close()
    assert [(note["rows"], note["is_whole"]) for note in notes(app)] in ([(0, False)], [(4, True)])


# -- the stream itself -------------------------------------------------------------------------------------------------


def numbered(rows: int, made: list[int], *, breaks_at: int | None = None) -> export.Sheet[int]:
    """A list of so many numbers that notes which it has read."""

    def page(at: str | None) -> Page[int]:
        first = int(at or 0)
        if breaks_at is not None and first >= breaks_at:
            raise RuntimeError("the disk is gone")
        found = range(first, min(first + export.BATCH, rows))
        made.extend(found)
        return Page(list(found), str(found.stop) if found.stop < rows else None)

    def cells(row: int) -> tuple[Cell, ...]:
        return (row, "=1+1")

    return export.Sheet("numbers", (say("Number"), say("Request")), page, cells)


def test_twenty_thousand_rows_pass_with_one_batch_in_memory(app: Flask) -> None:
    """Nothing is read before it is asked for, and each part holds one batch."""
    read: list[int] = []
    told: list[tuple[int, bool]] = []
    with app.test_request_context():
        parts = export.stream(numbered(20_000, read), lambda rows, whole: told.append((rows, whole)))
        assert next(parts).count(b"\r\n") == 1
        assert read == []
        for place, part in enumerate(parts, 1):
            assert part.count(b"\r\n") == export.BATCH
            assert len(read) == place * export.BATCH
    assert told == [(20_000, True)]


def test_what_breaks_off_says_so_in_its_last_line(app: Flask) -> None:
    """The file is not taken for the whole list, and the record knows."""
    told: list[tuple[int, bool]] = []
    with app.test_request_context():
        data = b"".join(export.stream(numbered(3000, [], breaks_at=1000), lambda rows, whole: told.append((rows, whole)))).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(data)))
    assert lines[-1] == ["This list is not complete: it broke off after 1000 rows. Export it once more."]
    assert len(lines) == 1002
    assert told == [(1000, False)]


def test_a_list_that_stands_still_ends(app: Flask) -> None:
    """A cursor that leads back to itself is an error, not a file without end."""
    told: list[tuple[int, bool]] = []
    sheet = export.Sheet[int]("still", (say("Number"),), lambda _at: Page([1], "same"), lambda row: (row,))
    with app.test_request_context():
        data = b"".join(export.stream(sheet, lambda rows, whole: told.append((rows, whole))))
    assert b"not complete" in data
    assert told == [(2, False)]


def test_the_lists_around_a_department_are_files_too(world: Any, sign_in: Any, app: Flask) -> None:
    """Services with what they promise, the reply library, follow-ups; for those who see the page."""
    jonas = sign_in(world.jonas)
    services = taken(jonas, "/services/facilities/services.csv")
    page = jonas.get("/services/facilities")
    assert all(row[0] in page for row in services)
    repair = next(row for row in services if row[1] == "What is broken?")
    assert repair[2:4] == ["yes", ""]
    assert repair[5:] != ["", "", "", ""]
    replies = taken(jonas, "/replies/facilities/replies.csv")
    assert replies
    assert all(row[0] in jonas.get("/replies/facilities") for row in replies)
    page = jonas.get("/queue/facilities/follow-ups")
    link = next(link for link in page.links if link.text == "Export")
    assert link.href == "/queue/facilities/follow-ups.csv"
    assert all(row[1] in page for row in taken(jonas, link.href))
    for address in ("/services/facilities/services.csv", "/replies/facilities/replies.csv", "/queue/facilities/follow-ups.csv"):
        assert sign_in(world.mara).get(address).status == 403
    assert {note["list"] for note in notes(app)} == {"services", "replies", "follow-ups"}


def test_a_search_is_a_file_of_what_its_reader_may_find(world: Any, sign_in: Any, app: Flask) -> None:
    """With the filters of the page; somebody else finds nothing."""
    jonas = sign_in(world.jonas)
    page = jonas.get("/requests/search?q=radiator")
    link = next(link for link in page.links if link.text == "Export")
    assert link.href == "/requests/search.csv?q=radiator"
    assert str(world.requests["radiator"]) in [row[0] for row in taken(jonas, link.href)]
    assert taken(jonas, "/requests/search.csv?q=radiator&state=done") == []
    assert taken(sign_in(world.tom), "/requests/search.csv?q=radiator") == []
    assert "Export" not in [link.text for link in sign_in(world.tom).get("/requests/search?q=radiator").links]
    assert {note["list"] for note in notes(app)} == {"search"}


def test_search_pages_join_without_a_gap(world: Any, app: Flask, sign_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three at a time or all at once: the same numbers."""
    with app.app_context(), unit_of_work():
        for place in range(11):
            file_request(Filing(world.services["repair"], f"Door {place} squeaks", "It does.", world.nils.id), actor=world.actor("nils"), now=right_now())
    jonas = sign_in(world.jonas)
    whole = [row[0] for row in taken(jonas, "/requests/search.csv?q=squeaks")]
    monkeypatch.setattr(sheets, "AT_ONCE", 3)
    assert [row[0] for row in taken(jonas, "/requests/search.csv?q=squeaks")] == whole
    assert len(set(whole)) == 11


def test_mail_that_came_in_is_a_file_for_who_minds_it(world: Any, sign_in: Any) -> None:
    """The tab of the page; employees have none."""
    priya = sign_in(world.priya)
    assert next(link for link in priya.get("/mail-in?show=ignored").links if link.text == "Export").href == "/mail-in.csv?show=ignored"
    assert taken(priya, "/mail-in.csv") == []
    assert sign_in(world.mara).get("/mail-in.csv").status == 403


def test_the_outbox_is_a_file_for_administrators(world: Any, sign_in: Any, app: Flask, run_jobs: Any) -> None:
    """Whom a mail goes to and where it stands; of what went out nobody reads the subject."""
    from portal.kernel import mail

    with app.app_context(), unit_of_work():
        mail.queue(to="mara.okafor@marlow.example", subject="=HYPERLINK(1)", text="Hello", now=right_now())
    ada = sign_in(world.ada)
    assert next(link for link in ada.get("/administration/mail").links if link.text == "Export").href == "/administration/mail.csv"
    rows = taken(ada, "/administration/mail.csv")
    assert "mara.okafor@marlow.example" in [row[2] for row in rows]
    assert [row for row in rows if "HYPERLINK" in row[4] and not row[4].startswith("'=")] == []
    assert taken(ada, "/administration/mail.csv?show=came-back") == []
    assert sign_in(world.priya).get("/administration/mail.csv").status == 403
