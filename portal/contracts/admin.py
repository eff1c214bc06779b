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


@dataclass(frozen=True)
class MailTested:
    """A test mail was sent to see whether mail goes out."""

    event: ClassVar[str] = "admin.mail.tested"
    mail_id: int


@dataclass(frozen=True)
class CopyReleased:
    """A restored copy was released and works from now on; ``waiting_mail`` says what became of mail from before the backup."""

    event: ClassVar[str] = "admin.copy.released"
    backup_at: str
    waiting_mail: str


@dataclass(frozen=True)
class MailExported:
    """Somebody took the outbox as a file: which tab, and how many rows went out."""

    event: ClassVar[str] = "admin.mail.exported"
    shelf: str
    rows: int
    is_whole: bool
