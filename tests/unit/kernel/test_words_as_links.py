"""Words of a text as links: in the text alone, never inside of a mark, a link or code, and always escaped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from portal.kernel.markdown import linked, render
from tests.unit.kernel.test_markdown import check_harmless

KIM = ("@Kim", "@Kim Larsen", "/people/MC-2")


@pytest.mark.parametrize(
    ("text", "links", "html"),
    [
        ("Ask @Kim.", [KIM], '<p>Ask <a class="named" href="/people/MC-2">@Kim Larsen</a>.</p>\n'),
        ("**@Kim**", [KIM], '<p><strong><a class="named" href="/people/MC-2">@Kim Larsen</a></strong></p>\n'),
        ("@Kimberley", [KIM], "<p>@Kimberley</p>\n"),
        ("`@Kim` and @Kim", [("@Kim", "@K", "")], '<p><code>@Kim</code> and <span class="named">@K</span></p>\n'),
        ("@Kim Moreau, @Kim", [KIM, ("@Kim Moreau", "@M", "")], '<p><span class="named">@M</span>, <a class="named" href="/people/MC-2">@Kim Larsen</a></p>\n'),
        ("@A & B", [("@A & B", "<b>", "")], '<p><span class="named">&lt;b&gt;</span></p>\n'),
        ("nobody", [], "<p>nobody</p>\n"),
        ("nobody", [("", "x", "y")], "<p>nobody</p>\n"),
    ],
)
def test_words_become_links(text: str, links: list[tuple[str, str, str]], html: str) -> None:
    """The longest words first, in bold as well, and names of others stay."""
    assert str(linked(render(text), links)) == html


def test_addresses_and_links_stay_as_they_are() -> None:
    """A name in an address or in the words of a link is no name."""
    html = str(linked(render('[see @Kim](https://a.example/@Kim "@Kim") https://b.example/@Kim'), [KIM]))
    assert "/people/MC-2" not in html
    assert 'href="https://b.example/@Kim"' in html


@given(
    st.text(alphabet="<>\"'&@Kim`*[]()\\n/:= ahref", max_size=120),
    st.text(alphabet="<>\"'&@Ki ", min_size=1, max_size=12),
    st.text(alphabet="<>\"'&Ki", max_size=12),
)
def test_nothing_breaks_out(text: str, words: str, shown: str) -> None:
    """Whatever the text, the words and the name say, the page holds text and our own link."""
    html = linked(render(text), [(words, shown, "/people/1")])
    assert isinstance(html, Markup)
    check_harmless(str(html).replace(' class="named" href="/people/1"', ""))
