"""Who may import whom: kernel <- contracts <- people <- notifications <- features <- insights <- app, and no siblings."""

import subprocess
import sys
import tomllib

import pytest

from tests.architecture.source import PORTAL, ROOT, modules, none_of

FEATURE_FILES = {"models.py", "policy.py", "actions.py"}
PURE = ("rules", "calendar", "clock", "scoring", "grading")


def contracts() -> list[dict[str, object]]:
    """The contracts of import-linter as pyproject.toml has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(settings["tool"]["importlinter"]["contracts"])


def test_the_import_law_holds() -> None:
    """import-linter finds no broken contract."""
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_every_feature_is_under_the_law() -> None:
    """A package with models, a policy or actions is named in the contract on what may import what inside a feature."""
    inside = next(c for c in contracts() if str(c["name"]).startswith("Inside a feature"))
    folders = [path for path in PORTAL.iterdir() if path.is_dir() and path.name != "kernel"]
    features = {f"portal.{path.name}" for path in folders if FEATURE_FILES & {file.name for file in path.iterdir()}}
    assert features <= set(inside["containers"]), "add them to pyproject.toml"  # type: ignore[call-overload]


def test_contracts_need_nothing_but_the_standard_library() -> None:
    """Anybody may read an event without installing anything."""
    foreign = [
        f"{module.name}:{line} imports {name}"
        for module in modules()
        if module.package == "contracts"
        for name, line in module.imports()
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("portal.contracts")
    ]
    none_of(foreign)


@pytest.mark.parametrize("name", PURE)
def test_pure_rules_know_neither_database_nor_time(name: str) -> None:
    """Rules take what they need as arguments: no SQLAlchemy, no Flask, no kernel but its messages and errors."""
    allowed = ("portal.kernel.messages", "portal.kernel.errors")
    foreign = [
        f"{module.name}:{line} imports {imported}"
        for module in modules()
        if module.package != "kernel" and name in (module.path.stem, module.path.parent.name)
        for imported, line in module.imports()
        if imported.split(".")[0] not in sys.stdlib_module_names
        and not imported.startswith((*allowed, "portal.contracts"))
        and not any(imported.startswith(f"portal.{module.package}.{pure}") for pure in PURE)
        and not imported.startswith("portal.people.calendar")
    ]
    none_of(foreign)


def test_the_arithmetic_that_others_call_imports_without_any_dependency() -> None:
    """WorkCalendar and replay are used by other programs: standard library only, packages on the way included."""
    code = "import portal.people.calendar, portal.desk.clock, sys; print({'flask', 'sqlalchemy', 'jinja2'} & {m.split('.')[0] for m in sys.modules})"
    result = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "set()\n"), result.stderr
