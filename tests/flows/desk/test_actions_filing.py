"""Mara asks Facilities: what is promised, who may follow, what is refused, and what can still be changed."""

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.desk.actions.conversation import Reply, reply
from portal.desk.actions.filing import edit_request
from portal.desk.models import Attachment, NamedFulfiller, Participant, Service
from portal.desk.queries.promises import promise_preview
from portal.kernel import files
from portal.kernel.db import db
from portal.kernel.errors import Conflict, NotFound, Refusal
from portal.kernel.unit_of_work import unit_of_work
from portal.people.calendars import work_calendar
from tests.support.desk import DeskUser
from tests.support.story import STORY


def hours(number: float) -> timedelta:
    """Working time of so many hours."""
    return timedelta(hours=number)


def test_filing_starts_the_clocks_and_keeps_what_was_typed(desk: DeskUser) -> None:
    """One row each: request, description, log entry, activity; both clocks run in the hours of Facilities."""
    request = desk.file(
        title="  The door does not close ", place=" Gate 1 ", customer_notices=True, customer_impact="Visitors wait", call_me=True, call_number="112"
    )
    row = desk.find(request.id)
    assert (row.title, row.place, row.customer_impact, row.call_number) == ("The door does not close", "Gate 1", "Visitors wait", "112")
    assert (row.status, row.priority, row.is_open, row.received_at, row.from_department_id) == ("new", "normal", True, STORY, desk.world.marketing.id)
    assert desk.log(row.id) == ["opened"]
    assert desk.activities(row.id) == ["desk.request.filed"]
    assert [(m.kind, m.body, m.author_id) for m in desk.messages(row.id)] == [("description", "It stands open at night.", desk.world.mara.id)]
    calendar = work_calendar(row.calendar_version_id)
    found = {name: clock.due for (name, _), clock in desk.clocks(row.id).items()}
    assert found == {"first_response": calendar.due(STORY, hours(4)), "resolution": calendar.due(STORY, hours(40))}
    assert (row.next_clock, row.next_due_at) == ("first_response", found["first_response"])


def test_what_is_shown_before_is_what_holds_after(desk: DeskUser) -> None:
    """The preview and the clocks come from the same arithmetic."""
    for key, priority, impact in (("repair", "normal", "slower"), ("repair", "urgent", "stopped"), ("contract-review", "low", "nuisance")):
        service = db.session.get_one(Service, desk.world.services[key])
        shown = promise_preview(service, priority, "Europe/Berlin", STORY)
        request = desk.file(service=key, impact=impact)
        clocks = desk.clocks(request.id)
        assert clocks["first_response", 0].due == shown.first_answer_at
        assert (clocks["resolution", 0].due if ("resolution", 0) in clocks else None) == shown.resolution_at


def test_at_night_the_clock_starts_in_the_morning(desk: DeskUser) -> None:
    """R1: receipt counts, out of hours adds no work; the page can say when it starts. Urgent runs through."""
    saturday = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    service = db.session.get_one(Service, desk.world.services["repair"])
    shown = promise_preview(service, "normal", "America/New_York", saturday)
    assert shown.clock_starts_at == datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    assert shown.first_answer_at == datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
    assert (shown.zone, shown.differs_from_reader, shown.round_the_clock) == ("Europe/Berlin", True, False)
    assert [person.first_name for person in shown.on_duty] == ["Jonas", "Kim", "Ola"]
    urgent = promise_preview(service, "urgent", "America/New_York", saturday)
    assert (urgent.clock_starts_at, urgent.first_answer_at, urgent.round_the_clock) == (None, saturday + hours(0.5), True)


@pytest.mark.parametrize(
    ("starts_on", "due"),
    [
        (date(2026, 12, 1), datetime(2026, 12, 1, 16, 0, tzinfo=UTC)),
        (date(2026, 12, 6), datetime(2026, 12, 4, 16, 0, tzinfo=UTC)),
        (date(2026, 11, 24), datetime(2026, 11, 25, 9, 0, tzinfo=UTC)),
    ],
    ids=["a working day", "a Sunday means the Friday before", "today leaves at least the time of the first answer"],
)
def test_a_needed_date_becomes_the_time_to_the_end(desk: DeskUser, starts_on: date, due: datetime) -> None:
    """Services with a due field promise the close of that day instead of hours."""
    request = desk.file("elena", "onboarding", answers={"starts_on": starts_on.isoformat()})
    assert desk.clocks(request.id)["resolution", 0].due == due


def test_a_logged_call_counts_from_the_call(desk: DeskUser) -> None:
    """R1: the time of the call starts the clocks; both times are kept."""
    request = desk.file(by="kim", channel="phone", received_at=STORY - hours(2))
    row = desk.find(request.id)
    assert (row.received_at, row.created_at, row.channel, row.filed_by_id) == (STORY - hours(2), STORY, "phone", desk.world.kim.id)
    assert desk.clocks(row.id)["first_response", 0].due == work_calendar(row.calendar_version_id).due(STORY - hours(2), hours(4))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"title": "   "}, "title"),
    ({"title": "x" * 121}, "title"),
    ({"call_me": True, "call_number": " "}, "call_number"),
    ({"received_at": STORY + hours(1)}, "received_at"),
    ({"received_at": STORY - hours(25)}, "received_at"),
    ({"confidential": True}, "confidential"),
    ({"requester_id": 999_999}, "requester_id"),
    ({"follower_ids": [999_999]}, "follower_ids"),
    ({"follower_ids": list(range(1000, 1021))}, "follower_ids"),
]


@pytest.mark.parametrize(("values", "field"), REFUSED)
def test_what_does_not_fit_is_refused_beside_its_field(desk: DeskUser, values: dict[str, Any], field: str) -> None:
    """Nothing is kept of a refused request."""
    before = db.session.scalar(sa.text("SELECT count(*) FROM requests"))
    with pytest.raises(Refusal) as refused:
        desk.file(**values)
    assert refused.value.field == field
    db.session.remove()
    assert db.session.scalar(sa.text("SELECT count(*) FROM requests")) == before


def test_nobody_asks_for_what_is_no_longer_offered(desk: DeskUser) -> None:
    """A retired service is refused with the text kept; an unknown one is not there; somebody who left asks for nothing."""
    with unit_of_work():
        db.session.get_one(Service, desk.world.services["repair"]).is_active = False
    with pytest.raises(Refusal, match="no longer offered"):
        desk.file()
    with pytest.raises(NotFound):
        desk.file(service_id=999_999)
    with pytest.raises(Refusal) as refused:
        desk.file(service="heating", requester_id=desk.world.bruno.id)
    assert refused.value.field == "requester_id"


def test_a_confidential_service_needs_somebody_named(desk: DeskUser) -> None:
    """Elena is named for pay questions; when nobody is, it is refused rather than shown to everybody."""
    request = desk.file("tom", "pay-question")
    assert desk.find(request.id).is_confidential
    with unit_of_work():
        db.session.execute(sa.delete(NamedFulfiller))
    with pytest.raises(Refusal) as refused:
        desk.file("tom", "pay-question")
    assert refused.value.field == "confidential"


def test_followers_and_files_come_along(desk: DeskUser) -> None:
    """Each follower once, the requester never; files hang on the description."""
    with db.engine.connect():
        upload = files.receive(io.BytesIO(b"one,two\n"), name="list.csv")
    sam, nils, mara = (desk.world.people[key].id for key in ("sam", "nils", "mara"))
    request = desk.file(follower_ids=[sam, nils, sam, mara], files=[upload])
    assert set(db.session.scalars(sa.select(Participant.person_id).where(Participant.request_id == request.id))) == {sam, nils}
    kept = db.session.scalars(sa.select(Attachment).where(Attachment.request_id == request.id)).one()
    assert (kept.name, kept.size, kept.message_id) == ("list.csv", 8, desk.messages(request.id)[0].id)


def test_the_words_can_be_changed_until_somebody_answered(desk: DeskUser) -> None:
    """Then they stay: what was answered must not change under the answer."""
    words: dict[str, Any] = {"title": "Both radiators are cold", "description": "Now both.", "answers": {"thing": "Radiator or fan"}, "customer_notices": False}
    desk.act(edit_request, "radiator", **words, who="mara")
    row = desk.find("radiator")
    assert (row.title, row.answers, row.customer_impact) == ("Both radiators are cold", {"thing": "Radiator or fan"}, "")
    assert (desk.messages("radiator")[0].body, desk.messages("radiator")[0].edited_at) == ("Now both.", STORY)
    assert desk.activities("radiator")[-1] == "desk.request.edited"
    desk.act(reply, "radiator", Reply("We have it."), who="jonas")
    with pytest.raises(Conflict, match="Somebody has answered meanwhile"):
        desk.act(edit_request, "radiator", **words, who="mara")
    with pytest.raises(Refusal) as refused:
        desk.act(edit_request, "for-mara", **(words | {"title": " "}), who="camille")
    assert refused.value.field == "title"


def test_filing_costs_a_fixed_number_of_statements(desk: DeskUser, query_count: Any) -> None:
    """The budget of a form that creates is sixteen; two of these load the actor, and session and one-time key come on top."""
    desk.file()
    with query_count() as statements:
        desk.file()
    assert statements.count <= 13, statements
