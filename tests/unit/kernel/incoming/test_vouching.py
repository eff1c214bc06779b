"""Whom a server vouches for: its own line, the topmost one, about this very sender."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.incoming.vouching import vouched

MARA = "Mara@marlow.example"
SERVER = "mx.marlow.example"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("mx.marlow.example; dmarc=pass header.from=marlow.example", True),
        ("MX.marlow.example 1; spf=none; dmarc=pass (p=reject (strict)) header.from=marlow.example", True),
        ("mx.marlow.example; dmarc=fail (p=none) header.from=marlow.example", False),
        ("mx.marlow.example; dmarc=pass header.from=evil.example", None),
        ("mx.marlow.example; dkim=pass header.d=marlow.example", True),
        ("mx.marlow.example; dkim=pass header.i=@marlow.example", True),
        ("mx.marlow.example; dkim=pass header.d=evil.example", None),
        ("mx.marlow.example; dkim=pass header.d=example", None),
        ("mx.marlow.example; dkim=fail header.d=marlow.example", None),
        ("mx.marlow.example; spf=pass smtp.mailfrom=bounce@marlow.example", True),
        ("mx.marlow.example; spf=pass smtp.mailfrom=marlow.example.evil.example", None),
        ("mx.marlow.example; auth=pass smtp.auth=mara@marlow.example", True),
        ("mx.marlow.example; auth=pass smtp.auth=leo@marlow.example", None),
        ("mx.marlow.example; dkim=pass header.d=marlow.example; dmarc=fail", True),
        ("mx.marlow.example; none", None),
        ("mx.marlow.example (dmarc=pass header.from=marlow.example)", None),
        ("mx.evil.example; dmarc=pass header.from=marlow.example", None),
        ("", None),
    ],
)
def test_what_a_line_says(line: str, answer: bool | None) -> None:
    """Pass for this domain, an outright fail, or nothing of use."""
    assert vouched([line], SERVER, MARA) is answer


def test_only_the_topmost_line_of_that_server_counts() -> None:
    """What stands below it was in the mail before."""
    good, bad = f"{SERVER}; dmarc=pass header.from=marlow.example", f"{SERVER}; dmarc=fail header.from=marlow.example"
    assert vouched(["other.example; dmarc=pass", bad, good], SERVER, MARA) is False
    assert vouched([good, bad], SERVER, MARA) is True
    assert vouched([good], "", MARA) is None
    assert vouched([good], SERVER, "") is None


@given(st.lists(st.text(max_size=200), max_size=5), st.text(max_size=40))
def test_no_line_breaks_it(lines: list[str], rest: str) -> None:
    """Whatever somebody writes there."""
    assert vouched([*lines, f"{SERVER};{rest}"], SERVER, MARA) in (True, False, None)
