"""The queue of Facilities: what next, who may look, filters in the address, taking, several at once, news and clocks."""

import re

import pytest
import sqlalchemy as sa

from portal.desk.actions.deciding import cancel
from portal.desk.actions.filing import Filing, file_request
from portal.desk.models import Request
from portal.kernel.clock import now as right_now
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work

QUEUE = "/queue/facilities"


@pytest.fixture
def numbers(world):
    """The numbers of the requests of the story, as text."""
    return {key: str(number) for key, number in world.requests.items()}


def row_of(app, number) -> Request:
    """The row as it is in the database."""
    with app.app_context():
        return db.session.get_one(Request, int(number))


def shown(page) -> list[str]:
    """Numbers of the rows from top to bottom."""
    return re.findall(r'name="id"\s+value="(\d+)"', page.source)


def many(world, app, number, *, titles="Door {} squeaks") -> None:
    """File a few more requests to Facilities."""
    with app.app_context(), unit_of_work():
        for place in range(number):
            filing = Filing(world.services["repair"], titles.format(place), "It does.", world.nils.id)
            file_request(filing, actor=world.actor("nils"), now=right_now())


def test_jonas_sees_what_is_next(world, sign_in, numbers, query_count) -> None:
    """Late first, then by working time left, with the clocks in words; eight statements and a small page."""
    jonas = sign_in(world.jonas)
    jonas.get(QUEUE)
    with query_count() as statements:
        page = jonas.get(QUEUE)
    assert page.status == 200
    assert statements.count <= 8, statements
    assert len(page.source.encode()) <= 60_000
    assert page.title == "Facilities queue, Hearth"
    assert shown(page) == [numbers[key] for key in ("cold", "for-mara", "radiator", "heating", "move", "chairs")]
    for words in (
        "6 open",
        "2 need a first answer",
        "1 late",
        "On duty",
        "Late by 2 days 1 h",
        "4 h to first answer",
        "Waiting for Stuhl and Tisch",
        "Thu 12:00",
    ):
        assert words in page, words


def test_twenty_five_more_requests_cost_no_more(world, sign_in, app, query_count) -> None:
    """The same statements for a full page, and a way to the next one and back."""
    many(world, app, 30)
    jonas = sign_in(world.jonas)
    jonas.get(QUEUE)
    with query_count() as statements:
        page = jonas.get(QUEUE)
    assert statements.count <= 8, statements
    assert len(page.source.encode()) <= 60_000
    assert len(shown(page)) == 25
    assert "1 to 25 of 36" in page
    second = page.follow("Next 25")
    assert "26 to 36 of 36" in second
    assert not set(shown(page)) & set(shown(second))
    assert shown(second.follow("Back")) == shown(page)


def test_a_page_turns_over_requests_without_a_date(world, sign_in, app) -> None:
    """What waits for the requester alone has no due instant and comes last, on whatever page that is."""
    many(world, app, 60)
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Request).where(Request.title.like("Door %")).values(next_due_at=None))
    seen: list[str] = []
    page = sign_in(world.jonas).get(QUEUE)
    for _ in range(2):
        seen += shown(page)
        page = page.follow("Next 25")
    seen += shown(page)
    assert "Next 25" not in page
    assert len(seen) == len(set(seen)) == 66
    for _ in range(2):
        page = page.follow("Back")
    assert all(link.text != "Back" for link in page.links)
    assert shown(page) == seen[:25]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("view=answer", {"for-mara", "radiator", "cold"}),
        ("view=mine", {"heating", "cold"}),
        ("view=waiting", {"chairs"}),
        ("view=unassigned", {"for-mara", "radiator"}),
        ("view=follow-up", {"bulbs"}),
        ("view=today", {"cold", "for-mara", "radiator"}),
        ("status=planned", {"move"}),
        ("status=waiting", {"chairs"}),
        ("status=closed", {"key"}),
        ("notices=yes", {"radiator"}),
        ("q=radiator+in+stu", {"radiator"}),
        ("q=RADIATOR", {"radiator", "cold"}),
        ("assignee=nobody", {"for-mara", "radiator"}),
        ("q=%25", set()),
        ("view=nothing&status=%00&site=abc&priority=9&assignee=-1", {"cold", "for-mara", "radiator", "heating", "move", "chairs"}),
        ("at=garbage&first=-5", {"cold", "for-mara", "radiator", "heating", "move", "chairs"}),
    ],
)
def test_views_and_filters_stand_in_the_address(world, sign_in, numbers, query, expected) -> None:
    """Each shows what it says; what does not fit is left out."""
    page = sign_in(world.jonas).get(f"{QUEUE}?{query}")
    assert page.status == 200
    assert set(shown(page)) == {numbers[key] for key in expected}


def test_a_number_leads_to_the_request_wherever_it_stands(world, sign_in, numbers) -> None:
    """Also when it is closed; a number of another department is nowhere here."""
    jonas = sign_in(world.jonas)
    assert shown(jonas.get(f"{QUEUE}?q={numbers['key']}")) == [numbers["key"]]
    assert shown(jonas.get(f"{QUEUE}?q={numbers['laptop']}")) == []
    assert jonas.get(f"{QUEUE}?q={'9' * 30}").status == 200


def test_filters_without_a_hit_can_be_taken_away(world, sign_in) -> None:
    """One by one, by a link each; no form is needed."""
    page = sign_in(world.jonas).get(f"{QUEUE}?site={world.harbour.id}&notices=yes")
    assert "No request fits these 2 filters." in page
    left = page.follow("Customer notices: yes")
    assert "No request fits this filter." in left
    assert "notices" not in left.address


def test_filters_work_as_plain_forms(world, sign_in, numbers) -> None:
    """A chip is a small form whose value goes into the address; what was set before stays."""
    page = sign_in(world.jonas).get(f"{QUEUE}?notices=yes").follow("More filters")
    form = next(f for f in page.forms if "priority" in f.names)
    found = page.visitor.submit(page, form, priority="normal")
    assert "notices=yes" in found.address
    assert "priority=normal" in found.address
    assert shown(found) == [numbers["radiator"]]


def test_confidential_requests_are_for_those_named(world, sign_in, numbers) -> None:
    """Kim is named for badges, Jonas is not; Priya leads and knows number, state and due, and no words."""
    badge, secret = numbers["badge"], "A door I should not name"
    assert badge not in shown(sign_in(world.jonas).get(QUEUE))
    kim, priya = sign_in(world.kim).get(QUEUE), sign_in(world.priya).get(QUEUE)
    assert secret in kim
    assert badge in shown(priya)
    assert secret not in priya.source
    assert f"Confidential request {badge}" in priya
    line = next(part for part in priya.source.split("<tr") if f'value="{badge}"' in part)
    assert "Customer Care" not in line
    assert "Tom" not in line
    assert shown(sign_in(world.priya).get(f"{QUEUE}?q=A+door")) == []


def test_only_those_who_serve_look_into_a_queue(world, sign_in, visitor) -> None:
    """Ruth serves Finance, Mara nobody; a department there is none of is not found; strangers sign in first."""
    assert sign_in(world.ruth).get(QUEUE).status == 403
    assert sign_in(world.mara).get(QUEUE).status == 403
    assert sign_in(world.jonas).get("/queue/nowhere").status == 404
    assert "Sign in" in visitor.get(QUEUE).title
    for path in (f"{QUEUE}/news?since=1", f"{QUEUE}/clocks?ids=1", f"{QUEUE}/call", f"{QUEUE}/follow-ups", "/services/facilities", "/replies/facilities"):
        assert sign_in(world.ruth).get(path).status == 403, path
        assert sign_in(world.mara).get(path).status == 403, path


def test_the_menu_names_each_department_served(world, sign_in) -> None:
    """With what needs an answer; requesters have no such group."""
    page = sign_in(world.jonas).get("/requests")
    assert "Facilities Queue 3 need you" in page
    assert page.link("Queue").href == QUEUE
    assert all("/queue/" not in link.href for link in sign_in(world.mara).get("/requests").links)


def test_taking_a_request_brings_back_to_the_same_view(world, sign_in, numbers, app) -> None:
    """Kim, a moment later, reads who has it; nothing else changes."""
    jonas, kim = sign_in(world.jonas), sign_in(world.kim)
    page, late = jonas.get(f"{QUEUE}?view=unassigned"), kim.get(QUEUE)
    address = f"{QUEUE}/take/{numbers['radiator']}"
    form = page.form("/bulk")
    data = {name: held for name, held in form.values.items() if name != "id"}
    taken = jonas.post(address, data)
    assert taken.address == f"{QUEUE}?view=unassigned"
    assert f"{numbers['radiator']} is yours." in taken
    lost = kim.post(address, {name: held for name, held in late.form("/bulk").values.items() if name != "id"})
    assert lost.status == 409
    assert "Jonas Lindqvist took it a moment before you." in lost
    assert row_of(app, numbers["radiator"]).assignee_id == world.jonas.id


@pytest.mark.parametrize(
    ("who", "key", "status"),
    [("jonas", "badge", 404), ("jonas", "laptop", 404), ("jonas", "concern", 404), ("ruth", "radiator", 404), ("mara", "radiator", 403)],
)
def test_nobody_takes_what_is_not_theirs(world, sign_in, numbers, app, who, key, status) -> None:
    """Confidential ones and those of other departments do not exist; requesters and other departments have no such door."""
    visitor = sign_in(world.people[who])
    token = next(form.values["csrf_token"] for form in visitor.get("/requests").forms if "csrf_token" in form.values)
    answer = visitor.post(f"{QUEUE}/take/{numbers[key]}", {"csrf_token": token})
    assert answer.status == status
    assert row_of(app, numbers[key]).assignee_id is None or key == "laptop"


def tick(page, way, *ids):
    """Tick some rows and press a button of the bar below."""
    form = page.form("/bulk")
    return page.visitor.submit(page, form, button=way, id=list(ids))


def test_two_go_to_kim_and_the_one_that_is_over_is_named(world, sign_in, numbers, app) -> None:
    """Done for those that can be, and the others are named with the reason."""
    jonas = sign_in(world.jonas)
    page = tick(jonas.get(QUEUE), "assign", numbers["radiator"], numbers["for-mara"], numbers["heating"])
    assert page.heading == "Give 3 requests to somebody"
    with app.app_context(), unit_of_work():
        cancel(db.session.get_one(Request, int(numbers["for-mara"])), reason="", actor=world.actor("camille"), now=right_now())
    after = page.submit("/bulk/assign", person=world.kim.id)
    assert "2 requests changed hands." in after
    assert "One was skipped." in after
    assert f"{numbers['for-mara']} Shelf in the photo store: This request is no longer open." in after
    assert row_of(app, numbers["radiator"]).assignee_id == row_of(app, numbers["heating"]).assignee_id == world.kim.id
    assert "One was skipped." not in jonas.get(QUEUE)


def test_a_lead_does_nothing_with_what_is_confidential(world, sign_in, numbers, app) -> None:
    """It stays in its row; the bar skips it."""
    page = tick(sign_in(world.priya).get(QUEUE), "reply", numbers["badge"], numbers["radiator"])
    assert "A door" not in page.source
    after = page.submit("/bulk/reply", body="We look at all of this tomorrow.", next_step="We come by", next_step_at="2026-11-25T12:00")
    assert "One reply is sent." in after
    assert "Only those named" in after or "confidential" in after
    assert row_of(app, numbers["badge"]).answered_at is None
    assert row_of(app, numbers["radiator"]).answered_at is not None


def test_one_next_step_for_two(world, sign_in, numbers, app) -> None:
    """Without a date it needs another look and nothing is lost; a double click sends it once."""
    jonas = sign_in(world.jonas)
    page = tick(jonas.get(QUEUE), "step", numbers["radiator"], numbers["for-mara"])
    again = page.submit("/bulk/step", body="The plumber comes.", next_step="The plumber looks at it")
    assert again.status == 422
    assert "By when? A day is enough." in again
    assert "The plumber comes." in again.source
    form = again.form("/bulk/step")
    for _ in range(2):
        sent = again.visitor.submit(again, form, next_step_at="2026-11-25T12:00")
        assert sent.status == 200
    row = row_of(app, numbers["radiator"])
    assert (row.next_step, row.message_count) == ("The plumber looks at it", 2)


def test_nothing_ticked_says_so(world, sign_in) -> None:
    """And an action there is none of is not found."""
    jonas = sign_in(world.jonas)
    page = jonas.get(QUEUE)
    assert "Tick at least one request first." in tick(page, "assign")
    form = page.form("/bulk")
    data = {"csrf_token": form.values["csrf_token"], "do": "delete", "id": ["1"]}
    assert jonas.post(f"{QUEUE}/bulk", data).status == 404
    assert jonas.post(f"{QUEUE}/bulk/delete", data).status == 404
    strange = jonas.post(f"{QUEUE}/bulk", {**data, "do": "assign", "id": ["x", "9" * 40, "-1", "\u00b2"]})
    assert "Tick at least one request first." in strange


def test_news_come_quietly(world, sign_in, app, query_count) -> None:
    """Nothing new is a 304; two new ones are one line that offers to show them."""
    jonas = sign_in(world.jonas)
    page = jonas.get(QUEUE)
    address = re.search(r'hx-get="([^"]+/news\?since=\d+)"', page.source)[1]
    first = jonas.fragment(address)
    assert first.text == ""
    tag = first.headers["ETag"]
    again = jonas.client.get(address, base_url=jonas.base, headers={"If-None-Match": tag, "HX-Request": "true"})
    assert again.status_code == 304
    many(world, app, 2)
    with query_count() as statements:
        news = jonas.fragment(address)
    assert "2 new requests. Show" in news
    assert news.headers["ETag"] != tag
    assert statements.count <= 7, statements
    assert jonas.fragment(f"{QUEUE}/news?since=abc").status == 200


def test_clocks_are_told_again_as_one_part(world, sign_in, numbers, clock) -> None:
    """An hour later the same rows have an hour less; rows of others are not told."""
    jonas = sign_in(world.jonas)
    page = jonas.get(QUEUE)
    address = re.search(r'hx-get="([^"]+/clocks\?ids=[\d,]+)"', page.source)[1]
    clock.advance(hours=1)
    part = jonas.fragment(address)
    assert f'id="clock-{numbers["radiator"]}" hx-swap-oob="outerHTML"' in part.source
    assert "3 h to first answer" in part
    assert jonas.fragment(f"{QUEUE}/clocks?ids={numbers['badge']},{numbers['laptop']},x").text == ""


def test_an_empty_queue_is_a_quiet_moment(world, sign_in, app) -> None:
    """It says when the last one was answered and who may still say whether it worked."""
    with app.app_context(), unit_of_work():
        db.session.execute(sa.update(Request).where(Request.department_id == world.facilities.id).values(is_open=False))
    page = sign_in(world.jonas).get(QUEUE)
    assert "Nobody is waiting for you" in page
    assert "The last request was answered yesterday 15:00" in page
    assert "1 person may still like to hear “did it work?”" in page
    assert "Nothing is in this view" in sign_in(world.jonas).get(f"{QUEUE}?view=mine")


def test_the_follow_ups_are_those_who_said_nothing_yet(world, sign_in, numbers, clock) -> None:
    """Solved, unanswered; with the day on which we look again."""
    page = sign_in(world.jonas).get(f"{QUEUE}/follow-ups")
    assert "1 person has not said yet whether it works." in page
    assert page.link("Two lamps flicker").href == f"/requests/{numbers['bulbs']}"
    assert "Solved yesterday 10:00" in page


def test_a_paused_request_says_how_long(world, sign_in, numbers, clock) -> None:
    """Ruth waits for Mara since yesterday 11:00; the clock shows working time."""
    page = sign_in(world.ruth).get("/queue/finance")
    assert "Waiting for Mara" in page
    assert "Paused 7 h" in page
    chairs = sign_in(world.jonas).get(f"{QUEUE}?view=waiting")
    assert "Paused 2 days 3 h" in chairs
    clock.advance(days=1)
    assert "Paused 1 day 7 h" in sign_in(world.ruth).get("/queue/finance")
