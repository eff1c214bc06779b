"""Mara reads what she was told, and chooses what reaches her by mail."""

from typing import Any

from flask import Flask

from portal.kernel.messages import say
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications import kinds, queries
from tests.flows.notifications.conftest import Tell


def test_the_inbox_says_what_happened_and_why(world: Any, tell: Tell, sign_in: Any, query_count: Any) -> None:
    """New ones first, with the instant in Mara's zone, a reason, and a link to the thing."""
    tell([world.mara])
    mara = sign_in(world.mara)
    with query_count() as statements:
        page = mara.get("/notifications")
    assert page.status == 200
    assert statements.count <= 8, statements
    for words in ("Jonas answered: heater by today 13:00", "4127 Radiator in Studio 2 stays cold", "Why did I get this?", "You asked for this.", "1 new"):
        assert words in page.text
    assert 'href="/story/4127"' in page.source


def test_reading_one_and_all(world: Any, tell: Tell, sign_in: Any) -> None:
    """What is read leaves the new ones; what came after the page was opened stays new."""
    tell([world.mara], "message-1", text=say("First answer."))
    tell([world.mara], "message-2", text=say("Second answer."))
    mara = sign_in(world.mara)
    page = mara.get("/notifications")
    tell([world.mara], "message-3", text=say("Third answer."))
    after = page.submit("up_to")
    assert "Third answer." in after.text
    new = mara.get("/notifications")
    assert "Third answer." in new.text
    assert "First answer." not in new.text
    assert "Nothing new" in mara.submit(new, new.form("up_to")).visitor.get("/notifications").text


def test_nobody_reads_or_marks_what_another_was_told(app: Flask, world: Any, tell: Tell, sign_in: Any) -> None:
    """The form that works for Mara is a page that does not exist for Leo."""
    tell([world.mara])
    mara, leo = sign_in(world.mara), sign_in(world.leo)
    assert "Jonas answered" not in leo.get("/notifications?show=all").text
    with app.app_context():
        number = queries.inbox(world.actor("mara"), None).items[0].id
    form = mara.get("/notifications").form(f"/notifications/{number}/read")
    own_guard = leo.get("/notifications/preferences").form("quiet_from").values
    assert leo.post(f"/notifications/{number}/read", {name: own_guard[name] for name in form.values}).status == 404
    with app.app_context():
        assert queries.unread(world.mara.id)
    assert mara.submit(mara.get("/notifications"), form).status == 200
    with app.app_context():
        assert not queries.unread(world.mara.id)


def test_what_is_no_longer_yours_says_nothing(world: Any, tell: Tell, sign_in: Any) -> None:
    """Rights are asked at every reading: without them sentence, topic and link are gone."""
    tell([world.mara])
    kinds.subject("story.thing", lambda _actor, _ids: [])
    page = sign_in(world.mara).get("/notifications")
    assert "no longer yours to see" in page.text
    for words in ("Jonas", "Radiator", "heater", "/story/4127"):
        assert words not in page.source


def test_many_notices_come_in_pages(world: Any, tell: Tell, sign_in: Any) -> None:
    """Thirty on a page, older ones behind a link, and a cursor that means nothing opens the first page."""
    for number in range(35):
        tell([world.mara], f"message-{number}", text=say("Answer number %(number)s.", number=number))
    mara = sign_in(world.mara)
    first = mara.get("/notifications?show=all")
    assert "Answer number 34." in first.text
    assert "Answer number 4." not in first.text
    older = mara.get(first.link("Older").href)
    assert "Answer number 4." in older.text
    assert "Answer number 34." in mara.get("/notifications?show=all&at=%00nonsense").text


def test_the_unread_count_is_on_every_page(world: Any, tell: Tell, sign_in: Any) -> None:
    """A dot beside the name, and none for somebody who was told nothing."""
    tell([world.mara])
    assert "There are new notifications" in sign_in(world.mara).get("/").text
    assert "There are new notifications" not in sign_in(world.tom).get("/").text


def test_choosing_what_comes_by_mail(app: Flask, world: Any, tell: Tell, sign_in: Any, run_jobs: Any, news: Any) -> None:
    """Mara wants no mail about answers and quiet nights; both hold, and the page shows them again."""
    mara = sign_in(world.mara)
    page = mara.get("/notifications/preferences")
    done = page.submit("quiet_from", mail_story_answered="off", quiet_from="20:00", quiet_to="07:00")
    assert "Kept." in done.text
    assert done.form("quiet_from").values["mail_story_answered"] == ["off"]
    assert done.form("quiet_from").values["quiet_from"] == ["20:00"]
    tell([world.mara])
    run_jobs()
    assert news() == []
    emptied = done.submit("quiet_from", mail_story_answered="now", quiet_from="", quiet_to="")
    assert emptied.form("quiet_from").values["quiet_from"] == [""]
    with app.app_context(), unit_of_work():
        assert queries.quiet_hours(world.mara.id) is None


def test_half_a_quiet_hour_is_explained(app: Flask, world: Any, sign_in: Any) -> None:
    """One time without the other, the same twice, or no time at all: 422, what was typed stays, nothing is kept."""
    mara = sign_in(world.mara)
    page = mara.get("/notifications/preferences")
    for start, end, words in (("20:00", "", "Give both times"), ("20:00", "20:00", "two different times"), ("late", "07:00", "Write a time such as 20:00.")):
        refused = page.submit("quiet_from", quiet_from=start, quiet_to=end)
        assert refused.status == 422
        assert words in refused.text
    assert "Choose one of the three." in page.submit("quiet_from", mail_story_answered="loudly").text
    with app.app_context():
        assert queries.quiet_hours(world.mara.id) is None


def test_strangers_are_led_to_the_door(world: Any, visitor: Any) -> None:
    """Neither inbox nor preferences open without signing in."""
    for path in ("/notifications", "/notifications/preferences"):
        assert "/sign-in" in visitor.get(path, follow_redirects=False).response.headers["Location"]


def test_only_what_can_reach_you_is_offered(world: Any, sign_in: Any) -> None:
    """Jonas, who answers requests, chooses about his queue; Mara is not asked about it."""
    kinds.register("story.queue", say("New in your queue"), say("Somebody asks."), who=lambda actor: bool(actor.fulfils))
    try:
        assert "mail_story_queue" in sign_in(world.jonas).get("/notifications/preferences").form("quiet_from").names
        assert "mail_story_queue" not in sign_in(world.mara).get("/notifications/preferences").form("quiet_from").names
    finally:
        kinds._kinds.pop("story.queue")
