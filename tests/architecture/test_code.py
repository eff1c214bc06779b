"""House rules of the Python code, each with its reason."""

import ast
import re

import pytest

from tests.architecture.source import ROOT, Function, Module, dotted, modules, none_of

GATES = {
    "socket": {
        "portal/kernel/outbound.py": "the one module that connects out",
        "portal/kernel/outbound_imap.py": "ends a conversation with a mailbox that takes too long",
        "portal/kernel/incoming/listener.py": "holds the sockets that server.py bound",
        "portal/kernel/server.py": "inherits and hands over listening sockets",
    },
    "http": {},
    "urllib.request": {},
    "smtplib": {"portal/kernel/outbound.py": "the one module that connects out"},
    "imaplib": {"portal/kernel/outbound_imap.py": "fetches mail, under the guards of outbound"},
    "subprocess": {
        "portal/kernel/incoming/reading/guard.py": "reads mail in a process that can be ended when it takes too long",
        "portal/kernel/keeping/programs.py": "PostgreSQL's own programs write and read its dumps",
    },
    "pickle": {
        "portal/kernel/incoming/reading/guard.py": "takes what our own reading process found, over its pipe",
        "portal/kernel/incoming/reading/helper.py": "gives what it read to the process that started it",
    },
    "marshal": {},
    "shelve": {},
    "ctypes": {"portal/kernel/memory.py": "asks the C library for one pool of memory"},
    "secrets": {
        "portal/kernel/tokens.py": "makes tokens",
        "portal/kernel/security.py": "makes the secret key at the first start",
        "portal/kernel/mail_ids.py": "makes message ids nobody can guess",
        "portal/kernel/submissions.py": "makes the one-time key of a form",
    },
}
"""Modules with side doors, and the files that may open them (spec: one place each)."""

WRITERS = {
    "portal/kernel/files.py": "keeps uploads",
    "portal/kernel/security.py": "keeps the secret key",
    "portal/kernel/unit_of_work.py": "the lock file between processes",
    "portal/kernel/log.py": "the log file",
    "portal/kernel/holding.py": "lock files between processes",
    "portal/kernel/keeping/backing.py": "writes backups, and removes old ones of its own",
    "portal/kernel/keeping/checking.py": "unpacks an archive into an empty folder",
    "portal/kernel/keeping/restoring.py": "fills the empty folder of a restored copy",
    "portal/starting.py": "`portal init` writes the settings file",
    "portal/demo/company.py": "makes the demo's own instance folder, and with --fresh removes it",
    "portal/demo/big.py": "keeps what a big demo is to be, so that a killed command can go on",
}
"""Files that may open a file for writing."""

COMMITTER = "portal/kernel/unit_of_work.py"
TELLERS_OF_TIME = re.compile(r"portal/(kernel/.*|cli|cli_keeping|app|demo/.*|people/actors|[a-z]+/(routes|jobs|reactions|cli|api|health)(/.*)?)(\.py)?$")
"""The edge: routes, jobs, reactions, commands, health checks, and the hook that finds out who is there."""


def test_only_the_unit_of_work_commits() -> None:
    """Anything else would save half a change."""
    offences = [f"{m.name}:{c.lineno}" for m in modules() if m.name != COMMITTER for c in m.calls() if _commits(dotted(c.func))]
    none_of(offences, "Actions flush; kernel/unit_of_work.py commits.")


def _commits(name: str) -> bool:
    return "session" in name and name.rsplit(".", 1)[-1] in ("commit", "begin", "begin_nested")


@pytest.mark.parametrize("gate", sorted(GATES))
def test_side_doors_open_in_one_place(gate: str) -> None:
    """Connecting out, starting programs, unpickling and making secrets happen only where it is written down why."""
    offences = [
        f"{m.name}:{line} imports {name}"
        for m in modules()
        if m.name not in GATES[gate]
        for name, line in m.imports()
        if name == gate or name.startswith(f"{gate}.")
    ]
    # http.HTTPStatus and the like are constants, not connections.
    offences = [line for line in offences if "http.HTTPStatus" not in line]
    none_of(offences, f"{gate} belongs to {sorted(GATES[gate]) or 'no module'}.")


def test_allow_lists_name_only_files_that_need_them() -> None:
    """A file that no longer opens a door loses its key."""
    by_name = {m.name: m for m in modules()}
    stale = [
        f"{name} no longer imports {gate}"
        for gate, files in GATES.items()
        for name in files
        if name in by_name and not any(imported == gate or imported.startswith(f"{gate}.") for imported, _ in by_name[name].imports())
    ]
    none_of(stale, "Remove stale entries from GATES.")


def test_files_are_written_in_few_places() -> None:
    """Paths made from what people typed are the classic hole; so few modules write at all."""
    offences = [f"{m.name}:{c.lineno} {ast.unparse(c)[:80]}" for m in modules() if m.name not in WRITERS for c in m.calls() if _writes(c)]
    none_of(offences, f"Only {sorted(WRITERS)} write files.")


def _writes(call: ast.Call) -> bool:
    name = dotted(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
    last = name.rsplit(".", 1)[-1]
    if last in ("write_text", "write_bytes", "symlink_to", "rmtree", "copyfile", "unlink", "touch"):
        return True
    if last != "open":
        return False
    modes = [a.value for a in [*call.args, *(k.value for k in call.keywords if k.arg == "mode")] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return any(re.fullmatch(r"[rwaxbt+]{1,4}", mode) and set(mode) & set("wax+") for mode in modes)


def test_the_time_comes_from_one_clock() -> None:
    """Only kernel/clock.py asks the machine; a test could not move any other clock."""
    asking = re.compile(r"(datetime|date)\.(now|utcnow|today|fromtimestamp)$|^time\.time$")
    offences = [
        f"{m.name}:{c.lineno} {dotted(c.func)}"
        for m in modules()
        if m.name != "portal/kernel/clock.py"
        for c in m.calls()
        if asking.search(dotted(c.func)) and not (dotted(c.func).endswith("fromtimestamp") and len(c.args) == 2)
    ]
    none_of(offences, "Use kernel.clock.now(), and pass it on as an argument.")


def test_rules_queries_and_actions_are_told_the_time() -> None:
    """clock.now() is called at the edge (routes, jobs, reactions, cli, kernel); everything else takes ``now``."""
    offences = [f"{m.name}:{c.lineno}" for m in modules() if not TELLERS_OF_TIME.match(m.name) for c in m.calls() if dotted(c.func) == "clock.now"]
    none_of(offences, "Take `now` as an argument.")


def test_queries_are_written_in_one_style() -> None:
    """select() only: Model.query and session.query hide what is loaded."""
    old = re.compile(r"(session|[A-Z]\w+)\.query$")
    offences = [f"{m.name}:{n.lineno}" for m in modules() for n in ast.walk(m.tree) if isinstance(n, ast.Attribute) and old.search(dotted(n))]
    none_of(offences, "Use select().")


def test_sql_is_never_built_from_text() -> None:
    """text() and exec_driver_sql() take constants; values are bound, names come from the models."""
    offences = [
        f"{m.name}:{c.lineno}"
        for m in modules()
        for c in m.calls()
        if dotted(c.func).rsplit(".", 1)[-1] in ("text", "exec_driver_sql", "literal_column") and c.args and _is_built(c.args[0])
    ]
    none_of(offences, "Bind parameters instead.")


def _is_built(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) and not _is_constant_name(part.value) for part in node.values)
    return isinstance(node, ast.BinOp) or (isinstance(node, ast.Call) and dotted(node.func).endswith("format"))


def _is_constant_name(node: ast.expr) -> bool:
    name = dotted(node).rsplit(".", 1)[-1]
    return bool(name) and name.isupper()


def test_markup_is_trusted_in_few_places() -> None:
    """Markup() turns escaping off: everywhere it takes a constant, whose parts .format() escapes; two renderers are excepted."""
    excepted = {
        "portal/kernel/markdown.py": "its text went through nh3",
        "portal/kernel/statics.py": "icons of our own sprite, by name",
        "portal/kernel/translating.py": "our own catalogue; values are escaped by %",
    }
    offences = [f"{m.name}:{c.lineno}" for m in modules() if m.name not in excepted for c in m.calls() if _trusts_a_value(c)]
    none_of(offences, "Write Markup('<b>{}</b>').format(value).")


def _trusts_a_value(call: ast.Call) -> bool:
    return dotted(call.func).rsplit(".", 1)[-1] == "Markup" and bool(call.args) and not isinstance(call.args[0], ast.Constant)


def public(module: Module) -> list[tuple[str, ast.AST]]:
    """Public functions and classes at the top of a module and public methods of public classes."""
    there: list[tuple[str, ast.AST]] = []
    for node in module.tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            there.append((node.name, node))
            if isinstance(node, ast.ClassDef):
                there += [(f"{node.name}.{n.name}", n) for n in node.body if isinstance(n, Function) and not n.name.startswith("_")]
    return there


def test_a_stranger_can_read_help() -> None:
    """Every module, public class and public function says in a line what it is."""
    offences = [m.name for m in modules() if m.text.strip() and not ast.get_docstring(m.tree)]
    offences += [
        f"{m.name}: {name}"
        for m in modules()
        for name, node in public(m)
        if not ast.get_docstring(node) and not _is_overload(node)  # type: ignore[arg-type]
    ]
    none_of(offences, "Write one line: what it is or does, in which unit, which error.")


def _is_overload(node: ast.AST) -> bool:
    return isinstance(node, Function) and any(dotted(d).endswith("overload") for d in node.decorator_list)


def lines_of(function: Function) -> int:
    """Lines of a function without its docstring and decorators."""
    text = ast.get_docstring(function, clean=False)
    documented = len(text.splitlines()) if text else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - documented


def test_functions_stay_small() -> None:
    """Nine in ten have fewer than twenty lines, none more than forty-five."""
    sizes = sorted((lines_of(f), f"{m.name}: {f.name}") for m in modules() for f in m.functions())
    none_of([f"{where} has {size} lines" for size, where in sizes if size > 45], "Split them.")
    assert not sizes or sizes[int(len(sizes) * 0.9)][0] < 20, sizes[-20:]


def test_files_stay_small() -> None:
    """At 400 lines a file becomes a folder; 450 is the end."""
    none_of([f"{m.name} has {m.text.count(chr(10))} lines" for m in modules() if m.text.count("\n") > 450], "Make a folder of it.")


def test_nothing_is_left_for_later() -> None:
    """Unfinished work lives in an issue, not in a comment."""
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    offences = [f"{m.name}:{number}" for m in modules() for number, line in enumerate(m.text.splitlines(), 1) if later.search(line)]
    none_of(offences, "Do it or file it.")


def test_exceptions_from_the_checks_give_a_reason() -> None:
    """`type: ignore` names its code and says why; noqa names its rule."""
    offences = []
    for m in modules():
        for number, line in enumerate(m.text.splitlines(), 1):
            if "type: ignore" in line and not re.search(r"type: ignore\[[a-z-]+(, ?[a-z-]+)*\]\s+#\s*\S.{3,}", line):
                offences.append(f"{m.name}:{number} {line.strip()[-80:]}")
            if "noqa" in line and not re.search(r"noqa: [A-Z]+[0-9]+", line):
                offences.append(f"{m.name}:{number} {line.strip()[-80:]}")
    none_of(offences, "Write: # type: ignore[code]  # reason")


def test_relationships_never_load_on_their_own() -> None:
    """lazy="raise_on_sql": an N+1 query in a template raises instead of being slow."""
    offences = [f"{m.name}:{c.lineno}" for m in modules() for c in m.calls() if _is_relationship(c) and not _raises_on_sql(c)]
    none_of(offences, 'Say lazy="raise_on_sql".')


def _is_relationship(call: ast.Call) -> bool:
    return dotted(call.func).rsplit(".", 1)[-1] == "relationship"


def _raises_on_sql(call: ast.Call) -> bool:
    return any(k.arg == "lazy" and isinstance(k.value, ast.Constant) and k.value.value == "raise_on_sql" for k in call.keywords)


def versions() -> list[tuple[str, str]]:
    """(name, text) of every migration."""
    return [(path.name, path.read_text(encoding="utf-8")) for path in sorted((ROOT / "migrations" / "versions").glob("*.py"))]


def test_migrations_have_a_way_back() -> None:
    """Each has a downgrade that does something."""
    offences = []
    for name, text in versions():
        down = next((n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == "downgrade"), None)
        if down is None or not any(isinstance(node, ast.Call) for node in ast.walk(down)):
            offences.append(name)
    none_of(offences, "Write the way down.")


def test_migrations_do_not_depend_on_todays_code() -> None:
    """A migration that imports the models changes its meaning with them."""
    none_of([name for name, text in versions() if re.search(r"^(from|import) portal", text, re.MULTILINE)], "Spell the columns out.")
