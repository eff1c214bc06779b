"""Drafts: kept while typing, offered back, gone when sent, nobody else's to read."""

import sqlalchemy as sa

from portal.desk.models import Draft
from portal.kernel.db import db

TYPED = {"title": "Blind in room 4 hangs askew", "description": "Left side."}


def drafts_in(app: object) -> list[tuple[int, str]]:
    """(person, form) of every draft there is."""
    with app.app_context():  # type: ignore[attr-defined]  # the application of the fixture
        return [tuple(row) for row in db.session.execute(sa.select(Draft.person_id, Draft.form))]


def save(visitor: object, form: str = "need.repair", **values: str) -> object:
    """What the script sends while somebody types."""
    page = visitor.get("/need/repair")  # type: ignore[attr-defined]  # a visitor of tests.support.client
    hidden = {"csrf_token": page.form("title").values["csrf_token"]}
    return visitor.post(f"/drafts/{form}", hidden | TYPED | values, headers={"HX-Request": "true"})  # type: ignore[attr-defined]  # see above


def test_what_was_typed_waits_in_the_form(world, sign_in, app) -> None:
    """With the time at which it was kept, and a way to start afresh."""
    mara = sign_in(world.mara)
    assert save(mara).status == 204
    page = mara.get("/need/repair")
    assert page.form("title").values["title"] == ["Blind in room 4 hangs askew"]
    assert "This is what you typed" in page
    afresh = page.submit("Start afresh")
    assert afresh.form("title").values["title"] == [""]
    assert drafts_in(app) == []


def test_saving_again_keeps_the_newest_words_in_one_row(world, sign_in, app) -> None:
    """One draft a form and person."""
    mara = sign_in(world.mara)
    save(mara)
    save(mara, title="Blind in room 5")
    assert drafts_in(app) == [(world.mara.id, "need.repair")]
    assert mara.get("/need/repair").form("title").values["title"] == ["Blind in room 5"]


def test_without_script_a_button_keeps_it(world, sign_in) -> None:
    """It leads back to the form and says so."""
    mara = sign_in(world.mara)
    form = mara.get("/need/repair").form("title").values
    page = mara.post("/drafts/need.repair", form | TYPED)
    assert page.path == "/need/repair"
    assert "Kept as a draft. It waits for you here." in page


def test_sending_takes_the_draft_away(world, sign_in, app) -> None:
    """And a form that came back with problems does not."""
    mara = sign_in(world.mara)
    save(mara)
    page = mara.get("/need/repair").submit("title", q_place="")
    assert page.status == 422
    assert len(drafts_in(app)) == 1
    page.submit("title", q_place=str(world.mill_road.id))
    assert drafts_in(app) == []


def test_a_draft_is_nobody_elses(world, sign_in) -> None:
    """Leo opens the same form and finds it empty."""
    save(sign_in(world.mara))
    assert sign_in(world.leo).get("/need/repair").form("title").values["title"] == [""]


def test_a_form_there_is_none_of_is_not_kept(world, sign_in, app) -> None:
    """Names of forms are short and plain."""
    mara = sign_in(world.mara)
    for form in ("nothing", "need..", "need.<b>", "x" * 200, "need.repair%00"):
        assert save(mara, form).status in (404, 405)
    assert drafts_in(app) == []


def test_more_than_half_a_megabyte_is_refused_with_the_limit(world, sign_in) -> None:
    """The page says how much is possible."""
    page = save(sign_in(world.mara), description="x" * 600_000)
    assert page.status == 413
    assert "the limit is 500 kB" in page
