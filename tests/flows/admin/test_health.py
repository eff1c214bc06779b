"""Is the portal well: for machines in one word, for Ada with the reason, for strangers nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from portal.kernel import health


@pytest.fixture
def checks(app: Flask) -> Iterator[dict[str, Any]]:
    """Only the real write test, and what the test adds; answers are not kept between tests."""
    before = dict(health._checks)
    health._checks.clear()
    health._checks["database"] = before["database"]
    app.extensions.pop("readiness", None)
    yield health._checks
    health._checks.clear()
    health._checks.update(before)
    app.extensions.pop("readiness", None)


def broken() -> str:
    """A check on a bad day."""
    raise health.Unwell("the oldest job waits since Monday on host db-7")


def test_machines_get_one_word(app: Flask, world: Any, checks: Any, visitor: Any) -> None:
    """Alive and ready; when something is broken only ready turns, and a stranger learns nothing about it."""
    assert (visitor.get("/livez").text, visitor.get("/readyz").text) == ("alive", "ready")
    checks["jobs"] = broken
    app.extensions.pop("readiness")
    assert visitor.get("/livez").status == 200
    unready = visitor.get("/readyz")
    assert (unready.status, unready.text) == (503, "not ready")


@pytest.mark.postgres
def test_the_write_test_runs_once_in_ten_seconds(world: Any, checks: Any, visitor: Any, query_count: Any) -> None:
    """Whoever asks often gets the answer from before; no session is looked up or begun."""
    with query_count() as first:
        visitor.get("/readyz")
    with query_count() as second:
        visitor.get("/readyz")
        answer = visitor.get("/livez")
    assert 1 <= first.count <= 3, first
    assert second.count == 0, second
    assert "Set-Cookie" not in answer.headers


def test_ada_reads_the_reason(app: Flask, world: Any, checks: Any, sign_in: Any) -> None:
    """The page says what is wrong in a sentence and beside the check."""
    ada = sign_in(world.ada)
    assert "The portal is well." in ada.get("/administration/health").text
    checks["jobs"] = broken
    app.extensions.pop("readiness")
    page = ada.get("/administration/health")
    assert "One thing needs you" in page.text
    assert "the oldest job waits since Monday" in page.text


def test_everything_is_checked_on_demand(world: Any, sign_in: Any) -> None:
    """What must always hold is read only when asked for, and names the rows that break it."""
    health._invariants["Every story has an end"] = lambda: ["story 7 has none", "<b>story 8</b> has none"]
    try:
        ada = sign_in(world.ada)
        assert "Every story has an end" not in ada.get("/administration/health").text
        page = ada.get("/administration/health?everything=1")
    finally:
        health._invariants.pop("Every story has an end")
    assert "Every story has an end" in page.text
    assert "story 7 has none" in page.text
    assert "<b>story 8" not in page.source


def test_settings_never_show_a_secret(app: Flask, world: Any, sign_in: Any, monkeypatch: Any) -> None:
    """Keys are not shown, passwords inside addresses neither; everything else is, with what it is for."""
    settings = app.extensions["settings"]
    mailbox = "imaps://desk%40marlow.example:hunter2-canary@mail.example/INBOX"
    changed = replace(settings, smtp_url="smtps://relay:hunter2-canary@mail.example:465", mail_in_imap=mailbox)
    monkeypatch.setitem(app.extensions, "settings", changed)
    page = sign_in(world.ada).get("/administration/settings")
    assert "smtps://relay:•••@mail.example:465" in page.text
    assert "imaps://desk%40marlow.example:•••@mail.example/INBOX" in page.text
    assert "hunter2-canary" not in page.source
    assert settings.secret_key not in page.source
    for words in ("Marlow Cycles", "upload_limit_mb", "Largest upload in megabytes."):
        assert words in page.text
