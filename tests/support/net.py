"""No test talks to anything beyond this machine: connections and look-ups elsewhere raise."""

import ipaddress
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

LOCAL_NAMES = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "", None}


class NetworkUsed(AssertionError):
    """A test, or the code under test, tried to leave this machine."""


def is_local(host: object) -> bool:
    """True for loopback addresses and names that always mean them."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in LOCAL_NAMES or (isinstance(name, str) and name.endswith(".localhost")):
        return True
    try:
        return ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return False


def _check(host: object) -> None:
    if not is_local(host):
        raise NetworkUsed(f"connection to {host!r}: tests stay on this machine")


@contextmanager
def loopback_only() -> Iterator[None]:
    """Refuse every connection and name look-up beyond loopback while the block runs."""
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _check(address[0])
        return connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _check(address[0])
        return connect_ex(self, address)

    def guarded_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        _check(host)
        return lookup(host, *args, **kwargs)

    with (
        mock.patch.object(socket.socket, "connect", guarded_connect),
        mock.patch.object(socket.socket, "connect_ex", guarded_connect_ex),
        mock.patch.object(socket, "getaddrinfo", guarded_lookup),
    ):
        yield


FIRST_PORT, PORTS_OF_A_WORKER = 20_000, 1_500
"""Below what systems hand to outgoing connections (from 32768 on Linux), which would take a port between our look and the server's start."""


def free_ports(number: int) -> int:
    """The first of ``number`` neighbouring free ports; the portal and its content host are neighbours. Each test process has a range of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    for _ in range(200):
        first = FIRST_PORT + worker * PORTS_OF_A_WORKER + secrets.randbelow(PORTS_OF_A_WORKER - number)
        if all(_is_free(first + step) for step in range(number)):
            return first
    raise RuntimeError(f"no {number} neighbouring free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
