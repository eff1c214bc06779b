"""Roles that take mail in, as an operator starts them, and what the doctor says about the ways in."""

import signal
import smtplib
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.flows.cli.conftest import Run, environment
from tests.support.net import free_ports

pytestmark = pytest.mark.real_clock
MAIL = "From: Mara <mara@marlow.example>\r\nSubject: Door\r\n\r\nIt does not close.\r\n"


def test_it_wants_to_know_where_to_listen(run: Run, company: Path) -> None:
    """One line that says what to write."""
    answer = run("receive-mail", instance=company)
    assert (answer.status, answer.line) == (2, "portal: mail_in_listen is empty; say where to listen, such as --listen 127.0.0.1:2525.")


@pytest.mark.parametrize("given", ["option", "setting"])
def test_an_address_in_use_is_named(run: Run, company: Path, given: str) -> None:
    """Whichever way it was given; nothing of the portal's own port is said."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        if given == "option":
            answer = run("receive-mail", "--listen", place, instance=company)
        else:
            answer = run("receive-mail", instance=company, HEARTH_MAIL_IN_LISTEN=place)
    assert (answer.status, answer.line) == (2, f"portal: mail_in_listen is '{place}', and that cannot be used: Address already in use.")


def test_the_doctor_names_ways_in_that_do_not_work(run: Run, company: Path) -> None:
    """With the way out and without the password; ways that are not in use are not mentioned."""
    box = "imaps://hearth%40marlow.example:canary@mail.marlow.example/INBOX"
    answer = run("doctor", instance=company, HEARTH_MAIL_IN_LISTEN="127.0.0.1:2525", HEARTH_MAIL_IN_IMAP=box)
    assert answer.status == 1
    assert "BROKEN  mail over SMTP: nobody has listened at 127.0.0.1:2525 yet: is `portal serve` or `portal receive-mail` running?" in answer.out
    assert "BROKEN  mail from the mailbox: INBOX of hearth@marlow.example at mail.marlow.example: not fetched yet: is a worker running?" in answer.out
    assert "canary" not in answer.out + answer.err
    quiet = run("doctor", instance=company)
    assert (quiet.status, "mail over SMTP" in quiet.out, "mailbox" in quiet.out) == (0, False, False)


@pytest.mark.parametrize("command", [["serve", "--port"], ["receive-mail"]])
def test_a_mail_that_was_acknowledged_is_there_after_the_end(company: Path, command: list[str]) -> None:
    """Inside the portal and as a role of its own; SIGTERM ends both in order."""
    place = f"127.0.0.1:{free_ports(1)}"
    arguments = [*command, str(free_ports(2))] if command[-1] == "--port" else [*command, "--listen", place]
    told = {"HEARTH_LOG_LEVEL": "ERROR", **({"HEARTH_MAIL_IN_LISTEN": place} if command[-1] == "--port" else {})}
    program = [sys.executable, "-m", "portal", "--instance", str(company), *arguments]
    with subprocess.Popen(program, env=environment(**told), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "Ctrl C ends it" in process.stdout.readline()
            client = smtplib.SMTP("127.0.0.1", int(place.rpartition(":")[2]), timeout=20)
            assert client.sendmail("mara@marlow.example", ["hearth@localhost"], MAIL) == {}
            process.send_signal(signal.SIGTERM)
            while (answer := client.noop()[0]) == 250:  # the signal is on its way
                time.sleep(0.5)
            assert answer == 421
            client.close()
            assert process.wait(30) == 0
        finally:
            process.kill()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    engine = sa.create_engine(f"sqlite:///{company / 'portal.db'}")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT via, size FROM incoming_mails")).all() == [("listener", len(MAIL))]
    engine.dispose()
