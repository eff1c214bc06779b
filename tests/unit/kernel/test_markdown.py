"""Small mark-up: what people write looks as they mean it, nothing runs, nothing is loaded, nothing takes long."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.markdown import LIMIT, plain, render

ALLOWED = {"p", "br", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a", "h3", "h4", "hr"}


class Elements(HTMLParser):
    """Every element and attribute that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def check_harmless(html: str) -> None:
    for tag, attributes in Elements(html).found:
        assert tag in ALLOWED
        assert set(attributes) <= ({"href", "rel"} if tag == "a" else {"start"} if tag == "ol" else set())
        if "href" in attributes:
            assert re.match(r"(https?:|mailto:)", str(attributes["href"]), re.IGNORECASE)
            assert attributes["rel"] == "nofollow noopener"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Cold since Monday.\nStill cold.", "<p>Cold since Monday.<br>\nStill cold.</p>\n"),
        ("One.\n\nTwo.", "<p>One.</p>\n<p>Two.</p>\n"),
        ("**now** and *soon* and ~~never~~", "<p><strong>now</strong> and <em>soon</em> and <del>never</del></p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>\n'),
        ("> cold", "<blockquote>\n<p>cold</p>\n</blockquote>\n"),
        ("`a < b`", "<p><code>a &lt; b</code></p>\n"),
        ("```\n<b>\n  x\n```", "<pre><code>&lt;b&gt;\n  x\n</code></pre>\n"),
        ("# Big", "<h3>Big</h3>\n"),
        ("### Small", "<h4>Small</h4>\n"),
        (
            "See https://a.example/x?y=1&z=2",
            '<p>See <a href="https://a.example/x?y=1&amp;z=2" rel="nofollow noopener">https://a.example/x?y=1&amp;z=2</a></p>\n',
        ),
        ("[plan](https://a.example)", '<p><a href="https://a.example" rel="nofollow noopener">plan</a></p>\n'),
        ("[Mara](mailto:mara@marlow.example)", '<p><a href="mailto:mara@marlow.example" rel="nofollow noopener">Mara</a></p>\n'),
        ("![stove](https://a.example/x.png)", '<p><a href="https://a.example/x.png" rel="nofollow noopener">stove</a></p>\n'),
        ("#4127 is mine, 5 < 6 & 7", "<p>#4127 is mine, 5 &lt; 6 &amp; 7</p>\n"),
        ("Regards\n---", "<p>Regards</p>\n<hr>\n"),
        ("[1]: https://a.example", '<p>[1]: <a href="https://a.example" rel="nofollow noopener">https://a.example</a></p>\n'),
        ("     far right", "<p>far right</p>\n"),
        ("&amp; &lt;b&gt;", "<p>&amp;amp; &amp;lt;b&amp;gt;</p>\n"),
        ("", ""),
    ],
)
def test_what_is_written_looks_as_it_is_meant(text: str, html: str) -> None:
    """Paragraphs, breaks, emphasis, lists, quotes, code, links; request numbers and signatures stay words."""
    assert str(render(text)) == html


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<style>input[value^=a]{background:url(//evil)}</style>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "[x](//evil.example)",
    "[x](/sign-out)",
    '[x](https://a.example "onmouseover=alert(1)")',
    '[x](https://a.example"onmouseover="alert(1))',
    '<https://a.example/"onmouseover=alert(1)>',
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    '![" onerror="alert(1)](x)',
    "`<script>`",
    '```"><script>alert(1)</script>\nx\n```',
    "```html onload=alert(1)\n<b>\n```",
    "<!-- --><script>",
    "<a href='https://a.example' style='position:fixed'>x</a>",
    "\x00<script>\x00",
    "{{ 7*7 }} ${7*7} {% import os %}",
    "<p class='btn'>x</p>",
    "&#60;script&#62;",
    "**<b onclick=x>**",
    "> <form action=//evil><input name=password>",
    "- <base href=//evil>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_survives(text: str) -> None:
    """Elements from the short list only, no attributes but checked links, and template marks stay letters."""
    check_harmless(str(render(text)))
    assert "49" not in str(render(text))


@given(st.text(alphabet=st.one_of(st.sampled_from(list("<>&\"'`*_~[]()!#-+=|\\/:. \n\tabjs01")), st.characters()), max_size=300))
def test_no_text_at_all_gets_out(text: str) -> None:
    """Whatever is typed, in both forms."""
    check_harmless(str(render(text)))
    plain(text)


@given(st.lists(st.sampled_from(["Mara", "radiator", "14", "cold", "since", "Monday"]), min_size=1, max_size=40))
def test_words_are_never_lost(words: list[str]) -> None:
    """Ordinary sentences come out word for word."""
    text = " ".join(words)
    assert Elements(str(render(text))).words.split() == words
    assert plain(text) == text


PATTERNS = [
    "[",
    "*a ",
    "**a",
    "`",
    "`a ",
    ">",
    "> ",
    "- ",
    "![",
    "[a](",
    "<",
    "<a ",
    "http://",
    "_a_",
    "~~~\n",
    " ",
    "\n",
    "a",
    "]",
    "[a]: <\n",
    "1. a\n",
    "-\n",
    "&",
    "\\",
    "[x](<",
]
PATTERNS += ["|a|\n", "# \n", "a\n=", "\t", "<!--", "[a][", "***a", "a@", "<http:", "~~a", "\n> - ", "([", "*_", "- a\n\n", "\r", "\x00", "é"]


@pytest.mark.real_clock
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("size", [LIMIT, 1_000_000])
def test_a_megabyte_of_anything_takes_a_second_or_so(pattern: str, size: int) -> None:
    """The longest text that is read as mark-up, and a megabyte that is not."""
    text = pattern * (size // len(pattern))
    begun = time.process_time()
    check = str(render(text))
    assert time.process_time() - begun < 3, "linear, so that a bomb takes seconds at most and not hours"
    assert check is not None


@pytest.mark.parametrize("level", range(1, 40, 6))
def test_depth_is_bounded(level: int) -> None:
    """Lists in lists in lists neither recurse without end nor break the page."""
    nested = "\n".join("  " * depth + "- a" for depth in range(level)) + "\n" + ">" * level + " b"
    check_harmless(str(render(nested)))


def test_text_beyond_the_limit_is_still_shown_safely() -> None:
    """As paragraphs, every letter of it."""
    text = "<script>alert(1)</script> **x**\r\nnext\n\n\nlast\n" * 2000
    html = str(render(text))
    check_harmless(html)
    assert Elements(html).words.split() == text.split()
    assert html.startswith("<p>&lt;script&gt;alert(1)&lt;/script&gt; **x**<br>\nnext</p>\n<p>last<br>\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi **Jonas**,\nit is *cold*.", "Hi Jonas,\nit is cold."),
        ("- a\n- b\n  - c\n\nend", "- a\n- b\n  - c\n\nend"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("> so\n> cold\n\nyes", "> so\n> cold\n\nyes"),
        ("[plan](https://a.example) https://b.example", "plan (https://a.example) https://b.example"),
        ("[mara@marlow.example](mailto:mara@marlow.example)", "mara@marlow.example"),
        ("[x](javascript:y)", "x"),
        ("`a < b` & <b>", "a < b & <b>"),
        ("# Head\ntext", "Head\n\ntext"),
        ("```\na\n\n  b\n```", "a\n\n  b"),
        ("", ""),
    ],
)
def test_the_same_words_without_marks(text: str, words: str) -> None:
    """For mail and previews: links keep their address, quotes their mark, lists their dots."""
    assert plain(text) == words
