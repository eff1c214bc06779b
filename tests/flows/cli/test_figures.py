"""`portal rebuild-figures` and what `portal doctor` says about figures."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.cli.conftest import Answer

pytestmark = pytest.mark.real_clock
Run = Callable[..., Answer]


def test_figures_are_counted_anew(run: Run, company: Path) -> None:
    """A new company has nothing to count, and the doctor is content before and after."""
    assert "ok      Figures hold what the clocks say" in run("doctor", instance=company).out
    answer = run("rebuild-figures", instance=company)
    assert (answer.status, answer.out) == (0, "The figures are counted anew: 0 months.\n")
    assert "ok      Figures hold what the clocks say" in run("doctor", instance=company).out
