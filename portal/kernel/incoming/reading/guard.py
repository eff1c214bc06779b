"""Reading under a time limit: in a process of its own that is ended when it takes too long, so that no mail can stop the others."""

import atexit
import os
import pickle
import select
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from portal.kernel.incoming.reading.values import Reading

START = 30.0
"""Seconds the other process has to come up; they do not count against the mail."""
_ROOT = Path(__file__).resolve().parents[4]
_LENGTH = struct.Struct("!Q")


class TooSlow(Exception):
    """A mail that could not be read in the time it is given."""


class _Helper:
    """One process that reads mails one after another; made when first needed and anew after it was ended."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, raw: bytes, seconds: float) -> Reading:
        with self._turn:
            try:
                process = self._ready()
                answer = _asked(process, raw, time.monotonic() + seconds)
            except (OSError, EOFError, TimeoutError):
                self.end()
                raise TooSlow from None
        return answer

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            command = [sys.executable, "-m", "portal.kernel.incoming.reading.helper"]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(_ROOT), os.environ.get("PYTHONPATH", "")))}
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "bufsize": 0}
            self._process = subprocess.Popen(command, env=environment, **pipes)  # noqa: S603  our own module, nothing from outside
            _taken(self._process, time.monotonic() + START)
        return self._process

    def end(self) -> None:
        """End the process, if there is one, and wait for it, so that nothing is left of it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(5)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def _asked(process: subprocess.Popen[bytes], raw: bytes, until: float) -> Reading:
    # The other side reads all of a mail before it begins to answer, so writing cannot wait for ever.
    pipe = process.stdin
    if pipe is None:
        raise EOFError
    left = memoryview(_LENGTH.pack(len(raw)) + raw)
    while left:
        _await(pipe.fileno(), select.POLLOUT, until)
        left = left[os.write(pipe.fileno(), left[: select.PIPE_BUF]) :]
    found = pickle.loads(_taken(process, until))  # noqa: S301  written by our own process of this very program
    if not isinstance(found, Reading):
        raise EOFError  # noqa: TRY004  the line broke
    return found


def _await(pipe: int, what: int, until: float) -> None:
    # poll, because select knows no file numbers above a thousand, which a busy server has.
    poll = select.poll()
    poll.register(pipe, what)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError


def _taken(process: subprocess.Popen[bytes], until: float) -> bytes:
    length = _LENGTH.unpack(_exactly(process, _LENGTH.size, until))[0]
    return _exactly(process, length, until)


def _exactly(process: subprocess.Popen[bytes], length: int, until: float) -> bytes:
    pipe, found = process.stdout, bytearray()
    if pipe is None:
        raise EOFError
    while len(found) < length:
        _await(pipe.fileno(), select.POLLIN, until)
        more = os.read(pipe.fileno(), min(1 << 20, length - len(found)))
        if not more:
            raise EOFError
        found += more
    return bytes(found)


_helper = _Helper()
atexit.register(_helper.end)


def _anew() -> None:
    global _helper  # noqa: PLW0603  a forked process has neither the other's child nor the threads that hold its lock
    _helper = _Helper()


os.register_at_fork(after_in_child=_anew)


def read_within(raw: bytes, seconds: float = 2.0) -> Reading:
    """Read a mail in at most ``seconds``; raises TooSlow. For any thread of any process."""
    return _helper.read(raw, seconds)
