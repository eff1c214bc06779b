"""The figures of a department as its people see them."""

import csv
import io
import random
import re
from contextlib import suppress
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
import time_machine

from portal.desk import figure_keeping as keeping
from portal.desk import figure_packing as packing
from portal.desk.actions.conversation import Reply, reply
from portal.desk.actions.deciding import cancel
from portal.desk.figure_periods import Span, before, last_weeks
from portal.desk.models import Request
from portal.desk.queries import figure_rows, figures
from portal.desk.rules import ReplyKind
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Forbidden, Refusal
from portal.kernel.unit_of_work import unit_of_work
from portal.people import calendars
from portal.people.models import Department
from tests.flows.desk.test_figure_keeping import counted, step
from tests.support.desk import DeskUser
from tests.support.story import STORY

pytestmark = pytest.mark.postgres
PAGE = "/queue/facilities/figures"
HOUR = timedelta(hours=1)
LATER = timedelta(days=20)


def solved(desk: DeskUser, count: int, after: timedelta, **values: Any) -> None:
    """Jonas solves requests so long after they came in."""
    for _ in range(count):
        number = desk.file(now=STORY, **values).id
        desk.act(reply, number, Reply("A new lock is in.", kind=ReplyKind.FIX), who="jonas", now=STORY + after)


def found(desk: DeskUser, key: str = "facilities", later: timedelta = LATER, weeks: int = 4) -> figures.Figures:
    """A department over some weeks, so long after the story began."""
    own, now = desk.world.departments[key].id, STORY + later
    db.session.remove()
    zone = figures.calendar_of(own).zone
    span = last_weeks(weeks, figures.today(zone, now))
    return figures.of_department(own, span, before(span), zone, now)


def test_what_was_solved_counts_when_it_was_due(desk: DeskUser) -> None:
    """Six solved within the hour are kept, once their day has come."""
    was = figures.kept(found(desk).whole, "resolution")
    solved(desk, 6, HOUR)
    now = figures.kept(found(desk).whole, "resolution")
    assert (now.due, now.late) == (was.due + 6, was.late)


def test_leaving_things_open_does_not_help(desk: DeskUser) -> None:
    """R20: what is open and past due is late now, before anybody answers, in its week and its parts, too."""
    was = found(desk)
    for _ in range(3):
        desk.file(now=STORY)
    now = found(desk)
    for clock in ("first_response", "resolution"):
        old, new = figures.kept(was.whole, clock), figures.kept(now.whole, clock)
        assert (new.due, new.late) == (old.due + 3, old.late + 3)
        assert sum(figures.kept(sums, clock).late for _, sums in now.slices) == new.late
        assert sum(figures.kept(sums, clock).late for sums in now.parts["service"].values()) == new.late


def test_times_stand_beside_the_clock_on_the_wall(desk: DeskUser) -> None:
    """Solved at ten the next day: a working day, and a day on the wall."""
    solved(desk, 60, timedelta(days=1), impact="nuisance")
    took = figures.took(found(desk).whole, "resolution")
    assert took.half is not None
    assert took.half_elapsed is not None
    assert took.half == pytest.approx(timedelta(hours=10), rel=0.04)
    assert took.half_elapsed == pytest.approx(timedelta(days=1), rel=0.04)


def test_a_late_request_that_was_cancelled_is_late_and_no_solution(desk: DeskUser) -> None:
    """R13 and R19: its promises stay late, but nobody answered or solved anything; one that was answered before keeps the time of its answer."""
    with unit_of_work():
        packing.rebuild()
    was = found(desk)
    desk.act(cancel, desk.file(now=STORY).id, who="mara", now=STORY + timedelta(days=15))
    answered = desk.file(now=STORY).id
    desk.act(reply, answered, Reply("A heater stands by your desk.", kind=ReplyKind.WORKAROUND), who="jonas", now=STORY + HOUR)
    desk.act(cancel, answered, who="mara", now=STORY + timedelta(days=15))
    now = found(desk)
    assert figures.kept(now.whole, "resolution").late == figures.kept(was.whole, "resolution").late + 2
    assert figures.took(now.whole, "resolution") == figures.took(was.whole, "resolution")
    assert figures.took(now.whole, "first_response").number == figures.took(was.whole, "first_response").number + 1
    assert (figures.pause_share(now.whole), figures.total(now.whole, "resolution_worked")) == (
        figures.pause_share(was.whole),
        figures.total(was.whole, "resolution_worked"),
    )
    assert keeping.kept() == counted()


@pytest.mark.parametrize("weeks", [4, 12, 52])
def test_packed_and_unpacked_say_the_same(desk: DeskUser, weeks: int) -> None:
    """Cells of weeks and months, days, and changes not folded yet: whatever is there, the sums are the same."""
    solved(desk, 3, HOUR)
    with unit_of_work():
        while packing.settle():
            pass
    plain = found(desk, weeks=weeks, later=timedelta(days=70))
    with unit_of_work():
        packing.rebuild()
        while packing.fold():
            pass
    days = found(desk, weeks=weeks, later=timedelta(days=70))
    with unit_of_work():
        while packing.pack(STORY + timedelta(days=70)):
            pass
    cells = found(desk, weeks=weeks, later=timedelta(days=70))
    for other in (days, cells):
        assert (told(other.whole), told(other.before), told_parts(other)) == (told(plain.whole), told(plain.before), told_parts(plain))
        assert [told(sums) for _, sums in other.slices] == [told(sums) for _, sums in plain.slices]
    assert packing.astray(1000) == []


def told(sums: Any) -> dict[tuple[str, int], int]:
    """Sums without what came to nothing."""
    return {(measure, number): n for measure, counts in sums.items() for number, n in counts.items() if n}


def told_parts(one: figures.Figures) -> dict[str, Any]:
    """Parts in which something counts."""
    return {f"{name} {value}": told(sums) for name, values in one.parts.items() for value, sums in values.items() if told(sums)}


def test_a_late_change_unpacks_what_it_touches(desk: DeskUser) -> None:
    """A request solved late takes away the week in which it was due, and it is packed anew."""
    desk.file(now=STORY)
    number = db.session.scalar(sa.select(sa.func.max(Request.id)))
    now = STORY + timedelta(days=40)
    with unit_of_work():
        packing.rebuild(now)
        while packing.fold():
            pass
        while packing.pack(now):
            pass
    assert not packing.unpacked(now)
    desk.act(reply, number, Reply("A new lock is in.", kind=ReplyKind.FIX), who="jonas", now=now)
    with unit_of_work():
        assert packing.fold()
    assert packing.unpacked(now)
    with unit_of_work():
        while packing.pack(now):
            pass
    assert packing.astray(1000) == []


def test_what_an_import_wrote_is_counted_by_itself(desk: DeskUser) -> None:
    """Clocks and events without a place get one, and count once, however often the job looks."""
    solved(desk, 2, HOUR)
    with unit_of_work():
        packing.rebuild()
        while packing.fold():
            pass
    was = found(desk)
    with unit_of_work():
        db.session.execute(sa.text("UPDATE clocks SET stop_day = NULL, due_day = NULL, time_bucket = NULL, elapsed_bucket = NULL"))
        db.session.execute(sa.text("UPDATE clock_events SET day = NULL"))
        db.session.execute(sa.text("DELETE FROM figure_counts"))
    for _ in range(3):
        with unit_of_work():
            while packing.settle():
                pass
            while packing.fold():
                pass
    assert told(found(desk).whole) == told(was.whole)


# -- a number leads to its rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_every_number_is_the_number_of_its_rows(desk: DeskUser, sign_in: Any, seed: int) -> None:
    """Whatever happened: every link on the page of the lead leads to as many requests as its number says; in the file, too."""
    dice, now = random.Random(seed), STORY
    numbers: list[int] = []
    for _ in range(30):
        now += timedelta(minutes=dice.randint(5, 900))
        with suppress(Refusal, Conflict, Forbidden):
            step(desk, dice, numbers, now)
        if dice.random() < 0.2:
            with unit_of_work():
                packing.settle()
                packing.fold()
    with unit_of_work():
        packing.pack(now)
    with time_machine.travel(now + HOUR, tick=False):
        priya = sign_in(desk.world.people["priya"])
        links = {}
        for period in ("weeks=4", "weeks=52", "from=2026-11-20&to=2026-11-27"):
            links |= shown_links(priya.get(f"{PAGE}?{period}").source)
        assert len(links) > 20
        for address, number in dice.sample(sorted(links.items()), min(len(links), 60)):
            assert counted_rows(desk, address, now + HOUR) == number, address
        address, number = max(links.items(), key=lambda link: link[1])
        rows = list(csv.reader(io.StringIO(priya.get(address.replace("/rows?", "/rows.csv?")).source.lstrip("\ufeff"))))
        assert len(rows) - 1 == number


def shown_links(source: str) -> dict[str, int]:
    """Addresses of rows on a page, with the whole number each is the link of."""
    pattern = re.compile(r'<a href="([^"]*/figures/rows[^"]*)">([\d,]+)</a>')
    return {address.replace("&amp;", "&"): int(number.replace(",", "")) for address, number in pattern.findall(source)}


def counted_rows(desk: DeskUser, address: str, now: Any) -> int:
    """How many rows an address lists for Priya, page by page, and how many it leaves out."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    own = desk.world.departments["facilities"].id
    calendar = calendars.work_calendar(calendars.department_version(own))
    span = Span(*(date.fromisoformat(asked[name]) for name in ("from", "to")))
    wanted = figure_rows.Wanted(
        asked["measure"],
        span,
        calendar.zone,
        service_id=int(asked["service"]) if "service" in asked else None,
        priority=asked.get("priority", ""),
        notices={"yes": True, "no": False}.get(asked.get("notices", "")),
        asked_from=int(asked["of"]) if "of" in asked else None,
        age=int(asked["age"]) if "age" in asked else None,
    )
    actor, cursor, seen = desk.actor("priya"), None, 0
    while True:
        page = figure_rows.page(actor, own, wanted, now, calendar, cursor=cursor, limit=7)
        seen += len(page.items)
        cursor = page.next
        if cursor is None:
            break
    assert str(figure_rows.count(own, wanted, now, calendar)) == str(seen + figure_rows.hidden(actor, own, wanted, now, calendar).number)
    return seen + figure_rows.hidden(actor, own, wanted, now, calendar).number


def test_confidential_rows_are_bare_for_the_lead_and_counted_for_others(desk: DeskUser, sign_in: Any) -> None:
    """Priya sees the number of a confidential request and no title; Jonas, who is not named for it, only how many there are."""
    now = STORY + HOUR
    with unit_of_work():
        while packing.settle():
            pass
    with time_machine.travel(now, tick=False):
        address = f"{PAGE}/rows?measure=opened&weeks=52"
        title = db.session.scalar(sa.select(Request.title).where(Request.id == desk.world.requests["badge"]))
        number = desk.world.requests["badge"]
        lead, fulfiller, named = (sign_in(desk.world.people[who]).get(address).source for who in ("priya", "jonas", "kim"))
        assert title not in lead
        assert f"Request {number}, not yours to read" in lead
        assert title not in fulfiller
        assert f"Request {number}," not in fulfiller
        assert "confidential and not listed for you" in fulfiller
        assert title in named


# -- the page -----------------------------------------------------------------------------------------------------------


def test_the_page_says_what_was_kept(desk: DeskUser, sign_in: Any) -> None:
    """A lead and a fulfiller read it, over four weeks, twelve, a year or days of their own; other periods are four weeks."""
    solved(desk, 6, HOUR)
    with time_machine.travel(STORY + LATER, tick=False):
        for who in ("jonas", "priya"):
            page = sign_in(desk.world.people[who]).get(PAGE)
            for words in ("of first answers came on time", "How it is counted", "Something in the building is broken", "Requests per 100 people", "As a table"):
                assert words in page
        jonas = sign_in(desk.world.jonas)
        assert 'aria-current="page">12 weeks' in jonas.get(f"{PAGE}?weeks=12").source
        assert 'aria-current="page">4 weeks' in jonas.get(f"{PAGE}?weeks=999").source
        assert 'aria-current="page">A year' in jonas.get(f"{PAGE}?weeks=52").source
        own = jonas.get(f"{PAGE}?from=2026-11-20&to=2026-11-27").source
        assert 'value="2026-11-20"' in own
        assert 'aria-current="page">4 weeks' not in own


def test_a_small_number_is_shown_like_any_other(desk: DeskUser, sign_in: Any) -> None:
    """Nothing here is about satisfaction, so nothing is kept back."""
    solved(desk, 1, HOUR, service="badge-or-key" if "badge-or-key" in desk.world.services else "repair")
    with time_machine.travel(STORY + LATER, tick=False):
        assert "fewer than 5" not in sign_in(desk.world.jonas).get(PAGE).source


def test_every_table_is_there_as_a_file(desk: DeskUser, sign_in: Any) -> None:
    """With the words of its head and plain numbers; no such table is no file."""
    solved(desk, 2, HOUR)
    with time_machine.travel(STORY + LATER, tick=False):
        jonas = sign_in(desk.world.jonas)
        keys = set(re.findall(r"figures\.csv\?table=([a-z-]+)", jonas.get(PAGE).source.replace("&amp;", "&")))
        keys |= set(re.findall(r"[?&]table=([a-z-]+)", jonas.get(PAGE).source.replace("&amp;", "&")))
        assert {"promises", "times", "moves", "services", "priorities", "customers", "asking", "oldest", "ages", "weekly-promises"} <= keys
        for key in sorted(keys):
            rows = list(csv.reader(io.StringIO(jonas.get(f"{PAGE}.csv?table={key}").source.lstrip("\ufeff"))))
            assert len(rows) > 1, key
        moves = {row[0]: row[1] for row in csv.reader(io.StringIO(jonas.get(f"{PAGE}.csv?table=moves").source.lstrip("\ufeff")))}
        assert int(moves["Solved"]) >= 2
        assert jonas.get(f"{PAGE}.csv?table=nothing").status == 404


def test_others_do_not_read_it(desk: DeskUser, sign_in: Any) -> None:
    """Neither who asks nor who answers elsewhere, on the page, in files or rows; no such department is no page."""
    for path in (PAGE, f"{PAGE}.csv?table=promises", f"{PAGE}/rows?measure=opened", f"{PAGE}/rows.csv?measure=opened"):
        assert sign_in(desk.world.mara).get(path).status == 403
        assert sign_in(desk.world.people["ruth"]).get(path).status == 403
    for path in ("/queue/nowhere/figures", "/queue/nowhere/figures/rows"):
        assert sign_in(desk.world.jonas).get(path).status == 404


def test_an_administrator_reads_numbers_and_no_rows(desk: DeskUser, sign_in: Any) -> None:
    """Ada answers for IT: of Facilities she sees what adds up, and no way to its requests."""
    ada = sign_in(desk.world.people["ada"])
    with time_machine.travel(STORY + HOUR, tick=False):
        page = ada.get(PAGE)
        assert page.status == 200
        assert shown_links(page.source) == {}
        assert "<a " not in page.source.split('class="card fig-four"')[1].split("</dl>")[0]
        assert "Open for longest" not in page.source
        assert ada.get(f"{PAGE}/rows?measure=opened").status == 403
        assert shown_links(ada.get("/queue/it/figures?weeks=52").source)


@pytest.mark.parametrize("weeks", [4, 52])
def test_the_page_costs_few_statements(desk: DeskUser, sign_in: Any, query_count: Any, weeks: int) -> None:
    """However many requests there are, and however long the period."""
    solved(desk, 6, HOUR)
    jonas = sign_in(desk.world.jonas)
    jonas.get(PAGE)
    with query_count() as statements:
        jonas.get(f"{PAGE}?weeks={weeks}")
    assert statements.count <= 14, statements
    with query_count() as statements:
        jonas.get(f"{PAGE}/rows?measure=opened&weeks={weeks}")
    assert statements.count <= 8, statements


# -- several departments ------------------------------------------------------------------------------------------------


def test_who_leads_sees_a_line_for_each_department(desk: DeskUser, sign_in: Any) -> None:
    """An administrator all that answer, a lead their own; fulfillers and others no such page."""
    solved(desk, 4, HOUR)
    with time_machine.travel(STORY + HOUR, tick=False):
        everything = sign_in(desk.world.people["ada"]).get("/figures").source
        assert "/queue/facilities/figures?weeks=4" in everything
        assert "/queue/it/figures?weeks=4" in everything
        mine = sign_in(desk.world.people["priya"]).get("/figures").source
        assert "/queue/facilities/figures?weeks=4" in mine
        assert "/queue/it/figures?weeks=4" not in mine
        assert "Facilities" in sign_in(desk.world.people["priya"]).get("/figures.csv?weeks=12").source
        for who in ("jonas", "mara"):
            assert sign_in(desk.world.people[who]).get("/figures").status == 403
            assert sign_in(desk.world.people[who]).get("/figures.csv").status == 403


def test_a_line_says_what_the_page_says(desk: DeskUser) -> None:
    """Packed or not, several departments at once add up to what each of them says alone."""
    from portal.desk.queries import figure_overview

    solved(desk, 4, HOUR)
    now = STORY + timedelta(days=20)
    for packed in (False, True):
        if packed:
            with unit_of_work():
                packing.rebuild(now)
                while packing.fold():
                    pass
                while packing.pack(now):
                    pass
        alone = found(desk, later=timedelta(days=20))
        ids = list(db.session.scalars(sa.select(Department.id)))
        together = figure_overview.sums(ids, alone.span, "Europe/Berlin", now)
        assert told(together[desk.world.departments["facilities"].id]) == told(alone.whole)


def test_the_start_page_of_a_lead_tells_this_week(desk: DeskUser, sign_in: Any, query_count: Any) -> None:
    """In one statement; nothing for who leads nobody."""
    from portal.desk.queries import figure_overview

    solved(desk, 2, HOUR, impact="stopped")
    desk.file(now=STORY, impact="stopped")
    now = STORY + timedelta(days=2)
    with time_machine.travel(now, tick=False):
        assert "late now" in sign_in(desk.world.people["priya"]).get("/").source
        assert "late now" not in sign_in(desk.world.people["kim"]).get("/").source
        priya = desk.actor("priya")
        with query_count() as statements:
            lines = figure_overview.this_week(priya, now)
        assert statements.count == 1, statements
    line = next(one for one in lines if one.key == "facilities")
    assert line.met >= 4
    assert line.missed >= 2
    assert line.late >= 1
    assert line.oldest is not None


def test_four_numbers_come_first_and_lead_to_their_rows(desk: DeskUser, sign_in: Any) -> None:
    """Answered and solved on time, how long a solution takes and what is open, before any table."""
    solved(desk, 2, HOUR)
    with time_machine.travel(STORY + LATER, tick=False):
        source = sign_in(desk.world.jonas).get(PAGE).source
    first = source.split('class="card fig-four"')[1].split("</dl>")[0]
    assert re.findall(r"<dt>(.*?)</dt>", first) == ["Answered on time", "Solved on time", "Half solved within", "Open now"]
    assert re.findall(r"measure=(\w+)", first) == ["first_response_due", "resolution_due", "resolution_time", "open"]
    assert source.index("fig-four") < source.index("<table")
