"""Where mail comes back to: only an address that we made says which mail it was."""

import pytest
from flask import Flask

from portal.kernel import return_address


def test_the_address_of_a_mail_leads_back_to_it(context: Flask) -> None:
    """Short, in whatever case it comes back, also in brackets."""
    made = return_address.make(4127, "marlow.example")
    assert len(made.partition("@")[0]) <= 24
    for spelled in (made, made.upper(), f"<{made}>", made.replace("marlow", "other")):
        assert return_address.read(spelled) == 4127
    assert return_address.opened(return_address.token(2**31)) == 2**31


def test_nobody_else_can_make_one(context: Flask) -> None:
    """Every changed letter, another number, something else before it, and an answer address are nothing."""
    made = return_address.token(7)
    for place in range(len(made) - 1):
        forged = made[:place] + ("a" if made[place] != "a" else "b") + made[place + 1 :]
        assert return_address.opened(forged) is None
    assert return_address.read(f"rob+{made}@marlow.example") is None
    assert return_address.read("b+@marlow.example") is None
    assert return_address.opened("no/thing?") is None


@pytest.mark.parametrize("text", ["", "b+" + "a" * 20 + "@x", "b+" + "7" * 500 + "@x", "ä+b@x"])
def test_garbled_ones_are_nothing(context: Flask, text: str) -> None:
    """Never an error."""
    assert return_address.read(text) is None
