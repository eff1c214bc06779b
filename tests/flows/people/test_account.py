"""One's own account: devices, password, look, profile, absence."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.contracts.people import AbsenceCancelled, AbsencePlanned, PersonChanged
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.people.models import Absence, Person
from tests.flows.people.test_signing_in import is_in, knock
from tests.support.client import Visitor
from tests.support.world import PASSWORD

NEW = "kohlrabi spoon telescope"


def events(app: Flask, event: str) -> list[Activity]:
    """What is on record."""
    with app.app_context():
        return list(db.session.scalars(sa.select(Activity).where(Activity.event == event).order_by(Activity.id)))


def test_one_sees_and_ends_ones_own_sessions(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """The lost telephone is signed out, this browser stays."""
    here, phone = sign_in(world.mara), sign_in(world.mara)
    page = here.get("/account/devices")
    other = next(form for form in page.forms if "/account/devices/" in form.action and form.action != "/account/devices/end" and "1/end" in form.action)
    assert "This one" in page
    here.submit(page, other)
    assert sorted([is_in(here), is_in(phone)]) == [False, True]


def test_nobody_ends_a_session_of_somebody_else(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """The number of Jonas' session is as good as unknown; so is a number too large for any table."""
    jonas, mara = sign_in(world.jonas), sign_in(world.mara)
    token = mara.get("/account/devices").form("devices/end").values["csrf_token"][0]
    for number in ("1", "999999", str(2**70)):
        assert mara.post(f"/account/devices/{number}/end", {"csrf_token": token}).status == 404
    assert is_in(jonas)


def test_sign_out_everywhere_includes_here(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """All of one's own, nobody else's."""
    browsers, jonas = [sign_in(world.mara) for _ in range(3)], sign_in(world.jonas)
    browsers[0].get("/account/devices").submit("devices/end")
    assert [is_in(browser) for browser in browsers] == [False, False, False]
    assert is_in(jonas)


def test_a_new_password_needs_the_old_one(
    world: Any, sign_in: Callable[[Any], Visitor], run_jobs: Callable[..., int], outbox: Callable[..., list[Any]]
) -> None:
    """Then all other devices are signed out, and a note goes out."""
    here, elsewhere = sign_in(world.mara), sign_in(world.mara)
    page = here.get("/account/password").submit("current", current="something else entirely", password=NEW)
    assert (page.status, "not your current password" in page) == (422, True)
    page = page.submit("current", current=PASSWORD, password="MaraOkafor2026!!")
    assert (page.status, "easy to guess" in page) == (422, True)
    assert is_in(elsewhere)
    assert "all other devices" in page.submit("current", current=PASSWORD, password=NEW).text.casefold()
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    run_jobs()
    assert [mail.subject for mail in outbox(to=world.mara.email)] == ["Your password was changed"]
    knock(elsewhere, world.mara.email, NEW)
    assert is_in(elsewhere)


def test_the_current_password_cannot_be_guessed_from_inside(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Somebody at an open browser has five tries as well."""
    page = sign_in(world.mara).get("/account/password")
    for _ in range(5):
        page = page.submit("current", current="guess guess guess", password=NEW)
    assert page.submit("current", current=PASSWORD, password=NEW).status == 422


@pytest.mark.parametrize("theme", ["dark", "light", "auto"])
def test_light_or_dark_is_kept(world: Any, sign_in: Callable[[Any], Visitor], theme: str) -> None:
    """And one stays where one was."""
    mara = sign_in(world.mara)
    page = mara.get("/departments")
    form = next(form for form in page.forms if form.action == "/account/theme")
    form.values["theme"] = [theme]
    form.buttons = []
    after = mara.submit(page, form)
    assert after.path == "/departments"
    assert f'data-bs-theme="{theme}"' in after.source


def test_an_unknown_theme_is_refused(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Nothing but light, dark and auto reaches the table."""
    mara = sign_in(world.mara)
    token = mara.get("/account/devices").form("devices/end").values["csrf_token"][0]
    assert mara.post("/account/theme", {"csrf_token": token, "theme": "<script>"}).status == 422


def test_mara_says_what_she_does_for_others(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """And is found by it; the record says which fields changed, not the words."""
    mara = sign_in(world.mara)
    page = mara.get("/account/profile/edit").submit(
        "pronouns", pronouns="she/her", does_for_others="I turn what we know into words.", ask_me_about="Schöne Sätze", zone="Europe/Lisbon", keys_off=True
    )
    assert page.path == "/people/MC-0123"
    assert "I turn what we know into words." in page
    assert "Europe/Lisbon" in page
    assert 'data-keys="off"' in page.source
    assert "Mara Okafor" in mara.get("/people", query_string={"q": "schone"})
    recorded = events(app, PersonChanged.event)[-1]
    assert recorded.changes == {"fields": ["ask_me_about", "does_for_others", "keys_off", "pronouns", "zone"]}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [("zone", "Mars/Base", "time zone"), ("pronouns", "x" * 41, "longer than 40"), ("locale", "xx", ""), ("ask_me_about", "y" * 10_000, "longer than 300")],
)
def test_what_does_not_fit_comes_back(world: Any, sign_in: Callable[[Any], Visitor], field: str, value: str, sentence: str) -> None:
    """With everything else that was typed."""
    page = sign_in(world.mara).get("/account/profile/edit").submit("pronouns", **({"prefers": "Short notes"} | {field: value}))
    assert page.status == 422
    assert sentence in page
    assert page.form("pronouns").values["prefers"] == ["Short notes"]


def test_a_profile_form_changes_nothing_it_does_not_show(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """Every column of the table is sent along (mass assignment: FreeScout CVE-2025-48476); only the declared ones change."""
    mara = sign_in(world.mara)
    page = mara.get("/account/profile/edit")
    with app.app_context():
        before = dict(db.session.execute(sa.select(Person.__table__).where(Person.id == world.mara.id)).one()._mapping)
    data = dict(page.form("pronouns").values)
    extra = {column: "1" for column in before if column not in data} | {"role": "administrator", "password": "x", "is_active": "", "person_id": "1"}
    assert mara.post("/account/profile/edit", data | extra).status == 200
    with app.app_context():
        after = dict(db.session.execute(sa.select(Person.__table__).where(Person.id == world.mara.id)).one()._mapping)
    assert {name for name in before if before[name] != after[name]} <= {"updated_at", "search_text", "keys_off"}


def test_names_with_markup_are_shown_as_text(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Stored scripts stay words."""
    payload = "<img src=x onerror=alert(1)>\"'{{7*7}}"
    page = sign_in(world.mara).get("/account/profile/edit").submit("pronouns", does_for_others=payload, pronunciation=payload)
    assert payload in page.text
    assert "<img src=x" not in page.source


# -- absence ---------------------------------------------------------------------------------------------------------


def test_mara_plans_her_leave(world: Any, sign_in: Callable[[Any], Visitor], app: Flask) -> None:
    """Days only; colleagues see when she is back once she is away."""
    mara = sign_in(world.mara)
    page = mara.get("/people/MC-0123/absence").submit("first_day", first_day="2026-11-24", last_day="2026-11-27", stands_in="Camille Renard (MC-0120)")
    assert "Camille Renard stands in" in page
    assert [row.data["person_id"] for row in events(app, AbsencePlanned.event)] == [world.mara.id]
    assert "back" in sign_in(world.jonas).get("/people/MC-0123")
    page.submit("cancel")
    assert [row.data["person_id"] for row in events(app, AbsenceCancelled.event)] == [world.mara.id]
    with app.app_context():
        assert db.session.scalar(sa.select(Absence.id)) is None


@pytest.mark.parametrize(
    ("first", "last", "stands_in", "sentence"),
    [
        ("2026-12-02", "2026-12-01", "", "lies before"),
        ("2026-11-01", "2026-11-02", "", "These days are over"),
        ("2026-12-05", "2026-12-30", "", "planned already"),
        ("2036-12-05", "2036-12-30", "", "further ahead"),
        ("2027-02-01", "2027-02-05", "Mara Okafor", "cannot stand in for themselves"),
        ("2027-02-01", "2027-02-05", "Nobody Known", "nobody called Nobody Known"),
        ("2027-02-01", "2027-02-05", "Bruno Adler", "nobody called"),
        ("tomorrow", "", "", "last day"),
    ],
)
def test_days_that_cannot_be_planned(world: Any, sign_in: Callable[[Any], Visitor], first: str, last: str, stands_in: str, sentence: str) -> None:
    """A clear sentence, and what was typed is still there."""
    page = sign_in(world.mara).get("/people/MC-0123/absence").submit("first_day", first_day="2026-12-10", last_day="2026-12-11")
    page = page.submit("first_day", first_day=first, last_day=last, stands_in=stands_in)
    assert page.status == 422
    assert sentence in page
    assert page.form("first_day").values["last_day"] == [last]


@pytest.mark.parametrize(("who", "status"), [("lars", 200), ("hana", 200), ("goran", 200), ("elena", 200), ("mara", 403), ("bruno", 404)])
def test_who_may_plan_for_lars(world: Any, sign_in: Callable[[Any], Visitor], who: str, status: int) -> None:
    """Himself, his manager, who stands in for her, HR; nobody else."""
    if who == "bruno":
        assert sign_in(world.hana).get("/people/MC-0099/absence").status == 404
        return
    assert sign_in(world.people[who]).get(f"/people/{world.lars.staff_number}/absence").status == status


def test_nobody_takes_away_the_leave_of_somebody_else(world: Any, sign_in: Callable[[Any], Visitor]) -> None:
    """Jonas sees that Mara is away, and that is all."""
    mara, jonas = sign_in(world.mara), sign_in(world.jonas)
    mara.get("/people/MC-0123/absence").submit("first_day", first_day="2026-11-24", last_day="2026-11-27")
    token = jonas.get("/account/devices").form("devices/end").values["csrf_token"][0]
    assert jonas.post("/people/absence/1/cancel", {"csrf_token": token}).status == 403
    assert jonas.post(f"/people/absence/{2**70}/cancel", {"csrf_token": token}).status == 404
    assert "Take away" in mara.get("/people/MC-0123/absence")
