"""Roles of the portal as processes of their own, which stand still at one point of the way of a mail.

They are forked from a process that has loaded the program already, because a dozen of them are started; each builds its own application and
is killed like any other. HEARTH_TEST_STOP is ``point:file``: whoever comes to the point first makes the file and waits there to be killed.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from portal.cli import main
from portal.kernel import jobs
from portal.kernel.incoming import imap, listener, store
from portal.kernel.outbound_imap import Folder

LOADED = [__name__, "portal.app", "portal.starting", "sqlalchemy.dialects.sqlite", "psycopg"]


def stop(point: str) -> None:
    """Stand still here, once."""
    where, _, file = os.environ.get("HEARTH_TEST_STOP", "").partition(":")
    if point and point == where and not Path(file).exists():
        Path(file).touch()
        time.sleep(600)


def pointed(function: Callable[..., Any], *, before: str = "", after: str = "") -> Callable[..., Any]:
    """A function with points before and after it."""

    def with_points(*args: Any, **kwargs: Any) -> Any:
        stop(before)
        result = function(*args, **kwargs)
        stop(after)
        return result

    return with_points


def around(owner: Any, name: str, **points: str) -> None:
    """Let a function of a module or class have points."""
    setattr(owner, name, pointed(getattr(owner, name), **points))


def live(arguments: list[str], environment: dict[str, str], log: str, words: Connection) -> None:
    """Be ``portal`` with these arguments."""
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    os.dup2(words.fileno(), 1)
    sys.argv = ["portal", *arguments]
    for name in [name for name in jobs._periodic if not name.startswith("kernel.incoming.")]:
        del jobs._periodic[name]  # a first start does the work of a whole night, which is another story
    around(listener, "keep", before="listener has it", after="listener kept it")
    around(store, "keep", after="before the commit")
    around(imap, "keep", before="fetcher has it", after="fetcher kept it")
    around(Folder, "put_away", after="fetcher put it away")
    around(store, "settle", after="inside the decision")
    kind = jobs._kinds["kernel.incoming.decide"]
    jobs._kinds[kind.name] = replace(kind, handler=pointed(kind.handler, after="it is decided"))
    main()


class Role:
    """One process; used like one of ``subprocess``."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        fork = multiprocessing.get_context("forkserver")
        fork.set_forkserver_preload(LOADED)
        self._words, theirs = fork.Pipe(duplex=False)
        self._process = fork.Process(target=live, args=(arguments, environment, str(log), theirs), daemon=True)
        self._process.start()
        theirs.close()

    def said(self) -> bytes:
        """What it says first; nothing when it ended before."""
        with open(self._words.fileno(), "rb", closefd=False) as words:
            return words.readline()

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    def send_signal(self, number: int) -> None:
        """Any other signal."""
        os.kill(self._process.pid or 0, signal.Signals(number))

    def wait(self, seconds: float) -> int | None:
        """Its exit status, once it ended."""
        self._process.join(seconds)
        if self._process.exitcode is not None:
            self._words.close()
        return self._process.exitcode
