"""The server: an orderly end, slow clients, two listeners, and bodies beyond all measure."""

import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.crash.conftest import Program, asked_to_end, until
from tests.support.databases import SQLITE
from tests.support.live import world_instance
from tests.support.stages import Stage

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def serving(stage_of: Callable[[str], Stage], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """One portal for all tests that do not end it."""
    instance = world_instance(tmp_path_factory.mktemp("serving") / "instance", stage_of(SQLITE).templates.database, "empty")
    program = Program(instance, f"sqlite:///{instance / 'portal.db'}")
    program.start()
    yield program
    program.end()


def get(port: int, path: str, host: str = "127.0.0.1", name: str | None = None) -> tuple[int, str, dict[str, str]]:
    """One answer on a connection of its own."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    connection.request("GET", path, headers={"Host": name} if name else {})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.headers)
    connection.close()
    return found


def test_what_was_begun_is_finished(program: Program, noted: Callable[[str], "Counter[int]"]) -> None:
    """A form in flight is answered and kept after SIGTERM, new visitors are refused, idle connections are closed at once."""
    program.start()
    idle = program.connect()
    idle.request("GET", "/livez")
    assert idle.getresponse().read() == b"alive\n"
    statuses: list[int] = []
    sender = program.visitor()
    slow = threading.Thread(target=lambda: statuses.append(sender.post("/crash/slow", seconds=2)))
    slow.start()
    time.sleep(0.7)
    seconds = threading.Thread(target=lambda: taken.append(asked_to_end(program.running[0])))
    taken: list[float] = []
    seconds.start()
    time.sleep(0.6)
    with pytest.raises(ConnectionRefusedError):
        program.connect().connect()
    assert idle.sock is not None
    idle.sock.settimeout(1)
    assert idle.sock.recv(10) == b""
    idle.close()
    slow.join(20)
    seconds.join(20)
    assert statuses == [303]
    assert noted("begun") == Counter({1: 1})
    assert 1 < taken[0] < 8


def test_without_work_the_end_comes_at_once(program: Program) -> None:
    """However many connections are open and silent."""
    program.start()
    with ExitStack() as stack:
        for _ in range(50):
            connection = program.connect()
            connection.request("GET", "/livez")
            connection.getresponse().read()
            stack.callback(connection.close)
        assert asked_to_end(program.running[0]) < 5


def test_a_restart_on_inherited_sockets_refuses_nobody(program: Program) -> None:
    """Three programs one after the other on the same two sockets; visitors come all the time and none fails."""
    with ExitStack() as stack:
        listening = [stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024)) for _ in range(2)]
        program.port = listening[0].getsockname()[1]
        given = tuple(one.fileno() for one in listening)
        running = program.start(sockets=given)
        stop, answers, failures = threading.Event(), Counter[int](), list[Exception]()

        def visit() -> None:
            while not stop.is_set():
                try:
                    answers[get(program.port, "/livez")[0]] += 1
                except (OSError, http.client.HTTPException) as error:
                    failures.append(error)

        visitors = [threading.Thread(target=visit) for _ in range(4)]
        for visitor in visitors:
            visitor.start()
        for _ in range(2):
            newer = program.start(sockets=given)
            asked_to_end(running)
            running = newer
        time.sleep(0.5)
        stop.set()
        for visitor in visitors:
            visitor.join(20)
    assert failures == []
    assert set(answers) == {200}
    assert answers[200] > 100


def test_slow_clients_do_not_stop_the_others(serving: Program) -> None:
    """Two hundred that say nothing, fifty in the middle of a header, fifty in the middle of a body."""
    starts = [b""] * 200 + [b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "] * 50
    starts += [b"POST /crash/pin HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nhalf"] * 50
    with ExitStack() as stack:
        for start in starts:
            client = stack.enter_context(socket.create_connection(("127.0.0.1", serving.port), timeout=10))
            client.sendall(start)
        times = []
        for _ in range(30):
            begun = time.monotonic()
            assert get(serving.port, "/livez")[0] == 200
            times.append(time.monotonic() - begun)
    assert sorted(times)[15] < 0.2
    assert max(times) < 2


def test_slow_pages_do_not_stop_health(serving: Program) -> None:
    """Seven of eight threads are busy; the eighth answers."""
    threads = [threading.Thread(target=get, args=(serving.port, "/crash/waiting?seconds=1.5")) for _ in range(7)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    begun = time.monotonic()
    assert get(serving.port, "/livez")[0] == 200
    assert time.monotonic() - begun < 1
    for thread in threads:
        thread.join(20)


def test_the_listener_decides_and_never_the_host(serving: Program) -> None:
    """Uploads have a listener of their own; asking one for the other's name leads nowhere else."""
    uploads = serving.port + 1
    assert get(serving.port, "/livez", name=f"localhost:{uploads}")[:2] == (200, "alive\n")
    for name in (None, f"127.0.0.1:{serving.port}", "evil.example"):
        status, text, headers = get(uploads, "/livez", name=name)
        assert (status, text) == (404, "There is nothing here.\n")
        assert "Set-Cookie" not in headers
        assert headers["Content-Security-Policy"].startswith("sandbox;")


def test_localhost_is_reached_however_it_is_spelled(serving: Program) -> None:
    """Browsers that prefer IPv6 find the uploads, too."""
    assert get(serving.port + 1, "/x")[0] == 404
    if _has_ipv6():
        assert get(serving.port + 1, "/x", host="::1")[0] == 404


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return any(info[0] == socket.AF_INET6 for info in socket.getaddrinfo("localhost", 1))


def test_a_body_beyond_all_measure_is_refused_at_once(serving: Program) -> None:
    """Before it is sent, in words, with the headers of every other answer; the connection ends."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as client:
        begun = time.monotonic()
        client.sendall(b"POST /crash/pin HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b"")).decode()
        assert time.monotonic() - begun < 1
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 413 ")
    assert "Content-Security-Policy: default-src 'none'" in head
    assert "X-Content-Type-Options: nosniff" in head
    assert "Server:" not in head
    assert body == "That is more than we can take in one go: the limit is 25 MB. Nothing was saved.\n"


def test_what_is_no_request_is_refused_quietly(serving: Program) -> None:
    """And says nothing about the program; the next visitor is served."""
    for line in (b"NONSENSE", b"GET / HTTP/9.9\r\nHost: a", b"GET / HTTP/1.1\r\nContent-Length: x", b"\x16\x03\x01\x02\x00\x01\x00"):
        with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as client:
            client.sendall(line + b"\r\n\r\n")
            answer = client.recv(65536)
            assert b"waitress" not in answer
            assert b"Traceback" not in answer
    until(lambda: get(serving.port, "/livez")[0] == 200)


def test_a_header_without_end_is_refused(serving: Program) -> None:
    """Long before memory matters."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        for _ in range(100):
            try:
                client.sendall(b"x" * 10_000)
            except (BrokenPipeError, ConnectionResetError):
                break
        client.settimeout(5)
        with suppress(ConnectionResetError):
            assert b" 431 Request Header Fields Too Large" in client.recv(100)
    assert get(serving.port, "/livez")[0] == 200
