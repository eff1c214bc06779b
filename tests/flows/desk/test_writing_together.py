"""Two people about to answer the same request: each sees the other, and who comes second reads first what was sent."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from portal.desk.actions.conversation import Reply, add_message, add_note, reply
from portal.desk.models import Presence, Request
from portal.kernel.clock import now as right_now
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work


@pytest.fixture
def address(world) -> str:
    """Where Mara's radiator is worked on."""
    return f"/requests/{world.requests['radiator']}"


@pytest.fixture
def types(world, sign_in, address):
    """What the script says while somebody types."""
    open_pages = {}

    def say(who, what="reply", where=None):
        if who not in open_pages:
            visitor = sign_in(world.people[who])
            open_pages[who] = visitor, next(form.values["csrf_token"] for form in visitor.get(address).forms if "csrf_token" in form.values)
        visitor, token = open_pages[who]
        return visitor.post(f"{where or address}/work/around", {"csrf_token": token, "what": what}, headers={"HX-Request": "true"})

    return say


@pytest.fixture
def act(app, world):
    """Somebody does something while a page is open."""

    def do(work, who, *args, **values):
        with app.app_context(), unit_of_work():
            row = db.session.get_one(Request, world.requests["radiator"])
            work(row, *args, actor=world.actor(who), now=right_now(), **values)

    return do


def presences(app) -> list[tuple[int, str, datetime]]:
    """Who wrote what and when."""
    with app.app_context():
        return [tuple(row) for row in db.session.execute(sa.select(Presence.person_id, Presence.what, Presence.at))]


def test_each_sees_the_other(world, sign_in, address, types) -> None:
    """On the page when it is opened, and in the lines that are asked for; oneself is not named."""
    assert types("kim").status == 204
    jonas = sign_in(world.jonas)
    assert "Kim is writing an answer" in jonas.get(address)
    assert types("jonas", "note").status == 204
    assert "Jonas is writing a note" in sign_in(world.kim).get(f"{address}/work/around")
    assert "Kim" not in sign_in(world.kim).get(f"{address}/work/around")
    types("ola")
    assert "Kim and 1 other are writing" in jonas.get(f"{address}/work/around")


def test_a_minute_without_a_key_is_not_writing(sign_in, world, address, types, clock) -> None:
    """Nor is somebody who has just sent it."""
    types("kim")
    clock.advance(seconds=59)
    assert "Kim is writing" in sign_in(world.jonas).get(address)
    clock.advance(seconds=2)
    assert "Kim is writing" not in sign_in(world.jonas).get(address)


def test_who_has_sent_it_does_not_write_any_more(sign_in, world, address, types, act, clock) -> None:
    """The answer itself says so; nothing else has to be stored."""
    types("kim")
    clock.advance(seconds=5)
    act(reply, "kim", Reply("I am on my way.", "I look at it", datetime(2026, 11, 24, 12, tzinfo=UTC)))
    assert "Kim is writing" not in sign_in(world.jonas).get(address)


def test_an_answer_without_news_is_304_and_two_statements(world, sign_in, address, types, query_count, clock) -> None:
    """Asked again and again it costs two statements and no page; with news it is the lines alone."""
    jonas = sign_in(world.jonas)
    first = jonas.get(f"{address}/work/around?seen=1")
    tag = first.headers["ETag"]
    with query_count() as base:
        jonas.get("/no/such/page/at/all")
    with query_count() as statements:
        again = jonas.get(f"{address}/work/around?seen=1", headers={"If-None-Match": tag})
    assert (again.status, again.source) == (304, "")
    assert statements.count <= base.count + 2
    types("kim")
    news = jonas.get(f"{address}/work/around?seen=1", headers={"If-None-Match": tag})
    assert (news.status, news.headers["ETag"] != tag) == (200, True)
    assert "<html" not in news.source


def test_the_page_knows_the_tag_of_its_lines(world, sign_in, address, types) -> None:
    """So the first question after it is answered with 304."""
    types("kim")
    types("ola")
    jonas = sign_in(world.jonas)
    page = jonas.get(address)
    tag, seen = (page.source.partition(f'{name}="')[2].partition('"')[0] for name in ("data-tag", "data-seen"))
    assert jonas.get(f"{address}/work/around?seen={seen}", headers={"If-None-Match": f'"{tag}"'}).status == 304


def test_a_row_is_written_at_most_every_fifteen_seconds(app, world, types, clock) -> None:
    """However many keys and windows; turning to a note is said at once."""
    types("kim")
    began = presences(app)[0][2]
    clock.advance(seconds=10)
    types("kim")
    assert presences(app) == [(world.kim.id, "reply", began)]
    types("kim", "note")
    assert presences(app)[0][1] == "note"
    clock.advance(seconds=15)
    types("kim", "note")
    assert presences(app) == [(world.kim.id, "note", right_now())]


def test_what_was_sent_meanwhile_stands_above_the_composer(world, sign_in, address, act) -> None:
    """The words of Kim and Mara, not those of the team's notes, not one's own, and nothing older than the page."""
    jonas = sign_in(world.jonas)
    seen = jonas.get(address).form("work/reply").values["seen"][0]
    act(reply, "kim", Reply("I am *on my way*.", "I look at it", datetime(2026, 11, 24, 12, tzinfo=UTC)))
    act(add_message, "mara", body="It is warm again.")
    act(add_note, "kim", body="Spare key at the desk")
    around = jonas.get(f"{address}/work/around?seen={seen}")
    assert "Kim Moreau wrote this meanwhile" in around
    assert "<em>on my way</em>" in around.source
    assert "It is warm again." in around
    assert "Spare key" not in around.source
    assert "wrote this meanwhile" not in jonas.get(f"{address}/work/around?seen=0")
    own = sign_in(world.kim).get(f"{address}/work/around?seen={seen}")
    assert "on my way" not in own.source
    assert "It is warm again." in own


def test_the_second_answer_is_stopped_once(world, sign_in, address, act) -> None:
    """With Kim's words beside it and one's own still there; "send anyway" sends them, without script as well."""
    page = sign_in(world.jonas).get(address)
    act(reply, "kim", Reply("Valve is on order.", "It arrives", datetime(2026, 11, 25, 12, tzinfo=UTC)))
    stopped = page.submit("work/reply", body="I come at three.", note="")
    assert stopped.status == 409
    alert = stopped.source.partition('role="alert"')[2].partition("composer-head")[0]
    assert "Valve is on order." in alert
    assert "Kim Moreau" in alert
    assert stopped.form("work/reply").values["body"] == ["I come at three."]
    assert any("Send anyway" in words for _, _, words in stopped.form("work/reply").buttons)
    sent = stopped.submit("work/reply")
    assert "I come at three." in sent
    assert "Send anyway" not in sent


@pytest.mark.parametrize(("who", "key", "status"), [("mara", "radiator", 403), ("leo", "radiator", 404), ("vera", "radiator", 403), ("jonas", "badge", 404)])
def test_others_are_told_nothing(world, sign_in, types, who, key, status) -> None:
    """Neither the requester's side nor strangers learn who writes, and they cannot say so."""
    visitor, address = sign_in(world.people[who]), f"/requests/{world.requests[key]}"
    token = next(form.values["csrf_token"] for form in visitor.get("/requests").forms if "csrf_token" in form.values)
    assert visitor.get(f"{address}/work/around").status == status
    assert visitor.post(f"{address}/work/around", {"csrf_token": token, "what": "reply"}).status == status


def test_rows_are_forgotten_at_night(app, types, clock, run_jobs) -> None:
    """What is older than an hour goes."""
    from portal.desk.actions import presence

    types("kim")
    clock.advance(hours=2)
    types("jonas")
    with app.app_context(), unit_of_work():
        presence.forget_old(now=right_now())
    assert len(presences(app)) == 1
