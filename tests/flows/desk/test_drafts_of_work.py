"""A reply and a team note that were typed and not sent: each kept by itself, for one pair of eyes, until it is sent or thirty days old."""

import pytest
import sqlalchemy as sa

from portal.desk.models import Draft, Message
from portal.kernel.db import db

TYPED = "The valve has to be changed"
NOTED = "Two heaters are in store B"


@pytest.fixture
def number(world) -> int:
    """Mara's radiator."""
    return world.requests["radiator"]


class Window:
    """A window of somebody: it knows which revision it was opened with, as the script does."""

    def __init__(self, visitor, number):
        self.visitor, self.number = visitor, number
        self.page = visitor.get(f"/requests/{number}")
        self.token = self.page.form("work/reply").values["csrf_token"]
        self.base = {kind: self._base(kind) for kind in ("work", "note")}

    def _base(self, kind):
        return self.page.source.partition(f'data-draft="/drafts/{kind}.{self.number}"')[2].partition('data-base="')[2].partition('"')[0]

    def types(self, text, kind="work"):
        fields = {"body": text, "what": "reply"} if kind == "work" else {"note": text}
        data = {"csrf_token": self.token, "draft_base": self.base[kind], **fields}
        answer = self.visitor.post(f"/drafts/{kind}.{self.number}", data, headers={"HX-Request": "true"})
        assert answer.status == 204
        self.base[kind] = answer.headers["Draft-Revision"]
        return bool(answer.headers["Draft-Other"])


@pytest.fixture
def window(world, sign_in, number):
    """Open one more window of somebody."""
    visitors = {}

    def look(who="jonas"):
        visitors.setdefault(who, sign_in(world.people[who]))
        return Window(visitors[who], number)

    return look


def drafts_in(app) -> dict[str, dict]:
    """What is kept, by form."""
    with app.app_context():
        return {row.form: row.fields for row in db.session.execute(sa.select(Draft.form, Draft.fields))}


def test_reply_and_note_come_back_each_in_its_box(app, window, number) -> None:
    """After a crash of the browser, in another session; what was typed last is open."""
    first = window()
    first.types(TYPED)
    first.types(NOTED, "note")
    page = window().page
    form = page.form("work/reply").values
    assert (form["body"], form["note"], form["what"]) == ([TYPED], [NOTED], ["note"])
    assert page.source.count("It was not sent yet") == 2
    assert set(drafts_in(app)) == {f"work.{number}", f"note.{number}"}
    assert drafts_in(app)[f"work.{number}"] == {"body": [TYPED]}


def test_an_empty_reply_does_not_hide_a_note(window) -> None:
    """Whoever turned to the note first and typed there finds the note open, although the empty reply was kept later."""
    first = window()
    first.types(NOTED, "note")
    first.types(" ")
    page = window().page
    assert page.form("work/reply").values["what"] == ["note"]
    assert page.source.count("It was not sent yet") == 1
    first.types(" ", "note")
    assert window().page.form("work/reply").values["what"] == ["reply"]


def test_what_is_sent_is_gone_and_the_other_stays(app, window, number) -> None:
    """A note is kept while a reply is half typed; the reply waits for another day, also without script."""
    page = window().page
    page.submit("work/reply", what="note", note=NOTED, body=TYPED)
    assert set(drafts_in(app)) == {f"work.{number}"}
    again = window().page
    assert again.form("work/reply").values["body"] == [TYPED]
    assert again.form("work/reply").values["note"] == [""]
    again.submit("work/reply")
    assert drafts_in(app) == {}


def test_without_script_a_button_keeps_both(app, window, number) -> None:
    """It leads back to the request; nothing was sent."""
    page = window().page
    assert f'formaction="/drafts/work.{number}"' in page.source
    fields = {name: values[0] for name, values in page.form("work/reply").values.items() if name != "photo"}
    kept = page.visitor.post(f"/drafts/work.{number}", fields | {"body": TYPED, "note": NOTED})
    assert "Kept as a draft." in kept
    assert kept.form("work/reply").values["body"] == [TYPED]
    assert kept.form("work/reply").values["note"] == [NOTED]
    page.visitor.post(f"/drafts/work.{number}", fields | {"body": " ", "note": ""})
    assert drafts_in(app) == {}


def test_two_windows_lose_neither_text(window) -> None:
    """The newest wins, the other stands beside it; taking it turns them round, forgetting it ends the matter."""
    left, right = window(), window()
    assert left.types("I bring a heater.") is False
    assert right.types("I call the firm.") is True
    page = window().page
    assert page.form("work/reply").values["body"] == ["I call the firm."]
    assert "In another window you typed:" in page
    assert "I bring a heater." in page
    turned = settle(page, "yes")
    assert turned.form("work/reply").values["body"] == ["I bring a heater."]
    assert "I call the firm." in turned
    ended = settle(turned, "no")
    assert "In another window" not in ended
    assert ended.form("work/reply").values["body"] == ["I bring a heater."]


def settle(page, use):
    """Press the button about the words of the other window."""
    form = next(form for form in page.forms if form.action.endswith("/other") and "/work." in form.action)
    return page.visitor.post(form.action, {"csrf_token": form.values["csrf_token"], "use": use})


def test_the_same_words_in_two_windows_are_no_quarrel(window) -> None:
    """Nothing is said about them."""
    left, right = window(), window()
    left.types(TYPED)
    right.types(TYPED)
    assert "In another window" not in window().page


def test_a_window_that_goes_on_is_no_other_window(window) -> None:
    """However often it keeps what it has."""
    one = window()
    assert [one.types(text) for text in ("I", "I bring", "I bring a heater")] == [False, False, False]
    assert "In another window" not in window().page


def test_words_that_were_sent_do_not_come_back(app, window, clock) -> None:
    """A keeping that was under way when they were sent changes nothing; other words typed in an old window are kept."""
    old = window()
    old.types("I bring a heat")
    old.page.submit("work/reply", body="I bring a heater at ten.")
    old.types("I bring a heater")
    assert drafts_in(app) == {}
    old.types("One more thing")
    assert len(drafts_in(app)) == 1


def test_a_draft_is_for_one_pair_of_eyes(world, sign_in, window, number) -> None:
    """Kim, the lead and the administrator see nothing of what Jonas types, in no place; writing is said by nobody's draft."""
    jonas = window()
    jonas.types(TYPED)
    jonas.types(NOTED, "note")
    for who in (world.kim, world.priya, world.ada, world.vera, world.mara):
        visitor = sign_in(who)
        for address in (f"/requests/{number}", f"/requests/{number}/work/around?seen=1", "/administration/activity", "/"):
            page = visitor.get(address)
            assert TYPED not in page.source, (who.key, address)
            assert NOTED not in page.source, (who.key, address)
            assert "is writing" not in page.source


def test_start_afresh_forgets_one_of_them(app, window, number) -> None:
    """The note goes, the reply stays."""
    first = window()
    first.types(TYPED)
    first.types(NOTED, "note")
    page = window().page
    page.visitor.post(f"/drafts/note.{number}/discard", {"csrf_token": first.token})
    assert set(drafts_in(app)) == {f"work.{number}"}


def test_thirty_days_later_it_is_gone(app, window, number, clock, run_jobs) -> None:
    """The job of the night takes what nobody came back to, and nothing younger."""
    window().types(TYPED)
    clock.advance(days=29, hours=23)
    run_jobs()
    window("kim").types(NOTED, "note")
    assert set(drafts_in(app)) == {f"work.{number}", f"note.{number}"}
    clock.advance(days=1, hours=2)
    from portal.desk.jobs import forget_typed

    with app.app_context():
        forget_typed()
        db.session.remove()
    assert set(drafts_in(app)) == {f"note.{number}"}


def test_what_was_sent_is_told_from_what_somebody_else_sent(app, world, window, number) -> None:
    """Kim sends the very words that Jonas types: his stay."""
    jonas = window()
    window("kim").page.submit("work/reply", body=TYPED)
    jonas.types(TYPED)
    assert len(drafts_in(app)) == 1
    with app.app_context():
        assert db.session.scalar(sa.select(Message.author_id).order_by(Message.id.desc()).limit(1)) == world.kim.id
