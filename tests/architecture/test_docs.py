"""The guides keep step with the code."""

import re
import tomllib

import pytest

from tests.architecture.source import PORTAL, ROOT, modules

DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "tests" / "README.md"])


def read(name: str) -> str:
    """The text of a document."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_operator_guide_lists_every_setting() -> None:
    """Name, default and meaning stand there as the program has them; tools/settings_table.py writes them."""
    from tools.settings_table import renewed

    guide = read("docs/operator.md")
    assert guide == renewed(guide), "run: .venv/bin/python tools/settings_table.py"


def test_the_operator_guide_knows_every_command() -> None:
    """A command without a line in the guide does not exist for an operator."""
    from portal.cli import portal

    missing = [name for name in portal.commands if f"`portal {name}" not in read("docs/operator.md")]
    assert missing == []


def test_the_operator_guide_lists_the_columns_of_a_people_file() -> None:
    """Whoever writes the export of another system reads it here."""
    from portal.people.importing import COLUMNS

    assert [name for name in COLUMNS if f"`{name}`" not in read("docs/operator.md")] == []


def test_every_command_explains_itself() -> None:
    """--help says what it does, and so does every option."""
    import click

    from portal.cli import portal

    silent = [name for name, command in portal.commands.items() if len(command.get_short_help_str(200)) < 15]
    silent += [f"{name} {p.name}" for name, command in portal.commands.items() for p in command.params if isinstance(p, click.Option) and not p.help]
    assert silent == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: object) -> None:
    """Relative links name files that exist."""
    from pathlib import Path

    assert isinstance(path, Path)
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_decisions_are_numbered_and_say_their_cost() -> None:
    """Context, choice, cost; no number twice."""
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert all(f"**{part}.**" in text for part in ("Context", "Choice", "Cost")), page.name


def test_the_glossary_has_no_word_twice() -> None:
    """One word per thing, one line per word."""
    words = re.findall(r"^\| ([a-z ]+) \|", read("docs/GLOSSARY.md"), re.MULTILINE)
    assert len(words) == len(set(words)) > 20


def test_the_map_of_packages_is_complete() -> None:
    """portal/__init__.py names every package."""
    map_text = (PORTAL / "__init__.py").read_text(encoding="utf-8")
    missing = [m.package for m in modules() if m.path.name == "__init__.py" and m.path.parent != PORTAL and m.package not in map_text]
    assert sorted(set(missing)) == []


def test_requirements_are_pinned_hashed_and_name_no_index() -> None:
    """What was tested is what is installed, from whichever mirror."""
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path.name
        assert not re.search(r"^\s*-+(i|index|extra|find|trusted)", text, re.MULTILINE), path.name
        pinned = re.findall(r"^([a-z0-9][\w.\[\],-]*)==", text, re.MULTILINE)
        blocks = re.split(r"\n(?=[a-z0-9])", text)
        assert len(pinned) == len(blocks), path.name
        assert all("--hash=sha256:" in block for block in blocks), path.name


def test_what_the_wheel_asks_for_is_what_is_pinned() -> None:
    """Every dependency of the project is in requirements/base.txt."""
    wanted = tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]
    pinned = set(re.findall(r"^([a-z0-9-]+)==", read("requirements/base.txt"), re.MULTILINE))
    assert {re.split(r"[\[<>=~ ]", name)[0].lower() for name in wanted} <= pinned


def test_nothing_names_a_machine_or_a_registry() -> None:
    """Paths of somebody's machine and addresses of package registries do not belong into the repository."""
    pattern = re.compile(r"(?<![\w.])/(home|root|Users)/[a-z]|(pypi|npmjs|pythonhosted)\.|registry\.npm")
    named = []
    for folder in ("portal", "templates", "docs", "tools", "migrations", "tests", ".ci", "requirements"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".md", ".txt", ".in", ".toml", ".html", ".ini", ""} and path.is_file() and path.name != "test_docs.py":
                text = path.read_text(encoding="utf-8")
                named += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in pattern.finditer(text)]
    assert named == []


def test_vendored_files_are_the_ones_we_noted() -> None:
    """Name, version, licence and checksum of everything below static/vendor are in VENDOR.md."""
    from tools.vendor import differences

    assert differences() == []


def test_make_help_lists_what_the_readme_promises() -> None:
    """Every command has its line, and CI runs exactly what a newcomer is told to run."""
    listed = set(re.findall(r"^([a-z-]+):[^#\n]*## ", read("Makefile"), re.MULTILINE))
    assert {"help", "install", "demo", "test", "check", "bench", "new-migration", "vendor"} <= listed
    assert "\nmake test\n" in read(".ci/run")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_every_setting_of_the_tests_own_tools_is_written_down() -> None:
    """Variables that change what the tests do stand in tests/README.md or the Makefile's help."""
    names = set()
    for path in [*(ROOT / "tests" / "support").glob("*.py"), ROOT / "tests" / "conftest.py"]:
        names |= set(re.findall(r"environ(?:\.get\(|\[)\"(HEARTH_TEST_[A-Z]+|CHROMIUM)\"", path.read_text(encoding="utf-8")))
    assert {name for name in names if name not in read("tests/README.md")} == {"HEARTH_TEST_OWNER"}
