"""The text of an HTML body: nh3 first makes a small clean tree of whatever came, then its tags become line breaks and quote marks.

Python's own parser alone takes quadratic time on broken markup; after nh3 there is none left.
"""

import re
from collections import Counter
from html.parser import HTMLParser

import nh3

LONGEST = 600_000
"""Characters of HTML that are read, without pictures inside of it and what is for programs."""
LARGEST = 20_000_000
DEEPEST = 40
"""Levels of quotes that are marked."""
DEEPEST_TREE = 1_000

_TAGS = {
    *("p", "div", "br", "hr", "ul", "ol", "li", "blockquote", "pre", "table", "tr", "td", "th", "a", "img"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "address", "section", "article", "header", "footer", "dl", "dt", "dd", "caption", "tbody", "thead", "span"),
}
_SILENT = {"script", "style", "head", "title", "template", "noscript", "object", "iframe", "svg", "math", "select", "textarea", "audio", "video"}
_BLOCKS = _TAGS - {"br", "hr", "td", "th", "a", "img", "span", "li"}
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|opacity\s*:\s*0(?:\.0*)?(?![.\d])|font-size\s*:\s*0(?![.\d])|max-height\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_QUOTE_CLASSES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "zmail_extra", "tutanota_quote")
_PICTURE = re.compile(r"data:[a-z]{1,20}/[^\s\"'<>]{100,}", re.IGNORECASE)
_FOR_PROGRAMS = ((re.compile(r"<!--(?!\[if !mso\]>)"), re.compile(r"-->")), (re.compile(r"<style\b", re.IGNORECASE), re.compile(r"</style\s*>", re.IGNORECASE)))
_VOID = {"br", "hr", "img"}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_NEVER_OPEN = _VOID | {"meta", "link", "input", "base", "col", "wbr", "source", "area", "p", "li", "td", "tr", "th", "option", "dt", "dd", "font", "o:p"}
"""Tags that end by themselves, or that people leave open without harm."""


def text_of(markup: str) -> str:
    """What a person sees of HTML, as text: paragraphs as lines, quotes with ``>``, links with their address; linear in its length."""
    attributes = {"*": {"style", "class", "hidden", "id"}, "a": {"href"}, "img": {"alt"}, "blockquote": {"type", "cite"}}
    small = _flat(_lighter(markup)[:LONGEST])
    clean = nh3.clean(small, tags=_TAGS, clean_content_tags=_SILENT, attributes=attributes, url_schemes={"http", "https", "mailto", "tel"}, link_rel=None)
    reader = _Reader()
    reader.feed(clean)
    reader.close()
    return reader.text()


def _lighter(markup: str) -> str:
    # One picture that was pasted in may be larger than all words of a year; they stand behind it.
    if len(markup) <= LONGEST:
        return markup
    markup = _PICTURE.sub("data:", markup[:LARGEST])
    for begins, ends in _FOR_PROGRAMS:
        markup = _without(markup, begins, ends)
    return markup


def _without(markup: str, begins: re.Pattern[str], ends: re.Pattern[str]) -> str:
    kept, at = [], 0
    while (start := begins.search(markup, at)) and (end := ends.search(markup, start.end())):
        kept.append(markup[at : start.start()])
        at = end.end()
    return "".join((*kept, markup[at:]))


def _flat(markup: str) -> str:
    # Real mail nests tables some ten deep. A bomb of a hundred thousand open tags would cost the tree builder its stack.
    if markup.count("&") > 50_000:
        markup = markup.replace("&", " ")  # Python's reader looks at each of them anew
    opened: Counter[str] = Counter()
    depth = 0
    for ending, tag in _TAG.findall(markup):
        name = tag.lower()
        if not ending and name not in _NEVER_OPEN:
            opened[name] += 1
            depth += 1
        elif ending and opened[name]:
            opened[name] -= 1
            depth -= 1
        if depth > DEEPEST_TREE:
            return re.sub(r"<[^<>]{0,2000}>", " ", markup).replace("<", " ")
    return markup


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quotes = 0
        self._pre = 0
        self._open: list[tuple[str, str]] = []  # tag, and what its end undoes
        self._hidden = 0
        self._link: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _VOID:
            self._void(tag, given)
            return
        effect = self._effect(tag, given)
        if tag in _BLOCKS:
            self._break()
        self._open.append((tag, effect))
        if effect == "hide":
            self._hidden += 1
        elif effect == "quote":
            self._quotes += 1
        elif tag == "pre":
            self._pre += 1
        elif tag == "a":
            self._link.append((given.get("href", ""), len(self._line)))
        elif tag == "li":
            self._break()
            self._line.append("- ")
        elif tag in ("td", "th") and self._line:
            self._line.append("  ")

    def _effect(self, tag: str, given: dict[str, str]) -> str:
        if "hidden" in given or _HIDDEN.search(given.get("style", "")[:500]):
            return "hide"
        quoted = tag == "blockquote" and (given.get("type") == "cite" or "cite" in given or "gmail_quote" in given.get("class", ""))
        return "quote" if quoted or (tag == "blockquote" and "border-left" in given.get("style", "")) else ""

    def _void(self, tag: str, given: dict[str, str]) -> None:
        if tag == "img":
            self._say(given.get("alt", "")[:200])
        elif tag == "br":
            self._break(always=True)
        else:
            self._break()
            self._say("_" * 32)
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or not any(name == tag for name, _ in self._open[-60:]):
            return
        while self._open:
            name, effect = self._open.pop()
            self._leave(name, effect)
            if name == tag:
                return

    def _leave(self, tag: str, effect: str) -> None:
        if tag in _BLOCKS or tag in ("li", "tr"):
            self._break(always=tag in ("p", "h1", "h2", "h3", "h4", "h5", "h6") and not effect)
        if effect == "hide":
            self._hidden -= 1
        elif effect == "quote":
            self._quotes -= 1
        elif tag == "pre":
            self._pre -= 1
        elif tag == "a" and self._link:
            self._leave_link(*self._link.pop())

    def _leave_link(self, address: str, start: int) -> None:
        shown = "".join(self._line[start:]).strip()
        bare = address.removeprefix("mailto:").removeprefix("tel:")
        if shown and bare and not self._hidden and len(bare) <= 500 and bare.rstrip("/") not in (shown.rstrip("/"), f"http://{shown}", f"https://{shown}"):
            self._line.append(f" ({bare})")

    def handle_data(self, data: str) -> None:
        if self._pre:
            for place, piece in enumerate(data.split("\n")):
                if place:
                    self._break(always=True)
                self._say(piece)
            return
        words = re.sub(r"[ \t\r\n\f]+", " ", data)
        self._say(words.lstrip() if not self._line else words)

    def _say(self, words: str) -> None:
        if words and not self._hidden:
            self._line.append(words)

    def _break(self, *, always: bool = False) -> None:
        line = "".join(self._line).rstrip()
        if line == "--" and not self._quotes:
            line = "-- "  # the mark of a signature
        self._line = []
        self._link = [(address, 0) for address, _ in self._link]
        if line or (always and not self._hidden):
            marks = "> " * min(self._quotes, DEEPEST)
            self._lines.append(f"{marks}{line}" if line == "-- " else f"{marks}{line}".rstrip())

    def text(self) -> str:
        """Everything that was said, with at most two empty lines in a row."""
        self._break()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip("\n")
