"""Somebody in front of a browser without script: reads pages, fills forms that are really there, follows where they lead."""

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SILENT = {"script", "style", "svg", "template", "title", "head"}
VOID = {"input", "br", "img", "hr", "meta", "link", "source", "wbr", "use", "path", "rect", "circle", "line"}
FROM_PAGE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@dataclass
class Form:
    """A form as a browser sees it: where it goes, what it holds now, what can be pressed and chosen."""

    action: str
    method: str
    values: dict[str, list[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    """(name, value, text on it)"""


@dataclass
class Link:
    """A link: its address and its words."""

    href: str
    text: str


class _Reader(HTMLParser):
    """Collects title, visible text, links and forms in one pass."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.title = ""
        self.headings: list[str] = []
        self.forms: list[Form] = []
        self.links: list[Link] = []
        self.by_id: dict[str, Form] = {}
        self._stack: list[str] = []
        self._form: Form | None = None
        self._into: list[list[str]] = []
        self._select: tuple[Form, str, bool] | None = None
        self._first_option: str | None = None
        self._button: tuple[Form, str, str] | None = None
        self._area: tuple[Form, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._stack.append(tag)
        owner = self.by_id.get(a["form"]) if "form" in a else self._form
        handler = getattr(self, f"_on_{tag}", None)
        if handler is not None:
            handler(a, owner)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._stack.pop()

    def _on_form(self, a: dict[str, str], _owner: Form | None) -> None:
        self._form = self.by_id.get(a.get("id", "")) or Form("", "get")
        self._form.action, self._form.method = a.get("action", ""), a.get("method", "get").lower()
        self.forms.append(self._form)
        if a.get("id"):
            self.by_id[a["id"]] = self._form

    def _on_input(self, a: dict[str, str], form: Form | None) -> None:
        kind, name = a.get("type", "text").lower(), a.get("name")
        if form is None or "disabled" in a:
            return
        if kind in ("submit", "image", "button"):
            form.buttons.append((name or "", a.get("value", ""), a.get("value", "")))
        elif name:
            self._hold(form, name, a, kind)

    @staticmethod
    def _hold(form: Form, name: str, a: dict[str, str], kind: str) -> None:
        form.names.add(name)
        if kind in ("checkbox", "radio"):
            form.choices.setdefault(name, []).append(a.get("value", "on"))
            if "checked" in a:
                form.values.setdefault(name, []).append(a.get("value", "on"))
        elif kind != "file":
            form.values.setdefault(name, []).append(a.get("value", ""))

    def _on_select(self, a: dict[str, str], form: Form | None) -> None:
        if form is not None and "name" in a and "disabled" not in a:
            form.names.add(a["name"])
            self._select, self._first_option = (form, a["name"], "multiple" in a), None

    def _on_option(self, a: dict[str, str], _owner: Form | None) -> None:
        if self._select is None or "disabled" in a:
            return
        form, name, _ = self._select
        form.choices.setdefault(name, []).append(a.get("value", ""))
        if self._first_option is None:
            self._first_option = a.get("value", "")
        if "selected" in a:
            form.values.setdefault(name, []).append(a.get("value", ""))

    def _on_textarea(self, a: dict[str, str], form: Form | None) -> None:
        if form is not None and "name" in a:
            form.names.add(a["name"])
            self._area = (form, a["name"])
            self._into.append([])

    def _on_button(self, a: dict[str, str], form: Form | None) -> None:
        if form is not None and a.get("type", "submit") == "submit":
            self._button = (form, a.get("name", ""), a.get("value", ""))
            self._into.append([])

    def _on_a(self, a: dict[str, str], _owner: Form | None) -> None:
        self.links.append(Link(a.get("href", ""), ""))
        self._into.append([])

    def _on_h1(self, _a: dict[str, str], _owner: Form | None) -> None:
        self._into.append([])

    def handle_endtag(self, tag: str) -> None:
        while self._stack and self._stack.pop() != tag:
            pass
        if tag == "form":
            self._form = None
        elif tag == "select" and self._select is not None:
            form, name, many = self._select
            if not many and name not in form.values and self._first_option is not None:
                form.values[name] = [self._first_option]
            self._select = None
        elif tag == "textarea" and self._area is not None:
            form, name = self._area
            form.values.setdefault(name, []).append("".join(self._into.pop()).removeprefix("\n"))
            self._area = None
        elif tag == "button" and self._button is not None:
            form, name, value = self._button
            form.buttons.append((name, value, squeeze("".join(self._into.pop()))))
            self._button = None
        elif tag == "a" and self._into and self.links:
            self.links[-1].text = squeeze("".join(self._into.pop()))
        elif tag == "h1" and self._into:
            self.headings.append(squeeze("".join(self._into.pop())))

    def handle_data(self, data: str) -> None:
        if "title" in self._stack and "svg" not in self._stack:
            self.title += data
        for target in self._into:
            target.append(data)
        if not SILENT.intersection(self._stack) and self._area is None:
            self.text.append(data)


def squeeze(text: str) -> str:
    """Text with single spaces, as a reader sees it."""
    return " ".join(text.split())


class Page:
    """An answer, read the way a person reads it."""

    def __init__(self, visitor: "Visitor", response: TestResponse) -> None:
        self.visitor, self.response = visitor, response
        self.status = response.status_code
        self.headers = response.headers
        self.path = response.request.path
        self.address = response.request.full_path.rstrip("?")
        self.is_html = (response.mimetype or "").endswith("html")
        self.source = response.get_data(as_text=True) if self.is_html or (response.mimetype or "").startswith("text") else ""
        reader = _Reader()
        if self.is_html:
            reader.feed(self.source)
        self.title, self.forms, self.links = squeeze(reader.title), reader.forms, reader.links
        self.heading = reader.headings[0] if reader.headings else ""
        self.text = squeeze(" ".join(reader.text)) if self.is_html else squeeze(self.source)

    def __contains__(self, words: str) -> bool:
        return squeeze(words) in self.text

    def __repr__(self) -> str:
        return f"<{self.status} {self.address}: {self.text[:1500]}>"

    def form(self, which: str = "") -> Form:
        """The one form whose action, button or field is named ``which``; without a name, the only one that posts."""
        found = [f for f in self.forms if _matches(f, which)]
        if len(found) != 1:
            there = [(f.method, f.action, [b[2] for b in f.buttons]) for f in self.forms]
            raise AssertionError(f"{len(found)} forms match {which!r} on {self.address}; there are {there}")
        return found[0]

    def link(self, words: str) -> Link:
        """The first link with these words in it."""
        for candidate in self.links:
            if words in candidate.text:
                return candidate
        raise AssertionError(f"no link says {words!r} on {self.address}: {[x.text for x in self.links]}")

    def follow(self, words: str) -> "Page":
        """Open the link with these words."""
        return self.visitor.get(self.link(words).href)

    def submit(self, which: str = "", *, button: str = "", **values: Any) -> "Page":
        """Fill the form named ``which`` and send it; a field that is not on the form is an error of the test."""
        return self.visitor.submit(self, self.form(which), button=button, **values)


def _matches(form: Form, which: str) -> bool:
    if not which:
        return form.method == "post" and not form.action.endswith(("/sign-out", "/theme"))
    return which in form.action or which in form.names or any(which in (text, name) for name, _, text in form.buttons)


class Visitor:
    """One browser with its cookies."""

    def __init__(self, app: Flask, base: str = "http://127.0.0.1:8000") -> None:
        self.app, self.base = app, base
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, **kwargs: Any) -> Page:
        """Open an address and follow redirects."""
        return self._open("GET", path, follow_redirects=kwargs.pop("follow_redirects", True), **kwargs)

    def fragment(self, path: str, **kwargs: Any) -> Page:
        """Ask for a part of a page, as htmx does."""
        return self._open("GET", path, headers={"HX-Request": "true", "Sec-Fetch-Site": "same-origin"}, **kwargs)

    def post(self, path: str, data: Any = None, **kwargs: Any) -> Page:
        """Send without a form: what no page offers. Mostly useful to see it refused."""
        headers = FROM_PAGE | {"Origin": self.base} | kwargs.pop("headers", {})
        return self._open("POST", path, data=data, headers=headers, follow_redirects=kwargs.pop("follow_redirects", True), **kwargs)

    def submit(self, page: Page, form: Form, *, button: str = "", **values: Any) -> Page:
        """Send ``form`` of ``page`` with ``values`` typed in; redirects are followed."""
        data: dict[str, Any] = {name: list(held) for name, held in form.values.items()}
        for name, value in values.items():
            if name not in form.names:
                raise AssertionError(f"no field {name!r} on this form of {page.address}; there are {sorted(form.names)}")
            data[name] = _typed(form, name, value)
        for name, value, text in form.buttons:
            if name and (not button or button in (text, value)):
                data.setdefault(name, value)
                break
        target = form.action or page.address
        if form.method == "get":
            return self.get(target, query_string={k: v for k, v in data.items() if v != ""})
        return self.post(target, data)

    def _open(self, method: str, path: str, **kwargs: Any) -> Page:
        parts = urlsplit(path)
        if parts.netloc and f"{parts.scheme}://{parts.netloc}" != self.base:
            raise AssertionError(f"{path} leads to another host")
        address = parts.path + (f"?{parts.query}" if parts.query else "")
        # Buffered: read to the end and closed, as a browser does; a stored file would stay open otherwise.
        return Page(self, self.client.open(address, method=method, base_url=self.base, buffered=True, **kwargs))


def _typed(form: Form, name: str, value: Any) -> Any:
    if isinstance(value, (list, tuple)) and not (len(value) == 2 and hasattr(value[0], "read")):
        return [str(v) for v in value]
    if value is None:
        return []
    if value is True:
        return form.choices.get(name, ["y"])[:1]
    if value is False:
        return []
    return str(value) if isinstance(value, (int, float, str)) else value


def unescape(text: str) -> str:
    """HTML entities turned back, for looking at attributes."""
    return html.unescape(re.sub(r"\s+", " ", text))
