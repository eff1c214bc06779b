"""Every door has a lock: routes declare what they need, and the declaration is the one they check."""

import ast
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.architecture.source import Function, Module, dotted, modules, none_of

SAFE = {"GET", "HEAD", "OPTIONS"}


def views() -> Iterator[tuple[Module, Function]]:
    """Every function that a blueprint or the application binds to an address."""
    for module in modules():
        for function in module.functions():
            if any(isinstance(d, ast.Call) and dotted(d.func).endswith((".route", ".get", ".post", ".form")) and _is_rule(d) for d in function.decorator_list):
                yield module, function


def _is_rule(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and str(call.args[0].value).startswith("/")


def declarations(function: Function) -> list[str]:
    """The names in @allow(...), or ["public"]."""
    for decorator in function.decorator_list:
        if dotted(decorator).endswith("public"):
            return ["public"]
        if isinstance(decorator, ast.Call) and dotted(decorator.func).endswith("allow"):
            return [dotted(argument) for argument in decorator.args]
    return []


def test_every_route_says_who_may_come_in() -> None:
    """@allow(...) or @public stands over every view."""
    bare = [f"{module.name}: {function.name}" for module, function in views() if not declarations(function)]
    none_of(bare)


def test_the_running_portal_agrees(app: Flask) -> None:
    """No endpoint came in by another way without a declaration."""
    from portal.kernel.policy import undeclared_routes

    none_of(undeclared_routes(app))


def test_what_is_declared_is_what_the_loader_checks() -> None:
    """Where a view loads an object for a purpose (to=...), that purpose is one it declares."""
    differing = []
    for module, function in views():
        declared, loaded = set(declarations(function)), set(purposes(function))
        if loaded and not loaded & declared:
            differing.append(f"{module.name}: {function.name} declares {sorted(declared)} and loads for {sorted(loaded)}")
    none_of(differing)


def purposes(function: Function) -> Iterator[str]:
    """What a view loads its objects for: the ``to`` of every find_*()."""
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and dotted(call.func).rsplit(".", 1)[-1].startswith("find_"):
            yield from (dotted(node) for k in call.keywords if k.arg == "to" for node in ast.walk(k.value) if isinstance(node, ast.Attribute))


def test_views_only_translate() -> None:
    """Load, check, bind the form, call, redirect: fifteen lines say that."""
    long = [f"{module.name}: {function.name} has {length(function)} lines" for module, function in views() if length(function) > 15]
    none_of(long)


def length(function: Function) -> int:
    """Lines of a view below its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_views_leave_the_database_to_queries() -> None:
    """No view asks or writes; ending a read before slow work (hashing) is the one thing it may do with the session."""
    asking = []
    for module in modules():
        if "routes" in (module.path.stem, module.path.parent.name):
            asking += [f"{module.name}:{line} imports {name}" for name, line in module.imports() if name.startswith("sqlalchemy")]
            asking += [f"{module.name}:{call.lineno}" for call in module.calls() if re.match(r"db\.session\.(?!rollback$)", dotted(call.func))]
    none_of(asking)


def test_reading_never_hides_behind_a_changing_method(app: Flask) -> None:
    """An address that changes something is not also opened with GET under the same view, except to show its form."""
    mixed = [rule.endpoint for rule in app.url_map.iter_rules() if rule.methods and "PUT" in rule.methods and SAFE & rule.methods & {"GET"}]
    none_of(mixed)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_changing_request_from_elsewhere_is_turned_away_everywhere(app: Flask, method: str) -> None:
    """Each address that changes something answers a request from another site with 403 and does nothing."""
    client = app.test_client()
    adapter = app.url_map.bind("127.0.0.1:8000")
    let_in = []
    for rule in app.url_map.iter_rules():
        if rule.methods is None or method not in rule.methods or rule.endpoint == "static":
            continue
        path = adapter.build(rule.endpoint, {name: _sample(rule, name) for name in rule.arguments}, method=method)
        answer = client.open(path, method=method, base_url="http://127.0.0.1:8000", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
        if answer.status_code != 403:
            let_in.append(f"{method} {path}: {answer.status_code}")
    none_of(let_in)


def _sample(rule: object, name: str) -> object:
    converter = type(rule._converters[name]).__name__  # type: ignore[attr-defined]
    return 1 if converter == "IntegerConverter" else "a"
