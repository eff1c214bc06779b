"""Write docs/security.md: requirement, place and test from tools/asvs.toml, and the holes of other products from the tests named after them."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE, SOURCE, ATTACKS = ROOT / "docs" / "security.md", ROOT / "tools" / "asvs.toml", ROOT / "tests" / "attack"
PRODUCTS = """Authlib Chatwoot Discourse Flask-AppBuilder FlaskBB Flask Formbricks Frappe FreeScout Ghost GLPI HumHub Indico LimeSurvey Laravel listmonk
    Moodle Odoo osTicket Redash RT solid_queue Superset UVdesk Werkzeug Zammad Znuny Zulip"""
_NAMED = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, PRODUCTS.split()), key=len, reverse=True))})\b")
HEAD = """# What holds, where it stands, and which test fails when it does not

Written by `.venv/bin/python tools/asvs_table.py`; what stands here is checked with every run of the tests.

## Holes of other products

Each test is named after something that happened elsewhere and would fail if it were so here. They lie in `tests/attack/`.

| what happened, and what we hold against it | test |
|---|---|
"""
MIDDLE = """
## OWASP ASVS 5.0, level 2

Requirements of level 2 that apply to what there is today, and some of level 3 (with a star), in our words. What can only apply to something
that is not built (single sign-on, interfaces for programs, messages between browsers) is left out.
"""
TITLES = {
    "encoding": "1 Encoding and text that acts", "rules": "2 Rules of the business", "browser": "3 In the browser", "services": "4 Answers", "files": "5 Files",
    "identity": "6 Who somebody is", "sessions": "7 Sessions", "rights": "8 Rights", "tokens": "9 Signed tokens", "cryptography": "11 Cryptography",
    "connections": "12 Connections", "configuration": "13 Settings", "data": "14 Data", "code": "15 Code", "record": "16 Record and faults",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A requirement: its number, what it asks, files of the code, and tests as ``path::function``."""

    number: str
    what: str
    places: tuple[str, ...]
    tests: tuple[str, ...]


def rows() -> dict[str, list[Row]]:
    """Every requirement by chapter, as tools/asvs.toml has them."""
    found = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    return {chapter: [_row(number, values) for number, values in lines.items()] for chapter, lines in found.items()}


def _row(number: str, values: list[str]) -> Row:
    what, places, tests = values
    return Row(number, what, tuple(places.split()), tuple("tests/{}.py::{}".format(*one.split("::")) for one in tests.split()))


def functions(path: Path) -> dict[str, str]:
    """The test functions of a file and the first lines of what they say."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name: (ast.get_docstring(node) or "").split("\n\n")[0] for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def holes() -> Iterator[tuple[str, str]]:
    """What is said of each test that is named after another product, and the test."""
    for path in sorted(ATTACKS.glob("test_*.py")):
        for name, said in functions(path).items():
            if _NAMED.search(said):
                yield " ".join(said.split()), f"tests/attack/{path.name}::{name}"


def page() -> str:
    """The whole page."""
    lines = [HEAD, *(f"| {_cell(said)} | `{test.removeprefix('tests/attack/')}` |\n" for said, test in holes()), MIDDLE]
    for chapter, found in rows().items():
        lines.append(f"\n### {TITLES[chapter]}\n\n| requirement | what holds | place | test |\n|---|---|---|---|\n")
        lines += [f"| {row.number} | {row.what} | {_code(row.places)} | {_code(row.tests)} |\n" for row in found]
    return "".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<").replace("`", "")


def _code(names: tuple[str, ...]) -> str:
    return "<br>".join(f"`{name.removeprefix('tests/')}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{sum(map(len, rows().values()))} requirements, {len(list(holes()))} tests named after other products\n")
