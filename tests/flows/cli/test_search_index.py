"""`portal reindex` and what `portal doctor` says about search."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.flows.cli.conftest import Answer

pytestmark = pytest.mark.real_clock
Run = Callable[..., Answer]


def test_an_index_is_filled_anew(run: Run, company: Path) -> None:
    """The doctor is content, is told of a lost trigger, and reindexing says when it is done."""
    assert "ok      Search knows requests as they are" in run("doctor", instance=company).out
    answer = run("reindex", instance=company)
    assert (answer.status, answer.out.splitlines()[-1]) == (0, "The search index is filled.")
    with closing(sqlite3.connect(company / "portal.db")) as connection:
        connection.execute("DROP TRIGGER search_messages_new")
        connection.commit()
    answer = run("doctor", instance=company)
    assert answer.status == 1
    assert "1 of the 12 triggers that keep the search index are gone" in answer.out
