"""What every page of the portal must satisfy, read from its markup the way a browser and a screen reader do."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from tests.support.client import SILENT, VOID, Page, squeeze

FORBIDDEN = re.compile(r"\b((?i:tickets?|users?|breach(es|ed)?|invalid|hollow|resources?|watermelon)|SLAs?|OLAs?)\b")
"""Words that never meet a reader (spec/ui.md section 5)."""
PEOPLE_SAID = ("Two tickets, the second one was cheaper", "Which of the two train tickets was it")
"""What people of the world wrote themselves."""
PLACEHOLDERS = re.compile(
    r"%\([a-z_]+\)[sd]|\{\{|\}\}|\{%|<(?:Markup|Message|function|bound method|object)|: None\b|\bNone, |\bundefined\b|lorem ipsum|\bTODO\b"
)
"""What a sentence shows when a name or a translation is missing."""
UNLABELLED = {"hidden", "submit", "image", "button", "reset"}
OWN_WORDS = ("aria-label", "aria-labelledby", "title")


class _Markup(HTMLParser):
    """Collects what the rules ask about in one pass."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.h1, self.ids, self.labels = 0, list[str](), set[str]()
        self.fields: list[tuple[str, dict[str, str], bool]] = []
        self.pressed: list[tuple[str, dict[str, str], list[str]]] = []
        self.addresses: list[str] = []
        self.text: list[str] = []
        self.spoken: list[str] = []
        self.forms: list[dict[str, str]] = []
        self._stack: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._stack.append(tag)
        if "id" in a:
            self.ids.append(a["id"])
        self.spoken += [a[name] for name in ("title", "placeholder", "aria-label", "alt") if a.get(name)]
        self.h1 += tag == "h1"
        if tag == "label" and "for" in a:
            self.labels.add(a["for"])
        if tag == "form":
            self.forms.append(a)
        if tag in ("input", "select", "textarea") and a.get("type", "text").lower() not in UNLABELLED:
            self.fields.append((tag, a, "label" in self._stack[:-1] or (tag in VOID and "label" in self._stack)))
        if tag in ("a", "button"):
            self.pressed.append((tag, a, []))
        if tag == "a" and "href" in a:
            self.addresses.append(a["href"])
        if tag == "img":
            self._say(a.get("alt", ""))
        if a.get("aria-label"):
            self._say(a["aria-label"])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._stack.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._stack and self._stack.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style", "template"}.intersection(self._stack):
            self._say(data)
        if not SILENT.intersection(self._stack):
            self.text.append(data)

    def _say(self, words: str) -> None:
        if self.pressed and self.pressed[-1][0] in self._stack:
            self.pressed[-1][2].append(words)


def faults(page: Page, *, whole: bool = True) -> Iterator[str]:
    """Everything a page does not satisfy; ``whole`` is false for parts of pages."""
    markup = read(page)
    if whole:
        yield from _of_whole(page, markup)
    doubled = {name for name in markup.ids if markup.ids.count(name) > 1}
    if doubled:
        yield f"the same id twice: {sorted(doubled)}"
    for tag, a, inside in markup.fields:
        if not inside and a.get("id") not in markup.labels and not any(a.get(name) for name in OWN_WORDS):
            yield f"no label for <{tag} name={a.get('name')!r}>"
    for tag, a, words in markup.pressed:
        if not squeeze("".join(words)) and not any(a.get(name) for name in OWN_WORDS):
            yield f"nothing to read on <{tag} {a}>"
        if tag == "a" and a.get("href", "") in ("", "#"):
            yield f"a link to nowhere: {squeeze(''.join(words))!r}"
    yield from _of_words(markup)


def _of_whole(page: Page, markup: _Markup) -> Iterator[str]:
    if markup.h1 != 1:
        yield f"{markup.h1} main headings"
    parts = page.title.split(", ")
    if len(parts) < 2 or not all(parts) or parts[-1] not in ("Hearth", "Marlow Cycles"):
        yield f"the title does not say thing, place, Hearth: {page.title!r}"
    if 'lang="' not in page.source[:400]:
        yield "no language"


def _of_words(markup: _Markup) -> Iterator[str]:
    said = squeeze(" ".join([*markup.text, *markup.spoken]))
    for own in PEOPLE_SAID:
        said = said.replace(own, "")
    for kind, pattern in (("a forbidden word", FORBIDDEN), ("a placeholder", PLACEHOLDERS)):
        for hit in pattern.finditer(said):
            yield f"{kind}: {said[max(0, hit.start() - 40) : hit.end() + 20]!r}"


def read(page: Page) -> _Markup:
    """The markup of a page, taken apart."""
    markup = _Markup()
    markup.feed(page.source)
    return markup


def links(page: Page) -> set[str]:
    """Addresses inside the portal that a page leads to."""
    return {address.split("#")[0] for address in read(page).addresses if address.startswith("/") and not address.startswith("//")} - {""}
