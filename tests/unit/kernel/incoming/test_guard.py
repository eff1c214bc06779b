"""Reading under a time limit: a slow mail ends alone, from any thread, and leaves no process behind."""

import os
import threading
from pathlib import Path

import pytest

from portal.kernel.incoming.reading import TooSlow, guard, read, read_within

MAIL = b"From: Ana <ana@example.org>\nSubject: Bell\n\nThe bell is loose.\n"
LONG = b"Content-Type: text/html\n\n" + b"<p>x" * 150_000


@pytest.fixture
def helper():
    """A reader of its own, ended afterwards."""
    own = guard._Helper()
    yield own
    own.end()


def test_a_mail_is_read_beside_as_it_is_read_here() -> None:
    """The answer comes back whole."""
    assert read_within(MAIL) == read(MAIL)


def test_a_mail_that_takes_too_long_is_given_up_and_the_next_is_read(helper) -> None:
    """The process is ended and a new one takes its place; nothing of the old one is left."""
    assert helper.read(MAIL, 5.0).subject == "Bell"
    old = helper._process.pid
    with pytest.raises(TooSlow):
        helper.read(LONG, 0.01)
    assert not Path(f"/proc/{old}").exists()
    assert helper.read(MAIL, 5.0).subject == "Bell"


def test_a_process_that_died_is_replaced(helper) -> None:
    """Out of memory, or ended by an operator: the next mail gets a new one."""
    helper.read(MAIL, 5.0)
    helper._process.kill()
    helper._process.wait()
    assert helper.read(MAIL, 5.0).subject == "Bell"


def test_many_threads_get_their_own_answers(helper) -> None:
    """No answer goes to the wrong mail."""
    found: dict[int, str] = {}

    def ask(number: int) -> None:
        found[number] = helper.read(MAIL.replace(b"Bell", b"Bell %d" % number), 5.0).subject

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"Bell {number}" for number in range(20)}


def test_a_forked_process_has_a_reader_of_its_own() -> None:
    """It does not wait for the lock of a thread that it does not have."""
    read_within(MAIL)
    before = guard._helper
    child = os.fork()
    if child == 0:
        os._exit(0 if guard._helper is not before else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
