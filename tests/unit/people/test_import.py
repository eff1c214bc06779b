"""Comparing a people file with what is known: pure, every reason to refuse a line, and twice the same is nothing."""

import dataclasses
import io
from datetime import date
from typing import Any

import pytest

from portal.kernel import csvsafe
from portal.kernel.errors import Refusal
from portal.people import importing
from portal.people.importing import Known, Plan, World
from portal.people.models import Kind

TODAY = date(2026, 11, 24)


def known(number: str, name: str = "Mara Okafor", *, is_active: bool = True, protected: bool = False, **values: Any) -> Known:
    """A person as the portal has them."""
    empty = dict.fromkeys(importing.COLUMNS[1:], "") | {"email": None, "department": None, "manager": None, "location": None, "zone": None}
    empty |= {"language": None, "start_date": None, "end_date": None, "kind": Kind.EMPLOYEE, "name": name}
    return Known(hash(number) % 1000, number, is_active, protected, empty | values)


def world(*people: Known) -> World:
    """A company with two departments and two locations."""
    return World(
        people={p.staff_number: p for p in people},
        departments={"operations": 1, "facilities": 2},
        parents={1: None, 2: 1},
        department_names={1: "Operations", 2: "Facilities"},
        locations={"mill road": 1, "harbour": 2},
        owners={p.values["email"]: p.staff_number for p in people if p.values["email"]},
        languages={"en"},
        today=TODAY,
    )


def compare(text: str, *people: Known, leave_missing: bool = False) -> Plan:
    """The plan for a file with this text."""
    rows = importing.parse(csvsafe.read(io.BytesIO(text.encode("utf-8"))))
    return importing.diff(rows, world(*people), leave_missing=leave_missing)


def reasons(plan: Plan) -> dict[int, str]:
    """Refused lines with the reason as it is kept."""
    return {one.line: one.reason.text % one.reason.params for one in plan.refused}


def test_somebody_new_is_added_with_what_the_file_says() -> None:
    """Department by path, location by name, dates in both ways of writing them."""
    plan = compare(
        "staff_number;name;email;department;location;start_date;end_date\n"
        "MC-1;Mara Okafor;Mara.Okafor@Marlow.example;Operations / Facilities;Mill Road;2026-01-07;31.12.2026\n"
    )
    assert [c.values for c in plan.added] == [
        {
            "name": "Mara Okafor",
            "email": "mara.okafor@marlow.example",
            "department": 2,
            "location": 1,
            "start_date": date(2026, 1, 7),
            "end_date": date(2026, 12, 31),
        }
    ]
    assert not plan.refused


def test_the_same_again_changes_nothing() -> None:
    """A person as the file has them is unchanged, in any order of columns, with a byte order mark."""
    plan = compare("\ufeffname,staff_number,title\nMara Okafor,MC-1,Producer\n", known("MC-1", title="Producer"))
    assert (plan.added, plan.changed, plan.unchanged, plan.refused) == ([], [], 1, [])


def test_a_change_shows_before_and_after() -> None:
    """Only what differs."""
    plan = compare("staff_number,name,title\nMC-1,Mara Okafor-Lind,Producer\n", known("MC-1", title="Producer"))
    assert plan.changed[0].differs == {"name": ("Mara Okafor", "Mara Okafor-Lind")}


def test_empty_cells_empty_fields_except_those_people_keep_themselves() -> None:
    """The title goes, the phone stays."""
    plan = compare("staff_number,name,title,phone\nMC-1,Mara Okafor,,\n", known("MC-1", title="Producer", phone="112"))
    assert plan.changed[0].differs == {"title": ("Producer", "")}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",Mara,,,,,,,,", "There is no staff number."),
        ("MC 1,Mara,,,,,,,,", "other signs"),
        ("../etc,Mara,,,,,,,,", "other signs"),
        ("MC-1,,,,,,,,,", "There is no name."),
        ("MC-1,Mara,no address,,,,,,,", "does not look like a mail address"),
        ("MC-1,Mara,,robot,,,,,,", "no kind of person"),
        ("MC-1,Mara,,,Sales / Facilities,,,,,", "does not belong to Sales"),
        ("MC-1,Mara,,,,nobody,,,,", "neither in this file nor known here"),
        ("MC-1,Mara,,,,,Moon,,,", "do not know the location"),
        ("MC-1,Mara,,,,,,Mars/Base,,", "no time zone"),
        ("MC-1,Mara,,,,,,,24/11/2026,", "no date"),
        ("MC-1,Mara,,,,,,,2026-11-24,2026-11-23", "lies before the first"),
        ("MC-1," + "x" * 161 + ",,,,,,,,", "longer than 160"),
        ("MC-1,Mara,,,,MC-1,,,,", "go round in a circle"),
    ],
)
def test_a_line_is_refused_with_its_number_and_the_reason(line: str, reason: str) -> None:
    """Beside a good line that is taken over all the same."""
    header = "staff_number,name,email,kind,department,manager,location,zone,start_date,end_date"
    plan = compare(f"{header}\n{line}\nMC-2,Jonas,,,,,,,,\n")
    assert [c.staff_number for c in plan.added] == ["MC-2"]
    assert list(reasons(plan)) == [2]
    assert reason in reasons(plan)[2]


def test_doubles_inside_the_file_are_refused_on_every_line() -> None:
    """Which one is meant cannot be known; addresses are compared without regard to capitals."""
    plan = compare("staff_number,name,email\nMC-1,A,\nMC-1,B,\nMC-2,C,x@y.de\nMC-3,D,X@Y.de\nMC-4,E,\n")
    assert sorted(reasons(plan)) == [2, 3, 4, 5]
    assert [c.staff_number for c in plan.added] == ["MC-4"]


def test_an_address_of_somebody_else_is_refused_unless_they_give_it_up() -> None:
    """Two people may swap in one file."""
    mara, jonas = known("MC-1", email="a@x.de"), known("MC-2", "Jonas", email="b@x.de")
    plan = compare("staff_number,name,email\nMC-3,Kim,a@x.de\n", mara, jonas)
    assert "belongs to the staff number MC-1" in reasons(plan)[2]
    plan = compare("staff_number,name,email\nMC-1,Mara Okafor,b@x.de\nMC-2,Jonas,a@x.de\n", mara, jonas)
    assert (len(plan.changed), plan.refused) == (2, [])


def test_managers_in_a_circle_are_refused_and_take_nobody_else_with_them() -> None:
    """Through somebody who is not in the file, too; who hangs below them stays when they are known already."""
    people = [known("MC-1", manager="MC-2"), known("MC-2", "B"), known("MC-3", "C", manager="MC-2")]
    plan = compare("staff_number,name,manager\nMC-2,B,MC-1\nMC-3,C,MC-1\n", *people)
    assert list(reasons(plan)) == [2]
    assert [c.staff_number for c in plan.changed] == ["MC-3"]


def test_a_refused_newcomer_takes_with_them_who_reports_to_them() -> None:
    """Otherwise the report would hang in the air."""
    plan = compare("staff_number,name,manager\nMC-1,,\nMC-2,Jonas,MC-1\nMC-3,Kim,MC-2\n")
    assert sorted(reasons(plan)) == [2, 3, 4]


def test_who_is_missing_leaves_only_when_that_was_ticked() -> None:
    """Administrators and service accounts stay even then."""
    people = [known("MC-1"), known("MC-2", "B"), known("MC-3", "C", protected=True), known("MC-4", "D", is_active=False)]
    text = "staff_number,name\nMC-1,Mara Okafor\n"
    assert compare(text, *people).leaving == []
    plan = compare(text, *people, leave_missing=True)
    assert [p.staff_number for p in plan.leaving] == ["MC-2"]
    assert [p.staff_number for p in plan.kept] == ["MC-3"]


def test_a_refused_line_still_keeps_its_person() -> None:
    """A typing mistake must not throw somebody out."""
    plan = compare("staff_number,name,email\nMC-1,Mara Okafor,nonsense\n", known("MC-1"), leave_missing=True)
    assert plan.leaving == []
    assert len(plan.refused) == 1


def test_a_file_never_brings_somebody_back() -> None:
    """Whoever was shut out yesterday stays out, whatever last week's file says; their own last day is fine."""
    gone = known("MC-1", is_active=False)
    assert "Bring them back" in reasons(compare("staff_number,name\nMC-1,Mara Okafor\n", gone))[2]
    plan = compare("staff_number,name,end_date\nMC-1,Mara Okafor,2026-10-30\n", known("MC-1", is_active=False, end_date=date(2026, 10, 30)))
    assert (plan.unchanged, plan.refused) == (1, [])


def test_a_last_day_that_is_over_lets_somebody_leave() -> None:
    """The last day itself is still a working day."""
    plan = compare("staff_number,name,end_date\nMC-1,Mara Okafor,2026-11-23\nMC-2,B,2026-11-24\n", known("MC-1"), known("MC-2", "B"))
    assert ["is_active" in c.differs for c in plan.changed] == [True, False]


def test_administrators_never_leave_by_a_file() -> None:
    """A last day that is over would lock the company out."""
    plan = compare("staff_number,name,end_date\nMC-1,Mara Okafor,2026-11-01\n", known("MC-1", protected=True))
    assert "leave by hand" in reasons(plan)[2]


def test_whoever_may_do_more_keeps_their_address() -> None:
    """HR cannot move an administrator's mail to itself; other changes are fine."""
    ada = known("MC-1", email="ada@x.de")
    place = dataclasses.replace(world(ada), guarded={"MC-1"})
    for text, refused in (("MC-1,Mara Okafor,other@x.de,T", 1), ("MC-1,Mara Okafor,ada@x.de,T", 0)):
        rows = importing.parse(csvsafe.read(io.BytesIO(f"staff_number,name,email,title\n{text}\n".encode())))
        assert len(importing.diff(rows, place, leave_missing=False).refused) == refused


def test_departments_that_do_not_exist_are_made_parents_first() -> None:
    """Each once, however many people belong to it."""
    plan = compare("staff_number,name,department\nMC-1,A,Design / Studio\nMC-2,B,Design / Studio\nMC-3,C,Design\nMC-4,D,Facilities\n")
    assert plan.departments == [("Design",), ("Design", "Studio")]


def test_text_from_outside_is_cleaned() -> None:
    """NUL, steering marks and doubled spaces go; a formula comes back as the text it is."""
    plan = compare("staff_number,name,title\nMC-1,Ma\x00ra \u202e Okafor  ,'=1+1\n")
    assert plan.added[0].values == {"name": "Mara Okafor", "title": "=1+1"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "first line must name"),
        ("name,email\nMara,\n", "staff_number"),
        ("staff_number,name,name\nMC-1,A,B\n", "twice: name"),
        ('staff_number,name\nMC-1,"Mara\n', "quotation mark"),
    ],
)
def test_a_file_that_is_no_table_of_people_is_refused_as_a_whole(text: str, sentence: str) -> None:
    """With what is missing."""
    with pytest.raises(Refusal) as refusal:
        compare(text)
    assert sentence in refusal.value.message.text % refusal.value.message.params


def test_wrong_encodings_are_named_with_their_line() -> None:
    """Latin-1 and UTF-16 from a spreadsheet, and a spreadsheet itself."""
    for content in ("staff_number,name\nMC-1,Müller\n".encode("latin-1"), "staff_number,name\n".encode("utf-16"), b"PK\x03\x04 a workbook"):
        with pytest.raises(Refusal, match="UTF-8"):
            importing.parse(csvsafe.read(io.BytesIO(content)))


def test_unknown_columns_are_left_alone_and_named() -> None:
    """Payroll exports hold more than we want to know."""
    assert importing.unknown_columns(["Staff Number", "name", "IBAN", ""]) == ["IBAN"]
    assert compare("Staff Number,Name,IBAN\nMC-1,Mara,DE00\n").added[0].values == {"name": "Mara"}


def test_refused_lines_are_written_as_a_table() -> None:
    """What the download holds."""
    plan = compare("staff_number,name\nMC-1,\n")
    rows = importing.refused_rows(plan.refused)
    assert next(rows) == ["line", "staff_number", "reason"]
