"""`portal serve`: waitress on sockets of ours, one for the portal and one for uploads, with a drain at the end.

Waitress drops running requests on SIGTERM; here the listening sockets go first and what was begun is answered.
Sockets may be inherited (LISTEN_FDS, as systemd hands them over), so a restart refuses nobody.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import structlog
from waitress import wasyncore
from waitress.server import create_server

from portal.kernel.settings import Settings, SettingsError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DRAIN = 20.0
FIRST_INHERITED = 3
log = structlog.get_logger(__name__)


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every loopback or local address ``host`` stands for; raises SettingsError when the port is taken."""
    found: list[socket.socket] = []
    for family, kind, proto, _, address in sorted(set(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))):
        bound = socket.socket(family, kind, proto)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            bound.bind(address)
        except OSError as error:
            bound.close()
            if family == socket.AF_INET6 and found:
                continue  # a machine without IPv6 loopback still resolves the name
            raise SettingsError(f"Port {port} on {host} cannot be used ({error.strerror}). Choose another one with --port.") from error
        found.append(bound)
    return found


def inherited() -> list[socket.socket]:
    """Sockets handed over by the service manager, the portal's first; empty when there are none."""
    if os.environ.get("LISTEN_PID") not in (None, str(os.getpid())):
        return []
    return [socket.socket(fileno=FIRST_INHERITED + n) for n in range(int(os.environ.get("LISTEN_FDS") or 0))]


def dispatcher(portal: "WSGIApplication", content: "WSGIApplication", content_ports: set[str]) -> "WSGIApplication":
    """One application for both listeners: the socket a request came in on decides, never its Host header."""

    def dispatch(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        app = content if environ["SERVER_PORT"] in content_ports else portal
        return app(environ, start_response)

    return dispatch


class Server:
    """The listening sockets, their threads, and an orderly end."""

    def __init__(self, portal: "WSGIApplication", content: "WSGIApplication", settings: Settings) -> None:
        self.settings = settings
        taken = inherited()
        self._portal_sockets = taken[:1] or listen(settings.host, settings.port)
        self._content_sockets = taken[1:] or self._listen_for_content()
        ports = {str(s.getsockname()[1]) for s in self._content_sockets}
        self._map: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._server = create_server(
            dispatcher(portal, content, ports),
            map=self._map,
            sockets=self._portal_sockets + self._content_sockets,
            threads=settings.threads,
            connection_limit=4000,
            asyncore_use_poll=True,
            channel_timeout=60,
            max_request_body_size=settings.upload_limit_mb * 1_000_000 + 2_000_000,
            ident=None,
            clear_untrusted_proxy_headers=settings.trusted_proxies == 0,  # the others are read by ProxyFix in the application
        )

    def _listen_for_content(self) -> list[socket.socket]:
        host = "localhost" if self.settings.host in ("127.0.0.1", "localhost", "::1") else self.settings.host
        return listen(host, self.settings.port + 1)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then finish what was begun (20 s at most)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        while not self._stopping.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=self._map, count=1)
        self._drain()

    def stop(self) -> None:
        """Ask the loop to end; safe from any thread and from a signal handler."""
        self._stopping.set()
        for item in list(self._map.values()):
            if hasattr(item, "pull_trigger"):
                item.pull_trigger()

    def _on_signal(self, *_: object) -> None:
        self.stop()

    def _drain(self) -> None:
        log.info("draining", connections=len(self._channels()))
        for item in [i for i in self._map.values() if hasattr(i, "accept_connections")]:
            item.accepting = False
            item.del_channel(self._map)
        for bound in self._portal_sockets + self._content_sockets:
            bound.close()
        end = time.monotonic() + DRAIN
        while self._busy() and time.monotonic() < end:
            wasyncore.loop(timeout=0.05, use_poll=True, map=self._map, count=1)
        self._dispatcher().shutdown(cancel_pending=True, timeout=2)

    def _channels(self) -> list[Any]:
        return [item for item in list(self._map.values()) if hasattr(item, "total_outbufs_len")]

    def _busy(self) -> bool:
        return any(c.requests or c.total_outbufs_len or c.request is not None for c in self._channels())

    def _dispatcher(self) -> Any:
        return cast(Any, self._server).task_dispatcher
