"""Services and promises: what leads change, what it would do to open requests first, who is named, prepared replies."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal.desk.models import CannedReply, NamedFulfiller, PromiseVersion, Request, Service
from portal.kernel.clock import now as right_now
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people import calendars

LIST = "/services/facilities"


@pytest.fixture
def row_of(app):
    """A row as it is in the database."""

    def find(model, number):
        with app.app_context():
            return db.session.get_one(model, number)

    return find


def promise_page(world, sign_in, service="repair"):
    """What Priya sees of a promise."""
    return sign_in(world.priya).get(f"{LIST}/{world.services[service]}/promise")


def test_the_list_says_what_is_promised(world, sign_in, query_count) -> None:
    """Fulfillers read it, leads change it."""
    jonas, priya = sign_in(world.jonas).get(LIST), sign_in(world.priya).get(LIST)
    for visitor in (jonas.visitor, priya.visitor):
        with query_count() as statements:
            visitor.get(LIST)
        assert statements.count <= 8, statements
    for words in ("Something in the building is broken", "4 h", "5 days", "on an agreed date"):
        assert words in jonas, words
    assert all("/promise" not in link.href for link in jonas.links)
    assert priya.link("Promise").href.startswith(f"{LIST}/")


def test_words_of_a_service_are_changed(world, sign_in, row_of) -> None:
    """And a service can be taken out of the catalogue; without a name it needs another look."""
    page = sign_in(world.priya).get(f"{LIST}/{world.services['parking']}")
    again = page.submit(button="Save", which="hint", name="", hint="Say which gate.")
    assert again.status == 422
    assert "Say which gate." in again.source
    saved = again.submit(which="hint", button="Save", name="Parking space", is_active=False)
    assert "Saved." in saved
    assert "not offered" in saved
    service = row_of(Service, world.services["parking"])
    assert (service.name, service.hint, service.is_active) == ("Parking space", "Say which gate.", False)
    assert sign_in(world.mara).get(f"/need/{service.key}").status == 404


def test_a_new_promise_is_looked_at_first(world, sign_in, row_of, run_jobs) -> None:
    """The trial writes nothing; saved for new requests, open ones keep theirs."""
    page = promise_page(world, sign_in)
    before = row_of(Request, world.requests["radiator"])
    trial = page.submit(which="normal_first", button="look", normal_first="2 h", normal_end="2 days")
    assert "Nothing is saved yet." in trial
    assert "3 open requests could follow." in trial
    assert row_of(Request, world.requests["radiator"]).version == before.version
    saved = trial.submit(which="normal_first", button="save")
    assert "Saved. It holds for new requests" in saved
    run_jobs()
    after = row_of(Request, world.requests["radiator"])
    assert (after.promise_version_id, after.next_due_at) == (before.promise_version_id, before.next_due_at)


def test_open_requests_follow_when_told_to(world, sign_in, row_of, run_jobs, app) -> None:
    """In a job, through the log: 2 h instead of 4 h to the first answer. The same again changes nothing."""
    trial = promise_page(world, sign_in).submit(which="normal_first", button="look", normal_first="2 h")
    assert "would be due at another time" in trial
    assert "0 would be late at once." in trial
    assert "Open requests follow in a moment." in trial.submit(which="normal_first", button="apply")
    run_jobs()
    row = row_of(Request, world.requests["radiator"])
    assert row.next_due_at == datetime(2026, 11, 24, 11, tzinfo=UTC)
    with app.app_context():
        newest = db.session.scalars(
            sa.select(PromiseVersion.id).where(PromiseVersion.service_id == world.services["repair"]).order_by(PromiseVersion.id.desc())
        ).first()
    assert row.promise_version_id == newest
    again = promise_page(world, sign_in)
    assert again.form("normal_first").values["normal_first"] == ["2 h"]
    again.submit(which="normal_first", button="look").submit(which="normal_first", button="apply")
    run_jobs()
    assert row_of(Request, world.requests["radiator"]).version == row.version + 1


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"normal_first": "soon"}, "Write a time such as 30 min, 4 h or 2 days."),
        ({"normal_first": ""}, "Write a time such as"),
        ({"normal_first": "1 min"}, "Between 5 minutes and 250 working days."),
        ({"normal_end": "9999 days"}, "Between 5 minutes and 250 working days."),
        ({"normal_first": "4"}, "Write a time such as"),
        ({"normal_first": "-4 h"}, "Write a time such as"),
        ({"normal_first": "4 h\x00<b>"}, "Write a time such as"),
        ({"normal_first": "2 days", "normal_end": "4 h"}, "It cannot be solved before the first answer."),
    ],
)
def test_times_that_say_nothing_need_another_look(world, sign_in, values, complaint) -> None:
    """With what would be right; nothing is saved and nothing lost."""
    again = promise_page(world, sign_in).submit(which="normal_first", button="look", **values)
    assert again.status == 422
    assert complaint in again


@pytest.mark.parametrize(("typed", "hours"), [("30 min", 0.5), ("4 h", 4), ("1 day 4 h", 12), ("2,5 h", 2.5), ("2 h 30", 2.5), ("3 days", 24), ("45m", 0.75)])
def test_times_are_read_as_people_write_them(typed, hours) -> None:
    """A day is eight working hours."""
    from portal.desk.forms.services import read_time

    assert read_time(typed, always=False) == timedelta(hours=hours)


def test_two_leads_do_not_overwrite_each_other(world, sign_in) -> None:
    """The second one is told to look first."""
    first, second = promise_page(world, sign_in), promise_page(world, sign_in)
    first.submit(which="normal_first", button="look", normal_first="3 h").submit(which="normal_first", button="save")
    late = second.submit(which="normal_first", button="look", normal_first="5 h").submit(which="normal_first", button="save")
    assert late.status == 409
    assert "Somebody changed this promise a moment ago." in late


def test_somebody_is_named_for_what_is_confidential(world, sign_in, app) -> None:
    """Only from the department; the last one stays while somebody waits."""
    page = sign_in(world.priya).get(f"{LIST}/{world.services['badge-key']}")
    assert "Kim Moreau" in page
    refused = page.submit("/remove")
    assert refused.status == 422
    assert "Name somebody else first" in refused
    assert page.submit(which="person", person="Leo Fontaine").status == 422
    assert page.submit(which="person", person="").status == 422
    named = page.submit(which="person", person="MC-0231")
    assert "Jonas Lindqvist" in named
    with app.app_context():
        known = set(db.session.scalars(sa.select(NamedFulfiller.person_id).where(NamedFulfiller.service_id == world.services["badge-key"])))
    assert known == {world.kim.id, world.jonas.id}
    assert sign_in(world.jonas).get(f"/requests/{world.requests['badge']}").status == 200


def test_newer_working_hours_reach_open_requests_when_told_to(world, sign_in, app, row_of, run_jobs) -> None:
    """First it is said what that would do; then it happens in a job."""
    priya = sign_in(world.priya)
    assert "older working hours" not in priya.get(LIST)
    with app.app_context(), unit_of_work():
        hours = {str(day): [["10:00", "12:00"]] for day in range(5)}
        calendars.add_version(world.calendars["facilities"].id, 2, zone="Europe/Berlin", hours=hours, now=right_now())
    page = priya.get(LIST)
    assert "open requests follow older working hours." in page
    before = row_of(Request, world.requests["radiator"]).next_due_at
    done = page.submit("/hours")
    assert "Open requests follow the newest working hours in a moment." in done
    run_jobs()
    after = row_of(Request, world.requests["radiator"]).next_due_at
    assert before == datetime(2026, 11, 24, 13, tzinfo=UTC)
    assert after == datetime(2026, 11, 25, 11, tzinfo=UTC)
    assert "older working hours" not in priya.get(LIST)
    assert page.submit("/hours").status == 200
    assert page.visitor.post(f"{LIST}/hours", {"csrf_token": page.form("/hours").values["csrf_token"], "version": "1"}).status == 409


def test_the_page_of_working_hours_says_what_would_happen(world, sign_in) -> None:
    """The administrator looks at new hours: how many open requests they concern."""
    page = sign_in(world.ada).get(f"/administration/working-hours/{world.calendars['facilities'].id}")
    looked = page.submit(which="day0", button="look", day0="10:00-12:00")
    assert "open requests follow these hours." in looked


def test_the_reply_library_is_kept_by_leads(world, sign_in, app) -> None:
    """Add, change, remove; a name is taken once; fulfillers read and use."""
    priya = sign_in(world.priya)
    add = priya.get("/replies/facilities").follow("Add a reply")
    assert add.submit(which="body", name="", body="").status == 422
    taken = add.submit(which="body", name="heater on the way", body="It comes.")
    assert taken.status == 422
    assert "There is a reply with this name already." in taken
    added = taken.submit(which="body", name="Ladder free", is_acknowledgement=True)
    assert "Ladder free does not stop the clock" in added
    with app.app_context():
        number = db.session.scalars(sa.select(CannedReply.id).where(CannedReply.name == "Ladder free")).one()
    changed = priya.get(f"/replies/facilities/{number}").submit(which="body", body="The <b>ladder</b> is free.", is_acknowledgement=False)
    assert "The <b>ladder</b> is free." in changed
    gone = priya.get(f"/replies/facilities/{number}").submit("/remove")
    assert "Removed from the library." in gone
    assert "Ladder free" not in gone
    assert "Add a reply" not in sign_in(world.jonas).get("/replies/facilities")


def test_each_department_starts_with_replies(world, sign_in, app) -> None:
    """Shipped ones, once; what a department removed does not come back."""
    assert "We have it" in sign_in(world.ada).get("/replies/it")
    with app.app_context(), unit_of_work():
        from portal.desk.catalogue import sync_catalogue
        from portal.kernel.policy import SYSTEM

        db.session.execute(sa.delete(CannedReply).where(CannedReply.department_id == world.it.id))
        sync_catalogue(actor=SYSTEM, now=right_now())
    assert "No prepared replies yet" in sign_in(world.ada).get("/replies/it")


@pytest.mark.parametrize("who", ["jonas", "ruth", "mara", "vera"])
def test_only_leads_change_it(world, sign_in, who, app) -> None:
    """Fulfillers, other leads and everybody else are refused at every door."""
    visitor = sign_in(world.people[who])
    token = next(form.values["csrf_token"] for form in visitor.get("/requests").forms if "csrf_token" in form.values)
    number = world.services["repair"]
    for path in (f"{LIST}/{number}", f"{LIST}/{number}/promise", "/replies/facilities/add", "/replies/facilities/1"):
        assert visitor.get(path).status == 403, path
    for path in (f"{LIST}/{number}", f"{LIST}/{number}/promise", f"{LIST}/{number}/named", f"{LIST}/{number}/named/1/remove", f"{LIST}/hours"):
        assert visitor.post(path, {"csrf_token": token, "name": "x", "do": "save"}).status == 403, path
    for path in ("/replies/facilities/add", "/replies/facilities/1", "/replies/facilities/1/remove"):
        assert visitor.post(path, {"csrf_token": token, "name": "x"}).status == 403, path


def test_foreign_numbers_lead_nowhere(world, sign_in) -> None:
    """A service or reply of another department under one's own address is not found."""
    priya = sign_in(world.priya)
    for number in (world.services["it-broken"], 999_999, 10**15):
        assert priya.get(f"{LIST}/{number}").status in (403, 404), number
        assert priya.get(f"{LIST}/{number}/promise").status in (403, 404), number
    with_it = sign_in(world.ada)
    assert with_it.get(f"/services/it/{world.services['repair']}").status == 404
    for number in (999_999, 10**15):
        assert priya.get(f"/replies/facilities/{number}").status == 404
    assert priya.get("/replies/nowhere").status == 404
    assert priya.get("/services/nowhere").status == 404
