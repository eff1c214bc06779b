"""What a row of an earlier desk says: dates in many forms, columns under many names, people by address and name."""

import io
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.desk import importing
from portal.desk.importing import Offer, Options, Row, World
from portal.desk.importing_columns import CANCELLED, CLOSED, OPEN, columns, left_alone
from portal.desk.importing_dates import EARLIEST, instant, order_in
from portal.kernel import foreign_csv
from portal.kernel.errors import Refusal

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-04-01", "2019-03-31T22:00"),
        ("2019-04-01 12:33", "2019-04-01T10:33"),
        ("2019-04-01T12:33:11Z", "2019-04-01T12:33"),
        ("2019-04-01 12:33:11 UTC", "2019-04-01T12:33"),
        ("2019-04-01T12:33:11.123+0530", "2019-04-01T07:03"),
        ("2019-04-01 12:33:11-0330", "2019-04-01T16:03"),
        ("01.04.2019 12:33", "2019-04-01T10:33"),
        ("1.4.19 9:05 Uhr", "2019-04-01T07:05"),
        ("01/Apr/19 12:33 PM", "2019-04-01T10:33"),
        ("01/Apr/19 12:33 AM", "2019-03-31T22:33"),
        ("4/1/2019 1:33 PM", "2019-01-04T12:33"),
        ("Apr 1, 2019 13:33", "2019-04-01T11:33"),
        ("April 1, 2019 at 1:33 PM", "2019-04-01T11:33"),
        ("Mon, 01 Apr 2019 13:33:11 +0200", "2019-04-01T11:33"),
        ("1. März 2019", "2019-02-28T23:00"),
        ("1554114791", "2019-04-01T10:33"),
        ("1554114791000", "2019-04-01T10:33"),
        ("2019-03-31 02:30", "2019-03-31T01:30"),
    ],
)
def test_dates_in_many_forms(text: str, expected: str) -> None:
    """On the wall clock of Berlin where they name no zone."""
    found = instant(text, BERLIN)
    assert found is not None
    assert found.isoformat().startswith(expected)


@pytest.mark.parametrize(
    "text", ["", "soon", "2019-13-01", "31.02.2020", "2019-04-01 25:00", "2019-04-01 12:00 XYZ", "1899-01-01", "12:30", "99999999999999", "2019-04-01 junk"]
)
def test_what_is_no_date(text: str) -> None:
    """Nothing is guessed."""
    assert instant(text, BERLIN) is None


def test_day_or_month_first_is_told_by_the_file() -> None:
    """One date that can be read in one way only decides for all."""
    assert order_in(["4/5/2020", "13/5/2020"]) is True
    assert order_in(["4/5/2020", "4/13/2020"]) is False
    assert order_in(["4/5/2020", "2020-05-13", "13.05.2020"]) is None
    assert instant("4/5/2020", UTC, False) == datetime(2020, 4, 5, tzinfo=UTC)
    assert instant("4.5.2020", UTC, False) == datetime(2020, 5, 4, tzinfo=UTC)


@given(
    st.datetimes(min_value=EARLIEST.replace(day=2, tzinfo=None), max_value=EARLIEST.replace(year=2079, tzinfo=None)),
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d %b %Y %H:%M:%S", "%b %d, %Y %H:%M:%S"]),
)
def test_what_was_written_is_read(moment: datetime, form: str) -> None:
    """In UTC every form gives the second back."""
    assert instant(moment.strftime(form), UTC) == moment.replace(microsecond=0, tzinfo=UTC)


@given(st.text(max_size=90))
def test_any_text_is_a_date_or_none(text: str) -> None:
    """Never an error, and never before there were desks."""
    found = instant(text, BERLIN)
    assert found is None or found >= EARLIEST


def test_columns_of_other_desks() -> None:
    """Zammad, Jira, Zendesk, osTicket, and German ones; the surer name wins."""
    zammad = columns(["Number", "Title", "State", "Priority", "Group", "Owner", "Customer", "Created at", "Close at"])
    assert zammad == {"number": 0, "subject": 1, "status": 2, "department": 4, "requester": 6, "created": 7, "closed": 8}
    jira = ["Summary", "Issue key", "Issue id", "Issue Type", "Status", "Project name", "Reporter", "Created", "Resolved", "Description"]
    assert columns(jira) == {
        "subject": 0,
        "number": 1,
        "service": 3,
        "status": 4,
        "department": 5,
        "requester": 6,
        "created": 7,
        "closed": 9 - 1,
        "description": 9,
    }
    zendesk = columns(["ID", "Requester", "Requester email", "Subject", "Group", "Created at", "Solved at", "Status", "Ticket type"])
    assert zendesk == {"number": 0, "requester": 1, "requester_email": 2, "subject": 3, "department": 4, "created": 5, "closed": 6, "status": 7, "service": 8}
    osticket = columns(["Ticket Number", "Date Created", "Subject", "From", "From Email", "Help Topic", "Department", "Current Status", "Closed Date"])
    assert set(osticket) == {"number", "created", "subject", "requester", "requester_email", "service", "department", "status", "closed"}
    assert set(columns(["#", "Betreff", "Melder", "Abteilung", "Erstellt am"])) == {"number", "subject", "requester", "department", "created"}
    assert left_alone(["Number", "Owner", "", "Title"]) == ["Owner"]


def world(**changes: Any) -> World:
    """A company of three with two departments."""
    offers = {7: Offer(7, 1, "Repair", False, True, True, 3), 8: Offer(8, 1, "Badge", True, True, False, 4), 9: Offer(9, 2, "Access", False, True, True, None)}
    values: dict[str, Any] = {
        "addresses": {"mara@example.com": 11},
        "names": {"mara okafor": 11, "tom becker": 12, "anna berg": 0},
        "people": {11: ("Mara Okafor", 1, True), 12: ("Tom Becker", None, False), 13: ("Ada", 2, True)},
        "departments": {"facilities": 1, "it": 2},
        "department_names": {1: "Facilities", 2: "IT"},
        "offers": offers,
        "services": {(1, "repair"): 7, (1, "badge"): 8},
        "questions": {1: 7},
        "allowed": None,
        "importer_id": 13,
        "now": NOW,
    }
    return World(**(values | changes))


def row(**cells: str) -> Row:
    """A row that would be taken, with changes."""
    values = {"subject": "Tap drips", "requester": "Mara Okafor", "department": "Facilities", "created": "2020-01-02 10:00"} | cells
    return Row(2, values, tuple(values.values()))


def reason(options: Options = Options(), of: World | None = None, **cells: str) -> str:  # noqa: B008  # frozen
    """Why a row is refused."""
    with pytest.raises(Refusal) as refused:
        importing.taken(row(**cells), of or world(), options)
    return str(refused.value.message)


@pytest.mark.parametrize(
    ("cells", "person"),
    [
        ({}, 11),
        ({"requester": "Okafor, Mara"}, 11),
        ({"requester": "mara okafor <somebody@else.example>"}, 11),
        ({"requester": "M. <MARA@example.com>"}, 11),
        ({"requester": "", "requester_email": "mara@example.com"}, 11),
        ({"requester": "Tom Becker"}, 12),
    ],
)
def test_who_asked(cells: dict[str, str], person: int) -> None:
    """By address first, then by the whole name, however it is turned."""
    assert importing.taken(row(**cells), world(), Options()).requester_id == person


def test_whom_nobody_knows() -> None:
    """Refused, or under the importer's name with theirs beside it; a name of several people is nobody's."""
    assert reason(requester="Nobody") == "We do not know Nobody, neither by address nor by name."
    assert reason(requester="Anna Berg").startswith("Several people are called Anna Berg.")
    assert reason(requester="") == "It does not say who asked."
    found = importing.taken(row(requester="Nobody"), world(), Options(on_behalf=True))
    assert (found.requester_id, found.asked_by) == (13, "Nobody")
    assert "We do not know" in reason(Options(on_behalf=True), world(importer_id=None), requester="Nobody")


def test_where_it_goes() -> None:
    """The service by its name, else the one for questions; words may be mapped; nobody fills another's department."""
    assert importing.taken(row(service="badge"), world(), Options()).service_id == 8
    assert importing.taken(row(service="unheard of"), world(), Options()).service_id == 7
    assert importing.taken(row(department="Users"), world(), Options(department_id=1)).service_id == 7
    assert importing.taken(row(department="Users"), world(), Options(departments={"users": 1})).service_id == 7
    assert importing.taken(row(department="Users", service="x"), world(), Options(services={"x": 8})).service_id == 8
    assert "We do not know the department Users" in reason(department="Users")
    assert reason(department="IT") == "IT offers no service where this could go."
    assert "promises nothing yet" in reason(Options(services={"x": 9}), service="x")
    assert reason(of=world(allowed=frozenset({2}))) == "This goes to Facilities, which you do not lead."


def test_how_long_it_lived() -> None:
    """The end lies behind the beginning, a day without a time may be the same one; open ones are closed today unless they go on."""
    assert reason(closed="2019-12-31 10:00") == "It was closed before it was asked."
    assert reason(closed="2020-01-02 09:00") == "It was closed before it was asked."
    assert reason(created="2027-01-01") == "Its date lies in the future."
    assert reason(created="") == "There is no date on which it was asked."
    assert importing.taken(row(closed="2020-01-02"), world(), Options()).closed_at == datetime(2020, 1, 2, 10, tzinfo=UTC)
    found = importing.taken(row(status="open"), world(), Options())
    assert (found.state, found.closed_at) == (CLOSED, NOW)
    assert importing.taken(row(status="Pending Reminder"), world(), Options(keep_open=True)).state == OPEN
    assert importing.taken(row(status="Won't do", closed="2020-01-03"), world(), Options()).state == CANCELLED
    assert importing.taken(row(status="strange", closed="2020-01-03"), world(), Options(keep_open=True)).state == CLOSED
    assert importing.taken(row(status="strange"), world(), Options(statuses={"strange": CANCELLED})).state == CANCELLED
    assert "has left" in reason(Options(keep_open=True), status="open", requester="Tom Becker")
    assert "cannot take an open request" in reason(Options(keep_open=True), status="open", service="badge")


def test_a_row_is_known_by_number_and_desk_or_by_all_it_says() -> None:
    """Case and spaces of a number make no difference, the name of the desk does."""

    def key(options: Options = Options(), **cells: str) -> str:  # noqa: B008  # frozen
        return importing.taken(row(**cells), world(), options).key

    assert key(number="AB-1") == key(number=" ab-1 ", subject="other")
    assert key(number="1") != key(number="2")
    assert key(Options(source="Zammad"), number="1") == key(Options(source="zammad "), number="1") != key(Options(source="Jira"), number="1")
    assert key() == key() != key(subject="other")


def test_a_long_subject_is_cut_and_kept_in_the_text() -> None:
    """Nothing is lost, lines stay lines, a formula stays text."""
    long = "word " * 60
    found = importing.taken(row(subject=long, description="a\r\nb\n=1+1"), world(), Options())
    assert len(found.title) <= importing.TITLE_LIMIT
    assert found.body == f"{long.strip()}\n\na\nb\n=1+1"
    assert importing.taken(row(subject="", description="a\nb"), world(), Options()).title == "a b"
    assert reason(subject=" ", description="") == "There is no subject."


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20), min_size=3, max_size=3), min_size=1, max_size=5
    )
)
def test_any_table_in_any_encoding_is_read_or_refused_in_words(cells: list[list[str]]) -> None:
    """Never another error, and never a zero byte."""
    text = "\r\n".join(";".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in [["a", "b", "c"], *cells])
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        with suppress(Refusal):
            assert all("\x00" not in cell for _, line in foreign_csv.read(io.BytesIO(text.encode(encoding))) for cell in line)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_words(content: bytes) -> None:
    """Whatever somebody chooses as a file."""
    with suppress(Refusal):
        assert all(line for _, line in foreign_csv.read(io.BytesIO(content)))


def test_far_offsets_are_no_date() -> None:
    """An offset of more than a day is none."""
    assert instant("2019-04-01 12:00+99:00", UTC) is None
    assert instant("2019-04-01 12:00+14:00", UTC) == datetime(2019, 4, 1, 12, tzinfo=UTC) - timedelta(hours=14)
