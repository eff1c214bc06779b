"""`portal serve`: waitress on sockets of ours, one for the portal and one for uploads, with a drain at the end.

Waitress drops running requests on SIGTERM; here the listening sockets go first and what was begun is answered.
Sockets may be inherited (LISTEN_FDS, as systemd hands them over), so a restart refuses nobody.
"""

import errno
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import structlog
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask

from portal.kernel import clock
from portal.kernel.security import fixed_headers
from portal.kernel.settings import Settings, SettingsError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DRAIN = 20.0
"""Seconds in which what was begun is finished."""
GREETING = 2.0
"""Seconds in which a new connection may say what it wants before a drain closes it."""
CONNECTIONS = 4000
FIRST_INHERITED = 3
log = structlog.get_logger(__name__)


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every loopback or local address ``host`` stands for; raises SettingsError when the port is taken."""
    found: list[socket.socket] = []
    try:
        for family, _, _, _, address in sorted(set(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))):
            if bound := _bound(family, address, optional=bool(found)):
                found.append(bound)
    except socket.gaierror as error:
        raise SettingsError(f"host is {host!r}, which is no address of this machine.") from error
    except OSError as error:
        for bound in found:
            bound.close()
        raise SettingsError(f"Port {port} on {host} cannot be used ({error.strerror}). Choose another one with --port.") from error
    return found


def _bound(family: socket.AddressFamily, address: Any, *, optional: bool) -> socket.socket | None:
    bound = None
    try:
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        bound.listen(1024)  # here and not later, so that a port in use is noticed before anything is promised
    except OSError as error:
        if bound is not None:
            bound.close()
        if optional and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return None  # a machine without IPv6 still resolves the name to it
        raise
    return bound


def inherited() -> list[socket.socket]:
    """Sockets handed over by the service manager, the portal's first; empty when there are none."""
    number, owner = os.environ.pop("LISTEN_FDS", "0"), os.environ.pop("LISTEN_PID", None)
    if owner not in (None, str(os.getpid())) or not number.isdigit():
        return []
    found = [socket.socket(fileno=FIRST_INHERITED + place) for place in range(int(number))]
    for given in found:
        given.set_inheritable(False)
    return found


def room_for_connections() -> None:
    """Allow this process as many open files as the machine permits; slow clients hold one each."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 1000 if hard == resource.RLIM_INFINITY else min(hard, CONNECTIONS + 1000)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def dispatcher(portal: "WSGIApplication", content: "WSGIApplication", content_ports: set[str]) -> "WSGIApplication":
    """One application for both listeners: the socket a request came in on decides, never its Host header."""

    def dispatch(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        app = content if environ["SERVER_PORT"] in content_ports else portal
        return app(environ, start_response)

    return dispatch


def _is_new(channel: Any, now: float) -> bool:
    """True for a visitor who has just been let in and has not spoken yet; closing the door now would look like a failure."""
    return bool(channel.last_activity == channel.creation_time and now - channel.creation_time < GREETING)


class _Refusal(ErrorTask):  # type: ignore[misc]  # waitress ships no types
    """What the server itself refuses, before any application: in words, and with the headers of every other answer."""

    def execute(self) -> None:
        error, settings = self.request.error, self.channel.server.portal_settings
        words = f"That is more than we can take in one go: the limit is {settings.upload_limit_mb} MB. Nothing was saved."
        body = f"{words if error.code == 413 else error.reason}\n".encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend([("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"), *fixed_headers(settings).items()])
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress ships no types
    error_task_class = _Refusal


class Server:
    """The listening sockets, their threads, and an orderly end."""

    def __init__(self, portal: "WSGIApplication", content: "WSGIApplication", settings: Settings) -> None:
        self.settings = settings
        room_for_connections()
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
            connection_limit=CONNECTIONS,
            asyncore_use_poll=True,
            channel_timeout=60,
            max_request_body_size=settings.upload_limit_mb * 1_000_000 + 2_000_000,
            ident=None,
            clear_untrusted_proxy_headers=settings.trusted_proxies == 0,  # the others are read by ProxyFix in the application
        )
        for listener in self._listeners():
            listener.channel_class, listener.portal_settings = _Channel, settings

    def _listen_for_content(self) -> list[socket.socket]:
        host = "localhost" if self.settings.host in ("127.0.0.1", "localhost", "::1") else self.settings.host
        try:
            return listen(host, self.settings.port + 1)
        except SettingsError:
            for bound in self._portal_sockets:
                bound.close()
            raise

    def run(self, *, ending: Callable[[], object] = lambda: None) -> None:
        """Serve until SIGTERM or SIGINT, then call ``ending`` and finish what was begun (20 s at most)."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._on_signal)
        while not self._stopping.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=self._map, count=1)
        ending()
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
        for listener in self._listeners():
            listener.accepting = False
            listener.del_channel(self._map)
        for bound in self._portal_sockets + self._content_sockets:
            bound.close()
        end = time.monotonic() + DRAIN
        while time.monotonic() < end:
            wasyncore.loop(timeout=0.05, use_poll=True, map=self._map, count=1)  # first take in what has arrived
            if not self._close_idle():
                break
        cast(Any, self._server).task_dispatcher.shutdown(cancel_pending=True, timeout=2)
        for channel in self._channels():
            channel.handle_close()

    def _listeners(self) -> list[Any]:
        return [item for item in list(self._map.values()) if hasattr(item, "accept_connections")]

    def _channels(self) -> list[Any]:
        return [item for item in list(self._map.values()) if hasattr(item, "total_outbufs_len")]

    def _close_idle(self) -> bool:
        """Close connections that only wait for another request; true while others are still being answered."""
        channels, now = self._channels(), clock.now().timestamp()
        busy = [c for c in channels if c.requests or c.total_outbufs_len or c.request is not None or _is_new(c, now)]
        for channel in channels:
            if channel not in busy:
                channel.handle_close()
        return bool(busy)
