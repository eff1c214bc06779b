"""Locks between processes of one machine, in files: the system gives them back when a process ends, however it ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL = 0.1


@contextmanager
def held(path: Path, *, wait: float = 0.0) -> Iterator[bool]:
    """Hold the lock ``path`` for the block; false when somebody else had it for longer than ``wait`` seconds."""
    deadline = time.monotonic() + wait
    with path.open("ab") as file:
        mine = _taken(file.fileno())
        while not mine and time.monotonic() < deadline:
            time.sleep(POLL)
            mine = _taken(file.fileno())
        yield mine


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def store_lock(instance: Path) -> Path:
    """The lock of whoever copies uploads or removes some: never both at once."""
    return instance / "files.lock"
