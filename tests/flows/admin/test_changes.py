"""The record of changes: filters, pages, a table for spreadsheets, and no words about what is not the reader's."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from portal.contracts.admin import JobRetried
from portal.contracts.notifications import PreferencesChosen
from portal.kernel import activity
from portal.kernel import clock as kernel_clock
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications import kinds


@pytest.fixture(autouse=True)
def _things() -> Any:
    """Things only Vera may see."""
    kinds.subject("story.secret", lambda actor, ids: ids if actor.has("auditor") else [])
    yield
    kinds._visible.pop("story.secret")


def happened(
    app: Flask, world: Any, who: str, *, subject: tuple[str, int] = ("story.thing", 1), contract: Any = None, days_ago: int = 0, **changes: Any
) -> None:
    """Something somebody did."""
    with app.app_context(), unit_of_work():
        at = kernel_clock.now() - timedelta(days=days_ago)
        activity.record(contract or JobRetried(1, "story"), actor=world.actor(who), subject=subject, changes=changes or None, at=at, quiet=True)


def test_filters_live_in_the_address(app: Flask, world: Any, sign_in: Any) -> None:
    """By person, event, thing and days; together and with ways to take each away."""
    happened(app, world, "mara", contract=PreferencesChosen(world.mara.id), subject=("story.thing", 7))
    happened(app, world, "nils", subject=("story.thing", 8), days_ago=5)
    ada = sign_in(world.ada)

    def found(query: str) -> tuple[bool, bool]:
        rows = ada.get(f"/administration/changes?{query}").text
        return "story.thing 7" in rows, "story.thing 8" in rows

    assert found("kind=story.thing") == (True, True)
    assert found("who=Mara+Okafor") == (True, False)
    assert found(f"who={world.nils.staff_number}") == (False, True)
    assert found("event=admin.job.retried") == (False, True)
    assert found("kind=story.thing&number=7") == (True, False)
    assert found("since=2026-11-24") == (True, False)
    assert found("until=2026-11-20&kind=story.thing") == (False, True)
    page = ada.get("/administration/changes?kind=story.thing&since=2030-01-01")
    assert "Nothing happened that fits these filters." in page.text
    assert "story.thing" in [value for form in page.forms for value in form.values.get("kind", [])]


@pytest.mark.parametrize(
    "query",
    [
        "event=nonsense",
        "number=abc",
        "number=99999999999999999999",
        "since=yesterday",
        "kind=%27%3B+drop",
        "at=AAAA",
        "who=" + "x" * 5000,
        "who=Nobody+Atall",
        "who=%00",
    ],
)
def test_an_address_typed_by_hand_is_no_error(query: str, world: Any, sign_in: Any) -> None:
    """What does not fit is left out, or explained."""
    assert sign_in(world.ada).get(f"/administration/changes?{query}").status == 200


def test_words_stay_with_those_who_see_the_thing(app: Flask, world: Any, sign_in: Any) -> None:
    """Ada knows that something happened to secret 5; what, only Vera reads, on the page and in the table."""
    happened(app, world, "mara", subject=("story.secret", 5), words=["quiet", "canary-4711"])
    for who, sees in (("ada", False), ("vera", True)):
        somebody = sign_in(getattr(world, who))
        for path in ("/administration/changes?kind=story.secret", "/administration/changes.csv?kind=story.secret"):
            page = somebody.get(path)
            assert "story.secret" in page.text
            assert ("canary-4711" in page.text) is sees


def test_the_table_is_safe_to_open(app: Flask, world: Any, sign_in: Any) -> None:
    """A cell that looks like a formula carries an apostrophe, and more rows than one batch come in order, each once."""
    happened(app, world, "mara", subject=("=cmd|' /C calc'!A0", 1))
    with app.app_context(), unit_of_work():
        actor = world.actor("mara")
        for number in range(1203):
            activity.record(JobRetried(number, "story"), actor=actor, subject=("story.many", number), at=kernel_clock.now(), quiet=True)
    ada = sign_in(world.ada)
    response = ada.get("/administration/changes.csv").response
    assert response.headers["Content-Disposition"] == "attachment; filename=changes.csv"
    rows = list(csv.reader(io.StringIO(response.get_data(as_text=True).removeprefix("\ufeff"))))
    assert rows[0][:3] == ["number", "at", "event"]
    numbers = [int(row[0]) for row in rows[1:]]
    assert numbers == sorted(set(numbers), reverse=True)
    assert sum(row[5] == "story.many" for row in rows) == 1203
    assert [row[5] for row in rows if "cmd" in row[5]] == ["'=cmd|' /C calc'!A0"]


def test_the_record_comes_in_pages(app: Flask, world: Any, sign_in: Any) -> None:
    """Twenty-five on a page, so that it stays light; the filters go with the pages."""
    for number in range(1, 35):
        happened(app, world, "mara", subject=("story.thing", number))
    ada = sign_in(world.ada)
    first = ada.get("/administration/changes?kind=story.thing")
    assert "story.thing 34" in first.text
    older = ada.get(first.link("Older").href)
    assert "story.thing 1 " in older.text
    assert "story.thing 34" not in older.text
