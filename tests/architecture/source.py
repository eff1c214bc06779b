"""The code base as data: parsed once per process, asked by every rule."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PORTAL, TEMPLATES = ROOT / "portal", ROOT / "templates"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file of the portal."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its place, for messages and allow-lists: portal/kernel/db.py."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        """The feature it belongs to, or its own name at the top level."""
        parts = self.path.relative_to(PORTAL).parts
        return parts[0] if len(parts) > 1 else self.path.stem

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones included."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def calls(self) -> Iterator[ast.Call]:
        """Every call."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def imports(self) -> Iterator[tuple[str, int]]:
        """(dotted name, line) of everything imported; `from a import b` gives a.b."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


@cache
def modules() -> tuple[Module, ...]:
    """Every Python file of the portal."""
    found = []
    for path in sorted(PORTAL.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.append(Module(path, text, ast.parse(text, filename=str(path))))
    return tuple(found)


@cache
def templates() -> tuple[tuple[str, str], ...]:
    """(name, text) of every template."""
    return tuple((path.relative_to(TEMPLATES).as_posix(), path.read_text(encoding="utf-8")) for path in sorted(TEMPLATES.rglob("*")) if path.is_file())


def none_of(offences: list[str], rule: str = "") -> None:
    """Fail with the rule and every place that breaks it, one a line."""
    assert not offences, "\n  ".join([rule or f"{len(offences)} places break the rule:", *offences])


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for a chain of names and attributes, else an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _blank(found: re.Match[str]) -> str:
    return "\n" * found.group().count("\n")


def without_comments(text: str) -> str:
    """A template without its comments; line breaks stay, so numbers stay right."""
    return re.sub(r"\{#.*?#\}", _blank, text, flags=re.DOTALL)


def without_jinja(text: str) -> str:
    """A template without comments, statements and expressions, and without what is set aside for attributes."""
    text = without_comments(text)
    for pattern in (
        r"\{%-?\s*macro \w*(class|attr|tie|describe)\w*\(.*?endmacro\s*-?%\}",
        r"\{%-?\s*trans\b.*?endtrans\s*-?%\}",
        r"\{%-?\s*set \w+\s*-?%\}.*?endset\s*-?%\}",
        r"\{%.*?%\}",
        r"\{\{.*?\}\}",
    ):
        text = re.sub(pattern, _blank, text, flags=re.DOTALL)
    return text


SAYING = {"say", "say_n", "_", "_l", "gettext", "lazy_gettext", "ngettext", "lazy_ngettext", "pgettext"}


def sentences(module: Module) -> Iterator[tuple[str, int]]:
    """(text, line) of every sentence a module hands to translation."""
    for call in module.calls():
        if dotted(call.func).rsplit(".", 1)[-1] in SAYING:
            for argument in call.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value, argument.lineno
