"""Who opens the pages that keep the portal running."""

from typing import Any

import pytest

RUN = ("/administration/health", "/administration/settings", "/administration/jobs", "/administration/mail")
RECORD = ("/administration/changes", "/administration/changes.csv")


@pytest.mark.parametrize("path", RUN + RECORD)
def test_the_administrator_opens_everything(path: str, world: Any, sign_in: Any, query_count: Any) -> None:
    """Ada reads each page, in few statements."""
    ada = sign_in(world.ada)
    ada.get("/administration/health")  # its own checks are counted once in ten seconds
    with query_count() as statements:
        page = ada.get(path)
    assert page.status == 200
    assert page.title.endswith("administration, Hearth") or path.endswith(".csv")
    assert statements.count <= 9, statements


@pytest.mark.parametrize("path", RUN)
@pytest.mark.parametrize("who", ["vera", "elena", "jonas", "mara"])
def test_nobody_else_runs_the_portal(path: str, who: str, world: Any, sign_in: Any) -> None:
    """Auditor, HR, fulfiller and everybody: refused, and no entry in their menu leads there."""
    somebody = sign_in(getattr(world, who))
    assert somebody.get(path).status == 403
    assert path not in somebody.get("/").source


@pytest.mark.parametrize("path", RECORD)
@pytest.mark.parametrize(("who", "status"), [("vera", 200), ("elena", 403), ("jonas", 403), ("mara", 403)])
def test_auditors_read_the_record(path: str, who: str, status: int, world: Any, sign_in: Any) -> None:
    """Vera reads the record of changes, and only she and administrators do."""
    assert sign_in(getattr(world, who)).get(path).status == status


@pytest.mark.parametrize("path", RUN + RECORD)
def test_strangers_are_led_to_the_door(path: str, world: Any, visitor: Any) -> None:
    """Without signing in, every page is a way to the door."""
    assert visitor.get(path, follow_redirects=False).headers["Location"].startswith("/sign-in")
