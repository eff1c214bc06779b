"""The way out to the company's mail server; with ``outbound_imap`` the only modules that open connections to other machines."""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from portal.kernel import quarantine

TIMEOUT = 20.0
"""Seconds for each step of a conversation."""
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Delayed(Exception):
    """The mail server did not take it now; trying again later makes sense."""


class Rejected(Exception):
    """The mail server will never take this message for this address."""


class _Plain(smtplib.SMTP):
    """A client that remembers what the server said when it took a message, which the library forgets."""

    answer = ""

    def data(self, msg: Any) -> tuple[int, bytes]:
        code, text = super().data(msg)
        self.answer = text.decode("utf-8", "replace")[:500]
        return code, text


class _Secure(_Plain, smtplib.SMTP_SSL):
    """The same over an encrypted connection from the start."""


def is_loopback(host: str) -> bool:
    """True for this machine itself, to which a password may go unencrypted."""
    return host in _LOOPBACK


class Relay:
    """An open conversation with a mail server."""

    def __init__(self, client: _Plain) -> None:
        self._client = client

    def send(self, message: bytes, *, sender: str, recipient: str) -> str:
        """Hand over one message for one address; what the server said. Raises Rejected for a final no, Delayed for everything else.

        An empty ``sender`` is the null sender, to which nobody may answer.
        """
        try:
            self._client.sendmail(sender, [recipient], message)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = error.recipients[recipient]
            raise _refusal(code, text) from error
        except smtplib.SMTPDataError as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise Delayed(_words(error)) from error
        return self._client.answer


@contextmanager
def smtp(url: str, *, name: str = "localhost", timeout: float = TIMEOUT) -> Iterator[Relay]:
    """Connect to ``smtp://name:password@host:port`` or ``smtps://``; encrypted whenever the server offers it, certificates verified.

    ``name`` is how this machine introduces itself. Raises Delayed when the server cannot be reached, refuses the password, or would carry it unencrypted.
    """
    if quarantine.is_on():
        raise Delayed(quarantine.WORDS)
    try:
        client = _connected(url, name, timeout)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise Delayed(_words(error)) from error
    try:
        yield Relay(client)
    finally:
        _leave(client)


def _connected(url: str, name: str, timeout: float) -> _Plain:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    context = ssl.create_default_context()
    client: _Plain
    if parts.scheme == "smtps":
        client = _Secure(host, parts.port or 465, local_hostname=name, timeout=timeout, context=context)
    else:
        client = _Plain(host, parts.port or 25, local_hostname=name, timeout=timeout)
    try:
        _prepare(client, context, host, unquote(parts.username or ""), unquote(parts.password or ""))
    except BaseException:
        client.close()
        raise
    return client


def _prepare(client: smtplib.SMTP, context: ssl.SSLContext, host: str, name: str, password: str) -> None:
    client.ehlo()
    encrypted = isinstance(client.sock, ssl.SSLSocket)
    if not encrypted and client.has_extn("starttls"):
        client.starttls(context=context)
        client.ehlo()
        encrypted = True
    if name:
        if not encrypted and not is_loopback(host):
            raise ValueError("the mail server offers no encryption, so the password was not sent")
        client.login(name, password)


def _leave(client: smtplib.SMTP) -> None:
    try:
        client.quit()
    except (smtplib.SMTPException, OSError):
        client.close()


def _refusal(code: int, text: bytes | str) -> Delayed | Rejected:
    words = f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"[:500]
    return Rejected(words) if 500 <= code < 600 else Delayed(words)


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"[:500]
    if isinstance(error, (TimeoutError, socket.gaierror)):
        return "the mail server did not answer" if isinstance(error, TimeoutError) else "the mail server's name is not known"
    return f"{type(error).__name__}: {error}"[:500]
