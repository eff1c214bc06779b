"""Real processes on the database of the test: started, killed, started again."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel.db import db
from portal.kernel.jobs import Job
from portal.kernel.observe import Observation
from tests.support.browser import ROOT
from tests.support.net import free_ports
from tests.support.stages import KEY

HAND_OVER = """
import os, sys
given = [os.dup(int(number)) for number in sys.argv[1].split(",")]
kept = [os.dup2(number, 100 + place) for place, number in enumerate(given)]
for place, number in enumerate(kept):
    os.dup2(number, 3 + place)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Puts the listening sockets where systemd would, at 3 and 4, and becomes the program."""
FROM_PAGE = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}


class Program:
    """`portal serve` or `portal worker` in a process of its own."""

    def __init__(self, instance: Path, database: str) -> None:
        self.instance, self.port = instance, free_ports(2)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HEARTH_")},
            "HEARTH_INSTANCE": str(instance),
            "HEARTH_PORT": str(self.port),
            "HEARTH_DATABASE_URL": database,
            "HEARTH_SECRET_KEY": KEY,
            "HEARTH_SECOND_FACTOR": "optional",
            "HEARTH_LOG_LEVEL": "ERROR",
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, command: str = "serve", *, sockets: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        """Start and wait until it is ready; ``sockets`` are handed over as a service manager does."""
        arguments = [sys.executable, "-m", "tests.crash.program", command]
        environment = dict(self.environment)
        if sockets:
            environment["LISTEN_FDS"] = str(len(sockets))
            arguments = [sys.executable, "-c", HAND_OVER, ",".join(map(str, sockets)), *arguments]
        with (self.instance / "program.log").open("ab") as log:
            process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, pass_fds=sockets)
        self.running.append(process)
        assert process.stdout is not None
        assert b"Ctrl C ends it" in process.stdout.readline(), self.log
        process.stdout.close()
        return process

    @property
    def log(self) -> str:
        """What the processes complained about."""
        return (self.instance / "program.log").read_text(errors="replace")[-4000:]

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait(10)

    def connect(self) -> http.client.HTTPConnection:
        """A connection of a browser."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def visitor(self) -> "Sender":
        """A browser with the form open."""
        return Sender(self)


class Sender:
    """A browser that keeps its cookie and its form."""

    def __init__(self, program: Program) -> None:
        self.program = program
        connection = program.connect()
        connection.request("GET", "/crash/form")
        answer = connection.getresponse()
        page = answer.read().decode()
        self.cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
        self.token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
        connection.close()

    def post(self, path: str, *, key: str = "", **fields: object) -> int:
        """Send the form once on a connection of its own; the status."""
        connection = self.program.connect()
        try:
            body = urlencode({"csrf_token": self.token, "_key": key, **fields})
            connection.request("POST", path, body, {**FROM_PAGE, "Cookie": self.cookie})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


@pytest.fixture
def program(app: Flask, tmp_path: Path) -> Iterator[Program]:
    """The portal on the fresh database of this test; nothing of it is left running."""
    made = Program(tmp_path, app.extensions["settings"].database)
    yield made
    made.end()


@pytest.fixture
def noted(app: Flask) -> Callable[[str], Counter[int]]:
    """How often each number was noted under a kind."""

    def count(kind: str) -> Counter[int]:
        with app.app_context():
            found = Counter(db.session.scalars(sa.select(Observation.subject_id).where(Observation.kind == kind)))
            db.session.remove()
        return found

    return count


@pytest.fixture
def queued(app: Flask) -> Callable[[], int]:
    """How many jobs of the test wait or run."""

    def count() -> int:
        with app.app_context():
            number = db.session.scalar(sa.select(sa.func.count()).where(Job.name.in_(("kernel.react", "crash.count", "crash.long")))) or 0
            db.session.remove()
        return number

    return count


def until(condition: Callable[[], bool], wait: float = 30) -> None:
    """Wait in real time until it is so."""
    end = time.monotonic() + wait
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def asked_to_end(process: "subprocess.Popen[bytes]") -> float:
    """SIGTERM; how many seconds it took to end well."""
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    return time.monotonic() - begun
