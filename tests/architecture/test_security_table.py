"""docs/security.md says nothing that is not so: its places and tests exist, and it is the newest."""

import re

from tests.architecture.source import ROOT
from tools import asvs_table


def test_the_page_is_the_newest() -> None:
    """Whoever adds an attack or a requirement writes the page anew."""
    assert asvs_table.PAGE.read_text(encoding="utf-8") == asvs_table.page(), "run: .venv/bin/python tools/asvs_table.py"


def test_every_place_and_every_test_is_there() -> None:
    """A requirement without a test that exists is a promise."""
    wrong = []
    for row in (row for found in asvs_table.rows().values() for row in found):
        wrong += [f"{row.number}: {place}" for place in row.places if not (ROOT / place).is_file()]
        for test in row.tests:
            path, name = test.split("::")
            if not (ROOT / path).is_file() or name not in asvs_table.functions(ROOT / path):
                wrong.append(f"{row.number}: {test}")
        wrong += [f"{row.number}: nothing"] if not (row.places and row.tests and row.what) else []
    assert wrong == []


def test_every_number_is_one_and_stands_once() -> None:
    """Numbers of the standard, each in the chapter it belongs to."""
    numbers = [row.number for found in asvs_table.rows().values() for row in found]
    assert len(numbers) == len(set(numbers)) >= 100
    assert [number for number in numbers if not re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{1,2}\*?", number)] == []
    for chapter, found in asvs_table.rows().items():
        assert {row.number.split(".")[0] for row in found} == {asvs_table.TITLES[chapter].split()[0]}


def test_forty_tests_are_named_after_what_happened_elsewhere() -> None:
    """Each says which product, and what."""
    found = list(asvs_table.holes())
    assert len(found) >= 40
    assert [test for said, test in found if len(said) < 60] == []
