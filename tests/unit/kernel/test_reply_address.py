"""Addresses that say what an answer is about: genuine ones are read whatever happened to their case, others are nothing."""

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel import reply_address
from portal.kernel.reply_address import ReplyTo


@pytest.fixture(scope="module")
def app() -> Flask:
    """Just enough of a portal to sign with."""
    from portal.kernel.settings import load

    small = Flask("small")
    small.secret_key = "x" * 40
    small.extensions["settings"] = load({}, mail_from="desk@marlow.example")
    return small


@given(number=st.integers(1, 2**31 - 1), person=st.integers(1, 2**31 - 1))
def test_every_address_is_read_back(app: Flask, number: int, person: int) -> None:
    """In capitals too, and the same token from the line in a quoted mail; it fits into a local part."""
    with app.app_context():
        address = reply_address.make("desk.request", number, person)
        expected = ReplyTo("desk.request", number, person)
        assert reply_address.read(address) == reply_address.read(address.upper()) == expected
        assert reply_address.tokens_in(f"> Leave this line in [ref:{reply_address.token('desk.request', number, person)}]") == (expected,)
        assert len(address.partition("@")[0]) <= 64


@given(place=st.integers(0, 33), letter=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_letter_is_nothing(app: Flask, place: int, letter: str) -> None:
    """Neither another number nor another person can be made out of a genuine one."""
    with app.app_context():
        token = reply_address.token("desk.request", 4127, 12)
        forged = token[:place] + letter + token[place + 1 :]
        found = reply_address.read(f"reply+{forged}@marlow.example")
        # The last letter carries two bits that no byte uses.
        assert found is None if forged[:33] != token[:33] else found in (None, ReplyTo("desk.request", 4127, 12))


@given(text=st.text(max_size=200))
def test_any_text_is_read_without_an_error(app: Flask, text: str) -> None:
    """As an address and as a mail."""
    with app.app_context():
        assert reply_address.read(f"reply+{text}@x") is None
        assert reply_address.tokens_in(text) == ()


def test_another_portal_reads_nothing(app: Flask) -> None:
    """The key is the instance's own."""
    other = Flask("other")
    other.secret_key = "y" * 40
    with app.app_context():
        address = reply_address.make("desk.request", 1, 1)
    with other.app_context():
        assert reply_address.read(address) is None
