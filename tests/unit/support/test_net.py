"""The guard of the tests themselves: nothing leaves this machine, and time stands still."""

import socket
from datetime import UTC, datetime

import pytest

from tests.support.net import NetworkUsed, free_ports, is_local
from tests.support.story import STORY


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "box.localhost", "127.8.8.8", b"localhost"])
def test_this_machine_may_be_talked_to(host: object) -> None:
    """Loopback addresses and names are what live servers listen on."""
    assert is_local(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "10.0.0.1", "example.org", "2001:db8::1", "169.254.169.254"])
def test_anything_else_raises_before_a_packet_leaves(host: str) -> None:
    """Connections and look-ups alike."""
    assert not is_local(host)
    with pytest.raises(NetworkUsed):
        socket.create_connection((host, 80), timeout=0.1)


def test_neighbouring_ports_are_free() -> None:
    """Portal, content host and box listen side by side."""
    first = free_ports(3)
    for step in range(3):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", first + step))


def test_it_is_always_the_tuesday_of_the_story() -> None:
    """10:00 in Berlin, and it stays 10:00."""
    assert datetime.now(UTC) == STORY
    assert datetime.now(UTC) == STORY
