"""A mail server of the test that takes everything, and counts who came."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.support.net import free_ports


@dataclass
class Sink:
    """What arrived, and how many connections there were."""

    url: str = ""
    connections: int = 0
    taken: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Take the message."""
        self.taken.append(envelope.content)
        return "250 taken"


class _Counting(Controller):
    def factory(self) -> SMTP:
        self.handler.connections += 1
        return SMTP(self.handler, **self.SMTP_kwargs)


def running() -> Iterator[Sink]:
    """A sink that listens."""
    sink = Sink()
    controller = _Counting(sink, hostname="127.0.0.1", port=free_ports(1))
    controller.start()
    # The controller looks once whether its own server answers.
    sink.url, sink.connections = f"smtp://127.0.0.1:{controller.port}", 0
    yield sink
    controller.stop(no_assert=True)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server on this machine."""
    yield from running()
