"""Small mark-up in messages and articles, rendered to clean HTML: the only place that declares text safe.

Mistune renders and escapes, nh3 keeps a short list of elements and nothing else. Text of any length answers in a moment: beyond a
limit it is shown as plain paragraphs.
"""

import re
from collections.abc import Iterable
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from mistune import Markdown

LIMIT = 60_000
"""Characters that are read as mark-up."""
DEPTH = 6
"""Lists in lists, quotes in quotes."""

_TAGS = {"p", "br", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a", "h3", "h4", "hr"}
_SCHEMES = {"http", "https", "mailto"}


def render(text: str) -> Markup:
    """HTML of paragraphs, lists, links, emphasis, code and quotes; a line break stays one, headings become h3 and h4, pictures links."""
    if len(text) > LIMIT:
        return _paragraphs(text)
    import nh3

    html = str(_markdown()(text.encode(errors="ignore").decode().replace("\x00", "")))  # half characters are none
    return Markup(  # noqa: S704 - nh3 has just cleaned it
        nh3.clean(
            html,
            tags=_TAGS,
            attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
            url_schemes=_SCHEMES,
            link_rel="nofollow noopener",
            url_relative="deny",
        )
    )


_TAG = re.compile(r'(<[^>"]*(?:"[^"]*"[^>"]*)*>)')
_APART = re.compile(r"<(/?)(?:a|code|pre)[\s>]")


def linked(html: Markup, links: Iterable[tuple[str, str, str]]) -> Markup:
    """What :func:`render` gave, with words as links: (words, what is shown instead, address; without one it is no link). Links and code stay."""
    found = {str(words).translate(_ESCAPED): (shown, url) for words, shown, url in links if words}
    if not found:
        return html
    words = re.compile("(" + "|".join(re.escape(one) for one in sorted(found, key=len, reverse=True)) + r")(?!\w)")
    parts, apart = list[str](), 0
    for part in _TAG.split(str(html)):
        if mark := _APART.match(part):
            apart += -1 if mark.group(1) else 1
        parts.append(part if apart or part.startswith("<") else words.sub(lambda hit: _link(*found[hit.group(1)]), part))
    return Markup("").join(Markup(part) for part in parts)  # noqa: S704 - cleaned by render, and links whose parts are escaped


_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def _link(shown: str, url: str) -> str:
    return str(Markup('<a class="named" href="{}">{}</a>').format(url, shown) if url else Markup('<span class="named">{}</span>').format(shown))


def plain(text: str) -> str:
    """The words without the mark-up, for mail and previews; links keep their address in brackets, quotes their ``>``."""
    reader = _Words()
    reader.feed(str(render(text)))
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", reader.text()).strip()


def _paragraphs(text: str) -> Markup:
    escaped = str(escape(text.replace("\r\n", "\n").strip("\n")))
    split = re.sub(r"\n\n+", "</p><p>", escaped).replace("\n", "<br>\n").replace("</p><p>", "</p>\n<p>")
    return Markup(f"<p>{split}</p>")  # noqa: S704 - escaped above


@cache
def _markdown() -> "Markdown":
    import mistune

    class Renderer(mistune.HTMLRenderer):
        """Headings fit below a page's own, and a picture is never loaded from anywhere."""

        def heading(self, text: str, level: int, **attrs: Any) -> str:
            """The first two levels as h3, the others as h4."""
            return f"<h{3 if level < 3 else 4}>{text}</h{3 if level < 3 else 4}>\n"

        def image(self, text: str, url: str, title: str | None = None) -> str:
            """A link to what would have been a picture."""
            return self.link(text or url, url)

    markdown = mistune.create_markdown(escape=True, hard_wrap=True, renderer=Renderer(escape=True), plugins=["strikethrough", "url"])
    markdown.block.max_nested_level = DEPTH
    # Messages are no manuscripts: a line of dashes ends a thought, an indented line is no program, and nothing typed vanishes.
    for rule in ("setex_heading", "indent_code", "ref_link"):
        markdown.block.rules.remove(rule)
    return markdown


class _Words(HTMLParser):
    """Reads our own clean HTML back into text."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._lists: list[int | None] = []
        self._marks: list[int] = []
        self._href = ""
        self._code = False

    def text(self) -> str:
        """What was read so far."""
        return "".join(self._parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Openings that show in text: line breaks, list dots and numbers; links and quotes are remembered for their end."""
        if tag in ("br", "hr"):
            self._parts.append("\n")
        elif tag == "li":
            self._parts.append("\n" + "  " * (len(self._lists) - 1) + self._dot())
        elif tag in ("ul", "ol"):
            self._lists.append(int(dict(attrs).get("start") or 1) if tag == "ol" else None)
        elif tag in ("a", "blockquote"):
            self._href = dict(attrs).get("href") or ""
            self._marks.append(len(self._parts))
        self._code = self._code or tag == "pre"

    def _dot(self) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}. "

    def handle_endtag(self, tag: str) -> None:
        """Ends of paragraphs are empty lines; a link adds its address unless its words are the address."""
        if tag == "a":
            words = "".join(self._parts[self._marks.pop() :])
            if self._href and self._href.removeprefix("mailto:") != words:
                self._parts.append(f" ({self._href})")
        elif tag == "blockquote":
            mark = self._marks.pop()
            words = "".join(self._parts[mark:]).strip()
            self._parts[mark:] = ["\n".join(f"> {line}".rstrip() for line in words.split("\n")), "\n\n"]
        elif tag in ("ul", "ol"):
            self._lists.pop()
            self._parts.append("\n\n" if not self._lists else "")
        elif tag in ("p", "pre", "h3", "h4"):
            self._code = False
            self._parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        """Words stay; line feeds between elements are layout of the HTML only."""
        self._parts.append(data if self._code else data.strip("\n"))
