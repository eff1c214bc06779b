"""What administration tells the rest of the portal."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class JobRetried:
    """Work that was given up is to be tried again."""

    event: ClassVar[str] = "admin.job.retried"
    job_id: int
    name: str


@dataclass(frozen=True)
class JobDropped:
    """Work that was given up will not be done."""

    event: ClassVar[str] = "admin.job.dropped"
    job_id: int
    name: str


@dataclass(frozen=True)
class MailRetried:
    """A mail that was given up is to be sent again."""

    event: ClassVar[str] = "admin.mail.retried"
    mail_id: int
