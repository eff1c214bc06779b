"""House rules of the templates: strict content policy, words through gettext, words from the glossary, accessible forms."""

import re
import tomllib
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT, modules, none_of, sentences, templates, without_comments, without_jinja

MAIL = re.compile(r"(^|/)(_?mail/|mail[^/]*\.html$)")
MARKUP = [(name, text) for name, text in templates() if name.endswith(".html")]
PAGES = [(name, text) for name, text in MARKUP if not MAIL.search(name)]
"""What a browser shows; mails carry their styles inline, because mail programs know no sheets."""

FORBIDDEN = {
    r"tickets?": "request",
    r"users?": "person, you, requester, colleague",
    r"SLAs?": "promise",
    r"breach(es|ed)?": "late by",
    r"invalid": "say what would be right",
    r"hollow": "this reply will not stop the clock",
    r"resources?": "name the thing",
    r"watermelon": "name the two figures",
    r"OLAs?": "promise between departments",
}
"""Words that never meet a reader, and what stands in their place (spec/ui.md section 5, GLOSSARY)."""

SPOKEN = ("title", "placeholder", "aria-label", "alt", "aria-description", "data-confirm", "data-label")
PROPER = {"Hearth", "Ctrl", "Enter", "Esc", "Shift", "PNG", "PDF", "CSV", "kB", "MB", "UTC", "ics", "nbsp", "middot"}
"""Names and keys that stay the same in every language."""


def lines(pattern: str, text: str, flags: int = 0) -> Iterator[tuple[int, str]]:
    """(line number, found text) for every hit."""
    for hit in re.finditer(pattern, text, flags):
        yield text.count("\n", 0, hit.start()) + 1, " ".join(hit.group().split())[:100]


def offences(pattern: str, of: list[tuple[str, str]], flags: int = 0) -> list[str]:
    """Every hit of ``pattern`` in these templates."""
    return [f"{name}:{number} {hit}" for name, text in of for number, hit in lines(pattern, without_comments(text), flags)]


def test_there_are_templates() -> None:
    """An empty folder would pass everything."""
    assert len(MARKUP) > 5


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"\|\s*safe\b", "turns escaping off"),
        (r"\{%-?\s*autoescape", "turns escaping off"),
        (r"<[a-z][^>]*\son[a-z]+\s*=", "code in an attribute, refused by the content policy"),
        (r"<script(?![^>]*\bsrc=)", "code in the page, refused by the content policy"),
        (r"<style\b", "a style sheet in the page, refused by the content policy"),
        (r"\bhx-on\b|\bhx-vars\b|\bjs:", "needs eval, refused by the content policy"),
        (r"javascript:", "code in an address"),
        (r"(src|href|action)=\"https?://", "a foreign host"),
        (r"<a\b[^>]*target=\"_blank\"(?![^>]*noopener)", "lets the other page steer ours"),
        (r"<(marquee|blink|center|font|u|i)\b", "markup without meaning"),
        (r"tabindex=\"[1-9]", "breaks the order of the tab key"),
        (r"\bautofocus\b(?![^>]*data-reason)(?=[^>]*type=\"password\")", "jumps past what should be read first"),
    ],
)
def test_what_never_stands_in_a_page(pattern: str, reason: str) -> None:
    """Each of these breaks the content policy, the escaping or the keyboard."""
    found = offences(pattern, PAGES, re.IGNORECASE)
    assert not found, f"{reason}: {found}"


def test_styles_stand_in_sheets() -> None:
    """style= is refused by the content policy; widths of bars are drawing attributes. Mails must carry theirs inline."""
    none_of(offences(r"<[a-z][^>]*\sstyle\s*=", PAGES, re.IGNORECASE))


def test_every_page_has_a_title() -> None:
    """A page that extends a layout says what it is: "thing, place, Hearth"."""
    none_of([name for name, text in PAGES if parent(text) and not name.startswith("_layout/") and not titled(text)])


def parent(text: str) -> str | None:
    """The template that this one extends."""
    found = re.search(r"\{%-?\s*extends\s+\"([^\"]+)\"", text)
    return found.group(1) if found else None


def titled(text: str) -> bool:
    """True when this template, or one between it and the layout, says the title."""
    if re.search(r"\{%-?\s*block title\b", text):
        return True
    above = parent(text)
    return above is not None and not above.startswith("_layout/") and titled(dict(MARKUP)[above])


def test_every_changing_form_is_guarded() -> None:
    """A form that posts carries the token and the one-time key."""
    form = re.compile(r"<form\b[^>]*method=\"post\"[^>]*>.*?</form>", re.DOTALL | re.IGNORECASE)
    assert [
        f"{name}: {hit.group()[:80]}" for name, text in PAGES for hit in form.finditer(text) if not re.search(r"form_guard|csrf_token\(\)", hit.group())
    ] == []


def test_every_form_says_its_method() -> None:
    """GET by accident would put what was typed into the address."""
    none_of(offences(r"<form\b(?![^>]*\bmethod=)[^>]*>", PAGES, re.IGNORECASE))


def test_every_picture_has_its_words() -> None:
    """alt is there, and empty where the picture says nothing new."""
    none_of(offences(r"<img\b(?![^>]*\balt=)[^>]*>", PAGES, re.IGNORECASE))


def test_every_button_says_what_kind_it_is() -> None:
    """A button without a type submits whatever form it stands in."""
    none_of(offences(r"<button\b(?![^>]*\btype=)[^>]*>", PAGES, re.IGNORECASE))


def test_templates_stay_small() -> None:
    """At 150 lines a page becomes parts."""
    none_of([f"{name}: {text.count(chr(10))} lines" for name, text in MARKUP if text.count("\n") > 150])


def visible(text: str) -> Iterator[tuple[int, str]]:
    """(line, words) that stand in a template outside of expressions: text and spoken attributes."""
    bare = without_jinja(re.sub(r"\{%-?\s*block (body_class|[a-z_]*attrs?)\b.*?endblock.*?%\}", "", text, flags=re.DOTALL))
    bare = re.sub(r"<!--.*?-->|<(script|style|svg|code|kbd)\b.*?</\1>", lambda hit: "\n" * hit.group().count("\n"), bare, flags=re.DOTALL | re.IGNORECASE)
    for attribute in SPOKEN:
        for number, hit in lines(rf'\s{attribute}="[^"]*"', bare):
            yield number, hit.split("=", 1)[1].strip('"')
    words = re.sub(r"<[^>]*>", lambda hit: "\n" * hit.group().count("\n") or " ", bare)
    for number, line in enumerate(words.splitlines(), 1):
        yield number, line.strip()


def test_every_sentence_goes_through_gettext() -> None:
    """Words outside of _() and trans blocks cannot be translated."""
    loose = []
    for name, text in PAGES:
        for number, line in visible(text):
            words = [w for w in re.findall(r"[A-Za-z]{2,}", re.sub(r"&[a-z]+;", " ", line)) if w not in PROPER]
            if words:
                loose.append(f"{name}:{number} {line[:90]}")
    none_of(loose)


def said(text: str) -> Iterator[tuple[int, str]]:
    """(line, words) of everything a template says: literals in _(), trans blocks, and loose text."""
    for number, hit in lines(r"""\b(?:_|gettext|ngettext|_n)\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')(?:\s*,\s*("(?:[^"\\]|\\.)*"))?""", text):
        yield number, hit
    for number, hit in lines(r"\{%-?\s*trans\b.*?endtrans", text, re.DOTALL):
        yield number, re.sub(r"\{%-?\s*(trans|pluralize)[^%]*%\}|\{\{[^}]*\}\}", " ", hit)
    yield from visible(text)


WORDS = re.compile(r"(?<![%(\w.-])\b(" + "|".join(FORBIDDEN) + r")\b(?![\w(]|\)s)", re.IGNORECASE)


def offending(text: str) -> str | None:
    """The first forbidden word a reader would meet; SLA and OLA only in capitals."""
    for hit in WORDS.finditer(text):
        if hit.group().lower() in ("ola", "olas"):  # Ola Nilsen works in Facilities
            continue
        return hit.group()
    return None


def test_pages_use_our_words() -> None:
    """request instead of ticket, promise instead of SLA, late instead of breached."""
    none_of([f"{name}:{number} {offending(words)!r} in {words[:90]}" for name, text in templates() for number, words in said(text) if offending(words)])


def test_messages_use_our_words() -> None:
    """The same in what Python says."""
    none_of([f"{m.name}:{line} {offending(text)!r} in {text[:90]}" for m in modules() for text, line in sentences(m) if offending(text)])


def test_messages_are_whole_sentences_with_named_parts() -> None:
    """No %s, no f-string, no joined fragments: a translator sees the sentence and moves its parts."""
    none_of([f"{m.name}:{line} {text[:80]}" for m in modules() for text, line in sentences(m) if re.search(r"%[sd]|\{\w*\}", text)])


def test_no_exclamation_marks() -> None:
    """The portal does not shout (voice guide)."""
    shouting = [f"{m.name}:{line} {text[:80]}" for m in modules() for text, line in sentences(m) if "!" in text]
    shouting += [f"{name}:{number} {words[:80]}" for name, text in PAGES for number, words in said(text) if re.search(r"\w!", words)]
    none_of(shouting)


def texts(value: object, key: str = "") -> Iterator[str]:
    """Every text for readers in a TOML document: keys, icons and word lists for searching are for programs."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, key)
    elif isinstance(value, str) and key not in ("icon", "key", "slug", "name", "words", "keywords", "search", "synonyms") and " " in value:
        yield value


def test_the_shipped_content_uses_our_words() -> None:
    """Catalogue, help texts and demo conversations speak like the pages do."""
    found = []
    for path in sorted((ROOT / "portal" / "content").rglob("*.toml")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(ROOT)}: {offending(text)!r} in {text[:80]}" for text in texts(document) if offending(text)]
    none_of(found)
