"""Requests are found by their words, by those who may read them and nobody else; the index is never behind the rows."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import example, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from portal.desk.actions.conversation import Reply, add_message, add_note, reply
from portal.desk.actions.filing import edit_request
from portal.desk.actions.moving import transfer
from portal.desk.models import Attachment, Message, MessageKind, NamedFulfiller, Participant, Request
from portal.desk.policy import RequestFacts, may_read, may_work, requests_visible_to
from portal.desk.queries.finding import within
from portal.desk.queries.search import DONE, OPEN, REQUESTS, Wanted, find, matching
from portal.kernel import clock, search, search_keeping
from portal.kernel.db import db, is_sqlite
from portal.kernel.health import broken
from portal.kernel.unit_of_work import run, unit_of_work
from tests.support.desk import DeskUser
from tests.support.doors import ACTORS, READERS, WORKERS
from tests.support.racing import together
from tests.support.world import CAST
from tests.support.world_desk import at

pytestmark = pytest.mark.postgres
Found = Callable[..., list[str]]
EVERYBODY = sorted(set(CAST) - {"bruno"})


@pytest.fixture
def found(world: Any, context: Flask) -> Found:
    """``found("mara", "radiator")``: keys of the requests somebody finds, in order."""
    keys = {number: key for key, number in world.requests.items()}

    def look(who: str, text: str, **values: Any) -> list[str]:
        db.session.remove()
        return [keys.get(hit.row.id, str(hit.row.id)) for hit in find(world.actor(who), Wanted(text, **values)).hits]

    return look


def test_the_requester_finds_their_words(found: Found) -> None:
    """By title, description, what was answered, place, and whatever case or accent was typed."""
    assert found("mara", "radiator") == ["radiator"]
    assert found("mara", "STUDIO photos") == ["radiator"]
    assert found("mara", "studio") == ["radiator", "bulbs"]
    assert found("mara", "first floor") == ["radiator"]
    assert found("sam", "thermostat") == ["heating"]
    assert found("mara", '"second one was"') == ["expenses"]
    assert found("mara", '"one second was"') == []
    assert found("mara", "rádiatör") == ["radiator"]
    assert found("mara", "radi") == ["radiator"]
    assert found("mara", "words that are nowhere") == []
    assert found("mara", "…") == []


def test_words_of_one_request_need_not_stand_together(found: Found) -> None:
    """One in the title, one in an answer."""
    assert found("sam", "warm sensor") == ["heating"]


# -- who finds what -----------------------------------------------------------------------------------------------------


def plant(world: Any) -> None:
    """A word of its own for the conversation and one for the notes of each request, and names of files with them."""
    with unit_of_work() as session:
        for key, number in world.requests.items():
            author = world.people[READERS[key].split()[0]].id
            for kind, word in ((MessageKind.MESSAGE, f"public{number}x"), (MessageKind.NOTE, f"private{number}x")):
                row = Message(request_id=number, author_id=author, kind=kind, body=f"Said: {word}", created_at=clock.now())
                session.add(row)
                session.flush()


@pytest.fixture
def words(world: Any, context: Flask) -> Any:
    """The world with its words planted."""
    plant(world)
    db.session.remove()
    return world


def by_python(world: Any, who: str) -> tuple[set[int], set[int]]:
    """What somebody may read, and work on, by the predicates over each row."""
    actor, rows = world.actor(who), list(db.session.scalars(sa.select(Request)))
    follows = set(db.session.scalars(sa.select(Participant.request_id).where(Participant.person_id == actor.person_id)))
    named = set(db.session.scalars(sa.select(NamedFulfiller.service_id).where(NamedFulfiller.person_id == actor.person_id)))
    facts = {row.id: RequestFacts(row.id in follows, row.service_id in named) for row in rows}
    return {row.id for row in rows if may_read(actor, row, facts[row.id])}, {row.id for row in rows if may_work(actor, row, facts[row.id])}


def by_search(world: Any, who: str, **values: Any) -> tuple[set[int], set[int]]:
    """What somebody finds by words of the conversation, and by words of notes."""
    actor, numbers = world.actor(who), list(db.session.scalars(sa.select(Request.id)))

    def of(word: str) -> set[int]:
        return {hit.row.id for number in numbers for hit in find(actor, Wanted(f"{word}{number}x", **values)).hits}

    return of("public"), of("private")


@pytest.mark.parametrize("who", EVERYBODY)
def test_search_finds_exactly_what_may_be_read(who: str, words: Any) -> None:
    """The set found by SQL is the set the predicates accept, and the one written down by hand; notes belong to the serving side."""
    assert by_search(words, who) == by_python(words, who)
    readable = {words.requests[key] for key, names in READERS.items() if who in names.split()}
    worked = {words.requests[key] for key, names in WORKERS.items() if who in names.split()}
    assert by_python(words, who) == (readable, worked)


@pytest.mark.parametrize("who", ["mara", "jonas", "kim", "ada", "elena", "vera", "aisha", "leo"])
def test_it_stays_so_when_requests_change_sides(who: str, words: Any, desk: DeskUser) -> None:
    """After a transfer and back, with people added and taken away, confidential and not, and somebody no longer named."""
    desk.act(transfer, "radiator", service_id=words.services["meeting-room-tech"], reason="A screen.", who="kim")
    with unit_of_work() as session:
        session.add(Participant(request_id=words.requests["badge"], person_id=words.leo.id, added_by=words.tom.id, added_at=clock.now()))
        session.execute(sa.delete(Participant).where(Participant.request_id == words.requests["pay"]))
        session.execute(sa.update(Request).where(Request.id == words.requests["bulbs"]).values(is_confidential=True))
        session.execute(sa.update(Request).where(Request.id == words.requests["badge"]).values(is_confidential=False))
        session.execute(sa.delete(NamedFulfiller).where(NamedFulfiller.service_id == words.services["concern"]))
    db.session.remove()
    for values in ({}, {"best": True}, {"state": OPEN}, {"state": DONE}):
        read, worked = by_python(words, who)
        if "state" in values:
            kept = set(db.session.scalars(sa.select(Request.id).where(Request.is_open == (values["state"] == OPEN))))
            read, worked = read & kept, worked & kept
        assert by_search(words, who, **values) == (read, worked), values
    desk.act(transfer, "radiator", service_id=words.services["repair"], reason="Heating after all.", who="ada")
    db.session.remove()
    assert by_search(words, who) == by_python(words, who)


@pytest.mark.parametrize("who", ["mara", "kim", "elena", "vera"])
def test_the_field_of_a_list_finds_the_same(who: str, words: Any) -> None:
    """``matching`` in the where of any list, notes and confidential requests included."""
    actor = words.actor(who)
    for number in words.requests.values():
        for word in ("public", "private"):
            text = f"{word}{number}x"
            listed = set(db.session.scalars(sa.select(Request.id).where(matching(actor, text))))
            assert listed == {hit.row.id for hit in find(actor, Wanted(text)).hits}
    assert list(db.session.scalars(sa.select(Request.id).where(matching(actor, "***")))) == []


@pytest.mark.parametrize("who", [who for who in ACTORS if who])
def test_no_door_tells_of_what_is_hidden(who: str, words: Any, sign_in: Any) -> None:
    """Page, overlay, list, ranked or filtered: of a word somebody may not read they say what they say of a word that is nowhere."""
    browser = sign_in(words.people[who])
    told = re.compile(r"(?:public|private)\d+x|nowhere\d+x|\?at=[^\"&]+")

    def answers(word: str) -> list[str]:
        doors = ("/search?q={}", "/requests/search?q={}", "/requests/search?q={}&order=best", "/requests/search?q={}&state=open")
        pages = [browser.get(door.format(word)).source for door in doors] + [browser.fragment(f"/search?q={word}").source]
        return [re.sub(r'<input[^>]*name="_[^>]*>|nonce-[^"]*|/static/[^"]*', "", told.sub("*", page)) for page in pages]

    nothing = answers("nowhere1x")
    for key in ("pay", "concern", "badge", "for-lars", "radiator", "laptop"):
        number = words.requests[key]
        for word, readers in ((f"public{number}x", READERS[key]), (f"private{number}x", WORKERS[key])):
            assert (answers(word) == nothing) is (who not in readers.split()), (key, word)


def test_a_confidential_request_is_quoted_to_its_requester_only(words: Any) -> None:
    """Each look at one is noted on its page, and a list is no way around that; the named see the title and no passage."""
    for who, quoted in (("tom", True), ("elena", False), ("aisha", False)):
        (hit,) = find(words.actor(who), Wanted(f"public{words.requests['pay']}x")).hits
        assert (bool(hit.passage), hit.is_confidential) == (quoted, True)


def test_a_note_is_quoted_to_the_serving_side_only(words: Any, desk: DeskUser) -> None:
    """A word that stands in the conversation and in a note is quoted from what the reader may see."""
    number = words.requests["radiator"]
    desk.act(add_note, "radiator", body=f"public{number}x is what the landlord calls secret", who="kim")
    for who, told in (("mara", False), ("vera", False), ("kim", True)):
        (hit,) = find(words.actor(who), Wanted(f"public{number}x")).hits
        assert any("secret" in piece.text for piece in find(words.actor(who), Wanted(f"public{number}x secret")).hits[0].passage) if told else True
        assert told or "secret" not in "".join(piece.text for piece in hit.passage)


# -- the index follows the rows -------------------------------------------------------------------------------------------


def test_what_is_said_is_found_at_once(found: Found, desk: DeskUser) -> None:
    """A new request, a message, an answer, a note, in the transaction that wrote them; also within a longer conversation."""
    number = desk.file("mara", title="Kettle hums", description="It never did.").id
    assert found("mara", "kettle") == [str(number)]
    desk.act(add_message, "radiator", body="Frost on the inside", who="mara")
    desk.act(reply, "radiator", Reply("A plumber brings a thermocouple", "They come", at(26, 12)), who="kim")
    desk.act(add_note, "radiator", body="The landlord pays", who="kim")
    assert found("mara", "frost thermocouple") == ["radiator"]
    assert found("kim", "landlord thermocouple") == ["radiator"]
    assert found("mara", "landlord") == []


def test_what_was_taken_back_is_forgotten(found: Found, desk: DeskUser) -> None:
    """Edited titles and descriptions, deleted messages; the rest stays."""
    words = {"title": "A lamp hums", "description": "In the corridor", "answers": {"what": "Filament"}, "customer_notices": False}
    desk.act(edit_request, "late", **words, who="tom")
    assert found("tom", "forward") == found("tom", "shift") == []
    assert found("tom", "hums corridor filament") == ["late"]
    with unit_of_work() as session:
        session.execute(sa.delete(Message).where(Message.request_id == desk.world.requests["late"]))
    assert found("tom", "corridor") == []
    assert found("tom", "hums") == ["late"]


def test_what_fails_leaves_nothing(found: Found, world: Any) -> None:
    """A transaction that is rolled back never was."""

    def fails() -> None:
        body = {"kind": MessageKind.MESSAGE, "body": "Sabotage", "created_at": clock.now()}
        db.session.add(Message(request_id=world.requests["radiator"], author_id=world.mara.id, **body))
        db.session.flush()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(fails)
    assert found("mara", "sabotage") == []
    assert found("mara", "radiator") == ["radiator"]


def test_a_message_that_moves_takes_its_words_along(found: Found, world: Any) -> None:
    """Both requests are renewed."""
    with unit_of_work() as session:
        session.execute(sa.update(Message).where(Message.body.like("The radiator by%")).values(request_id=world.requests["bulbs"]))
    assert found("mara", "window") == ["bulbs"]


def test_files_are_found_by_name(found: Found, world: Any) -> None:
    """As it stands and by its parts; the name of a file in a note only by the serving side."""
    with unit_of_work() as session:
        for kind, name in ((MessageKind.MESSAGE, "Offer_4711.pdf"), (MessageKind.NOTE, "Lease_0815.pdf")):
            message = Message(request_id=world.requests["radiator"], author_id=world.kim.id, kind=kind, body="See the file", created_at=clock.now())
            session.add(message)
            session.flush()
            file_id = session.scalar(
                sa.text("INSERT INTO files (digest, name, mime, size, created_at) VALUES (:d, 'x', 'text/plain', 1, :at) RETURNING id"),
                {"d": name, "at": clock.now().isoformat()},
            )
            attached = {"file_id": file_id, "name": name, "size": 1, "added_by": world.kim.id, "added_at": clock.now()}
            session.add(Attachment(request_id=message.request_id, message_id=message.id, **attached))
    assert found("mara", "offer_4711") == found("mara", "4711 pdf") == ["radiator"]
    assert found("mara", "lease") == []
    assert found("kim", "lease") == ["radiator"]


def test_two_who_write_at_once_are_both_found(app: Flask, world: Any) -> None:
    """Whoever comes second sees what the first one added."""
    number = world.requests["radiator"]

    def write(word: str) -> Callable[[], None]:
        def work() -> None:
            db.session.add(Message(request_id=number, author_id=world.mara.id, kind=MessageKind.MESSAGE, body=word, created_at=clock.now()))
            db.session.flush()

        def one() -> None:
            with app.app_context():
                run(work)
                db.session.remove()

        return one

    names = [f"witness{place}" for place in range(8)]
    together(*[write(word) for word in names])
    with app.app_context():
        for word in names:
            assert [hit.row.id for hit in find(world.actor("mara"), Wanted(word)).hits] == [number], word


# -- order, pages, filters --------------------------------------------------------------------------------------------------


def many(desk: DeskUser, number: int) -> list[int]:
    """So many requests with one word, the first ones in their title."""
    return [desk.file("mara", title="Gasket" if place < 3 else f"Thing {place}", description=f"gasket number {place}").id for place in range(number)]


def test_pages_have_each_request_once_and_the_newest_first(world: Any, desk: DeskUser) -> None:
    """Older and older until there is nothing older."""
    made, seen, cursor = many(desk, 9), [], None
    for _ in range(5):
        page = find(world.actor("mara"), Wanted("gasket"), cursor=cursor, limit=4)
        seen += [hit.row.id for hit in page.hits]
        cursor = page.older
        if cursor is None:
            break
    assert seen == sorted(made, reverse=True)


def test_the_closest_come_first_when_asked(world: Any, desk: DeskUser) -> None:
    """Titles before texts, newer before older, in pages too."""
    made = many(desk, 6)
    first = find(world.actor("mara"), Wanted("gasket", best=True), limit=4)
    second = find(world.actor("mara"), Wanted("gasket", best=True), limit=4, cursor=first.older)
    order = [made[2], made[1], made[0], made[5], made[4], made[3]]
    assert [hit.row.id for hit in (*first.hits, *second.hits)] == order
    assert second.older is None


def test_filters_leave_out(found: Found, world: Any) -> None:
    """Department, state, whose, since when; each alone and together."""
    assert found("priya", "studio") == ["radiator", "bulbs"]
    assert found("priya", "studio", state=OPEN) == ["radiator"]
    assert found("priya", "studio", state=DONE) == ["bulbs"]
    assert found("camille", "studio", mine=True) == []
    assert found("mara", "studio", mine=True, state=OPEN) == ["radiator"]
    assert (found("sam", "shelf"), found("sam", "shelf", mine=True)) == (["for-mara"], [])
    assert found("priya", "studio", department_id=world.it.id) == []
    assert found("priya", "studio", since=world.now.replace(day=23)) == ["radiator"]


def test_my_requests_are_searched_by_all_their_words(world: Any, sign_in: Any) -> None:
    """Not only by title; what stands in a note is not found there either."""
    browser = sign_in(world.mara)
    assert "Radiator in Studio 2 stays cold" in browser.get("/requests?q=heron+photos").text
    assert "Two lamps" in browser.get("/requests?show=done&q=lamps").text
    assert "Two lamps" not in browser.get("/requests?show=done&q=shelf").text


def test_the_page_shows_marks_and_keeps_the_filters(world: Any, sign_in: Any) -> None:
    """What was looked for is marked in title and passage; chips and links keep what was chosen."""
    page = sign_in(world.mara).get("/requests/search?q=window+radi&state=open")
    assert page.title == "window radi, requests, Hearth"
    assert "<mark>Radiator</mark> in Studio 2" in page.source
    assert "by the <mark>window</mark> stays cold" in page.source
    assert "state=open" in page.source
    assert "No request that you may read has all these words." in sign_in(world.leo).get("/requests/search?q=radiator").text
    assert "What are you looking for?" in sign_in(world.leo).get("/requests/search").text
    assert sign_in(world.mara).get("/requests/search?q=studio&department=x&state=zzz&when=never&order=up&at=%00").status == 200


def test_what_was_typed_by_others_is_shown_as_text(world: Any, sign_in: Any, desk: DeskUser) -> None:
    """Titles and passages are escaped, marks or not."""
    desk.file("mara", title="<b>Bold</b> radish", description="<script>alert('radish')</script> <mark>radish</mark>")
    for path in ("/requests/search?q=radish", "/search?q=radish"):
        page = sign_in(world.mara).get(path).source
        assert "&lt;b&gt;Bold&lt;/b&gt; <mark>radish</mark>" in page
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page


def test_the_box_leads_to_the_whole_list(world: Any, sign_in: Any) -> None:
    """The overlay and the page name the requests and where all of them are."""
    for page in (sign_in(world.mara).get("/search?q=radiator"), sign_in(world.mara).fragment("/search?q=radiator")):
        assert f"{world.requests['radiator']} <mark>Radiator</mark> in Studio 2 stays cold" in page.source
        assert "/requests/search?q=radiator" in page.source


@trying(max_examples=60)
@given(text=st.text(max_size=60))
@example(text='" OR NOT title : *')
@example(text="NEAR(a b) {body}: ^x + y")
@example(text="a:*B & !b <-> (c | 'd\\")
@example(text='"\x00" \ud800 ﷽ \u0301 ²')
def test_every_query_is_answered(text: str, world: Any, context: Flask) -> None:
    """No syntax of either database, no odd letter is an error."""
    for who in ("mara", "kim"):
        find(world.actor(who), Wanted(text))
        find(world.actor(who), Wanted(text, best=True, state=OPEN))
    db.session.rollback()


@pytest.mark.parametrize("who", ["mara", "jonas"])
@pytest.mark.parametrize("path", ["/search?q=radiator", "/requests/search?q=radiator", "/requests/search?q=radiator&order=best&state=open"])
def test_few_statements(who: str, path: str, world: Any, sign_in: Any, query_count: Any) -> None:
    """Eight at most, whoever looks, with filters and ranked."""
    browser = sign_in(world.people[who])
    browser.get(path)
    with query_count() as sql:
        assert browser.get(path).status == 200
    assert sql.count <= 8, sql


# -- keeping it -------------------------------------------------------------------------------------------------------------


def test_the_doctor_sees_an_index_that_went_astray_and_filling_it_mends_it(found: Found, world: Any) -> None:
    """Words that are missing, and triggers that are gone."""
    name = "Search knows requests as they are"
    assert broken()[name] == []
    with unit_of_work() as session:
        if is_sqlite():
            session.connection().exec_driver_sql("INSERT INTO search_requests (search_requests) VALUES ('delete-all')")
        else:
            session.execute(sa.text("UPDATE search_requests SET words = ''"))
    assert any("is not found by its own words" in line for line in broken()[name])
    assert found("mara", "radiator") == []
    assert list(search_keeping.refill("search_requests"))
    assert broken()[name] == []
    assert found("mara", "radiator") == ["radiator"]
    with unit_of_work() as session:
        session.execute(sa.text("DROP TRIGGER search_messages_new" + ("" if is_sqlite() else " ON messages")))
    assert any("triggers" in line for line in broken()[name])


def test_merging_changes_nothing_that_is_found(found: Found, desk: DeskUser, run_jobs: Any) -> None:
    """Many small commits, merged by the job."""
    numbers = many(desk, 9)
    run_jobs(periodic=True)
    search_keeping.tidy()
    assert found("mara", "gasket") == [str(number) for number in reversed(numbers)]
    assert found("mara", "radiator") == ["radiator"]


def test_a_word_that_everybody_uses_is_walked_from_the_newest(world: Any, context: Flask) -> None:
    """No sorting of all hits: the index gives them in order and the statement stops at a page (SQLite; PostgreSQL decides by its statistics)."""
    own = [search.Side(search.READABLE, [f"p{world.mara.id}"])]
    given = REQUESTS.values(search.parse("studio"), own).__getitem__
    (hits,) = REQUESTS.hits(own, [requests_visible_to(world.actor("mara"))], Request, given=given, limit=21)
    assert db.session.execute(hits).first() is not None
    if not is_sqlite():
        return
    compiled = hits.compile(db.engine, compile_kwargs={"literal_binds": True})
    plan = [row[3] for row in db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")]
    assert any("VIRTUAL TABLE INDEX" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
    assert all("SCAN requests" not in step for step in plan), plan


def test_numbers_only_fall(world: Any, context: Flask) -> None:
    """Pages by key rely on it."""
    numbers = [hit.row.id for hit in find(world.actor("vera"), Wanted("the")).hits]
    assert all(one > two for one, two in pairwise(numbers))
    assert len(numbers) > 3


# -- the words of one queue ---------------------------------------------------------------------------------------------


def in_queue_of(world: Any, who: str, department: str, text: str, **values: Any) -> set[int]:
    """Numbers of the requests that the search field of a queue leaves."""
    db.session.remove()
    return set(db.session.scalars(sa.select(Request.id).where(within(world.actor(who), world.departments[department].id, text, **values))))


@pytest.mark.parametrize("common", [0, 10_000], ids=["walks the queue", "walks the hits"])
@pytest.mark.parametrize("who", ["kim", "jonas", "elena", "leo", "ada", "mara"])
def test_a_queue_is_searched_by_every_word_of_its_open_requests(who: str, common: int, words: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly what the actor works on, open and in this department, notes included; whichever way the database is asked."""
    monkeypatch.setattr("portal.desk.queries.finding.COMMON", common)
    monkeypatch.setattr("portal.desk.queries.finding.OFTEN", common)
    monkeypatch.setattr("portal.desk.queries.finding.SAMPLE", 1)
    numbers, (_, worked) = list(db.session.scalars(sa.select(Request.id))), by_python(words, who)
    found: dict[bool, set[int]] = {False: set(), True: set()}
    for key, place in words.departments.items():
        here = {row.id: row.is_open for row in db.session.scalars(sa.select(Request).where(Request.department_id == place.id))}
        for finished in (False, True):
            for word in ("public", "private"):
                hits = {hit for number in numbers for hit in in_queue_of(words, who, key, f"{word}{number}x", finished=finished)}
                assert hits == {number for number in worked if number in here and here[number] != finished}, (key, word, finished)
                found[finished] |= hits
    assert found[False] | found[True] == worked


def test_a_queue_finds_nothing_where_nothing_was_typed_or_nothing_is_served(words: Any) -> None:
    """Signs alone, words that are nowhere, and somebody else's department."""
    for who, department, text in (("kim", "it", "***"), ("kim", "it", "zzzzzz"), ("mara", "it", "said"), ("jonas", "it", "said")):
        assert in_queue_of(words, who, department, text) == set(), (who, department, text)


def test_an_old_open_request_is_found_behind_newer_hits(words: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search of everything looks at the newest hits only; the search of a queue looks at all that is open."""
    everything = in_queue_of(words, "jonas", "facilities", "said")
    assert len(everything) > 3
    hits = search.Index.hits
    monkeypatch.setattr(search.Index, "hits", lambda *given, **named: hits(*given, **named | {"limit": 1}))
    assert in_queue_of(words, "jonas", "facilities", "said", finished=True) == {max(in_queue_of(words, "jonas", "facilities", "said", finished=True))}
    assert in_queue_of(words, "jonas", "facilities", "said") == everything
