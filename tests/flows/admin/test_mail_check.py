"""Ada looks whether mail is set up, and sends herself a mail that takes the way of all others."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask

from portal.kernel import return_address
from tests.support.net import free_ports

CHECK = "/administration/mail/check"


@contextmanager
def settings(app: Flask, **changes: Any) -> Iterator[None]:
    """Other settings for a while."""
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(before, **changes)
    try:
        yield
    finally:
        app.extensions["settings"] = before


class Relay:
    """A mail server that takes a mail, or nobody's."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refuses = False

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - the library's name
        """Accept the recipient or not."""
        if self.refuses:
            return "550 5.1.1 nobody of that name here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Take the message."""
        self.taken.append(envelope)
        return "250 2.0.0 Ok: queued"


@pytest.fixture
def relay(app: Flask) -> Iterator[Relay]:
    """A mail server on this machine, and the portal told to use it."""
    stub = Relay()
    controller = Controller(stub, hostname="127.0.0.1", port=free_ports(1))
    controller.start()
    with settings(app, smtp_url=f"smtp://127.0.0.1:{controller.port}", mail_from="hearth@marlow.example"):
        yield stub
    controller.stop(no_assert=True)


def test_what_can_be_seen_from_here(app: Flask, world: Any, sign_in: Any) -> None:
    """A portal without a mail server says so, and what needs a name server is not claimed."""
    page = sign_in(world.ada).get(CHECK)
    for words in ("No smtp_url is set", "localhost, which no other mail server believes", "Not checked", "asks no name server", "No mail went out so far."):
        assert words in page.text
    with settings(app, smtp_url="smtps://name:secret@relay.marlow.example", mail_from="hearth@marlow.example", base_url="https://portal.other.example"):
        page = sign_in(world.ada).get(CHECK)
    assert "handed to relay.marlow.example, encrypted from the start" in page.text
    assert "must be allowed to write for it" in page.text
    assert "secret" not in page.source


def test_a_test_mail_goes_out_and_shows_how_it_fared(world: Any, relay: Relay, sign_in: Any, run_jobs: Any) -> None:
    """Waiting, then sent, from an address of its own, and the page says so."""
    ada = sign_in(world.ada)
    page = ada.get(CHECK).submit(CHECK)
    assert "It is on its way." in page.text
    assert "Your test mail to ada" in page.text
    assert "Waiting" in page.text
    run_jobs()
    (envelope,) = relay.taken
    assert envelope.rcpt_tos == [world.ada.email]
    assert return_address.HEADER.encode() in envelope.content
    assert envelope.mail_from.startswith("b+")
    page = ada.get(CHECK)
    assert "Your test mail" in page.text
    assert "The last mail went out:" in page.text


def test_a_test_mail_that_nobody_takes(world: Any, relay: Relay, sign_in: Any, run_jobs: Any) -> None:
    """The words of the server stand beside it."""
    relay.refuses = True
    ada = sign_in(world.ada)
    ada.get(CHECK).submit(CHECK)
    run_jobs()
    page = ada.get(CHECK)
    assert "Came back" in page.text
    assert "nobody of that name here" in page.text


def test_without_a_mail_server_it_is_kept(world: Any, sign_in: Any, run_jobs: Any) -> None:
    """And can be read."""
    ada = sign_in(world.ada)
    ada.get(CHECK).submit(CHECK)
    run_jobs()
    assert "Kept here" in ada.get(CHECK).text


def test_it_is_for_administrators(world: Any, sign_in: Any) -> None:
    """Neither HR nor a lead."""
    for who in (world.elena, world.priya):
        assert sign_in(who).get(CHECK).status == 403
