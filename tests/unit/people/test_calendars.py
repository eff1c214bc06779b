"""Stored working hours: versions, who follows which, holidays, and calendars on which nothing would be due."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.contracts.people import CalendarChanged
from portal.kernel import clock
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.errors import Conflict, NotFound, Refusal
from portal.kernel.unit_of_work import unit_of_work
from portal.people import calendars
from portal.people.actions.calendars import Hours, LocationFacts, add_calendar, candidate, change_calendar, save_location
from portal.people.models import Calendar, Department

pytestmark = pytest.mark.usefixtures("context")
OFFICE = {str(day): [["09:00", "17:00"]] for day in range(5)}


def test_a_department_follows_its_own_hours_then_those_above_then_the_company(world: Any) -> None:
    """Facilities has its own, Security below it follows them, Sales follows the company."""
    own = calendars.current_version(world.calendars["facilities"].id).id
    company = calendars.current_version(world.calendars["company"].id).id
    assert calendars.department_version(world.facilities.id) == own
    assert calendars.department_version(world.security.id) == own
    assert calendars.department_version(world.sales.id) == company
    assert calendars.department_version(10**9) == company


def test_round_the_clock_never_closes(world: Any) -> None:
    """Christmas night included."""
    assert world
    calendar = calendars.work_calendar(calendars.round_the_clock_version())
    assert calendar.is_open(datetime(2026, 12, 25, 3, 0, tzinfo=UTC))


def test_public_holidays_are_closed_by_country_and_region(world: Any) -> None:
    """8 March is a holiday in Berlin and not in Hamburg."""
    calendar = calendars.work_calendar(calendars.current_version(world.calendars["facilities"].id).id)
    womens_day = datetime(2027, 3, 8, 10, 0, tzinfo=UTC)
    assert not calendar.is_open(womens_day)
    assert "2027-03-08" in calendars.public_holidays("DE", "BE", clock.now())
    assert "2027-03-08" not in calendars.public_holidays("DE", "HH", clock.now())
    assert calendars.public_holidays(None, None, clock.now()) == []
    for country, region in (("XX", None), ("DE", "ZZ")):
        with pytest.raises(Refusal, match="public holidays"):
            calendars.public_holidays(country, region, clock.now())


def test_a_change_is_a_new_version_and_the_old_one_stays(world: Any) -> None:
    """A running clock keeps the hours it was promised on; the change is on record once."""
    actor, now = world.actor("ada"), clock.now()
    with unit_of_work():
        calendar = db.session.get_one(Calendar, world.calendars["facilities"].id)
        before = calendars.current_version(calendar.id)
        version = change_calendar(calendar, Hours("Europe/Berlin", OFFICE, "DE", "BE"), seen_version=1, actor=actor, now=now)
    assert (version.version, before.hours["0"], version.hours["0"]) == (2, [["08:00", "18:00"]], [["09:00", "17:00"]])
    early = datetime(2026, 11, 25, 7, 30, tzinfo=UTC)
    assert calendars.work_calendar(before.id).is_open(early)
    assert not calendars.work_calendar(version.id).is_open(early)
    rows = list(db.session.scalars(sa.select(Activity).where(Activity.event == CalendarChanged.event)))
    assert [(row.subject_id, row.data["version_id"], row.actor_id) for row in rows] == [(calendar.id, version.id, world.ada.id)]


def test_saving_the_same_hours_writes_no_version(world: Any) -> None:
    """A look and a second click change nothing."""
    with unit_of_work():
        calendar = db.session.get_one(Calendar, world.calendars["facilities"].id)
        hours = Hours("Europe/Berlin", {str(day): [["08:00", "18:00"]] for day in range(5)}, "DE", "BE")
        assert change_calendar(calendar, hours, seen_version=1, actor=world.actor("ada"), now=clock.now()).version == 1


def test_two_who_change_the_same_hours_do_not_overwrite_each_other(world: Any) -> None:
    """The second is told to look first."""
    with unit_of_work():
        calendar = db.session.get_one(Calendar, world.calendars["facilities"].id)
        with pytest.raises(Conflict):
            change_calendar(calendar, Hours("Europe/Berlin", OFFICE), seen_version=0, actor=world.actor("ada"), now=clock.now())


@pytest.mark.parametrize(
    ("hours", "field"),
    [
        (Hours("Europe/Berlin", {}), None),
        (Hours("Europe/Berlin", {"0": [["09:00", "09:00"]]}), None),
        (Hours("Europe/Berlin", {"0": [["9:00", "17:00"]]}), None),
        (Hours("Europe/Berlin", {"7": [["09:00", "17:00"]]}), None),
        (Hours("Mars/Base", OFFICE), "zone"),
        (Hours("Europe/Berlin", OFFICE, "QQ"), "country"),
        (Hours("Europe/Berlin", OFFICE, overrides={(datetime(2026, 11, 24, tzinfo=UTC) + timedelta(days=n)).date().isoformat(): [] for n in range(40)}), None),
    ],
)
def test_hours_on_which_nothing_would_be_due_are_refused(world: Any, hours: Hours, field: str | None) -> None:
    """No hours, wrong times, unknown zone or country, five closed weeks ahead."""
    with unit_of_work():
        with pytest.raises(Refusal) as refusal:
            add_calendar("New", hours, actor=world.actor("ada"), now=clock.now())
        assert refusal.value.field == field
    assert db.session.scalar(sa.select(Calendar.id).where(Calendar.name == "New")) is None


def test_a_candidate_writes_nothing(world: Any) -> None:
    """Looking before saving."""
    calendar = candidate(Hours("America/New_York", OFFICE, "US"), clock.now())
    assert calendar.zone == "America/New_York"
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Calendar)) == len(world.calendars)


def test_night_shifts_and_lunch_breaks(world: Any) -> None:
    """Several intervals a day, one over midnight."""
    hours = Hours("Europe/Berlin", {"4": [["08:00", "12:00"], ["22:00", "06:00"]]})
    with unit_of_work():
        version = add_calendar("Nights", hours, actor=world.actor("ada"), now=clock.now())
    calendar = calendars.work_calendar(version.id)
    assert calendar.is_open(datetime(2026, 11, 28, 2, 0, tzinfo=UTC))
    assert not calendar.is_open(datetime(2026, 11, 27, 12, 0, tzinfo=UTC))
    with unit_of_work(), pytest.raises(Refusal, match="this name"):
        add_calendar("nights", hours, actor=world.actor("ada"), now=clock.now())


def test_unknown_versions_are_not_found(world: Any) -> None:
    """Instead of a calendar that was guessed."""
    assert world
    with pytest.raises(NotFound):
        calendars.work_calendar(10**9)
    with pytest.raises(NotFound):
        calendars.current_version(10**9)


def test_set_up_twice_makes_the_two_calendars_once(world: Any) -> None:
    """`portal init` may run again."""
    with unit_of_work():
        calendars.ensure_defaults(clock.now())
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Calendar)) == len(world.calendars)


def test_locations_have_a_zone_we_know_and_a_name_of_their_own(world: Any) -> None:
    """Holidays are looked up when the location is saved, not when somebody needs them."""
    actor, now = world.actor("ada"), clock.now()
    with unit_of_work():
        place = save_location(None, LocationFacts("Canal Street", "America/New_York", "US", "ME"), actor=actor, now=now)
        assert place.id
        for facts in (LocationFacts("mill road", "Europe/Berlin"), LocationFacts("Other", "Mars/Base"), LocationFacts("Other", "UTC", "QQ")):
            with pytest.raises(Refusal):
                save_location(None, facts, actor=actor, now=now)


def test_no_department_has_the_wrong_hours_after_its_parent_changed(world: Any) -> None:
    """The tree is followed at the moment of asking."""
    with unit_of_work():
        db.session.execute(sa.update(Department).where(Department.id == world.security.id).values(parent_id=None))
    assert calendars.department_version(world.security.id) == calendars.default_version_id()
