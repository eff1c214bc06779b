"""What the inbox tells the rest of the portal."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class PreferencesChosen:
    """Somebody chose how they want to be told."""

    event: ClassVar[str] = "notifications.preferences.chosen"
    person_id: int


@dataclass(frozen=True)
class AddressDied:
    """Mail to somebody came back so often that what they are told stays in the portal."""

    event: ClassVar[str] = "notifications.address.died"
    person_id: int
    status: str


@dataclass(frozen=True)
class MailTriedAgain:
    """Mail goes out to an address again that had taken none."""

    event: ClassVar[str] = "notifications.address.tried_again"
    person_id: int
